"""Reads a prompt chunk by chunk, and what it has in common with one read before not again.

A causal model's row depends on the rows before it alone. So what a chunk leaves is kept under a
digest of all tokens up to its end, and a prompt that begins with the same chunks takes it from
there: the instruction that all leads share, and what was said before the last call. Every prompt is
read in the same chunks whatever is kept. What is taken is to the bit what would be computed, since
the same graph computed it from the same numbers in the same shapes. As automatic prefix caching in
vLLM: W. Kwon and others, Efficient Memory Management for Large Language Model Serving with
PagedAttention, 2023, arXiv 2309.06180.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from scoring.engines.chunk_graph import Chunk, ChunkGraph
from scoring.engines.kept_chunks import KeptChunk, KeptChunks
from scoring.floats import Floats

N_TRIED_TOKENS = 8
"""Every vocabulary has that many."""


@dataclass(frozen=True, slots=True)
class ChunkReader:
    """Reads prompts of at most `max_tokens` tokens with `graph`. `kept`: what is known already. For
    one thread."""

    graph: ChunkGraph
    max_tokens: int
    kept: KeptChunks
    past: NDArray[np.float16] = field(init=False)
    """Of the prompt in hand: (2 * n_layers, max_tokens, width)."""
    holds: list[bytes] = field(default_factory=list)
    """The digests of the chunks that `past` holds."""

    def __post_init__(self) -> None:
        shape = (2 * self.graph.n_layers, self.max_tokens, self.graph.width)
        object.__setattr__(self, "past", np.zeros(shape, np.float16))

    def row(self, ids: Sequence[int], is_spoken: NDArray[np.bool_]) -> Floats:
        """All that the head gives of one prompt, float64 (n_outputs,). `is_spoken`: which of its
        tokens are the customer's words, (n_tokens,). What gives no numbers is not kept."""
        graph = self.graph
        tokens = np.array(ids[graph.n_prefix :], np.int64)
        spoken = is_spoken[graph.n_prefix :]
        starts = graph.sizes.starts(len(tokens))
        digests = _digests(tokens, spoken, starts[1:])
        chunks = self.kept.longest(digests)
        for i, chunk in enumerate(chunks):
            self._hold(i, digests[i], chunk)
        sums = chunks[-1].sums if chunks else np.zeros(graph.sums_shape, np.float32)

        def piece(start: int, stop: int) -> Chunk:
            share = 1 / max(int(is_spoken.sum()), 1)
            return Chunk(tokens[start:stop], start, spoken[start:stop], share, sums)

        for i in range(len(chunks), len(digests)):
            past, sums = graph.kept(piece(starts[i], starts[i + 1]), self.past)
            chunks.append(KeptChunk(past, sums))
            self._hold(i, digests[i], chunks[i])
        row = graph.row(piece(starts[-1], len(tokens)), self.past).astype(np.float64)
        if np.isfinite(row).all():
            self.kept.keep(digests, chunks)
        return row

    def forget(self) -> None:
        """As before the first prompt."""
        self.kept.clear()
        self.holds.clear()

    def _hold(self, i: int, digest: bytes, chunk: KeptChunk) -> None:
        """Puts chunk `i` into `past`, if it is not there from the prompt before."""
        if self.holds[i : i + 1] != [digest]:
            start = i * self.graph.sizes.chunk
            self.past[:, start : start + self.graph.sizes.chunk] = chunk.past
            self.holds[i:] = [digest]


def is_exact(graph: ChunkGraph, max_tokens: int) -> bool:
    """Whether a prompt gives the same bits here when its chunks are taken from memory; not so with
    a runtime whose sums depend on more than what it is given. By a made-up prompt of two chunks and
    a rest."""
    sizes = graph.sizes
    n_tokens = min(graph.n_prefix + 2 * sizes.chunk + sizes.rest, max_tokens)
    ids = [i % N_TRIED_TOKENS for i in range(n_tokens)]
    is_spoken = np.arange(n_tokens) % 2 == 0
    reader = ChunkReader(graph, max_tokens, KeptChunks())
    computed = reader.row(ids, is_spoken)
    reader.holds.clear()
    return np.array_equal(computed, reader.row(ids, is_spoken))


def _digests(
    tokens: NDArray[np.int64], spoken: NDArray[np.bool_], stops: Sequence[int]
) -> list[bytes]:
    """Of all that is read up to each of `stops`."""
    state, start, digests = sha256(), 0, []
    for stop in stops:
        state.update(tokens[start:stop].tobytes() + spoken[start:stop].tobytes())
        digests.append(state.digest())
        start = stop
    return digests
