"""Counts what events hold: values of profile fields, stages in their order, channels, languages.

Everything is bounded, so a source that invents names or values costs memory once, not for ever.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.events import (
    Direction,
    Ending,
    EventBase,
    InteractionLogged,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from schemas.ids import LeadKey
from schemas.timestamps import to_ms
from scoring.lead.language import primary_language

MAX_FIELDS_SEEN = 2_000
MAX_TEXTS_SEEN = 2_000
"""Different texts of one field. One with more is names, ids or free text."""
MAX_WORDS_SEEN = 64
"""Different stages, channels and languages: what a domain may list."""
MAX_SAMPLE = 20_000
MAX_TIMES = 200
"""Contacts of one lead on one channel, the newest: what a state keeps of all channels."""

_is_number = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?").fullmatch
"""What `scoring.prompt.sources.ProfileNumber` reads of a text."""


@dataclass(slots=True)
class ThinnedNumbers:
    """Every nth of the numbers it was given, at most MAX_SAMPLE of them; `least` and `most` of
    all."""

    values: list[float] = field(default_factory=list)
    n: int = 0
    least: float = float("inf")
    most: float = float("-inf")
    every: int = 1

    def add(self, value: float) -> None:
        self.least, self.most = min(self.least, value), max(self.most, value)
        if self.n % self.every == 0:
            self.values.append(value)
        self.n += 1
        if len(self.values) > MAX_SAMPLE:
            self.values = self.values[::2]
            self.every *= 2


@dataclass(slots=True)
class FieldValues:
    """What was told of one profile field. `texts` are as a feature reads them: trimmed, in lower
    case. `n_other_texts`: tellings of texts beyond MAX_TEXTS_SEEN."""

    n_flags: int = 0
    n_texts: int = 0
    n_other_texts: int = 0
    texts: Counter[str] = field(default_factory=Counter)
    numbers: ThinnedNumbers = field(default_factory=ThinnedNumbers)
    n_number_texts: int = 0

    @property
    def n(self) -> int:
        return self.n_flags + self.n_texts + self.numbers.n - self.n_number_texts

    def add(self, value: str | float | bool) -> None:
        if isinstance(value, bool):
            self.n_flags += 1
        elif isinstance(value, float):
            self.numbers.add(value)
        else:
            self._add_text(value.strip().lower())

    def _add_text(self, text: str) -> None:
        self.n_texts += 1
        if _is_number(text):
            self.n_number_texts += 1
            self.numbers.add(float(text))
        if text in self.texts or len(self.texts) < MAX_TEXTS_SEEN:
            self.texts[text] += 1
        else:
            self.n_other_texts += 1


@dataclass(slots=True)
class ChannelUse:
    """`n_spoken`: contacts with a duration above 0; `n_written`: with a text."""

    n: int = 0
    n_inbound: int = 0
    n_outbound: int = 0
    n_spoken: int = 0
    n_written: int = 0


@dataclass(slots=True)
class _LeadSeen:
    stages: dict[str, int] = field(default_factory=dict)
    contacts: dict[str, deque[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Survey:
    """What a set of events holds. `more_fields` etc.: how often a name beyond the bound came."""

    n_events: int = 0
    fields: dict[str, FieldValues] = field(default_factory=dict)
    n_more_fields: int = 0
    channels: dict[str, ChannelUse] = field(default_factory=dict)
    n_more_channels: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    endings: dict[str, Counter[Ending | None]] = field(default_factory=dict)
    n_more_stages: int = 0
    leads: dict[LeadKey, _LeadSeen] = field(default_factory=dict)

    def add(self, event: EventBase) -> None:
        self.n_events += 1
        lead = self.leads.setdefault(event.key, _LeadSeen())
        match event:
            case LeadUpserted():
                self._add_profile(event)
            case InteractionLogged():
                self._add_contact(event, lead)
            case TranscriptReady():
                language = primary_language(event.language)
                if language in self.languages or len(self.languages) < MAX_WORDS_SEEN:
                    self.languages[language] += 1
            case StageChanged():
                self._add_stage(event, lead)

    def _add_profile(self, event: LeadUpserted) -> None:
        for name, value in event.profile.items():
            if value is None:
                continue
            if name in self.fields or len(self.fields) < MAX_FIELDS_SEEN:
                self.fields.setdefault(name, FieldValues()).add(value)
            else:
                self.n_more_fields += 1

    def _add_contact(self, event: InteractionLogged, lead: _LeadSeen) -> None:
        channel = event.channel
        if channel not in self.channels and len(self.channels) >= MAX_WORDS_SEEN:
            self.n_more_channels += 1
            return
        use = self.channels.setdefault(channel, ChannelUse())
        use.n += 1
        use.n_inbound += event.direction is Direction.INBOUND
        use.n_outbound += event.direction is Direction.OUTBOUND
        use.n_spoken += bool(event.duration_s)
        use.n_written += event.text is not None
        times = lead.contacts.setdefault(channel, deque(maxlen=MAX_TIMES))
        times.append(to_ms(event.occurred_at))

    def _add_stage(self, event: StageChanged, lead: _LeadSeen) -> None:
        stage = event.stage
        if stage not in self.endings and len(self.endings) >= MAX_WORDS_SEEN:
            self.n_more_stages += 1
            return
        self.endings.setdefault(stage, Counter())[event.ending] += 1
        at_ms = to_ms(event.occurred_at)
        lead.stages[stage] = min(at_ms, lead.stages.get(stage, at_ms))

    def stages_in_order(self) -> list[str]:
        """The stages as leads went through them: by how many others mostly come before it less how
        many mostly come after it, those that end the funnel last. A lead that stops early says
        nothing of stages that it never saw."""
        before: Counter[tuple[str, str]] = Counter()
        for lead in self.leads.values():
            went = sorted(lead.stages, key=lambda stage: (lead.stages[stage], stage))
            before.update((a, b) for i, a in enumerate(went) for b in went[i + 1 :])
        rank = {stage: self._rank(stage, before) for stage in self.endings}
        return sorted(rank, key=lambda stage: (self.ending(stage) is not None, rank[stage], stage))

    def _rank(self, stage: str, before: Counter[tuple[str, str]]) -> int:
        pairs = [(before[other, stage], before[stage, other]) for other in self.endings]
        return sum(ahead > behind for ahead, behind in pairs) - sum(
            ahead < behind for ahead, behind in pairs
        )

    def ending(self, stage: str) -> Ending | None:
        """How a stage ends the funnel, as most of its events say; won before lost where they are
        equal, and either before none."""
        n = self.endings[stage]
        won, lost = n[Ending.WON], n[Ending.LOST]
        if max(won, lost) * 2 < n.total():
            return None
        return Ending.WON if won >= lost else Ending.LOST

    def counts_within(self, channel: str, window_ms: int) -> list[int]:
        """For each lead with contacts on `channel`: how many are within `window_ms` of the last."""
        found = []
        for lead in self.leads.values():
            if times := lead.contacts.get(channel):
                newest = max(times)
                found.append(sum(newest - at < window_ms for at in times))
        return found


def survey_of(events: Iterable[EventBase]) -> Survey:
    survey = Survey()
    for event in events:
        survey.add(event)
    return survey
