"""What counts as standing still, and what only looks like it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from typing import NoReturn

import pytest
from confluent_kafka.admin import AdminClient

from streams.exit_codes import CRASH
from streams.ingest.liveness import (
    FrontierWatch,
    PartitionKey,
    PartitionProgress,
    Watch,
    start_watching,
)
from streams.store.contract import Store, StoreUnusable
from streams.store.memory_store import MemoryStore
from tests.support.brokers import N_PARTITIONS
from tests.support.harness import Fleet, Journal
from tests.support.leads.event_stream import events
from tests.support.role_process import RoleSpec

PLACE = ("crm.events", 3)
STUCK = PartitionProgress(applied=4, handed=9, position=10)


def test_lag_without_progress_for_the_whole_time_is_standing_still() -> None:
    watch = FrontierWatch(60.0)
    behind = replace(STUCK, handed=4, position=5)
    assert watch.observe(0.0, {PLACE: behind}, {PLACE: 20}) is None
    assert watch.observe(59.0, {PLACE: behind}, {PLACE: 21}) is None
    sentence = watch.observe(60.0, {PLACE: behind}, {PLACE: 22})
    assert sentence
    assert sentence.startswith("crm.events/3 stands still at offset 4 for 60 s")


def test_a_batch_that_is_never_applied_is_standing_still_without_lag_in_fetching() -> None:
    watch = FrontierWatch(60.0)
    assert watch.observe(0.0, {PLACE: STUCK}, {PLACE: 10}) is None
    assert watch.observe(60.0, {PLACE: STUCK}, {PLACE: 10})


def test_slow_progress_is_progress() -> None:
    watch = FrontierWatch(60.0)
    for i in range(10):
        at = PartitionProgress(applied=i, handed=i, position=i + 1)
        assert watch.observe(59.0 * i, {PLACE: at}, {PLACE: 1000}) is None


def test_an_idle_partition_does_not_begin_to_count_before_records_come() -> None:
    watch = FrontierWatch(60.0)
    done = PartitionProgress(applied=4, handed=4, position=5)
    assert watch.observe(0.0, {PLACE: done}, {PLACE: 5}) is None
    assert watch.observe(1000.0, {PLACE: done}, {PLACE: 5}) is None
    assert watch.observe(1030.0, {PLACE: done}, {PLACE: 6}) is None
    assert watch.observe(1059.0, {PLACE: done}, {PLACE: 6}) is None
    assert watch.observe(1060.0, {PLACE: done}, {PLACE: 6})


def test_markers_after_the_last_record_are_not_lag() -> None:
    """A transaction's marker is passed by the position and never by the frontier."""
    watch = FrontierWatch(60.0)
    done = PartitionProgress(applied=4, handed=4, position=6)
    assert watch.observe(0.0, {PLACE: done}, {PLACE: 6}) is None
    assert watch.observe(1000.0, {PLACE: done}, {PLACE: 6}) is None


def test_waiting_for_a_service_that_is_away_is_not_standing_still() -> None:
    watch = FrontierWatch(60.0)
    watch.observe(0.0, {PLACE: STUCK}, {PLACE: 20})
    watch.forget()
    assert watch.observe(60.0, {PLACE: STUCK}, {PLACE: 20}) is None


def test_a_partition_that_was_taken_away_is_not_ours_to_judge() -> None:
    watch = FrontierWatch(60.0)
    watch.observe(0.0, {PLACE: STUCK}, {PLACE: 20})
    watch.observe(10.0, {}, {})
    assert watch.observe(60.0, {PLACE: STUCK}, {PLACE: 20}) is None


@dataclass
class Watched:
    """One partition at standstill; `fault` is what looking at it raises."""

    fault: Exception | None = None

    def progress(self) -> Mapping[PartitionKey, PartitionProgress]:
        if self.fault:
            raise self.fault
        return {PLACE: STUCK}


class UnusableAtFirst(MemoryStore):
    """Refuses the password `times` times, until somebody mends it."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def frontier(self, shard: int) -> dict[str, int]:
        if self.times:
            self.times -= 1
            raise StoreUnusable("Redis refuses the password")
        return super().frontier(shard)


def sentence_of(watched: Watched, store: Store, broker: str) -> str:
    """What the watching thread ends the process with."""
    sentences: Queue[str] = Queue()
    stopping = threading.Event()

    def frozen(sentence: str) -> NoReturn:
        sentences.put(sentence)
        raise SystemExit

    admin = AdminClient({"bootstrap.servers": broker, "log_level": 2})
    watch = Watch(watched, store, admin, threading.Event(), stopping, frozen, frozen, 0.06)
    thread = start_watching(watch)
    try:
        return sentences.get(timeout=10)
    finally:
        stopping.set()
        thread.join()


# Where the process would end, the thread does.
ends = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@ends
@pytest.mark.service
def test_a_store_that_is_unusable_for_a_while_does_not_end_the_watch(embedded: str) -> None:
    sentence = sentence_of(Watched(), UnusableAtFirst(2), embedded)
    assert sentence.startswith("crm.events/3 stands still at offset 4")


@ends
def test_a_watch_that_fails_ends_the_process() -> None:
    sentence = sentence_of(Watched(RuntimeError("surprise")), MemoryStore(), "127.0.0.1:1")
    assert sentence == "nobody watches for standstill any more, RuntimeError: surprise"


@pytest.mark.service
@pytest.mark.slow
def test_a_worker_that_hangs_ends_itself_and_says_where(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    spec = RoleSpec("ingest", "ingest-0", embedded, redis_url, N_PARTITIONS, freeze_s=2.0)
    journal = Journal(embedded)
    with Fleet(tmp_path) as fleet:
        fleet.start(replace(spec, hang_at="read:2"))
        journal.send(events(3, 300))
        journal.flush()
        assert fleet.wait_for_exit(spec.member) == CRASH
        assert "and Kafka and the store answer: restarting" in fleet.log(spec.member)
