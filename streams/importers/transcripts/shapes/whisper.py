"""Whisper and its relatives: openai-whisper, faster-whisper, OpenAI's `verbose_json`, WhisperX,
whisper.cpp.

- Segments hold `start`, `end` in seconds and `text`; `avg_logprob`, `no_speech_prob` where the
  program writes them. OpenAI writes the language as a word (`english`).
- WhisperX: `segments[].speaker` is `SPEAKER_00`; a segment without one has it in its words.
- whisper.cpp (`-oj`, examples/cli/cli.cpp): `transcription[].offsets` in milliseconds; with `-di`
  a `speaker` of `0`, `1` or `?`; with `-tdrz` `speaker_turn_next`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    MS,
    entry,
    label,
    language,
    mean,
    number,
    objects,
    pick,
    seconds,
)

SILENT, UNSURE = 0.6, -1.0
"""`no_speech_threshold` and `logprob_threshold` of openai-whisper's transcribe(): beyond both the
text is invented."""


def _segments(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    draft.language = language(pick(document, "language", "detected_language"))
    draft.duration_s = seconds(document.get("duration"))
    for place, one in objects(document.get("segments"), "segments"):
        if _is_invented(one):
            draft.remark("text on silence, by Whisper's own measure: left out", place)
            continue
        logprob = number(one.get("avg_logprob"))
        sure = None if logprob is None or logprob > 0 else math.exp(logprob)
        draft.say(
            place,
            one.get("text"),
            speaker=pick(one, "speaker", "speaker_label") or _speaker_of_words(one),
            start=one.get("start"),
            end=one.get("end"),
            confidence=one.get("confidence") if sure is None else sure,
        )


def _is_invented(one: Mapping[str, Any]) -> bool:
    silence, logprob = number(one.get("no_speech_prob")), number(one.get("avg_logprob"))
    return silence is not None and logprob is not None and silence > SILENT and logprob < UNSURE


def _speaker_of_words(one: Mapping[str, Any]) -> str | None:
    """The speaker of most words."""
    words = (label(word.get("speaker")) for _, word in objects(one.get("words"), ""))
    counts = Counter(who for who in words if who is not None)
    return counts.most_common(1)[0][0] if counts else None


def _cpp(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    draft.language = language(entry(document.get("result")).get("language"))
    turn = 0
    has_turns = False
    for place, one in objects(document.get("transcription"), "transcription"):
        offsets, stamps = entry(one.get("offsets")), entry(one.get("timestamps"))
        speaker = label(one.get("speaker"))
        has_turns = has_turns or "speaker_turn_next" in one
        draft.say(
            place,
            str(one.get("text") or "").replace("[SPEAKER_TURN]", ""),
            speaker=f"turn {turn % 2}" if has_turns else None if speaker == "?" else speaker,
            start=pick(offsets, "from") if offsets else stamps.get("from"),
            end=pick(offsets, "to") if offsets else stamps.get("to"),
            unit_s=MS,
            confidence=mean(token.get("p") for _, token in objects(one.get("tokens"), "")),
        )
        turn += one.get("speaker_turn_next") is True


SHAPES = (
    TranscriptShape(
        "whisper.cpp",
        "whisper.cpp (`-oj`)",
        ("transcription[].text", "transcription[].offsets|transcription[].timestamps"),
        "milliseconds",
        "`0`, `1` with `-di`",
        _cpp,
    ),
    TranscriptShape(
        "whisperx",
        "WhisperX",
        (
            "segments[].text",
            "segments[].start",
            "segments[].speaker|word_segments|segments[].words[].speaker",
        ),
        "seconds",
        "`SPEAKER_00`",
        _segments,
    ),
    TranscriptShape(
        "whisper",
        "Whisper, faster-whisper, OpenAI `verbose_json`",
        ("segments[].text", "segments[].start"),
        "seconds",
        "none",
        _segments,
    ),
)
