"""The leases of the leads a score worker has in hand, renewed while it works on them.

A worker whose engine hangs must not keep its leads for ever: past the engine's time the process is
ended, the leases expire, and the leads come back to others, one at a time.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import NoReturn

from streams.store.contract import Claim, Store, StoreAway

log = logging.getLogger(__name__)


class WorkLeases:
    """Keeps leases alive. `tick` is what the thread does every third of a lease; tests call it
    themselves."""

    def __init__(
        self,
        store: Store,
        worker: str,
        lease_ms: int,
        engine_timeout_s: float,
        hung: Callable[[str], NoReturn],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._worker = worker
        self._lease_ms = lease_ms
        self._engine_timeout_s = engine_timeout_s
        self._hung = hung
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}
        self._engine_since_s: float | None = None

    def hold(self, claims: Sequence[Claim]) -> None:
        with self._lock:
            self._held |= {claim.lead: claim.shard for claim in claims}

    def let_go(self, lead: str) -> None:
        with self._lock:
            self._held.pop(lead, None)

    def give_back(self, claim: Claim) -> None:
        """Gives a lease back: the lead is free at once, and its next claim knows that it came
        back."""
        self.let_go(claim.lead)
        self._store.renew(claim.shard, self._worker, [claim.lead], 0)

    @contextmanager
    def engine_running(self) -> Iterator[None]:
        self._engine_since_s = self._clock()
        try:
            yield
        finally:
            self._engine_since_s = None

    def tick(self) -> None:
        since_s = self._engine_since_s
        if since_s is not None and self._clock() - since_s > self._engine_timeout_s:
            self._hung(
                f"the engine did not return within {self._engine_timeout_s:.0f} s "
                f"(leads {', '.join(sorted(self._held)[:3])})"
            )
        # Under the lock: a lead given back in between must not be renewed after it.
        with self._lock:
            by_shard: dict[int, list[str]] = defaultdict(list)
            for lead, shard in self._held.items():
                by_shard[shard].append(lead)
            for shard, leads in by_shard.items():
                try:
                    self._store.renew(shard, self._worker, leads, self._lease_ms)
                except StoreAway as error:
                    log.warning("leases_not_renewed shard=%d error=%s", shard, error)

    def start(self, stop: threading.Event) -> None:
        def renew() -> None:
            while not stop.wait(self._lease_ms / 3000):
                self.tick()

        threading.Thread(target=renew, name="work-leases", daemon=True).start()
