"""Runs an artifact's int8 graph with ONNX Runtime on the CPU, one lead per run. No torch.

One lead per run because batching gains nothing on a CPU and the dynamic activation scales of an
int8 batch would let a neighbour change a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from scoring.engine import EngineInput, Unscorable
from scoring.engines.reading import PromptReader, finite_row, spoken_weights
from scoring.engines.readout import Readout, load_readout
from scoring.floats import Floats

GRAPH = "model.onnx"
PREFIX = "prefix"
"""In the graph's metadata: the ids of the first tokens, which it does not compute again."""


@dataclass(frozen=True, slots=True)
class OnnxEngine:
    """The language model in ONNX Runtime. `readout`: what the graph's head reads; None is the
    marker's last state. `prefix`: how every prompt's tokens have to begin."""

    session: onnxruntime.InferenceSession
    reader: PromptReader
    readout: Readout | None = None
    prefix: tuple[int, ...] = ()

    @property
    def batch_size(self) -> int:
        return 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [float(row[0]) for row in self.rows(inputs)]

    def rows(self, inputs: Sequence[EngineInput]) -> Floats:
        """All that the head gives, float64 (n_inputs, n_outputs): the logit, then components of
        the state if the artifact has them. Raises Unscorable."""
        return np.array([self._row(engine_input.prompt) for engine_input in inputs])

    def _row(self, prompt: str) -> Floats:
        tokens = self.reader.tokens(prompt)
        if tuple(tokens.ids[: len(self.prefix)]) != self.prefix:
            raise Unscorable(
                f"the prompt's first {len(self.prefix)} tokens are not those of the artifact's "
                "prompts; build prompts with the artifact's domain"
            )
        feed: dict[str, NDArray[Any]] = {"input_ids": np.array([tokens.ids], dtype=np.int64)}
        if self.readout is not None and self.readout.needs_spoken:
            feed["weights"] = spoken_weights(prompt, tokens.offsets)[None]
        (row,) = self.session.run(None, feed)
        return finite_row(np.asarray(row, dtype=np.float64)[0])


def load_onnx_engine(path: Path, reader: PromptReader, *, n_threads: int = 1) -> OnnxEngine:
    """Loads the graph in folder `path`. `n_threads` run inside one operator; at these sizes more
    workers are faster than more threads."""
    return onnx_engine(open_session(path / GRAPH, n_threads), reader, load_readout(path))


def onnx_engine(
    session: onnxruntime.InferenceSession, reader: PromptReader, readout: Readout | None
) -> OnnxEngine:
    """The engine of a graph that is open, with the first tokens that the graph itself names."""
    named = session.get_modelmeta().custom_metadata_map.get(PREFIX, "")
    prefix = tuple(int(token) for token in named.split())
    return OnnxEngine(session, reader, readout, prefix)


def open_session(path: Path, n_threads: int) -> onnxruntime.InferenceSession:
    """Opens an ONNX file for the CPU, without threads that wait in a busy loop."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )
