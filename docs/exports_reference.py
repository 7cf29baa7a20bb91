"""The tables of docs/tutorials/your-exports.md: whose exports and transcripts are read without a
mapping. tests/streams/importers/tables/test_crm_headers.py reads each row of them."""

from __future__ import annotations

from collections.abc import Iterator

from docs.transcript_reference import PLAIN
from streams.importers.tables.words.crm_headers import EXPORTS
from streams.importers.transcripts.reading import SHAPES

LANGUAGES = {"en": "English", "de": "German"}


def crm_table() -> str:
    """A row a CRM and language: the columns of leads, calls and outcomes that asllr knows."""
    head = ("CRM", "language", "`--leads`", "`--calls`", "`--outcomes`")
    rows = [
        (
            export.crm,
            LANGUAGES[export.language],
            *(", ".join(export.headers[kind].values()) for kind in ("leads", "calls", "outcomes")),
        )
        for export in EXPORTS
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def talk_table() -> str:
    """A row a writer of transcripts, with the shapes in which its transcripts are read."""
    lines = [("written by", "shape"), ("---", "---"), *_writers()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _writers() -> Iterator[tuple[str, str]]:
    named: dict[str, str] = {}
    for shape in SHAPES:
        named.setdefault(shape.name, shape.title)
    yield from ((title, f"`{name}`") for name, title in named.items())
    yield from ((title, name) for name, title, *_ in PLAIN)
