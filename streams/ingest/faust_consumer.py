"""Faust's consumer with the position taken from the store: the only file that knows its internals.

Stock Faust commits offsets of records it never processed (an exception, `take`, a rebalance).
Here each fetch of a partition reaches its agent as one `Batch` that carries the offset it continues
from; the store compares that with its frontier, so a lost or doubled batch cannot be applied.
`tests/streams/ingest/test_faust_contract.py` fails when a Faust release changes what is used below.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol, cast

import faust
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError, InvalidRequestError, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ack_lock
from mode import Service
from mode.utils.futures import notify
from yarl import URL

from schemas.codec import Record
from streams.ingest.any_batches import read_any_batch
from streams.ingest.batch import Batch
from streams.ingest.liveness import PartitionProgress
from streams.kafka.topic_admin import history_fault

KAFKA_PATIENCE_S = 15
"""How long a seek waits for a broker. With the store's patience it must stay below Faust's
`broker_request_timeout`: a seek that outlasts that leaves the worker without partitions."""

FETCH_WAIT_MS = 100
"""How long an empty fetch waits. Kafka answers at once when a record comes, but the embedded broker
only when the wait is over: there the p99 was Faust's default of 1,500 ms."""


class Seat(Protocol):
    """What the consumer needs from the process it runs in."""

    async def frontier(self, topic: str, partition: int) -> int | None:
        """The last applied offset; None when this partition never was applied. Waits for the
        store."""
        ...

    async def log_base(self, topic: str, partition: int) -> int:
        """What the store adds to the broker's offsets (`streams.store.contract.Store.log_bases`).
        Waits for the store."""
        ...

    async def check_logs(self) -> None:
        """Ends the process where an input was made again and nobody has accepted that."""
        ...

    def history_lost(self, sentence: str) -> NoReturn:
        """Ends the process, because the log no longer holds what comes next."""
        ...

    def crashed(self, error: BaseException) -> NoReturn:
        """Ends the process: when a fetch fails, the rest must not go on."""
        ...

    @property
    def is_embedded(self) -> bool:
        """Whether the broker is librdkafka's mock cluster."""
        ...


class PatientLeader(RoundRobinPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
    """Assigns partitions after a pause, for librdkafka's mock cluster only: it refuses a SyncGroup
    that comes after the leader's, and so the leader lets the others go first."""

    @classmethod
    def assign(cls, *args: Any, **kwargs: Any) -> Any:
        time.sleep(LEADER_PAUSE_S)
        return super().assign(*args, **kwargs)


LEADER_PAUSE_S = 0.3


class ReadCommittedThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only. Stock Faust would deliver the aborted records of a
    transactional producer."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        if cast(Consumer, self.consumer).seat.is_embedded:
            consumer._partition_assignment_strategy = [PatientLeader]
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def seek_in_thread(self, partition: TP, offset: int) -> None:
        """Seeks in the thread where a fetch checks and updates a position without an await between:
        there a seek cannot be overwritten by a fetch that is under way, as it can from another
        thread."""
        await self.call_thread(self._ensure_consumer().seek, partition, offset)

    async def check_group(self) -> None:
        # A consumer that is just starting has no coordinator yet.
        if self._consumer is not None and self._consumer._coordinator is not None:
            await self.call_thread(self._consumer._coordinator.check_errors)


class Consumer(driver.Consumer):
    """Faust's consumer, which seeks to the frontiers of the store. `chain` is the last offset
    handed to the agents per partition of this worker; `applied` what the store has confirmed of it,
    both in the store's offsets; `n_seeks` tells a fetch that began before a seek."""

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        self.seat = seat
        self.chain: dict[TP, int] = {}
        self.applied: dict[TP, int] = {}
        self.n_seeks = 0
        self._bases: dict[TP, int] = {}
        self._gaps: dict[TP, tuple[int, int]] = {}
        self._must_seek = False
        self._seek_lock = asyncio.Lock()
        super().__init__(*args, **kwargs)

    _thread: ReadCommittedThread

    def _new_consumer_thread(self) -> ReadCommittedThread:
        return ReadCommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def _seek(self, partition: TP, offset: int) -> None:
        await self._thread.seek_in_thread(partition, offset)

    async def perform_seek(self) -> None:
        """On every assignment, continues each partition where the store is, whatever the offset
        committed to Kafka says."""
        async with self._seek_lock:
            self.n_seeks += 1
            await self._seek_to_frontiers()
            self.n_seeks += 1

    async def _seek_to_frontiers(self) -> None:
        await self.seat.check_logs()
        assigned = self.assignment()
        # In this order: all three only grow while others work, for minutes if this process is
        # frozen in between, and a log is to be blamed only for what is certain.
        starts = await self._ask(self.earliest_offsets, assigned)
        bases = {tp: await self.seat.log_base(tp.topic, tp.partition) for tp in assigned}
        frontiers = {tp: await self.seat.frontier(tp.topic, tp.partition) for tp in assigned}
        ends = await self._ask(self.highwaters, assigned)
        for tp, frontier in frontiers.items():
            read = None if frontier is None else frontier - bases[tp]
            if fault := history_fault(*tp, read, starts[tp], ends[tp]):
                self.seat.history_lost(fault)
        chain = {tp: -1 if frontier is None else frontier for tp, frontier in frontiers.items()}
        self.chain, self._bases = chain, bases
        self.applied = dict(chain)
        self._gaps.clear()
        for tp, frontier in chain.items():
            try:
                await self.seek(tp, frontier + 1 - bases[tp])
            except IllegalStateError:
                # Taken away meanwhile: the rebalance under way seeks again when it is done.
                self.log.info("seek skipped, no longer assigned: %s", tp)
            self._committed_offset[tp] = None

    async def _ask(
        self, question: Callable[..., Awaitable[Mapping[TP, int]]], tps: Iterable[TP]
    ) -> Mapping[TP, int]:
        """Asks the broker, which may be away for a moment; when that takes too long the error is
        raised."""
        for _ in range(KAFKA_PATIENCE_S):
            try:
                return await question(*tps) if tps else {}
            except KafkaError:
                await self.sleep(1.0)
        return await question(*tps)

    async def _drain_messages(self, fetcher: Any) -> None:
        """The main loop of the fetcher. Whatever is not handed over is sought back to, never
        dropped."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow.wait())
                    continue
                if self._must_seek:
                    self._must_seek = False
                    await self.perform_seek()
                n_seeks = self.n_seeks
                records, _ = await self._wait_next_records(timeout=1.0)
                await asyncio.sleep(0)
                if records:
                    await self._hand_over(records, n_seeks)
        except Exception as error:
            if isinstance(error, self.consumer_stopped_errors) and self.app.should_stop:
                return
            self.seat.crashed(error)

    async def _hand_over(self, records: Mapping[TP, Sequence[Any]], n_seeks: int) -> None:
        generation = self.app.consumer_generation_id
        for tp, fetched in records.items():
            if not (
                self.flow_active
                and n_seeks == self.n_seeks
                and generation == self.app.consumer_generation_id
                and tp in self.chain
            ):
                self._must_seek = True
                return
            base = self._bases[tp]
            prev = self.chain[tp] - base
            fresh = [record for record in fetched if record.offset > prev]
            if not fresh:
                continue
            if fresh[0].offset > prev + 1 and not await self._believes_gap(tp, prev, fresh):
                continue
            if not await self._deliver(tp, prev, fresh) or n_seeks != self.n_seeks:
                self._must_seek = True
                return
            self.chain[tp] = fresh[-1].offset + base

    async def _believes_gap(self, tp: TP, prev: int, fetched: Sequence[Any]) -> bool:
        """Compaction and aborted transactions leave gaps; so does a fetch that raced a seek. Only
        what a second fetch from `prev` + 1 shows again is believed."""
        gap = (prev, fetched[0].offset)
        if self._gaps.pop(tp, None) != gap:
            self._gaps[tp] = gap
            self.log.info("gap in %s/%d after %d, fetching again", *tp, prev)
            await self.seek(tp, prev + 1)
            return False
        start = (await self._ask(self.earliest_offsets, [tp]))[tp]
        if fault := history_fault(*tp, prev, start, fetched[0].offset + 1):
            self.seat.history_lost(fault)
        return True

    async def _deliver(self, tp: TP, prev: int, fetched: Sequence[Any]) -> bool:
        """Hands records to the agent; returns False when a rebalance began before the agent's
        buffer had room."""
        base = self._bases[tp]
        batch = Batch(*tp, prev + base, [_record(record, base) for record in fetched])
        message = self._to_message(tp, fetched[-1])
        channels = list(cast(Any, self.app.topics)._topic_name_index[tp.topic])
        if len(channels) != 1:
            raise RuntimeError(f"{tp.topic} has {len(channels)} agents, expected 1")
        message.incref(1)
        event = faust.Event(self.app, None, batch, {}, message)
        try:
            delivery = channels[0].put(event)
            waited = await self.wait_first(delivery, self.suspend_flow.wait())
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return False  # not this task: a rebalance cleared the buffer that was waited for
        return not waited.stopped and delivery in waited.done

    @Service.task
    async def _watch_group(self) -> None:
        """aiokafka tells a failed group member only in calls that Faust bypasses, and waits for
        somebody to ask: the member would stand still for ever. Once asked, it joins again."""
        while not self.should_stop:
            await self.sleep(0.2)
            try:
                await self._thread.check_group()
            except Exception as error:
                if self.seat.is_embedded and InvalidRequestError.__name__ in str(error):
                    self.log.warning("the leader was faster, joining again")
                elif not self.app.should_stop:
                    self.seat.crashed(error)

    def confirm(self, batch: Batch, frontier: int) -> None:
        """Notes that the store holds `batch`; its frontier is at least that of the batch."""
        if (tp := TP(batch.topic, batch.partition)) in self.applied:
            self.applied[tp] = frontier

    def progress(self) -> dict[tuple[str, int], PartitionProgress]:
        """The progress of each assigned partition, but not of one that a rebalance is giving or
        taking. May be called from any thread."""
        subscription = self._thread._ensure_consumer()._subscription.subscription
        assignment = subscription and subscription.assignment
        progress_of = {}
        for tp in list(self.assignment()):
            if assignment and (state := assignment.state_value(tp)):
                progress_of[tp.topic, tp.partition] = PartitionProgress(
                    self.applied.get(tp, -1), self.chain.get(tp, -1), state._position or 0
                )
        return progress_of

    # Offsets committed to Kafka are a hint for lag tools: what the store confirmed, nothing else.
    def ack(self, message: Any) -> bool:
        with ack_lock:
            message.acked = True
            self._unacked_messages.discard(message)
            notify(self._waiting_for_ack)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter(list(self.applied))

    def _new_offset(self, tp: TP) -> int:
        return self.applied[tp] + 1 - self._bases[tp]

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Does nothing: `streams.ingest.liveness` watches instead, by frontiers."""


def _record(fetched: Any, base: int) -> Record:
    return Record(
        fetched.topic,
        fetched.partition,
        fetched.offset + base,
        fetched.timestamp,
        fetched.key,
        fetched.value,
        fetched.headers,
    )


class Transport(driver.Transport):
    def __init__(self, url: list[URL], app: faust.App, seat: Seat) -> None:
        super().__init__(url, app)
        self.seat = seat

    def create_consumer(self, callback: Any, **kwargs: Any) -> Consumer:
        return Consumer(self, callback=callback, loop=self.loop, seat=self.seat, **kwargs)


class App(faust.App):
    """A Faust app that keeps nothing on disk: a killed worker must not leave a folder behind."""

    def _create_directories(self) -> None:
        """Does nothing: asllr has no Faust tables."""


def take_seat(app: App, seat: Seat, batch_bytes: int) -> None:
    """Gives `app` this consumer, which reads at most about `batch_bytes` of a partition at once. To
    be called before the app starts."""
    read_any_batch(batch_bytes)
    app.transport = Transport(app.conf.broker_consumer, app, seat)
