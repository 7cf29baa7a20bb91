"""Scores and rows with a known relation, for the tests of evaluation."""

from __future__ import annotations

import numpy as np

from scoring.prompt.rendering import first_rendering
from tests.training.dataset.rows import row
from training.dataset.example import Examples, columns_of
from training.dataset.manifest import Split
from training.evaluation.judged import JudgedRows, Scored

AUTO = first_rendering()


def judged(
    n: int = 600, *, seed: int = 3, truth: bool = True, weight_of_negatives: float = 1.0
) -> JudgedRows:
    """A tenth positive, 60 leads a list, two queues, one stage."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.5, 4.5, size=n)
    labels = (rng.random(n) < chance).astype(np.float64)
    return JudgedRows(
        labels=labels,
        truth=chance if truth else np.full(n, np.nan),
        weights=np.where(labels > 0, 1.0, weight_of_negatives),
        clusters=np.array([f"acme/l-{i}" for i in range(n)]),
        lists=np.arange(n) // 60,
        groups={
            "queue": np.array(["north", "south"])[np.arange(n) % 2],
            "stage": np.full(n, "new"),
        },
    )


def model(rows: JudgedRows, noise: float, name: str = "ours", seed: int = 4) -> Scored:
    """Knows the truth up to `noise` in log odds, and is as sure as the truth."""
    odds = np.log(rows.truth / (1 - rows.truth))
    said = odds + np.random.default_rng(seed).normal(0, noise, len(rows))
    return Scored(name, said, 1 / (1 + np.exp(-said)))


def examples(n: int = 40) -> Examples:
    """Every second positive; no truth is known, no call was transcribed."""
    return columns_of((row(i, Split.TEST) for i in range(n)), rendering=AUTO)
