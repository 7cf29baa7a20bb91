"""Pace: seldom, and honest about what it cannot know yet."""

from __future__ import annotations

import math

from scoring.report.progress import Pace, spoken


def test_it_is_due_once_in_a_while_and_at_the_end() -> None:
    now_s = 0.0
    pace = Pace(lambda: now_s, every_s=5.0)
    due = []
    for second in range(1, 13):
        now_s = float(second)
        due.append(pace.is_due(at_end=second == 12))
    assert [at for at, is_due in enumerate(due, 1) if is_due] == [5, 10, 12]


def test_what_is_left_follows_from_the_pace_so_far_and_is_unknown_before_the_first() -> None:
    now_s = 0.0
    pace = Pace(lambda: now_s, every_s=5.0)
    now_s = 30.0
    assert pace.left_s(10, 40) == 90.0
    assert pace.left_s(50, 40) == 0.0
    assert math.isinf(pace.left_s(0, 40))


def test_durations_are_spoken() -> None:
    assert [spoken(s) for s in (0.4, 59.6, 3_599, 7_260)] == [
        "0 s",
        "1 min 00 s",
        "59 min 59 s",
        "2 h 01 min",
    ]
