"""A prompt that was read is not read again: outputs by the digest of what they are of.

Engines are deterministic whatever else they score, so what is remembered is what would be computed,
to the bit. A digest and not the prompt: what customers said is not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

import numpy as np

from scoring.engine import EngineInput
from scoring.floats import Floats

REMEMBERED_PROMPTS = 16_384
"""About 4 MB: a queue's leads, each with the newest few prompts."""


class LanguageModelEngine(Protocol):
    """An engine that reads the prompt alone, and may give components beside its logit."""

    @property
    def batch_size(self) -> int: ...

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]: ...

    def rows(self, inputs: Sequence[EngineInput]) -> Floats:
        """float64 (n_inputs, n_outputs); output 0 is the logit."""
        ...


@dataclass(frozen=True, slots=True)
class RememberingEngine:
    """`engine` with a memory of its newest `size` prompts; those asked for longest ago go first.
    For one thread."""

    engine: LanguageModelEngine
    size: int = REMEMBERED_PROMPTS
    memory: OrderedDict[bytes, Floats] = field(default_factory=OrderedDict)

    @property
    def batch_size(self) -> int:
        return self.engine.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [float(row[0]) for row in self.rows(inputs)]

    def rows(self, inputs: Sequence[EngineInput]) -> Floats:
        """As the engine's; every prompt reaches it once at most. Raises Unscorable."""
        keys = [sha256(each.prompt.encode()).digest() for each in inputs]
        found = {key: self.memory[key] for key in keys if key in self.memory}
        new = {key: each for key, each in zip(keys, inputs, strict=True) if key not in found}
        if new:
            found |= dict(zip(new, self.engine.rows(list(new.values())), strict=True))
        for key in keys:
            self.memory[key] = found[key]
            self.memory.move_to_end(key)
        while len(self.memory) > self.size:
            self.memory.popitem(last=False)
        return np.array([found[key] for key in keys])
