"""The harness itself: who was woken does not stay stopped, who was just started ends in order."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from streams.exit_codes import OK
from tests.support.brokers import wait_until
from tests.support.harness import Fleet, _is_stopped
from tests.support.role_process import RoleSpec

WAITING = RoleSpec("score", "score-0", "127.0.0.1:1", "redis://127.0.0.1:1/0", 4)
"""Waits for its store: nothing listens there."""


@pytest.mark.slow
def test_one_that_stops_after_it_was_woken_is_woken_again(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        fleet.start(WAITING)
        process = fleet._children["score-0"].process
        fleet.wake("score-0")
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: _is_stopped(process.pid), "stopped")
        fleet.tend_until(lambda: not _is_stopped(process.pid), "running again", 10)
        fleet.signal("score-0", signal.SIGSTOP)
        wait_until(lambda: _is_stopped(process.pid), "stopped on purpose")
        fleet.tend()
        assert _is_stopped(process.pid)


@pytest.mark.slow
def test_one_that_was_just_started_ends_in_order(tmp_path: Path) -> None:
    with Fleet(tmp_path) as fleet:
        fleet.start(WAITING)
        assert fleet.stop("score-0") == OK
