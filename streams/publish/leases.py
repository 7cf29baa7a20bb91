"""Decides which shards a publisher process works on: those whose lease it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from streams.store.contract import Store

LEASE = "publisher"


class ShardLeases:
    """The leases of one publisher process. `keep` is called often and works when it is time; the
    other methods answer from what it found."""

    def __init__(
        self,
        store: Store,
        owner: str,
        n_shards: int,
        lease_ms: int,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._owner = owner
        self._n_shards = n_shards
        self._lease_ms = lease_ms
        self._clock = clock
        self._kept_at_s: float | None = None
        self._held: frozenset[int] = frozenset()
        self._taken: set[int] = set()

    @property
    def held(self) -> Sequence[int]:
        return sorted(self._held)

    def keep(self) -> None:
        """Takes and renews leases when it is time. A lease not renewed in time was not held: the
        shard counts as newly taken, whether or not another had it in between."""
        now_s = self._clock()
        idle_s = None if self._kept_at_s is None else now_s - self._kept_at_s
        if idle_s is not None and idle_s * 3000 < self._lease_ms:
            return
        before = frozenset() if idle_s and idle_s * 1000 >= self._lease_ms else self._held
        shards = range(self._n_shards)
        self._held = frozenset(
            s for s in shards if self._store.lease(LEASE, s, self._owner, self._lease_ms)
        )
        self._kept_at_s = now_s
        self._taken |= self._held - before

    def newly_taken(self) -> frozenset[int]:
        """The shards taken since the last call that are still held."""
        taken = frozenset(self._taken & self._held)
        self._taken.clear()
        return taken

    def hand_over(self) -> None:
        """Gives all leases back, so that another process begins at once."""
        for shard in self._held:
            self._store.lease(LEASE, shard, self._owner, 1)
        self._held = frozenset()
