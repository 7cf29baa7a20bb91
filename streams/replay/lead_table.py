"""Where a replay keeps its leads: in the memory of this process."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple, Protocol

from scoring.lead.state import LeadState
from scoring.lead.state_bytes import canonical_line


class ReplayedLead(NamedTuple):
    """A lead in a replay. `queue`: where it is listed after the newest record in `cursor`; None:
    nowhere."""

    state: LeadState
    cursor: dict[str, int]
    queue: str | None


class LeadTable(Protocol):
    def get(self, name: str) -> ReplayedLead | None: ...
    def put(self, name: str, lead: ReplayedLead) -> None: ...
    def items(self) -> Iterator[tuple[str, ReplayedLead]]:
        """All leads, in any order."""
        ...


class MemoryTable:
    """Implements LeadTable as a dict."""

    def __init__(self) -> None:
        self._leads: dict[str, ReplayedLead] = {}

    def get(self, name: str) -> ReplayedLead | None:
        return self._leads.get(name)

    def put(self, name: str, lead: ReplayedLead) -> None:
        self._leads[name] = lead

    def items(self) -> Iterator[tuple[str, ReplayedLead]]:
        return iter(self._leads.items())


def states_digest(table: LeadTable) -> tuple[int, int]:
    """The number of leads, and a sum over them that depends on every byte of their states and
    cursors."""
    n, total = 0, 0
    for name, lead in table.items():
        cursor = repr(sorted(lead.cursor.items())).encode()
        content = b"\0".join((name.encode(), cursor, canonical_line(lead.state)))
        total += int.from_bytes(blake2b(content, digest_size=16).digest())
        n += 1
    return n, total % 2**128
