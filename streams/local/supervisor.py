"""Runs a set of role processes: starts them, restarts the ones that crash, ends them all.

It knows command lines and exit codes, not what a role does. `asllr demo` and `asllr run` use it;
in production the orchestrator takes its place.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from streams import exit_codes

log = logging.getLogger(__name__)

STOP_WITHIN_S = 10.0
"""Seconds in which every role promises to end after SIGTERM; then it gets SIGKILL."""

FIRST_BACK_OFF_S = 0.2
MAX_BACK_OFF_S = 5.0
HEALTHY_AFTER_S = 10.0
"""A process that lived this long starts its back-off anew when it crashes."""

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class RoleProcess:
    """A process to keep alive. `env` is all of its environment, None means ours. `final_codes`:
    exit codes that restarting cannot mend; they stop the supervisor."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    final_codes: frozenset[int] = exit_codes.FINAL


class RoleFailed(Exception):
    """A role ended in a way that a restart does not mend. `last_line` is the last line of its
    log."""

    def __init__(self, name: str, code: int, last_line: str) -> None:
        super().__init__(f"{name} stopped with exit code {code}: {last_line or 'no message'}")
        self.code = code


@dataclass(slots=True)
class _Child:
    role: RoleProcess
    process: subprocess.Popen[bytes]
    started: float
    back_off_s: float = FIRST_BACK_OFF_S
    restart_at: float | None = None
    restarts: int = 0


class Supervisor:
    """Owns its children: leaving the `with` block ends every one of them, and so does the death of
    this process (Linux). Single-threaded: the caller's loop calls `poll`."""

    def __init__(
        self,
        log_dir: Path,
        clock: Callable[[], float] = time.monotonic,
        stop_within_s: float = STOP_WITHIN_S,
    ) -> None:
        self._log_dir = log_dir
        self._stop_within_s = stop_within_s
        self._clock = clock
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, role: RoleProcess) -> None:
        self._children.append(_Child(role, self._spawn(role), self._clock()))

    @property
    def restarts(self) -> int:
        return sum(child.restarts for child in self._children)

    def pids(self) -> dict[str, int]:
        """Role name -> process id of those running now."""
        return {
            child.role.name: child.process.pid
            for child in self._children
            if child.restart_at is None and child.process.poll() is None
        }

    def poll(self) -> None:
        """Restarts what crashed and whose back-off is over. Never blocks. Raises RoleFailed."""
        for child in self._children:
            if child.restart_at is not None:
                if self._clock() >= child.restart_at:
                    self._restart(child)
                continue
            code = child.process.poll()
            if code is not None:
                self._note_exit(child, code)

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to groups that outlive `stop_within_s`. Idempotent."""
        for child in self._children:
            _signal_group(child.process, signal.SIGTERM)
        deadline = self._clock() + self._stop_within_s
        for child in self._children:
            try:
                child.process.wait(max(0.0, deadline - self._clock()))
            except subprocess.TimeoutExpired:
                log.warning(
                    "role_killed name=%s after_s=%.1f", child.role.name, self._stop_within_s
                )
            # Also sweeps up what a dead role left in its process group.
            _signal_group(child.process, signal.SIGKILL)
            child.process.wait()
        self._children.clear()

    def log_tail(self, name: str, lines: int = 5) -> str:
        """The last lines a role wrote, newest last."""
        path = self._log_path(name)
        if not path.exists():
            return ""
        text = path.read_bytes()[-8_192:].decode(errors="replace")
        return "\n".join(text.strip().splitlines()[-lines:])

    def _note_exit(self, child: _Child, code: int) -> None:
        if code in child.role.final_codes:
            raise RoleFailed(child.role.name, code, self.log_tail(child.role.name, 1))
        lived_s = self._clock() - child.started
        if lived_s >= HEALTHY_AFTER_S:
            child.back_off_s = FIRST_BACK_OFF_S
        child.restart_at = self._clock() + child.back_off_s
        log.warning(
            "role_exited name=%s code=%d lived_s=%.1f restart_in_s=%.1f",
            child.role.name,
            code,
            lived_s,
            child.back_off_s,
        )
        child.back_off_s = min(MAX_BACK_OFF_S, child.back_off_s * 2)

    def _restart(self, child: _Child) -> None:
        _signal_group(child.process, signal.SIGKILL)
        child.process = self._spawn(child.role)
        child.started = self._clock()
        child.restart_at = None
        child.restarts += 1

    def _spawn(self, role: RoleProcess) -> subprocess.Popen[bytes]:
        with self._log_path(role.name).open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - our own command lines
                role.argv,
                env=role.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def _log_path(self, name: str) -> Path:
        return self._log_dir / f"{name}.log"


def _signal_group(process: subprocess.Popen[bytes], signal_number: int) -> None:
    """Signals a role and its children. A role leads its own group (start_new_session), so the group
    outlives it by its children."""
    with suppress(ProcessLookupError):  # ended, and so did all it started
        os.killpg(process.pid, signal_number)


def die_with_parent() -> None:
    """Runs in the child: the kernel ends it when the thread that started it dies, even by
    SIGKILL, so no orphan is left. Linux only; elsewhere it does nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
