"""Fills an empty Redis again from Kafka: the snapshots on `leads.state`, then the log after them.

Snapshots of an older format keep less than one of today: of their shard everything that the log
still has is read again and joined to them.

Everything that Kafka must have is checked before anything is written. A rebuild that dies leaves
leads that are right as far as they go and shards without a frontier: ingest reads those from the
log's start, or says what is missing. Restored states never pass the log: ingest would wait for
records that do not come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from confluent_kafka import Consumer, TopicPartition

from schemas.partitioner import shard_of
from schemas.topics import INPUTS, STATE
from scoring.lead.fold import listing
from scoring.lead.state_bytes import from_bytes
from streams import exit_codes
from streams.ingest.batch import Batch, Conditions, apply_batch
from streams.kafka.topic_reader import watermarks
from streams.publish.state_topic import BadSnapshots, LeadRecord, ShardSnapshot, read_shard
from streams.recording.kafka_range import read_range
from streams.store.contract import Commit, CommitStatus, LeadWrite, Store, StoredLead
from streams.waiting import RoleStopped

RESCORE_SLACK_MS = 60_000
"""Every listed lead is scored again; what happens meanwhile goes first."""

CHUNK = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RebuildPart:
    """One input partition: the log's first and next offset, and the first to read again, all of
    them the store's: `base` more than the broker's (`streams.store.log_bases`)."""

    topic: str
    partition: int
    start: int
    end: int
    first: int
    base: int = 0

    @property
    def n_records(self) -> int:
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class RebuildPlan:
    """What a rebuild has to read. `n_leads` that have a snapshot, over all shards."""

    parts: tuple[RebuildPart, ...]
    n_leads: int

    @property
    def n_records(self) -> int:
        return sum(part.n_records for part in self.parts)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    n_restored: int
    n_events: int
    n_dead_letters: int


def plan(consumer: Consumer, n_partitions: int) -> RebuildPlan:
    """Works out what a rebuild has to read. Raises RoleStopped when Kafka no longer has all of it,
    BadSnapshots."""
    parts: list[RebuildPart] = []
    faults: list[str] = []
    n_leads = 0
    for shard in range(n_partitions):
        # Before the log's end: what a snapshot includes was in the log by then.
        snapshot = _read(consumer, shard, n_partitions)
        n_leads += len(snapshot.leads)
        for topic in INPUTS:
            base = snapshot.bases.get(topic.name, 0)
            low, high = watermarks(consumer, TopicPartition(topic.name, shard))
            start, end = low + base, high + base
            reached = snapshot.frontier.get(topic.name, -1) + 1
            first = min(start, reached) if snapshot.has_older else reached
            part = RebuildPart(topic.name, shard, start, end, first, base)
            faults += _faults(part, reached, snapshot)
            parts.append(part)
    if faults:
        raise RoleStopped(exit_codes.UNUSABLE, "; ".join(faults))
    return RebuildPlan(tuple(parts), n_leads)


def _faults(part: RebuildPart, reached: int, snapshot: ShardSnapshot) -> Iterator[str]:
    where = f"{part.topic}/{part.partition}"
    if reached < part.start:
        what = "no snapshot goes" if reached == 0 else "snapshots only go"
        yield (
            f"history lost: {where} starts at offset {part.start} and {what} up to "
            f"{reached - 1}: restore the topic from a backup, or begin without that history on "
            "an empty Redis with `asllr topics adopt`"
        )
    reaches = max(reached - 1, snapshot.reaches(part.topic))
    if reaches >= part.end:
        yield (
            f"{where} ends at offset {part.end}, but the snapshots include offset {reaches}: the "
            f"topic was recreated or lost records; restore it, or delete and recreate {STATE.name}"
        )


def rebuild(
    store: Store,
    consumer: Consumer,
    made: RebuildPlan,
    n_partitions: int,
    advanced: Callable[[int], None],
) -> Rebuilt:
    """Fills an empty store. `advanced` is called with the number of leads and records done. Raises
    RoleStopped when somebody else writes to it, or reading fails."""
    n_restored = n_events = n_dead_letters = 0
    for shard in range(n_partitions):
        snapshot = _read(consumer, shard, n_partitions)
        _restore(store, shard, snapshot, advanced)
        for part in made.parts:
            # Ingest goes on from here, and no further than the log: it would wait for ever.
            if part.partition == shard and part.first > 0:
                _adopt(store, part)
        n_restored += len(snapshot.leads)
    never = threading.Event()
    under = Conditions(store, n_partitions, PATIENCE_S, never, threading.Event(), lambda _: None)
    for part in made.parts:
        for batch in _batches(consumer, part):
            applied = apply_batch(batch, under)
            n_events += applied.n_events
            n_dead_letters += applied.n_dead_letters
            advanced(len(batch.records))
    return Rebuilt(n_restored, n_events, n_dead_letters)


PATIENCE_S = 60.0


def _read(consumer: Consumer, shard: int, n_partitions: int) -> ShardSnapshot:
    low, high = watermarks(consumer, TopicPartition(STATE.name, shard))
    snapshot = read_shard(read_range(consumer, STATE.name, shard, low, high))
    for lead in snapshot.leads:
        if shard_of(lead.lead, n_partitions) != shard:
            raise BadSnapshots(
                f"{STATE.name}/{shard} offset {lead.offset}: lead {lead.lead} does not belong on "
                f"this one of {n_partitions} partitions: the topic grew or was copied with another "
                "partitioner; delete and recreate it"
            )
    return snapshot


def _restore(
    store: Store, shard: int, snapshot: ShardSnapshot, advanced: Callable[[int], None]
) -> None:
    """Writes the leads of the snapshots. The topic's own frontier chains the chunks, so that a
    second writer is noticed."""
    prev = -1
    now_ms = store.now_ms()
    for leads in _chunks(snapshot.leads):
        last = leads[-1].offset
        writes = [_write(lead, now_ms) for lead in leads]
        result = store.commit(Commit(STATE.name, shard, prev, last, writes))
        if result.status is not CommitStatus.COMMITTED:
            raise _not_alone(shard)
        prev = last
        advanced(len(leads))


def _adopt(store: Store, part: RebuildPart) -> None:
    if not store.adopt(part.topic, part.partition, part.first - 1):
        raise _not_alone(part.partition)
    if part.base:
        store.continue_log(part.topic, part.partition, part.first - part.base)


def _not_alone(shard: int) -> RoleStopped:
    return RoleStopped(
        exit_codes.UNUSABLE,
        f"shard {shard} was written to by somebody else: stop `asllr ingest` and repeat with --yes",
    )


def _write(lead: LeadRecord, now_ms: int) -> LeadWrite:
    state = from_bytes(lead.state)
    return LeadWrite(
        lead=lead.lead,
        expected=StoredLead(None, None, False),
        cursor=lead.cursor,
        state=lead.state,
        queue=listing(state).queue,
        erased=state.erased,
        slack_ms=RESCORE_SLACK_MS,
        ingested_ms=now_ms,
    )


def _batches(consumer: Consumer, part: RebuildPart) -> Iterator[Batch]:
    prev = part.first - 1
    read = read_range(
        consumer, part.topic, part.partition, part.first - part.base, part.end - part.base
    )
    records = (record._replace(offset=record.offset + part.base) for record in read)
    for chunk in _chunks(records):
        yield Batch(part.topic, part.partition, prev, chunk)
        prev = chunk[-1].offset


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while chunk := [*islice(left, CHUNK)]:
        yield chunk
