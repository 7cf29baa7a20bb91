"""The ingest role: a Faust worker that folds the two input topics into the store.

`run_ingest` is the process; `build_app` the worker without a process around it. The work on a
batch is `streams.ingest.batch`, where to continue is `streams.ingest.faust_consumer`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn, ParamSpec, TypeVar, cast

import faust
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.topics import INPUTS
from streams import exit_codes
from streams.ingest.batch import (
    Applied,
    Batch,
    Conditions,
    IngestStopped,
    StateOfOtherFormat,
    StoppedByRequest,
)
from streams.ingest.careful import Careful
from streams.ingest.faust_consumer import App, Consumer, take_seat
from streams.ingest.liveness import Watch, start_watching
from streams.ingest.rate_limited_log import limit_library_logs
from streams.kafka.topic_admin import TopicsUnusable, check_inputs, is_embedded, wait_for_broker
from streams.kafka.topic_ids import remade_fault
from streams.store.contract import Store, StoreAway, StoreUnusable
from streams.waiting import end_process

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

STOP_S = 8.0
"""Seconds that an orderly stop may take before the watchdog ends the process; 10 s are promised."""


@dataclass(frozen=True, slots=True)
class IngestConfig:
    """What one ingest process needs. `member` is stable per process (static group membership): a
    restart within the session timeout takes its partitions back without stopping the group.
    `freeze_s` must be longer than `patience_s`, or waiting looks like hanging."""

    bootstrap_servers: str
    member: str
    n_partitions: int
    open_store: Callable[[], Store]
    group: str = "asllr-ingest"
    patience_s: float = 60.0
    session_timeout_s: float = 10.0
    freeze_s: float = 90.0
    max_poll_records: int = 500
    batch_bytes: int = 32 << 20


def run_ingest(config: IngestConfig, checkpoint: Callable[[str], None] | None = None) -> None:
    """Runs the ingest role until SIGTERM or SIGINT, then returns. Everything else ends the process
    with one sentence and one of `streams.exit_codes`. To be called from the main thread, logging
    set up."""
    limit_library_logs("aiokafka")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end_process(exit_codes.OK, "stopped before it began"))
    admin = AdminClient({"bootstrap.servers": config.bootstrap_servers, "log_level": 2})
    try:
        store = _wait_for_store(config)
        wait_for_broker(admin, config.patience_s)
        check_inputs(admin, _recorded_partitions(store, config))
        if fault := remade_fault(admin, store):
            end_process(exit_codes.UNUSABLE, fault)
        on_mock = is_embedded(admin)
    except StoreAway as error:
        end_process(exit_codes.AWAY, f"the store is away: {error}")
    except StoreUnusable as error:
        end_process(exit_codes.UNUSABLE, str(error))
    except TopicsUnusable as error:
        end_process(exit_codes.UNUSABLE if error.is_lasting else exit_codes.AWAY, str(error))
    except KafkaException as error:
        end_process(exit_codes.AWAY, f"Kafka went away: {error.args[0].str()}")
    conditions = Conditions(
        store=store,
        n_partitions=config.n_partitions,
        patience_s=config.patience_s,
        stopping=threading.Event(),
        waiting=threading.Event(),
        checkpoint=checkpoint or _no_checkpoint,
    )
    collect_rarely()
    asyncio.run(_serve(config, IngestSeat(conditions, admin, is_embedded=on_mock), admin))


def collect_rarely() -> None:
    """Makes Python's garbage collector run rarely. A batch makes tens of thousands of containers
    that die with it, none of them in a cycle: looking for cycles every 700 allocations cost a sixth
    of all CPU time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def build_app(config: IngestConfig, seat: IngestSeat) -> App:
    app = App(
        config.group,
        broker=[f"kafka://{address}" for address in config.bootstrap_servers.split(",")],
        autodiscover=False,
        web_enabled=False,
        store="memory://",
        consumer_group_instance_id=config.member,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=config.max_poll_records,
        broker_session_timeout=config.session_timeout_s,
        broker_heartbeat_interval=config.session_timeout_s / 5,
        broker_request_timeout=max(40.0, config.session_timeout_s),
        broker_commit_interval=1.0,
        stream_buffer_maxsize=8,  # batches
        stream_wait_empty=False,  # a batch cut short is redone from the store's frontier
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
    )
    take_seat(app, seat, config.batch_bytes)
    for topic in INPUTS:
        source = app.topic(topic.name, key_serializer="raw", value_serializer="raw")
        app.agent(source, name=f"ingest-{topic.name}")(_agent(app, seat))
    return app


class IngestSeat:
    """Implements `streams.ingest.faust_consumer.Seat` for the ingest role."""

    def __init__(self, conditions: Conditions, admin: AdminClient, *, is_embedded: bool) -> None:
        self.conditions = conditions
        self.is_embedded = is_embedded
        self.careful = Careful(conditions)
        self._admin = admin

    async def frontier(self, topic: str, partition: int) -> int | None:
        await _when_there(self.careful.start, topic, partition)
        return (await _when_there(self.conditions.store.frontier, partition)).get(topic)

    async def log_base(self, topic: str, partition: int) -> int:
        return (await _when_there(self.conditions.store.log_bases, partition)).get(topic, 0)

    async def check_logs(self) -> None:
        try:
            fault = await _when_there(remade_fault, self._admin, self.conditions.store)
        except KafkaException:
            return  # away, or being made: who fetches finds out, and so does the watch
        if fault:
            self.history_lost(fault)

    def history_lost(self, sentence: str) -> NoReturn:
        end_process(exit_codes.UNUSABLE, sentence)

    def crashed(self, error: BaseException) -> NoReturn:
        end_process(exit_codes.CRASH, f"unexpected {type(error).__name__}", error)


async def _when_there(ask: Callable[P, T], *what: P.args, **named: P.kwargs) -> T:
    """The answer of the store, which may be away for a moment; then the process ends."""
    deadline = monotonic() + SEEK_PATIENCE_S
    while True:
        try:
            return await asyncio.to_thread(ask, *what, **named)
        except StoreAway as error:
            if monotonic() >= deadline:
                end_process(exit_codes.AWAY, f"the store is away: {error}")
            await asyncio.sleep(0.1)


SEEK_PATIENCE_S = 10.0
"""How long one seek waits for the store; see `faust_consumer.KAFKA_PATIENCE_S` for what bounds
it."""


def _agent(app: App, seat: IngestSeat) -> Callable[[faust.StreamT[Batch]], Awaitable[None]]:
    async def ingest(stream: faust.StreamT[Batch]) -> None:
        async for batch in stream:
            try:
                applied = await asyncio.to_thread(seat.careful.apply, batch)
            except StoppedByRequest:
                return
            except StateOfOtherFormat as error:
                end_process(exit_codes.UNUSABLE, str(error))
            except IngestStopped as error:
                end_process(exit_codes.AWAY, str(error))
            except Exception as error:
                seat.crashed(error)
            _log_applied(batch, applied)
            cast(Consumer, app.consumer).confirm(batch, applied.frontier)
            seat.conditions.checkpoint("confirmed")

    return ingest


async def _serve(config: IngestConfig, seat: IngestSeat, admin: AdminClient) -> None:
    conditions = seat.conditions
    app = build_app(config, seat)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _request_stop, stop, conditions)
    try:
        await app.start()
    except KafkaError as error:
        end_process(exit_codes.AWAY, f"Kafka went away: {error}")
    except Exception as error:
        seat.crashed(error)
    start_watching(
        Watch(
            watched=cast(Consumer, app.consumer),
            store=conditions.store,
            admin=admin,
            waiting=conditions.waiting,
            stopping=conditions.stopping,
            frozen=lambda sentence: end_process(exit_codes.CRASH, sentence),
            remade=seat.history_lost,
            freeze_s=config.freeze_s,
        )
    )
    await app.wait(stop.wait())
    if not stop.is_set():
        why = app.crash_reason
        end_process(exit_codes.CRASH, f"the worker stopped by itself: {why!r}", why)
    log.info("stopping member=%s", config.member)
    await app.stop()
    log.info("stopped member=%s", config.member)


def _request_stop(stop: asyncio.Event, conditions: Conditions) -> None:
    """Stops the worker: it ends every wait, and a framework that hangs."""
    stop.set()
    conditions.stopping.set()
    watchdog = threading.Timer(
        STOP_S, end_process, (exit_codes.OK, f"not stopped after {STOP_S:.0f} s")
    )
    watchdog.daemon = True
    watchdog.start()


def _wait_for_store(config: IngestConfig) -> Store:
    deadline = monotonic() + config.patience_s
    pause = threading.Event()
    while True:
        try:
            store = config.open_store()
            store.now_ms()
        except StoreAway:
            if monotonic() >= deadline:
                raise
            pause.wait(0.5)
        else:
            return store


def _recorded_partitions(store: Store, config: IngestConfig) -> int:
    recorded = store.partitions(config.n_partitions)
    if recorded != config.n_partitions:
        end_process(
            exit_codes.UNUSABLE,
            f"the store was first used with {recorded} partitions, this process is told "
            f"{config.n_partitions}: a lead's shard follows from the count, so set it to "
            f"{recorded} or use a fresh store",
        )
    return recorded


def _log_applied(batch: Batch, applied: Applied) -> None:
    log.info(
        "batch_applied topic=%s partition=%d prev=%d frontier=%d events=%d dead_letters=%d "
        "mended=%d leads=%d too_wide=%d redone=%d",
        batch.topic,
        batch.partition,
        batch.prev,
        applied.frontier,
        applied.n_events,
        applied.n_dead_letters,
        applied.n_mended,
        applied.n_leads,
        applied.n_too_wide,
        applied.n_redone,
    )


def _no_checkpoint(name: str) -> None:
    """Does nothing; tests pass a checkpoint at which the process dies."""
