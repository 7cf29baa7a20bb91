"""Progress: seldom, honest, and in words."""

from __future__ import annotations

from training.progress import Progress


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
