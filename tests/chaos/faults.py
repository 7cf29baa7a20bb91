"""The faults of a chaos run, as data: what it strikes, how often it is drawn, and what it does.

A fault is a generator: it does something and yields the seconds after which it goes on, so that
several run side by side while events flow. The schedule follows from the seed alone.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from schemas.outputs import Promotion
from streams.publish.promotions import publish_promotion
from tests.chaos.servers import KafkaNode, RedisNode
from tests.chaos.traffic import TOPICS, Traffic
from tests.support.engines.engines import CONTRARY
from tests.support.engines.moody_engine import Mood
from tests.support.harness import Fleet
from tests.support.role_process import DAWDLES_WITHIN_S, RoleSpec

CLOCK_JUMPS_S = (-3_600, -20, 5, 20)
"""Not further ahead than a run can wait for: what is said of a moment to come must become true."""

STOP_S = 30.0
"""While other faults are at work; that 10 s are enough without them is another test's claim."""

ROLES = {"ingest": 3, "score": 2, "publish": 2}
"""How many of each run."""


class World(Protocol):
    """What a fault may touch."""

    kafka: KafkaNode
    redis: RedisNode
    fleet: Fleet
    traffic: Traffic
    spec: RoleSpec


Strike = Callable[[World, random.Random], Iterator[float]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Two faults with one `target` never run at the same time."""

    kind: str
    target: str
    weight: int
    strike: Strike


def _member(rng: random.Random, role: str) -> str:
    return f"{role}-{rng.randrange(ROLES[role])}"


def _signals(role: str, number: int) -> Strike:
    def strike(world: World, rng: random.Random) -> Iterator[float]:
        world.fleet.signal(_member(rng, role), number)
        yield 0.1

    return strike


def _freezes(role: str, longest_s: float) -> Strike:
    """Stopped and woken: past its lease or session it wakes up as a zombie."""

    def strike(world: World, rng: random.Random) -> Iterator[float]:
        member = _member(rng, role)
        world.fleet.signal(member, signal.SIGSTOP)
        yield rng.uniform(0.3, longest_s)
        world.fleet.wake(member)

    return strike


def _freezes_between_steps(role: str, longest_s: float) -> Strike:
    """The same, but between reading and writing (`RoleSpec.freeze_at`)."""

    def strike(world: World, rng: random.Random) -> Iterator[float]:
        member = _member(rng, role)
        world.fleet.signal(member, signal.SIGUSR1)
        yield rng.uniform(1.0, longest_s)
        world.fleet.wake(member)

    return strike


def _dawdles_between_steps(world: World, rng: random.Random) -> Iterator[float]:
    """Every ingest worker is slow between reading a lead and writing it, while both topics bring
    news of the same leads."""
    for number in range(ROLES["ingest"]):
        world.fleet.signal(f"ingest-{number}", signal.SIGUSR2)
    yield 0.1
    world.traffic.tell_on_both_topics(rng.randrange(4, 30))
    yield DAWDLES_WITHIN_S


def _joins_and_leaves(role: str) -> Strike:
    def strike(world: World, rng: random.Random) -> Iterator[float]:
        guest = f"{role}-guest"
        world.fleet.start(replace(world.spec, role=role, member=guest))
        yield rng.uniform(3.0, 6.0)
        world.fleet.stop(guest, STOP_S)
        yield 0.1

    return strike


def _engine(mood: Mood) -> Strike:
    return _signals("score", mood.value)


def _kill_broker(world: World, rng: random.Random) -> Iterator[float]:
    world.kafka.kill()
    yield rng.uniform(0.1, 2.0)
    world.kafka.start()


def _kill_redis(world: World, rng: random.Random) -> Iterator[float]:
    world.redis.kill()
    yield rng.uniform(0.1, 2.0)
    world.redis.start()


def _restore_redis(world: World, rng: random.Random) -> Iterator[float]:
    """From a snapshot; the newer ones are gone with it."""
    if not world.redis.n_snapshots:
        world.redis.take_snapshot()
        yield 1.0
    world.redis.go_back(rng.randrange(world.redis.n_snapshots))
    yield 0.1


def _slow_redis(world: World, rng: random.Random) -> Iterator[float]:
    seconds = rng.uniform(0.5, 3.0)
    world.redis.pause(seconds)
    yield seconds


def _clock_jumps(world: World, rng: random.Random) -> Iterator[float]:
    world.redis.set_clock(rng.choice(CLOCK_JUMPS_S))
    yield rng.uniform(0.5, 4.0)
    world.redis.set_clock(0)


def _retries(world: World, rng: random.Random) -> Iterator[float]:
    world.traffic.repeat(rng.randrange(1, 60))
    yield 0.1


def _reorders(world: World, rng: random.Random) -> Iterator[float]:
    world.traffic.hold_back(rng.randrange(2, 80))
    yield rng.uniform(0.5, 4.0)
    world.traffic.let_go()


def _poison(world: World, rng: random.Random) -> Iterator[float]:
    world.traffic.poison(rng.choice(TOPICS), rng.randrange(1, 30))
    yield 0.1


def _oversize(world: World, rng: random.Random) -> Iterator[float]:
    world.traffic.oversize()
    yield 0.1


def _promotes(world: World, rng: random.Random) -> Iterator[float]:
    """Now and then the artifact that is live already."""
    artifact = rng.choice(("rule-1", f"{CONTRARY}-1"))
    promotion = Promotion(tenant="*", artifact=artifact, promoted_at=datetime.now(UTC))
    publish_promotion(world.kafka.address, promotion)
    yield rng.uniform(0.1, 2.0)


FAULTS = (
    Fault("ingest SIGKILL", "ingest", 8, _signals("ingest", signal.SIGKILL)),
    Fault("ingest SIGTERM", "ingest", 4, _signals("ingest", signal.SIGTERM)),
    Fault("ingest SIGSTOP", "ingest", 5, _freezes("ingest", 6.0)),
    Fault("ingest zombie commit", "ingest", 5, _freezes_between_steps("ingest", 6.0)),
    Fault("ingest dawdles between steps", "ingest", 3, _dawdles_between_steps),
    Fault("ingest joins and leaves", "ingest", 2, _joins_and_leaves("ingest")),
    Fault("score SIGKILL", "score", 8, _signals("score", signal.SIGKILL)),
    Fault("score SIGTERM", "score", 4, _signals("score", signal.SIGTERM)),
    Fault("score SIGSTOP", "score", 5, _freezes("score", 4.0)),
    Fault("score zombie result", "score", 5, _freezes_between_steps("score", 4.0)),
    Fault("score joins and leaves", "score", 2, _joins_and_leaves("score")),
    Fault("engine raises", "score", 3, _engine(Mood.RAISES)),
    Fault("engine says NaN", "score", 3, _engine(Mood.SAYS_NAN)),
    Fault("engine hangs", "score", 3, _engine(Mood.HANGS)),
    Fault("publisher SIGKILL", "publish", 8, _signals("publish", signal.SIGKILL)),
    Fault("publisher SIGTERM", "publish", 3, _signals("publish", signal.SIGTERM)),
    Fault("publisher SIGSTOP", "publish", 4, _freezes("publish", 4.0)),
    Fault("two publishers", "publish", 4, _freezes_between_steps("publish", 4.0)),
    Fault("broker SIGKILL", "broker", 3, _kill_broker),
    Fault("another artifact promoted", "broker", 4, _promotes),
    Fault("redis SIGKILL", "redis", 5, _kill_redis),
    Fault("redis restored from a snapshot", "redis", 5, _restore_redis),
    Fault("redis slow", "redis", 4, _slow_redis),
    Fault("clock jumps", "redis", 4, _clock_jumps),
    Fault("producer retries", "input", 5, _retries),
    Fault("events late and reordered", "input", 5, _reorders),
    Fault("poison records", "input", 5, _poison),
    Fault("transcript over the limit", "input", 2, _oversize),
)


EXPLAIN_OLDER_ORDERS = frozenset({"redis restored from a snapshot"})
"""After which an older score may stand behind a newer one (oracle, e). A publisher that was paused
or killed repeats entries that its successor has published too: the same bytes."""


def faults_of(only: str, *, clock_can_jump: bool) -> list[Fault]:
    """Those whose kind holds `only`. Raises ValueError when there are none."""
    faults = [
        fault
        for fault in FAULTS
        if only in fault.kind and (clock_can_jump or fault.kind != "clock jumps")
    ]
    if not faults:
        kinds = ", ".join(fault.kind for fault in FAULTS)
        raise ValueError(f"no kind of fault holds {only!r}; there are: {kinds}")
    return faults


def draw_round(seed: int, number: int, faults: Sequence[Fault]) -> list[Fault]:
    """Up to three of `faults` with different targets: each of them once, then as drawn."""
    opening = _opening_rounds(seed, faults)
    if number < len(opening):
        return opening[number]
    rng = random.Random(f"{seed}:{number}")
    drawn: dict[str, Fault] = {}
    for _ in range(rng.choice((1, 2, 2, 3))):
        (fault,) = rng.choices(faults, [fault.weight for fault in faults])
        drawn.setdefault(fault.target, fault)
    return list(drawn.values())


def _opening_rounds(seed: int, faults: Sequence[Fault]) -> list[list[Fault]]:
    """Every kind once, in an order of the seed's: a short run leaves none out."""
    rounds: list[list[Fault]] = []
    for fault in random.Random(f"{seed}:opening").sample(faults, len(faults)):
        for drawn in rounds:
            if len(drawn) < 3 and fault.target not in {other.target for other in drawn}:
                drawn.append(fault)
                break
        else:
            rounds.append([fault])
    return rounds
