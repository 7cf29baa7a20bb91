"""Checks that a dataset has enough orders to train, validate and calibrate a language model, and
that what was asked for fits the domain."""

from __future__ import annotations

from scoring.prompt.rendering import Rendering
from training.calibrate import MIN_POSITIVES_FOR_PLATT
from training.dataset.example import Examples
from training.dataset.ladder import ladder_of
from training.dataset.manifest import Split
from training.model.errors import FitError, TooFewPositives

MIN_FIT_POSITIVES = 100
"""With fewer, the 95% interval of an AUC is wider than the gain of any model here over the rule."""

MIN_OTHER_POSITIVES = MIN_POSITIVES_FOR_PLATT
"""Orders that the validation and the calibration split need."""

RULE = "`asllr baseline rule --out RULE`"


def check_evidence(examples: Examples, min_positives: int) -> None:
    """Raises TooFewPositives, which proposes the rule, and FitError for a split of one class."""
    for split in (Split.FIT, Split.JUDGE, Split.CALIBRATE):
        rows = examples.of(split)
        n_positive, labels = rows.n_who_ordered, rows.label
        needed = min_positives if split is Split.FIT else min(min_positives, MIN_OTHER_POSITIVES)
        if n_positive < needed:
            raise TooFewPositives(
                f"split {split} has orders of {n_positive} leads in {len(labels)} rows, a "
                f"language model needs {needed}: serve the rule until there are more ({RULE}; "
                "its scores say evidence low), or build the dataset from a longer log"
            )
        if labels.all():
            raise FitError(
                f"split {split} has orders only, {len(labels)} of them; a model needs leads that "
                "did not order: raise the rate of negatives of `asllr dataset`"
            )


def check_heights(heights: tuple[float, ...], rendering: Rendering) -> None:
    """Raises FitError unless there is a height for each grade of the domain's ladder."""
    ladder = ladder_of(rendering.domain)
    if len(heights) != ladder.top + 1:
        raise FitError(
            f"--heights has {len(heights)} numbers, the ladder of domain {rendering.domain.name} "
            f"has {ladder.top + 1} grades: nothing, {', '.join(ladder.steps) or 'talked'}, won; "
            "give one number each, or leave it out"
        )
