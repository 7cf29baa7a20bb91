"""The demo's main job, end to end: real processes, live events, and a verdict that must be ok."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scoring.artifact import load_manifest, load_rendering
from streams.cli.artifacts import SHIPPED_FOR, find_artifact
from tests.support.brokers import N_PARTITIONS
from tests.support.commands import descendants
from tests.support.engines.stub_artifact import build_stub_artifact
from training.simulator.business import business_names

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 25.0
"""The promise is 10 s for the roles; the last drain and the oracle come before."""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Its own temporary folder, to see what is left there."""
    build_stub_artifact(tmp_path / "artifacts" / "demo")
    (tmp_path / "tmp").mkdir()
    return os.environ | {
        "ASLLR_ARTIFACTS": str(tmp_path / "artifacts"),
        "TMPDIR": str(tmp_path / "tmp"),
    }


@contextmanager
def demo(environ: dict[str, str], *options: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "asllr.py", "demo", "--leads", "15", *options],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr
    seen = []
    for line in process.stderr:
        seen.append(line)
        if text in line:
            return
    pytest.fail(f"{text!r} was never said:\n{''.join(seen)}")


def test_every_business_that_is_simulated_has_an_artifact_that_speaks_its_domain() -> None:
    assert set(SHIPPED_FOR) == set(business_names())
    for domain, name in SHIPPED_FOR.items():
        folder = find_artifact(name, None)
        assert load_rendering(folder, load_manifest(folder)).domain.name == domain


@pytest.mark.parametrize(("domain", "for_s"), [("auto", "15s"), ("software", "10s")])
def test_demo_with_the_shipped_model_ends_with_a_summary_whose_oracle_is_ok(
    environ: dict[str, str], domain: str, for_s: str
) -> None:
    shipped = {name: text for name, text in environ.items() if name != "ASLLR_ARTIFACTS"}
    with demo(shipped, "--domain", domain, "--for", for_s, "--json") as process:
        stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    summary = json.loads(stdout.splitlines()[-1])
    assert summary["oracle"] == "ok"
    assert summary["events"] > 100
    assert summary["scores"] > 15
    assert 0 < summary["faithful_reasons"] <= summary["scores"]
    assert summary["rank_updates"] > 15
    assert summary["dead_letters"] == 0
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]
    assert os.listdir(environ["TMPDIR"]) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_told_to_stop_leaves_no_process_and_no_file(
    environ: dict[str, str], number: int
) -> None:
    with demo(environ) as process:
        wait_for_line(process, "the first lead is ranked")
        below = descendants(process.pid)
        assert len(below) >= 4, "three roles and Redis"
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "oracle" in stdout
    assert alive(below) == set()
    assert os.listdir(environ["TMPDIR"]) == []


def test_demo_stopped_early_says_only_what_happened(environ: dict[str, str]) -> None:
    with demo(environ) as process:
        wait_for_line(process, "role processes started")
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "ingest has joined" not in stderr
    assert "the first lead is ranked" not in stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_killed_demo_leaves_no_process(environ: dict[str, str]) -> None:
    with demo(environ) as process:
        wait_for_line(process, "role processes started")
        below = descendants(process.pid)
        process.kill()
        process.wait()
        deadline = time.monotonic() + STOP_S
        while alive(below) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert alive(below) == set()


def test_demo_whose_redis_is_away_does_not_say_that_it_is_up(environ: dict[str, str]) -> None:
    with demo(environ, "--redis", "redis://127.0.0.1:1/0") as process:
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "up" not in stderr.split()


def test_demo_without_its_artifact_says_so_at_once(environ: dict[str, str], tmp_path: Path) -> None:
    with demo(environ | {"ASLLR_ARTIFACTS": str(tmp_path / "tmp")}) as process:
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 78
    assert "no artifact" in stderr
    assert "Traceback" not in stderr


@pytest.mark.kafka
def test_demo_on_given_brokers_is_judged_by_what_they_hold(
    environ: dict[str, str], kafka: str, redis_url: str, tmp_path: Path
) -> None:
    given = {"ASLLR_PARTITIONS": str(N_PARTITIONS), "ASLLR_GROUP": tmp_path.name}
    options = ("--broker", kafka, "--redis", redis_url, "--for", "5s", "--json")
    with demo(environ | given, *options) as process:
        stdout, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["oracle"] == "ok"
