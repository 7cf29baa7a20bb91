"""The baseline rule: points for stage and recency. Only the share of orders is fitted.

The formula is served by `scoring.engines.rule`; the same engine computes it here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.engine import EngineInput
from scoring.engines.rule import Rule, RuleEngine, build_rule_engine, rule_of
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget
from training.dataset.example import Examples

HALVINGS = 60
LOGIT_LIMIT = 20.0


@dataclass(frozen=True, slots=True)
class RulePredictor:
    """The rule with its fitted base."""

    engine: RuleEngine

    @property
    def rule(self) -> Rule:
        return self.engine.rule

    @property
    def described(self) -> dict[str, float | int | str]:
        return {"base": self.rule.base}

    def logits(self, examples: Examples) -> Floats:
        rows = [EngineInput(row, "") for row in examples.features]
        return np.array(self.engine.logits(rows), dtype=np.float64)


def fit_rule(examples: Examples, budget: Budget, log: WriteLine) -> RulePredictor:
    """Fits the base of the rule; needs no order at all. The base is moved until the mean
    probability is the observed share of orders. Half an order is added, so that a dataset without
    one does not mean "impossible"."""
    refit = examples.of(*TRAIN_AND_VALIDATION)
    rendering = examples.rendering
    rule = rule_of(rendering.domain)
    if len(refit):
        orders = float(refit.weight @ refit.label) + 0.5
        share = min(0.5, orders / (float(refit.weight.sum()) + 1.0))
        points = RulePredictor(build_rule_engine(rule, rendering)).logits(refit) - rule.base
        rule = rule.model_copy(update={"base": _base(points, refit.weight, share)})
    log(f"rule: base {rule.base:.3f}; nothing else to fit")
    return RulePredictor(build_rule_engine(rule, rendering))


def _base(points: Floats, weights: Floats, share: float) -> float:
    """The base at which the weighted mean of sigmoid(base + points) is `share`, by bisection: the
    mean rises with the base."""
    low, high = -LOGIT_LIMIT, LOGIT_LIMIT
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mean = float(np.average(1 / (1 + np.exp(-middle - points)), weights=weights))
        low, high = (middle, high) if mean < share else (low, middle)
    return round((low + high) / 2, 6)
