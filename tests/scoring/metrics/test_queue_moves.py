"""Queues before and after: who stands elsewhere, and how many by how far."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.metrics.queue_moves import Queues, change_counts, queue_change_counts, queue_moves

QUEUES = st.dictionaries(
    st.sampled_from(["n", "s"]),
    st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([0.1, 0.2, 0.3, 0.9])),
)


def test_farthest_comes_first_then_the_larger_difference() -> None:
    before = {"n": {"a": 0.9, "b": 0.8, "c": 0.1, "x": 0.05}}
    after = {"n": {"a": 0.2, "b": 0.8, "c": 0.9}}
    found = queue_moves(before, after, 2)
    assert [one.move.lead for one in found.moves] == ["x", "c", "a"]
    assert (found.moves[0].probability_a, found.moves[0].probability_b) == (0.05, None)
    assert found.queues["n"].jaccard == pytest.approx(1 / 3)


@given(QUEUES, QUEUES)
def test_everybody_is_counted_once(before: Queues, after: Queues) -> None:
    found = queue_moves(before, after, 3)
    counts = queue_change_counts(found.queues)
    either = {(q, lead) for side in (before, after) for q, leads in side.items() for lead in leads}
    assert sum(counts.values()) == len(either)
    assert sum(counts.values()) - counts["same rank"] == len(found.moves)


@given(QUEUES)
def test_nobody_moves_between_a_queue_and_itself(queues: Queues) -> None:
    assert queue_moves(queues, queues, 3).moves == ()


def test_a_change_is_of_the_kind_its_distance_says() -> None:
    counts = change_counts(np.array([-100, -99, -3, -2, 0, 1, 9, 10, 500]))
    assert {name: n for name, n in counts.items() if n} == {
        "up 100 or more": 1,
        "up 30 to 99": 1,
        "up 3 to 9": 1,
        "up 1 or 2": 1,
        "same rank": 1,
        "down 1 or 2": 1,
        "down 3 to 9": 1,
        "down 10 to 29": 1,
        "down 100 or more": 1,
    }
