"""A deployment of state format 2 is taken over: `fixtures/format_2.json.gz` holds the log, the
snapshots and the Redis that the last asllr of that format wrote."""

from __future__ import annotations

import gzip
import json
import threading
from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.codec import Record
from schemas.topics import ASR_TRANSCRIPTS, INPUTS, STATE
from scoring.lead.older_states import from_older_bytes
from scoring.lead.state import FORMAT, LeadState
from scoring.lead.state_bytes import OtherFormat, from_bytes
from streams import exit_codes
from streams.ingest.batch import Batch, Conditions, StateOfOtherFormat, apply_batch
from streams.kafka.topic_reader import read_to_end
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import all_leads, state_differences
from streams.store.contract import StoreUnusable
from streams.store.open_redis import open_redis_store
from streams.store.redis_store import RedisStore
from tests.streams.operate.test_rebuild import rebuild
from tests.support.brokers import N_PARTITIONS

pytestmark = [pytest.mark.service, pytest.mark.slow]
FIXTURE = Path(__file__).parent / "fixtures" / "format_2.json.gz"


@pytest.fixture(scope="module")
def old() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(FIXTURE.read_bytes()))
    return found


def lay_out(old: dict[str, Any], broker: str, redis_url: str) -> list[Record]:
    """Puts the deployment where it was; returns its log as it is now."""
    producer = Producer({"bootstrap.servers": broker})
    for topic, partition, _, _, key, value, headers in old["log"]:
        told = [(name, b64decode(content)) for name, content in headers]
        producer.produce(topic, b64decode(value), b64decode(key), partition, headers=told)
    for partition, key, value in old["state_topic"]:
        content = None if value is None else b64decode(value)
        producer.produce(STATE.name, content, b64decode(key), partition)
    producer.flush(20)
    with redis.Redis.from_url(redis_url) as client:
        for name, content in old["redis"].items():
            client.restore(b64decode(name), 0, b64decode(content))
    return [record for topic in INPUTS for record in read_to_end(broker, topic.name)]


def leads(redis_url: str) -> dict[str, LeadState]:
    with redis.Redis.from_url(redis_url) as client:
        views = all_leads(RedisStore(client), N_PARTITIONS)
    return {view.lead: from_bytes(view.stored.state or b"") for view in views}


def test_with_the_whole_log_every_state_becomes_the_fold_of_it(
    old: dict[str, Any], embedded: str, redis_url: str
) -> None:
    log = lay_out(old, embedded, redis_url)
    with pytest.raises(StoreUnusable, match=r"format 2, .* reads 3: stop every role and run"):
        open_redis_store(redis_url, N_PARTITIONS)
    assert rebuild(embedded, redis_url).exit_code == exit_codes.NO
    done = rebuild(embedded, redis_url, "--yes")
    assert done.exit_code == 0, done.output
    store = open_redis_store(redis_url, N_PARTITIONS)
    assert list(state_differences(fold_log(log, N_PARTITIONS), store, N_PARTITIONS)) == []
    kept = leads(redis_url)
    assert [len(call.turns) for call in kept["acme/long-0"].transcripts] == [60, 8]
    # The final text was replaced by an interim one of a higher number.
    assert [call.revision for call in kept["acme/long-1"].transcripts] == [1]
    assert [one.note for one in kept["acme/long-2"].writings] == [
        "Asked for a second visit before Easter."
    ]


@pytest.mark.kafka
def test_where_retention_took_the_log_what_the_old_states_kept_is_kept(
    old: dict[str, Any], kafka: str, redis_url: str
) -> None:
    log = lay_out(old, kafka, redis_url)
    known = {
        name.removeprefix(b"{s0}:lead:").split(b"lead:")[-1].decode(): from_older_bytes(state)
        for name, state in _states(redis_url).items()
    }
    _forget_half(kafka, log)
    done = rebuild(kafka, redis_url, "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n_restored"] == len(known)
    now = leads(redis_url)
    assert now.keys() == known.keys()
    n_whole = 0
    for lead, before in known.items():
        assert before
        assert _without_talk(now[lead]) == _without_talk(before), lead
        calls = {(call.started_ms, call.call_id): call for call in now[lead].transcripts}
        for call in before.transcripts:
            found = calls[call.started_ms, call.call_id]
            assert found == call or found.final or len(found.turns) > len(call.turns), lead
            n_whole += found != call
    assert 0 < n_whole < sum(len(state.transcripts) for state in now.values())


def test_a_worker_that_meets_an_old_state_stops_with_the_sentence(
    old: dict[str, Any], embedded: str, redis_url: str
) -> None:
    """Whoever starts on a half-mended Redis: nothing is committed."""
    [record, *_] = [one for one in lay_out(old, embedded, redis_url) if one.partition == 0]
    with redis.Redis.from_url(redis_url) as client:
        store = RedisStore(client)
        frontier = store.frontier(0)[record.topic]
        later = record._replace(offset=frontier + 1)
        under = _conditions(store)
        with pytest.raises(StateOfOtherFormat, match="run `asllr rebuild --yes`"):
            apply_batch(Batch(record.topic, 0, frontier, [later]), under)
        assert store.frontier(0)[record.topic] == frontier


def test_the_sentence_says_which_is_the_older() -> None:
    for found, age in ((FORMAT - 1, "an older"), (FORMAT + 1, "a newer")):
        with pytest.raises(OtherFormat, match=f"format {found}, written by {age} asllr"):
            from_bytes(f'{{"v":{found},"stages":{{}}}}'.encode())


def test_an_empty_redis_takes_the_format_of_who_comes_first(redis_url: str) -> None:
    open_redis_store(redis_url, N_PARTITIONS)
    with redis.Redis.from_url(redis_url) as client:
        assert RedisStore(client).state_format(FORMAT + 1) == FORMAT


def _conditions(store: RedisStore) -> Conditions:
    return Conditions(
        store, N_PARTITIONS, 5.0, threading.Event(), threading.Event(), lambda _: None
    )


def _states(redis_url: str) -> dict[bytes, bytes]:
    with redis.Redis.from_url(redis_url) as client:
        found = {name: client.hget(name, "state") for name in client.scan_iter("{s*}:lead:*")}
    return {name: state for name, state in found.items() if state}


def _forget_half(broker: str, log: list[Record]) -> None:
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 2})
    ends: dict[tuple[str, int], int] = {}
    for record in log:
        ends[record.topic, record.partition] = record.offset + 1
    assert any(topic == ASR_TRANSCRIPTS.name for topic, _ in ends)
    gone = [TopicPartition(*where, end // 2) for where, end in ends.items()]
    for future in admin.delete_records(gone).values():
        future.result(10)


def _without_talk(state: LeadState) -> LeadState:
    return msgspec.structs.replace(state, talk=None)
