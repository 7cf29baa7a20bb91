"""What a head reads: which tokens are the customer's words, and that both runtimes read the same.

The demo's model with a head of our own: its weights are real, its prompts have real talk.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from schemas.timestamps import to_ms
from scoring.artifact import ArtifactError, demo_artifact_path, load_manifest
from scoring.engine import EngineInput, Unscorable
from scoring.engines.loading import load_engine
from scoring.engines.reading import PromptReader, load_reader, spoken_weights
from scoring.engines.readout import (
    READOUT,
    Pool,
    Readout,
    ReadoutPart,
    load_readout,
    save_readout,
)
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import first_rendering
from scoring.score import prepare
from training.simulator.emit import simulate_leads

AUTO = first_rendering()
DEMO = demo_artifact_path()

EVERY_POOL = Readout(
    parts=tuple(ReadoutPart(layer=layer, pool=pool) for layer in (1, 2) for pool in Pool)
)


def _inputs(reader: PromptReader) -> list[EngineInput]:
    def count_tokens(text: str) -> int:
        return len(reader.tokenizer.encode(text, add_special_tokens=False).ids)

    spec = PromptSpec(AUTO, reader.max_tokens, count_tokens)
    return [
        prepare(history_of(fold(lead.history)), to_ms(lead.as_of), spec)
        for lead in simulate_leads(501, 12)
    ]


@pytest.fixture(scope="module")
def reader() -> PromptReader:
    return load_reader(DEMO, load_manifest(DEMO).token_budget)[0]


def _spoken_text(reader: PromptReader, prompt: str) -> str:
    tokens = reader.tokens(prompt)
    weights = spoken_weights(prompt, tokens.offsets)
    pieces = [prompt[a:b] for (a, b), w in zip(tokens.offsets, weights, strict=True) if w > 0]
    return "".join(pieces)


def test_the_customers_words_and_no_others_are_read(reader: PromptReader) -> None:
    n_with_words = 0
    for each in _inputs(reader):
        said = [
            line.removeprefix("customer: ")
            for line in each.prompt.splitlines()
            if line.startswith("customer: ")
        ]
        read = _spoken_text(reader, each.prompt)
        assert "".join(read.split()) == "".join("".join(said).split())
        n_with_words += bool(said)
    assert n_with_words > 5


def test_shares_sum_to_one_or_nobody_spoke(reader: PromptReader) -> None:
    for each in _inputs(reader):
        weights = spoken_weights(each.prompt, reader.tokens(each.prompt).offsets)
        has_words = "\ncustomer: " in each.prompt
        assert weights.sum() == pytest.approx(float(has_words), abs=1e-5)


@pytest.mark.parametrize(
    "prompt",
    [
        "task\n# me\ncustomer: not here\n# calls\nnone\n# end\ncustomer: nor here?",
        "customer: a prompt without sections",
        "# end\nq\n# calls\ncustomer: the wrong way round",
        "",
    ],
)
def test_only_lines_of_the_conversation_count(prompt: str) -> None:
    places = [(i, i + 1) for i in range(len(prompt))]
    assert not spoken_weights(prompt, places).any()


def test_a_damaged_readout_is_refused(tmp_path: Path) -> None:
    (tmp_path / READOUT).write_text('{"parts": [{"layer": -1, "pool": "mean"}]}')
    with pytest.raises(ArtifactError, match=r"parts\.0\.layer: .*greater than or equal to 0"):
        load_readout(tmp_path)


def test_a_readout_survives_its_file(tmp_path: Path) -> None:
    assert load_readout(tmp_path) is None
    save_readout(tmp_path, EVERY_POOL)
    assert load_readout(tmp_path) == EVERY_POOL


def test_a_readout_that_the_manifest_does_not_name_is_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(DEMO, tmp_path / "artifact")
    save_readout(folder, EVERY_POOL)
    with pytest.raises(ArtifactError, match=r"readout\.json .* is not in its manifest"):
        load_engine(folder, load_manifest(folder), AUTO)


@pytest.mark.train
@pytest.mark.slow
def test_both_runtimes_read_the_same_vector(tmp_path: Path, reader: PromptReader) -> None:
    """Three outputs of random heads, each of which moves by its inputs far more than by int8."""
    import onnx
    import torch
    from safetensors.torch import save_file

    from scoring.engines.onnx import GRAPH, OnnxEngine, load_onnx_engine
    from scoring.engines.torch import HEADS, TorchEngine, load_torch_engine
    from training.export.parity import graph_of

    folder = shutil.copytree(DEMO, tmp_path / "artifact")
    hidden = 128
    torch.manual_seed(1)
    weight = torch.randn(3, EVERY_POOL.width(hidden)) / 30
    save_file({"point.weight": weight, "point.bias": torch.tensor([0.5, 0, -1.0])}, folder / HEADS)
    save_readout(folder, EVERY_POOL)
    inputs = _inputs(reader)
    prompts = [each.prompt for each in inputs]
    onnx.save(graph_of(folder, reader.max_tokens, prompts), str(folder / GRAPH))

    served_by: list[OnnxEngine | TorchEngine] = [
        load_onnx_engine(folder, reader),
        load_torch_engine(folder, reader),
    ]
    served, reference = (engine.rows(inputs) for engine in served_by)
    assert served.shape == (12, 3)
    assert np.abs(served - reference).max() < 0.2 * reference.std(axis=0).min()
    assert served_by[0].logits(inputs) == [row[0] for row in served]
    other = [EngineInput(inputs[0].features, "hello" + inputs[0].prompt)]
    with pytest.raises(Unscorable, match=r"first \d+ tokens are not those of the artifact's"):
        served_by[0].logits(other)
