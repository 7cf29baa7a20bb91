"""Rev: `monologues` of `elements`, in seconds. https://docs.rev.ai/api/asynchronous/transcript/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    label,
    mean,
    objects,
)
from streams.importers.transcripts.words import joined


def _rev(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    names = {
        label(one.get("id")): label(one.get("name"))
        for _, one in objects(document.get("speakers"), "")
    }
    for place, one in objects(document.get("monologues"), "monologues"):
        who = label(one.get("speaker"))
        elements = [element for _, element in objects(one.get("elements"), "")]
        starts = [e["ts"] for e in elements if e.get("ts") is not None]
        ends = [e["end_ts"] for e in elements if e.get("end_ts") is not None]
        draft.say(
            place,
            _rev_text(elements),
            speaker=names.get(who) or who,
            start=starts[0] if starts else None,
            end=ends[-1] if ends else None,
            confidence=mean(e.get("confidence") for e in elements),
        )


def _rev_text(elements: list[Mapping[str, Any]]) -> str:
    """`punct` elements hold the spaces, too; files without them are joined by blanks."""
    spoken = [e for e in elements if e.get("type") in (None, "text", "punct")]
    values = [str(e["value"]) for e in spoken if isinstance(e.get("value"), str)]
    return "".join(values) if any(" " in value for value in values) else joined(values)


SHAPES = (
    TranscriptShape(
        "rev",
        "Rev",
        ("monologues[].elements[].value",),
        "seconds",
        "0, 1",
        _rev,
    ),
)
