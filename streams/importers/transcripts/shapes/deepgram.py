"""Deepgram: recorded audio (one document) and live (a stream of `Results` messages). Times are
seconds. https://developers.deepgram.com/docs/utterances and /docs/multichannel.

Live: a message with `is_final` false is replaced by the next one of the same words, which has the
same `start`; what no final message covers is what is being said now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    channel_label,
    channel_or_speaker,
    entries,
    entry,
    label,
    language,
    number,
    objects,
    pick,
    seconds,
)
from streams.importers.transcripts.words import TimedWord, say_words

_SLACK_S = 0.05
"""A partial message that begins so little before the end of the final ones is of new words."""


def _batch(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    results = entry(document.get("results")) or document
    metadata = entry(document.get("metadata"))
    draft.duration_s = seconds(metadata.get("duration"))
    channels = list(objects(results.get("channels"), "results.channels"))
    draft.language = next(
        (found for _, one in channels if (found := language(one.get("detected_language")))), None
    )
    utterances = list(objects(results.get("utterances"), "results.utterances"))
    if utterances:
        several = channel_or_speaker(one for _, one in utterances)
        for place, one in utterances:
            draft.say(
                place,
                one.get("transcript"),
                speaker=channel_label(one.get("channel"), one.get("speaker"), *several),
                start=one.get("start"),
                end=one.get("end"),
                confidence=one.get("confidence"),
            )
        return
    for at, (place, one) in enumerate(channels):
        _channel(place, one, str(at) if len(channels) > 1 else None, draft)


def _channel(
    place: str, one: Mapping[str, Any], channel: str | None, draft: TranscriptDraft
) -> None:
    best = entry(next(iter(entries(one.get("alternatives"))), None))
    place = f"{place}.alternatives[0]"
    if words := _words(best, channel):
        say_words(draft, place, words)
    else:
        draft.say(
            place,
            best.get("transcript"),
            speaker=channel,
            confidence=best.get("confidence"),
        )


def _alternative(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    _channel("channel", {"alternatives": [document]}, None, draft)


def _words(best: Mapping[str, Any], channel: str | None) -> list[TimedWord]:
    return [
        TimedWord(
            pick(word, "punctuated_word", "word"),
            word.get("start"),
            word.get("end"),
            channel if channel is not None else word.get("speaker"),
            word.get("confidence"),
        )
        for _, word in objects(best.get("words"), "")
    ]


def _live(messages: list[Any], draft: TranscriptDraft) -> None:
    heard = [
        (place, one)
        for place, one in objects(messages, "message ")
        if entry(one.get("channel")).get("alternatives") is not None
    ]
    channels = {_channel_of(one) for _, one in heard}
    draft.revision = len(heard)
    finals = [(place, one) for place, one in heard if one.get("is_final") is True]
    covered: dict[str | None, float] = {}
    for _, one in finals:
        end_s = (number(one.get("start")) or 0.0) + (number(one.get("duration")) or 0.0)
        covered[_channel_of(one)] = max(covered.get(_channel_of(one), 0.0), end_s)
    newest: dict[str | None, tuple[str, Mapping[str, Any]]] = {}
    for place, one in heard:
        start_s = number(one.get("start")) or 0.0
        of = _channel_of(one)
        is_new = of not in covered or start_s >= covered[of] - _SLACK_S
        if one.get("is_final") is not True and is_new:
            newest[of] = place, one
    for place, one in [*finals, *newest.values()]:
        best = entry(next(iter(entries(entry(one.get("channel")).get("alternatives"))), None))
        if not best.get("transcript"):
            continue
        if one.get("is_final") is not True:
            draft.is_final = False
        channel = _channel_of(one) if len(channels) > 1 else None
        words = _words(best, channel)
        if words and channel is None and any(word.speaker is not None for word in words):
            say_words(draft, place, words)
            continue
        begin_s, length_s = number(one.get("start")), number(one.get("duration"))
        stop_s = None if begin_s is None or length_s is None else begin_s + length_s
        draft.say(
            place,
            best.get("transcript"),
            speaker=channel,
            start=words[0].start if words else begin_s,
            end=words[-1].end if words else stop_s,
            confidence=best.get("confidence"),
        )


def _channel_of(one: Mapping[str, Any]) -> str | None:
    return label(next(iter(entries(one.get("channel_index"))), None))


SHAPES = (
    TranscriptShape(
        "deepgram",
        "Deepgram, recorded",
        ("results.channels[].alternatives[].transcript|channels[].alternatives[].transcript",),
        "seconds",
        "the channel where there are several, else `speaker`",
        _batch,
    ),
    TranscriptShape(
        "deepgram",
        "one of Deepgram's alternatives alone",
        ("transcript", "words[].word|words[].punctuated_word"),
        "seconds",
        "`speaker`",
        _alternative,
    ),
    TranscriptShape(
        "deepgram-live",
        "Deepgram, live messages",
        ("[].channel.alternatives[].transcript", "[].is_final"),
        "seconds",
        "`channel_index`",
        _live,
    ),
)
