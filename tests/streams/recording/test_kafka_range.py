"""Ranges of real topics: what is recorded of them, what is said when some of it is not there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from schemas.codec import Record
from schemas.ids import LeadKey
from schemas.partitioner import partition_for
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS, ERASED, INPUTS
from scoring.lead.arrival import state_of
from streams.explain.story import read_folder, read_kafka
from streams.kafka.topic_admin import TopicsUnusable
from streams.kafka.topic_reader import ANSWER_S
from streams.oracle.folded_log import fold_log
from streams.recording.erased import erased_leads
from streams.recording.folder import RecordingFolder, open_recording
from streams.recording.kafka_range import RangeMissing, Wanted, first_at, open_consumer, read_range
from streams.recording.record import record_kafka
from streams.replay.policy import Never
from streams.replay.replay import ReplayRequest, replay
from tests.support.brokers import N_PARTITIONS, wait_until
from tests.support.harness import Journal
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import A, clicks, joins, talks, writes

pytestmark = [pytest.mark.service, pytest.mark.slow]

MY_PARTITION = partition_for(A.encode(), N_PARTITIONS)
MINE = (CRM_EVENTS.name, MY_PARTITION)


@pytest.fixture
def consumer(broker: str) -> Iterator[Consumer]:
    with closing(open_consumer(broker)) as consumer:
        yield consumer


@pytest.fixture
def kafka_consumer(kafka: str) -> Iterator[Consumer]:
    with closing(open_consumer(kafka)) as consumer:
        yield consumer


def three_clicks(address: str) -> list[Record]:
    """One lead's, at least a millisecond apart, so that times tell them apart."""
    journal = Journal(address)
    for number in range(3):
        journal.send([clicks(number)])
        journal.flush()
        time.sleep(0.003)
    return journal.records


def recorded(consumer: Consumer, out: Path, wanted: Wanted) -> RecordingFolder:
    record_kafka(consumer, out, wanted, N_PARTITIONS)
    return open_recording(out)


def offsets(folder: RecordingFolder, topic: str = MINE[0], partition: int = MINE[1]) -> list[int]:
    return [record.offset for record in folder.records(topic, partition)]


def test_all_there_is_is_recorded_and_folds_to_the_same_states(
    broker: str, consumer: Consumer, tmp_path: Path
) -> None:
    journal = Journal(broker)
    journal.send(events(3, 300))
    journal.flush()
    folder = recorded(consumer, tmp_path / "day", Wanted())
    found = [
        record
        for one in folder.input_ranges()
        for record in folder.records(one.topic, one.partition)
    ]
    assert len(found) == 300
    assert fold_log(found, N_PARTITIONS) == fold_log(journal.records, N_PARTITIONS)
    again = recorded(consumer, tmp_path / "again", Wanted())
    digests = {replay(one.path, ReplayRequest(Never(), None)).states for one in (folder, again)}
    assert len(digests) == 1


def test_reading_waits_for_nothing_that_is_there(broker: str, consumer: Consumer) -> None:
    three_clicks(broker)
    start_s = time.monotonic()
    assert [r.offset for r in read_range(consumer, *MINE, 0, 3)] == [0, 1, 2]
    assert time.monotonic() - start_s < ANSWER_S


def test_times_are_half_open_and_found_on_both_brokers(
    broker: str, consumer: Consumer, tmp_path: Path
) -> None:
    """Also on the embedded one, which cannot look times up."""
    three_clicks(broker)
    times = [record.timestamp_ms for record in read_range(consumer, *MINE, 0, 3)]
    wanted = Wanted(from_ms=times[1], until_ms=times[2])
    assert offsets(recorded(consumer, tmp_path / "middle", wanted)) == [1]
    assert offsets(recorded(consumer, tmp_path / "all", Wanted(until_ms=times[2] + 1))) == [0, 1, 2]
    assert first_at(consumer, *MINE, 0) == 0
    assert first_at(consumer, *MINE, times[2] + 1) == 3


def test_offsets_of_one_partition_leave_the_others_whole(
    broker: str, consumer: Consumer, tmp_path: Path
) -> None:
    three_clicks(broker)
    other = next(
        name
        for name in map(str, range(99))
        if partition_for(f"acme/{name}".encode(), N_PARTITIONS) != MY_PARTITION
    )
    journal = Journal(broker)
    journal.send([joins(1, lead=other)])
    journal.flush()
    folder = recorded(consumer, tmp_path / "some", Wanted(offsets={MINE: (1, 3)}))
    assert offsets(folder) == [1, 2]
    assert sum(one.n_records for one in folder.input_ranges()) == 3


def test_offsets_that_are_not_there_are_named_and_nothing_is_written(
    broker: str, consumer: Consumer, tmp_path: Path
) -> None:
    three_clicks(broker)
    where = f"crm.events/{MY_PARTITION}"
    with pytest.raises(RangeMissing, match=f"{where}: offsets 3 to 8 do not exist yet, the log"):
        recorded(consumer, tmp_path / "day", Wanted(offsets={MINE: (1, 9)}))
    with pytest.raises(TopicsUnusable, match=r"crm\.events/99: crm\.events has partitions 0 to 3"):
        recorded(consumer, tmp_path / "day", Wanted(offsets={(CRM_EVENTS.name, 99): (0, 1)}))
    with pytest.raises(TopicsUnusable, match=r"other/0: there is no such topic of ours"):
        recorded(consumer, tmp_path / "day", Wanted(offsets={("other", 0): (0, 1)}))
    assert list(tmp_path.iterdir()) == []


def test_who_asked_later_to_be_forgotten_is_known_in_an_earlier_past(
    broker: str, consumer: Consumer, tmp_path: Path
) -> None:
    three_clicks(broker)
    (first, *_) = read_range(consumer, *MINE, 0, 1)
    journal = Journal(broker)
    journal.send_raw(ERASED.name, A.encode(), b"{}")
    journal.flush()
    folder = recorded(consumer, tmp_path / "before", Wanted(until_ms=first.timestamp_ms + 1))
    assert erased_leads(folder) == {A}
    assert (
        replay(folder.path, ReplayRequest(Never(), None)).n_erased_records
        == len(offsets(folder))
        > 0
    )


def test_an_erasure_of_another_lead_does_not_move_the_end_of_a_story(
    broker: str, consumer: Consumer, tmp_path: Path
) -> None:
    three_clicks(broker)
    (first, *_) = read_range(consumer, *MINE, 0, 1)
    journal = Journal(broker)
    journal.send_raw(ERASED.name, b"acme/other", b"{}")
    journal.flush()
    folder = recorded(consumer, tmp_path / "before", Wanted(until_ms=first.timestamp_ms + 1))
    story = read_folder(folder, LeadKey.parse(A), lambda n: None)
    assert story.end_ms == first.timestamp_ms


@pytest.mark.kafka
def test_what_retention_has_taken_is_named_and_stops(
    kafka: str, kafka_consumer: Consumer, tmp_path: Path
) -> None:
    three_clicks(kafka)
    times = [record.timestamp_ms for record in read_range(kafka_consumer, *MINE, 0, 3)]
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 2})
    for future in admin.delete_records([TopicPartition(*MINE, 2)]).values():
        assert future.result(10).low_watermark == 2
    where = f"crm.events/{MY_PARTITION}"
    for wanted, says in (
        (Wanted(), "offsets 0 to 1 are past retention, the log starts at 2"),
        (Wanted(from_ms=times[0]), "offsets 0 to 1 are past retention"),
        (Wanted(offsets={MINE: (1, 3)}), "offsets 1 to 1 are past retention"),
        (Wanted(until_ms=times[1]), "offsets 0 to 1 are past retention"),
    ):
        with pytest.raises(RangeMissing, match=f"{where}: {says}"):
            recorded(kafka_consumer, tmp_path / "day", wanted)
    assert list(tmp_path.iterdir()) == []
    assert offsets(recorded(kafka_consumer, tmp_path / "late", Wanted(from_ms=times[2]))) == [2]
    manifest = record_kafka(
        kafka_consumer, tmp_path / "left", Wanted(), N_PARTITIONS, accept_missing=True
    )
    assert [sentence.startswith(where) for sentence in manifest.missing] == [True]
    assert offsets(open_recording(tmp_path / "left")) == [2]


@pytest.mark.kafka
def test_topic_that_grew_is_refused_with_both_counts(
    kafka: str, kafka_consumer: Consumer, tmp_path: Path
) -> None:
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 2})
    grown = [NewPartitions(CRM_EVENTS.name, N_PARTITIONS + 2)]
    for future in admin.create_partitions(grown).values():
        future.result(10)
    wait_until(
        lambda: len(admin.list_topics(timeout=5).topics[CRM_EVENTS.name].partitions) == 6, "grown"
    )
    with pytest.raises(
        TopicsUnusable, match=r"crm\.events has 6 partitions, leads were placed on 4"
    ):
        recorded(kafka_consumer, tmp_path / "day", Wanted())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kafka
def test_nobody_joins_a_group(kafka: str, kafka_consumer: Consumer, tmp_path: Path) -> None:
    three_clicks(kafka)
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 2})

    def groups() -> set[str]:
        states = set(ConsumerGroupState) - {ConsumerGroupState.UNKNOWN}
        listed = admin.list_consumer_groups(states=states, request_timeout=10).result()
        assert listed.errors == []
        return {group.group_id for group in listed.valid}

    before = groups()
    recorded(kafka_consumer, tmp_path / "day", Wanted(from_ms=1))
    read_kafka(kafka, LeadKey.parse(A), N_PARTITIONS, 0, lambda n: None)
    assert groups() == before


@pytest.mark.kafka
def test_aborted_transactions_are_in_no_replay(
    kafka: str, kafka_consumer: Consumer, tmp_path: Path
) -> None:
    journal = Journal(kafka, transactional_id="crm")
    journal.transaction([joins(0), talks(1)], is_kept=True)
    journal.transaction([writes(2), talks(3)], is_kept=False)
    journal.transaction([clicks(4)], is_kept=True)
    folder = recorded(kafka_consumer, tmp_path / "day", Wanted())
    assert offsets(folder) == [0, 4]
    assert offsets(folder, ASR_TRANSCRIPTS.name) == [0]
    found = [r for topic in INPUTS for r in folder.records(topic.name, MY_PARTITION)]
    assert fold_log(found, N_PARTITIONS) == fold_log(journal.records, N_PARTITIONS)
    times = [record.timestamp_ms for record in folder.records(*MINE)]
    late = recorded(kafka_consumer, tmp_path / "late", Wanted(from_ms=times[-1] + 1))
    assert offsets(late) == []
    story = read_kafka(kafka, LeadKey.parse(A), N_PARTITIONS, 0, lambda n: None)
    assert state_of(story.arrivals) == fold_log(journal.records, N_PARTITIONS).leads[A].state
