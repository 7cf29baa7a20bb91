"""Genesys Cloud: `startTimeMs` since 1970, `duration.milliseconds`; `external` is the customer.
https://developer.genesys.cloud/analyticsdatamanagement/speechtextanalytics/transcript-url
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.events import Role
from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    MS,
    entry,
    label,
    language,
    moment,
    number,
    objects,
    pick,
)

_PURPOSES = {
    **dict.fromkeys(("internal", "agent", "user"), Role.AGENT),
    **dict.fromkeys(("external", "customer"), Role.CUSTOMER),
    **dict.fromkeys(("acd", "ivr", "bot", "botflow", "workflow"), Role.BOT),
}


def _genesys(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    draft.call_id = label(document.get("conversationId"))
    draft.started_at = moment(pick(document, "conversationStartTime", "startTime"))
    length_ms = number(entry(document.get("duration")).get("milliseconds"))
    draft.duration_s = None if length_ms is None else length_ms * MS
    for at, transcript in objects(document.get("transcripts"), "transcripts"):
        draft.language = draft.language or language(pick(transcript, "language", "dialect"))
        for place, one in objects(transcript.get("phrases"), f"{at}.phrases"):
            purpose = label(one.get("participantPurpose"))
            start_ms = number(one.get("startTimeMs"))
            length_ms = number(entry(one.get("duration")).get("milliseconds"))
            known = start_ms is not None and length_ms is not None
            draft.say(
                place,
                pick(one, "decoratedText", "text"),
                speaker=purpose,
                role=_PURPOSES.get((purpose or "").lower()),
                start=start_ms,
                end=(start_ms or 0) + (length_ms or 0) if known else None,
                unit_s=MS,
                confidence=one.get("confidence"),
            )


SHAPES = (
    TranscriptShape(
        "genesys",
        "Genesys Cloud",
        ("transcripts[].phrases[].text|transcripts[].phrases[].decoratedText",),
        "milliseconds since 1970",
        "`internal`, `external`",
        _genesys,
    ),
)
