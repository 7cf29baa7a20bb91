"""Azure Speech: batch transcription (v3.x and 2024-11-15) and fast transcription.
https://learn.microsoft.com/azure/ai-services/speech-service/batch-transcription-get

Batch times are ticks of 100 ns, milliseconds or ISO 8601 durations (`PT1.59S`), whichever the
version writes; `speaker` stands on the phrase, in the schema on `nBest`. The fast API's own clients
write `offsetInMs`, the service `offsetMilliseconds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    MS,
    TICK_S,
    channel_label,
    channel_or_speaker,
    entries,
    entry,
    language,
    objects,
    pick,
    seconds,
)


def _span(one: Mapping[str, Any]) -> tuple[float | None, float | None]:
    start_s = _length(one, "offset", "Offset")
    length_s = _length(one, "duration", "Duration")
    return start_s, None if start_s is None or length_s is None else start_s + length_s


def _length(one: Mapping[str, Any], name: str, title: str) -> float | None:
    """`offset` or `duration` of a phrase in seconds, in whichever unit it is written."""
    for field, unit_s in (
        (f"{name}Milliseconds", MS),
        (f"{name}InMs", MS),
        (f"{name}InTicks", TICK_S),
        (name, TICK_S),
        (title, TICK_S),
    ):
        if (found := seconds(one.get(field), unit_s)) is not None:
            return found
    return None


def _batch(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    draft.duration_s = _length(document, "duration", "Duration")
    phrases = []
    for place, one in objects(document.get("recognizedPhrases"), "recognizedPhrases"):
        best = entry(next(iter(entries(one.get("nBest"))), None))
        speaker = pick(one, "speaker") if one.get("speaker") is not None else best.get("speaker")
        phrases.append((place, one, best, {"channel": one.get("channel"), "speaker": speaker}))
    several = channel_or_speaker(who for *_, who in phrases)
    for place, one, best, who in phrases:
        if one.get("recognitionStatus") not in (None, "Success"):
            continue
        draft.language = draft.language or language(one.get("locale"))
        start_s, end_s = _span(one)
        draft.say(
            f"{place}.nBest[0]",
            pick(best, "display", "itn", "lexical", "maskedITN"),
            speaker=channel_label(who["channel"], who["speaker"], *several),
            start=start_s,
            end=end_s,
            confidence=best.get("confidence"),
        )


def _fast(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    draft.duration_s = _length(document, "duration", "Duration")
    several = channel_or_speaker(one for _, one in objects(document.get("phrases"), ""))
    for place, one in objects(document.get("phrases"), "phrases"):
        draft.language = draft.language or language(one.get("locale"))
        start_s, end_s = _span(one)
        draft.say(
            place,
            one.get("text"),
            speaker=channel_label(one.get("channel"), one.get("speaker"), *several),
            start=start_s,
            end=end_s,
            confidence=one.get("confidence"),
        )


SHAPES = (
    TranscriptShape(
        "azure-batch",
        "Azure Speech, batch",
        ("recognizedPhrases[].nBest",),
        "ticks of 100 ns, or `PT1.59S`",
        "`channel`, `speaker`",
        _batch,
    ),
    TranscriptShape(
        "azure-fast",
        "Azure Speech, fast",
        (
            "phrases[].text",
            "phrases[].offsetMilliseconds|phrases[].offsetInMs|phrases[].offset|combinedPhrases",
        ),
        "milliseconds",
        "`channel`, `speaker`",
        _fast,
    ),
)
