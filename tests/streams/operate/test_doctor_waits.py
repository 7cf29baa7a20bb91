"""`asllr doctor` on what waits and what is refused: each fault is made on real servers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from confluent_kafka import Producer

from asllr import main
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS
from streams import exit_codes
from streams.operate.check_store import check_store
from streams.operate.doctor_check import DoctorCheck, DoctorVerdict
from streams.store.contract import DEFAULT_OUTBOX_BOUND, Commit, LeadWrite, StoredLead
from streams.store.redis_store import RedisStore, shard_tag
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.stub_artifact import build_stub_artifact

pytestmark = [pytest.mark.service]

SHARD = 1
MINUTE_MS = 60_000


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as found:
        yield found


@pytest.fixture
def store(client: redis.Redis) -> RedisStore:
    """Ten leads of one shard, `t/0` to `t/9`, of which nobody waits."""
    store = RedisStore(client)
    store.partitions(N_PARTITIONS)
    store.promote(SHARD, "*", 0, "one")
    unknown = StoredLead(None, None, False)
    writes = [
        LeadWrite(f"t/{i}", unknown, {CRM_EVENTS.name: i}, b"state", "q", slack_ms=5 * MINUTE_MS)
        for i in range(10)
    ]
    store.commit(Commit(CRM_EVENTS.name, SHARD, -1, 9, writes))
    return store


def check(client: redis.Redis, name: str) -> DoctorCheck:
    (found,) = [one for one in check_store(client, N_PARTITIONS) if one.name == name]
    assert bool(found.fix) == (found.verdict is not DoctorVerdict.OK)
    return found


def test_sound_store_is_ok_in_everything_and_stays_as_it_is(
    client: redis.Redis, store: RedisStore
) -> None:
    before = {name: client.dump(name) for name in client.scan_iter()}
    assert {one.verdict for one in check_store(client, N_PARTITIONS)} == {DoctorVerdict.OK}
    assert {name: client.dump(name) for name in client.scan_iter()} == before


@pytest.mark.parametrize(("share", "verdict"), [(2.0, "ok"), (1.15, "warning"), (1.02, "failed")])
def test_memory_near_its_limit_is_seen(
    client: redis.Redis, store: RedisStore, share: float, verdict: str
) -> None:
    client.setrange("ballast", 64 << 20, "x")
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * share))
    found = check(client, "redis memory")
    assert found.verdict.value == verdict
    assert "of maxmemory" in found.found
    assert check(client, "redis writes").verdict is DoctorVerdict.OK


def test_refused_writes_are_seen(client: redis.Redis, store: RedisStore) -> None:
    client.config_set("maxmemory", "1")
    refused = check(client, "redis writes")
    assert refused.verdict is DoctorVerdict.FAILED
    assert "OOM" in refused.found
    assert "maxmemory" in refused.fix
    assert check(client, "redis memory").verdict is DoctorVerdict.FAILED


def test_replica_is_seen(client: redis.Redis, store: RedisStore) -> None:
    client.replicaof("127.0.0.1", 1)
    refused = check(client, "redis writes")
    assert refused.verdict is DoctorVerdict.FAILED
    assert "READONLY" in refused.found
    assert "primary" in refused.fix


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(0.5, "ok"), (2, "warning"), (11, "failed")], ids=str
)
@pytest.mark.parametrize("where", ["dirty", "due"])
def test_overdue_leads_are_seen(
    client: redis.Redis, store: RedisStore, where: str, minutes: float, verdict: str
) -> None:
    client.zadd(f"{shard_tag(SHARD)}:{where}", {"t/3": store.now_ms() - minutes * MINUTE_MS})
    found = check(client, "overdue leads")
    assert found.verdict.value == verdict
    if verdict != "ok":
        assert found.found.startswith("1 leads should have been scored more than 60 s ago")


def test_parked_leads_are_counted(client: redis.Redis, store: RedisStore) -> None:
    def park() -> None:
        (claimed,) = store.claim(SHARD, "w", 1, MINUTE_MS)
        assert store.give_up(claimed, "w", (b"t/0", b"letter"))

    park()
    found = check(client, "parked leads")
    assert found.verdict is DoctorVerdict.FAILED, "a tenth of them"
    assert found.found.startswith("1 of 10 leads looked at (10.0%)")
    client.sadd(f"{shard_tag(SHARD)}:leads", *(f"t/more-{i}" for i in range(90)))
    assert check(client, "parked leads").verdict is DoctorVerdict.WARNING


def entry_at(client: redis.Redis, at_ms: int, n: int = 1) -> None:
    pipeline = client.pipeline()
    for i in range(n):
        pipeline.xadd(f"{shard_tag(SHARD)}:outbox", {"kind": "score"}, id=f"{at_ms}-{i + 1}")
    pipeline.execute()


@pytest.mark.parametrize(("minutes", "verdict"), [(0, "ok"), (2, "warning"), (11, "failed")])
def test_outbox_that_nobody_empties_is_seen(
    client: redis.Redis, store: RedisStore, minutes: int, verdict: str
) -> None:
    entry_at(client, store.now_ms() - minutes * MINUTE_MS)
    assert check(client, "outbox").verdict.value == verdict


@pytest.mark.parametrize(
    ("n", "verdict"),
    [(DEFAULT_OUTBOX_BOUND // 2, "warning"), (DEFAULT_OUTBOX_BOUND, "failed")],
)
def test_full_outbox_is_seen(client: redis.Redis, store: RedisStore, n: int, verdict: str) -> None:
    entry_at(client, store.now_ms(), n)
    found = check(client, "outbox")
    assert found.verdict.value == verdict
    assert f"up to {n} of {DEFAULT_OUTBOX_BOUND} in a shard" in found.found


@pytest.fixture
def environ(broker: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    build_stub_artifact(tmp_path / "demo")
    return {
        "ASLLR_BROKER": broker,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_ARTIFACTS": str(tmp_path),
    }


def write(broker: str, topic: str, partition: int, ages_ms: list[int]) -> None:
    producer = Producer({"bootstrap.servers": broker})
    now_ms = int(time.time() * 1000)
    for age_ms in ages_ms:
        producer.produce(topic, b"x", partition=partition, timestamp=now_ms - age_ms)
    assert producer.flush(10) == 0


def doctor(environ: dict[str, str]) -> tuple[int, Callable[[str], dict[str, str]]]:
    result = CliRunner().invoke(main, ["doctor", "--json"], env=environ)
    checks = json.loads(result.stdout)
    return result.exit_code, {one["name"]: one for one in checks}.__getitem__


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)  # Kafka sets the time itself
@pytest.mark.parametrize(
    ("minutes", "verdict", "exit_code"), [(0, "ok", 0), (2, "warning", 0), (11, "failed", 1)]
)
def test_age_of_what_is_not_read_decides(
    environ: dict[str, str], store: RedisStore, minutes: int, verdict: str, exit_code: int
) -> None:
    broker = environ["ASLLR_BROKER"]
    assert CliRunner().invoke(main, ["promote", "--force"], env=environ).exit_code == 0
    write(broker, CRM_EVENTS.name, SHARD, [60 * MINUTE_MS] * 10)  # applied
    write(broker, CRM_EVENTS.name, SHARD, [minutes * MINUTE_MS, 0, 0])
    write(broker, CRM_EVENTS.name, 0, [0])
    code, of = doctor(environ)
    lag = of("input lag crm.events")
    assert (lag["verdict"], code) == (verdict, exit_code)
    assert lag["found"].startswith("4 records are not read yet, the oldest is ")
    assert of(f"input lag {ASR_TRANSCRIPTS.name}")["found"] == "everything is read"


def test_lag_is_counted_from_the_frontier(environ: dict[str, str], store: RedisStore) -> None:
    broker = environ["ASLLR_BROKER"]
    CliRunner().invoke(main, ["promote", "--force"], env=environ)
    write(broker, CRM_EVENTS.name, SHARD, [0] * 10)
    _, of = doctor(environ)
    assert of("input lag crm.events")["found"] == "everything is read"
    write(broker, CRM_EVENTS.name, SHARD, [0] * 7)
    write(broker, ASR_TRANSCRIPTS.name, 2, [0] * 3)
    _, of = doctor(environ)
    assert of("input lag crm.events")["found"].startswith("7 records are not read")
    assert of("input lag asr.transcripts")["found"].startswith("3 records are not read")


def test_lag_of_a_topic_made_again_is_counted_with_its_base(
    environ: dict[str, str], store: RedisStore
) -> None:
    store.continue_log(CRM_EVENTS.name, SHARD, 0)
    write(environ["ASLLR_BROKER"], CRM_EVENTS.name, SHARD, [0] * 4)
    _, of = doctor(environ)
    assert of("input lag crm.events")["found"].startswith("4 records are not read")


def test_full_redis_makes_doctor_fail(
    environ: dict[str, str], store: RedisStore, client: redis.Redis
) -> None:
    client.config_set("maxmemory", "1")
    code, of = doctor(environ)
    assert code == exit_codes.NO
    assert of("redis writes")["verdict"] == "failed"
