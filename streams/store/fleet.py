"""Which artifact is live, and who can serve it: promotions as the log has them, promotions as the
shards follow them, and the heartbeats of the workers.

A promotion is announced first. It becomes live, shard by shard, once a worker has loaded its
artifact (`streams.publish.promotions`)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import msgspec

BEAT_EXPIRES_MS = 60_000
"""A worker that said nothing for so long is not counted: it died, or loads a model."""

SCORE_ROLE = "score"

MAX_DIGESTS = 64
"""How many artifacts one heartbeat names: 5 KB. The workers' folders hold a handful."""


@dataclass(frozen=True, slots=True)
class WorkerBeat:
    """The last sign of life of a worker. `at_ms`: by the store's clock. `loaded`: digests of the
    artifacts it serves now; `found`: of those in its folders, without the ones it failed to
    load."""

    worker: str
    role: str
    at_ms: int
    loaded: tuple[str, ...]
    found: tuple[str, ...]

    def can_load(self, artifact: str) -> bool:
        return artifact in self.loaded or artifact in self.found


@dataclass(frozen=True, slots=True)
class Serves:
    """The artifacts a worker serves (None: any), and those that other living workers serve."""

    own: frozenset[str] | None = None
    elsewhere: frozenset[str] = frozenset()

    def has(self, artifact: str) -> bool:
        return self.own is None or artifact in self.own


ANY = Serves()


class FleetStore(Protocol):
    def announce(self, tenant: str, promotion: int, artifact: str) -> None:
        """Notes the newest promotion in the log, live or not: workers look here for what to load.
        Keeps the greatest; `*` is every tenant."""
        ...

    def announced(self) -> dict[str, tuple[int, str]]: ...

    def promote(self, shard: int, tenant: str, promotion: int, artifact: str) -> None:
        """Makes it live in a shard. Keeps the greatest promotion; `*` is every tenant."""
        ...

    def promoted(self, shard: int) -> dict[str, tuple[int, str]]: ...

    def beat(self, worker: str, role: str, loaded: Collection[str], found: Collection[str]) -> None:
        """Notes that a worker lives; forgets those that have been silent for too long."""
        ...

    def retire(self, worker: str) -> None:
        """A worker ends in good order: it is not counted any more."""
        ...

    def beats(self) -> list[WorkerBeat]:
        """The living workers, by name."""
        ...


class _Said(msgspec.Struct, frozen=True):
    role: str
    loaded: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


def beat_text(role: str, loaded: Collection[str], found: Collection[str]) -> bytes:
    """What a heartbeat says, as JSON; the time is the store's to add."""
    bounded = (tuple(sorted(digests)[:MAX_DIGESTS]) for digests in (loaded, found))
    return msgspec.json.encode(_Said(role, *bounded))


def beat_of(worker: str, at_ms: int, text: bytes) -> WorkerBeat | None:
    """Reads a heartbeat; None where it is of another asllr."""
    try:
        said = msgspec.json.decode(text, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return WorkerBeat(worker, said.role, at_ms, said.loaded, said.found)


def is_living(at_ms: int, now_ms: int) -> bool:
    """Whether a heartbeat counts. One from far ahead is of before the clock went back."""
    return abs(now_ms - at_ms) < BEAT_EXPIRES_MS
