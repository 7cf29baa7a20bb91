"""What only Apache Kafka can show: transactions, codecs of other producers, a broker that dies."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from schemas.codec import Record
from schemas.outputs import DeadLetter
from schemas.topics import ASR_TRANSCRIPTS, MAX_RECORD_BYTES
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import state_differences
from streams.store.contract import EntryKind, Store
from tests.streams.ingest.test_ingest_process import has_all, opened, spec_of
from tests.support.brokers import N_PARTITIONS, make_topics, require_kafka, start_kafka, wait_until
from tests.support.harness import Fleet, Journal
from tests.support.leads.event_stream import events

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_aborted_records_are_not_folded_and_their_gap_is_no_obstacle(
    kafka: str, redis_url: str, tmp_path: Path
) -> None:
    flow = events(8, 400)
    journal = Journal(kafka, transactional_id="upstream")
    for is_kept in (True, False, True, False, True):
        journal.transaction(itertools.islice(flow, 60), is_kept=is_kept)
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(spec_of(kafka, redis_url, tmp_path))
        wait_until(lambda: has_all(store, journal.records), "all applied", 60)
        folded = fold_log(journal.records, N_PARTITIONS)
        assert list(state_differences(folded, store, N_PARTITIONS)) == []


def test_a_five_megabyte_transcript_is_a_dead_letter_and_its_neighbours_are_folded(
    kafka: str, redis_url: str, tmp_path: Path
) -> None:
    journal = Journal(kafka)
    journal.send(events(9, 50))
    huge = b'{"call_id": "' + b"x" * 5_000_000 + b'"}'
    journal.send_raw(ASR_TRANSCRIPTS.name, b"acme/lead-1", huge)
    journal.send(events(10, 50))
    journal.flush()
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(spec_of(kafka, redis_url, tmp_path))
        wait_until(lambda: has_all(store, journal.records), "all applied", 60)
        folded = fold_log(journal.records, N_PARTITIONS)
        assert list(state_differences(folded, store, N_PARTITIONS)) == []
        assert _reasons(store) == ["too-large"]


@pytest.mark.parametrize(
    ("codec", "mib"), [("gzip", 400), ("snappy", 18), ("lz4", 120), ("zstd", 400)]
)
def test_a_record_that_unpacks_to_hundreds_of_megabytes_takes_no_more_than_the_limit(
    codec: str, mib: int, kafka: str, redis_url: str, tmp_path: Path
) -> None:
    """What the broker lets through at most 1 MiB on the wire; of zstd 400 MiB are 13 kB."""
    journal = Journal(kafka)
    journal.send(events(9, 50))
    journal.flush()
    place = asyncio.run(_send_blanks(kafka, codec, mib << 20))
    journal.send(events(10, 50))
    journal.flush()
    spec = spec_of(kafka, redis_url, tmp_path)
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(replace(spec, batch_mib=8))
        wait_until(lambda: has_all(store, journal.records), "all applied", 60)
        wait_until(lambda: store.frontier(place[1]).get(place[0], -1) >= place[2], "passed", 60)
        assert _reasons(store) == ["too-large"]
        assert fleet.peak_mib(spec.member) < 300
        blank = Record(*place, 0, b"acme/lead-1", bytes(MAX_RECORD_BYTES + 1))
        folded = fold_log([*journal.records, blank], N_PARTITIONS)
        assert list(state_differences(folded, store, N_PARTITIONS)) == []


async def _send_blanks(kafka: str, codec: str, n_bytes: int) -> tuple[str, int, int]:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, compression_type=codec, max_request_size=1 << 30
    )
    await producer.start()
    try:
        sent = await producer.send_and_wait(
            ASR_TRANSCRIPTS.name, bytes(n_bytes), b"acme/lead-1", partition=1
        )
    finally:
        await producer.stop()
    return sent.topic, sent.partition, sent.offset


def _reasons(store: Store) -> list[str]:
    """Of the dead letters waiting for a publisher."""
    return [
        DeadLetter.model_validate_json(entry.value).reason
        for shard in range(N_PARTITIONS)
        for entry in store.outbox(shard, 1_000)
        if entry.kind is EntryKind.DEAD_LETTER
    ]


def test_every_codec_a_producer_may_choose_is_read(
    kafka: str, redis_url: str, tmp_path: Path
) -> None:
    flow = events(9, 400)
    with opened(redis_url) as store, Fleet(tmp_path) as fleet:
        fleet.start(spec_of(kafka, redis_url, tmp_path))
        for codec in ("gzip", "snappy", "lz4", "zstd"):
            journal = Journal(kafka, codec=codec)
            journal.send(itertools.islice(flow, 100))
            journal.flush()
            wait_until(lambda sent=journal: has_all(store, sent.records), f"{codec} applied", 60)
        assert fleet.stop("ingest-0") == 0


def test_a_broker_that_dies_and_comes_back_is_waited_for_without_a_restart(
    redis_url: str, tmp_path: Path
) -> None:
    require_kafka()
    address, process = start_kafka(tmp_path)
    try:
        make_topics(address)
        journal = Journal(address)
        flow = events(10, 600)
        spec = replace(spec_of(address, redis_url, tmp_path), patience_s=60.0)
        with opened(redis_url) as store, Fleet(tmp_path) as fleet:
            fleet.start(spec)
            journal.send(itertools.islice(flow, 300))
            journal.flush()
            wait_until(lambda: has_all(store, journal.records), "all applied", 60)
            process.kill()
            process.wait()
            _, process = start_kafka(tmp_path, int(address.rpartition(":")[2]))
            journal.send(flow)
            journal.flush()
            fleet.tend_until(lambda: has_all(store, journal.records), "all applied", 90)
            assert not fleet.ends
            folded = fold_log(journal.records, N_PARTITIONS)
            assert list(state_differences(folded, store, N_PARTITIONS)) == []
    finally:
        process.kill()
        process.wait()
