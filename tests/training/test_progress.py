"""Progress: seldom, honest, and in words."""

from __future__ import annotations

from training.progress import Progress, spoken


def test_it_says_how_much_is_left_and_not_too_often() -> None:
    lines: list[str] = []
    now_s = 0.0
    progress = Progress("leads", lambda: now_s, lines.append, every_s=5.0)
    for second in range(1, 101):
        now_s = float(second)
        progress(second, 100)
    assert len(lines) == 20
    assert lines[0] == "leads: 5 of 100, 1 min 35 s left\n"
    assert lines[-1] == "leads: 100 in 1 min 40 s\n"


def test_durations_are_spoken() -> None:
    assert [spoken(s) for s in (0.4, 59.6, 3_599, 7_260)] == [
        "0 s",
        "1 min 00 s",
        "59 min 59 s",
        "2 h 01 min",
    ]
