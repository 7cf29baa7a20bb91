"""How a command that works with files ends early: orderly, so that nothing of it is left behind."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

KILLED = 128 + signal.SIGTERM


@contextmanager
def tidy_when_killed() -> Iterator[None]:
    """Within it a SIGTERM leaves all `with` blocks, which remove what is half-written, and ends the
    process with the code that shells give to it. Only the main thread can wait for signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(KILLED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
