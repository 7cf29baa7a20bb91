"""Google: Speech-to-Text v1 and v2 (also batch files and operations), and the conversation format
of Customer Experience Insights. https://cloud.google.com/contact-center/insights/docs/conversation-data-format

Traps: durations are text (`1.200s`) and left out where zero; with speaker labels the last result of
v1 repeats the words of all others; a streamed result is final only where `isFinal` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.events import Role
from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shape import TranscriptShape
from streams.importers.transcripts.values import (
    US,
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

Results = list[tuple[str, Mapping[str, Any]]]


def _recognized(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    results = list(_results(document.get("results")))
    draft.is_final = all(_is_said_final(one) or "stability" not in one for _, one in results)
    _say_results(results, draft)


def _stream(messages: list[Any], draft: TranscriptDraft) -> None:
    """The final results of all messages, and the partial ones of the last message, which replace
    those before."""
    heard = [
        list(objects(one.get("results"), f"{place}.results"))
        for place, one in objects(messages, "message ")
    ]
    heard = [results for results in heard if results]
    finals = [each for results in heard for each in results if _is_said_final(each[1])]
    last = [each for each in heard[-1] if not _is_said_final(each[1])] if heard else []
    draft.revision = sum(map(len, heard))
    draft.is_final = not last
    _say_results([*finals, *last], draft)


def _is_said_final(one: Mapping[str, Any]) -> bool:
    return pick(one, "isFinal", "is_final") is True


def _results(results: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The results of a response, or of the files of a batch, one after another."""
    if isinstance(results, dict):
        for at, file in enumerate(results.values()):
            inline = entry(pick(entry(file), "inlineResult", "inline_result"))
            transcript = entry(entry(file).get("transcript")) or entry(inline.get("transcript"))
            yield from objects(transcript.get("results"), f"file {at + 1}, results")
    else:
        yield from objects(results, "results")


def _say_results(results: Results, draft: TranscriptDraft) -> None:
    for _, one in results:
        draft.language = draft.language or language(pick(one, "languageCode", "language_code"))
    has_channels = len({label(pick(one, "channelTag", "channel_tag")) for _, one in results}) > 1
    words = [_words(one, has_channels) for _, one in results]
    if repeated := _repeats_all(words):
        say_words(draft, f"{results[-1][0]}.alternatives[0]", repeated)
        return
    ended: dict[str | None, Any] = {}
    for (place, one), own in zip(results, words, strict=True):
        best = entry(next(iter(entries(one.get("alternatives"))), None))
        channel = label(pick(one, "channelTag", "channel_tag")) if has_channels else None
        end = pick(one, "resultEndTime", "resultEndOffset", "result_end_time", "result_end_offset")
        if own and channel is None and any(word.speaker is not None for word in own):
            say_words(draft, f"{place}.alternatives[0]", own)
        else:
            draft.say(
                f"{place}.alternatives[0]",
                best.get("transcript"),
                speaker=channel,
                start=own[0].start if own else ended.get(channel, None if end is None else 0),
                end=own[-1].end if own else end,
                confidence=best.get("confidence") or None,  # 0 is "not set"
            )
        ended[channel] = end


def _words(one: Mapping[str, Any], has_channels: bool) -> list[TimedWord]:
    best = entry(next(iter(entries(one.get("alternatives"))), None))
    return [
        TimedWord(
            word.get("word"),
            pick(word, "startTime", "startOffset", "start_time", "start_offset") or 0,
            pick(word, "endTime", "endOffset", "end_time", "end_offset"),
            None
            if has_channels
            else pick(word, "speakerLabel", "speaker_label", "speakerTag", "speaker_tag") or None,
            word.get("confidence") or None,
        )
        for _, word in objects(best.get("words"), "")
    ]


def _repeats_all(words: Sequence[Sequence[TimedWord]]) -> list[TimedWord] | None:
    """The last result's words, where they are those of all results together, with speakers."""
    if len(words) < 2 or not words[-1] or all(word.speaker is None for word in words[-1]):
        return None
    before = [word for own in words[:-1] for word in own]
    if any(word.speaker is not None for word in before):
        return None
    starts = [s for word in before if (s := seconds(word.start)) is not None]
    first_s = seconds(words[-1][0].start)
    is_from_the_start = not starts or (first_s is not None and first_s <= min(starts) + 0.001)
    return list(words[-1]) if len(words[-1]) >= len(before) and is_from_the_start else None


_ROLES = {
    "AGENT": Role.AGENT,
    "HUMAN_AGENT": Role.AGENT,
    "AUTOMATED_AGENT": Role.BOT,
    "CUSTOMER": Role.CUSTOMER,
    "END_USER": Role.CUSTOMER,
}


def _insights(document: Mapping[str, Any], draft: TranscriptDraft) -> None:
    rows = list(objects(document.get("entries"), "entries"))
    has_roles = any(label(one.get("role")) for _, one in rows)
    for place, one in rows:
        role = label(one.get("role"))
        stamp = number(pick(one, "start_timestamp_usec", "startTimestampUsec"))
        draft.say(
            place,
            one.get("text"),
            speaker=role if has_roles else one.get("user_id"),
            role=_ROLES.get(str(role).upper()),
            start=stamp,
            unit_s=US,
        )


_SAID = "alternatives[].transcript"
_FILES = (
    f"results.*.transcript.results[].{_SAID}|results.*.inlineResult.transcript.results[].{_SAID}"
    f"|results.*.inline_result.transcript.results[].{_SAID}"
)
_V2_END = (
    "results[].resultEndOffset|results[].result_end_offset"
    "|results[].alternatives[].words[].endOffset|results[].alternatives[].words[].end_offset"
)

SHAPES = (
    TranscriptShape(
        "google-v2-batch",
        "Google Speech-to-Text v2, batch",
        (_FILES,),
        "seconds (`1.200s`)",
        "`speakerLabel`, `channelTag`",
        _recognized,
    ),
    TranscriptShape(
        "google-v2",
        "Google Speech-to-Text v2",
        (f"results[].{_SAID}", _V2_END),
        "seconds (`1.200s`)",
        "`speakerLabel`, `channelTag`",
        _recognized,
    ),
    TranscriptShape(
        "google-v1",
        "Google Speech-to-Text v1",
        (f"results[].{_SAID}",),
        "seconds (`1.2s`)",
        "`speakerTag`, `channelTag`",
        _recognized,
    ),
    TranscriptShape(
        "google-stream",
        "Google Speech-to-Text, stream",
        (f"[].results[].{_SAID}",),
        "seconds (`1.2s`)",
        "`channelTag`",
        _stream,
    ),
    TranscriptShape(
        "google-insights",
        "Google CX Insights",
        ("entries[].text", "entries[].start_timestamp_usec|entries[].startTimestampUsec"),
        "microseconds since 1970",
        "`AGENT`, `CUSTOMER`, `END_USER`, `AUTOMATED_AGENT`",
        _insights,
    ),
)
