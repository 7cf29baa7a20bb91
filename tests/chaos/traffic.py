"""What a chaos run sends: the simulator's leads as they happen, and what producers do to them:
repeats at new offsets, late and reordered events, poison, transcripts over the limit.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime

from schemas.codec import encode
from schemas.events import Channel, EventBase, InteractionLogged, Role, Segment, TranscriptReady
from schemas.partitioner import partition_for
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS, MAX_RECORD_BYTES
from tests.support.brokers import N_PARTITIONS
from tests.support.harness import Journal
from tests.support.leads.hostile import Hostile, hostile_records
from tests.support.leads.records import topic_of
from training.simulator.live import live_events

RATE_PER_S = 40.0
CONCURRENT_LEADS = 60
REMEMBERED = 500
"""Events that may be sent again or held back."""

HOSTILE_POOL = 2_000


class Traffic:
    """`tick` sends what is due; the faults of producers are methods."""

    def __init__(self, journal: Journal, seed: int) -> None:
        self.journal = journal
        self._rng = random.Random(f"traffic {seed}")
        self._started_s = time.monotonic()
        self._due = live_events(
            seed, start=datetime.now(UTC), rate_per_s=RATE_PER_S, concurrent=CONCURRENT_LEADS
        )
        self._next = next(self._due)
        self._sent: deque[EventBase] = deque(maxlen=REMEMBERED)
        self._held_back: list[EventBase] = []
        self._n_to_hold = 0
        self._n_told = 0
        self._poison: Iterator[Hostile] = iter(())

    def tick(self) -> None:
        while self._next.after_s <= time.monotonic() - self._started_s:
            self._take(self._next.event)
            self._next = next(self._due)

    def repeat(self, n: int) -> None:
        """A producer without idempotence retries: the same events at new offsets."""
        for event in self._rng.sample(list(self._sent), min(n, len(self._sent))):
            self.journal.send([event])

    def tell_on_both_topics(self, n: int) -> None:
        """A transcript and a message of each of up to `n` leads, all at the same time."""
        leads = {event.key: event for event in self._sent}
        for event in self._rng.sample(list(leads.values()), min(n, len(leads))):
            self._n_told += 1
            at = datetime.now(UTC)
            base = {
                "source": "chaos",
                "tenant": event.tenant,
                "lead": event.lead,
                "occurred_at": at,
            }
            said = Segment(role=Role.CUSTOMER, start_s=0.0, end_s=4.0, text="I will think about it")
            message = InteractionLogged.model_validate(
                {**base, "id": f"message-{self._n_told}", "channel": Channel.MESSAGE}
            )
            call = TranscriptReady.model_validate(
                {
                    **base,
                    "id": f"transcript-{self._n_told}",
                    "call_id": f"call-{self._n_told}",
                    "started_at": at,
                    "segments": (said,),
                }
            )
            self.journal.send([message, call])

    def probe(self) -> None:
        """An event on every partition it knows one for; returns when all are acknowledged."""
        newest = {
            (topic_of(e), partition_for(str(e.key).encode(), N_PARTITIONS)): e for e in self._sent
        }
        self.journal.send(newest.values())
        self.journal.flush()

    def hold_back(self, n: int) -> None:
        """The next `n` events come later and in another order."""
        self._n_to_hold = n

    def let_go(self) -> None:
        self._n_to_hold = 0
        self._rng.shuffle(self._held_back)
        self.journal.send(self._held_back)
        self._held_back = []

    def poison(self, topic: str, n: int) -> None:
        for _ in range(n):
            record = next(self._poison, None)
            if record is None:
                seed = self._rng.randrange(1_000_000)
                self._poison = hostile_records(
                    seed, HOSTILE_POOL, topic, n_partitions=N_PARTITIONS, huge_bytes=1
                )
                record = next(self._poison)
            self.journal.send_raw(topic, record.key, record.value, record.headers, record.partition)

    def oversize(self) -> None:
        """A transcript over the limit, of a lead that exists."""
        event = self._sent[-1] if self._sent else self._next.event
        key, _, headers = encode(event)
        huge = b'{"call_id":"' + b"x" * MAX_RECORD_BYTES + b'"}'
        self.journal.send_raw(ASR_TRANSCRIPTS.name, key, huge, headers)

    def finish(self) -> None:
        self.let_go()
        self.journal.flush()

    def _take(self, event: EventBase) -> None:
        if self._n_to_hold:
            self._n_to_hold -= 1
            self._held_back.append(event)
            return
        self.journal.send([event])
        self._sent.append(event)


TOPICS = (CRM_EVENTS.name, ASR_TRANSCRIPTS.name)
