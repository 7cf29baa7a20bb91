"""Makes artifacts live: reads `leads.promotions`, announces what it finds to the workers,
and copies it into every shard once one of them can serve it.

The number of a promotion is the offset of its record, so that no failover can hand it out twice.
Runs inside the publisher, one small step at a time; `asllr promote` calls `publish_promotion`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from time import monotonic
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from pydantic import ValidationError

from schemas.outputs import Promotion
from schemas.topics import PROMOTIONS
from streams import exit_codes
from streams.store.contract import Store
from streams.waiting import RoleStopped

log = logging.getLogger(__name__)

SLACK_MS = 600_000
"""Rescoring for a promotion waits behind whatever happens in the meantime."""

CHUNK = 500

MAX_WAITING = 8
"""How many promotions of one tenant are remembered that nobody has loaded yet: the newest of them
that somebody has is taken."""

LOOK_EVERY_S = 0.5
"""How long it may go unnoticed that a worker has loaded what waits."""


class Promoted(NamedTuple):
    offset: int
    promotion: Promotion


class Promotions:
    """Makes promotions live: copies each into the shards once a worker has loaded its artifact.
    Until then its tenant keeps the one before. `read` returns what was appended to the log since it
    was last called."""

    def __init__(
        self,
        store: Store,
        n_shards: int,
        read: Callable[[], Sequence[Promoted]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._n_shards = n_shards
        self._read = read
        self._clock = clock
        self._newest: dict[str, Promoted] = {}
        self._unannounced: set[str] = set()
        self._waiting: dict[str, list[Promoted]] = {}
        self._next_look_s = clock()
        self._live: dict[str, Promoted] = {}
        self._uncopied: set[int] = set()
        self._touching: dict[int, int] = {}

    def soon(self, shard: int) -> None:
        """Has promotions copied and leads touched again: the shard was just taken, or its store
        went back."""
        self._uncopied.add(shard)
        self._touching[shard] = 0
        self._unannounced |= self._newest.keys()

    def step(self, held: Collection[int]) -> None:
        for promoted in self._read():
            tenant = promoted.promotion.tenant
            log.info(
                "promoted tenant=%s artifact=%s promotion=%d",
                tenant,
                promoted.promotion.artifact,
                promoted.offset,
            )
            self._newest[tenant] = promoted
            self._unannounced.add(tenant)
            self._waiting[tenant] = [*self._waiting.get(tenant, []), promoted][-MAX_WAITING:]
            self._next_look_s = self._clock()
        for tenant in sorted(self._unannounced):
            offset, promotion = self._newest[tenant]
            self._store.announce(tenant, offset, promotion.artifact)
            self._unannounced.discard(tenant)
        if self._waiting and self._clock() >= self._next_look_s:
            self._take_up(held)
            self._next_look_s = self._clock() + LOOK_EVERY_S
        for shard in sorted(self._uncopied):
            self._copy(shard)
            self._uncopied.discard(shard)
        for shard in sorted(self._touching.keys() & set(held)):
            self._touch_chunk(shard)

    def _take_up(self, held: Collection[int]) -> None:
        """Of what waits takes what a worker has loaded, and what is live in a shard already:
        another publisher took it, and no shard must stay behind."""
        loaded = {artifact for beat in self._store.beats() for artifact in beat.loaded}
        shards = [self._store.promoted(shard) for shard in range(self._n_shards)]
        for tenant, waiting in [*self._waiting.items()]:
            live = max((shard[tenant][0] for shard in shards if tenant in shard), default=-1)
            taken = [p for p in waiting if p.promotion.artifact in loaded or p.offset <= live]
            if not taken:
                continue
            newest = taken[-1]
            log.info("promotion_taken_up tenant=%s promotion=%d", tenant, newest.offset)
            self._live[tenant] = newest
            self._waiting[tenant] = [p for p in waiting if p.offset > newest.offset]
            if not self._waiting[tenant]:
                del self._waiting[tenant]
            self._uncopied |= set(range(self._n_shards))
            self._touching |= dict.fromkeys(held, 0)

    def _copy(self, shard: int) -> None:
        for tenant, (offset, promotion) in self._live.items():
            self._store.promote(shard, tenant, offset, promotion.artifact)

    def _touch_chunk(self, shard: int) -> None:
        cursor, views = self._store.leads(shard, self._touching[shard], CHUNK)
        self._store.touch(shard, [view.lead for view in views], SLACK_MS)
        if cursor:
            self._touching[shard] = cursor
        else:
            del self._touching[shard]


class PromotionLog:
    """Reads `leads.promotions` from its beginning, without a consumer group: every process reads
    all of it."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "asllr-promotions-reader",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "fetch.wait.max.ms": 100,
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(PROMOTIONS.name, 0, OFFSET_BEGINNING)])

    def read(self) -> list[Promoted]:
        """Returns the promotions that came since the last call, without waiting. Skips, and says
        so, what is not a promotion."""
        promoted = []
        for message in self._consumer.consume(100, timeout=0):
            error = message.error()
            if error is not None:
                if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise RoleStopped(
                        exit_codes.UNUSABLE,
                        f"topic {PROMOTIONS.name} does not exist; run `asllr topics create`",
                    )
                log.warning("promotions_unread error=%s", error.str())
                continue
            offset, value = message.offset(), message.value()
            if value is None or offset is None:
                continue
            promotion = parse_promotion(value)
            if promotion is None:
                log.error("promotion_unreadable offset=%d", offset)
            else:
                promoted.append(Promoted(offset, promotion))
        return promoted

    def close(self) -> None:
        self._consumer.close()


def parse_promotion(value: bytes | str | None) -> Promotion | None:
    """Reads a record's value; None where it is not a promotion."""
    try:
        return None if value is None else Promotion.model_validate_json(value)
    except ValidationError:
        return None


def publish_promotion(
    bootstrap_servers: str, promotion: Promotion, patience_s: float = 30.0
) -> int:
    """Appends the record; returns its offset, the promotion's number."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": int(patience_s * 1000),
            "log_level": 2,
        }
    )
    done = threading.Event()
    offsets: list[int | None] = []
    errors: list[KafkaError] = []

    def report(error: KafkaError | None, message: object) -> None:
        errors.extend([error] if error else [])
        offsets.append(getattr(message, "offset", lambda: None)())
        done.set()

    producer.produce(
        PROMOTIONS.name,
        key=promotion.tenant.encode(),
        value=promotion.model_dump_json().encode(),
        partition=0,
        on_delivery=report,
    )
    while not done.is_set():
        producer.poll(0.1)
    if errors or offsets[0] is None:
        raise RoleStopped(exit_codes.AWAY, f"the promotion was not written: {errors[0].str()}")
    return offsets[0]
