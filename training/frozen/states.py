"""The states of a frozen base, computed once for each prompt and kept by content.

They are what the served engine reads: the int8 graph where one can be built, else torch. So a head
is fitted on the numbers that it will be given.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from scoring.engine import EngineInput
from scoring.engines.onnx import onnx_engine, open_session
from scoring.engines.reading import PromptReader, marker_ids
from scoring.engines.readout import Pool, Readout, ReadoutPart
from scoring.engines.torch import TorchEngine
from scoring.floats import Floats
from scoring.report.progress import ReportProgress
from training.export.int8_graph import int8_graph
from training.export.parity import why_no_graph_of
from training.model.guards import naming_memory
from training.model.hub import LoadedBase
from training.whole_file import whole_file

PARTS_OF_DEPTH = (1 / 2, 2 / 3, 5 / 6)
"""Which layers are candidates. The middle of a pre-trained model knows most of a conversation; its
last layers turn to the next word."""

SHARD_PROMPTS = 64
"""How many prompts are kept in one file: what a run that is stopped computes again."""

DIGEST_BYTES = 16
NO_FEATURES = np.zeros(0, dtype=np.float32)


class ReadsRows(Protocol):
    """An engine, as far as it gives all numbers of its head."""

    def rows(self, inputs: Sequence[EngineInput]) -> Floats: ...


@dataclass(frozen=True, slots=True)
class StateReader:
    """Reads the vector of `readout` of a prompt. `name` changes with every bit that could change a
    state: the graph's digest, or the base's revision where torch reads. `max_tokens`: of a prompt.
    """

    engine: ReadsRows
    readout: Readout
    name: str
    width: int
    max_tokens: int

    def states(self, prompt: str) -> NDArray[np.float32]:
        """(width,). Raises Unscorable, OutOfMemory."""
        with naming_memory(self.max_tokens, "reading a lead"):
            rows = self.engine.rows([EngineInput(NO_FEATURES, prompt)])
        return np.asarray(rows[0], dtype=np.float32)


def candidates(n_layers: int) -> Readout:
    """What is read of every lead, so that the validation rows can choose among it: some middle
    layers, each at the marker, over all tokens and over the customer's words.

    >>> [part.layer for part in candidates(30).parts][::3]
    [15, 20, 25]
    """
    layers = sorted({max(1, round(n_layers * part)) for part in PARTS_OF_DEPTH})
    return Readout(
        parts=tuple(ReadoutPart(layer=layer, pool=pool) for layer in layers for pool in Pool)
    )


def open_state_reader(
    base: LoadedBase,
    readout: Readout,
    token_budget: int,
    prompts: Sequence[str],
    n_threads: int = 1,
) -> StateReader:
    """The engine that would serve `base`, with all that `readout` names as its output. `prompts`:
    by the first few the graph is made (`training.export.int8_graph`)."""
    config = base.model.config.to_dict()
    width = readout.width(config["hidden_size"])
    ends_with = marker_ids(base.tokenizer, base.turns.marker)
    reader = PromptReader(base.tokenizer, token_budget, ends_with)
    if why_no_graph_of(base.model) is not None:
        engine = _torch_engine(base, readout, reader, width)
        return StateReader(engine, readout, base.revision, width, token_budget)
    copy = deepcopy(base.model)  # whose weights are changed
    graph = int8_graph(copy, reader, prompts, None, readout, base.turns)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "states.onnx"
        onnx.save(graph, str(file))
        with file.open("rb") as stream:
            name = file_digest(stream, "sha256").hexdigest()
        session = open_session(file, n_threads)
    return StateReader(onnx_engine(session, reader, readout), readout, name, width, token_budget)


def _torch_engine(
    base: LoadedBase, readout: Readout, reader: PromptReader, width: int
) -> TorchEngine:
    return TorchEngine(
        backbone=base.model.model.eval(),
        head_weight=torch.eye(width),
        head_bias=torch.zeros(width),
        reader=reader,
        device=torch.device("cpu"),
        batch_size=1,
        n_layers=int(base.model.config.num_hidden_layers),
        readout=readout,
    )


def read_states(
    reader: StateReader, prompts: Sequence[str], kept: Path, report: ReportProgress
) -> NDArray[np.float32]:
    """(n, width): the states of each prompt. What an earlier run left in the folder `kept` is not
    computed again; what is new is added to it. Raises CannotWrite, Unscorable, OutOfMemory."""
    folder = (
        kept
        / blake2b(
            f"{reader.name} {reader.readout.model_dump_json()}".encode(), digest_size=8
        ).hexdigest()
    )
    digests = [blake2b(prompt.encode(), digest_size=DIGEST_BYTES).digest() for prompt in prompts]
    known = dict(_kept(folder, reader.width))
    missing = dict(zip(digests, prompts, strict=True))
    for digest in known:
        missing.pop(digest, None)
    fresh: dict[bytes, NDArray[np.float32]] = {}
    for n_done, (digest, prompt) in enumerate(missing.items(), 1):
        fresh[digest] = reader.states(prompt)
        report(n_done, len(missing))
        if len(fresh) == SHARD_PROMPTS or n_done == len(missing):
            _keep(folder, fresh)
            known |= fresh
            fresh = {}
    return np.array([known[digest] for digest in digests], dtype=np.float32)


def _keep(folder: Path, states: Mapping[bytes, NDArray[np.float32]]) -> None:
    names = b"".join(states)
    tensors: dict[str, NDArray[Any]] = {
        "digests": np.frombuffer(names, dtype=np.uint8).reshape(-1, DIGEST_BYTES),
        "states": np.stack(list(states.values())),
    }
    shard = blake2b(names, digest_size=8).hexdigest()
    with whole_file(folder / f"{shard}.safetensors") as part:
        save_file(tensors, part)


def _kept(folder: Path, width: int) -> Iterator[tuple[bytes, NDArray[np.float32]]]:
    """A file that is damaged is as good as none: its prompts are read again."""
    for file in sorted(folder.glob("*.safetensors")):
        try:
            tensors = load_file(file)
            digests, states = tensors["digests"], tensors["states"]
        except (OSError, SafetensorError, KeyError):
            continue
        if states.shape == (len(digests), width) and digests.shape[1] == DIGEST_BYTES:
            yield from zip(map(bytes, digests), states, strict=True)


def lead_ms_of(reader: StateReader, prompts: Sequence[str], n_timed: int) -> float:
    """Milliseconds that the reading of one prompt takes: the median of `n_timed`, spread over
    all."""
    taken = []
    for at in np.linspace(0, len(prompts) - 1, min(len(prompts), n_timed)).astype(int):
        began_s = time.perf_counter()
        reader.states(prompts[at])
        taken.append(1_000 * (time.perf_counter() - began_s))
    return median(taken)
