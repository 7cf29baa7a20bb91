"""A base in 4 bits is fitted on and not served: the artifact has the whole base, and says so."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("bitsandbytes", reason="needs the four-bit extra")

import torch
from accelerate import Accelerator
from click.testing import CliRunner
from safetensors.torch import load_file

from asllr import main
from scoring.artifact import EngineKind, load_manifest
from scoring.domain.reading import pack
from scoring.engines.loading import load_language_model
from scoring.engines.reading import load_reader
from scoring.metrics.metrics import auc
from scoring.prompt.rendering import newest_rendering
from tests.training.adapter.fits import adapter_request, frozen_fit, quietly
from tests.training.fit.processes import PATIENCE_S, process_of
from tests.training.model.tiny import (
    SETTINGS,
    TOKEN_BUDGET,
    read_dataset,
    save_base,
    save_dataset,
    spec,
)
from training.adapter.fit import adapter_of, held_out_rows
from training.dataset.manifest import Split
from training.export.outcome import look_at
from training.export.writing import write_fitted
from training.fit.dataset import FitRequest, FittedOnData, fit_dataset
from training.model.batch import LeadBatch, collate_leads
from training.model.errors import FitError
from training.model.four_bit import PACKAGE, check_four_bit, is_four_bit
from training.model.heads import ThreeHeads, add_lora
from training.model.hub import Hub, load_base, open_base
from training.model.samples import Sample
from training.model.settings import FitSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[3]

FOUR_BITS = replace(
    SETTINGS, base_bits=4, gradient_checkpointing=True, n_epochs=2, head_rate=5e-3, seed=1
)


def request_of(dataset: Path, base: Path, place: Path) -> FitRequest:
    return FitRequest(
        dataset=dataset,
        hub=Hub(str(base)),
        out=place / "lm",
        work=place / "work",
        settings=FOUR_BITS,
        rendering=newest_rendering(pack("auto")),
        token_budget=TOKEN_BUDGET,
        min_positives=20,
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_base(tmp_path_factory.mktemp("base") / "qwen2")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="module")
def done(base: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> FittedOnData:
    """A fit on a CPU: the command refuses it there, for it is slow, and the library can do it."""
    request = request_of(dataset, base, tmp_path_factory.mktemp("fitted"))
    fitted = fit_dataset(request, quietly, quietly)
    write_fitted(look_at(fitted), quietly)
    return fitted


def test_a_base_in_4_bits_trains_an_adapter_and_nothing_else(base: Path) -> None:
    held = load_base(open_base(Hub(str(base))), torch.float32, torch.device("cpu")).model
    assert is_four_bit(held)
    weights = dict(held.named_parameters())
    packed = [name for name, each in weights.items() if each.dtype == torch.uint8]
    assert len(packed) == 2 * 7  # each linear layer of two
    assert "lm_head.weight" not in packed
    assert not is_four_bit(load_base(open_base(Hub(str(base))), torch.float32).model)


def test_gradients_pass_a_base_in_4_bits_that_was_read_before(base: Path) -> None:
    """They are those of its weights written out, in every layer. On some processors bitsandbytes
    loses them once a model was read."""
    settings = replace(FOUR_BITS, dropout=0.0, gradient_checkpointing=False)
    opened = open_base(Hub(str(base)))
    batch = _batch(*opened.answers[0], opened.pad_id)
    found = []
    for is_written_out in (False, True):
        held = load_base(opened, torch.float32, torch.device("cpu")).model
        written = held.dequantize() if is_written_out else held
        torch.manual_seed(0)
        model = ThreeHeads(add_lora(written, settings), settings)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, 0, 0.05)
        with torch.inference_mode():
            model.eval()(batch)
        model.train()(batch)["total"].backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        assert torch.allclose(gradient, found[1][name], atol=1e-5), name


def _batch(yes: int, no: int, pad_id: int) -> LeadBatch:
    rng = np.random.default_rng(4)
    samples = [
        Sample(
            rng.integers(100, 900, 20 + number).astype(np.int32),
            np.array([no if number % 2 else yes], dtype=np.int32),
            label=float(number % 2 == 0),
            grade=5 * (number % 2 == 0),
        )
        for number in range(4)
    ]
    return collate_leads(samples, pad_id)


def test_the_artifact_has_the_whole_base_and_the_adapter_that_was_fitted(
    base: Path, done: FittedOnData
) -> None:
    stored, served = (
        load_file(folder / "model.safetensors") for folder in (base, done.request.out / "base")
    )
    assert stored.keys() == served.keys()
    assert all(torch.equal(stored[name], served[name]) for name in stored)
    assert "quantization" not in (done.request.out / "base" / "config.json").read_text("utf-8")
    adapter = load_file(done.request.out / "adapter_model.safetensors")
    assert any(bool(tensor.any()) for name, tensor in adapter.items() if "lora_B" in name)


def test_what_is_said_is_said_of_the_whole_base(dataset: Path, done: FittedOnData) -> None:
    out = done.request.out
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["base"]["bits_while_fitted"] == 4
    assert report["base"]["weights"] == _n_weights(out / "base")
    kept = report["checks"][report["best_check"]]
    (warning,) = [each for each in report["warnings"] if "4 bits" in each]
    assert warning.endswith(
        f"the AUC is {kept['auc']:.4f}; in 4 bits it was {done.auc_in_four_bits:.4f}"
    )
    judged = read_dataset(dataset)[0].of(Split.JUDGE)
    reader, count_tokens = load_reader(out, TOKEN_BUDGET)
    engine = load_language_model(out, reader, EngineKind.TORCH)
    logits = np.array(engine.logits(list(judged.inputs(spec(count_tokens)))))
    loss = np.mean(np.logaddexp(0, logits) - judged.label * logits)
    assert loss == pytest.approx(kept["log_loss"], abs=1e-4)
    metrics = load_manifest(out).metrics
    assert metrics["auc_on_judging_slice"] == pytest.approx(auc(logits, judged.label), abs=1e-3)
    # Of 4-bit weights the numbers are others, so the lines above could fail.
    assert done.auc_in_four_bits == pytest.approx(kept["auc"], abs=0.1)
    others = [check["log_loss"] for check in report["checks"]]
    assert min(abs(loss - other) for other in others if other != kept["log_loss"]) > 1e-4


def test_an_adapter_from_the_frozen_base_learns_in_4_bits_and_fits_the_whole_base(
    dataset: Path, base: Path, tmp_path: Path
) -> None:
    frozen = frozen_fit(dataset, base, tmp_path)
    settings = replace(FOUR_BITS, pair_weight=0.0, qa_weight=0.0, head_rate=0.0, n_epochs=1)
    request = replace(adapter_request(dataset, base, tmp_path), settings=settings)
    rows = held_out_rows(frozen.examples)
    fitted = adapter_of(frozen, request, rows, Accelerator(), quietly)
    assert not is_four_bit(frozen.base.model)
    learned = [tensor for name, tensor in fitted.adapter.tensors.items() if "lora_B" in name]
    assert learned
    assert all(bool(tensor.any()) for tensor in learned)
    merged = fitted.adapter.merged_into_copy_of(frozen.base.model)
    assert not is_four_bit(merged)
    assert _n_weights(base) == sum(p.numel() for p in merged.parameters())


ONE_OF_TWO = """
import sys
from pathlib import Path
from tests.training.fit.test_four_bit import quietly, request_of
from training.fit.dataset import fit_dataset
fit_dataset(request_of(*map(Path, sys.argv[1:])), quietly, quietly)
"""


def test_of_two_processes_the_first_alone_reads_the_whole_base(
    dataset: Path, base: Path, tmp_path: Path
) -> None:
    """It does not wait for the other, which is done."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", ONE_OF_TWO, *map(str, (dataset, base, tmp_path))]
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=process_of(rank, port), stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    try:
        said = [process.communicate(timeout=PATIENCE_S)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said


def _n_weights(base: Path) -> int:
    return sum(tensor.numel() for tensor in load_file(base / "model.safetensors").values())


def test_without_a_gpu_the_command_refuses_before_it_reads_anything(tmp_path: Path) -> None:
    if torch.accelerator.is_available():
        pytest.skip("there is a GPU here")
    command = ["fit", "/nowhere", "--base", "/nowhere", "--base-bits", "4"]
    refused = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "lm")])
    assert refused.exit_code == 78
    assert "--base-bits 4 is for a GPU and there is none here: leave it out" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    frozen = CliRunner().invoke(main, [*command, "--out", str(tmp_path / "lm"), "--frozen"])
    assert frozen.exit_code == 2
    assert "--frozen trains none" in frozen.stderr


def test_without_the_package_its_extra_is_named(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(FitError, match=r"not installed: pip install 'asllr\[train,four-bit\]'"):
        check_four_bit(torch.device("cuda"))
    with pytest.raises(FitError, match="needs bitsandbytes"):
        load_base(open_base(Hub(str(base))), torch.float32, torch.device("cpu"))


def test_other_bits_are_named() -> None:
    with pytest.raises(FitError, match="base_bits is 3; expected 4 or none"):
        FitSettings(base_bits=3)
