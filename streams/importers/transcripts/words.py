"""Words with times, put together into utterances, for vendors that list words and no utterances."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.values import label, mean, seconds, words_of

PAUSE_S = 1.5
"""A silence after which the same speaker's words are another utterance."""

_PUNCTUATION = re.compile(r"[.,!?;:…%)\]}。，、！？；：’”]+")
_IDEOGRAPH = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]")


class TimedWord(NamedTuple):
    """A word as the file has it: times of the draft's unit, or None."""

    text: Any
    start: Any = None
    end: Any = None
    speaker: Any = None
    confidence: Any = None


def say_words(
    draft: TranscriptDraft, place: str, words: Iterable[TimedWord], unit_s: float = 1.0
) -> None:
    """Adds one utterance for each run of words of one speaker without a long pause."""
    for number, run in enumerate(_runs(words, unit_s)):
        starts = [word.start for word in run if word.start is not None]
        ends = [word.end for word in run if word.end is not None]
        draft.say(
            f"{place}, utterance {number + 1}",
            joined(words_of(word.text) or "" for word in run),
            speaker=next((word.speaker for word in run if word.speaker is not None), None),
            start=starts[0] if starts else None,
            end=ends[-1] if ends else None,
            unit_s=unit_s,
            confidence=mean(word.confidence for word in run),
        )


def _runs(words: Iterable[TimedWord], unit_s: float) -> Iterator[list[TimedWord]]:
    run: list[TimedWord] = []
    speaker: str | None = None
    last_s: float | None = None
    for word in words:
        if not words_of(word.text):
            continue
        start_s, end_s = seconds(word.start, unit_s), seconds(word.end, unit_s)
        who = label(word.speaker)
        is_other = who is not None and speaker is not None and who != speaker
        is_late = start_s is not None and last_s is not None and start_s - last_s > PAUSE_S
        if run and (is_other or is_late):
            yield run
            run, speaker = [], None
        run.append(word)
        speaker = who if who is not None else speaker
        last_s = end_s if end_s is not None else start_s if start_s is not None else last_s
    if run:
        yield run


def joined(words: Iterable[str]) -> str:
    """Words as a line: none before punctuation and between ideographs, which have no spaces."""
    line = ""
    for word in map(str.strip, words):
        is_tight = (
            not line
            or _PUNCTUATION.fullmatch(word)
            or (_IDEOGRAPH.match(word) and (_IDEOGRAPH.match(line[-1]) or line[-1] in "。，、！？"))
        )
        line += word if is_tight else f" {word}"
    return line
