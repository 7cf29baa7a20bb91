"""A draft as the text of a domain.toml, with its remarks as comments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from scoring.domain.model import Domain
from scoring.draft.draft import DomainDraft, Remarked

WIDTH = 100
MAX_LEFT_OUT = 200
"""Lines; a domain.toml of more bytes than a domain may have would not be read again."""


def draft_text(draft: DomainDraft) -> str:
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: DomainDraft) -> Iterator[str]:
    domain = draft.domain
    yield f"# Drafted from {draft.found}: what was found, with how often, and at the end what was"
    yield f"# left out and why. Question, horizon, ages and topics are of the pack {draft.like}."
    yield f"name = {_quoted(domain.name)}"
    yield f"languages = {_list(domain.languages)}"
    yield f"instruction = {_quoted(domain.instruction)}"
    yield f"question = {_quoted(domain.question)}"
    yield f"horizon_days = {domain.horizon_days}"
    if not draft.stages:
        yield "stages = []  # no event names a stage"
    yield from ("", "ages = [")
    yield from (f"  [{bound}, {_quoted(word)}]," for bound, word in domain.ages)
    yield "]"
    if draft.stages:
        yield from ("", "# In the order in which leads went through them: check it, rungs follow.")
    yield from _tables("stages", draft.stages)
    yield from _tables("channels", draft.channels)
    yield from _tables("features", draft.features)
    yield from _topics(domain)
    if draft.left_out:
        yield from (
            "",
            "# Left out. A field that no feature names is kept all the same, as an own field.",
        )
    yield from (f"#   {_comment(line)}" for line in draft.left_out[:MAX_LEFT_OUT])
    if (more := len(draft.left_out) - MAX_LEFT_OUT) > 0:
        yield f"#   and {more:,} more"


def _tables(key: str, parts: Iterable[Remarked]) -> Iterator[str]:
    for one in parts:
        yield from ("", f"# {_comment(one.remark)}", f"[[{key}]]")
        for name, value in one.part.model_dump(mode="json", exclude_defaults=True).items():
            yield from _pair(name, value)


def _pair(name: str, value: object) -> Iterator[str]:
    match value:
        case dict():
            yield f"{name} = {_inline(value)}"
        case list() if len(line := f"{name} = {_list(value)}") <= WIDTH and "." not in line:
            yield line
        case list():
            # A line each: a reader of domains takes few dots in one line.
            yield f"{name} = ["
            yield from (f"  {_value(each)}," for each in value)
            yield "]"
        case _:
            yield f"{name} = {_value(value)}"


def _inline(table: Mapping[str, object]) -> str:
    return f"{{ {', '.join(f'{key} = {_value(value)}' for key, value in table.items())} }}"


def _value(value: object) -> str:
    match value:
        case list():
            return _list(value)
        case dict():
            return _inline(value)
    return _quoted(value)


def _list(values: Iterable[object]) -> str:
    return f"[{', '.join(map(_value, values))}]"


def _quoted(value: object) -> str:
    """JSON's texts, numbers, true and false are TOML's, too."""
    return json.dumps(value, ensure_ascii=False)


def _comment(line: str) -> str:
    return "".join(one if one.isprintable() else " " for one in line)


def _topics(domain: Domain) -> Iterator[str]:
    for topic in domain.topics:
        yield from ("", "[[topics]]", f"name = {_quoted(topic.name)}", "", "[topics.phrases]")
        for language, phrases in topic.phrases.items():
            yield f"{language} = ["
            yield from (f"  {line}" for line in _wrapped([f"{_quoted(each)}," for each in phrases]))
            yield "]"


def _wrapped(words: Iterable[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(line) + len(word) > WIDTH - 3:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    if line:
        yield line
