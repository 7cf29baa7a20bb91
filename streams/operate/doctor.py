"""Checks a deployment: each check says what it found and how to mend it.

It changes nothing, waits only briefly, and runs every check it can even when others fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.partitioner import partition_for
from schemas.topics import INPUTS, PROMOTIONS
from scoring.artifact import ArtifactError, load_manifest
from scoring.engines.loading import load_scorer
from streams.kafka.topic_admin import TopicsUnusable, check_topics, wait_for_broker
from streams.kafka.topic_reader import read_last, read_to_end
from streams.operate.check_lag import check_lag
from streams.operate.check_live import LIVE, check_live, told
from streams.operate.check_store import check_store
from streams.operate.doctor_check import DoctorCheck, DoctorVerdict, found_and_fix
from streams.publish.promotions import Promoted, parse_promotion
from streams.settings import mask
from streams.store.contract import StoreAway, StoreUnusable
from streams.store.open_redis import connected
from streams.store.redis_check import facts_of_nodes, require_server
from streams.store.redis_scripts import Client
from streams.store.redis_store import RedisStore

PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where everything is. `n_partitions`: what the settings say."""

    bootstrap_servers: str
    redis_url: str
    n_partitions: int
    artifact: Path


def check_deployment(deployment: Deployment) -> list[DoctorCheck]:
    """All checks that can be made, whatever else fails."""
    of_redis, recorded = check_redis(deployment.redis_url, deployment.n_partitions)
    n_partitions = recorded or deployment.n_partitions
    of_kafka = list(check_kafka(deployment.bootstrap_servers, n_partitions))
    checks = [*of_kafka]
    is_kafka_sound = not any(
        check.name in ("kafka", "topics") and check.verdict is DoctorVerdict.FAILED
        for check in of_kafka
    )
    is_redis_there = of_redis[0].verdict is DoctorVerdict.OK
    newest: dict[str, Promoted] = {}
    if is_kafka_sound:
        newest = newest_promotions(deployment.bootstrap_servers)
        checks.append(check_promoted(newest))
    checks += of_redis
    if is_redis_there:
        checks += _of_what_redis_holds(
            deployment, recorded or 0, newest, is_kafka_sound=is_kafka_sound
        )
    return [*checks, check_artifact(deployment.artifact)]


def _of_what_redis_holds(
    deployment: Deployment, recorded: int, newest: Mapping[str, Promoted], *, is_kafka_sound: bool
) -> Iterator[DoctorCheck]:
    try:
        with connected(deployment.redis_url) as client:
            store = RedisStore(client)
            yield from check_store(client, recorded)
            yield from check_live(store, newest)
            if is_kafka_sound:
                yield from check_lag(deployment.bootstrap_servers, store, recorded)
    except StoreAway as error:
        yield DoctorCheck("redis", DoctorVerdict.FAILED, str(error), "start Redis, then ask again")
    except StoreUnusable as error:
        yield DoctorCheck("redis", DoctorVerdict.FAILED, *found_and_fix(str(error)))
    except (TopicsUnusable, KafkaException) as error:
        yield DoctorCheck("kafka", DoctorVerdict.FAILED, str(error), "start Kafka, then ask again")


def check_kafka(bootstrap_servers: str, n_partitions: int) -> Iterator[DoctorCheck]:
    """Checks the broker and its topics. `n_partitions`: what the store recorded, else what the
    settings say."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    try:
        wait_for_broker(admin, PATIENCE_S)
    except TopicsUnusable as error:
        yield DoctorCheck(
            "kafka", DoctorVerdict.FAILED, str(error), "start Kafka or set ASLLR_BROKER"
        )
        return
    yield DoctorCheck("kafka", DoctorVerdict.OK, f"{bootstrap_servers} answers")
    faults = check_topics(admin, n_partitions)
    for fault in faults:
        yield DoctorCheck("topics", DoctorVerdict.FAILED, *found_and_fix(fault))
    if not faults:
        yield DoctorCheck(
            "topics", DoctorVerdict.OK, f"as declared, {n_partitions} partitions per input"
        )
        yield from _check_partitioner(bootstrap_servers, n_partitions)


def newest_promotions(bootstrap_servers: str) -> dict[str, Promoted]:
    """The newest promotion of each tenant, as the log has them. Raises TopicsUnusable."""
    newest: dict[str, Promoted] = {}
    for record in read_to_end(bootstrap_servers, PROMOTIONS.name):
        found = parse_promotion(record.value)
        if found is not None:
            newest[found.tenant] = Promoted(record.offset, found)
    return newest


def check_promoted(newest: Mapping[str, Promoted]) -> DoctorCheck:
    """Checks that something was promoted. `newest`: what the log says of each tenant."""
    if not newest:
        return DoctorCheck(
            LIVE,
            DoctorVerdict.FAILED,
            "no artifact is live, so that nothing is ranked",
            "run `asllr promote`",
        )
    last = max(newest.values())
    said = f"{last.promotion.artifact[:12]} for tenant {last.promotion.tenant}"
    return DoctorCheck(
        "last promotion", DoctorVerdict.OK, f"{last.offset}, {said}{told(last.promotion)}"
    )


def _check_partitioner(bootstrap_servers: str, n_partitions: int) -> Iterator[DoctorCheck]:
    """Checks that producers place keys as Kafka does: librdkafka's default partitioner is another
    one. The newest records show which is used."""
    for topic in INPUTS:
        newest = [r for r in read_last(bootstrap_servers, topic.name) if r.key is not None]
        misplaced = sum(r.partition != partition_for(r.key or b"", n_partitions) for r in newest)
        name = f"partitioner {topic.name}"
        if misplaced:
            yield DoctorCheck(
                name,
                DoctorVerdict.FAILED,
                f"{misplaced} of the newest {len(newest)} records are not where murmur2 puts them",
                "set the producer's partitioner=murmur2_random (librdkafka) or use Java's default",
            )
        elif newest:
            yield DoctorCheck(
                name, DoctorVerdict.OK, f"murmur2, seen on the newest {len(newest)} records"
            )
        else:
            yield DoctorCheck(
                name,
                DoctorVerdict.OK,
                "no record yet; producers on librdkafka need partitioner=murmur2_random",
            )


def check_redis(url: str, n_partitions: int) -> tuple[list[DoctorCheck], int | None]:
    """Checks Redis. Also returns the partition count that the store recorded, if any, which the
    topics must have."""
    try:
        with connected(url) as client:
            require_server(client)
            persistence = _check_persistence(client)
            recorded = RedisStore(client).recorded_partitions()
    except StoreAway as error:
        fix = "start Redis or set ASLLR_REDIS"
        return [DoctorCheck("redis", DoctorVerdict.FAILED, f"{mask(url)}: {error}", fix)], None
    except StoreUnusable as error:
        return [DoctorCheck("redis", DoctorVerdict.FAILED, *found_and_fix(str(error)))], None
    fact = f"{mask(url)} answers, is new enough and evicts nothing"
    checks = [DoctorCheck("redis", DoctorVerdict.OK, fact), persistence]
    if recorded not in (None, n_partitions):
        fact = f"Redis holds leads of {recorded} partitions, ASLLR_PARTITIONS is {n_partitions}"
        fix = f"set ASLLR_PARTITIONS={recorded}, or start on an empty Redis and replay"
        checks.append(DoctorCheck("redis partitions", DoctorVerdict.FAILED, fact, fix))
    return checks, recorded


def _check_persistence(client: Client) -> DoctorCheck:
    volatile = [n for n, facts in facts_of_nodes(client).items() if not facts.get("aof_enabled")]
    if volatile:
        return DoctorCheck(
            "redis persistence",
            DoctorVerdict.WARNING,
            f"appendonly is off on {', '.join(volatile)}: "
            "after a crash the inputs are read again from the last snapshot",
            "redis-cli CONFIG SET appendonly yes, and in redis.conf",
        )
    return DoctorCheck("redis persistence", DoctorVerdict.OK, "appendonly is on")


def check_artifact(path: Path) -> DoctorCheck:
    """Loads the artifact, as a score worker would."""
    try:
        scorer = load_scorer(path)
    except ArtifactError as error:
        return DoctorCheck("artifact", DoctorVerdict.FAILED, *found_and_fix(str(error)))
    return DoctorCheck(
        "artifact", DoctorVerdict.OK, f"{load_manifest(path).name} ({scorer.digest[:12]}) loads"
    )
