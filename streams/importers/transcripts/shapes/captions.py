"""WebVTT and SubRip captions, also where a spreadsheet made one line of them, and what whisper.cpp
prints (`[00:00:00.000 --> 00:00:02.000] …`).

Speakers: WebVTT's `<v Name>` (also Microsoft Teams), else `Name:` before the words (Zoom). Cue
settings, styles, notes and tags are not talk. https://www.w3.org/TR/webvtt1/
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from streams.importers.transcripts.draft import TranscriptDraft
from streams.importers.transcripts.shapes.lines import Labelling, labelling_of

_STAMP = r"(?:\d{1,4}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMING = re.compile(
    rf"\[?({_STAMP})[ \t]*-->[ \t]*({_STAMP})\]?"
    r"(?P<settings>(?:[ \t]+(?:line|position|align|size|region|vertical):\S+)*)"
)
_BLANK = re.compile(r"\n[ \t]*\n")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]{1,200})>")
_TAG = re.compile(r"</?[a-zA-Z0-9:.][^<>]{0,200}>|\{\\[^}]{0,80}\}")


class _Cue(NamedTuple):
    place: str
    start: str
    end: str
    text: str


def are_captions(text: str) -> bool:
    return _TIMING.search(text) is not None


def read_captions(text: str, draft: TranscriptDraft) -> str:
    """Reads captions into `draft`; returns the shape's name."""
    cues = list(_cues(text))
    spoken = [(cue, piece) for cue in cues for piece in _voices(cue.text)]
    lines = [words for _, (voice, words) in spoken if voice is None]
    labels = labelling_of(line for words in lines for line in words.splitlines())
    last: str | None = None
    for cue, (voice, words) in spoken:
        if voice is not None:
            _say(draft, cue, voice, words)
        else:
            last = _by_lines(draft, cue, words, labels, last)
    return "webvtt" if text.lstrip("\ufeff \n\t").startswith("WEBVTT") else "srt"


def _cues(text: str) -> Iterator[_Cue]:
    found = list(_TIMING.finditer(text))
    has_lines = "\n" in text.strip()
    for number, timing in enumerate(found, start=1):
        stop = found[number].start() if number < len(found) else len(text)
        body = text[timing.end() : stop]
        if has_lines:
            body = _BLANK.split(body.strip(" \t").removeprefix("\n"), maxsplit=1)[0]
        elif number < len(found):
            body = re.sub(r"\s\d{1,6}\s*$", "", body)  # the next cue's number
        yield _Cue(f"cue {number}", timing[1], timing[2], body.strip().removesuffix("[").strip())


def _voices(text: str) -> Iterator[tuple[str | None, str]]:
    """Each voice of a cue with its words; None is who the cue does not name."""
    start, voice = 0, None
    for tag in _VOICE.finditer(text):
        yield voice, _plain(text[start : tag.start()])
        start, voice = tag.end(), html.unescape(tag[1]).strip()
    yield voice, _plain(text[start:])


def _plain(text: str) -> str:
    return html.unescape(_TAG.sub("", text)).strip()


def _by_lines(
    draft: TranscriptDraft, cue: _Cue, text: str, labels: Labelling, last: str | None
) -> str | None:
    """Says each labelled line of a cue; what has no label goes on from the line before."""
    who, words = last, ""
    for line in text.splitlines():
        speaker, rest = labels.split(line)
        if speaker is not None and words:
            _say(draft, cue, who, words)
            words = ""
        who = speaker if speaker is not None else who
        words = f"{words} {rest}".strip()
    _say(draft, cue, who, words)
    return who


def _say(draft: TranscriptDraft, cue: _Cue, speaker: str | None, words: str) -> None:
    one_line = " ".join(words.split())
    draft.say(cue.place, one_line, speaker=speaker, start=cue.start, end=cue.end)
