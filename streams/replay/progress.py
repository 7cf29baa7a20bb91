"""How far a long command is: one line on standard error, written over, once in a while."""

from __future__ import annotations

import sys
from time import monotonic

EVERY_S = 1.0


class Progress:
    """`what` is the unit. Silent when the work is over before the first line is due; a file or a
    pipe gets lines instead of one that changes."""

    def __init__(self, verb: str, what: str, total: int) -> None:
        self._verb = verb
        self._what = what
        self._total = total
        self._done = 0
        self._start_s = monotonic()
        self._due_s = self._start_s + EVERY_S
        self._shown = False

    def advance(self, n: int) -> None:
        self._done += n
        now_s = monotonic()
        if now_s >= self._due_s:
            self._show(now_s)

    def close(self) -> None:
        """After the last advance; the line stays."""
        if self._shown and sys.stderr.isatty():
            sys.stderr.write("\n")

    def line(self, now_s: float) -> str:
        elapsed_s = max(now_s - self._start_s, 1e-9)
        rate = self._done / elapsed_s
        left = max(0, self._total - self._done)
        eta = f", {left / rate:,.0f} s left" if rate else ""
        return f"{self._verb} {self._done:,} of {self._total:,} {self._what}, {rate:,.0f}/s{eta}"

    def _show(self, now_s: float) -> None:
        # Slower where it piles up: a log of a thousand lines helps nobody.
        is_terminal = sys.stderr.isatty()
        self._due_s = now_s + (EVERY_S if is_terminal else 10 * EVERY_S)
        start, end = ("\r\x1b[K", "") if is_terminal else ("", "\n")
        sys.stderr.write(f"{start}{self.line(now_s)}{end}")
        sys.stderr.flush()
        self._shown = True
