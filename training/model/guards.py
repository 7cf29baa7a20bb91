"""Turns running out of memory into an error that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from training.model.errors import OutOfMemory

MemoryUser = Literal["loading the base", "reading", "reading a lead", "training"]
"""What memory is needed for. A batch is read with weights alone, a lead is a batch of one."""


@contextmanager
def naming_memory(n_tokens: int, what: MemoryUser) -> Iterator[None]:
    """Turns running out of memory on any device into OutOfMemory; other errors pass. `n_tokens`: of
    a batch, or of the longest lead."""
    try:
        yield
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        raise OutOfMemory(f"out of memory while {what}{_way_out(n_tokens, what)}") from error


def _way_out(n_tokens: int, what: MemoryUser) -> str:
    match what:
        case "training":
            return (
                f" with batches of {n_tokens} tokens; try --batch-tokens {max(1, n_tokens // 2)} "
                "--accumulation 2 (the same step in two parts), --gradient-checkpointing, or a "
                "smaller base"
            )
        case "loading the base":
            return "; try a smaller base, or, to fit an adapter on a GPU, --base-bits 4"
        case "reading a lead":
            return (
                f" of up to {n_tokens} tokens; try --token-budget {max(1, n_tokens // 2)} or a "
                "smaller base"
            )
        case "reading":
            return f" batches of {n_tokens} tokens; try a smaller base or a larger device"


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    # The CPU's allocator, oneDNN and ONNX Runtime have no exception class of their own.
    said = ("can't allocate memory", "bad_alloc", "out of memory", "Failed to allocate memory")
    return any(words in text for words in said)
