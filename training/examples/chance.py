"""A number in [0, 1) that follows from a name: choices that no order of the rows can change."""

from __future__ import annotations

from hashlib import blake2b


def chance(seed: int, *name: object) -> float:
    """Uniform over names and seeds."""
    digest = blake2b(repr((seed, *name)).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56
