"""`asllr fit` from end to end: the frozen base, then an adapter; stopped, continued, refused."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from accelerate import Accelerator
from click.testing import CliRunner, Result

from asllr import main
from scoring.artifact import digest, load_manifest
from scoring.engines.loading import load_scorer
from tests.support.full_disk import files_of_at_most
from tests.training.adapter.fits import adapter_request, frozen_fit, quietly
from tests.training.fit.processes import PATIENCE_S, process_of
from tests.training.model.tiny import (
    SETTINGS,
    TOKEN_BUDGET,
    examples,
    relabelled,
    save_base,
    save_dataset,
)
from training.adapter.fit import adapter_of, held_out_rows
from training.adapter.loop import FittedAdapter
from training.dataset.manifest import Split
from training.fit.dataset import CHECKPOINT
from training.whole_file import CannotWrite

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(1_500)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "qwen3", "qwen3")


def arguments(dataset: Path, base: Path, out: Path, *more: str) -> list[str]:
    settings = {
        "--base": base,
        "--out": out,
        "--token-budget": TOKEN_BUDGET,
        "--rank": SETTINGS.rank,
        "--batch-tokens": SETTINGS.batch_tokens,
        "--adapter-rate": SETTINGS.adapter_rate,
        "--checks-per-epoch": SETTINGS.checks_per_epoch,
        "--precision": SETTINGS.precision.value,
        "--trials": 2,
        "--min-positives": 20,
        "--threads": 1,
    }
    named = [str(part) for pair in settings.items() for part in pair]
    return ["fit", str(dataset), *named, *more]


def run(*told: Any) -> Result:
    return CliRunner().invoke(main, arguments(*told))


def test_what_was_tried_is_said_and_the_artifact_serves(
    dataset: Path, base: Path, tmp_path: Path
) -> None:
    done = run(dataset, base, tmp_path / "lm", "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    tried = report["adapter"]
    assert len(tried["checks"]) == 1 + SETTINGS.checks_per_epoch
    assert tried["sentence"] in done.stderr
    assert tried["kept"] == tried["sentence"].endswith("; kept")
    manifest, scorer = load_manifest(tmp_path / "lm"), load_scorer(tmp_path / "lm")
    assert manifest.metrics["adapter_is_kept"] == tried["kept"]
    assert manifest.metrics["adapter_auc_gain_low"] == tried["gain"]["low"]
    assert scorer.horizon_days == manifest.horizon_days
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lm", "lm.states"]


def test_a_killed_run_continues_to_the_same_bits(dataset: Path, base: Path, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed" / "lm", tmp_path / "whole" / "lm"
    more = ("--n-epochs", "3", "--states", str(tmp_path / "states"))
    command = [sys.executable, "-m", "asllr", *arguments(dataset, base, killed, *more)]
    checkpoint = killed.with_name("lm.work") / CHECKPOINT
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not checkpoint.exists():
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < deadline, "no checkpoint"
                time.sleep(0.005)
        finally:
            process.send_signal(signal.SIGKILL)
    assert not killed.exists()
    continued = run(dataset, base, killed, *more)
    assert continued.exit_code == 0, continued.stderr
    assert "continues after step" in continued.stderr
    assert not checkpoint.parent.exists()
    uninterrupted = run(dataset, base, whole, *more)
    assert uninterrupted.exit_code == 0, uninterrupted.stderr
    assert digest(killed) == digest(whole)


class Stop(Exception):
    """Pulls the plug."""


def test_a_stopped_fit_of_an_adapter_continues_to_the_same_bits(
    dataset: Path, base: Path, tmp_path: Path
) -> None:
    frozen = frozen_fit(dataset, base, tmp_path)
    rows = held_out_rows(frozen.examples)

    def fitted(place: Path, stop_at: int) -> FittedAdapter:
        request = adapter_request(dataset, base, tmp_path / place)
        settings = replace(request.settings, checks_per_epoch=4, head_rate=1e-3)
        n_checks = 0

        def say(line: str) -> None:
            nonlocal n_checks
            n_checks += "check at step" in line
            if n_checks == stop_at:
                raise Stop

        return adapter_of(frozen, replace(request, settings=settings), rows, Accelerator(), say)

    with pytest.raises(Stop):
        fitted(Path("stopped"), 3)
    continued, whole = fitted(Path("stopped"), 99), fitted(Path("whole"), 99)
    assert continued.checks.steps == whole.checks.steps
    assert len(whole.checks.steps) > 3
    assert np.array_equal(continued.checks.logits, whole.checks.logits)
    assert continued.adapter.digest == whole.adapter.digest
    assert np.array_equal(continued.head.weight, whole.head.weight)
    assert len(set(map(tuple, whole.checks.logits))) == len(whole.checks.steps)


def test_the_adapter_learns_and_the_loss_of_yes_and_no_can_be_asked(
    dataset: Path, base: Path, tmp_path: Path
) -> None:
    frozen = frozen_fit(dataset, base, tmp_path)
    request = adapter_request(dataset, base, tmp_path)
    asked = replace(request.settings, qa_weight=0.5, pair_weight=1.0, adapter_rate=0.02, n_epochs=3)
    fitted = adapter_of(
        frozen,
        replace(request, settings=asked, work=tmp_path / "qa"),
        held_out_rows(frozen.examples),
        Accelerator(),
        quietly,
    )
    began, ended = fitted.checks.logits[0], fitted.checks.logits[-1]
    assert np.abs(began - ended).max() > 0.05
    assert all(bool(tensor.isfinite().all()) for tensor in fitted.adapter.tensors.values())


def test_two_processes_learn_what_one_learns_in_two_parts(
    dataset: Path, base: Path, tmp_path: Path
) -> None:
    """The same batches in the same steps: equal up to the order of a sum. One reads all leads, and
    the other what that one kept."""
    more = ("--dropout", "0", "--n-epochs", "2")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "asllr", *arguments(dataset, base, tmp_path / "two", *more)]
    processes = [
        subprocess.Popen([*command, "--json"], env=process_of(rank, port), stdout=-1, stderr=-1)
        for rank in range(2)
    ]
    said = [process.communicate(timeout=PATIENCE_S) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert said[1][0] == b""
    states = ("--states", str(tmp_path / "two.states"))
    one = run(dataset, base, tmp_path / "one", *more, *states, "--accumulation", "2", "--json")
    assert one.exit_code == 0, one.stderr
    losses = [
        [check["loss"] for check in json.loads(text.splitlines()[-1])["adapter"]["checks"]]
        for text in (said[0][0].decode(), one.stdout)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert losses[0][0] != losses[0][-1]


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        (["--adapter-rate", "1e6"], 78, "diverged; try a lower --adapter-rate (it is 1e+06)"),
        (["--rank", "0"], 2, "0 is not in the range"),
        (["--heights", "0,1"], 78, "expected finite numbers that never fall"),
        (["--held-out", __file__], 2, "--held-out is read with --start last-layer only"),
        (["--serve", "pair"], 2, "--serve pair needs the pair-wise loss"),
        (["--start", "last-layer", "--frozen"], 2, "leave one of the two out"),
        (["--start", "last-layer"], 2, "--start last-layer does not read --trials: leave it out"),
        (["--frozen"], 2, "--frozen, which trains nothing, does not read --adapter-rate, --batch-"),
        (["--processes", "2"], 2, "from the frozen base does not read --processes"),
        (["--ctr-weight", "0"], 2, "are all 0: nothing would be learned"),
        (["--base", "/nowhere"], 78, "is neither a folder nor an id in reach"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_no_artifact(
    dataset: Path, base: Path, tmp_path: Path, more: list[str], code: int, sentence: str
) -> None:
    refused = run(dataset, base, tmp_path / "lm", *more)
    assert refused.exit_code == code, refused.stderr
    assert sentence in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr
    assert [file.name for file in tmp_path.iterdir()] in ([], ["lm.states"])


def test_without_leads_to_judge_by_nothing_is_tried(base: Path, tmp_path: Path) -> None:
    rows = relabelled(examples(), Split.CALIBRATE, 0)
    few = save_dataset(tmp_path / "few", rows)
    done = run(few, base, tmp_path / "lm", "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert "LoRA was not tried: split calibrate has 0 leads" in report["adapter"]["sentence"]
    assert "adapter_is_kept" not in load_manifest(tmp_path / "lm").metrics


def test_a_full_disk_at_a_checkpoint_is_one_sentence(
    dataset: Path, base: Path, tmp_path: Path
) -> None:
    frozen = frozen_fit(dataset, base, tmp_path)
    request = adapter_request(dataset, base, tmp_path)
    rows = held_out_rows(frozen.examples)
    with files_of_at_most(4_096), pytest.raises(CannotWrite, match="make room"):
        adapter_of(frozen, request, rows, Accelerator(), quietly)
    assert not request.work.exists()
