"""Amazon Transcribe: batch jobs and the stream. Times are seconds, written as text in batch files.
https://docs.aws.amazon.com/transcribe/latest/APIReference/API_streaming_Result.html

- Batch: `results.items` are words and punctuation, which has no times; who said them stands in
  the item (`speaker_label`), in `speaker_labels.segments` (by start time) or in `channel_labels`.
  Newer files have `audio_segments`, which are utterances already.
- Stream: a result with `IsPartial` is replaced by the next one of its `ResultId`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.partials import newest_of
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    entries,
    entry,
    label,
    language,
    mean,
    number,
    objects,
    pick,
)
from streams.importers.transcripts.words import TimedWord, say_words


def _batch(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    results = entry(document.get("results")) or document
    draft.language = language(pick(results, "language_code"))
    whole = list(objects(results.get("audio_segments"), "results.audio_segments"))
    if whole and all(isinstance(one.get("transcript"), str) for _, one in whole):
        for place, one in whole:
            draft.say(
                place,
                one["transcript"],
                speaker=pick(one, "speaker_label", "channel_label"),
                start=one.get("start_time"),
                end=one.get("end_time"),
            )
        return
    channels = list(objects(entry(results.get("channel_labels")).get("channels"), "channels"))
    if channels:
        for place, one in channels:
            say_words(draft, place, _items(one.get("items"), {}, one.get("channel_label")))
        return
    say_words(draft, "results.items", _items(results.get("items"), _speakers(results), None))
    if draft.is_empty:
        for place, one in objects(results.get("transcripts"), "results.transcripts"):
            draft.say(place, one.get("transcript"))


def _items(items: Any, speakers: Mapping[float, str], channel: Any) -> Iterator[TimedWord]:
    for _, item in objects(items, ""):
        best = entry(next(iter(entries(item.get("alternatives"))), None))
        start_s = number(item.get("start_time"))
        is_word = item.get("type") != "punctuation"
        of_time = None if start_s is None else speakers.get(start_s)
        yield TimedWord(
            best.get("content"),
            item.get("start_time"),
            item.get("end_time"),
            (channel or item.get("speaker_label") or of_time) if is_word else None,
            best.get("confidence") if is_word else None,
        )


def _speakers(results: Mapping[str, Any]) -> dict[float, str]:
    """Start of a word -> its speaker."""
    found: dict[float, str] = {}
    segments = entry(results.get("speaker_labels")).get("segments")
    for _, segment in objects(segments, ""):
        for _, item in objects(segment.get("items"), ""):
            who = label(pick(item, "speaker_label") or segment.get("speaker_label"))
            if who is not None and (start_s := number(item.get("start_time"))) is not None:
                found[start_s] = who
    return found


def _stream(messages: list[Any], draft: TranscriptDraft) -> None:
    heard: list[tuple[str, Mapping[str, Any]]] = []
    for place, message in objects(messages, "message "):
        event = entry(message.get("TranscriptEvent")) or message
        results = entry(event.get("Transcript")).get("Results")
        heard += objects(results, f"{place}.Results")
    draft.revision = len(heard)
    for place, one, is_final in newest_of(
        heard, key=lambda one: label(one.get("ResultId")), is_final=_is_final
    ):
        best = entry(next(iter(entries(one.get("Alternatives"))), None))
        words = [
            TimedWord(
                item.get("Content"),
                item.get("StartTime"),
                item.get("EndTime"),
                None if item.get("Type") == "punctuation" else item.get("Speaker"),
                item.get("Confidence"),
            )
            for _, item in objects(best.get("Items"), "")
        ]
        draft.is_final = draft.is_final and is_final
        draft.language = draft.language or language(one.get("LanguageCode"))
        if any(word.speaker is not None for word in words) and one.get("ChannelId") is None:
            say_words(draft, place, words)
            continue
        draft.say(
            place,
            best.get("Transcript"),
            speaker=one.get("ChannelId"),
            start=one.get("StartTime"),
            end=one.get("EndTime"),
            confidence=mean(word.confidence for word in words),
        )


def _is_final(one: Mapping[str, Any]) -> bool:
    return one.get("IsPartial") is not True


SHAPES = (
    TranscriptShape(
        "aws-transcribe",
        "Amazon Transcribe, batch",
        ("results.transcripts[].transcript|transcripts[].transcript",),
        "seconds, as text",
        "`spk_0`, `ch_0`",
        _batch,
    ),
    TranscriptShape(
        "aws-transcribe-stream",
        "Amazon Transcribe, stream",
        (
            "[].Transcript.Results[].Alternatives|"
            "[].TranscriptEvent.Transcript.Results[].Alternatives",
        ),
        "seconds",
        "`ch_0`, `Speaker` of the words",
        _stream,
    ),
)
