"""Runs an artifact's int8 graph with ONNX Runtime on the CPU, one lead per run. No torch.

One lead per run because batching gains nothing on a CPU and the dynamic activation scales of an
int8 batch would let a neighbour change a score. New graphs read it in chunks
(`scoring.engines.chunked`), those of before in one go.
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
from scoring.engines.chunk_graph import PREFIX, chunk_graph
from scoring.engines.chunked import ChunkReader, is_exact
from scoring.engines.kept_chunks import KEPT_BYTES, KeptChunks
from scoring.engines.reading import PromptReader, finite_row, spoken_weights
from scoring.engines.readout import Readout, load_readout
from scoring.floats import Floats

GRAPH = "model.onnx"


@dataclass(frozen=True, slots=True)
class OnnxEngine:
    """The language model in ONNX Runtime. `readout`: what the graph's head reads; None is the
    marker's last state. `prefix`: how every prompt's tokens have to begin. `chunks`: None for a
    graph that reads a prompt in one go."""

    session: onnxruntime.InferenceSession
    reader: PromptReader
    readout: Readout | None = None
    prefix: tuple[int, ...] = ()
    chunks: ChunkReader | None = None

    @property
    def batch_size(self) -> int:
        return 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [float(row[0]) for row in self.rows(inputs)]

    def rows(self, inputs: Sequence[EngineInput]) -> Floats:
        """All that the head gives, float64 (n_inputs, n_outputs): the logit, then components of
        the state if the artifact has them. Raises Unscorable."""
        return np.array([self._row(engine_input.prompt) for engine_input in inputs])

    def forget(self) -> None:
        """Lets go of what was kept of prompts. Scores are the same, and later."""
        if self.chunks is not None:
            self.chunks.forget()

    def _row(self, prompt: str) -> Floats:
        tokens = self.reader.tokens(prompt)
        if tuple(tokens.ids[: len(self.prefix)]) != self.prefix:
            raise Unscorable(
                f"the prompt's first {len(self.prefix)} tokens are not those of the artifact's "
                "prompts; build prompts with the artifact's domain"
            )
        if self.readout is not None and self.readout.needs_spoken:
            weights = spoken_weights(prompt, tokens.offsets)
        else:
            weights = np.zeros(len(tokens.ids), np.float32)
        if self.chunks is not None:
            return finite_row(self.chunks.row(tokens.ids, weights > 0))
        feed: dict[str, NDArray[Any]] = {"input_ids": np.array([tokens.ids], dtype=np.int64)}
        if self.readout is not None and self.readout.needs_spoken:
            feed["weights"] = weights[None]
        (row,) = self.session.run(None, feed)
        return finite_row(np.asarray(row, dtype=np.float64)[0])


def load_onnx_engine(
    path: Path, reader: PromptReader, *, n_threads: int = 1, kept_bytes: int = KEPT_BYTES
) -> OnnxEngine:
    """Loads the graph in folder `path`. `n_threads` run inside one operator; at these sizes more
    workers are faster than more threads. `kept_bytes`: of what it reads, for prompts that begin
    alike; none gives the same scores, later."""
    session = open_session(path / GRAPH, n_threads)
    return onnx_engine(session, reader, load_readout(path), kept_bytes)


def onnx_engine(
    session: onnxruntime.InferenceSession,
    reader: PromptReader,
    readout: Readout | None,
    kept_bytes: int = KEPT_BYTES,
) -> OnnxEngine:
    """The engine of a graph that is open, with the first tokens that the graph itself names. Where
    chunks from memory give other bits, it keeps none."""
    named = session.get_modelmeta().custom_metadata_map.get(PREFIX, "")
    prefix = tuple(int(token) for token in named.split())
    graph = chunk_graph(session)
    if graph is None:
        return OnnxEngine(session, reader, readout, prefix)
    room = kept_bytes if kept_bytes and is_exact(graph, reader.max_tokens) else 0
    chunks = ChunkReader(graph, reader.max_tokens, KeptChunks(room))
    return OnnxEngine(session, reader, readout, prefix, chunks)


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
