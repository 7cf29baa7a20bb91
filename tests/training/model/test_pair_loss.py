"""The pair-wise loss against hand-worked cases and a naive double loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

import torch
from hypothesis import given
from hypothesis import strategies as st

from training.model.losses import pair_loss
from training.model.settings import FitSettings

pytestmark = pytest.mark.train

HEIGHTS = torch.tensor(FitSettings().heights)


def _loss(scores: list[float], grades: list[int]) -> float:
    return float(pair_loss(torch.tensor(scores), torch.tensor(grades), HEIGHTS))


def test_one_pair_by_hand() -> None:
    """An order over a lead that was lost: margin 1."""
    assert _loss([2.0, 0.5], [5, 0]) == pytest.approx(math.log1p(math.exp(1.0 - 1.5)), abs=1e-6)


def test_a_test_drive_over_nothing_asks_for_half_the_margin_of_an_order() -> None:
    assert _loss([0.0, 0.0], [3, 0]) == pytest.approx(math.log1p(math.exp(0.5)), abs=1e-6)
    assert _loss([0.0, 0.0], [5, 0]) == pytest.approx(math.log1p(math.exp(1.0)), abs=1e-6)


@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_it_is_the_mean_over_winning_grades_of_the_mean_over_their_pairs(
    leads: list[tuple[float, int]],
) -> None:
    per_grade: dict[int, list[float]] = {}
    for score, grade in leads:
        for other, lower in leads:
            if grade > lower:
                margin = float(HEIGHTS[grade] - HEIGHTS[lower])
                lost = math.log1p(math.exp(margin - (score - other)))
                per_grade.setdefault(grade, []).append(lost)
    expected = np.mean([np.mean(lost) for lost in per_grade.values()]) if per_grade else 0.0
    scores, grades = [s for s, _ in leads], [g for _, g in leads]
    assert _loss(scores, grades) == pytest.approx(float(expected), abs=1e-4)


def test_a_batch_of_one_grade_teaches_nothing_and_breaks_nothing() -> None:
    scores = torch.tensor([1.0, 2.0], requires_grad=True)
    pair_loss(scores, torch.tensor([0, 0]), HEIGHTS).backward()
    assert scores.grad is not None
    assert scores.grad.tolist() == [0.0, 0.0]


def test_only_differences_of_scores_count() -> None:
    grades = [5, 3, 0, 1]
    assert _loss([0.0, 1.0, 2.0, 3.0], grades) == pytest.approx(
        _loss([7.0, 8.0, 9.0, 10.0], grades), abs=1e-5
    )
