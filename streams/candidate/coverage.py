"""How far a promotion has come: how many of the listed leads it has scored, and how many are shown
with that score."""

from __future__ import annotations

from dataclasses import dataclass

from streams.store.board import is_of
from streams.store.contract import Store

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts of listed leads under a promotion. `n_parked`: leads that no worker could score; they
    wait until they change, and are not part of `n_listed`. `n_held`: scored leads that a board
    still shows as before, be it that it has not flipped or that no publisher has placed them."""

    n_scored: int = 0
    n_listed: int = 0
    n_parked: int = 0
    n_held: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every listed lead that can be scored is scored and shown."""
        return self.n_scored == self.n_listed and not self.n_held


def coverage(store: Store, tenant: str, promotion: int) -> Coverage:
    """Counts the leads of `tenant` (`*`: of everybody). A later promotion's scores count as
    well."""
    n_listed = n_parked = 0
    scored: set[str] = set()
    for shard in range(store.recorded_partitions() or 0):
        seen: set[str] = set()  # a scan may repeat
        cursor: int | None = None
        while cursor != 0:
            cursor, views = store.leads(shard, cursor or 0, CHUNK)
            for view in views:
                if view.lead in seen or view.queue is None or not is_of(view.lead, tenant):
                    continue
                seen.add(view.lead)
                n_parked += view.parked
                n_listed += not view.parked
                is_scored = view.order is not None and view.order[0] >= promotion
                if is_scored and not view.parked:
                    scored.add(view.lead)
    queues = [name for name in store.queues() if is_of(name, tenant)]
    n_held = sum(len(_shown_as_before(store, name, promotion) & scored) for name in queues)
    return Coverage(len(scored), n_listed, n_parked, n_held)


def _shown_as_before(store: Store, queue: str, promotion: int) -> set[str]:
    leads: set[str] = set()
    start = 0
    while rows := store.board(queue, CHUNK, start).rows:
        leads.update(row.lead for row in rows if row.order[0] < promotion)
        start += len(rows)
    return leads


def is_copied(store: Store, tenant: str, promotion: int) -> bool:
    """Whether every shard knows of this promotion, or of a later one for the same tenant."""
    shards = range(store.recorded_partitions() or 0)
    return bool(shards) and all(
        store.promoted(s).get(tenant, (-1, ""))[0] >= promotion for s in shards
    )
