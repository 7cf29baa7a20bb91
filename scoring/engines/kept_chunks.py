"""What a language model made of chunks of prompts that it read, while there is room.

Keys and values are derived from what customers said, and nobody reads words from them, but somebody
who has the model might: they lie in this process's memory only, are never written or logged, and go
when it ends. The words themselves and their tokens are not kept, only digests.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

KEPT_BYTES = 256 << 20
"""For one engine. SmolLM2-135M takes up to 23 kB a token: 11,000 tokens, some dozen leads. A score
worker has a setting for it."""


@dataclass(frozen=True, slots=True)
class KeptChunk:
    """Of a chunk: keys and values in turn, float16 (2 * n_layers, n_rows, width), and the sums over
    all tokens up to its end, float32 (n_sums, hidden)."""

    past: NDArray[np.float16]
    sums: NDArray[np.float32]

    @property
    def n_bytes(self) -> int:
        return self.past.nbytes + self.sums.nbytes


@dataclass(slots=True)
class KeptChunks:
    """The chunks that were asked for last, by the digest of all that was read up to their end. At
    most `max_bytes` of them. For one thread."""

    max_bytes: int = KEPT_BYTES
    n_bytes: int = 0
    by_digest: OrderedDict[bytes, KeptChunk] = field(default_factory=OrderedDict)

    def longest(self, digests: Sequence[bytes]) -> list[KeptChunk]:
        """What is kept of a prompt whose chunks have these digests: its beginning, or nothing."""
        found: list[KeptChunk] = []
        for digest in digests:
            if digest not in self.by_digest:
                break
            found.append(self.by_digest[digest])
        return found

    def keep(self, digests: Sequence[bytes], chunks: Sequence[KeptChunk]) -> None:
        """Keeps the chunks of one prompt, in their order, and lets go of those asked for longest
        ago. A chunk is of no use without those before it, so a prompt's last go first."""
        for digest, chunk in zip(reversed(digests), reversed(chunks), strict=True):
            if digest not in self.by_digest:
                self.by_digest[digest] = chunk
                self.n_bytes += chunk.n_bytes
            self.by_digest.move_to_end(digest)
        while self.n_bytes > self.max_bytes:
            _, dropped = self.by_digest.popitem(last=False)
            self.n_bytes -= dropped.n_bytes

    def clear(self) -> None:
        self.by_digest.clear()
        self.n_bytes = 0
