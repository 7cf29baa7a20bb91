"""The simulator's leads as a log: many under way at once, as a broker would have kept them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from confluent_kafka import Producer

from schemas.codec import encode
from schemas.events import EventBase, TranscriptReady
from schemas.topics import CRM_EVENTS
from tests.support.leads.records import topic_of
from training.simulator.emit import simulate_leads

UNDER_WAY = 2_000
"""Leads whose events alternate; about as many a call centre of a few hundred seats works on."""


def lead_events(seed: int, n: int, *, with_transcripts: bool = True) -> list[EventBase]:
    """`n` events of consecutive leads of the simulator."""
    return list(islice(_alternating(seed, with_transcripts), n))


def _alternating(seed: int, with_transcripts: bool) -> Iterator[EventBase]:
    first = 0
    while True:
        histories = [
            [e for e in lead.history if with_transcripts or not isinstance(e, TranscriptReady)]
            for lead in simulate_leads(seed, UNDER_WAY, first=first)
        ]
        first += UNDER_WAY
        for i in range(max(map(len, histories))):
            yield from (history[i] for history in histories if i < len(history))


def send(address: str, events: list[EventBase]) -> None:
    """All of them, acknowledged, lz4."""
    producer = Producer(
        {
            "bootstrap.servers": address,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 20,
            "message.max.bytes": CRM_EVENTS.max_message_bytes,
            "queue.buffering.max.messages": 1_000_000,
            "log_level": 2,
        }
    )
    for event in events:
        key, value, headers = encode(event)
        producer.produce(topic_of(event), value, key, headers=list(headers))
        producer.poll(0)
    if left := producer.flush(120):
        raise RuntimeError(f"{left} of {len(events)} events were not acknowledged within 120 s")
