"""Progress: seldom, honest, and in words."""

from __future__ import annotations

from scoring.report.progress import Progress, counted


def test_it_says_how_much_is_left_and_not_too_often() -> None:
    lines: list[str] = []
    now_s = 0.0
    progress = Progress("leads", lambda: now_s, lines.append, every_s=5.0)
    for second in range(1, 101):
        now_s = float(second)
        progress(second, 100)
    assert len(lines) == 20
    assert lines[0] == "leads: 5 of 100, 1 min 35 s left"
    assert lines[-1] == "leads: 100 in 1 min 40 s"


def test_what_has_no_known_end_is_counted() -> None:
    lines: list[str] = []
    now_s = 0.0

    def clock() -> float:
        return now_s

    for second in counted(iter(range(1, 13)), "events", clock, lines.append):
        now_s = float(second)
    assert lines == ["events: 6 so far, 1/s", "events: 11 so far, 1/s"]
