"""A graph that reads one chunk of a prompt, given what the chunks before it left.

`training/export/onnx_graph.py` builds it; the names here are what both agree on. How prompts are
cut is of the graph, too: other chunks are other sums, in the last bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

PREFIX = "prefix"
"""In the graph's metadata: the ids of the first tokens, which it does not compute again."""

CHUNKS = "chunks"
"""In the graph's metadata: the sizes of a chunk and of the least rest, in tokens. Graphs that read
a prompt in one go have none."""

TOKENS = "input_ids"
N_BEFORE = "n_before"
SPOKEN = "spoken"
SPOKEN_SHARE = "spoken_share"
SUMS_BEFORE = "sums_before"
SUMS = "sums"
KEPT = "kept"
LOGIT = "logit"

KEYS_AND_VALUES = "kv"


def past_name(layer: int, which: str) -> str:
    """The input with the keys ("k") or values ("v") of a layer: float16 (n_past, width)."""
    return f"past.{layer}.{which}"


@dataclass(frozen=True, slots=True)
class ChunkSizes:
    """How a prompt is cut, from its first token that is not the prefix's: into chunks of `chunk`
    tokens while `rest` are left, and the rest, which is at least as long and is never kept: the end
    of a prompt is where the next one differs.

    >>> ChunkSizes(chunk=64, rest=64).starts(200)
    [0, 64, 128]
    """

    chunk: int = 64
    rest: int = 64

    def starts(self, n_tokens: int) -> list[int]:
        """Where each chunk begins, and last the rest."""
        return [0, *range(self.chunk, n_tokens - self.rest + 1, self.chunk)]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is new in a run: `tokens` (n_rows,), the first of which is number `start` after the
    prefix, and which of them are the customer's words. `spoken_share`: 1 by the number of such
    tokens in the whole prompt. `sums`: over all tokens before, float32 (n_sums, hidden)."""

    tokens: NDArray[np.int64]
    start: int
    is_spoken: NDArray[np.bool_]
    spoken_share: float
    sums: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChunkGraph:
    """An open graph and the sizes of what it takes: `n_layers` layers of keys and of values, each
    `width` wide, and `sums_shape` (n_sums, hidden) sums over the tokens."""

    session: onnxruntime.InferenceSession
    n_prefix: int
    sizes: ChunkSizes
    n_layers: int
    width: int
    sums_shape: tuple[int, int]
    reads_spoken: bool

    def row(self, chunk: Chunk, past: NDArray[np.float16]) -> NDArray[np.float32]:
        """What the head gives of a prompt that ends with `chunk`, (n_outputs,). `past`: keys and
        values in turn, (2 * n_layers, at least chunk.start, width)."""
        (rows,) = self.session.run([LOGIT], self._feed(chunk, past))
        row: NDArray[np.float32] = np.asarray(rows)[0]
        return row

    def kept(
        self, chunk: Chunk, past: NDArray[np.float16]
    ) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """What chunks after it need: its keys and values in turn, (2 * n_layers, n_rows, width),
        and the sums up to its end. `past` as in `row`."""
        names = [KEPT] if self.n_layers else []
        names += [SUMS] if self.sums_shape[0] else []
        found = dict(zip(names, self.session.run(names, self._feed(chunk, past)), strict=True))
        by_layer = 2 * self.n_layers, len(chunk.tokens), self.width
        kept = found.get(KEPT, np.zeros(by_layer, np.float16))
        return np.asarray(kept).reshape(by_layer), np.asarray(found.get(SUMS, chunk.sums))

    def _feed(self, chunk: Chunk, past: NDArray[np.float16]) -> dict[str, NDArray[Any]]:
        feed: dict[str, NDArray[Any]] = {
            TOKENS: chunk.tokens[None],
            N_BEFORE: np.array([self.n_prefix + chunk.start], np.int64),
        }
        for i, rows in enumerate(past):
            feed[past_name(i // 2, KEYS_AND_VALUES[i % 2])] = rows[: chunk.start]
        if self.sums_shape[0]:
            feed[SUMS_BEFORE] = chunk.sums
        if self.reads_spoken:
            feed[SPOKEN] = chunk.is_spoken[None].astype(np.float32)
            feed[SPOKEN_SHARE] = np.array([chunk.spoken_share], np.float32)
        return feed


def chunk_graph(session: onnxruntime.InferenceSession) -> ChunkGraph | None:
    """None for a graph that reads a prompt in one go."""
    named = session.get_modelmeta().custom_metadata_map
    if CHUNKS not in named:
        return None
    shapes = {each.name: each.shape for each in session.get_inputs()}
    n_layers = sum(past_name(i, "k") in shapes for i in range(len(shapes)))
    n_sums, hidden = shapes.get(SUMS_BEFORE, (0, 0))
    return ChunkGraph(
        session=session,
        n_prefix=len(named[PREFIX].split()),
        sizes=ChunkSizes(*map(int, named[CHUNKS].split())),
        n_layers=n_layers,
        width=shapes[past_name(0, "k")][1] if n_layers else 0,
        sums_shape=(n_sums, hidden),
        reads_spoken=SPOKEN in shapes,
    )
