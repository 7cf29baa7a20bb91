"""The ingest process on real servers: dying between any two steps, orderly stops,
and one clear sentence when it cannot work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from redis import Redis

from schemas.codec import Record
from schemas.outputs import DeadLetter
from schemas.topics import CRM_EVENTS
from streams.exit_codes import AWAY, OK, UNUSABLE
from streams.ingest.careful import CAREFUL_FROM, MAX_TRIES
from streams.kafka.topic_admin import adopt
from streams.kafka.topic_ids import remade_inputs
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import state_differences
from streams.store.contract import EntryKind
from streams.store.embedded_redis import EmbeddedRedis
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS, free_port, make_again, wait_until
from tests.support.harness import Fleet, Journal
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import clicks
from tests.support.role_process import RoleSpec

pytestmark = [pytest.mark.service, pytest.mark.slow]


def spec_of(broker: str, redis_url: str, tmp_path: Path) -> RoleSpec:
    group = f"g-{tmp_path.name}"
    return RoleSpec(
        "ingest", "ingest-0", broker, redis_url, N_PARTITIONS, group, session_timeout_s=1.0
    )


@contextmanager
def opened(redis_url: str) -> Iterator[RedisStore]:
    client = Redis.from_url(redis_url)
    try:
        yield RedisStore(client)
    finally:
        client.close()


def has_all(store: RedisStore, records: Sequence[Record]) -> bool:
    ends: dict[tuple[str, int], int] = {}
    for record in records:
        place = (record.topic, record.partition)
        ends[place] = max(ends.get(place, -1), record.offset)
    return all(store.frontier(number).get(topic) == end for (topic, number), end in ends.items())


@pytest.mark.parametrize("step", ["decoded", "read", "folded", "committed", "confirmed"])
def test_a_worker_killed_after_any_step_is_continued_without_loss(
    step: str, embedded: str, redis_url: str, tmp_path: Path
) -> None:
    journal = Journal(embedded)
    journal.send(events(3, 600))
    journal.flush()
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(replace(spec_of(embedded, redis_url, tmp_path), die_at=f"{step}:2"))
        fleet.tend_until(lambda: has_all(store, journal.records), "all applied", 60)
        assert fleet.ends == {-9: 1}
        folded = fold_log(journal.records, N_PARTITIONS)
        assert list(state_differences(folded, store, N_PARTITIONS)) == []


def test_sigterm_ends_it_in_time_and_the_next_one_continues(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    journal = Journal(embedded)
    journal.send(events(4, 300))
    journal.flush()
    spec = spec_of(embedded, redis_url, tmp_path)
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(spec)
        wait_until(lambda: has_all(store, journal.records), "all applied", 60)
        assert fleet.stop(spec.member) == OK
        journal.send(events(5, 300))
        journal.flush()
        fleet.start(spec)
        wait_until(lambda: has_all(store, journal.records), "all applied", 60)
        folded = fold_log(journal.records, N_PARTITIONS)
        assert list(state_differences(folded, store, N_PARTITIONS)) == []


def test_sigterm_ends_it_in_time_while_the_store_is_away(embedded: str, tmp_path: Path) -> None:
    journal = Journal(embedded)
    with EmbeddedRedis() as server, opened(server.url) as store, Fleet(tmp_path) as fleet:
        spec = replace(spec_of(embedded, server.url, tmp_path), patience_s=60.0)
        fleet.start(spec)
        journal.send(events(4, 100))
        journal.flush()
        wait_until(lambda: has_all(store, journal.records), "all applied", 60)
        server.kill()
        journal.send(events(5, 100))
        journal.flush()
        assert fleet.stop(spec.member) == OK


def test_a_store_that_went_back_is_noticed_and_brought_up_to_date(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    """Here it went back to the very beginning."""
    journal = Journal(embedded)
    journal.send(events(4, 200))
    journal.flush()
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(spec_of(embedded, redis_url, tmp_path))
        wait_until(lambda: has_all(store, journal.records), "all applied", 60)
        with closing(Redis.from_url(redis_url)) as client:
            client.flushall()
        journal.send(events(5, 200))
        journal.flush()
        fleet.tend_until(lambda: has_all(store, journal.records), "all applied again", 90)
        assert fleet.ends.keys() == {AWAY}
        assert "it was restored to an older state" in fleet.log("ingest-0")
        folded = fold_log(journal.records, N_PARTITIONS)
        assert list(state_differences(folded, store, N_PARTITIONS)) == []


def test_a_store_that_stays_away_ends_it_with_a_sentence(embedded: str, tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    spec = replace(spec_of(embedded, url, tmp_path), patience_s=0.5)
    with Fleet(tmp_path) as fleet:
        fleet.start(spec)
        assert fleet.wait_for_exit(spec.member) == AWAY
        assert "the store is away" in fleet.log(spec.member).splitlines()[-1]


def test_a_broker_that_stays_away_ends_it_with_a_sentence(redis_url: str, tmp_path: Path) -> None:
    spec = replace(spec_of(f"127.0.0.1:{free_port()}", redis_url, tmp_path), patience_s=0.5)
    with Fleet(tmp_path) as fleet:
        fleet.start(spec)
        assert fleet.wait_for_exit(spec.member) == AWAY
        assert "check the bootstrap address" in fleet.log(spec.member)


def test_a_partition_count_that_differs_from_the_topics_ends_it_with_a_sentence(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    spec = replace(spec_of(embedded, redis_url, tmp_path), n_partitions=2 * N_PARTITIONS)
    with Fleet(tmp_path) as fleet:
        fleet.start(spec)
        assert fleet.wait_for_exit(spec.member) == UNUSABLE
        assert f"crm.events has {N_PARTITIONS} partitions, expected" in fleet.log(spec.member)


def test_a_partition_count_that_differs_from_the_stores_ends_it_with_a_sentence(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    spec = spec_of(embedded, redis_url, tmp_path)
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        store.partitions(2 * N_PARTITIONS)
        fleet.start(spec)
        assert fleet.wait_for_exit(spec.member) == UNUSABLE
        assert "the store was first used with 8 partitions" in fleet.log(spec.member)


@pytest.mark.kafka
def test_a_trimmed_topic_is_refused_until_it_is_adopted(
    kafka: str, redis_url: str, tmp_path: Path
) -> None:
    journal = Journal(kafka)
    journal.send(events(6, 400))
    journal.flush()
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 2})
    trimmed = [TopicPartition(CRM_EVENTS.name, partition, 10) for partition in range(N_PARTITIONS)]
    for future in admin.delete_records(trimmed).values():
        future.result(10)
    spec = spec_of(kafka, redis_url, tmp_path)
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(spec)
        assert fleet.wait_for_exit(spec.member) == UNUSABLE
        assert "accept the missing history with `asllr topics adopt`" in fleet.log(spec.member)
        adopted = adopt(admin, store, N_PARTITIONS)
        assert {(a.topic, a.frontier) for a in adopted if a.is_new} == {(CRM_EVENTS.name, 9)}
        fleet.start(spec)
        wait_until(lambda: has_all(store, journal.records), "all applied", 60)


def go_on(broker: str, store: RedisStore) -> None:
    """`asllr topics adopt`"""
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 2})
    remade = remade_inputs(admin, store)
    assert set(remade) == {CRM_EVENTS.name}
    adopted = adopt(admin, store, N_PARTITIONS, remade)
    assert {one.topic for one in adopted if one.is_continued} == {CRM_EVENTS.name}
    assert remade_inputs(admin, store) == {}


@pytest.mark.kafka
@pytest.mark.parametrize("is_running", [True, False])
def test_a_topic_made_again_is_not_read_until_somebody_accepts_it(
    is_running: bool, kafka: str, redis_url: str, tmp_path: Path
) -> None:
    """Twice: the offsets of each are those after what was read before it."""
    spec = replace(spec_of(kafka, redis_url, tmp_path), freeze_s=6.0)
    log: list[Record] = []
    read = [0] * N_PARTITIONS
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:

        def has_whole_log() -> bool:
            return has_all(store, log)

        for round_ in range(3):
            journal = Journal(kafka)
            journal.send(events(6 + round_, 300))
            journal.flush()
            log += [
                record._replace(offset=record.offset + read[record.partition])
                if record.topic == CRM_EVENTS.name
                else record
                for record in journal.records
            ]
            fleet.start(spec)
            wait_until(has_whole_log, "all applied", 60)
            read = [store.frontier(number)[CRM_EVENTS.name] + 1 for number in range(N_PARTITIONS)]
            if not is_running:
                fleet.stop(spec.member)
            make_again(kafka, CRM_EVENTS.name)
            if not is_running:
                fleet.start(spec)
            assert fleet.wait_for_exit(spec.member) == UNUSABLE
            assert "crm.events was deleted and made again" in fleet.log(spec.member)
            go_on(kafka, store)
        assert list(state_differences(fold_log(log, N_PARTITIONS), store, N_PARTITIONS)) == []


LETHAL = "acme/lethal"


@pytest.mark.timeout(240)
def test_a_record_that_kills_every_worker_becomes_a_dead_letter_and_the_rest_is_applied(
    embedded: str, redis_url: str, tmp_path: Path
) -> None:
    journal = Journal(embedded)
    all_events = [*events(11, 400)]
    lethal = clicks(1, "lethal")
    journal.send([*all_events[:200], lethal, *all_events[200:]])
    journal.flush()
    spec = replace(spec_of(embedded, redis_url, tmp_path), lethal=LETHAL)
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(spec)
        fleet.tend_until(lambda: has_all(store, journal.records), "all applied", 120)
        assert fleet.ends == {-9: CAREFUL_FROM - 1 + MAX_TRIES}
        letters = [
            DeadLetter.model_validate_json(entry.value)
            for shard in range(N_PARTITIONS)
            for entry in store.outbox(shard, 1_000)
            if entry.kind is EntryKind.DEAD_LETTER
        ]
        assert [letter.reason for letter in letters] == ["ends-workers"]
        (place,) = [
            (record.topic, record.partition, record.offset)
            for record in journal.records
            if record.key == LETHAL.encode()
        ]
        origin = letters[0].origin
        assert (origin.topic, origin.partition, origin.offset) == place
        rest = [record for record in journal.records if record.key != LETHAL.encode()]
        assert list(state_differences(fold_log(rest, N_PARTITIONS), store, N_PARTITIONS)) == []
