"""Ends a process that is alive but does nothing: its partitions have records, nobody is away, and
yet nothing moves. Restarting is cheap and loses nothing, hanging is neither.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.kafka.topic_ids import remade_fault
from streams.store.contract import Store, StoreAway, StoreUnusable

log = logging.getLogger(__name__)

PartitionKey = tuple[str, int]
"""(topic, partition)."""


@dataclass(frozen=True, slots=True)
class PartitionProgress:
    """How far one partition is: `applied` the store has it, `handed` an agent was given it,
    `position` the next offset to fetch. `position` also passes what no reader sees, such as the
    markers of transactions, so that the end of the log can be compared with it."""

    applied: int
    handed: int
    position: int


class FrontierWatch:
    """Remembers since when each partition has work and does not move."""

    def __init__(self, freeze_s: float) -> None:
        self._freeze_s = freeze_s
        self._unmoved_since: dict[PartitionKey, tuple[float, PartitionProgress]] = {}

    def forget(self) -> None:
        """Starts anew: while Kafka or the store is away, standing still is right."""
        self._unmoved_since.clear()

    def observe(
        self,
        now_s: float,
        progress: Mapping[PartitionKey, PartitionProgress],
        ends: Mapping[PartitionKey, int],
    ) -> str | None:
        """Returns the sentence to stop with, once a partition with lag stood still for
        `freeze_s`."""
        for partition, current in progress.items():
            has_work = current.position < ends[partition] or current.applied < current.handed
            since_s, before = self._unmoved_since.get(partition, (now_s, current))
            if not has_work or before != current:
                self._unmoved_since[partition] = (now_s, current)
            elif now_s - since_s >= self._freeze_s:
                topic, number = partition
                return (
                    f"{topic}/{number} stands still at offset {current.applied} for "
                    f"{now_s - since_s:.0f} s though its log ends at {ends[partition]} and Kafka "
                    f"and the store answer: restarting"
                )
            else:
                self._unmoved_since[partition] = (since_s, current)
        for partition in self._unmoved_since.keys() - progress.keys():
            del self._unmoved_since[partition]
        return None


class Watched(Protocol):
    def progress(self) -> Mapping[PartitionKey, PartitionProgress]: ...


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything the watching thread needs. `frozen` ends the process, and so does `remade`, where
    an input topic was deleted and made again."""

    watched: Watched
    store: Store
    admin: AdminClient
    waiting: threading.Event
    stopping: threading.Event
    frozen: Callable[[str], NoReturn]
    remade: Callable[[str], NoReturn]
    freeze_s: float = 90.0


ANSWER_S = 5.0
"""A service whose answer takes longer counts as away."""


def start_watching(watch: Watch) -> threading.Thread:
    """Starts the watching thread. It is not a task, because the event loop may be what hangs."""
    thread = threading.Thread(target=_guarded, args=(watch,), name="liveness", daemon=True)
    thread.start()
    return thread


def _guarded(watch: Watch) -> None:
    """Runs the watch and ends the process when it fails: nobody would notice a watch that does not
    run."""
    try:
        _watch(watch)
    except Exception as error:
        if not watch.stopping.is_set():
            log.critical("liveness_failed", exc_info=error)
            watch.frozen(f"nobody watches for standstill any more, {type(error).__name__}: {error}")


def _watch(watch: Watch) -> None:
    memory = FrontierWatch(watch.freeze_s)
    while not watch.stopping.wait(min(watch.freeze_s / 6, 10.0)):
        progress = watch.watched.progress()
        try:
            ends = log_ends(watch.admin, list(progress))
            for partition in {partition for _, partition in progress}:
                watch.store.frontier(partition)
            fault = remade_fault(watch.admin, watch.store)
        except (KafkaException, StoreAway, StoreUnusable):
            memory.forget()
            continue
        if fault:
            watch.remade(fault)
        if watch.waiting.is_set():
            memory.forget()
        elif sentence := memory.observe(monotonic(), progress, ends):
            watch.frozen(sentence)


def log_ends(admin: AdminClient, partitions: list[PartitionKey]) -> dict[PartitionKey, int]:
    """The offsets up to which a reader of committed records can get. Raises KafkaException when no
    answer comes."""
    if not partitions:
        return {}
    asked = {TopicPartition(*partition): OffsetSpec.latest() for partition in partitions}
    answers = admin.list_offsets(
        asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_S
    )
    return {(tp.topic, tp.partition): future.result().offset for tp, future in answers.items()}
