"""Time edges: the moments at which time alone changes what is said of a lead.

They follow from the features that a domain declares, the dates among its own fields, the
conversation's headings and the reason's words; between two of them prompt, features and reason are
constant, so a score stays valid until the next one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from scoring.lead.history import LeadHistory
from scoring.prompt.own_fields import own_edges
from scoring.prompt.reason import reason_edges
from scoring.prompt.rendering import Rendering
from scoring.prompt.sources import age_edges


def next_edge(history: LeadHistory, after_ms: int, rendering: Rendering) -> int | None:
    """The first edge after `after_ms`; None when time will change nothing any more.

    >>> from schemas.events import InteractionLogged
    >>> from schemas.timestamps import to_ms, to_text
    >>> from scoring.lead.fold import fold
    >>> from scoring.lead.history import history_of
    >>> from scoring.prompt.rendering import first_rendering
    >>> visit = InteractionLogged(
    ...     id="e-1", source="crm", tenant="acme", lead="l-1", channel="visit",
    ...     occurred_at="2026-03-01T09:30:00Z",
    ... )
    >>> history = history_of(fold([visit]))
    >>> to_text(next_edge(history, to_ms(visit.occurred_at), first_rendering()))
    '2026-03-02T09:30:00Z'
    """
    return TimeEdges.of(history, rendering).next(after_ms)


def as_of(history: LeadHistory, now_ms: int, rendering: Rendering) -> int:
    """The last moment <= now at which something changed: the newest event or an edge that has
    passed; `now_ms` itself when there is none (the newest event may be minutes ahead).

    >>> from schemas.events import InteractionLogged
    >>> from schemas.timestamps import DAY_MS, to_ms, to_text
    >>> from scoring.lead.fold import fold
    >>> from scoring.lead.history import history_of
    >>> from scoring.prompt.rendering import first_rendering
    >>> visit = InteractionLogged(
    ...     id="e-1", source="crm", tenant="acme", lead="l-1", channel="visit",
    ...     occurred_at="2026-03-01T09:30:00Z",
    ... )
    >>> history = history_of(fold([visit]))
    >>> later_ms = to_ms(visit.occurred_at) + DAY_MS + 5_000
    >>> to_text(as_of(history, later_ms, first_rendering()))
    '2026-03-02T09:30:00Z'
    """
    return TimeEdges.of(history, rendering).as_of(now_ms)


@dataclass(frozen=True, slots=True)
class TimeEdges:
    """The edges of a history, for whoever asks several times. `moments_ms` ascend; `newest_ms`: of
    the newest event."""

    moments_ms: tuple[int, ...]
    newest_ms: int | None

    @classmethod
    def of(cls, history: LeadHistory, rendering: Rendering) -> Self:
        newest = history.state.newest
        moments = tuple(sorted({*edges(history, rendering)}))
        return cls(moments, None if newest is None else newest.at_ms)

    def next(self, after_ms: int) -> int | None:
        """As `next_edge`."""
        at = bisect_right(self.moments_ms, after_ms)
        return self.moments_ms[at] if at < len(self.moments_ms) else None

    def as_of(self, now_ms: int) -> int:
        """As `scoring.prompt.edges.as_of`."""
        at = bisect_right(self.moments_ms, now_ms)
        passed = [*self.moments_ms[at - 1 : at]] if at else []
        if self.newest_ms is not None and self.newest_ms <= now_ms:
            passed.append(self.newest_ms)
        return max(passed, default=now_ms)


def edges(history: LeadHistory, rendering: Rendering) -> Iterator[int]:
    """Every edge, past and future, in no order, with repeats."""
    for source in rendering.timed_sources:
        yield from source.edges(history)
    for moment in rendering.reader.moments(history):
        yield from age_edges(moment, rendering.age_days)
    yield from own_edges(history, rendering)
    yield from reason_edges(history, rendering)
