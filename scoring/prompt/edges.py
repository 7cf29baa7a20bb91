"""Time edges: the moments at which time alone changes what is said of a lead.

They follow from the declared features, the conversation's headings and the reason's words; between
two of them prompt, features and reason are constant, so a score stays valid until the next one.
"""

from __future__ import annotations

from collections.abc import Iterator

from scoring.lead.history import LeadHistory, view
from scoring.lead.state import LeadState
from scoring.prompt.conversation import conversation_edges
from scoring.prompt.features import FEATURES
from scoring.prompt.reason import reason_edges


def edges(state: LeadState, after_ms: int) -> int | None:
    """The first edge after `after_ms`; None when time will change nothing any more."""
    return next_edge(view(state), after_ms)


def as_of(state: LeadState, now_ms: int) -> int:
    """The last moment <= now at which something changed: the newest event or an edge that has
    passed; `now_ms` itself when there is none (the newest event may be minutes ahead)."""
    seen = view(state)
    passed = [moment for moment in moments(seen) if moment <= now_ms]
    if state.newest is not None and state.newest.at_ms <= now_ms:
        passed.append(state.newest.at_ms)
    return max(passed, default=now_ms)


def next_edge(seen: LeadHistory, after_ms: int) -> int | None:
    return min((moment for moment in moments(seen) if moment > after_ms), default=None)


def moments(seen: LeadHistory) -> Iterator[int]:
    """Every edge, past and future, in no order, with repeats."""
    for feature in FEATURES:
        yield from feature.source.edges(seen)
    yield from conversation_edges(seen)
    yield from reason_edges(seen)
