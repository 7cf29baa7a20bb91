"""DeLong against its definition, the bootstrap and a hand-worked case; the errors to expect."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.metrics.bootstrap import Bootstrap, auc_statistic, replicates
from scoring.metrics.delong import delong, delong_difference, hanley_mcneil, share_error
from scoring.metrics.metrics import auc


def _world(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.2
    ours = labels + rng.normal(0, 1, n)
    return ours, np.round(ours + rng.normal(0, 1, n)), labels


def _by_definition(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Every pair compared: the 1988 paper, line by line."""
    positives, negatives = scores[labels], scores[~labels]
    won = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    v10, v01 = won.mean(axis=1), won.mean(axis=0)
    variance = v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01)
    return float(won.mean()), float(np.sqrt(variance))


def test_ranks_give_what_all_pairs_give() -> None:
    for scores in _world(1)[:2]:
        found = delong(scores, _world(1)[2])
        assert (found.value, found.standard_error) == pytest.approx(
            _by_definition(scores, _world(1)[2]), abs=1e-12
        )
        assert found.value == pytest.approx(auc(scores, _world(1)[2]), abs=1e-12)


def test_a_paired_difference_by_definition() -> None:
    ours, theirs, labels = _world(2)

    def placed(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        won = (scores[labels][:, None] > scores[~labels]) + 0.5 * (
            scores[labels][:, None] == scores[~labels]
        )
        return won.mean(axis=1), won.mean(axis=0)

    (a10, a01), (b10, b01) = placed(ours), placed(theirs)
    covariance = np.cov(a10, b10) / len(a10) + np.cov(a01, b01) / len(a01)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    found = delong_difference(ours, theirs, labels)
    assert found.standard_error == pytest.approx(np.sqrt(variance), abs=1e-12)
    assert found.value == pytest.approx(auc(ours, labels) - auc(theirs, labels), abs=1e-12)


def test_p_values_are_uniform_when_there_is_no_difference() -> None:
    p_values = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        labels = rng.random(200) < 0.3
        core = labels + rng.normal(0, 1, 200)
        ours, theirs = (core + rng.normal(0, 1, 200) for _ in range(2))
        p_values.append(delong_difference(ours, theirs, labels).p_value)
    # 300 draws: a share of .05 has a standard error of .0126
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.038)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.05)


def test_the_same_scores_differ_by_nothing() -> None:
    ours, _, labels = _world(3)
    found = delong_difference(ours, ours, labels)
    assert (found.value, found.standard_error, found.p_value) == (0.0, 0.0, 1.0)


def test_rows_repeated_in_a_lead_add_no_evidence() -> None:
    ours, theirs, labels = _world(4)
    once = delong_difference(ours, theirs, labels)
    a, b, y = (np.repeat(values, 5) for values in (ours, theirs, labels))
    clustered = delong_difference(a, b, y, clusters=np.repeat(np.arange(len(labels)), 5))
    naive = delong_difference(a, b, y)
    assert clustered.standard_error == pytest.approx(once.standard_error, rel=0.01)
    assert naive.standard_error < 0.5 * once.standard_error


@pytest.mark.slow
def test_clusters_of_both_classes_agree_with_the_bootstrap() -> None:
    rng = np.random.default_rng(5)
    lead = np.repeat(np.arange(300), 3)
    taste = rng.normal(size=300)[lead]
    labels = rng.random(900) < 0.3
    scores = labels + taste + rng.normal(0, 0.5, 900)
    drawn = replicates(
        [auc_statistic(scores, labels)], 900, Bootstrap(rng, 2000), clusters=lead
    ).drawn[:, 0, 0]
    # 2,000 resamples know a standard error to 2%
    assert delong(scores, labels, clusters=lead).standard_error == pytest.approx(
        drawn.std(), rel=0.08
    )


def test_too_few_labels_have_no_error_and_no_p_value() -> None:
    one = delong([3.0, 2.0, 1.0], [1, 0, 0])
    assert one.value == 1.0
    assert np.isnan(one.standard_error)
    none = delong([1.0, 2.0], [0, 0])
    assert np.isnan(none.value)
    assert np.isnan(none.p_value)
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        delong([1.0, 2.0], [0.5, 0.0])


def test_the_error_to_expect_is_near_the_one_that_comes() -> None:
    rng = np.random.default_rng(6)
    labels = rng.random(5000) < 0.05
    scores = labels + rng.normal(0, 1, 5000)
    found = delong(scores, labels)
    expected = hanley_mcneil(found.value, labels.sum(), (~labels).sum())
    # it assumes exponential scores, which errs on the safe side for normal ones
    assert found.standard_error < expected < 1.3 * found.standard_error
    # the paper's test set: about 580 positives of 40,000 at .7921
    assert hanley_mcneil(0.7921, 580, 39_420) == pytest.approx(0.011, abs=0.0005)


def test_a_share_of_nothing_is_not_certain() -> None:
    assert share_error(0.0, 100) > 0.0
    assert share_error(0.3, 100_000) == pytest.approx(np.sqrt(0.21 / 100_000), rel=0.001)
    assert np.isnan(share_error(0.3, 0))
