"""Shows how far a long command is: one line on standard error, written over, once in a while."""

from __future__ import annotations

import sys
from time import monotonic

from scoring.report.progress import Pace, spoken

EVERY_S = 1.0


class TerminalProgress:
    """A progress line on standard error. `what` is the unit. Silent when the work is over before
    the first line is due; a file or a pipe gets lines instead of one that changes."""

    def __init__(self, verb: str, what: str, total: int) -> None:
        self._verb = verb
        self._what = what
        self._total = total
        self._done = 0
        self._pace = Pace(monotonic, EVERY_S)
        self._shown = False

    def advance(self, n: int) -> None:
        self._done += n
        is_over = self._shown and self._done >= self._total
        if self._pace.is_due(at_end=is_over):
            self._show()
        if is_over:
            self.close()

    def close(self) -> None:
        """Ends the line, which stays on the screen. Needed where the work may end before the total
        is reached."""
        if self._shown and sys.stderr.isatty():
            sys.stderr.write("\n")
        self._shown = False

    def line(self) -> str:
        rate = self._done / self._pace.spent_s
        left_s = self._pace.left_s(self._done, self._total)
        eta = f", {spoken(left_s)} left" if self._done else ""
        return f"{self._verb} {self._done:,} of {self._total:,} {self._what}, {rate:,.0f}/s{eta}"

    def _show(self) -> None:
        # Slower where it piles up: a log of a thousand lines helps nobody.
        is_terminal = sys.stderr.isatty()
        self._pace.every_s = EVERY_S if is_terminal else 10 * EVERY_S
        start, end = ("\r\x1b[K", "") if is_terminal else ("", "\n")
        sys.stderr.write(f"{start}{self.line()}{end}")
        sys.stderr.flush()
        self._shown = True
