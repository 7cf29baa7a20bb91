"""When serving would have read a row: its edges are remembered, as a lead's rows share them."""

from __future__ import annotations

from collections import OrderedDict

from scoring.lead.history import LeadHistory
from scoring.lead.state_bytes import hash_of
from scoring.prompt.edges import TimeEdges
from scoring.prompt.rendering import Rendering

MAX_REMEMBERED = 65_536
"""States whose edges are remembered, those that were asked for last: about a kilobyte each."""

_edges_of: OrderedDict[tuple[str, str], TimeEdges] = OrderedDict()


def served_ms(history: LeadHistory, as_of_ms: int, rendering: Rendering) -> int:
    """As `scoring.prompt.edges.as_of`."""
    key = rendering.prompt_id, hash_of(history.state)
    found = _edges_of.pop(key, None) or TimeEdges.of(history, rendering)
    _edges_of[key] = found
    if len(_edges_of) > MAX_REMEMBERED:
        _edges_of.popitem(last=False)
    return found.as_of(as_of_ms)
