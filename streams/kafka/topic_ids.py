"""Tells an input topic that was deleted and made again from the one that was read before.

Its offsets begin at 0 again, so that a reader at offset 1,000 would wait for record 1,001 and skip
all before. Kafka gives each topic an id (KIP-516); the store keeps those of the inputs that it has
read, and `asllr topics adopt` accepts another.
"""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from schemas.topics import INPUTS
from streams.kafka.topic_admin import ANSWER_S, is_embedded
from streams.store.contract import Store


def remade_fault(admin: AdminClient, store: Store) -> str | None:
    """One sentence where an input is another topic than the one that was read. The first ids that
    are seen are recorded. Raises KafkaException, also where an input is missing."""
    if not (remade := remade_inputs(admin, store)):
        return None
    return (
        f"{' and '.join(remade)} {'was' if len(remade) == 1 else 'were'} deleted and made again "
        "since asllr read from there: if what was read before is to be kept and the new records "
        "are to follow it, run `asllr topics adopt`; else start on an empty Redis"
    )


def remade_inputs(admin: AdminClient, store: Store) -> dict[str, str]:
    """The inputs whose id is not the recorded one, and the id they have now. Raises
    KafkaException."""
    return {name: seen for name, seen in _ids(admin) if store.topic_id(name, seen) != seen}


def _ids(admin: AdminClient) -> Iterator[tuple[str, str]]:
    """Nothing of a broker that gives no ids: the embedded one, and Kafka before 2.8."""
    if is_embedded(admin):
        return
    names = TopicCollection([topic.name for topic in INPUTS])
    for name, future in admin.describe_topics(names, request_timeout=ANSWER_S).items():
        topic_id = future.result().topic_id
        if topic_id is not None and (
            topic_id.get_most_significant_bits() or topic_id.get_least_significant_bits()
        ):
            yield name, str(topic_id)
