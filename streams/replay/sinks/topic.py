"""Writes the scores of a replay to a topic of their own, as production would have published them.
Topics of production are never written to."""

from __future__ import annotations

import re
from dataclasses import replace

from schemas.outputs import Score
from schemas.timestamps import to_ms
from schemas.topics import SCORES, TOPICS, Topic
from streams.kafka.producer import Output, OutRecord
from streams.publish.records import score_record
from streams.replay.sinks.sink import LineKind
from streams.store.contract import EntryKind, OutboxEntry

RECORDS_AT_ONCE = 1_000
"""How many records are under way between two waits for Kafka's acknowledgement."""


def shadow_topic(name: str) -> Topic:
    """Declares a topic for the scores of a replay, like that of production's scores. Raises
    ValueError for a name that Kafka does not accept, or that belongs to production, Kafka or
    Faust."""
    if name in {topic.name for topic in TOPICS}:
        raise ValueError(
            f"{name} belongs to production, where a replay never writes: name another topic, such "
            f"as {SCORES.name}.replay"
        )
    if not re.fullmatch(r"(?!(.*-)?__)(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}", name):
        raise ValueError(
            f"{name[:80]!r} is not a topic for a replay: 1 to 249 of [A-Za-z0-9._-], without two "
            "underscores at the beginning or after a hyphen, as Kafka's and Faust's own have them"
        )
    return replace(SCORES, name=name)


class ShadowScores:
    """Implements Sink with a topic: takes scores, in order; rank moves are not written. A replay
    that fails midway leaves on the topic what it had scored."""

    def __init__(self, output: Output, topic: str) -> None:
        """Checks the name; raises ValueError like `shadow_topic`."""
        self._output = output
        self._topic = shadow_topic(topic).name
        self._waiting: list[OutRecord] = []
        self.n_written = 0

    def take(self, kind: LineKind, lead: str, line: bytes) -> None:
        if kind is not LineKind.SCORES:
            return
        order = Score.model_validate_json(line).order
        entry = OutboxEntry(
            id="",
            kind=EntryKind.SCORE,
            key=lead,
            value=line,
            order=(order.promotion, order.version, to_ms(order.as_of)),
        )
        self._waiting.append(replace(score_record(entry), topic=self._topic))
        if len(self._waiting) == RECORDS_AT_ONCE:
            self.end()

    def end(self) -> None:
        """Waits until everything that was taken is acknowledged."""
        self._output.deliver(self._waiting)
        self.n_written += len(self._waiting)
        self._waiting = []
