"""States are computed once for each prompt, and what is kept is told by its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

import onnxruntime
import torch
from onnx import TensorProto, helper

from scoring.engine import EngineInput, Unscorable
from scoring.engines.readout import Pool, Readout, ReadoutPart
from scoring.floats import Floats
from training.frozen.states import SHARD_PROMPTS, StateReader, candidates, read_states
from training.model.errors import OutOfMemory

pytestmark = [pytest.mark.train]

MARKER = Readout(parts=(ReadoutPart(layer=1, pool=Pool.MARKER),))
WIDTH = 3


@dataclass
class NumbersOfText:
    """An engine whose states are of a prompt's digest. `read`: the prompts it was asked for."""

    read: list[str] = field(default_factory=list)
    stops_at: int | None = None

    def rows(self, inputs: Sequence[EngineInput]) -> Floats:
        if self.stops_at is not None and len(self.read) >= self.stops_at:
            raise Unscorable("stopped")
        self.read += [one.prompt for one in inputs]
        digests = [blake2b(one.prompt.encode(), digest_size=WIDTH).digest() for one in inputs]
        return np.array([list(digest) for digest in digests], dtype=np.float64)


def reader(engine: NumbersOfText, name: str = "one", readout: Readout = MARKER) -> StateReader:
    return StateReader(engine, readout, name, WIDTH, max_tokens=1_024)


def quietly(done: int, total: int) -> None:
    """No progress."""


PROMPTS = [f"prompt {number}" for number in range(SHARD_PROMPTS + 10)]


def test_a_second_run_computes_nothing_and_gives_the_same(tmp_path: Path) -> None:
    first, second = NumbersOfText(), NumbersOfText()
    states = read_states(reader(first), PROMPTS, tmp_path, quietly)
    again = read_states(reader(second), PROMPTS[::-1], tmp_path, quietly)
    assert len(first.read) == len(PROMPTS)
    assert second.read == []
    assert np.array_equal(states, again[::-1])
    assert np.array_equal(states, NumbersOfText().rows([_input(each) for each in PROMPTS]))


def _input(prompt: str) -> EngineInput:
    return EngineInput(np.zeros(0, dtype=np.float32), prompt)


def test_equal_prompts_are_read_once(tmp_path: Path) -> None:
    engine = NumbersOfText()
    states = read_states(reader(engine), ["a", "b", "a"], tmp_path, quietly)
    assert engine.read == ["a", "b"]
    assert np.array_equal(states[0], states[2])


def test_a_run_that_was_stopped_keeps_whole_files(tmp_path: Path) -> None:
    with pytest.raises(Unscorable):
        read_states(reader(NumbersOfText(stops_at=SHARD_PROMPTS + 5)), PROMPTS, tmp_path, quietly)
    engine = NumbersOfText()
    read_states(reader(engine), PROMPTS, tmp_path, quietly)
    assert engine.read == PROMPTS[SHARD_PROMPTS:]
    assert not list(tmp_path.rglob("*.part"))


@dataclass
class TooLarge(NumbersOfText):
    """Asks for more memory than there is when it has read `stops_at` prompts, in torch or in ONNX
    Runtime."""

    asks: Callable[[], object] = lambda: None

    def rows(self, inputs: Sequence[EngineInput]) -> Floats:
        if len(self.read) >= self.stops_at:
            self.asks()
        return super().rows(inputs)


def _of_torch() -> object:
    return torch.empty(1 << 50)


def _of_onnx_runtime() -> object:
    nodes = [helper.make_node("Expand", ["x", "shape"], ["y"])]
    values = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            ("x", TensorProto.FLOAT, [1]),
            ("shape", TensorProto.INT64, [1]),
            ("y", TensorProto.FLOAT, [None]),
        )
    ]
    graph = helper.make_graph(nodes, "huge", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {"x": np.ones(1, np.float32), "shape": np.array([1 << 50])})


@pytest.mark.parametrize("asks", [_of_torch, _of_onnx_runtime])
def test_out_of_memory_is_a_sentence_and_keeps_what_was_read(
    asks: Callable[[], object], tmp_path: Path
) -> None:
    engine = TooLarge(stops_at=SHARD_PROMPTS + 5, asks=asks)
    with pytest.raises(
        OutOfMemory, match=r"^out of memory while reading a lead of up to 1024 tokens; try --token"
    ):
        read_states(reader(engine), PROMPTS, tmp_path, quietly)
    again = NumbersOfText()
    read_states(reader(again), PROMPTS, tmp_path, quietly)
    assert again.read == PROMPTS[SHARD_PROMPTS:]


def test_another_graph_or_readout_reads_anew(tmp_path: Path) -> None:
    other = Readout(parts=(ReadoutPart(layer=2, pool=Pool.MARKER),))
    read_states(reader(NumbersOfText()), PROMPTS[:5], tmp_path, quietly)
    for another in ({"name": "two"}, {"readout": other}):
        engine = NumbersOfText()
        read_states(reader(engine, **another), PROMPTS[:5], tmp_path, quietly)
        assert engine.read == PROMPTS[:5]


def test_a_damaged_file_is_read_anew(tmp_path: Path) -> None:
    expected = read_states(reader(NumbersOfText()), PROMPTS, tmp_path, quietly)
    files = sorted(tmp_path.rglob("*.safetensors"))
    assert len(files) == 2
    files[0].write_bytes(files[0].read_bytes()[:-7])
    engine = NumbersOfText()
    assert np.array_equal(read_states(reader(engine), PROMPTS, tmp_path, quietly), expected)
    assert 0 < len(engine.read) < len(PROMPTS)


@pytest.mark.parametrize("n_layers", [1, 2, 3, 24, 30, 48])
def test_candidates_are_layers_that_there_are(n_layers: int) -> None:
    parts = candidates(n_layers).parts
    assert len(set(parts)) == len(parts)
    assert {part.pool for part in parts} == set(Pool)
    assert all(1 <= part.layer <= n_layers for part in parts)
