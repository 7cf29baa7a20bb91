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

from schemas.events import Direction, Stage
from scoring.artifact import ArtifactError
from scoring.calibration import Finite
from scoring.engine import EngineInput
from scoring.engines.table import check_table
from scoring.prompt.features import FEATURES
from scoring.prompt.sources import Age, Contacts, CurrentStage, Last

RULE = "rule.json"
LAST_INBOUND = Last(Contacts(None, Direction.INBOUND))
RARE = -4.2
"""The logit of about 1.5%: a usual share of leads that order."""

PointsCard = Annotated[tuple[tuple[float, Finite], ...], Field(min_length=1)]


def _from_zero(points: PointsCard) -> PointsCard:
    days = [day for day, _ in points]
    if days[0] != 0 or any(a >= b for a, b in pairwise(days)):
        raise ValueError(f"days {days} do not ascend from 0")
    return points


class Rule(BaseModel):
    """The points card: logit = base + points of the stage + points of the days since the customer
    last came to us: those of the last line of `inbound` whose days have passed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Finite = RARE
    stages: Mapping[Stage, Finite] = {
        Stage.NEW: 0.0,
        Stage.CONTACTED: 0.5,
        Stage.VISIT: 1.0,
        Stage.TEST_DRIVE: 1.5,
        Stage.QUOTE: 2.0,
        Stage.ORDER: -4.0,
        Stage.LOST: -4.0,
    }
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

    def logit(self, stage: Stage | None, inbound_days: float | None) -> float:
        by_stage = self.unknown_stage if stage is None else self.stages.get(stage, 0.0)
        if inbound_days is None:
            return self.base + by_stage + self.never_inbound
        passed = [points for days, points in self.inbound if days <= inbound_days]
        return self.base + by_stage + (passed[-1] if passed else self.inbound[0][1])


@dataclass(frozen=True, slots=True)
class RuleEngine:
    """Scores by `rule`; the other two fields are its features' places in the vector."""

    rule: Rule
    stage_at: int
    inbound_at: int

    @property
    def batch_size(self) -> int:
        return 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [self._logit(engine_input) for engine_input in inputs]

    def _logit(self, engine_input: EngineInput) -> float:
        check_table(engine_input, len(FEATURES))
        features = engine_input.features
        code, days = float(features[self.stage_at]), float(features[self.inbound_at])
        values = [value for value, _ in FEATURES[self.stage_at].bins]
        is_known = not math.isnan(code) and 0 <= int(code) < len(values)
        stage = Stage(str(values[int(code)])) if is_known else None
        return self.rule.logit(stage, None if math.isnan(days) else days)


def build_rule_engine(rule: Rule) -> RuleEngine:
    """Finds the rule's features. Raises ArtifactError where stage or recency is not declared."""
    stage_at = [i for i, feature in enumerate(FEATURES) if feature.source == CurrentStage()]
    inbound_at = [
        i
        for i, feature in enumerate(FEATURES)
        if isinstance(feature.source, Age) and feature.source.moment == LAST_INBOUND
    ]
    if not stage_at or not inbound_at:
        raise ArtifactError(
            "the rule needs the stage and the age of the last inbound contact among FEATURES; "
            "declare both in scoring/prompt/features.py, or serve another artifact"
        )
    return RuleEngine(rule, stage_at[0], inbound_at[0])


def load_rule_engine(path: Path) -> RuleEngine:
    """Loads the points card in folder `path`. Raises ArtifactError when it cannot be read."""
    try:
        rule = Rule.model_validate_json((path / RULE).read_bytes())
    except (OSError, ValidationError) as error:
        raise ArtifactError(
            f"{path / RULE} is not a points card; write it again with `asllr baseline rule`"
        ) from error
    return build_rule_engine(rule)
