"""A chaos run: servers, roles, traffic; rounds of faults, each followed by recovery; the oracle."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pytest
import redis

from schemas.outputs import Promotion
from streams.exit_codes import CRASH
from streams.kafka.topic_reader import read_to_end
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import OracleInput, differences, state_differences
from streams.oracle.output_reader import OUTPUTS
from streams.oracle.outputs import Window, read_outputs
from streams.publish.promotions import publish_promotion
from streams.store.contract import StoreAway
from streams.store.redis_store import RedisStore
from tests.bench.stock_faust import losses
from tests.chaos.faults import (
    CLOCK_JUMPS_S,
    EXPLAIN_OLDER_ORDERS,
    ROLES,
    STOP_S,
    Fault,
    draw_round,
    faults_of,
)
from tests.chaos.servers import KafkaNode, RedisNode, temporary_folder, wait_for_clock
from tests.chaos.traffic import Traffic
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.engines import rule_scorer_of
from tests.support.harness import Fleet, Journal
from tests.support.role_process import RoleSpec

RECOVERY_LIMIT_S = 120.0
"""A deployment that needs longer has not recovered: the run ends, and that is a difference."""

REST_LIMIT_S = 300.0
IN_FLIGHT_MS = 10_000
"""How long after recovery a result may come that was claimed while Redis caught up."""

BACKLOG = 20
"""Leads and records: half a second of traffic."""

SNAPSHOT_EVERY = 7
"""Rounds. Restoring goes back by up to three snapshots."""

TICK_S = 0.02
FREEZE_AT = {"ingest": "read", "score": "engine-ran", "publish": "placed"}
"""Between reading the states and the commit, between claim and result, between the board's compare
and the send."""


@dataclass(slots=True)
class Outcome:
    """What a run found. `recovery_s`: per round, from the end of its last fault until events sent
    then, one to every input partition, and all before them were applied, and at most BACKLOG leads
    and records waited."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    events: int = 0
    scores: int = 0
    rescored: int = 0
    """Scores published more than once: repeats after a takeover or a rollback."""

    rewinds: int = 0
    """Ingest workers that found Redis behind their position and read again."""

    exits: Counter[int] = field(default_factory=Counter)
    recovery_s: list[float] = field(default_factory=list)
    went_back_ms: list[Window] = field(default_factory=list)
    """When Redis was older than what had been published from it."""

    oracle_differences: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    """Of our own processes, whatever they led to."""

    not_recovered: list[str] = field(default_factory=list)
    """What was waited for in vain, or which role gave up: of what is kept it says nothing."""

    stock_faust: dict[str, dict[str, int]] = field(default_factory=dict)
    """What stock Faust's agents lost of as many events, on the same broker."""

    seconds: float = 0.0
    clock_jumped: bool = False

    @property
    def differences(self) -> list[str]:
        return [*self.oracle_differences, *self.crashes, *self.not_recovered]


class NotRecovered(Exception):
    """The message says what was waited for."""


class Deployment:
    """`faults.World`, and the loop that keeps it going."""

    def __init__(self, folder: Path, seed: int, sweep_every_s: float, stack: ExitStack) -> None:
        self.folder = folder
        self.kafka = stack.enter_context(closing(KafkaNode(folder / "kafka")))
        self.redis = stack.enter_context(closing(RedisNode(folder / "redis")))
        self.spec = RoleSpec(
            "",
            "",
            self.kafka.address,
            self.redis.url,
            N_PARTITIONS,
            engine_timeout_s=2.0,
            sweep_every_s=sweep_every_s,
        )
        promotion = Promotion(tenant="*", artifact="rule-1", promoted_at=datetime.now(UTC))
        publish_promotion(self.kafka.address, promotion)
        logs = folder / "logs"
        logs.mkdir()
        self.logs = logs
        self.fleet = stack.enter_context(Fleet(logs))
        for role, n in ROLES.items():
            for i in range(n):
                member = f"{role}-{i}"
                spec = replace(self.spec, role=role, member=member, freeze_at=FREEZE_AT.get(role))
                self.fleet.start(spec)
        self.journal = Journal(self.kafka.address)
        self.traffic = Traffic(self.journal, seed)
        client = stack.enter_context(redis.Redis.from_url(self.redis.url))
        self.store = RedisStore(client)

    def live_until(self, condition: Callable[[], bool], what: str, within_s: float) -> None:
        """Events flow and dead processes are replaced until it is true. Raises NotRecovered."""
        deadline = time.monotonic() + within_s
        while not condition():
            self.tick()
            if time.monotonic() > deadline:
                raise NotRecovered(f"not within {within_s:.0f} s: {what}")

    def tick(self) -> None:
        self.traffic.tick()
        self.fleet.tend()
        time.sleep(TICK_S)

    def acknowledged(self) -> dict[tuple[str, int], int]:
        ends: dict[tuple[str, int], int] = {}
        for record in self.journal.records[-20_000:]:
            place = record.topic, record.partition
            ends[place] = max(ends.get(place, -1), record.offset)
        return ends

    def has_applied(self, ends: dict[tuple[str, int], int]) -> bool:
        try:
            frontiers = [self.store.frontier(shard) for shard in range(N_PARTITIONS)]
        except StoreAway:
            return False
        return all(frontiers[number].get(topic, -1) >= end for (topic, number), end in ends.items())

    def backlog(self) -> float:
        """Leads that wait for a score and records that wait for Kafka."""
        try:
            shards = range(N_PARTITIONS)
            return sum(self.store.dirty_count(s) + self.store.outbox_size(s) for s in shards)
        except StoreAway:
            return inf

    def is_quiet(self) -> bool:
        return self.backlog() == 0


def run_chaos(
    n_faults: int,
    seed: int,
    *,
    only: str = "",
    start_round: int = 0,
    sweep_every_s: float = 6.0,
    beside_stock: bool = False,
    keep_logs: Path | None = None,
    at_rest: Callable[[Deployment], None] = lambda world: None,
    say: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """At least `n_faults` faults whose kinds hold `only`. Raises what kept the servers away.
    `at_rest` is called when all is quiet and judged. `keep_logs`: where the processes' logs go
    when something differs."""
    outcome = Outcome(seed, rounds=start_round)
    folder = temporary_folder()
    started_s = time.monotonic()
    try:
        with ExitStack() as stack:
            world = Deployment(folder, seed, sweep_every_s, stack)
            outcome.clock_jumped = world.redis.clock_can_jump
            try:
                faults = faults_of(only, clock_can_jump=world.redis.clock_can_jump)
                _strike_all(world, outcome, n_faults, faults, say)
                _come_to_rest(world, sweep_every_s)
                for member in world.fleet.members:
                    world.fleet.stop(member, STOP_S)
                _judge(world, outcome)
                at_rest(world)
                if beside_stock:
                    outcome.stock_faust = losses(world.kafka.address)
            except (NotRecovered, pytest.fail.Exception) as error:
                # A role that gives up has not recovered either.
                outcome.not_recovered.append(f"in round {outcome.rounds}: {error}")
                _judge_states(world, outcome)
            outcome.events = len(world.journal.records)
            outcome.exits = world.fleet.ends
            _read_logs(world, outcome)
            if outcome.differences and keep_logs:
                shutil.copytree(world.logs, keep_logs, dirs_exist_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    outcome.seconds = time.monotonic() - started_s
    return outcome


def _strike_all(
    world: Deployment,
    outcome: Outcome,
    n_faults: int,
    kinds: Sequence[Fault],
    say: Callable[[Outcome], None],
) -> None:
    world.live_until(lambda: len(world.journal.records) > 100, "first events", 60)
    first = world.acknowledged()
    world.live_until(lambda: world.has_applied(first), "first events applied", RECOVERY_LIMIT_S)
    while outcome.faults.total() < n_faults:
        if outcome.rounds % SNAPSHOT_EVERY == 0:
            world.redis.take_snapshot()
        faults = draw_round(outcome.seed, outcome.rounds, kinds)
        rng = random.Random(f"{outcome.seed}:{outcome.rounds}:how")
        began_ms = time.time() * 1000
        _strike(world, faults, rng)
        struck_s = time.monotonic()
        world.traffic.probe()
        ends = world.acknowledged()
        names = ", ".join(fault.kind for fault in faults)
        world.live_until(
            lambda: world.has_applied(ends) and world.backlog() <= BACKLOG,  # noqa: B023 - at once
            f"recovery in round {outcome.rounds} from {names}",
            RECOVERY_LIMIT_S,
        )
        outcome.recovery_s.append(time.monotonic() - struck_s)
        if any(fault.kind in EXPLAIN_OLDER_ORDERS for fault in faults):
            outcome.went_back_ms.append((int(began_ms), int(time.time() * 1000) + IN_FLIGHT_MS))
        outcome.faults.update(fault.kind for fault in faults)
        outcome.rounds += 1
        say(outcome)


def _strike(world: Deployment, faults: list[Fault], rng: random.Random) -> None:
    """Side by side, each at its own pace."""
    running: list[tuple[float, Iterator[float]]] = [
        (0.0, fault.strike(world, random.Random(rng.random()))) for fault in faults
    ]
    while running:
        now_s = time.monotonic()
        later: list[tuple[float, Iterator[float]]] = []
        for at_s, strike in running:
            if at_s > now_s:
                later.append((at_s, strike))
            elif (pause_s := next(strike, None)) is not None:
                later.append((time.monotonic() + pause_s, strike))
        running = later
        world.tick()


def _come_to_rest(world: Deployment, sweep_every_s: float) -> None:
    world.redis.set_clock(0)
    world.traffic.finish()
    world.traffic.tick = lambda: None
    ends = world.acknowledged()
    world.live_until(lambda: world.has_applied(ends), "everything applied", REST_LIMIT_S)
    with world.redis.client() as client:
        wait_for_clock(
            client, time.time() + max(CLOCK_JUMPS_S) if world.redis.clock_can_jump else 0
        )
    world.live_until(world.is_quiet, "nothing left to do", REST_LIMIT_S)
    # Nobody is wrong for longer than a sweep: it gets the time of one.
    swept_s = time.monotonic() + 1.5 * sweep_every_s
    world.live_until(
        lambda: time.monotonic() > swept_s and world.is_quiet(), "a sweep", REST_LIMIT_S
    )


def _judge(world: Deployment, outcome: Outcome) -> None:
    outputs = [
        record for topic in OUTPUTS for record in read_to_end(world.kafka.address, topic.name)
    ]
    published = read_outputs(outputs)
    orders = [(s.tenant, s.lead, s.order) for found in published.scores.values() for s in found]
    outcome.scores = len(orders)
    outcome.rescored = len(orders) - len({repr(order) for order in orders})
    evidence = OracleInput(world.journal.records, outputs)
    outcome.oracle_differences += differences(
        evidence,
        world.store,
        N_PARTITIONS,
        rule_scorer_of,
        excused=outcome.went_back_ms,
    )


def _judge_states(world: Deployment, outcome: Outcome) -> None:
    """Of a deployment that did not come to rest: is what was applied until now its log's fold?"""
    for member in world.fleet.members:
        world.fleet.kill(member)
    try:
        world.traffic.finish()
        frontiers = [world.store.frontier(shard) for shard in range(N_PARTITIONS)]
        applied = [
            record
            for record in world.journal.records
            if record.offset <= frontiers[record.partition].get(record.topic, -1)
        ]
        folded = fold_log(applied, N_PARTITIONS)
        outcome.oracle_differences += state_differences(folded, world.store, N_PARTITIONS)
    except (StoreAway, AssertionError) as error:
        outcome.not_recovered.append(f"the states could not be judged: {error}")


def _read_logs(world: Deployment, outcome: Outcome) -> None:
    """Rewinds are counted; a crash of our own is a difference, whatever it led to."""
    for path in sorted(world.logs.iterdir()):
        for line in path.read_text(errors="replace").splitlines():
            outcome.rewinds += "it was restored to an older state" in line
            if f"exit_code={CRASH}" in line and "the engine did not return" not in line:
                outcome.crashes.append(f"{path.stem} crashed: {line[:300]}")
            elif line.startswith("Fatal Python error"):
                outcome.crashes.append(f"{path.stem}: {line}")
