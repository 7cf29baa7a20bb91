"""Gathers what a reader finds into the normal form, and mends what is out of order: the one place
where units, clocks, ends before starts and confidences over 1 are put right."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from statistics import median
from typing import Any

from schemas.events import MAX_SEGMENT_CHARS, MAX_SEGMENTS, Role
from streams.importers.transcripts.normal import (
    CallTranscript,
    Remark,
    TranscriptError,
    Utterance,
)
from streams.importers.transcripts.values import label, number, seconds, words_of

MAX_CHARS = 200_000
"""The longest transcript: a day of talk. As a record it may take several bytes a character."""

MAX_S = 7 * 86_400.0
CHARS_PER_S = 15.0
"""Calm speech in languages with letters; only its order of magnitude is used."""

SLOW, FAST = 0.1, 500.0
"""Characters a second: slower than anybody speaks by ten times, and faster by twenty. Milliseconds
taken for seconds give 0.015, seconds taken for milliseconds give 15,000."""

MIN_CHARS = 20
"""Fewer characters do not tell a unit."""

EPOCH_S = 6e8
"""Times beyond it (19 years) are not from the call's beginning but from 1970."""

_SOUNDS = (
    r"music|musik|musique|m[uú]sica|musica|muziek|laughter|laughs?|lachen|rires?|risas|applause|applaus|"
    r"silence|stille|noise|background noise|blank[ _]audio|no[ _]speech|speaker[ _]turn|"
    r"crosstalk|ringing|ring ?tone|beep|hold music|pause|cough(?:ing|s)?|sighs?|typing|"
    r"inaudible|unintelligible|音乐|笑声|掌声|静音"
)
_NO_WORDS = re.compile(rf"(?:[\[(*<]\s*(?:{_SOUNDS})\s*[\])*>]|[♪♫\s.,…·-])+", re.IGNORECASE)
_LONG_BREAK = re.compile(r"\s")


@dataclass(slots=True)
class _Raw:
    place: str
    speaker: str | None
    role: Role | None
    start_s: float | None
    end_s: float | None
    text: str
    confidence: float | None


@dataclass(slots=True)
class TranscriptDraft:
    """A transcript in the making. Readers call `say` for each utterance and set what else the file
    says of the call; `finish` gives the normal form."""

    call_id: str | None = None
    started_at: datetime | None = None
    language: str | None = None
    duration_s: float | None = None
    is_final: bool = True
    revision: int = 0
    _raw: list[_Raw] = field(default_factory=list)
    _remarks: dict[str, tuple[int, str]] = field(default_factory=dict)

    def say(
        self,
        place: str,
        text: Any,
        *,
        speaker: Any = None,
        role: Role | None = None,
        start: Any = None,
        end: Any = None,
        unit_s: float = 1.0,
        confidence: Any = None,
    ) -> None:
        """Adds an utterance as the file has it. `place` is where, for remarks; bare numbers of
        `start` and `end` are of `unit_s`. What holds no words is left out."""
        if text is None:
            return
        words = words_of(text)
        if words is None:
            self.remark("its text is not text: left out", place)
            return
        if not words or _NO_WORDS.fullmatch(words):
            return
        raw = _Raw(place, label(speaker), role, None, None, words, None)
        raw.start_s = self._time(start, unit_s, place)
        raw.end_s = self._time(end, unit_s, place)
        raw.confidence = self._confidence(confidence, place)
        self._raw.append(raw)

    def remark(self, what: str, place: str, n: int = 1) -> None:
        """Notes what was mended or doubted, and where."""
        before, first = self._remarks.get(what, (0, place))
        self._remarks[what] = (before + n, first)

    @property
    def is_empty(self) -> bool:
        return not self._raw

    def finish(self, shape: str) -> CallTranscript:
        """The normal form. Raises TranscriptError where it is longer than a call can be."""
        if (n_chars := sum(len(raw.text) for raw in self._raw)) > MAX_CHARS:
            raise TranscriptError(
                f"a transcript of {n_chars:,} characters, at most {MAX_CHARS:,}: is it one call?"
            )
        has_times = any(raw.start_s is not None for raw in self._raw)
        if has_times:
            self._mend_clock()
            self._mend_unit()
        self._fill()
        utterances = self._in_order(has_times)
        if self.duration_s is not None and not 0 <= self.duration_s <= MAX_S:
            self.remark(f"a length outside 0 to {MAX_S:,.0f} s: left out", "the call's duration")
            self.duration_s = None
        if utterances:
            last_s = max(one.end_s for one in utterances)
            self.duration_s = max(self.duration_s or 0.0, last_s) if has_times else last_s
        return CallTranscript(
            shape=shape,
            utterances=utterances,
            call_id=self.call_id,
            started_at=self.started_at,
            language=self.language,
            duration_s=self.duration_s,
            has_times=has_times or not utterances,
            is_final=self.is_final,
            revision=min(max(self.revision, 0), 1_000_000),
            remarks=tuple(Remark(what, n, at) for what, (n, at) in self._remarks.items()),
        )

    def _time(self, value: Any, unit_s: float, place: str) -> float | None:
        if value is None:
            return None
        found = seconds(value, unit_s)
        if found is None:
            self.remark("a time that cannot be read: estimated", place)
        return found

    def _confidence(self, value: Any, place: str) -> float | None:
        if value is None:
            return None
        found = number(value)
        if found is not None and 0 <= found <= 1:
            return round(found, 4)
        if found is not None and 1 < found <= 100:
            self.remark("a confidence over 1: cut to 1, or read as a percentage", place)
            return 1.0 if found < 1.5 else round(found / 100, 4)
        self.remark("a confidence that is not from 0 to 1: left out", place)
        return None

    def _mend_clock(self) -> None:
        """Times since 1970 become times since the call's beginning."""
        known = [raw.start_s for raw in self._raw if raw.start_s is not None]
        if min(known) < EPOCH_S:
            return
        begin_s = min(known)
        if self.started_at is not None and 0 <= begin_s - self.started_at.timestamp() <= MAX_S:
            begin_s = self.started_at.timestamp()
        elif self.started_at is None and begin_s < 4e9:
            self.started_at = datetime.fromtimestamp(begin_s, UTC)
        for raw in self._raw:
            raw.start_s = None if raw.start_s is None else raw.start_s - begin_s
            raw.end_s = None if raw.end_s is None else raw.end_s - begin_s

    def _mend_unit(self) -> None:
        """Milliseconds where the shape has seconds, and the other way round, show as speech that
        nobody can speak."""
        timed = [
            (len(raw.text), raw.end_s - raw.start_s)
            for raw in self._raw
            if raw.start_s is not None and raw.end_s is not None and raw.end_s > raw.start_s
        ]
        if sum(n for n, _ in timed) < MIN_CHARS:
            return
        pace = median(n / length_s for n, length_s in timed)
        if SLOW <= pace <= FAST:
            return
        factor, unit = (1e-3, "milliseconds") if pace < SLOW else (1e3, "thousands of seconds")
        self.remark(f"times are in {unit} for this shape: mended", self._raw[0].place)
        for raw in self._raw:
            raw.start_s = None if raw.start_s is None else raw.start_s * factor
            raw.end_s = None if raw.end_s is None else raw.end_s * factor
        if self.duration_s is not None and self.duration_s > MAX_S:
            self.duration_s *= factor

    def _fill(self) -> None:
        """Gives every utterance a start and an end, from 0 to a week."""
        clock_s = 0.0
        for at, raw in enumerate(self._raw):
            start_s = clock_s if raw.start_s is None else raw.start_s
            if start_s < 0 or start_s > MAX_S:
                self.remark("a start outside the call: moved into it", raw.place)
                start_s = min(max(start_s, 0.0), MAX_S)
            if raw.end_s is None:
                following = next((r.start_s for r in self._raw[at + 1 : at + 2]), None)
                guess_s = start_s + max(1.0, len(raw.text) / CHARS_PER_S)
                is_next = raw.start_s is not None and following is not None
                end_s = min(guess_s, following) if is_next and following else guess_s
                end_s = max(end_s, start_s)
            else:
                end_s = raw.end_s
                if end_s < start_s:
                    self.remark("an end before its start: ends where it starts", raw.place)
                    end_s = start_s
            clock_s = min(end_s, MAX_S)
            raw.start_s, raw.end_s = start_s, clock_s

    def _first_back_in_time(self) -> str | None:
        """Where one speaker's utterances go back in time; channels one after another are usual."""
        newest: dict[str | None, float] = {}
        for raw in self._raw:
            start_s = raw.start_s or 0.0
            if start_s < newest.get(raw.speaker, 0.0):
                return raw.place
            newest[raw.speaker] = start_s
        return None

    def _in_order(self, has_times: bool) -> tuple[Utterance, ...]:
        found = [
            Utterance(
                raw.speaker,
                raw.role,
                round(raw.start_s or 0.0, 3),
                round(raw.end_s or 0.0, 3),
                raw.text,
                raw.confidence,
            )
            for raw in self._raw
        ]
        ordered = sorted(found, key=lambda one: one.start_s) if has_times else found
        if has_times and (place := self._first_back_in_time()) is not None:
            self.remark("not in order of time: sorted", place)
        cut = [piece for one in ordered for piece in _pieces(one)]
        if len(cut) <= MAX_SEGMENTS:
            return tuple(cut)
        joined = [piece for one in _joined(cut) for piece in _pieces(one)]
        if len(joined) > MAX_SEGMENTS:
            raise TranscriptError(
                f"{len(joined):,} utterances, at most {MAX_SEGMENTS:,}: is it one call?"
            )
        self.remark("more utterances than a record holds: neighbours joined", "the call", len(cut))
        return tuple(joined)


def _pieces(one: Utterance) -> Iterable[Utterance]:
    """An utterance that is too long for a segment, in parts that end between words."""
    while len(one.text) > MAX_SEGMENT_CHARS:
        spaces = [hit.start() for hit in _LONG_BREAK.finditer(one.text, 0, MAX_SEGMENT_CHARS)]
        at = spaces[-1] if spaces and spaces[-1] > 0 else MAX_SEGMENT_CHARS
        share = at / len(one.text)
        middle_s = round(one.start_s + share * (one.end_s - one.start_s), 3)
        yield replace(one, text=one.text[:at].rstrip(), end_s=middle_s)
        one = replace(one, text=one.text[at:].lstrip(), start_s=middle_s)
    if one.text:
        yield one


def _joined(utterances: Iterable[Utterance]) -> Iterable[Utterance]:
    for _, group in groupby(utterances, key=lambda one: (one.speaker, one.role)):
        first, *rest = group
        yield replace(
            first,
            text=" ".join([first.text, *(one.text for one in rest)]),
            end_s=max([first.end_s, *(one.end_s for one in rest)]),
        )


def ended_at(started_at: datetime, transcript: CallTranscript) -> datetime:
    """When the call ended, to the millisecond."""
    end = started_at + timedelta(seconds=transcript.duration_s or 0.0)
    return end.replace(microsecond=end.microsecond // 1000 * 1000)
