"""The harness itself: a process that was woken does not stay stopped."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.brokers import wait_until
from tests.support.harness import Fleet, _is_stopped
from tests.support.role_process import RoleSpec


@pytest.mark.slow
def test_one_that_stops_after_it_was_woken_is_woken_again(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        # Nothing listens there: it waits for its store.
        fleet.start(RoleSpec("score", "score-0", "127.0.0.1:1", "redis://127.0.0.1:1/0", 4))
        process = fleet._children["score-0"].process
        fleet.wake("score-0")
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: _is_stopped(process.pid), "stopped")
        fleet.tend_until(lambda: not _is_stopped(process.pid), "running again", 10)
        fleet.signal("score-0", signal.SIGSTOP)
        wait_until(lambda: _is_stopped(process.pid), "stopped on purpose")
        fleet.tend()
        assert _is_stopped(process.pid)
