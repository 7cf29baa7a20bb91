"""Folds the log of the input topics: what the store must hold, by definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.codec import Record
from schemas.dead_letter import MENDED
from schemas.events import EventBase
from schemas.record_check import BadRecord, read
from schemas.topics import INPUTS
from scoring.lead.fold import evolve, initial_state
from scoring.lead.state import LeadState


@dataclass(slots=True)
class LoggedLead:
    """What the log says of one lead, in the order of each partition."""

    events: list[tuple[str, int, EventBase]] = field(default_factory=list)
    cursor: dict[str, int] = field(default_factory=dict)
    state: LeadState = field(default_factory=initial_state)

    def state_at(self, cursor: Mapping[str, int]) -> LeadState:
        """The fold of the records that `cursor` includes."""
        state = initial_state()
        for topic, offset, event in self.events:
            if offset <= cursor.get(topic, -1):
                state = evolve(state, event)
        return state


@dataclass(slots=True)
class FoldedLog:
    """The log of both inputs, folded. `ends`: last offset of each (topic, partition). `dead`: why
    each record was refused, by its place; `mended`: the places of those that were mended."""

    leads: dict[str, LoggedLead] = field(default_factory=dict)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    dead: dict[tuple[str, int, int], str] = field(default_factory=dict)
    mended: set[tuple[str, int, int]] = field(default_factory=set)

    @property
    def letters(self) -> dict[tuple[str, int, int], str]:
        """The reason of the dead letter of each record that has one."""
        return self.dead | dict.fromkeys(self.mended, MENDED)


def fold_log(log: Iterable[Record], n_partitions: int) -> FoldedLog:
    """Folds the log. `log`: every record of the inputs, each once; sorted here by offset."""
    folded = FoldedLog()
    names = {topic.name for topic in INPUTS}
    for record in sorted(log, key=lambda record: (record.topic, record.partition, record.offset)):
        if record.topic not in names:
            continue
        folded.ends[record.topic, record.partition] = record.offset
        try:
            event, _, n_mended = read(record, n_partitions=n_partitions)
        except BadRecord as error:
            folded.dead[record.topic, record.partition, record.offset] = error.reason
            continue
        if n_mended:
            folded.mended.add((record.topic, record.partition, record.offset))
        lead = folded.leads.setdefault(str(event.key), LoggedLead())
        lead.events.append((record.topic, record.offset, event))
        lead.cursor[record.topic] = record.offset
        lead.state = evolve(lead.state, event)
    return folded
