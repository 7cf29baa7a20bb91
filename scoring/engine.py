"""The engine protocol: features and prompt in, raw logit out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray


class Unscorable(ValueError):
    """An input no retry can score: over-long, malformed, or met by a logit that is not finite.
    The message names sizes and limits, never lead text."""


def _none() -> NDArray[np.float32]:
    return np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class EngineInput:
    """One lead at one moment. `features`: float32 (n_features,), NaN = unknown, in the order of
    the features that the artifact's domain declares. `columns`: float32, what the artifact reads
    beside them, by `scoring.columns`; empty for an artifact that reads nothing else."""

    features: NDArray[np.float32]
    prompt: str
    columns: NDArray[np.float32] = field(default_factory=_none)

    @property
    def row(self) -> NDArray[np.float32]:
        """The table's row: features, then columns."""
        return np.concatenate([self.features, self.columns]).astype(np.float32)


class Engine(Protocol):
    """Turns inputs into logits. Deterministic: same build, same input, same bits, whatever the
    batch mates. Raises `Unscorable` on an input it cannot score; never returns a NaN."""

    @property
    def batch_size(self) -> int:
        """How many inputs one call should carry: 1 on CPU, more on a GPU
        (docs/explanation/engines.md)."""
        ...

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        """One raw logit per input, in order."""
        ...


T = TypeVar("T")


def batches(items: Iterable[T], engine: Engine) -> Iterator[list[T]]:
    """In order, as many at once as one call of `engine` should carry."""
    waiting = iter(items)
    while batch := list(islice(waiting, engine.batch_size)):
        yield batch


def logits_of(inputs: Sequence[EngineInput], engine: Engine) -> list[float | None]:
    """None for a lead that the engine refuses even alone."""
    if not inputs:
        return []
    try:
        return [*engine.logits(inputs)]
    except Unscorable:
        if len(inputs) == 1:
            return [None]
        return [logit for one in inputs for logit in logits_of([one], engine)]
