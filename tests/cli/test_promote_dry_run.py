"""`asllr promote --dry-run` on real servers: what it says, and that it writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner, Result
from confluent_kafka import TopicPartition

from asllr import main
from schemas.topics import TOPICS
from scoring.artifact import digest, load_manifest, save_manifest
from scoring.calibration import Calibration
from scoring.engines.loading import load_scorer
from streams import exit_codes
from streams.kafka.topic_reader import partitions_of, watermarks
from streams.recording.kafka_range import open_consumer
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.stub_artifact import build_stub_artifact
from tests.support.leads.lead_events import clicks, joins
from tests.support.roles import Clock, Roles

pytestmark = [pytest.mark.service, pytest.mark.slow]

N_LEADS = 15


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`demo` will be live; `gentler` is calibrated otherwise."""
    folder = tmp_path_factory.mktemp("artifacts")
    build_stub_artifact(folder / "demo")
    other = build_stub_artifact(folder / "gentler")
    update = {"calibration": Calibration(a=0.1, b=-2.0), "files": {}}
    manifest = load_manifest(other).model_copy(update=update)
    save_manifest(other, manifest, ["tokenizer.json", "model.onnx"])
    return folder


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def environ(embedded: str, redis_url: str, client: redis.Redis, artifacts: Path) -> dict[str, str]:
    """`demo` is live and all leads but one are scored as they are."""
    scorer = load_scorer(artifacts / "demo")
    roles = Roles(RedisStore(client), Clock(), N_PARTITIONS, [scorer])
    roles.promote(scorer.digest)
    roles.ingest(*(joins(i, lead=f"l{i}") for i in range(N_LEADS)))
    roles.ingest(*(clicks(100 + i, lead=f"l{i}") for i in range(0, N_LEADS, 2)))
    roles.settle(roles.worker(), roles.publisher())
    roles.ingest(clicks(200, lead="l0"))
    return {
        "ASLLR_BROKER": embedded,
        "ASLLR_REDIS": redis_url,
        "ASLLR_ARTIFACTS": str(artifacts),
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
    }


def asllr(environ: dict[str, str], *words: str) -> Result:
    return CliRunner().invoke(main, words, env=environ)


def dumped(client: redis.Redis) -> dict[bytes, bytes]:
    """Every key that stays; leases of roles run out by themselves."""
    return {key: client.dump(key) for key in client.scan_iter(count=1_000) if client.ttl(key) == -1}


def ends(broker: str) -> dict[tuple[str, int], tuple[int, int]]:
    found = {}
    with closing(open_consumer(broker)) as consumer:
        for topic in TOPICS:
            for partition in partitions_of(consumer, topic.name):
                where = TopicPartition(topic.name, partition)
                found[topic.name, partition] = watermarks(consumer, where)
    return found


def test_nothing_is_written_to_redis_or_kafka(environ: dict[str, str], client: redis.Redis) -> None:
    before = dumped(client), ends(environ["ASLLR_BROKER"])
    assert len(before[0]) > N_LEADS
    result = asllr(environ, "promote", "gentler", "--dry-run")
    assert result.exit_code == 0, result.output
    assert (dumped(client), ends(environ["ASLLR_BROKER"])) == before


def test_kafka_is_not_needed(environ: dict[str, str]) -> None:
    away = environ | {"ASLLR_BROKER": "127.0.0.1:1"}
    assert asllr(away, "promote", "gentler", "--dry-run").exit_code == 0


def test_a_machine_reads_how_far_the_candidate_is(environ: dict[str, str], artifacts: Path) -> None:
    result = asllr(environ, "promote", "gentler", "--dry-run", "--json", "--top", "5")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["artifact"], found["tenant"]) == (digest(artifacts / "gentler"), "*")
    assert (found["leads_compared"], found["leads_stale"]) == (N_LEADS - 1, 1)
    assert found["scored_by"] == {digest(artifacts / "demo"): N_LEADS - 1}
    assert found["max_dp"] >= found["mean_dp"] > 0
    assert found["queues"]["acme/north"]["k"] == 5
    # A monotone calibration keeps the order.
    assert (found["queues"]["acme/north"]["kendall_tau"], found["movers"]) == (1.0, [])


def test_a_person_reads_it_in_words(environ: dict[str, str]) -> None:
    said = asllr(environ, "promote", "gentler", "--dry-run").stdout
    assert f"{N_LEADS - 1} leads scored with" in said
    assert "1 listed leads are not compared: they changed since their score" in said
    assert "of the first 50 Kendall tau 1.000, Jaccard 1.000" in said


def test_the_live_artifact_is_refused_in_one_sentence(environ: dict[str, str]) -> None:
    result = asllr(environ, "promote", "demo", "--dry-run")
    assert result.exit_code == exit_codes.NO
    assert "is live already for tenant *: nobody would move" in result.stderr
    assert len(result.stderr.splitlines()) == 1
