"""The picture of the front page: what it may hold, and how the demo's screen becomes one."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from rich.text import Text

from docs.picture import OUT, Frame, chosen, frames_of, svg

MAX_BYTES = 200_000

SVG = "{http://www.w3.org/2000/svg}"
CLEARED = "\r\x1b[2K\x1b[1A\x1b[2K"


def screen(*leads: str) -> str:
    """As the demo draws it."""
    rows = [f"│ {rank:>4} │ \x1b[32m▲1\x1b[0m   │ {lead} │ 1.0% ██ │ a < b │"
            for rank, lead in enumerate(leads, start=1)]  # fmt: skip
    heads = ["7 events · p50 80 ms", f"demo/north: {len(leads)} leads", "┏━━┓", "┃ rank ┃", "┡━━┩"]
    return "\r\n".join([*heads, *rows, "└──┘"])


def test_committed_picture_needs_nothing_else_and_is_small() -> None:
    text = OUT.read_text(encoding="utf-8")
    assert len(text.encode()) <= MAX_BYTES
    tags = {element.tag for element in ElementTree.fromstring(text).iter()}
    assert tags == {f"{SVG}{name}" for name in ("svg", "style", "g", "rect", "text")}
    assert re.findall(r"https?:[^\s\"')]+", text) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in text
    assert "@import" not in text


def test_leads_of_the_committed_picture_change_rank() -> None:
    text = OUT.read_text(encoding="utf-8")
    moves = re.findall(r"@keyframes lead\d+ \{(.*)\}", text)
    places = [set(re.findall(r"translateY\((\d+)px\)", steps)) for steps in moves]
    assert sum(len(places_of_one) > 1 for places_of_one in places) >= 5


def test_each_drawing_of_the_terminal_is_a_frame() -> None:
    written = CLEARED.join(["· Kafka and Redis are up\r\n", screen("A", "B"), screen("B", "A"), ""])
    frames = frames_of(written)
    assert [list(frame.rows) for frame in frames] == [["A", "B"], ["B", "A"]]
    picture = svg(chosen(frames, 2))
    assert "translateY" in picture
    assert "a &lt; b" in picture
    ElementTree.fromstring(picture)


def test_frames_of_other_queues_and_shorter_tables_are_left_out() -> None:
    full, short = frames_of(CLEARED.join([screen("A", "B"), screen("A")]))
    other = Frame([full.above[0], Text("demo/south: 2 leads"), Text("")], full.rows)
    early = Frame([Text("waiting"), *full.above[1:]], full.rows)
    assert chosen([early, short, other, full, full], 2) == [full, full]


def test_pictures_folder_holds_nothing_else() -> None:
    assert list(Path(OUT).parent.iterdir()) == [OUT]
