"""What `asllr try` asks of whoever fits models: `training` answers, and `streams` does not know
it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.events import EventBase
from schemas.ids import LeadKey
from scoring.prompt.rendering import Rendering


class CannotLearn(ValueError):
    """No model can be fitted; the message says why, without a full stop."""


@dataclass(frozen=True, slots=True)
class LearnRequest:
    """What is learned. `undated`: who was won, where outcomes have no date. `until_ms`: the events
    were all that was known then; None: at the last of them. `baseline`: a model that was chosen
    before; None: choose one."""

    rendering: Rendering
    undated: Mapping[LeadKey, bool]
    until_ms: int | None = None
    baseline: str | None = None

    @property
    def horizon_days(self) -> int:
        return self.rendering.domain.horizon_days


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A model that was written as an artifact: `baseline` names its kind, `why` says what chose it.
    `n_leads` and `n_orders`: leads it learned from, and of these who ordered. `moving`: the profile
    fields, and other parts of a row by `scoring.columns.columns`, that move a score."""

    baseline: str
    why: str
    n_leads: int
    n_orders: int
    moving: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fitter:
    """Whoever fits models. `write_rule` writes the rule's artifact to a folder. `hindsight` returns
    the profile fields that know the outcome, with a sentence each; `learn` writes an artifact to a
    folder. Both raise CannotLearn, also where what they need is not installed."""

    write_rule: Callable[[Rendering, Path], None]
    hindsight: Callable[[Sequence[EventBase], LearnRequest], Mapping[str, str]]
    learn: Callable[[Sequence[EventBase], LearnRequest, Path], LearnedModel]
