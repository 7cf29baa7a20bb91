"""Failure signatures on slices where the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from training.export.signatures import (
    FitFinding,
    JudgedSlice,
    answers_still_mean,
    forgetting,
    long_context,
    plateau,
    rank_correlation,
)
from training.model.readout import Answers

pytestmark = pytest.mark.train

N = 2_000
AUCS = [0.6, 0.7]


def _answers(logits: np.ndarray, mass: float) -> Answers:
    yes = 1 / (1 + np.exp(-logits))
    return Answers(np.log(mass * yes), np.log(mass * (1 - yes)))


@pytest.fixture
def judged() -> JudgedSlice:
    """A good model over a weak probe."""
    rng = np.random.default_rng(1)
    truth = rng.normal(size=N)
    return JudgedSlice(
        labels=(rng.random(N) < 1 / (1 + np.exp(2 - 2 * truth))).astype(np.float64),
        logits=truth,
        frozen_logits=truth + rng.normal(size=N) * 3,
        answers=_answers(2 * truth - 2, 0.95),
        frozen_answers=_answers(rng.normal(size=N), 0.2),
        lengths=rng.integers(50, 250, N),
        is_cut=np.zeros(N, dtype=bool),
        is_summarised=np.zeros(N, dtype=bool),
        clusters=np.arange(N).astype(str),
    )


def test_a_healthy_fit_has_no_finding(judged: JudgedSlice) -> None:
    found = (
        plateau(judged, AUCS, 1, 0.5),
        long_context(judged),
        forgetting({"leads": 2.0}, {"leads": 2.02}, 1_000),
        answers_still_mean(judged),
    )
    assert [signature.finding for signature in found] == [FitFinding.FINE] * 4


def test_a_missing_qa_loss_is_said(judged: JudgedSlice) -> None:
    found = plateau(judged, AUCS, 1, 0.0)
    assert found.finding is FitFinding.WARNING
    assert "--qa-weight" in found.sentence


def test_a_qa_loss_that_does_not_fall_is_said(judged: JudgedSlice) -> None:
    idle = replace(judged, answers=judged.frozen_answers)
    found = plateau(idle, AUCS, 1, 0.5)
    assert found.finding is FitFinding.WARNING
    assert "not at work" in found.sentence


def test_a_gain_that_may_be_nothing_is_not_called_one(judged: JudgedSlice) -> None:
    rng = np.random.default_rng(2)
    same = replace(judged, frozen_logits=judged.logits + rng.normal(size=N) * 0.01)
    assert plateau(same, AUCS, 1, 0.5).finding is FitFinding.CANNOT_TELL


def test_a_probe_that_nothing_beat_is_said(judged: JudgedSlice) -> None:
    assert plateau(judged, AUCS, 0, 0.5).finding is FitFinding.WARNING


def test_long_leads_scored_worse_are_seen(judged: JudgedSlice) -> None:
    rng = np.random.default_rng(3)
    lost = np.where(judged.lengths > 200, rng.normal(size=N), judged.logits)
    found = long_context(replace(judged, logits=lost))
    assert found.finding is FitFinding.WARNING
    assert "--token-budget" in found.sentence


def test_too_few_orders_per_length_tell_nothing(judged: JudgedSlice) -> None:
    few = np.flatnonzero(judged.labels)[:8]
    orders = np.zeros(N)
    orders[few] = 1
    assert long_context(replace(judged, labels=orders)).finding is FitFinding.CANNOT_TELL


def test_intervals_that_hide_a_fall_tell_nothing(judged: JudgedSlice) -> None:
    some = np.arange(N // 8)
    names = ("labels", "logits", "frozen_logits", "lengths", "is_cut", "is_summarised", "clusters")
    fewer = replace(judged, **{name: getattr(judged, name)[some] for name in names})
    found = long_context(fewer)
    assert found.finding is FitFinding.CANNOT_TELL
    assert "would not be seen" in found.sentence


def test_leads_of_one_length_tell_nothing(judged: JudgedSlice) -> None:
    same = replace(judged, lengths=np.full(N, 100))
    assert long_context(same).finding is FitFinding.CANNOT_TELL


def test_an_unlearned_language_is_seen() -> None:
    found = forgetting({"leads": 2.0, "news": 3.0}, {"leads": 1.5, "news": 3.2}, 1_000)
    assert found.finding is FitFinding.WARNING
    assert "news 3.000 → 3.200" in found.sentence


def test_who_only_guesses_has_nothing_to_forget() -> None:
    """ln 1000 is 6.9."""
    assert forgetting({"leads": 7.7}, {"leads": 9.0}, 1_000).finding is FitFinding.CANNOT_TELL
    mixed = forgetting({"leads": 7.7, "news": 3.0}, {"leads": 9.0, "news": 3.0}, 1_000)
    assert mixed.finding is FitFinding.FINE


def test_answers_that_are_no_longer_yes_or_no_are_seen(judged: JudgedSlice) -> None:
    mute = replace(judged, answers=_answers(judged.logits, 0.01))
    assert "no longer answers" in answers_still_mean(mute).sentence


def test_answers_that_contradict_the_head_are_seen(judged: JudgedSlice) -> None:
    contrary = replace(judged, answers=_answers(-judged.logits, 0.95))
    found = answers_still_mean(contrary)
    assert found.finding is FitFinding.WARNING
    assert "diverge" in found.sentence


def test_rank_correlation_by_hand() -> None:
    ascending = np.array([1.0, 2.0, 3.0])
    assert rank_correlation(ascending, ascending**3) == pytest.approx(1.0)
    assert rank_correlation(ascending, -ascending) == pytest.approx(-1.0)
    assert rank_correlation(ascending, np.zeros(3)) == 0.0
