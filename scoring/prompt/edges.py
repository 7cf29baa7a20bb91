"""Time edges: the moments at which time alone changes what is said of a lead.

They follow from the features that a domain declares, the dates among its own fields, the
conversation's headings and the reason's words; between two of them prompt, features and reason are
constant, so a score stays valid until the next one.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    return min((moment for moment in edges(history, rendering) if moment > after_ms), default=None)


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
    passed = [moment for moment in edges(history, rendering) if moment <= now_ms]
    newest = history.state.newest
    if newest is not None and newest.at_ms <= now_ms:
        passed.append(newest.at_ms)
    return max(passed, default=now_ms)


def edges(history: LeadHistory, rendering: Rendering) -> Iterator[int]:
    """Every edge, past and future, in no order, with repeats."""
    for feature in rendering.features:
        yield from feature.source.edges(history)
    for moment in rendering.reader.moments(history):
        yield from age_edges(moment, rendering.age_days)
    yield from own_edges(history, rendering)
    yield from reason_edges(history, rendering)
