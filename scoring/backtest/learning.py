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
class BaseRequest:
    """A language model that reads beside. `folder`: of an imported base; `kept`: the folder of what
    it makes of leads. `is_heard`: what an earlier fit decided; None: decide."""

    folder: Path
    kept: Path
    is_heard: bool | None = None


@dataclass(frozen=True, slots=True)
class BaseFinding:
    """What became of a base: whether the model hears it, and the reason as a sentence. `lead_ms`:
    how long it reads one moment of a lead."""

    is_heard: bool
    sentence: str
    lead_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class LearnRequest:
    """What is learned. `undated`: who was won, where outcomes have no date. `until_ms`: the events
    were all that was known then; None: at the last of them. `baseline`: a model that was chosen
    before; None: choose one. `base`: None: no language model."""

    rendering: Rendering
    undated: Mapping[LeadKey, bool]
    until_ms: int | None = None
    baseline: str | None = None
    base: BaseRequest | None = None

    @property
    def horizon_days(self) -> int:
        return self.rendering.domain.horizon_days


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A model that was written as an artifact: `baseline` names its kind, `why` says what chose it.
    `n_leads` and `n_orders`: leads it learned from, and of these who ordered. `base`: None where
    none was asked for. `moving`: the profile fields, and other parts of a row by
    `scoring.columns.columns`, that move a score."""

    baseline: str
    why: str
    n_leads: int
    n_orders: int
    base: BaseFinding | None = None
    moving: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fitter:
    """Whoever fits models. `write_rule` writes the rule's artifact to a folder. `hindsight` returns
    the profile fields that know the outcome, with a sentence each; `learn` writes an artifact to a
    folder. `check_base` looks at the folder of a base, in seconds. All raise CannotLearn, also
    where what they need is not installed."""

    write_rule: Callable[[Rendering, Path], None]
    hindsight: Callable[[Sequence[EventBase], LearnRequest], Mapping[str, str]]
    learn: Callable[[Sequence[EventBase], LearnRequest, Path], LearnedModel]
    check_base: Callable[[Path], None]
