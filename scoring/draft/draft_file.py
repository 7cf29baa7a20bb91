"""A draft as the text of a domain.toml, with its remarks as comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scoring.domain.writing import head_lines, part_lines
from scoring.draft.draft import DomainDraft, Remarked

MAX_LEFT_OUT = 200
"""Lines; a domain.toml of more bytes than a domain may have would not be read again."""


def draft_text(draft: DomainDraft) -> str:
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: DomainDraft) -> Iterator[str]:
    yield f"# Drafted from {draft.found}: what was found, with how often, and at the end what was"
    yield f"# left out and why. Question, horizon, ages and topics are of the pack {draft.like}."
    yield "# Take out what is filled in when the outcome is known: `asllr dataset check` finds it."
    yield from head_lines(draft.domain)
    if draft.stages:
        yield from ("", "# In the order in which leads went through them: check it, rungs follow.")
    yield from _tables("stages", draft.stages)
    yield from _tables("channels", draft.channels)
    yield from _tables("features", draft.features)
    for topic in draft.domain.topics:
        yield ""
        yield from part_lines("topics", topic)
    if draft.left_out:
        yield from ("", "# Left out. A field that no feature names is kept, as one of your own.")
    yield from (f"#   {_comment(line)}" for line in draft.left_out[:MAX_LEFT_OUT])
    if (more := len(draft.left_out) - MAX_LEFT_OUT) > 0:
        yield f"#   and {more:,} more"


def _tables(table: str, parts: Iterable[Remarked]) -> Iterator[str]:
    for one in parts:
        yield from ("", f"# {_comment(one.remark)}")
        yield from part_lines(table, one.part)


def _comment(line: str) -> str:
    return "".join(one if one.isprintable() else " " for one in line)
