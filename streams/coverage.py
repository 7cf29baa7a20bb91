"""How far a promotion has come: of the listed leads, how many are scored by it and shown so."""

from __future__ import annotations

from dataclasses import dataclass

from streams.store import Store

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Coverage:
    """`n_parked`: leads that no worker could score; they wait until they change, and are no part of
    `n_listed`. `n_held`: leads that a board will show otherwise once it flips."""

    n_scored: int = 0
    n_listed: int = 0
    n_parked: int = 0
    n_held: int = 0

    @property
    def is_complete(self) -> bool:
        """Scored and shown."""
        return self.n_scored == self.n_listed and not self.n_held


def coverage(store: Store, tenant: str, promotion: int) -> Coverage:
    """Of `tenant` (`*`: of everybody). A later promotion's scores count as well."""
    n_scored = n_listed = n_parked = 0
    for shard in range(store.recorded_partitions() or 0):
        seen: set[str] = set()  # a scan may repeat
        cursor: int | None = None
        while cursor != 0:
            cursor, views = store.leads(shard, cursor or 0, CHUNK)
            for view in views:
                is_asked = tenant in ("*", view.lead.partition("/")[0])
                if view.lead in seen or view.queue is None or not is_asked:
                    continue
                seen.add(view.lead)
                n_parked += view.parked
                n_listed += not view.parked
                is_scored = view.order is not None and view.order[0] >= promotion
                n_scored += is_scored and not view.parked
    queues = [name for name in store.queues() if tenant in ("*", name.partition("/")[0])]
    n_held = sum(store.board(name, 0).n_held for name in queues)
    return Coverage(n_scored, n_listed, n_parked, n_held)


def is_copied(store: Store, tenant: str, promotion: int) -> bool:
    """Every shard knows of it, or of a later one for the same tenant."""
    shards = range(store.recorded_partitions() or 0)
    return bool(shards) and all(
        store.promoted(s).get(tenant, (-1, ""))[0] >= promotion for s in shards
    )
