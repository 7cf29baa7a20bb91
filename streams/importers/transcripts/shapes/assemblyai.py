"""AssemblyAI: milliseconds; `utterances` where speakers or channels were asked for, else `words`.
https://www.assemblyai.com/docs/speech-to-text/pre-recorded-audio/multichannel-transcription
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.normal import TranscriptError
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    MS,
    language,
    objects,
    pick,
    seconds,
)
from streams.importers.transcripts.words import TimedWord, say_words


def _assemblyai(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    status = document.get("status")
    if status in ("queued", "processing", "error"):
        raise TranscriptError(f"an AssemblyAI transcript whose status is {status}: fetch it again")
    draft.language = language(document.get("language_code"))
    draft.duration_s = seconds(document.get("audio_duration"))
    for place, one in objects(document.get("utterances"), "utterances"):
        draft.say(
            place,
            one.get("text"),
            speaker=pick(one, "speaker", "channel"),
            start=one.get("start"),
            end=one.get("end"),
            unit_s=MS,
            confidence=one.get("confidence"),
        )
    if draft.is_empty:
        words = (
            TimedWord(
                word.get("text"),
                word.get("start"),
                word.get("end"),
                pick(word, "speaker", "channel"),
                word.get("confidence"),
            )
            for _, word in objects(document.get("words"), "")
        )
        say_words(draft, "words", words, MS)
    if draft.is_empty:
        draft.say("text", document.get("text"), confidence=document.get("confidence"))


SHAPES = (
    TranscriptShape(
        "assemblyai",
        "AssemblyAI",
        (
            "utterances[].text|words[].text",
            "audio_duration|audio_url|language_code|utterances[].words",
        ),
        "milliseconds",
        "`A`, `B`, or the channel",
        _assemblyai,
    ),
)
