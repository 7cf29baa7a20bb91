"""The supervisor keeps its roles running and leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.local.supervisor import MAX_BACK_OFF_S, RoleFailed, RoleProcess, Supervisor

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SLEEPS = "import time; time.sleep(600)"
IGNORES_SIGTERM = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
HAS_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def role(name: str, program: str) -> RoleProcess:
    return RoleProcess(name, (sys.executable, "-c", program))


def until(is_true: Callable[[], bool], what: str, deadline_s: float = 20.0) -> None:
    end = time.monotonic() + deadline_s
    while not is_true():
        assert time.monotonic() < end, f"not {what} within {deadline_s:.0f} s"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """A zombie is dead: its parent has just not asked yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_crashed_role_comes_back(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(role("sleeper", SLEEPS))
        first = supervisor.pids()["sleeper"]
        os.kill(first, signal.SIGKILL)

        def is_back() -> bool:
            supervisor.poll()
            return supervisor.pids().get("sleeper", first) != first

        until(is_back, "restarted")
        assert supervisor.restarts == 1


def test_restarts_back_off(tmp_path: Path) -> None:
    """A role that dies at once is started again ever more slowly, by the given clock."""
    now_s = 0.0
    with Supervisor(tmp_path, clock=lambda: now_s) as supervisor:
        supervisor.start(role("crasher", "raise SystemExit(70)"))
        waits = []
        for n in range(1, 8):
            until(lambda: not supervisor.pids(), "dead")
            supervisor.poll()
            began_s = now_s
            while supervisor.restarts < n:
                now_s += 0.1
                supervisor.poll()
            waits.append(now_s - began_s)
        assert waits == sorted(waits)
        assert waits[-1] == pytest.approx(MAX_BACK_OFF_S, abs=0.2)
        now_s += 100


@pytest.mark.parametrize("code", [2, 78])
def test_role_that_cannot_be_mended_stops_the_supervisor_with_its_last_words(
    tmp_path: Path, code: int
) -> None:
    program = f"print('starting'); print('topic is missing'); raise SystemExit({code})"
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(role("hopeless", program))
        until(lambda: not supervisor.pids(), "dead")
        with pytest.raises(RoleFailed, match=r"topic is missing$") as caught:
            supervisor.poll()
        assert caught.value.code == code
        assert "starting" not in str(caught.value)


def test_leaving_the_block_ends_every_role(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        for n in range(3):
            supervisor.start(role(f"sleeper-{n}", SLEEPS))
        pids = list(supervisor.pids().values())
    assert len(pids) == 3
    assert not any(map(is_alive, pids))


def test_what_a_role_started_ends_with_it(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(role("parent", HAS_A_CHILD))
        until(lambda: bool(supervisor.log_tail("parent")), "started")
        grandchild = int(supervisor.log_tail("parent"))
        assert is_alive(grandchild)
    until(lambda: not is_alive(grandchild), "ended")


def test_role_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    with Supervisor(tmp_path, stop_within_s=0.2) as supervisor:
        supervisor.start(role("deaf", IGNORES_SIGTERM))
        until(lambda: supervisor.log_tail("deaf") == "deaf", "deaf")
        pid = supervisor.pids()["deaf"]
    assert not is_alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_killed_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    program = f"""
import sys, time
from pathlib import Path
from streams.local.supervisor import RoleProcess, Supervisor
supervisor = Supervisor(Path({str(tmp_path)!r}))
supervisor.start(RoleProcess("sleeper", (sys.executable, "-c", {SLEEPS!r})))
print(supervisor.pids()["sleeper"], flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    until(lambda: not is_alive(pid), "ended by the kernel")
