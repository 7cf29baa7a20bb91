"""Logits become probabilities: calibrated, ordered, finite."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scoring.calibration import (
    MIN_PROBABILITY,
    Calibration,
    Knot,
    NotALogit,
    log_odds,
    probability,
    sampling_correction,
)

logits = st.floats(allow_nan=False, allow_infinity=False)


@given(logits, logits, st.floats(0.01, 100), st.floats(-50, 50))
def test_probability_is_in_bounds_and_keeps_the_order(
    x: float, y: float, a: float, b: float
) -> None:
    calibration = Calibration(a=a, b=b)
    low, high = (probability(logit, calibration) for logit in sorted((x, y)))
    assert MIN_PROBABILITY <= low <= high <= 1 - MIN_PROBABILITY


def test_platt_scaling_by_hand() -> None:
    assert probability(0.0, Calibration()) == 0.5
    assert probability(math.log(3), Calibration()) == pytest.approx(0.75, abs=1e-15)
    assert probability(2.0, Calibration(a=0.5, b=-1.0)) == 0.5


@pytest.mark.parametrize("logit", [math.nan, math.inf, -math.inf])
def test_a_logit_that_is_no_number_is_an_error_not_a_score(logit: float) -> None:
    with pytest.raises(NotALogit, match="expected a finite logit"):
        probability(logit, Calibration())


@pytest.mark.parametrize("fields", [{"a": 0.0}, {"a": -1.0}, {"b": math.nan}, {"a": math.inf}])
def test_a_calibration_that_loses_the_order_cannot_be_made(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Calibration(**fields)


def test_the_correction_undoes_dropping_negatives() -> None:
    """1 order in 100; keeping a tenth of the 99 others makes it 1 in 10.9."""
    sampled = math.log(1 / 9.9)
    corrected = probability(sampled + sampling_correction(0.1), Calibration())
    assert corrected == pytest.approx(0.01, abs=1e-12)
    assert sampling_correction(1.0) == 0.0


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, math.nan])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="kept_negatives"):
        sampling_correction(share)


@st.composite
def rising_knots(draw: st.DrawFn) -> tuple[Knot, ...]:
    n = draw(st.integers(2, 8))
    axis = st.lists(st.integers(-10_000, 10_000), min_size=n, max_size=n, unique=True)
    xs, ys = sorted(draw(axis)), sorted(draw(axis))
    return tuple((x / 1000, y / 1000) for x, y in zip(xs, ys, strict=True))


@given(logits, logits, rising_knots())
def test_isotonic_knots_keep_the_order(x: float, y: float, knots: tuple[Knot, ...]) -> None:
    calibration = Calibration(knots=knots)
    low, high = (probability(logit, calibration) for logit in sorted((x, y)))
    assert MIN_PROBABILITY <= low <= high <= 1 - MIN_PROBABILITY


@given(st.integers(-200, 200), rising_knots())
def test_isotonic_knots_make_no_ties(step: int, knots: tuple[Knot, ...]) -> None:
    """A step function would: leads of one step would be called in the order of their names."""
    low, high = (log_odds(logit / 10, Calibration(knots=knots)) for logit in (step, step + 1))
    assert low < high


def test_isotonic_knots_by_hand() -> None:
    calibration = Calibration(a=2.0, b=99.0, knots=((-1.0, -3.0), (1.0, 0.0)))
    found = [log_odds(logit, calibration) for logit in (-2.0, -1.0, 0.0, 1.0, 1.5)]
    assert found == pytest.approx([-5.0, -3.0, -1.5, 0.0, 1.0])


@pytest.mark.parametrize(
    "knots", [((0.0, 0.0), (0.0, 1.0)), ((0.0, 0.0), (1.0, 0.0)), ((0.0, 1.0), (1.0, 0.5))]
)
def test_knots_that_do_not_rise_cannot_be_made(knots: tuple[Knot, ...]) -> None:
    with pytest.raises(ValidationError, match="knots must rise"):
        Calibration(knots=knots)
