"""A whole deployment for a test: ingest, score and publish as processes, on given servers.

What it publishes is read all the while, for the embedded broker forgets that as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import redis

from schemas.codec import Record
from schemas.events import EventBase
from schemas.outputs import Promotion
from schemas.topics import INPUTS
from streams.oracle.oracle import OracleInput
from streams.oracle.output_reader import OutputReader
from streams.publish.promotions import publish_promotion
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.engines import rule_scorer
from tests.support.harness import Fleet, Journal
from tests.support.role_process import RoleSpec

ROLES = ("ingest", "score", "publish")
SCORER = rule_scorer()
"""What the score role of `tests.support.role_process` serves."""


@dataclass
class Live:
    store: RedisStore
    fleet: Fleet
    journal: Journal
    reader: OutputReader
    specs: Sequence[RoleSpec]
    outputs: list[Record] = field(default_factory=list)

    def start(self) -> None:
        for spec in self.specs:
            self.fleet.start(spec)

    def send(self, events: Sequence[EventBase], chunk: int = 2_000) -> None:
        """Returns when all is applied, scored and published. Waits for ingest after each `chunk`:
        the embedded broker keeps 5 MiB a partition."""
        for start in range(0, len(events), chunk):
            self.journal.send(events[start : start + chunk])
            self.until_applied()
        self.until_quiet()

    def until_applied(self) -> None:
        self.journal.flush()
        self.fleet.tend_until(self._is_applied, f"{len(self.journal.records)} applied", 120)

    def until_quiet(self) -> None:
        self.fleet.tend_until(self._is_quiet, "nothing left to score or to publish", 240)

    def stop(self) -> list[int]:
        """The exit codes of all roles, after SIGTERM; everything they published is in `outputs`."""
        codes = [self.fleet.stop(role) for role in ROLES]
        while not self.reader.is_at_end():
            self.outputs += self.reader.read(0.2)
        return codes

    @property
    def evidence(self) -> OracleInput:
        return OracleInput(self.journal.records, self.outputs)

    def _is_applied(self) -> bool:
        self.outputs += self.reader.read(0.01)
        frontiers = [self.store.frontier(shard) for shard in range(N_PARTITIONS)]
        # A rebuild leaves a frontier of leads.state as well.
        n_applied = sum(one.get(topic.name, -1) + 1 for one in frontiers for topic in INPUTS)
        return n_applied >= len(self.journal.records)

    def _is_quiet(self) -> bool:
        self.outputs += self.reader.read(0.01)
        shards = range(N_PARTITIONS)
        if any(self.store.dirty_count(s) or self.store.outbox_size(s) for s in shards):
            return False
        return not any(self.store.board(queue, 0).n_held for queue in self.store.queues())


@contextmanager
def live_deployment(
    broker: str,
    redis_url: str,
    tmp_path: Path,
    *,
    state_every_s: float = 3_600.0,
    artifacts: Path | None = None,
    live: str = SCORER.digest,
) -> Iterator[Live]:
    """`live`: the artifact promoted first, one of `artifacts` where these are given."""
    now = datetime.now(UTC)
    publish_promotion(broker, Promotion(tenant="*", artifact=live, promoted_at=now))
    with (
        redis.Redis.from_url(redis_url) as client,
        closing(OutputReader(broker)) as reader,
        Fleet(tmp_path) as fleet,
    ):
        specs = [
            RoleSpec(
                role,
                role,
                broker,
                redis_url,
                N_PARTITIONS,
                group=tmp_path.name,
                state_every_s=state_every_s,
                artifacts=str(artifacts or ""),
            )
            for role in ROLES
        ]
        deployed = Live(RedisStore(client), fleet, Journal(broker), reader, specs)
        deployed.start()
        yield deployed
