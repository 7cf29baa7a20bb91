"""Turns running out of memory into an error that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from training.model.errors import OutOfMemory


@contextmanager
def naming_memory(batch_tokens: int, what: str) -> Iterator[None]:
    """Turns running out of memory on any device into OutOfMemory; other errors pass."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        raise OutOfMemory(
            f"out of memory while {what} with batches of {batch_tokens} tokens; try "
            f"--batch-tokens {max(1, batch_tokens // 2)} --accumulation 2 (the same step in two "
            "parts), --gradient-checkpointing, or a smaller base"
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    # The CPU's allocator and oneDNN have no exception class of their own.
    return "can't allocate memory" in text or "bad_alloc" in text or "out of memory" in text
