"""`make gpu-check` comes to its end and says what it found, on CPU tensors with a tiny base."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch
from torch import nn
from transformers import LlamaConfig, LlamaModel

from scoring.engine import EngineInput
from streams.exit_codes import AWAY
from tests.bench.gpu.__main__ import main
from tests.bench.gpu.bases import TINY, Prompts, build_prompts, save_random
from tests.bench.gpu.check import LOG_LOSS_BOUND
from tests.bench.gpu.serving import (
    NO_FEATURES,
    ROOT,
    batch_mate_difference,
    lead_flops,
    open_served,
    save_served,
)
from training.model.settings import FitSettings

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(600)]

NAMES = {
    "device",
    "fit_steps_per_s",
    "fit_tokens_per_s",
    "leads_per_s_512",
    "ratio_to_naive",
    "share_of_measured_peak",
    "max_batch_mate_difference",
    "vllm",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gpu")


@pytest.fixture(scope="module")
def prompts(place: Path) -> Prompts:
    return build_prompts(save_random(TINY, place), 96, 12)


def test_all_of_it_runs_and_the_last_line_is_the_result() -> None:
    command = [sys.executable, "-m", "tests.bench.gpu", "--device", "cpu", "--tiny", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.keys() >= NAMES
    assert found["device"] == "cpu"
    speeds = [found[name] for name in NAMES if name.endswith("_per_s") or "512" in name]
    assert all(speed > 0 for speed in [*speeds, found["share_of_measured_peak"]])
    assert found["without_tokenizer"]["leads_per_s"] > 0
    assert found["fit_checkpointed"]["steps_per_s"] > 0
    assert 0 <= found["max_batch_mate_difference"] < 1e-3  # float32
    wholes = [found["whole_fit"]]
    if find_spec("bitsandbytes"):
        assert found["four_bits"]["steps_per_s"] > 0
        assert found["four_bits"]["whole_fit"]["base_bits"] == 4
        wholes.append(found["four_bits"]["whole_fit"])
    else:
        assert "not installed" in found["four_bits"]
    for whole in wholes:
        assert abs(whole["log_loss_reported"] - whole["log_loss_served"]) < LOG_LOSS_BOUND


def test_without_a_gpu_it_says_in_one_sentence_that_nothing_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if torch.accelerator.is_available():
        pytest.skip("there is a GPU here")
    for asked in (["--json"], ["--tiny"], ["--device", "cpu"]):
        assert main(asked) == AWAY
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("not measured: torch sees no GPU here")
        assert said.err.count("\n") == 1


def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "tests.bench.gpu.check", raising=False)
    monkeypatch.setitem(sys.modules, "peft", None)
    monkeypatch.delitem(sys.modules, "training.model.heads", raising=False)
    monkeypatch.delitem(sys.modules, "tests.bench.gpu.fitting", raising=False)
    assert main(["--json"]) == AWAY
    assert capsys.readouterr().err.startswith("not measured: peft is not installed")


def test_prompts_are_as_long_as_was_asked_and_end_with_the_marker(prompts: Prompts) -> None:
    lengths = [len(ids) for ids in prompts.ids(prompts.long)]
    assert max(lengths) <= 96
    assert min(lengths) > 90
    others = [len(ids) for ids in prompts.ids(prompts.mixed)]
    assert len(set(others)) > 4
    assert {sample.label for sample in prompts.samples()} == {0.0, 1.0}


def test_mates_that_move_a_logit_are_seen(prompts: Prompts, place: Path) -> None:
    """The figure could be other than nothing: here mates leak into each other."""
    engine = open_served(save_served(place, prompts, FitSettings(rank=2)), prompts)
    assert batch_mate_difference(engine, prompts.mixed, 4).max < 1e-3
    layers: Any = engine.backbone.layers
    layers[0].mlp.register_forward_hook(lambda module, given, states: states + states.mean())
    assert batch_mate_difference(engine, prompts.mixed, 4).max > 1e-2
    inputs = [EngineInput(NO_FEATURES, prompt) for prompt in prompts.mixed]
    assert len(engine.logits(inputs)) == len(prompts.mixed)


def test_useful_operations_are_those_of_linear_layers_and_half_the_square() -> None:
    config = LlamaConfig(
        vocab_size=50,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        intermediate_size=16,
    )
    backbone = LlamaModel(config)
    assert sum(isinstance(each, nn.Linear) for each in backbone.modules()) == 7
    weights = 8 * 8 + 2 * 8 * 4 + 8 * 8 + 3 * 8 * 16
    assert lead_flops(backbone, 10) == 2 * weights * 10 + 2 * 2 * 8 * (10 * 10 / 2)
