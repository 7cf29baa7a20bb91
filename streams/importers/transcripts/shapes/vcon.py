"""vCon, the IETF's container of a conversation, and WTF, its transcript: read and written.

Drafts: draft-ietf-vcon-vcon-core-04, draft-howe-vcon-wtf-extension-02. A vCon's transcript is an
`analysis` of type `wtf_transcription` or `transcript`, whose body is any vendor's document, or a
`dialog` of type `text`. Signed and encrypted ones have to be opened first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from schemas.events import Role
from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.normal import CallTranscript, TranscriptError
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    entries,
    entry,
    label,
    language,
    mean,
    moment,
    number,
    objects,
    pick,
    seconds,
)

VERSION = "0.4.0"
TRANSCRIPTS = ("wtf_transcription", "transcript")
ReadInner = Callable[[Any], CallTranscript]


def _wtf(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    whole = entry(document.get("transcript"))
    own = entry(entry(document.get("extensions")).get("asllr"))
    draft.language = language(whole.get("language"))
    draft.duration_s = seconds(whole.get("duration"))
    draft.is_final = entry(document.get("streaming")).get("is_final") is not False
    draft.call_id = label(own.get("call_id"))
    draft.started_at = moment(own.get("started_at"))
    draft.revision = int(number(own.get("revision")) or 0)
    roles = entries(own.get("roles"))
    has_times = own.get("has_times") is not False
    names = {
        label(who.get("id")) or key: label(who.get("label"))
        for key, who in entry(document.get("speakers")).items()
        if isinstance(who, dict)
    }
    for at, (place, one) in enumerate(objects(document.get("segments"), "segments")):
        who = label(one.get("speaker"))
        draft.say(
            place,
            one.get("text"),
            speaker=names.get(who or "") or who,
            role=_role(roles[at]) if at < len(roles) else None,
            start=one.get("start") if has_times else None,
            end=one.get("end") if has_times else None,
            confidence=one.get("confidence"),
        )
    if draft.is_empty:
        draft.say("transcript", whole.get("text"), confidence=whole.get("confidence"))


def _role(value: Any) -> Role | None:
    return Role(value) if value in {role.value for role in Role} else None


def vcon_shape(read_inner: ReadInner) -> TranscriptShape:
    """The shape of a vCon, with the function that reads the bodies of its analyses."""

    def read(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
        _vcon(document, draft, read_inner)

    return TranscriptShape(
        "vcon",
        "vCon",
        ("vcon|uuid", "parties", "dialog|analysis"),
        "seconds; `dialog.start` is a time",
        "`parties`",
        read,
    )


def _vcon(document: Mapping[str, Any], draft: TranscriptDraft, read_inner: ReadInner) -> None:
    dialogs = [entry(one) for one in entries(document.get("dialog"))]
    draft.call_id = label(document.get("uuid"))
    starts = [at for one in dialogs if (at := moment(one.get("start"))) is not None]
    draft.started_at = min(starts, default=None)
    bodies = [
        (place, one, inner)
        for place, one in objects(document.get("analysis"), "analysis")
        if one.get("type") in TRANSCRIPTS and (inner := _body(one)) is not None
    ]
    wtf = [each for each in bodies if each[1]["type"] == "wtf_transcription"]
    parties = [entry(one) for one in entries(document.get("parties"))]
    # Of one dialog (and party, where each has its own) the last transcript is the newest.
    newest = {(str(one.get("dialog")), str(one.get("party"))): (place, one, inner)
              for place, one, inner in wtf or bodies}  # fmt: skip
    for place, one, inner in newest.values():
        try:
            transcript = read_inner(inner)
        except TranscriptError as error:
            raise type(error)(f"{place}.body: {error}") from None
        offset_s = _offset(_at(dialogs, one.get("dialog")), draft.started_at)
        _say_inner(place, transcript, offset_s, draft, _party(parties, one.get("party")))
    if not bodies:
        _say_texts(document, dialogs, draft)
    if draft.is_empty and not bodies:
        raise TranscriptError(
            "a vCon without a transcript: it needs an analysis of type wtf_transcription or "
            "transcript with its body, or a dialog of type text"
        )


def _body(one: Mapping[str, Any]) -> Any:
    """The body of an analysis or a dialog: an object, or the text it is written as."""
    body = one.get("body")
    if isinstance(body, str) and one.get("encoding") != "base64url":
        return body or None
    return body if isinstance(body, dict | list) and body else None


def _at(listed: list[Mapping[str, Any]], index: Any) -> Mapping[str, Any]:
    """The element that an index, or the first of a list of them, points at."""
    index = index[0] if isinstance(index, list) and index else index
    if isinstance(index, bool) or not isinstance(index, int):
        return {}
    return listed[index] if 0 <= index < len(listed) else {}


def _party(parties: list[Mapping[str, Any]], index: Any) -> str | None:
    """What a party is called: its role, where it has one."""
    named = label(pick(_at(parties, index), "role", "name", "mailto", "tel"))
    return named or (None if isinstance(index, list) else label(index))


def _offset(dialog: Mapping[str, Any], begin: datetime | None) -> float:
    """Seconds from the first dialog's start to this one's."""
    at = moment(dialog.get("start"))
    return 0.0 if at is None or begin is None else (at - begin).total_seconds()


def _say_inner(
    place: str,
    inner: CallTranscript,
    offset_s: float,
    draft: TranscriptDraft,
    party: str | None,
) -> None:
    draft.call_id = inner.call_id or draft.call_id
    draft.language = draft.language or inner.language
    draft.is_final = draft.is_final and inner.is_final
    draft.revision = max(draft.revision, inner.revision)
    draft.started_at = draft.started_at or inner.started_at
    if inner.duration_s is not None:
        draft.duration_s = max(draft.duration_s or 0.0, offset_s + inner.duration_s)
    for remark in inner.remarks:
        draft.remark(remark.what, f"{place}.body, {remark.place}", remark.n)
    for number_, one in enumerate(inner.utterances):
        draft.say(
            f"{place}.body, utterance {number_ + 1}",
            one.text,
            speaker=one.speaker or party,
            role=one.role,
            start=offset_s + one.start_s if inner.has_times else None,
            end=offset_s + one.end_s if inner.has_times else None,
            confidence=one.confidence,
        )


def _say_texts(
    document: Mapping[str, Any], dialogs: list[Mapping[str, Any]], draft: TranscriptDraft
) -> None:
    parties = [entry(one) for one in entries(document.get("parties"))]
    for at, one in enumerate(dialogs):
        if one.get("type") != "text" or not isinstance(one.get("body"), str):
            continue
        who = one["originator"] if one.get("originator") is not None else one.get("parties")
        draft.say(
            f"dialog[{at}]",
            one["body"],
            speaker=_party(parties, who),
            start=_offset(one, draft.started_at) if moment(one.get("start")) else None,
        )


WTF = TranscriptShape(
    "wtf",
    "WTF (World Transcription Format)",
    ("transcript.text", "segments[].text", "metadata.provider|extensions.asllr|metadata.model"),
    "seconds",
    "`speaker`",
    _wtf,
)


def to_wtf(transcript: CallTranscript, at: datetime) -> dict[str, Any]:
    """The transcript as a WTF document, made at `at`; reading it gives the transcript back. What
    WTF has no field for (roles, call, start) stands in `extensions.asllr`."""
    stamp = at.isoformat().replace("+00:00", "Z")
    sure = mean(one.confidence for one in transcript.utterances)
    started = transcript.started_at
    own = {
        "call_id": transcript.call_id,
        "started_at": None if started is None else started.isoformat().replace("+00:00", "Z"),
        "revision": transcript.revision,
        "has_times": None if transcript.has_times else False,
        "roles": [None if one.role is None else one.role.value for one in transcript.utterances],
    }
    return {
        "transcript": {
            "text": " ".join(one.text for one in transcript.utterances),
            "language": transcript.language or "und",
            "duration": transcript.duration_s or 0.0,
            **({} if sure is None else {"confidence": sure}),
        },
        "segments": [
            {
                "id": number_,
                "start": one.start_s,
                "end": one.end_s,
                "text": one.text,
                **({} if one.confidence is None else {"confidence": one.confidence}),
                **({} if one.speaker is None else {"speaker": one.speaker}),
            }
            for number_, one in enumerate(transcript.utterances)
        ],
        "metadata": {
            "created_at": stamp,
            "processed_at": stamp,
            "provider": transcript.shape,
            "model": "unknown",
            "audio": {"duration": transcript.duration_s or 0.0},
        },
        "streaming": {"is_final": transcript.is_final},
        "extensions": {"asllr": {k: v for k, v in own.items() if v is not None}},
    }


def to_vcon(transcript: CallTranscript, at: datetime) -> dict[str, Any]:
    """The transcript as a vCon, made at `at`, with a party for each speaker. Its uuid follows from
    its content, so that the same transcript is the same vCon. Raises TranscriptError where nobody
    said when the call began: a vCon says so."""
    if transcript.started_at is None:
        raise TranscriptError("a vCon says when its call began, and this transcript does not")
    wtf = to_wtf(transcript, at)
    content = json.dumps([transcript.call_id, wtf["segments"], wtf["extensions"]], sort_keys=True)
    stamp = at.isoformat().replace("+00:00", "Z")
    roles = {one.speaker: one.role for one in transcript.utterances if one.role is not None}
    return {
        "vcon": VERSION,
        "uuid": str(uuid5(NAMESPACE_URL, content)),
        "created_at": stamp,
        "extensions": ["wtf_transcription"],
        "parties": [
            {"name": who or "unknown"} | ({"role": roles[who].value} if who in roles else {})
            for who in transcript.speakers
        ],
        "dialog": [
            {
                "type": "recording",
                "start": transcript.started_at.isoformat().replace("+00:00", "Z"),
                "duration": transcript.duration_s or 0.0,
                "parties": list(range(len(transcript.speakers))),
            }
        ],
        "analysis": [
            {
                "type": "wtf_transcription",
                "dialog": 0,
                "mediatype": "application/json",
                "vendor": "asllr",
                "encoding": "json",
                "body": wtf,
            }
        ],
        "attachments": [],
    }
