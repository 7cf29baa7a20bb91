"""The queue's order, and a board that keeps it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scoring.ranking import Board, ranked

leads = st.text("abc", min_size=1, max_size=3)
probabilities = st.dictionaries(leads, st.sampled_from((0.1, 0.5, 0.9)))


@given(probabilities)
def test_ranked_is_a_permutation_by_probability_then_lead_id(queue: dict[str, float]) -> None:
    order = ranked(queue)
    assert sorted(order) == sorted(queue)
    for first, second in pairwise(order):
        assert (-queue[first], first) < (-queue[second], second)


@given(st.lists(st.tuples(leads, st.one_of(st.none(), st.sampled_from((0.1, 0.5, 0.9))))))
def test_a_board_holds_the_ranking_of_what_was_placed(
    moves: list[tuple[str, float | None]],
) -> None:
    board, placed = Board(), {}
    for lead, probability in moves:
        expected = ranked(placed).index(lead) + 1 if lead in placed else None
        if probability is None:
            assert board.remove(lead) == expected
            placed.pop(lead, None)
        else:
            rank = board.place(lead, probability)
            placed[lead] = probability
            assert rank == ranked(placed).index(lead) + 1
    assert board.top(len(moves)) == [(lead, placed[lead]) for lead in ranked(placed)]
    assert len(board) == len(placed)


def test_a_lead_that_is_not_there_has_no_rank() -> None:
    board = Board()
    assert board.rank("a") is None
    assert board.remove("a") is None
