"""All roles over one store in one thread, a step at a time, with a clock that tests move.

Nothing here is a mock: the output log is a second `Output`, the engine a second `Engine`, the
shelf hands out scorers that need no folder.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

import pytest
from pydantic_core import from_json

from schemas.codec import Record
from schemas.events import EventBase
from schemas.outputs import Promotion, RankUpdate, Score
from schemas.partitioner import partition_for
from schemas.topics import CRM_EVENTS, RANKED, SCORES
from scoring.artifact import ArtifactError
from scoring.lead.state_bytes import state_hash
from scoring.score import Scorer
from streams.artifact_shelf import Shelf
from streams.ingest.batch import Batch, Conditions, apply_batch
from streams.kafka.producer import OutRecord
from streams.oracle.oracle import all_leads
from streams.publish.board_snapshots import Snapshots
from streams.publish.leases import ShardLeases
from streams.publish.promotions import Promoted, Promotions
from streams.publish.publisher import Publisher, PublisherConfig, Step
from streams.publish.records import ORDER_HEADER
from streams.publish.state_snapshots import StateSnapshots
from streams.publish.sweep import Sweep
from streams.score.leases import WorkLeases
from streams.score.reasons import DEFAULT_SHARE
from streams.score.worker import ScoreWorker, ScoreWorkerConfig
from streams.store.board import board_of
from streams.store.contract import LeadView, Store
from streams.waiting import Patience
from tests.support.deaths import Checkpoint, survives
from tests.support.engines.engines import rule_scorer
from tests.support.leads.records import NOW_MS, record_of


@dataclass
class Clock:
    """Milliseconds since 1970 for the store, seconds for the roles: one time."""

    ms: int = NOW_MS + 1_000_000

    def now_ms(self) -> int:
        return self.ms

    def now_s(self) -> float:
        return self.ms / 1000

    def advance(self, ms: int) -> None:
        self.ms += ms


@dataclass
class LogOutput:
    """Implements `streams.kafka.producer.Output` as lists in memory; `ranked` reads what a
    compacted topic would keep."""

    records: list[OutRecord] = field(default_factory=list)

    def deliver(self, records: Sequence[OutRecord]) -> None:
        self.records.extend(records)

    def of(self, topic: str, lead: str | None = None) -> list[OutRecord]:
        return [r for r in self.records if r.topic == topic and lead in (None, r.key.decode())]

    def scores(self, lead: str) -> list[Score]:
        return [Score.model_validate_json(r.value or b"") for r in self.of(SCORES.name, lead)]

    def ranked(self, lead: str) -> RankUpdate | None:
        """The last record of the lead; None is a tombstone or nothing."""
        found = self.of(RANKED.name, lead)
        if not found or found[-1].value is None:
            return None
        return RankUpdate.model_validate_json(found[-1].value)


QUIET_ROUNDS = 3
"""Roles look at promotions every half second, which is two rounds."""


def order_of(record: OutRecord) -> list[int]:
    return [int(part) for part in from_json(dict(record.headers)[ORDER_HEADER])]


def never_hangs(sentence: str) -> NoReturn:
    pytest.fail(sentence)


class Roles:
    """One deployment. `scorers` are the artifacts every worker can load."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        n_shards: int = 1,
        scorers: Sequence[Scorer] = (),
        output: LogOutput | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.n_shards = n_shards
        self.scorers = {s.digest: s for s in scorers or [rule_scorer()]}
        self.output = output or LogOutput()
        self.promotions: list[Promoted] = []
        self.log: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self.events: dict[tuple[str, int, int], EventBase] = {}
        self.leases: dict[str, WorkLeases] = {}
        self.stop = threading.Event()
        self.reason_share = DEFAULT_SHARE
        store.partitions(n_shards)

    def ingest(self, *events: EventBase) -> None:
        """Appends to the log and applies what of it the store has not applied yet."""
        for event in events:
            self.append(event)
        self.catch_up()

    def append(self, event: EventBase) -> None:
        unplaced = record_of(event, 0, n_partitions=self.n_shards)
        records = self.log[unplaced.topic, unplaced.partition]
        self.events[unplaced.topic, unplaced.partition, len(records)] = event
        records.append(record_of(event, len(records), n_partitions=self.n_shards))

    def catch_up(self) -> None:
        for topic, partition in self.log:
            self.apply(topic, partition)

    def apply(
        self,
        topic: str,
        partition: int,
        n_records: int = 1_000_000,
        checkpoint: Checkpoint = survives,
    ) -> None:
        """What of the log the store has not applied yet, at most `n_records`."""
        frontier = self.store.frontier(partition).get(topic, -1)
        records = self.log[topic, partition][frontier + 1 :][:n_records]
        if records:
            never = threading.Event()
            under = Conditions(self.store, self.n_shards, 5.0, never, never, checkpoint)
            apply_batch(Batch(topic, partition, frontier, records), under)

    def promote(self, artifact: str = "rule-1", tenant: str = "*") -> None:
        """Appends to `leads.promotions` and, as a publisher would, copies it into every shard."""
        promoted_at = datetime.fromtimestamp(self.clock.now_s(), UTC)
        promotion = Promotion(tenant=tenant, artifact=artifact, promoted_at=promoted_at)
        self.promotions.append(Promoted(len(self.promotions), promotion))

    def copied(self) -> None:
        """Has the promotions copied: a worker elsewhere has loaded them all, and ends."""
        loaded = {promotion.artifact for _, promotion in self.promotions}
        self.store.beat("elsewhere", "score", loaded, ())
        promotions = Promotions(
            self.store, self.n_shards, self.promotion_reader(), self.clock.now_s
        )
        for shard in range(self.n_shards):
            promotions.soon(shard)
        promotions.step(range(self.n_shards))
        self.store.retire("elsewhere")

    def promotion_reader(self) -> Callable[[], list[Promoted]]:
        position = [0]

        def read() -> list[Promoted]:
            found = self.promotions[position[0] :]
            position[0] += len(found)
            return found

        return read

    def worker(
        self,
        name: str = "w1",
        checkpoint: Checkpoint = survives,
        *,
        lacks: Sequence[str] = (),
        hung: Callable[[str], NoReturn] = never_hangs,
    ) -> ScoreWorker:
        config = self.worker_config(name)
        leases = WorkLeases(
            self.store, name, config.lease_ms, config.engine_timeout_s, hung, self.clock.now_s
        )

        self.leases[name] = leases

        def load(digest: str) -> Scorer:
            if digest not in self.scorers or digest in lacks:
                raise ArtifactError(f"no artifact {digest} here")
            return self.scorers[digest]

        return ScoreWorker(
            config,
            self.store,
            Shelf(load, self.clock.now_s),
            leases,
            Patience(self.stop, config.patience_s, self.clock.now_s),
            checkpoint,
            self.clock.now_s,
        )

    def worker_config(self, name: str) -> ScoreWorkerConfig:
        return ScoreWorkerConfig(
            open_store=lambda: self.store,
            worker=name,
            n_shards=self.n_shards,
            artifact_dirs=(),
            patience_s=5.0,
            reason_share=self.reason_share,
        )

    def publisher(
        self,
        name: str = "p1",
        checkpoint: Checkpoint = survives,
        *,
        sweep_every_s: float = 60.0,
        state_every_s: float = 1e9,
    ) -> Publisher:
        config = PublisherConfig("", lambda: self.store, name, self.n_shards)
        now_s = self.clock.now_s
        leases = ShardLeases(self.store, name, self.n_shards, config.lease_ms, now_s)
        return Publisher(
            leases,
            Promotions(self.store, self.n_shards, self.promotion_reader(), now_s),
            Sweep(self.store, self.output, sweep_every_s, now_s),
            Snapshots(self.store, self.output, name, config.snapshot_every_s, sweep_every_s, now_s),
            StateSnapshots(self.store, state_every_s, now_s),
            Step(self.store, self.output, config.batch, checkpoint, leases.keep),
        )

    def publisher_step(self) -> Step:
        return Step(self.store, self.output)

    def broken_record(self) -> Record:
        """Appends a record of shard 0 that is no event."""
        records = self.log[CRM_EVENTS.name, 0]
        records.append(Record(CRM_EVENTS.name, 0, len(records), NOW_MS, b"acme/a", b"{", ()))
        return records[-1]

    def settle(self, worker: ScoreWorker, publisher: Publisher, *, rounds: int = 200) -> None:
        """Until no role has anything to do; time passes so that leases and sweeps come due."""
        idle = 0
        for _ in range(rounds):
            worked = worker.step()
            worked = publisher.step() or worked
            idle = 0 if worked or self._is_taking_up() else idle + 1
            if idle > QUIET_ROUNDS:
                return
            self.clock.advance(250)
        pytest.fail(f"not quiet after {rounds} rounds")

    def _is_taking_up(self) -> bool:
        """Whether a promotion is still on its way into the shards: it was just made, or a worker
        has loaded it."""
        announced = self.store.announced()
        loaded = {artifact for beat in self.store.beats() for artifact in beat.loaded}
        return any(
            promotion.tenant not in announced
            or announced[promotion.tenant][0] < number
            or (
                promotion.artifact in loaded
                and any(
                    self.store.promoted(shard).get(promotion.tenant, (-1, ""))[0] < number
                    for shard in range(self.n_shards)
                )
            )
            for number, promotion in self.promotions
        )

    def lead(self, lead: str) -> LeadView:
        return self.store.lead(partition_for(lead.encode(), self.n_shards), lead)

    def standing(self) -> dict[str, list[str]]:
        """Lead -> the boards it stands on."""
        found: dict[str, list[str]] = defaultdict(list)
        for queue in self.store.queues():
            for row in self.store.board(queue, 10_000).rows:
                found[row.lead].append(queue)
        return dict(found)

    def differences(self) -> list[str]:
        """What a quiet deployment must not show: (c) and (d) of the oracle."""
        found = []
        standing = self.standing()
        views = all_leads(self.store, self.n_shards)
        for view in views:
            wanted = [board_of(view.lead, view.queue)] if view.queue else []
            if standing.get(view.lead, []) != wanted:
                found.append(f"{view.lead} stands in {standing.get(view.lead)}, not {wanted}")
            found += self._score_differences(view) if view.queue else []
            found += self._ranked_differences(view, wanted)
        found += [f"{lead} is on a board, in no shard" for lead in standing.keys() - _names(views)]
        return found

    def _score_differences(self, view: LeadView) -> list[str]:
        if view.dirty:
            return [f"{view.lead} is dirty"]
        scores = self.output.scores(view.lead)
        last = max(scores, key=lambda s: (s.order.promotion, s.order.version, s.order.as_of))
        if last.state_hash != state_hash(view.stored.state or b""):
            return [f"{view.lead}: its last score is not of its last state"]
        return []

    def _ranked_differences(self, view: LeadView, wanted: list[str]) -> list[str]:
        update = self.output.ranked(view.lead)
        said = [f"{update.tenant}/{update.queue}"] if update else []
        if said != wanted:
            return [f"{view.lead}: leads.ranked ends with {said}, not {wanted}"]
        return []


def _names(views: Sequence[LeadView]) -> set[str]:
    return {view.lead for view in views}


def started(store: Store, clock: Clock) -> Roles:
    """One shard, with `rule-1` promoted."""
    roles = Roles(store, clock)
    roles.promote()
    roles.copied()
    return roles
