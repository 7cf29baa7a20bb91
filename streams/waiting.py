"""How a role waits: pauses that grow, bounded patience with a service that is away, and an orderly
stop on SIGTERM. Knows no role."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from time import monotonic
from typing import NoReturn, TypeVar

from streams import exit_codes
from streams.store.contract import StoreAway

log = logging.getLogger(__name__)

T = TypeVar("T")


class RoleStopped(Exception):
    """A role cannot go on. The message is one sentence for a person, `exit_code` one of
    `streams.exit_codes`. What it held is in the store or will be done again."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Stopping(Exception):
    """A stop was asked for while waiting. The next process does what was not finished."""


class Pause:
    """Pauses that double from `first_s` to `longest_s` until there is work again. A stop ends
    them."""

    def __init__(
        self, stop: threading.Event, first_s: float = 0.001, longest_s: float = 0.02
    ) -> None:
        self._stop = stop
        self._first_s = self._next_s = first_s
        self._longest_s = longest_s

    def wait(self) -> None:
        self._stop.wait(self._next_s)
        self._next_s = min(self._longest_s, self._next_s * 2)

    def wait_or_stop(self) -> None:
        """Waits, and raises Stopping when a stop was asked for."""
        self.wait()
        if self._stop.is_set():
            raise Stopping

    def reset(self) -> None:
        self._next_s = self._first_s


class Patience:
    """Retries a call while the store is away, for at most `patience_s`."""

    def __init__(
        self,
        stop: threading.Event,
        patience_s: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._stop = stop
        self._patience_s = patience_s
        self._clock = clock

    def call(self, ask: Callable[[], T]) -> T:
        """Calls `ask` until the store answers. Raises RoleStopped when the store stayed away,
        Stopping when a stop was asked for."""
        deadline = self._clock() + self._patience_s
        pause = self.pause()
        while True:
            try:
                return ask()
            except StoreAway as error:
                if self._stop.is_set():
                    raise Stopping from error
                if self._clock() >= deadline:
                    raise RoleStopped(
                        exit_codes.AWAY,
                        f"the store stayed away for {self._patience_s:.0f} s: {error}",
                    ) from error
                log.warning("store_away error=%s", error)
            pause.wait()

    def pause(self) -> Pause:
        return Pause(self._stop, first_s=0.05, longest_s=1.0)


def end_process(code: int, sentence: str, error: BaseException | None = None) -> NoReturn:
    """Ends the process at once, from any thread: what the process holds is in the store or not
    done, and an orderly crash of a framework may hang."""
    log.critical("%s exit_code=%d", sentence, code, exc_info=error)
    logging.shutdown()
    os._exit(code)


def stop_on_signals() -> threading.Event:
    """Returns an event that SIGTERM and SIGINT set. To be called from the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
