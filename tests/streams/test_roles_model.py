"""All roles at random over the memory store: they interleave, die between any two steps, are paused
and overtaken, shards and boards go back in time. Whatever happened, once it is quiet the oracle
holds.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from schemas.events import EventBase
from schemas.outputs import Score
from schemas.topics import SCORES
from scoring.calibration import probability
from scoring.lead.fold import evolve, initial_state, listing
from scoring.lead.history import history_of
from scoring.lead.state_bytes import state_hash, to_bytes
from scoring.score import prepare
from streams.ingest.batch import IngestStopped
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import state_differences
from streams.store.memory_store import MemoryStore
from tests.support.deaths import Checkpoint, Died, acts_at, dies_at
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.forgetting import remember_all, remember_boards, remember_shards
from tests.support.leads.lead_events import clicks, closes, erased, joins, reopens, talks, writes
from tests.support.roles import Clock, Roles

N_SHARDS = 2
LEADS = ("a", "b", "c", "d")
WORK_STEPS = ("claimed", "prepared", "engine-ran", "built", "completed")
INGEST_STEPS = ("decoded", "read", "folded", "committed")
PUBLISH_STEPS = ("read", "removed", "added", "placed", "delivered", "deleted")
KINDS: tuple[Callable[[int, str], EventBase], ...] = (
    lambda i, lead: joins(i, "north", lead),
    lambda i, lead: joins(i, "south", lead),
    lambda i, lead: clicks(i, lead),
    lambda i, lead: writes(i, lead),
    lambda i, lead: talks(i, "the price is fine", lead),
    lambda i, lead: closes(i, lead),
    lambda i, lead: reopens(i, lead),
    lambda i, lead: erased(i, lead),
)
COMMON = (0, 0, 1, 1, 2, 3, 3, 4, 5, 6)
"""Indices of KINDS; erasing is rarer, it ends a lead's story."""

MEANWHILE = st.sampled_from(
    ["nothing", "dies", "ingest", "time", "work", "publish", "promote", "event", "go-back"]
)


class Deployment(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        clock = Clock()
        scorers = [rule_scorer(), rule_scorer(RuleEngine(bias=0.4), "rule-2")]
        self.roles = Roles(MemoryStore(clock.now_ms), clock, N_SHARDS, scorers)
        self.n_events = 0
        self.n_processes = 0
        self.go_back: Callable[[], None] | None = None
        """To what a backup holds."""

        self.is_excused = False
        """Something happened that may repeat records or let an order go back."""

    @initialize()
    def begin(self) -> None:
        self.roles.promote()
        self.workers = [self.roles.worker(self.name("w")) for _ in range(2)]
        self.publishers = [self.roles.publisher(self.name("p")) for _ in range(2)]
        for lead in LEADS[:2]:
            self.append(joins(self.n_events, "north", lead))
        self.roles.catch_up()
        self.roles.settle(self.workers[0], self.publishers[0])

    def name(self, kind: str) -> str:
        self.n_processes += 1
        return f"{kind}{self.n_processes}"

    def append(self, event: EventBase) -> None:
        self.roles.append(event)
        self.n_events += 1

    @rule(lead=st.sampled_from(LEADS), kinds=st.lists(st.sampled_from(COMMON), min_size=1))
    def events(self, lead: str, kinds: list[int]) -> None:
        for kind in kinds:
            self.append(KINDS[kind](self.n_events, lead))
        self.roles.catch_up()

    @rule(lead=st.sampled_from(LEADS))
    def erase(self, lead: str) -> None:
        self.append(erased(self.n_events, lead))

    @rule(lead=st.sampled_from(LEADS), kind=st.sampled_from(COMMON))
    def event_waits(self, lead: str, kind: int) -> None:
        self.append(KINDS[kind](self.n_events, lead))

    @rule(n=st.integers(1, 4))
    def ingest(self, n: int) -> None:
        for topic, partition in list(self.roles.log):
            self.roles.apply(topic, partition, n)

    @rule()
    def back_up(self) -> None:
        self.go_back = remember_all(self.roles.store)

    @rule(
        which=st.integers(0, 2 * N_SHARDS - 1),
        n=st.integers(1, 4),
        lead=st.sampled_from(LEADS),
        kinds=st.lists(st.sampled_from((*COMMON, 7)), min_size=1, max_size=3),
        at=st.sampled_from(INGEST_STEPS),
        meanwhile=st.lists(MEANWHILE, min_size=1, max_size=4),
    )
    def troubled_ingest(
        self, which: int, n: int, lead: str, kinds: list[int], at: str, meanwhile: list[str]
    ) -> None:
        """A worker that dies, or is overtaken between reading and writing and wakes up."""
        for kind in kinds:
            self.append(KINDS[kind](self.n_events, lead))
        places = sorted(self.roles.log)
        topic, partition = places[which % len(places)]
        checkpoint = self.trouble(at, meanwhile)
        self.until_death(lambda: self.roles.apply(topic, partition, n, checkpoint))

    @rule(ms=st.sampled_from([50, 300, 1_500, 5_000, 10_000, 61_000, 86_400_000]))
    def time(self, ms: int) -> None:
        self.roles.clock.advance(ms)

    @rule(artifact=st.sampled_from(["rule-1", "rule-2", "nobody-has-it"]))
    def promote(self, artifact: str) -> None:
        self.roles.promote(artifact)

    @rule(i=st.integers(0, 1))
    def work(self, i: int) -> None:
        while self.workers[i].step():
            pass

    @rule(i=st.integers(0, 1))
    def publish(self, i: int) -> None:
        while self.publishers[i].step():
            pass

    @rule(
        lead=st.sampled_from(LEADS),
        kind=st.sampled_from(COMMON),
        at=st.sampled_from(WORK_STEPS),
        meanwhile=st.lists(MEANWHILE, min_size=1, max_size=4),
    )
    def troubled_work(self, lead: str, kind: int, at: str, meanwhile: list[str]) -> None:
        self.events(lead, [kind])
        worker = self.roles.worker(self.name("w"), self.trouble(at, meanwhile))
        self.until_death(worker.step)

    @rule(
        lead=st.sampled_from(LEADS),
        kinds=st.lists(st.sampled_from(COMMON), min_size=1, max_size=3),
        at=st.sampled_from(PUBLISH_STEPS),
        meanwhile=st.lists(MEANWHILE, min_size=1, max_size=4),
    )
    def troubled_publish(self, lead: str, kinds: list[int], at: str, meanwhile: list[str]) -> None:
        self.is_excused = True
        for kind in kinds:
            self.events(lead, [kind])
            self.work(0)
        self.roles.clock.advance(5_000)
        publisher = self.roles.publisher(self.name("p"), self.trouble(at, meanwhile))
        self.until_death(publisher.step)

    @rule(
        lead=st.sampled_from(LEADS),
        what=st.sampled_from([remember_shards, remember_boards, remember_all]),
        lost=st.lists(st.sampled_from(COMMON), min_size=1, max_size=3),
        unseen=st.lists(st.sampled_from(COMMON), max_size=2),
    )
    def forget(
        self, lead: str, what: Callable[..., Callable[[], None]], lost: list[int], unseen: list[int]
    ) -> None:
        """A node goes back by what was done in between, and the log has gone on."""
        self.is_excused = True
        go_back = what(self.roles.store)
        self.events(lead, lost)
        self.work(0)
        self.roles.clock.advance(5_000)
        self.publish(1)
        go_back()
        self.events(lead, unseen)

    def trouble(self, at: str, meanwhile: list[str]) -> Checkpoint:
        if "dies" in meanwhile:
            return dies_at(at)
        return acts_at(at, lambda: self.act(meanwhile))

    def act(self, meanwhile: list[str]) -> None:
        for what in meanwhile:
            self.act_once(what)

    def act_once(self, what: str) -> None:
        match what:
            case "event":
                self.append(KINDS[self.n_events % 7](self.n_events, "a"))
            case "ingest":
                self.ingest(3)
            case "time":
                self.time(10_000)
            case "work":
                self.work(0)
            case "publish":
                self.publish(0)
            case "promote":
                self.promote("rule-2")
            case "go-back" if self.go_back:
                self.is_excused = True
                self.go_back()
                self.go_back = None

    @staticmethod
    def until_death(step: Callable[[], object]) -> None:
        try:
            step()
        except (Died, IngestStopped):
            return

    @invariant()
    def every_score_is_a_recomputation(self) -> None:
        """(b), for what was published since the last look."""
        for record in self.roles.output.of(SCORES.name)[self.n_checked :]:
            self.check(Score.model_validate_json(record.value or b""))
            self.n_checked += 1

    n_checked = 0

    def check(self, score: Score) -> None:
        state = initial_state()
        lead = f"{score.tenant}/{score.lead}"
        for (topic, _), records in self.roles.log.items():
            for record in records[: score.cursor.get(topic, -1) + 1]:
                if (record.key or b"").decode() == lead:
                    event = self.roles.events[record.topic, record.partition, record.offset]
                    state = evolve(state, event)
        assert state_hash(to_bytes(state)) == score.state_hash
        scorer = self.roles.scorers[score.artifact]
        as_of_ms = int(score.order.as_of.timestamp() * 1000)
        (logit,) = scorer.engine.logits([prepare(history_of(state), as_of_ms, scorer.spec)])
        assert score.probability == probability(logit, scorer.calibration)

    def teardown(self) -> None:
        roles = self.roles
        if not roles.promotions:
            return
        roles.catch_up()
        roles.clock.advance(61_000)
        worker, publisher = roles.worker("last-w"), roles.publisher("last-p")
        roles.settle(worker, publisher, rounds=2_000)
        roles.clock.advance(61_000)
        roles.settle(worker, publisher, rounds=2_000)
        log = [record for records in roles.log.values() for record in records]
        folded = fold_log(log, N_SHARDS)
        assert list(state_differences(folded, roles.store, N_SHARDS)) == []
        assert roles.differences() == []
        for name, lead in folded.leads.items():
            assert (name in roles.standing()) == (listing(lead.state).queue is not None)
        self.every_score_is_a_recomputation()
        if not self.is_excused:
            self.no_order_goes_back()

    def no_order_goes_back(self) -> None:
        """(e), where nothing explains it."""
        for lead in LEADS:
            orders = [score.order for score in self.roles.output.scores(f"acme/{lead}")]
            found = [(o.promotion, o.version, o.as_of) for o in orders]
            assert found == sorted(set(found))


TestDeployment = pytest.mark.slow(Deployment.TestCase)
TestDeployment.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
