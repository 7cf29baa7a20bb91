"""Topics are made as declared and compared with it; every difference says its fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS, INPUTS, RANKED, TOPICS
from streams.kafka.embedded_broker import embedded_broker
from streams.kafka.topic_admin import (
    MIN_INSYNC,
    TopicsUnusable,
    agrees,
    check_inputs,
    check_topics,
    create_topics,
    is_embedded,
    topic_settings,
    wait_for_broker,
)
from streams.kafka.topic_reader import read_to_end
from streams.oracle.output_reader import OutputReader
from tests.support.brokers import N_PARTITIONS, free_port, require_kafka, start_kafka, wait_until


def admin_of(address: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": address, "log_level": 0})


@pytest.mark.service
def test_created_topics_agree_with_what_is_declared(broker: str) -> None:
    admin = admin_of(broker)
    assert check_topics(admin, N_PARTITIONS) == []
    assert create_topics(admin, N_PARTITIONS) == []  # all there already


@pytest.mark.service
def test_the_embedded_broker_has_every_topic_with_its_partition_count() -> None:
    with embedded_broker(n_partitions=6) as address:
        admin = admin_of(address)
        assert is_embedded(admin)
        found = admin.list_topics(timeout=5).topics
        assert {name: len(topic.partitions) for name, topic in found.items()} == {
            topic.name: topic.partitions or 6 for topic in TOPICS
        }


@pytest.mark.service
def test_another_partition_count_is_refused_with_both_numbers(embedded: str) -> None:
    with pytest.raises(TopicsUnusable, match=r"crm\.events has 4 partitions, expected 8") as raised:
        check_inputs(admin_of(embedded), 8)
    assert raised.value.is_lasting


@pytest.mark.kafka
def test_unequal_inputs_and_missing_topics_are_named_with_their_fix(kafka: str) -> None:
    admin = admin_of(kafka)
    for future in admin.delete_topics([ASR_TRANSCRIPTS.name, RANKED.name]).values():
        future.result(10)
    wait_until(lambda: ASR_TRANSCRIPTS.name not in admin.list_topics(timeout=5).topics, "deletion")
    create_topics(admin, 2 * N_PARTITIONS, topics=[ASR_TRANSCRIPTS])
    wanted = [
        "leads.ranked is missing: run `asllr topics create`",
        "asr.transcripts has 8 partitions, expected 4: recreate the topic with 4",
    ]
    # A broker's metadata follows the controller's; the second a topic was changed, it may lag.
    wait_until(lambda: sorted(check_topics(admin, N_PARTITIONS)) == sorted(wanted), "the faults")
    with pytest.raises(TopicsUnusable, match=r"asr\.transcripts has 8 partitions, expected 4"):
        check_inputs(admin, N_PARTITIONS)


@pytest.mark.kafka
def test_looking_makes_no_topic_on_a_broker_that_makes_what_is_asked_for(tmp_path: Path) -> None:
    require_kafka()
    address, process = start_kafka(tmp_path, extra_properties={"auto.create.topics.enable": "true"})
    try:
        admin = admin_of(address)
        assert len(check_topics(admin, N_PARTITIONS)) == len(TOPICS)
        for look in (
            lambda: list(read_to_end(address, CRM_EVENTS.name)),
            lambda: OutputReader(address),
        ):
            with pytest.raises(TopicsUnusable, match="missing: run `asllr topics create`"):
                look()
        assert not admin.list_topics(timeout=10).topics.keys() & {topic.name for topic in TOPICS}
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.kafka
def test_a_setting_that_differs_is_named_with_the_command_that_mends_it(kafka: str) -> None:
    admin = admin_of(kafka)
    changed = ConfigEntry(
        "message.timestamp.type", "CreateTime", incremental_operation=AlterConfigOpType.SET
    )
    longer = ConfigEntry("retention.ms", "-1", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(
        ResourceType.TOPIC, CRM_EVENTS.name, incremental_configs=[changed, longer]
    )
    admin.incremental_alter_configs([resource])[resource].result(10)
    wait_until(lambda: check_topics(admin, N_PARTITIONS) != [], "the fault")
    (fault,) = check_topics(admin, N_PARTITIONS)  # longer retention is the operator's to choose
    assert "crm.events has message.timestamp.type=CreateTime, expected LogAppendTime" in fault
    assert "--topic crm.events --add-config message.timestamp.type=LogAppendTime" in fault


@pytest.mark.kafka
def test_more_copies_than_there_are_brokers_are_a_fault(kafka: str) -> None:
    admin = admin_of(kafka)
    assert values_of(admin, CRM_EVENTS.name)[MIN_INSYNC] == "1", "one broker"
    changed = ConfigEntry(MIN_INSYNC, "2", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, CRM_EVENTS.name, incremental_configs=[changed])
    admin.incremental_alter_configs([resource])[resource].result(10)
    wait_until(lambda: check_topics(admin, N_PARTITIONS) != [], "the fault")
    (fault,) = check_topics(admin, N_PARTITIONS)
    assert "crm.events has min.insync.replicas=2, expected 1" in fault
    assert "--add-config min.insync.replicas=1" in fault


def values_of(admin: AdminClient, topic: str) -> dict[str, str | None]:
    (answer,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in answer.result(10).items()}


@pytest.mark.parametrize(
    ("replication", "wanted", "good", "bad"),
    [(1, "1", (), ("0", "2")), (2, "1", ("2",), ("0", "3")), (3, "2", ("3",), ("1", "4"))],
)
def test_a_write_counts_when_as_many_brokers_have_it_as_there_can_be(
    replication: int, wanted: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    for topic in TOPICS:
        assert topic_settings(topic, replication)[MIN_INSYNC] == wanted
    assert all(agrees(MIN_INSYNC, value, wanted, replication) for value in (wanted, *good))
    assert not any(agrees(MIN_INSYNC, value, wanted, replication) for value in (None, *bad))


def test_producers_may_not_set_the_time_of_an_input() -> None:
    assert all(
        topic_settings(topic, 1)["message.timestamp.type"] == "LogAppendTime" for topic in INPUTS
    )


def test_a_broker_that_does_not_answer_is_one_sentence_after_a_bounded_wait() -> None:
    with pytest.raises(TopicsUnusable, match="Kafka did not answer within 1 s") as raised:
        wait_for_broker(admin_of(f"127.0.0.1:{free_port()}"), 1.0)
    assert not raised.value.is_lasting
