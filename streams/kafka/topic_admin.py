"""Topics as `schemas.topics` declares them: makes them, compares them, and adopts trimmed ones.

Knows the embedded broker (librdkafka's mock), which has no CreateTopics and no topic settings:
there topics exist already and only partition counts are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
    TopicMetadata,
)

from schemas.topics import INPUTS, TOPICS, Topic
from streams.kafka.embedded_broker import CLUSTER_ID_PREFIX
from streams.store.contract import Store

ANSWER_S = 10.0
MIN_INSYNC = "min.insync.replicas"
POLL_S = 0.05


class TopicsUnusable(Exception):
    """Topics are not as asllr needs them; the message names the value, the limit and the fix.
    `is_lasting` False: waiting may help."""

    def __init__(self, sentence: str, *, is_lasting: bool = True) -> None:
        super().__init__(sentence)
        self.is_lasting = is_lasting


@dataclass(frozen=True, slots=True)
class Adopted:
    topic: str
    partition: int
    frontier: int
    is_new: bool
    """False where the partition had a frontier already, and kept it."""
    is_continued: bool = False
    """The topic was made again, and goes on after what was read of the one before it."""


def wait_for_broker(admin: AdminClient, patience_s: float) -> None:
    deadline = monotonic() + patience_s
    while True:
        try:
            admin.list_topics(timeout=max(0.5, min(5.0, deadline - monotonic())))
        except KafkaException as error:
            if monotonic() >= deadline:
                raise TopicsUnusable(
                    f"Kafka did not answer within {patience_s:.0f} s: check the bootstrap address "
                    f"and that the broker runs ({error.args[0].str()})",
                    is_lasting=False,
                ) from error
        else:
            return


def check_inputs(admin: AdminClient, n_partitions: int) -> None:
    """Checks what ingest needs before its first read; raises TopicsUnusable."""
    require_topics(admin, n_partitions, INPUTS)


def require_topics(admin: AdminClient, n_partitions: int, topics: Sequence[Topic] = TOPICS) -> None:
    """Checks that topics exist, with the partitions they must have; raises TopicsUnusable."""
    faults = partition_faults(admin, topics, n_partitions)
    if faults:
        raise TopicsUnusable("; ".join(faults))


def create_topics(
    admin: AdminClient, n_partitions: int, *, replication: int = 1, topics: Sequence[Topic] = TOPICS
) -> list[str]:
    """Makes the missing topics; returns their names. Raises TopicsUnusable."""
    if is_embedded(admin):
        return []
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions or n_partitions,
            replication_factor=replication,
            config=topic_settings(topic, replication),
        )
        for topic in topics
    ]
    made = []
    for name, future in admin.create_topics(wanted, operation_timeout=ANSWER_S).items():
        try:
            future.result()
            made.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicsUnusable(f"cannot create {name}: {error.args[0].str()}") from error
    _wait_until_listed(admin, made)
    return made


def _wait_until_listed(admin: AdminClient, names: Sequence[str]) -> None:
    """Waits until the broker lists new topics: its metadata follows the controller's, and whoever
    looks next must not find them missing."""
    deadline = monotonic() + ANSWER_S
    while not existing_topics(admin).keys() >= {*names} and monotonic() < deadline:
        sleep(POLL_S)


def check_topics(
    admin: AdminClient, n_partitions: int, topics: Sequence[Topic] = TOPICS
) -> list[str]:
    """Lists what differs from `schemas.topics`: one sentence with its fix for each difference."""
    faults = partition_faults(admin, topics, n_partitions)
    if is_embedded(admin):
        return faults
    names = existing_topics(admin)
    existing = [topic for topic in topics if topic.name in names]
    resources = {ConfigResource(ResourceType.TOPIC, topic.name): topic for topic in existing}
    answers = admin.describe_configs(list(resources)) if resources else {}
    for resource, future in answers.items():
        topic = resources[resource]
        replication = replication_of(names[topic.name])
        values = {name: entry.value for name, entry in future.result().items()}
        faults += [
            f"{topic.name} has {name}={values.get(name)}, expected {value}: "
            f"kafka-configs --alter --topic {topic.name} --add-config {name}={value}"
            for name, value in topic_settings(topic, replication).items()
            if not agrees(name, values.get(name), value, replication)
        ]
    return faults


def replication_of(topic: TopicMetadata) -> int:
    """How many brokers keep each partition; where partitions differ, the fewest."""
    return min((len(one.replicas) for one in topic.partitions.values()), default=1)


def topic_settings(topic: Topic, replication: int) -> dict[str, str]:
    """The settings of a topic on the broker. The broker's own time decides what is late and what is
    replayed, so producers may not set it. A write counts when two brokers have it, where there are
    three or more: one may be lost, and one more be away."""
    settings = {
        MIN_INSYNC: "2" if replication > 2 else "1",
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "max.message.bytes": str(topic.max_message_bytes),
    }
    if not topic.compacted:
        settings["retention.ms"] = str(-1 if topic.retention_ms is None else topic.retention_ms)
    if topic in INPUTS:
        settings["message.timestamp.type"] = "LogAppendTime"
    return settings


def agrees(name: str, value: str | None, wanted: str, replication: int) -> bool:
    """Whether a setting is as wanted. Longer retention, larger messages, and more brokers that must
    have a write are the operator's to choose; more than there are would refuse every write."""
    if value is None or value == wanted:
        return value == wanted
    if name == MIN_INSYNC:
        return int(wanted) <= int(value) <= replication
    if name in ("retention.ms", "max.message.bytes"):
        return int(value) < 0 or int(value) >= int(wanted) >= 0
    return False


def existing_topics(client: AdminClient | Consumer) -> Mapping[str, TopicMetadata]:
    """All topics by name. Looking must not change anything: a broker with auto.create.topics.enable
    makes a topic that is asked for by its name."""
    found = client.list_topics(timeout=ANSWER_S).topics
    return {name: topic for name, topic in found.items() if topic.error is None}


def partition_faults(admin: AdminClient, topics: Sequence[Topic], n_partitions: int) -> list[str]:
    """One sentence for each topic that is missing or needs another number of partitions."""
    faults = []
    existing = existing_topics(admin)
    input_counts = {len(existing[t.name].partitions) for t in INPUTS if t.name in existing}
    for topic in topics:
        metadata = existing.get(topic.name)
        wanted = topic.partitions or n_partitions
        if metadata is None:
            faults.append(f"{topic.name} is missing: run `asllr topics create`")
        elif len(metadata.partitions) != wanted and (topic in INPUTS or topic.partitions):
            faults.append(
                f"{topic.name} has {len(metadata.partitions)} partitions, expected {wanted}: "
                + _recount(topic, wanted, input_counts)
            )
    return faults


def _recount(topic: Topic, wanted: int, input_counts: Set[int]) -> str:
    if topic.partitions or len(input_counts) > 1:
        return f"recreate the topic with {wanted}"
    (count,) = input_counts
    return (
        f"set ASLLR_PARTITIONS={count}, or recreate the topic with {wanted} where the store holds "
        f"leads of {wanted} partitions already"
    )


def adopt(
    admin: AdminClient, store: Store, n_partitions: int, remade: Mapping[str, str] | None = None
) -> list[Adopted]:
    """Accepts that the inputs' trimmed beginnings are gone: frontiers go to where each log starts.
    Partitions that have a frontier keep it. `remade`: the inputs that were made again
    (`streams.kafka.topic_ids`), with their ids; each goes on from where its log starts. The inputs
    must have `n_partitions`."""
    starts = _log_starts(admin, n_partitions)
    for topic, topic_id in (remade or {}).items():
        for partition in range(n_partitions):
            store.continue_log(topic, partition, starts[topic, partition])
        # At last: a death before it repeats all, with the same result.
        store.topic_id(topic, topic_id, accept=True)
    adopted = []
    for (topic, partition), start in starts.items():
        is_continued = topic in (remade or {})
        is_new = start > 0 and not is_continued and store.adopt(topic, partition, start - 1)
        adopted.append(Adopted(topic, partition, start - 1, is_new, is_continued))
    return adopted


def _log_starts(admin: AdminClient, n_partitions: int) -> dict[tuple[str, int], int]:
    """Waits a moment for the leaders of a topic that was just made. Raises KafkaException."""
    asked = {
        TopicPartition(topic.name, partition): OffsetSpec.earliest()
        for topic in INPUTS
        for partition in range(n_partitions)
    }
    deadline = monotonic() + ANSWER_S
    while True:
        answers = admin.list_offsets(asked, request_timeout=ANSWER_S)
        try:
            return {(tp.topic, tp.partition): one.result().offset for tp, one in answers.items()}
        except KafkaException as error:
            if error.args[0].code() not in LEADERLESS or monotonic() >= deadline:
                raise
            sleep(POLL_S)


LEADERLESS = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


def history_fault(
    topic: str, partition: int, frontier: int | None, start: int, end: int
) -> str | None:
    """Says why a log from `start` up to, not including, `end` cannot be continued after `frontier`
    (None: nothing of it was ever applied)."""
    where = f"{topic}/{partition}"
    if frontier is None:
        if start == 0:
            return None
        return (
            f"{where} starts at offset {start} and nothing of it was ever applied: accept the "
            f"missing history with `asllr topics adopt`"
        )
    if frontier + 1 < start:
        return (
            f"history lost: {where} starts at offset {start}, the store continues at "
            f"{frontier + 1}: restore the topic, or rebuild the store from a recording"
        )
    if frontier + 1 > end:
        return (
            f"{where} ends at offset {end}, the store has applied {frontier}: the topic was "
            f"recreated or the store belongs to another cluster; use a fresh store"
        )
    return None


def is_embedded(admin: AdminClient) -> bool:
    cluster_id = admin.list_topics(timeout=ANSWER_S).cluster_id or ""
    return cluster_id.startswith(CLUSTER_ID_PREFIX)
