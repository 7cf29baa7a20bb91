"""`asllr fit` from end to end: killed and continued, on two processes, reloaded, and scored."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from click.testing import CliRunner, Result
from safetensors.numpy import load_file, save_file

from asllr import main
from scoring.artifact import ArtifactError, EngineKind, HeadKind, digest, load_manifest
from scoring.calibration import Calibration, probability
from scoring.engine import EngineInput
from scoring.engines.loading import load_language_model, load_scorer
from scoring.engines.reading import load_reader
from scoring.engines.torch import HEADS
from scoring.metrics.metrics import auc, expected_precision_at
from tests.training.fit.processes import PATIENCE_S, process_of
from tests.training.model.tiny import (
    SETTINGS,
    TOKEN_BUDGET,
    examples,
    read_dataset,
    sampled,
    save_base,
    save_dataset,
    spec,
)
from training.dataset.folder import EXAMPLES
from training.dataset.manifest import Split
from training.fit.dataset import CHECKPOINT

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(1_500)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="module", params=["qwen2", "qwen3"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / request.param, request.param)


@pytest.fixture(scope="module")
def qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "qwen2")


@pytest.fixture(scope="module")
def fitted(dataset: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fitted") / "artifact"
    done = _run(_arguments(dataset, base, out))
    assert done.exit_code == 0, done.stderr
    return out


def _arguments(dataset: Path, base: Path, out: Path, *more: str) -> list[str]:
    settings = {
        "--base": base,
        "--out": out,
        "--token-budget": TOKEN_BUDGET,
        "--rank": SETTINGS.rank,
        "--dropout": SETTINGS.dropout,
        "--batch-tokens": SETTINGS.batch_tokens,
        "--adapter-rate": SETTINGS.adapter_rate,
        "--checks-per-epoch": SETTINGS.checks_per_epoch,
        "--precision": SETTINGS.precision.value,
        "--start": "last-layer",
        "--min-positives": 20,
        "--threads": 1,
    }
    named = [str(part) for pair in settings.items() for part in pair]
    return ["fit", str(dataset), *named, *more]


def _run(arguments: list[str]) -> Result:
    return CliRunner().invoke(main, arguments)


def _inputs(dataset: Path, artifact: Path, n: int) -> list[EngineInput]:
    _, count_tokens = load_reader(artifact, TOKEN_BUDGET)
    rows = read_dataset(dataset)[0].of(Split.TEST)
    return list(rows.take(np.arange(n)).inputs(spec(count_tokens)))


def test_the_artifact_scores_as_the_worker_scores(dataset: Path, fitted: Path) -> None:
    scorer = load_scorer(fitted)
    inputs = _inputs(dataset, fitted, 5)
    assert np.isfinite(scorer.engine.logits(inputs)).all()
    assert scorer.engine.logits(inputs) == load_scorer(fitted).engine.logits(inputs)
    assert load_manifest(fitted).engine is EngineKind.ONNX


def test_a_truncated_weights_file_is_no_artifact(fitted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", fitted, copy], check=True)
    adapter = copy / "adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:-100])
    with pytest.raises(ArtifactError, match=r"adapter_model\.safetensors .* copy the folder again"):
        load_manifest(copy)


def test_the_report_says_what_the_papers_saw_go_wrong(fitted: Path) -> None:
    report = json.loads((fitted / "report.json").read_text(encoding="utf-8"))
    names = [signature["name"] for signature in report["signatures"]]
    assert names == ["plateau without QA", "long context", "forgetting", "answers"]
    assert len(report["checks"]) == 1 + SETTINGS.checks_per_epoch
    assert report["calibration"]["mean_probability"] == pytest.approx(
        report["calibration"]["mean_observed"], abs=0.15
    )


def test_an_artifact_says_of_which_rows_and_horizon_it_is(qwen2: Path, tmp_path: Path) -> None:
    """The stack has to know the rows, the reader of a score the horizon."""
    month = save_dataset(tmp_path / "month", horizon_days=30)
    done = _run(_arguments(month, qwen2, tmp_path / "lm", "--serve", "pair"))
    assert done.exit_code == 0, done.stderr
    made, (examples, dataset) = load_manifest(tmp_path / "lm"), read_dataset(month)
    assert (made.horizon_days, made.dataset) == (30, dataset.sha256)
    assert load_scorer(tmp_path / "lm").horizon_days == 30
    assert int(made.data_window.end.timestamp() * 1000) < examples.of(Split.TEST).as_of_ms[0]
    _check_pair_head_scores(month, tmp_path / "lm")


def test_sampled_negatives_move_no_probability(qwen2: Path, tmp_path: Path) -> None:
    """Neither the served one nor the point-wise head's own, before a calibration that would make
    up for a shift."""
    rows = sampled(examples(600), 0.2)
    few = save_dataset(tmp_path / "few", rows, negative_rate=0.2)
    done = _run(_arguments(few, qwen2, tmp_path / "lm"))
    assert done.exit_code == 0, done.stderr
    scorer, (written, _) = load_scorer(tmp_path / "lm"), read_dataset(few)
    test = written.of(Split.TEST)
    logits = scorer.engine.logits(_inputs(few, tmp_path / "lm", len(test)))
    for calibration in (Calibration(), scorer.calibration):
        said = np.mean([probability(logit, calibration) for logit in logits])
        assert said == pytest.approx(test.label.mean(), abs=0.12)


def test_what_is_said_of_the_judging_slice_is_of_the_head_that_serves(
    qwen2: Path, tmp_path: Path
) -> None:
    """Every lead stands for another number of leads, those without an order for 50 times as many;
    a high head rate parts the heads."""
    rows = [
        replace(row, weight=(1.0 if row.label else 50.0) + number / 360)
        if row.split is Split.JUDGE
        else row
        for number, row in enumerate(examples())
    ]
    few, out = save_dataset(tmp_path / "few", rows), tmp_path / "lm"
    more = ("--serve", "pair", "--adapter-rate", "0.02", "--head-rate", "0.2", "--seed", "4")
    done = _run(_arguments(few, qwen2, out, *more))
    assert done.exit_code == 0, done.stderr
    judged = read_dataset(few)[0].of(Split.JUDGE)
    reader, count_tokens = load_reader(out, TOKEN_BUDGET)
    inputs = list(judged.inputs(spec(count_tokens)))
    pair, point = (
        np.array(load_language_model(out, reader, EngineKind.TORCH, head).logits(inputs))
        for head in (HeadKind.PAIR, HeadKind.POINT)
    )
    assert auc(pair, judged.label) != auc(point, judged.label)
    metrics = load_manifest(out).metrics
    assert metrics["auc_on_judging_slice"] == pytest.approx(auc(pair, judged.label))
    precision = expected_precision_at(pair, judged.label, 0.01, judged.weight)
    others = [
        expected_precision_at(pair, judged.label, 0.01),
        expected_precision_at(point, judged.label, 0.01, judged.weight),
    ]
    assert precision not in others
    assert metrics["precision_at_1_percent_on_judging_slice"] == pytest.approx(precision)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    said = report["signatures"][0]["values"]
    assert said["aucs"] == [check["pair_auc"] for check in report["checks"]]
    probe = report["checks"][0]["auc"]
    assert said["auc_gain_over_frozen_probe"] == pytest.approx(auc(pair, judged.label) - probe)


def _check_pair_head_scores(dataset: Path, artifact: Path) -> None:
    """Whatever the other head says; its probabilities are calibrated."""
    examples, _ = read_dataset(dataset)
    slices = examples.of(Split.CALIBRATE)
    agreement = load_manifest(artifact).agreement
    assert agreement is not None
    reader, count_tokens = load_reader(artifact, TOKEN_BUDGET)
    inputs = list(slices.inputs(spec(count_tokens)))
    scorer = load_scorer(artifact)
    served = np.array(scorer.engine.logits(inputs))
    heads = load_file(artifact / HEADS)
    heads["point.weight"] = np.zeros_like(heads["point.weight"])
    save_file(heads, artifact / HEADS)
    engine = load_language_model(artifact, reader, EngineKind.TORCH, HeadKind.PAIR)
    pair = np.array(engine.logits(inputs))
    assert np.abs(served - pair).max() <= agreement.max_logit_difference
    said = [probability(logit, scorer.calibration) for logit in served]
    assert np.mean(said) == pytest.approx(slices.label.mean(), abs=0.05)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--min-positives", "5000"], "a language model needs 5000: serve the rule"),
        (["--token-budget", "50"], "--token-budget is 50; the longest record of domain auto"),
        (["--heights", "1,0,0,0,0,0"], "expected finite numbers that never fall"),
        (["--base", "/nowhere"], "is neither a folder nor an id in reach"),
        (["--adapter-rate", "1e6"], "diverged; try a lower --adapter-rate (it is 1e+06)"),
        (["--adapter-rate", "1e6", "--checks-per-epoch", "100"], "is not finite"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_nothing(
    dataset: Path, qwen2: Path, tmp_path: Path, more: list[str], sentence: str
) -> None:
    refused = _run(_arguments(dataset, qwen2, tmp_path / "lm", *more))
    assert refused.exit_code == 78
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--token-budget", "50"], "--token-budget is 50; the longest record of domain auto"),
        (["--base", "/nowhere"], "is neither a folder nor an id in reach"),
        (["--chat-template", "{binary}"], "is not UTF-8 (byte 0); save it as UTF-8 text"),
        (["--held-out", "{binary}"], "is not UTF-8 (byte 0); save it as UTF-8 text"),
        (["--held-out", "{empty}"], "has 0 tokens; give a page of text"),
    ],
)
def test_what_can_be_refused_in_seconds_is_refused_before_the_dataset_is_read(
    dataset: Path, qwen2: Path, tmp_path: Path, more: list[str], sentence: str
) -> None:
    """A dataset takes minutes to read, a base minutes to fetch. This one cannot be read at all."""
    unreadable = Path(shutil.copytree(dataset, tmp_path / "unreadable"))
    (unreadable / EXAMPLES).write_bytes(b"no Parquet")
    files = {"{binary}": tmp_path / "binary", "{empty}": tmp_path / "empty"}
    files["{binary}"].write_bytes(b"\xff\xfe")
    files["{empty}"].write_bytes(b"")
    named = [str(files.get(part, part)) for part in more]
    refused = _run(_arguments(unreadable, qwen2, tmp_path / "lm", *named))
    assert refused.exit_code == 78
    assert sentence in refused.stderr
    rest = _run(_arguments(unreadable, qwen2, tmp_path / "lm"))
    assert f"{EXAMPLES} cannot be read" in rest.stderr


def test_a_killed_run_continues_to_the_same_bits(
    dataset: Path, qwen2: Path, tmp_path: Path
) -> None:
    killed, whole = tmp_path / "killed" / "lm", tmp_path / "whole" / "lm"
    more = ("--n-epochs", "3")
    command = [sys.executable, "-m", "asllr", *_arguments(dataset, qwen2, killed, *more)]
    checkpoint = killed.with_name("lm.work") / CHECKPOINT
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            _wait_for(checkpoint, process)
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not killed.exists()
    continued = _run(_arguments(dataset, qwen2, killed, *more))
    assert continued.exit_code == 0, continued.stderr
    assert "continues after step" in continued.stderr
    assert not checkpoint.parent.exists()
    uninterrupted = _run(_arguments(dataset, qwen2, whole, *more))
    assert uninterrupted.exit_code == 0, uninterrupted.stderr
    assert digest(killed) == digest(whole)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, f"no {path.name} after {PATIENCE_S} s"
        time.sleep(0.005)


def test_two_processes_learn_what_one_learns_in_two_parts(
    dataset: Path, qwen2: Path, tmp_path: Path
) -> None:
    """The same batches in the same steps: equal up to the order of a sum."""
    more = ("--dropout", "0", "--checks-per-epoch", "1")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "asllr"]
    command += _arguments(dataset, qwen2, tmp_path / "two", *more, "--work", str(tmp_path / "w"))
    processes = [
        subprocess.Popen(command, env=process_of(rank, port), stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    said = [process.communicate(timeout=PATIENCE_S)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    one = _run(_arguments(dataset, qwen2, tmp_path / "one", *more, "--accumulation", "2"))
    assert one.exit_code == 0, one.stderr
    first, second = (load_file(tmp_path / name / HEADS) for name in ("one", "two"))
    for name, weight in first.items():
        assert second[name] == pytest.approx(weight, abs=1e-4)
    reports = [
        json.loads((tmp_path / name / "report.json").read_text(encoding="utf-8"))
        for name in ("one", "two")
    ]
    losses = [[check["log_loss"] for check in report["checks"]] for report in reports]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_what_was_fitted_is_what_comes_back_from_disk(dataset: Path, fitted: Path) -> None:
    """PEFT drops what it does not know. The reference reads the files; its loss on the judging
    slice must be the one that the fit reported of the model in memory."""
    report = json.loads((fitted / "report.json").read_text(encoding="utf-8"))
    examples, _ = read_dataset(dataset)
    judged = examples.of(Split.JUDGE)
    reader, count_tokens = load_reader(fitted, TOKEN_BUDGET)
    engine = load_language_model(fitted, reader, EngineKind.TORCH)
    logits = np.array(engine.logits(list(judged.inputs(spec(count_tokens)))))
    loss = np.mean(np.logaddexp(0, logits) - judged.label * logits)
    assert loss == pytest.approx(report["checks"][report["best_check"]]["log_loss"], abs=1e-4)
