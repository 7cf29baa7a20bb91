"""Amazon's call analytics: Transcribe Call Analytics (file and stream) and Connect Contact Lens
(file and Kinesis stream). Times are milliseconds; roles are the file's own.
https://docs.aws.amazon.com/transcribe/latest/dg/tca-output-batch.html
https://docs.aws.amazon.com/connect/latest/adminguide/sample-real-time-contact-analysis-segment-stream.html

In the Contact Lens stream an `Utterance` is a part of what a later `Transcript` of its
`TranscriptId` says whole; in the Call Analytics stream the next event of an `UtteranceId` replaces
the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.events import Role
from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.partials import newest_of
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    MS,
    entry,
    label,
    language,
    mean,
    moment,
    number,
    objects,
    pick,
)

_ROLES = {
    "AGENT": Role.AGENT,
    "SUPERVISOR": Role.AGENT,
    "CUSTOMER": Role.CUSTOMER,
    "CUSTOM_BOT": Role.BOT,
    "SYSTEM": Role.SYSTEM,
}


def _file(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    draft.language = language(document.get("LanguageCode"))
    of_call = entry(document.get("ConversationCharacteristics"))
    length_ms = number(of_call.get("TotalConversationDurationMillis"))
    draft.duration_s = None if length_ms is None else length_ms * MS
    metadata = entry(document.get("CustomerMetadata"))
    draft.call_id = label(pick(metadata, "ContactId") or document.get("ContactId"))
    roles = {
        label(one.get("ParticipantId")): one.get("ParticipantRole")
        for _, one in objects(document.get("Participants"), "")
    }
    for place, one in objects(document.get("Transcript"), "Transcript"):
        who = label(one.get("ParticipantId"))
        _say(draft, place, one, pick(one, "ParticipantRole") or roles.get(who), one.get("Content"))


def _turns_alone(turns: list[Any], draft: TranscriptDraft) -> None:
    _file({"Transcript": turns}, draft)


def _say(
    draft: TranscriptDraft, place: str, one: Mapping[str, Any], role: Any, content: Any
) -> None:
    start: Any = one.get("BeginOffsetMillis")
    unit_s = MS
    at = moment(entry(one.get("Time")).get("AbsoluteTime") or one.get("AbsoluteTime"))
    if start is None and at is not None:  # a chat
        start, unit_s = at.timestamp(), 1.0
    draft.say(
        place,
        content,
        speaker=pick({"role": role, "id": one.get("ParticipantId")}, "role", "id"),
        role=_ROLES.get(str(role).upper()),
        start=start,
        end=one.get("EndOffsetMillis"),
        unit_s=unit_s,
        confidence=mean(item.get("Confidence") for _, item in objects(one.get("Items"), "")),
    )


def _analytics_stream(messages: list[Any], draft: TranscriptDraft) -> None:
    heard = [
        (place, entry(message.get("UtteranceEvent")))
        for place, message in objects(messages, "message ")
        if isinstance(message.get("UtteranceEvent"), dict)
    ]
    draft.revision = len(heard)
    for place, one, is_final in newest_of(
        heard,
        key=lambda one: label(one.get("UtteranceId")),
        is_final=lambda one: one.get("IsPartial") is not True,
    ):
        draft.is_final = draft.is_final and is_final
        draft.language = draft.language or language(one.get("LanguageCode"))
        _say(draft, place, one, one.get("ParticipantRole"), one.get("Transcript"))


def _lens_stream(messages: list[Any], draft: TranscriptDraft) -> None:
    heard: list[tuple[str, Mapping[str, Any]]] = []
    for place, message in objects(messages, "message "):
        draft.call_id = draft.call_id or label(message.get("ContactId"))
        settings = entry(message.get("StreamingSettings"))
        tag = pick(message, "LanguageCode") or settings.get("LanguageCode")
        draft.language = draft.language or language(tag)
        for at, segment in objects(message.get("Segments"), f"{place}.Segments"):
            heard += [
                (f"{at}.{kind}", segment[kind])
                for kind in ("Utterance", "Transcript")
                if isinstance(segment.get(kind), dict)
            ]
    draft.revision = len(heard)
    whole = {label(one.get("Id")) for place, one in heard if place.endswith("Transcript")}
    finals = [(place, one) for place, one in heard if place.endswith("Transcript")]
    parts = [
        (place, one)
        for place, one in heard
        if place.endswith("Utterance") and label(one.get("TranscriptId")) not in whole
    ]
    for is_final, rows in ((True, finals), (False, parts)):
        newest = newest_of(rows, key=lambda one: label(one.get("Id")), is_final=lambda one: True)
        for place, one, _ in newest:
            draft.is_final = draft.is_final and is_final
            content = pick(one, "Content") if is_final else one.get("PartialContent")
            _say(draft, place, one, one.get("ParticipantRole"), content)


SHAPES = (
    TranscriptShape(
        "contact-lens",
        "Amazon Connect Contact Lens, file",
        ("Participants[].ParticipantRole", "Transcript[].ParticipantId", "Transcript[].Content"),
        "milliseconds",
        "`AGENT`, `CUSTOMER`",
        _file,
    ),
    TranscriptShape(
        "aws-call-analytics",
        "Amazon Transcribe Call Analytics, file",
        ("Transcript[].ParticipantRole|Transcript[].ParticipantId", "Transcript[].Content"),
        "milliseconds",
        "`AGENT`, `CUSTOMER`",
        _file,
    ),
    TranscriptShape(
        "aws-call-analytics",
        "the turns of an Amazon call alone",
        ("[].ParticipantRole|[].ParticipantId", "[].Content"),
        "milliseconds",
        "`AGENT`, `CUSTOMER`",
        _turns_alone,
    ),
    TranscriptShape(
        "contact-lens-stream",
        "Amazon Connect Contact Lens, stream",
        ("[].ContactId", "[].Segments[].Utterance|[].Segments[].Transcript"),
        "milliseconds",
        "`AGENT`, `CUSTOMER`",
        _lens_stream,
    ),
    TranscriptShape(
        "aws-call-analytics-stream",
        "Amazon Transcribe Call Analytics, stream",
        ("[].UtteranceEvent.Transcript",),
        "milliseconds",
        "`AGENT`, `CUSTOMER`",
        _analytics_stream,
    ),
)
