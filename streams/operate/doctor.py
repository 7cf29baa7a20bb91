"""Checks a deployment: each check says what it found and how to mend it.

It changes nothing, waits only briefly, and runs every check it can even when others fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from confluent_kafka.admin import AdminClient

from schemas.partitioner import partition_for
from schemas.topics import INPUTS, PROMOTIONS
from scoring.artifact import ArtifactError, load_manifest
from scoring.engines.loading import load_scorer
from streams.kafka.topic_admin import TopicsUnusable, check_topics, wait_for_broker
from streams.kafka.topic_reader import read_last, read_to_end
from streams.publish.promotions import parse_promotion
from streams.score.live_artifacts import live_artifacts
from streams.settings import mask
from streams.store.contract import StoreAway, StoreUnusable
from streams.store.open_redis import connected
from streams.store.redis_check import facts_of_nodes, require_server
from streams.store.redis_scripts import Client
from streams.store.redis_store import RedisStore

PATIENCE_S = 5.0


class DoctorVerdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """The result of one check. `found` is a fact; `fix` is what to do, empty when there is nothing
    to do."""

    name: str
    verdict: DoctorVerdict
    found: str
    fix: str = ""


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
        yield DoctorCheck("topics", DoctorVerdict.FAILED, *_found_and_fix(fault))
    if not faults:
        yield DoctorCheck(
            "topics", DoctorVerdict.OK, f"as declared, {n_partitions} partitions per input"
        )
        yield from _check_partitioner(bootstrap_servers, n_partitions)
        yield _check_promoted(bootstrap_servers)


def _check_promoted(bootstrap_servers: str) -> DoctorCheck:
    promoted: dict[str, tuple[int, str]] = {}
    for record in read_to_end(bootstrap_servers, PROMOTIONS.name):
        found = parse_promotion(record.value)
        if found is not None:
            promoted[found.tenant] = record.offset, found.artifact
    live = sorted(live_artifacts(promoted))
    if not live:
        return DoctorCheck(
            "live artifact",
            DoctorVerdict.FAILED,
            "no artifact is live, so that nothing is ranked",
            "run `asllr promote`",
        )
    return DoctorCheck(
        "live artifact", DoctorVerdict.OK, ", ".join(artifact[:12] for artifact in live)
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
        return [DoctorCheck("redis", DoctorVerdict.FAILED, *_found_and_fix(str(error)))], None
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


def _found_and_fix(sentence: str) -> tuple[str, str]:
    """Splits an error's message into what was found and its fix, which comes after a colon or a
    semicolon."""
    match = re.fullmatch(r"(.*)[:;] (.*)", sentence, re.DOTALL)
    return (match[1], match[2]) if match else (sentence, "")


def check_artifact(path: Path) -> DoctorCheck:
    """Loads the artifact, as a score worker would."""
    try:
        scorer = load_scorer(path)
    except ArtifactError as error:
        return DoctorCheck("artifact", DoctorVerdict.FAILED, *_found_and_fix(str(error)))
    return DoctorCheck(
        "artifact", DoctorVerdict.OK, f"{load_manifest(path).name} ({scorer.digest[:12]}) loads"
    )
