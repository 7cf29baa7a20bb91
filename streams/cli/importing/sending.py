"""Where imported events go: to Kafka, or into a recording."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from schemas.events import EventBase
from streams.cli.front import current_settings, open_admin
from streams.kafka.journal import JournalingProducer
from streams.recording.event_file import history, write_recording


def send_or_write(events: Iterable[EventBase], out: Path | None) -> int:
    """Sends the events to Kafka, or writes them to `out` as they occurred; returns how many."""
    return _send(events) if out is None else write_recording(out, map(history, events))


def _send(events: Iterable[EventBase]) -> int:
    settings = current_settings()
    open_admin(settings)
    producer = JournalingProducer(settings.broker, max_records=0)
    n = 0
    for n, event in enumerate(events, start=1):  # noqa: B007  # n is the count
        producer.send(event)
        producer.poll()
    producer.flush()
    return n
