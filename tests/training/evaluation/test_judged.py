"""The rows that judge: groups, lists of a day, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.lead.fold import fold
from scoring.prompt.rendering import first_rendering
from tests.training.dataset.rows import row
from tests.training.evaluation.rows import examples
from training.dataset.example import columns_of
from training.evaluation.judged import (
    NO_WORDS,
    EvaluationError,
    judged_of,
    length_bins,
    transcript_words,
    usual_capacity,
)
from training.simulator.emit import simulate_leads

AUTO = first_rendering()


def test_length_bins_are_quarters_named_by_their_bounds() -> None:
    words = np.array([0, *range(1, 101)])
    bins = length_bins(words)
    assert bins[0] == NO_WORDS
    assert [str(name) for name in np.unique(bins[1:])] == [
        "  1 to  25 words",
        " 26 to  50 words",
        " 51 to  75 words",
        " 76 to 100 words",
    ]
    assert all(np.sum(bins == name) == 25 for name in np.unique(bins[1:]))


def test_every_length_has_one_bin_whatever_the_lengths() -> None:
    rng = np.random.default_rng(1)
    for high in (1, 2, 3, 10, 5000):
        words = rng.integers(0, high + 1, size=50)
        for word, name in zip(words, length_bins(words), strict=True):
            if word:
                low, top = (int(each) for each in name.removesuffix(" words").split(" to "))
                assert low <= word <= top
            else:
                assert name == NO_WORDS


def test_the_length_of_a_transcript_is_that_of_all_its_calls() -> None:
    lead = next(lead for lead in simulate_leads(8, 30) if len(lead.calls) > 1)
    state = fold(lead.history)
    assert transcript_words([state]).tolist() == [sum(call.n_words for call in state.transcripts)]


def test_rows_of_one_class_are_refused_with_their_count() -> None:
    one_class = columns_of((row(2 * i) for i in range(5)), rendering=AUTO)
    with pytest.raises(EvaluationError, match="0 of 5 rows are positive"):
        judged_of(one_class)


def test_each_queue_has_a_list_a_day_and_calls_a_tenth_of_it() -> None:
    found = judged_of(examples(40))
    assert len(set(found.lists.tolist())) == 40
    assert usual_capacity(found) == 1.0
    assert not found.has_truth
    assert set(found.groups) == {"queue", "stage", "transcript"}
