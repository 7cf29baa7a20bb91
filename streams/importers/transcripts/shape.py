"""What a shape is: the fields by which a file is recognised, whatever it is named, and the function
that reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from streams.importers.transcripts.draft import TranscriptDraft

MAX_DEPTH = 64
"""The deepest nesting of lists and objects that is read."""

MAX_LOOKED_AT = 2_000
"""How many elements of a list are looked at for a mark."""

_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
MAX_NAMED = 8


@dataclass(frozen=True, slots=True)
class TranscriptShape:
    """One vendor's form. `marks`: paths that all must be there, such as `segments[].text`; `a|b` is
    either, `*` any field, a leading `[]` the messages of a stream, of which one alone is a list of
    one. `times` and `speakers` say for a person what the form has. `read` fills a draft."""

    name: str
    title: str
    marks: tuple[str, ...]
    times: str
    speakers: str
    read: Callable[[Any, TranscriptDraft], None]

    @property
    def is_stream(self) -> bool:
        return all(mark.startswith("[]") for mark in self.marks)

    def document_of(self, document: Any) -> Any:
        """`document` as this shape takes it: a list for a stream, else the one thing in a list of
        one."""
        if self.is_stream:
            return document if isinstance(document, list) else [document]
        if isinstance(document, list) and len(document) == 1:
            return document[0]
        return document

    def missing(self, document: Any) -> tuple[str, ...]:
        """The marks that a document lacks; none where the shape fits."""
        own = self.document_of(document)
        return tuple(mark for mark in self.marks if not any(has(own, p) for p in mark.split("|")))


def has(document: Any, path: str) -> bool:
    """Whether a path leads to something other than null. An empty list has all that its elements
    would have."""
    steps = _steps(path)
    return _reached(document, steps) > len(steps)


def _steps(path: str) -> list[str]:
    parts = (part.partition("[]") for part in path.split("."))
    return [step for name, brackets, _ in parts for step in (name, brackets) if step]


def _reached(document: Any, steps: Sequence[str]) -> int:
    """How many steps of a path can be gone, and one more where its end is not null."""
    if not steps:
        return int(document is not None)
    first, rest = steps[0], steps[1:]
    if first == "[]" and isinstance(document, list):
        if not document:
            return len(steps) + 1
        inside = document[:MAX_LOOKED_AT]
    elif first == "*" and isinstance(document, dict):
        inside = list(document.values())
    elif isinstance(document, dict) and first in document:
        inside = [document[first]]
    else:
        return 0
    best = 0
    for one in inside:
        best = max(best, 1 + _reached(one, rest))
        if best > len(steps):
            break
    return best


def nearest(document: Any, shapes: Iterable[TranscriptShape]) -> tuple[TranscriptShape, str] | None:
    """The shape of whose marks a document has most, with those it lacks."""
    best: tuple[float, TranscriptShape, str] | None = None
    for shape in shapes:
        own = shape.document_of(document)
        share = sum(max(_share(own, p) for p in mark.split("|")) for mark in shape.marks)
        share /= len(shape.marks)
        if share > 0 and (best is None or share > best[0]):
            lacking = (" or ".join(mark.split("|")[:2]) for mark in shape.missing(document))
            best = share, shape, " and ".join(lacking)
    return None if best is None else best[1:]


def _share(document: Any, path: str) -> float:
    steps = _steps(path.removeprefix("[]."))
    if path.startswith("[]"):
        reached = max((_reached(one, steps) for one in document[:MAX_LOOKED_AT]), default=0)
    else:
        reached = _reached(document, steps)
    return reached / (len(steps) + 1)


def described(document: Any) -> str:
    """A document in a few words for a message: its fields' names where they are names, never a
    value."""
    if isinstance(document, dict):
        named = [name for name in document if _PLAIN.fullmatch(str(name))]
        shown = ", ".join(named[:MAX_NAMED])
        more = len(document) - len(named[:MAX_NAMED])
        others = f" and {more} more" if more and shown else f"{more} fields" if more else ""
        return f"a JSON object with {shown or ''}{others}" if document else "an empty JSON object"
    if isinstance(document, list):
        first = described(document[0]) if document and not isinstance(document[0], list) else ""
        return f"a JSON list of {len(document):,}" + (f", the first {first}" if first else "")
    kind = {str: "text", bool: "true or false", type(None): "null"}.get(type(document), "a number")
    return f"JSON that is {kind}"


def depth_is_bounded(document: Any) -> bool:
    """Whether no list or object lies deeper than MAX_DEPTH."""
    level: list[Any] = [document]
    for _ in range(MAX_DEPTH):
        level = list(_inside(level))
        if not level:
            return True
    return False


def _inside(level: Iterable[Any]) -> Iterator[Any]:
    for one in level:
        children = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        yield from (child for child in children if isinstance(child, dict | list))
