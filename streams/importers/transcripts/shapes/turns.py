"""Shapes of nobody in particular: a JSON list of turns (`speaker` or `role`, and `text`), alone or
in a field, and asllr's own `TranscriptReady`. Times are optional."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.events import Role
from schemas.role_words import role_of_label
from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import MS, label, language, moment, number, objects, pick

TEXTS = ("text", "content", "message", "utterance", "transcript", "sentence")
SPEAKERS = ("speaker", "role", "participant", "speaker_name", "speaker_label", "speaker_id",
            "channel", "from", "author", "name")  # fmt: skip
STARTS = ("start", "start_time", "startTime", "start_s", "offset", "timestamp", "time")
ENDS = ("end", "end_time", "endTime", "end_s")
STARTS_MS = ("start_ms", "startMs", "startTimeMs", "start_time_ms", "offset_ms", "offsetMs")
ENDS_MS = ("end_ms", "endMs", "endTimeMs", "end_time_ms")
BESIDE = (*SPEAKERS, *STARTS, *STARTS_MS)
"""What tells a turn from any object with a text."""

LISTS = ("turns", "messages", "utterances", "transcript", "conversation", "dialogue", "segments")


def _own(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    draft.call_id = label(document.get("call_id"))
    draft.started_at = moment(document.get("started_at"))
    draft.language = language(document.get("language"))
    draft.revision = int(number(document.get("revision")) or 0)
    draft.is_final = document.get("final") is not False
    for place, one in objects(document.get("segments"), "segments"):
        role = label(one.get("role"))
        draft.say(
            place,
            one.get("text"),
            speaker=role,
            role=Role(role) if role in {each.value for each in Role} else None,
            start=one.get("start_s"),
            end=one.get("end_s"),
            confidence=one.get("confidence"),
        )


def _turns(document: Any, draft: TranscriptDraft) -> None:
    if isinstance(document, list):
        name, turns = "", document
    else:
        name = next(n for n in LISTS if isinstance(document.get(n), list))
        turns = document[name]
        draft.call_id = label(pick(document, "call_id", "callId", "conversation_id"))
        draft.started_at = moment(pick(document, "started_at", "startedAt", "start_time"))
        draft.language = language(pick(document, "language", "language_code", "locale"))
    say_turns(turns, name or "turn ", draft)


def say_turns(turns: list[Any], name: str, draft: TranscriptDraft) -> None:
    """Adds a list of turns."""
    for at, words in enumerate(turns):
        if isinstance(words, str):
            draft.remark("a turn that is text alone: read as of nobody", f"turn {at}")
            draft.say(f"turn {at}", words)
    for place, one in objects(turns, name):
        in_ms = pick(one, *STARTS_MS) is not None
        draft.say(
            place,
            pick(one, *TEXTS),
            speaker=_speaker(one),
            start=pick(one, *STARTS_MS) if in_ms else pick(one, *STARTS),
            end=pick(one, *ENDS_MS) if in_ms else pick(one, *ENDS),
            unit_s=MS if in_ms else 1.0,
            confidence=one.get("confidence"),
        )


def _text(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    draft.language = language(document.get("language"))
    draft.say("text", document.get("text"))


def _speaker(one: Mapping[str, Any]) -> str | None:
    """The label that is a word for a role, where one of them is; else the first."""
    labels = [found for name in SPEAKERS if (found := label(one.get(name))) is not None]
    return next((one for one in labels if role_of_label(one) is not None), next(iter(labels), None))


def _either(prefix: str, names: tuple[str, ...]) -> str:
    return "|".join(f"{prefix}{name}" for name in names)


IN_A_FIELD = tuple(
    TranscriptShape(
        "turns",
        f"turns in `{name}`",
        (_either(f"{name}[].", TEXTS), _either(f"{name}[].", BESIDE)),
        "as a list of turns",
        "`speaker` or `role`",
        _turns,
    )
    for name in LISTS
)

SHAPES = (
    TranscriptShape(
        "asllr",
        "asllr's own `TranscriptReady`",
        ("segments[].role", "segments[].text", "segments[].start_s"),
        "seconds",
        "`role`",
        _own,
    ),
    TranscriptShape(
        "turns",
        "a list of turns",
        (_either("[].", TEXTS), _either("[].", BESIDE)),
        "seconds, if any; `start_ms` milliseconds",
        "`speaker` or `role`",
        _turns,
    ),
    *IN_A_FIELD,
    TranscriptShape(
        "text",
        "an object with `text`, as OpenAI's `json`",
        ("text",),
        "none",
        "none",
        _text,
    ),
)
