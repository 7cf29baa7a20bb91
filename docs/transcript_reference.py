"""The table of docs/reference/transcripts.md, from the shapes themselves."""

from __future__ import annotations

from streams.importers.transcripts.reading import SHAPES
from streams.importers.transcripts.shapes.turns import IN_A_FIELD, LISTS

PLAIN = (
    ("`webvtt`", "WebVTT", "the line `WEBVTT` and `-->`", "clock", "`<v Name>`, else `Name:`"),
    ("`srt`", "SubRip, whisper.cpp's print", "clock times around `-->`", "clock", "`Name:`"),
    (
        "`columns`",
        "Whisper's TSV, other tables",
        "a first line of names: a text, and a time or a speaker",
        "as a list of turns; Whisper's milliseconds",
        "`speaker`",
    ),
    ("`lines`", "lines of talk", "any other text", "`[00:12]`, if any", "`Agent:` and names"),
)


def shapes_table() -> str:
    """A row a shape: its name, who writes it, what it is recognised by, its times and speakers."""
    rows = [
        (f"`{shape.name}`", shape.title, _marks(shape.marks), shape.times, shape.speakers)
        for shape in SHAPES
        if shape not in IN_A_FIELD
    ]
    fields = ", ".join(f"`{name}`" for name in LISTS)
    rows.append(
        ("`turns`", f"the same in a field: {fields}", "as before", "as before", "as before")
    )
    head = ("shape", "written by", "recognised by", "times", "speakers")
    lines = [head, ["---"] * len(head), *rows, *PLAIN]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _marks(marks: tuple[str, ...]) -> str:
    """The first of each mark's alternatives: the others are the same in another spelling."""
    shown = []
    for mark in marks:
        first, *others = mark.split("|")
        shown.append(f"`{first}`" + (" …" if others else ""))
    return ", ".join(shown)
