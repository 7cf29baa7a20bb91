"""An adapter begins exactly where the frozen base ended: same parts, same head, same logits."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch
from accelerate import Accelerator

from scoring.engine import EngineInput
from scoring.engines.reading import PromptReader, marker_ids, spoken_weights
from scoring.engines.readout import Pool, Readout, ReadoutPart
from scoring.engines.torch import TorchEngine
from tests.training.adapter.fits import adapter_request, frozen_fit, quietly
from tests.training.model.tiny import TOKEN_BUDGET, read_dataset, save_base, save_dataset, spec
from training.adapter.fit import adapter_of, held_out_rows, start_of
from training.fit.leads import counter
from training.model.batch import collate_leads
from training.model.heads import ThreeHeads, add_lora
from training.model.hub import Hub, LoadedBase, load_base, open_base
from training.model.layers import first_layers, names_of_linear
from training.model.readout import readout_states
from training.model.samples import Sample
from training.model.settings import Precision

pytestmark = [pytest.mark.train, pytest.mark.slow]

N_LEADS = 12


def part(layer: int, pool: Pool) -> ReadoutPart:
    return ReadoutPart(layer=layer, pool=pool)


@pytest.fixture(scope="module", params=["qwen2", "qwen3"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedBase:
    folder = save_base(tmp_path_factory.mktemp("base") / request.param, request.param)
    return load_base(open_base(Hub(str(folder))), torch.float32)


@pytest.fixture(scope="module")
def prompts(base: LoadedBase, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    dataset = save_dataset(tmp_path_factory.mktemp("data") / "dataset")
    rows = read_dataset(dataset)[0].take(np.arange(N_LEADS))
    return [each.prompt for each in rows.inputs(spec(counter(base.tokenizer)))]


@pytest.mark.parametrize(
    "readout",
    [
        Readout(parts=tuple(part(1, pool) for pool in Pool)),
        Readout(parts=(part(1, Pool.SPOKEN), part(2, Pool.MARKER), part(0, Pool.MEAN))),
    ],
)
def test_training_reads_what_the_reference_engine_reads(
    base: LoadedBase, prompts: list[str], readout: Readout
) -> None:
    """With and without the layers above, which stay as they were."""
    reader = PromptReader(
        base.tokenizer, TOKEN_BUDGET, marker_ids(base.tokenizer, base.turns.marker)
    )
    width = readout.width(32)
    engine = TorchEngine(
        backbone=base.model.model,
        head_weight=torch.eye(width),
        head_bias=torch.zeros(width),
        reader=reader,
        device=torch.device("cpu"),
        batch_size=1,
        n_layers=2,
        readout=readout,
    )
    expected = engine.rows([EngineInput(np.zeros(0, dtype=np.float32), each) for each in prompts])
    tokens = [reader.tokens(each) for each in prompts]
    samples = [
        Sample(
            np.array(each.ids, dtype=np.int32),
            np.zeros(1, dtype=np.int32),
            spoken=spoken_weights(prompt, each.offsets),
        )
        for prompt, each in zip(prompts, tokens, strict=True)
    ]

    def read() -> np.ndarray[Any, np.dtype[np.float32]]:
        return readout_states(base.model, samples, base.pad_id, readout, precision=Precision.FP32)

    assert np.abs(read() - expected).max() < 1e-4
    with first_layers(base.model, readout.top_layer):
        assert len(base.model.model.layers) == readout.top_layer
        assert np.abs(read() - expected).max() < 1e-4
    assert len(base.model.model.layers) == 2
    assert np.abs(read() - expected).max() < 1e-4


def test_layers_above_what_is_read_have_no_adapter(base: LoadedBase) -> None:
    model = add_lora(deepcopy(base.model), adapter_request(Path(), Path(), Path()).settings, 1)
    adapted = {name for name, each in model.named_parameters() if each.requires_grad}
    assert len(adapted) == 2 * 7
    assert all(".layers.0." in name for name in adapted)
    assert "lm_head" not in names_of_linear(base.model, 2)
    assert len(names_of_linear(base.model, 2)) == 2 * 7


def test_yes_and_no_are_asked_only_where_they_have_a_weight(base: LoadedBase) -> None:
    settings = replace(adapter_request(Path(), Path(), Path()).settings, qa_weight=0.5)
    readout = Readout(parts=(part(1, Pool.MARKER),))
    sample = Sample(np.arange(9, dtype=np.int32), np.array([3], dtype=np.int32), label=1.0)
    batch = collate_leads([sample, replace(sample, label=0.0)], base.pad_id)
    said = {}
    for weight in (0.0, 0.5):
        torch.manual_seed(1)
        lm = add_lora(deepcopy(base.model), settings, 1)
        model = ThreeHeads(lm, replace(settings, qa_weight=weight), readout).eval()
        said[weight] = {name: float(each.detach()) for name, each in model(batch).items()}
    assert said[0.0]["qa"] == 0
    assert said[0.5]["qa"] > 1
    assert said[0.0]["ctr"] == said[0.5]["ctr"]


def test_check_0_is_the_frozen_head(tmp_path: Path) -> None:
    """Of a base that torch serves, to the last digits; of a graph's, int8 states are between."""
    dataset = save_dataset(tmp_path / "dataset")
    frozen = frozen_fit(dataset, save_base(tmp_path / "base", "qwen3"), tmp_path, has_graph=False)
    rows = held_out_rows(frozen.examples)
    request = adapter_request(dataset, tmp_path / "base", tmp_path)
    fitted = adapter_of(frozen, request, rows, Accelerator(), quietly)
    parts = list(frozen.combined.head.choice.parts)
    states = frozen.states[rows][:, parts].reshape(len(rows), -1)
    assert np.abs(fitted.checks.logits[0] - start_of(frozen).head.logits(states)).max() < 1e-4
