"""Scores leads by a points card of funnel stage and recency, before anything has been learned.

It is not trained, so a worker can serve it from day one; its Scores say evidence `low`. It finds
its two features by their declared source, not by name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from schemas.events import Direction, Word
from scoring.artifact import ArtifactError
from scoring.calibration import Finite
from scoring.domain.model import Domain
from scoring.engine import EngineInput
from scoring.engines.table import TableWidth, check_table
from scoring.prompt.rendering import Rendering, open_stages
from scoring.prompt.sources import Age, Contacts, CurrentStage, Last

RULE = "rule.json"
LAST_INBOUND = Last(Contacts(None, Direction.INBOUND))
RARE = -4.2
"""The logit of about 1.5%: a usual share of leads that order."""

LATEST, ENDED = 2.0, -4.0
"""Points of the last stage before the funnel's end, and of a stage that ends it."""

PointsCard = Annotated[tuple[tuple[float, Finite], ...], Field(min_length=1)]


def _from_zero(points: PointsCard) -> PointsCard:
    days = [day for day, _ in points]
    if days[0] != 0 or any(a >= b for a, b in pairwise(days)):
        raise ValueError(f"days {days} do not ascend from 0")
    return points


class Rule(BaseModel):
    """The points card: logit = base + points of the stage (0 where `stages` does not name it) +
    points of the days since the customer
    last came to us: those of the last line of `inbound` whose days have passed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Finite = RARE
    stages: Mapping[Word, Finite] = {}
    unknown_stage: Finite = 0.0
    inbound: Annotated[PointsCard, AfterValidator(_from_zero)] = (
        (0, 1.0),
        (1, 0.8),
        (2, 0.6),
        (4, 0.3),
        (7, 0.0),
        (14, -0.3),
        (30, -0.8),
        (60, -1.2),
        (90, -1.6),
    )
    never_inbound: Finite = -0.5

    def logit(self, stage: str | None, inbound_days: float | None) -> float:
        by_stage = self.unknown_stage if stage is None else self.stages.get(stage, 0.0)
        if inbound_days is None:
            return self.base + by_stage + self.never_inbound
        passed = [points for days, points in self.inbound if days <= inbound_days]
        return self.base + by_stage + (passed[-1] if passed else self.inbound[0][1])


@dataclass(frozen=True, slots=True)
class RuleEngine:
    """Scores by `rule`. `stage_at` and `inbound_at`: its features' places in the vector, which has
    `n_features`; `stages`: the words of the stage's codes."""

    rule: Rule
    n_features: int
    stages: tuple[str, ...]
    stage_at: int
    inbound_at: int

    @property
    def batch_size(self) -> int:
        return 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [self._logit(engine_input) for engine_input in inputs]

    def _logit(self, engine_input: EngineInput) -> float:
        check_table(engine_input, TableWidth(self.n_features))
        features = engine_input.features
        code, days = float(features[self.stage_at]), float(features[self.inbound_at])
        is_known = not math.isnan(code) and 0 <= int(code) < len(self.stages)
        stage = self.stages[int(code)] if is_known else None
        return self.rule.logit(stage, None if math.isnan(days) else days)


def rule_of(domain: Domain) -> Rule:
    """The points card for a business that has no data yet: the further down the domain's funnel,
    the more points; none for a lead that is at its end."""
    ladder = open_stages(domain)
    rising = {name: LATEST * i / max(len(ladder) - 1, 1) for i, name in enumerate(ladder)}
    ended = {stage.name: ENDED for stage in domain.stages if stage.ends is not None}
    return Rule(stages=rising | ended)


def build_rule_engine(rule: Rule, rendering: Rendering) -> RuleEngine:
    """Finds the rule's features. Raises ArtifactError where stage or recency is not declared."""
    features = rendering.features
    stage_at = [i for i, feature in enumerate(features) if feature.source == CurrentStage()]
    inbound_at = [
        i
        for i, feature in enumerate(features)
        if isinstance(feature.source, Age) and feature.source.moment == LAST_INBOUND
    ]
    if not stage_at or not inbound_at:
        missing = "the age of the last inbound contact" if stage_at else "the stage"
        raise ArtifactError(
            f"the rule needs {missing}, which is no feature of domain {rendering.domain.name}; "
            "declare it as the pack generic does, or serve another artifact"
        )
    stages = tuple(str(value) for value, _ in features[stage_at[0]].bins)
    if unknown := sorted(rule.stages.keys() - set(stages)):
        raise ArtifactError(
            f"the rule gives points for stage {unknown[0]}, which domain {rendering.domain.name} "
            "does not have; write it again with `asllr baseline rule --domain`"
        )
    return RuleEngine(rule, len(features), stages, stage_at[0], inbound_at[0])


def load_rule_engine(path: Path, rendering: Rendering) -> RuleEngine:
    """Loads the points card in folder `path`. Raises ArtifactError when it cannot be read."""
    try:
        rule = Rule.model_validate_json((path / RULE).read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError(
            f"{path / RULE} is not a points card; write it again with `asllr baseline rule`"
        ) from error
    return build_rule_engine(rule, rendering)
