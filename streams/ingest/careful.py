"""Goes record by record where workers died, and passes by the record that they die of.

A record can be legal and still end every worker that reads it: it takes all memory, or longer than
the watch waits. A batch with it is never applied, and nothing after it. So the store counts
(`streams.store.tries`) how many workers in a row began at the same frontier; from the third on
the next batch is applied in parts of one record, each a commit of its own. A record that was tried
alone twice, and never passed, becomes a dead letter unread.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from streams.ingest.batch import Applied, Batch, Conditions, IngestStopped, apply_batch
from streams.store.contract import StoreAway

CAREFUL_FROM = 3
"""Workers that began at one frontier, after which the next goes record by record. Two may have
been ended by somebody."""

MAX_TRIES = 2


class Careful:
    """The partitions of this worker in which the next batch is applied record by record."""

    def __init__(self, under: Conditions) -> None:
        self._under = under
        self._started: set[tuple[str, int]] = set()
        self._singly: set[tuple[str, int]] = set()

    def start(self, topic: str, partition: int) -> None:
        """Notes that this worker begins here, once. Raises StoreAway."""
        place = topic, partition
        if place not in self._started:
            store = self._under.store
            n_starts = store.note_start(topic, partition)
            if n_starts >= CAREFUL_FROM or store.is_trying(topic, partition):
                self._singly.add(place)
            self._started.add(place)

    def apply(self, batch: Batch) -> Applied:
        """As `apply_batch`. Raises IngestStopped."""
        place = batch.topic, batch.partition
        if place not in self._singly:
            return apply_batch(batch, self._under)
        applied = [self._alone(each) for each in _parts(batch)]
        self._singly.discard(place)
        return _sum(applied)

    def _alone(self, batch: Batch) -> Applied:
        """Whatever stops it by an IngestStopped, it is not the record."""
        store, n_tries = self._under.store, 0
        with suppress(StoreAway):
            n_tries = store.note_try(batch.topic, batch.partition, batch.records[0].offset)
        try:
            applied = apply_batch(replace(batch, is_refused=n_tries > MAX_TRIES), self._under)
        except IngestStopped:
            self._forget(batch)
            raise
        self._forget(batch)
        return applied

    def _forget(self, batch: Batch) -> None:
        with suppress(StoreAway):
            self._under.store.forget_tries(batch.topic, batch.partition)


def _parts(batch: Batch) -> list[Batch]:
    before = [batch.prev, *(record.offset for record in batch.records)]
    return [
        replace(batch, prev=prev, records=[record])
        for prev, record in zip(before, batch.records, strict=False)
    ]


def _sum(parts: list[Applied]) -> Applied:
    return Applied(
        frontier=parts[-1].frontier,
        n_events=sum(one.n_events for one in parts),
        n_dead_letters=sum(one.n_dead_letters for one in parts),
        n_mended=sum(one.n_mended for one in parts),
        n_leads=sum(one.n_leads for one in parts),
        n_too_wide=sum(one.n_too_wide for one in parts),
        n_redone=sum(one.n_redone for one in parts),
    )
