"""The virtual clock: what is to be done at which moment of the past."""

from __future__ import annotations

import heapq
from collections.abc import Iterator


class Agenda:
    """One appointment per lead; a later `set` replaces it. Memory is bounded by the appointments
    that are held, not by how often they moved."""

    SPARE = 1_000
    """So many replaced appointments may lie around before the heap is rebuilt."""

    def __init__(self) -> None:
        self._when: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._when)

    def when(self, lead: str) -> int | None:
        return self._when.get(lead)

    def set(self, lead: str, when_ms: int | None) -> None:
        """None: the lead has no appointment any more."""
        if when_ms is None:
            self._when.pop(lead, None)
        elif self._when.get(lead) != when_ms:
            self._when[lead] = when_ms
            heapq.heappush(self._heap, (when_ms, lead))
            if len(self._heap) > 2 * len(self._when) + self.SPARE:
                self._heap = [(at, name) for name, at in self._when.items()]
                heapq.heapify(self._heap)

    def until(self, moment_ms: int) -> Iterator[tuple[int, str]]:
        """Takes what is due at `moment_ms` or before, by (moment, lead); what the caller sets
        meanwhile counts."""
        while self._heap and self._heap[0][0] <= moment_ms:
            when_ms, lead = heapq.heappop(self._heap)
            if self._when.get(lead) == when_ms:
                del self._when[lead]
                yield when_ms, lead
