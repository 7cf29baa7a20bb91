"""The probability an artifact would give a lead in other circumstances.

Each distinct input reaches the engine once, so that events which leave the prompt as it was cost
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from scoring.calibration import probability
from scoring.engine import EngineInput, batches
from scoring.score import Scorer


def probabilities(scorer: Scorer, inputs: Sequence[EngineInput]) -> list[float]:
    """One per input, in order. Raises `Unscorable`."""
    distinct = {_content(one): one for one in inputs}
    known: dict[tuple[bytes, bytes, str], float] = {}
    for batch in batches(distinct.items(), scorer.engine):
        logits = scorer.engine.logits([one for _, one in batch])
        for (content, _), logit in zip(batch, logits, strict=True):
            known[content] = probability(logit, scorer.calibration)
    return [known[_content(one)] for one in inputs]


def _content(one: EngineInput) -> tuple[bytes, bytes, str]:
    return one.features.tobytes(), one.columns.tobytes(), one.prompt
