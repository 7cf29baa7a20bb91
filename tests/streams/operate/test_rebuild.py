"""`asllr rebuild`: a lost Redis comes back from snapshots and the log after them, and says what is
missing when it cannot."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from asllr import main
from schemas.codec import Record
from schemas.outputs import FrontierMark, LeadSnapshot
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS, INPUTS, STATE
from scoring.lead.fold import initial_state
from scoring.lead.state_bytes import to_bytes
from streams.kafka.topic_admin import adopt
from streams.kafka.topic_ids import remade_inputs
from streams.kafka.topic_reader import read_to_end
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import differences, state_differences
from streams.publish.state_topic import BadSnapshots, read_shard
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS, make_again, wait_until
from tests.support.calls_table import SUBSCRIBER, table_differences
from tests.support.engines.engines import rule_scorer_of
from tests.support.leads.event_stream import TENANT, events
from tests.support.leads.lead_events import clicks, closes, erased, joins, reopens, talks
from tests.support.live import Live, live_deployment

SNAPSHOT_EVERY_S = 1.0
CRM, ASR = CRM_EVENTS.name, ASR_TRANSCRIPTS.name


def rebuild(broker: str, redis_url: str, *words: str) -> Result:
    environ = {
        "ASLLR_BROKER": broker,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
    }
    return CliRunner().invoke(main, ["rebuild", *words], env=environ)


def marks(broker: str) -> dict[int, Mapping[str, int]]:
    found: dict[int, Mapping[str, int]] = {}
    for record in read_to_end(broker, STATE.name):
        if (record.key or b"").startswith(b"frontier:"):
            mark = FrontierMark.model_validate_json(record.value or b"")
            found[record.partition] = mark.frontier
    return found


def snapshot_is_after(live: Live, broker: str) -> Callable[[], bool]:
    """A pass of every shard has begun since now."""
    wanted = {shard: live.store.frontier(shard) for shard in range(N_PARTITIONS)}

    def is_after() -> bool:
        found = marks(broker)
        return all(
            found.get(shard, {}).get(topic, -1) >= offset
            for shard, frontier in wanted.items()
            for topic, offset in frontier.items()
        )

    return is_after


@pytest.mark.service
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_lost_redis_comes_back_as_the_fold_of_the_whole_log(
    broker: str, redis_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    all_events = list(events(5, 2_400))
    with live_deployment(broker, redis_url, tmp_path, state_every_s=SNAPSHOT_EVERY_S) as live:
        live.send(all_events[:1_600])
        live.fleet.tend_until(snapshot_is_after(live, broker), "snapshots", 60)
        live.stop()
        live.journal.send(all_events[1_600:])
        live.journal.flush()
        refused = rebuild(broker, redis_url)
        assert refused.exit_code == 1
        assert "is not empty: it holds leads of 4 partitions" in refused.output
        if "kafka" in request.node.callspec.id:
            _trim(broker, marks(broker))
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        for words in ([], ["--yes"]):
            done = rebuild(broker, redis_url, "--json", *words)
            assert done.exit_code == 0, done.output
            assert json.loads(done.stdout)["n_restored"] > 0
            assert 800 <= json.loads(done.stdout)["n_events"] < 2_400
            folded = fold_log(live.journal.records, N_PARTITIONS)
            assert list(state_differences(folded, live.store, N_PARTITIONS)) == []


def _trim(broker: str, kept_from: Mapping[int, Mapping[str, int]]) -> None:
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 2})
    gone = [
        TopicPartition(topic, partition, offset + 1)
        for partition, frontier in kept_from.items()
        for topic, offset in frontier.items()
        if topic in {one.name for one in INPUTS}
    ]
    for future in admin.delete_records(gone).values():
        future.result(10)


@pytest.mark.kafka
@pytest.mark.service
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_log_of_a_topic_that_was_made_again_goes_on_where_the_snapshots_end(
    kafka: str, redis_url: str, tmp_path: Path
) -> None:
    all_events = list(events(5, 1_600))
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 2})
    with live_deployment(kafka, redis_url, tmp_path, state_every_s=SNAPSHOT_EVERY_S) as live:
        live.send(all_events[:800])
        live.stop()
        n_before = [live.store.frontier(shard)[CRM] + 1 for shard in range(N_PARTITIONS)]
        log = [*live.journal.records]
        make_again(kafka, CRM)
        adopt(admin, live.store, N_PARTITIONS, remade_inputs(admin, live.store))
        live.start()
        live.send(all_events[800:1_400])
        live.fleet.tend_until(snapshot_is_after(live, kafka), "snapshots", 60)
        live.stop()
        live.journal.send(all_events[1_400:])
        live.journal.flush()
        log += [
            record._replace(offset=record.offset + n_before[record.partition])
            if record.topic == CRM
            else record
            for record in live.journal.records[len(log) :]
        ]
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        done = rebuild(kafka, redis_url, "--json")
        assert done.exit_code == 0, done.output
        assert 200 <= json.loads(done.stdout)["n_events"] < 800
        assert list(state_differences(fold_log(log, N_PARTITIONS), live.store, N_PARTITIONS)) == []
        live.start()
        live.send([])
        live.stop()


@pytest.mark.service
@pytest.mark.slow
def test_snapshots_that_are_ahead_of_the_log_are_refused_and_nothing_is_written(
    embedded: str, redis_url: str
) -> None:
    """Redis must never pass Kafka: ingest would wait for offsets that come with other records."""
    snapshot = LeadSnapshot(
        tenant="t",
        lead="a",
        cursor={CRM: 7},
        frontier={CRM: 7},
        state=to_bytes(initial_state()).decode(),
    )
    producer = Producer({"bootstrap.servers": embedded, "partitioner": "murmur2_random"})
    producer.produce(STATE.name, key=b"t/a", value=snapshot.model_dump_json().encode())
    producer.flush(10)
    result = rebuild(embedded, redis_url)
    assert result.exit_code == 78
    assert "ends at offset 0, but the snapshots include offset 7" in result.output
    with redis.Redis.from_url(redis_url) as client:
        assert RedisStore(client).recorded_partitions() is None


@pytest.mark.service
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_subscriber_follows_through_a_rebuild_and_its_table_is_the_boards(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    """Boards and versions of theirs begin anew; what `leads.ranked` says must still be newer."""
    path = tmp_path / "calls.db"
    with (
        live_deployment(embedded, redis_url, tmp_path, state_every_s=SNAPSHOT_EVERY_S) as live,
        subscriber(embedded, path) as follows,
        closing(sqlite3.connect(path)) as table,
    ):

        def is_followed() -> bool:
            assert follows.poll() is None
            return has_table(table) and table_differences(table, live.store, TENANT) == []

        live.send([*events(7, 400), *(joins(n, "south", f"old-{n}") for n in range(9))])
        live.send([erased(10, "old-0"), closes(11, "old-1")])
        wait_until(is_followed, "the table is the boards")
        assert {queue_of(table, lead) for lead in ("old-0", "old-1")} == {None}
        assert queue_of(table, "old-2") == "south"
        live.fleet.tend_until(snapshot_is_after(live, embedded), "snapshots", 60)
        assert live.stop() == [0, 0, 0]
        stopped_ms = live.store.now_ms()
        # Only the log knows these, and only the table knows that the leads were listed.
        live.journal.send([erased(12, "old-2"), closes(13, "old-3"), joins(14, "north", "old-4")])
        live.journal.flush()
        assert rebuild(embedded, redis_url).exit_code == 1
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        done = rebuild(embedded, redis_url)
        assert done.exit_code == 0, done.output
        rebuilt_ms = live.store.now_ms()
        live.start()
        live.until_quiet()
        live.send([*events(8, 200), clicks(15, "old-1"), reopens(16, "old-3"), talks(17, "old-5")])
        wait_until(is_followed, "the table is the boards again")
        found = [queue_of(table, f"old-{n}") for n in range(6)]
        assert found == [None, None, None, "south", "north", "south"]
        assert live.stop() == [0, 0, 0]
        assert table_differences(table, live.store, TENANT) == []
        # A lead may be scored under an order of before, at another time.
        window, n = (stopped_ms, rebuilt_ms), N_PARTITIONS
        assert differences(live.evidence, live.store, n, rule_scorer_of, excused=[window]) == []


@contextmanager
def subscriber(broker: str, table: Path) -> Iterator[subprocess.Popen[bytes]]:
    """As its own documentation says to run it."""
    with subprocess.Popen([sys.executable, SUBSCRIBER, broker, table]) as process:
        try:
            yield process
        finally:
            process.kill()


def has_table(table: sqlite3.Connection) -> bool:
    return bool(table.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchall())


def queue_of(table: sqlite3.Connection, lead: str) -> str | None:
    found = table.execute("SELECT queue FROM calls WHERE tenant = ? AND lead = ?", [TENANT, lead])
    queue: str | None = found.fetchone()[0]
    return queue


def told(offset: int, lead: str, cursor: int, frontier: int) -> Record:
    value = LeadSnapshot(
        tenant="t",
        lead=lead,
        cursor={CRM: cursor},
        frontier={CRM: frontier, ASR: frontier},
        state=to_bytes(initial_state()).decode(),
    )
    key = f"t/{lead}".encode()
    return Record(STATE.name, 0, offset, 0, key, value.model_dump_json().encode(), ())


def marked(offset: int, frontier: int) -> Record:
    value = FrontierMark(frontier={CRM: frontier, ASR: frontier}).model_dump_json().encode()
    return Record(STATE.name, 0, offset, 0, b"frontier:0", value, ())


def test_an_old_snapshot_put_behind_a_newer_one_takes_the_frontier_back() -> None:
    """docs/explanation/protocol.md, publishing 1: a paused publisher sends late, and a compacted
    topic keeps that."""
    log = [told(0, "a", 3, 5), marked(1, 4), told(2, "a", 9, 9), told(3, "b", 8, 9), marked(4, 9)]
    assert read_shard(log).frontier == {CRM: 9, ASR: 9}
    late = [*log, told(5, "a", 3, 5)]
    assert read_shard(late).frontier == {CRM: 5, ASR: 5}


def test_without_a_finished_pass_the_log_is_read_from_its_start() -> None:
    assert read_shard([told(0, "a", 3, 5)]).frontier == {}


@pytest.mark.parametrize("state", ["junk", '{"v":999}', '{"v":3,"talk":"00"}'])
def test_a_snapshot_that_cannot_be_read_is_named_before_anything_is_deleted(state: str) -> None:
    record = told(7, "a", 3, 5)
    damaged = LeadSnapshot.model_validate_json(record.value or b"").model_copy(
        update={"state": state}
    )
    with pytest.raises(BadSnapshots, match=r"leads\.state/0 offset 7 cannot be read"):
        read_shard([record._replace(value=damaged.model_dump_json().encode())])
