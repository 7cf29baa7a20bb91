"""A second engine, without a model: a weighted sum of the features, and rules about prompts that
break it. Tests of roles score with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from scoring.calibration import Calibration
from scoring.engine import Engine, EngineInput, Unscorable
from scoring.prompt.prompt import MARKER, PromptSpec
from scoring.prompt.rendering import first_rendering
from scoring.score import Scorer

AUTO = first_rendering()

WEIGHTS = np.linspace(-0.9, 1.1, len(AUTO.features))
"""Any will do; distinct, so that exchanged features show."""


MAX_TOKENS = 500
"""More than any prompt the rule scorer builds."""


@dataclass(frozen=True, slots=True)
class RuleEngine:
    """Deterministic. `faults`: a piece of prompt -> what happens to the batch that contains it."""

    batch_size: int = 1
    bias: float = 0.0
    faults: dict[str, Callable[[], float]] = field(default_factory=dict)

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [self._logit(item) for item in inputs]

    def _logit(self, item: EngineInput) -> float:
        if item.features.shape != (len(AUTO.features),):
            raise Unscorable(f"{item.features.shape} features, expected {len(AUTO.features)}")
        if (n_tokens := count_characters(item.prompt)) > MAX_TOKENS:
            raise Unscorable(f"{n_tokens} tokens, the artifact reads {MAX_TOKENS}")
        if not item.prompt.endswith(MARKER):
            raise Unscorable("the prompt does not end with the answer marker")
        for piece, fault in self.faults.items():
            if piece in item.prompt:
                return fault()
        known = np.nan_to_num(item.features.astype(np.float64), nan=-1.0)
        return float(np.tanh(known) @ WEIGHTS / 4) + len(item.prompt) % 17 / 50 + self.bias


@dataclass(frozen=True, slots=True)
class Contrary:
    """Last comes first."""

    batch_size: int = 5

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [-logit for logit in RuleEngine().logits(inputs)]


def raises() -> float:
    raise RuntimeError("the engine says what it read")


def raises_unscorable() -> float:
    raise Unscorable("not this one")


def returns_nan() -> float:
    return float("nan")


def hangs_until(released: threading.Event) -> Callable[[], float]:
    def hang() -> float:
        released.wait()
        return 0.0

    return hang


def count_characters(text: str) -> int:
    """A stand-in for a tokenizer: four characters a token, never less."""
    return -(-len(text) // 4)


def rule_scorer(engine: Engine | None = None, digest: str = "rule-1") -> Scorer:
    return Scorer(
        digest=digest,
        horizon_days=AUTO.domain.horizon_days,
        spec=PromptSpec(AUTO, token_budget=MAX_TOKENS, count_tokens=count_characters),
        calibration=Calibration(),
        engine=engine or RuleEngine(),
    )


CONTRARY = "contrary"


def rule_scorer_of(digest: str) -> Scorer:
    """Any digest names a rule: for tests that watch everything but the model. One that begins with
    CONTRARY turns every list over."""
    return rule_scorer(Contrary() if digest.startswith(CONTRARY) else None, digest)
