"""The consumer over a scripted log: each fetch and seek happens when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import faust
from aiokafka.structs import ConsumerRecord
from faust.types import TP

from streams.ingest.batch import Batch
from streams.ingest.faust_consumer import Consumer, Seat, Transport

PLACE = TP("crm.events", 0)


Act = Callable[[], Coroutine[Any, Any, None]]


class Ended(BaseException):
    """Where the process would end."""


@dataclass
class ScriptedSeat:
    """Frontiers in memory; ending the process is an exception."""

    __test__ = False
    frontiers: dict[TP, int | None]
    bases: dict[TP, int] = field(default_factory=dict)
    is_embedded: bool = False
    before_answer: Callable[[], None] = lambda: None

    async def frontier(self, topic: str, partition: int) -> int | None:
        self.before_answer()
        return self.frontiers.get(TP(topic, partition))

    async def log_base(self, topic: str, partition: int) -> int:
        return self.bases.get(TP(topic, partition), 0)

    async def check_logs(self) -> None:
        """Nobody made them again."""

    def history_lost(self, sentence: str) -> NoReturn:
        raise Ended(sentence)

    def crashed(self, error: BaseException) -> NoReturn:
        raise Ended(repr(error)) from error


class ScriptedConsumer(Consumer):
    """Our consumer over a log in memory instead of aiokafka's connection, the same for each of
    `places`. `before_fetch` runs while a fetch is under way, `while_delivering` while an agent's
    buffer is waited for: what the rest of a real worker does. `seeks` tells of each batch how many
    seeks had begun or ended before it was taken."""

    def __init__(self, *args: Any, seat: Seat, **kwargs: Any) -> None:
        super().__init__(*args, seat=seat, **kwargs)
        self.log_offsets: Sequence[int] = ()
        self.log_start = 0
        self.position = 0
        self.lost_seeks = 0
        self.fetch_size = 3
        self.fetches_left = 20
        self.before_fetch: Act | None = None
        self.while_delivering: Act | None = None
        self.refusals = 0
        self.places = [PLACE]
        self.taken: list[Batch] = []
        self.seeks: list[int] = []

    def assignment(self) -> set[TP]:
        return set(self.places)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, self.log_start)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        return dict.fromkeys(partitions, max(self.log_offsets, default=-1) + 1)

    async def seek(self, partition: TP, offset: int) -> None:
        if self.lost_seeks:
            self.lost_seeks -= 1
        else:
            self.position = offset

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:
        self.fetches_left -= 1
        if self.fetches_left <= 0:
            self._stopped.set()
        offsets = [o for o in self.log_offsets if o >= self.position][: self.fetch_size]
        if offsets:
            self.position = offsets[-1] + 1
        if self.before_fetch is not None:
            act, self.before_fetch = self.before_fetch, None
            await act()
        fetched = [record(offset) for offset in offsets]
        return (dict.fromkeys(self.places, fetched) if fetched else {}), None

    async def _deliver(self, tp: TP, prev: int, fetched: Sequence[Any]) -> bool:
        if self.while_delivering is not None:
            act, self.while_delivering = self.while_delivering, None
            await act()
        if self.refusals:
            self.refusals -= 1
            return False
        self.seeks.append(self.n_seeks)
        self.taken.append(Batch(*tp, prev, [record.offset for record in fetched]))
        return True


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(*PLACE, offset, 0, 0, b"k", b"v", None, 1, 1, ())


def drained(
    frontier: int | None,
    offsets: Sequence[int],
    prepare: Callable[[ScriptedConsumer], None] = lambda _: None,
) -> ScriptedConsumer:
    """A consumer that was assigned the partition and fetched until the log was empty."""

    async def run() -> ScriptedConsumer:
        app = faust.App("test", broker="kafka://127.0.0.1:1", autodiscover=False, store="memory://")
        seat = ScriptedSeat({PLACE: frontier})
        app.transport = transport = Transport(app.conf.broker_consumer, app, seat)
        consumer = ScriptedConsumer(
            transport,
            callback=app.topics.on_message,
            on_partitions_revoked=app._on_partitions_revoked,
            on_partitions_assigned=app._on_partitions_assigned,
            seat=seat,
        )
        app.consumer_generation_id = 1
        consumer.log_offsets = offsets
        try:
            prepare(consumer)
            await consumer.perform_seek()
            consumer.resume_flow()
            await consumer._drain_messages(consumer)
        finally:
            consumer._thread.thread_loop.close()  # never run here: nothing is to be fetched
        return consumer

    return asyncio.run(run())


def offsets_of(consumer: ScriptedConsumer) -> list[int]:
    return [offset for batch in consumer.taken for offset in batch.records]


def assert_chained(consumer: ScriptedConsumer, frontier: int) -> None:
    for batch in consumer.taken:
        assert batch.prev == frontier
        frontier = batch.records[-1]
