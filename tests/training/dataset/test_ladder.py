"""How far a lead went, as each domain's funnel counts it."""

from __future__ import annotations

import pytest

from scoring.domain.reading import pack, pack_names
from training.dataset.ladder import ladder_of

AUTO, SOFTWARE, GENERIC = (ladder_of(pack(name)) for name in ("auto", "software", "generic"))


@pytest.mark.parametrize("name", pack_names())
def test_heights_rise_from_nothing_to_won_one_for_each_grade(name: str) -> None:
    ladder = ladder_of(pack(name))
    assert len(ladder.heights) == ladder.top + 1
    assert (ladder.heights[0], ladder.heights[-1]) == (0.0, 1.0)
    assert list(ladder.heights) == sorted(set(ladder.heights))


def test_the_heights_of_auto_are_those_of_the_paper() -> None:
    assert AUTO.heights == (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)


@pytest.mark.parametrize(
    ("reached", "auto", "software", "generic"),
    [
        ([], 0, 0, 0),
        (["won"], 5, 6, 2),
        (["talked"], 1, 1, 1),
        (["stage:new"], 0, 0, 0),
        (["stage:quote"], 4, 0, 0),
        (["stage:proposal"], 0, 4, 0),
        (["stage:lost"], 0, 0, 0),
        (["channel:call"], 0, 0, 0),
        (["channel:call", "spoken:call"], 1, 1, 1),
        (["channel:message", "spoken:message"], 0, 0, 0),
        (["channel:demo"], 0, 2, 0),
        (["channel:meeting"], 0, 1, 1),
        (["channel:web", "channel:test_drive", "stage:contacted"], 3, 0, 0),
    ],
)
def test_the_grade_is_the_furthest_rung(
    reached: list[str], auto: int, software: int, generic: int
) -> None:
    assert [ladder.grade(reached) for ladder in (AUTO, SOFTWARE, GENERIC)] == [
        auto,
        software,
        generic,
    ]
