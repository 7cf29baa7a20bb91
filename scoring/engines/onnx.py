"""Runs an artifact's int8 graph with ONNX Runtime on the CPU, one lead per run. No torch.

One lead per run because batching gains nothing on a CPU and the dynamic activation scales of an
int8 batch would let a neighbour change a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from scoring.engine import EngineInput
from scoring.engines.reading import PromptReader, finite

GRAPH = "model.onnx"


@dataclass(frozen=True, slots=True)
class OnnxEngine:
    """The language model in ONNX Runtime."""

    session: onnxruntime.InferenceSession
    reader: PromptReader

    @property
    def batch_size(self) -> int:
        return 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [self._logit(engine_input.prompt) for engine_input in inputs]

    def _logit(self, prompt: str) -> float:
        ids = np.array([self.reader.token_ids(prompt)], dtype=np.int64)
        (logit,) = self.session.run(None, {"input_ids": ids})
        return finite(float(np.asarray(logit)[0, 0]))


def load_onnx_engine(path: Path, reader: PromptReader, *, n_threads: int = 1) -> OnnxEngine:
    """Loads the graph in folder `path`. `n_threads` run inside one operator; at these sizes more
    workers are faster than more threads."""
    return OnnxEngine(open_session(path / GRAPH, n_threads), reader)


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
