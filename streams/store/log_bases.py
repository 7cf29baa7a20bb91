"""Bases of logs: what is added to the broker's offsets of an input topic to get the store's.

Nothing, unless the topic was deleted and made again and goes on as the same log
(`asllr topics adopt`). They stand beside the frontiers, under names of their own, and so in every
snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping

BASE = "base:"


def frontiers_of(offsets: Mapping[str, int]) -> dict[str, int]:
    """The last applied offset of each topic.

    >>> frontiers_of({"crm.events": 41, "base:crm.events": 30})
    {'crm.events': 41}
    """
    return {name: at for name, at in offsets.items() if not name.startswith(BASE)}


def bases_of(offsets: Mapping[str, int]) -> dict[str, int]:
    """The base of each topic that has one.

    >>> bases_of({"crm.events": 41, "base:crm.events": 30})
    {'crm.events': 30}
    """
    return {n.removeprefix(BASE): base for n, base in offsets.items() if n.startswith(BASE)}
