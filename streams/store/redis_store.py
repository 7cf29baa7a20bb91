"""The store in Redis: one Lua call per step, every key of a call under one hash tag.

Works with `redis.Redis` and `redis.RedisCluster`, from Redis 6.2 on. Knows no rules: those are in
`streams/store/lua/*.lua`. Raises StoreAway and StoreUnusable (`streams.store.redis_errors`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from scoring.lead.state_bytes import state_hash
from streams.store import redis_codec as codec
from streams.store.board import UNSCORED, BoardView, Move, OrderKey, Placement
from streams.store.contract import (
    CLAIM_SPARE,
    DEFAULT_OUTBOX_BOUND,
    POSTPONED_MS,
    RECHECK_MS,
    Claim,
    Commit,
    CommitResult,
    CommitStatus,
    Completion,
    CompletionStatus,
    LeadView,
    OutboxEntry,
    SnapshotChunk,
    SnapshotStatus,
    StoredLead,
    checked,
)
from streams.store.fleet import ANY, BEAT_EXPIRES_MS, Serves, WorkerBeat, beat_text
from streams.store.log_bases import BASE, bases_of, frontiers_of
from streams.store.redis_errors import store_errors
from streams.store.redis_scripts import Client, RedisScripts
from streams.store.tries import next_count

ASLLR_TAG = "{asllr}"
META = f"{ASLLR_TAG}:meta"
WORKERS = f"{ASLLR_TAG}:workers"
"""Worker -> when it last said something, and what."""

FORMAT_BEFORE_IT_WAS_RECORDED = 2
QUEUES = "{asllr}:queues"
"""Every queue that had a placement: a shard that went back forgets which boards it is on."""

KEYS = ("{asllr}:*", "{s[0-9]*}:*", "{q:*}:*")
"""Patterns that match every key that asllr writes."""


def shard_tag(shard: int) -> str:
    return f"{{s{shard}}}"


def queue_tag(queue: str) -> str:
    return f"{{q:{queue}}}"


class RedisStore:
    """Implements `streams.store.contract.Store`. The client must not decode responses: states are
    bytes."""

    def __init__(self, client: Client, outbox_bound: int = DEFAULT_OUTBOX_BOUND) -> None:
        if client.get_encoder().decode_responses:
            raise ValueError("the store keeps bytes: build the client with decode_responses=False")
        self._client: Any = client  # redis-py's annotations mix its sync and async replies
        self._scripts = RedisScripts(client)
        self._outbox_bound = outbox_bound
        self._noted_queues: set[str] = set()

    def now_ms(self) -> int:
        with store_errors():
            seconds, microseconds = self._client.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    def partitions(self, expected: int) -> int:
        with store_errors():
            self._client.hsetnx(META, "partitions", expected)
        return self.recorded_partitions() or expected

    def recorded_partitions(self) -> int | None:
        with store_errors():
            recorded = self._client.hget(META, "partitions")
        return None if recorded is None else int(recorded)

    def state_format(self, expected: int) -> int:
        """Returns the format of the states it holds; records `expected` where it holds none yet,
        before the partition count."""
        with store_errors():
            if self.recorded_partitions() is None:
                self._client.hsetnx(META, "state_format", expected)
            recorded = self._client.hget(META, "state_format")
        return FORMAT_BEFORE_IT_WAS_RECORDED if recorded is None else int(recorded)

    def _offsets(self, shard: int) -> dict[str, int]:
        """Frontiers, and bases, which are in every snapshot because they stand beside them."""
        with store_errors():
            stored = self._client.hgetall(f"{shard_tag(shard)}:frontier")
        return {field.decode().rpartition(":")[0]: int(offset) for field, offset in stored.items()}

    def frontier(self, shard: int) -> dict[str, int]:
        return frontiers_of(self._offsets(shard))

    def adopt(self, topic: str, partition: int, frontier: int) -> bool:
        name = f"{shard_tag(partition)}:frontier"
        with store_errors():
            return bool(self._client.hsetnx(name, f"{topic}:{partition}", frontier))

    def topic_id(self, topic: str, seen: str, *, accept: bool = False) -> str:
        with store_errors():
            write = self._client.hset if accept else self._client.hsetnx
            write(META, f"topic_id:{topic}", seen)
            recorded = self._client.hget(META, f"topic_id:{topic}")
        return seen if recorded is None else str(recorded.decode())

    def log_bases(self, shard: int) -> dict[str, int]:
        return bases_of(self._offsets(shard))

    def continue_log(self, topic: str, partition: int, start: int) -> None:
        base = self.frontier(partition).get(topic, -1) + 1 - start
        with store_errors():
            name = f"{shard_tag(partition)}:frontier"
            self._client.hset(name, f"{BASE}{topic}:{partition}", base)

    def note_start(self, topic: str, partition: int) -> int:
        at = self.frontier(partition).get(topic, -1)
        return self._count(f"{shard_tag(partition)}:starts", topic, at)

    def note_try(self, topic: str, partition: int, offset: int) -> int:
        return self._count(f"{shard_tag(partition)}:tries", topic, offset)

    def is_trying(self, topic: str, partition: int) -> bool:
        with store_errors():
            return bool(self._client.hexists(f"{shard_tag(partition)}:tries", topic))

    def forget_tries(self, topic: str, partition: int) -> None:
        with store_errors():
            self._client.hdel(f"{shard_tag(partition)}:tries", topic)

    def _count(self, name: str, topic: str, place: int) -> int:
        with store_errors():
            noted = self._client.hget(name, topic)
            count = next_count("" if noted is None else noted.decode(), place)
            self._client.hset(name, topic, f"{place} {count}")
        return count

    def read(self, shard: int, leads: Sequence[str]) -> list[StoredLead]:
        reply = self._scripts.run("read", shard_tag(shard), *leads)
        return [codec.stored_lead(*reply[at : at + 3]) for at in range(0, len(reply), 3)]

    def commit(self, commit: Commit) -> CommitResult:
        arguments = codec.commit_arguments(checked(commit), self._outbox_bound)
        status, frontier = self._scripts.run("commit", shard_tag(commit.partition), *arguments)
        return CommitResult(CommitStatus(status.decode()), int(frontier))

    def claim(
        self, shard: int, worker: str, limit: int, lease_ms: int, serves: Serves = ANY
    ) -> list[Claim]:
        bounds = (limit, lease_ms, CLAIM_SPARE, POSTPONED_MS, RECHECK_MS)
        served = codec.serves_arguments(serves)
        reply = self._scripts.run("claim", shard_tag(shard), worker, *bounds, *served)
        return codec.claims(shard, reply)

    def renew(self, shard: int, worker: str, leads: Sequence[str], lease_ms: int) -> list[str]:
        held = self._scripts.run("renew", shard_tag(shard), worker, lease_ms, *leads)
        return [lead.decode() for lead in held]

    def complete(self, worker: str, completion: Completion) -> CompletionStatus:
        reply = self._scripts.run(
            "complete",
            shard_tag(completion.shard),
            worker,
            completion.lead,
            codec.order_text(completion.order),
            completion.artifact,
            completion.state_hash,
            completion.score,
            "" if completion.due_ms is None else completion.due_ms,
            completion.traceparent or "",
            self._outbox_bound,
        )
        return CompletionStatus(reply.decode())

    def give_up(self, claim: Claim, worker: str, dead_letter: tuple[bytes, bytes]) -> bool:
        parked = self._scripts.run(
            "give_up",
            shard_tag(claim.shard),
            worker,
            claim.lead,
            state_hash(claim.state),
            claim.promotion,
            self._outbox_bound,
            claim.traceparent or "",
            *dead_letter,
        )
        return bool(parked)

    def dirty_count(self, shard: int) -> int:
        with store_errors():
            return int(self._client.zcard(f"{shard_tag(shard)}:dirty"))

    def announce(self, tenant: str, promotion: int, artifact: str) -> None:
        self._scripts.run("promote", ASLLR_TAG, tenant, promotion, artifact)

    def announced(self) -> dict[str, tuple[int, str]]:
        return self._promotions(ASLLR_TAG)

    def promote(self, shard: int, tenant: str, promotion: int, artifact: str) -> None:
        self._scripts.run("promote", shard_tag(shard), tenant, promotion, artifact)

    def promoted(self, shard: int) -> dict[str, tuple[int, str]]:
        return self._promotions(shard_tag(shard))

    def beat(self, worker: str, role: str, loaded: Collection[str], found: Collection[str]) -> None:
        said = beat_text(role, loaded, found)
        self._scripts.run("beat", ASLLR_TAG, worker, said, BEAT_EXPIRES_MS)

    def retire(self, worker: str) -> None:
        with store_errors():
            self._client.hdel(WORKERS, worker)

    def beats(self) -> list[WorkerBeat]:
        with store_errors():
            noted = self._client.hgetall(WORKERS)
        return codec.living_beats(noted, self.now_ms()) if noted else []

    def _promotions(self, tag: str) -> dict[str, tuple[int, str]]:
        with store_errors():
            stored = self._client.hgetall(f"{tag}:promoted")
        split = {tenant.decode(): text.decode().split(" ", 1) for tenant, text in stored.items()}
        return {tenant: (int(number), artifact) for tenant, (number, artifact) in split.items()}

    def touch(self, shard: int, leads: Sequence[str], slack_ms: int) -> None:
        self._scripts.run("touch", shard_tag(shard), slack_ms, *leads)

    def lease(self, name: str, shard: int, owner: str, ttl_ms: int) -> bool:
        return bool(self._scripts.run("lease", shard_tag(shard), name, owner, ttl_ms))

    def outbox(self, shard: int, limit: int) -> list[OutboxEntry]:
        if limit <= 0:
            return []
        with store_errors():
            found = self._client.xrange(f"{shard_tag(shard)}:outbox", count=limit)
        return [codec.entry(entry_id, fields) for entry_id, fields in found]

    def delete(self, shard: int, entries: Sequence[str]) -> None:
        if entries:
            with store_errors():
                self._client.xdel(f"{shard_tag(shard)}:outbox", *entries)

    def outbox_size(self, shard: int) -> int:
        with store_errors():
            return int(self._client.xlen(f"{shard_tag(shard)}:outbox"))

    def leads(self, shard: int, cursor: int, limit: int) -> tuple[int, list[LeadView]]:
        with store_errors():
            following, found = self._client.sscan(
                f"{shard_tag(shard)}:leads", cursor, count=max(1, limit)
            )
        return int(following), self._views(shard, [lead.decode() for lead in found])

    def lead(self, shard: int, lead: str) -> LeadView:
        return self._views(shard, [lead])[0]

    def _views(self, shard: int, leads: Sequence[str]) -> list[LeadView]:
        return codec.lead_views(leads, self._scripts.run("view", shard_tag(shard), *leads))

    def restate(self, shard: int, leads: Sequence[str]) -> bool:
        return bool(self._scripts.run("restate", shard_tag(shard), self._outbox_bound, *leads))

    def snapshot(self, shard: int, chunk: SnapshotChunk) -> SnapshotStatus:
        reply = self._scripts.run(
            "snapshot",
            shard_tag(shard),
            self._outbox_bound,
            shard,
            chunk.pass_id,
            chunk.step,
            int(chunk.is_last),
            *chunk.leads,
        )
        return SnapshotStatus(reply.decode())

    def place(self, queue: str, placement: Placement) -> Move:
        if queue not in self._noted_queues:
            with store_errors():
                self._client.sadd(QUEUES, queue)
            self._noted_queues.add(queue)
        row = (
            codec.float_text(placement.probability),
            placement.reason,
            placement.reason_kind.value,
        )
        return self._move(queue, placement.lead, placement.version, placement.order, *row)

    def remove(self, queue: str, lead: str, version: int, order: OrderKey | None) -> Move:
        return self._move(queue, lead, version, order or UNSCORED, "", "", "")

    def _move(self, queue: str, lead: str, version: int, order: OrderKey, *row: str) -> Move:
        reply = self._scripts.run("move", queue_tag(queue), lead, version, *order, *row)
        return codec.move(reply)

    def board(self, queue: str, limit: int, start: int = 0) -> BoardView:
        reply = self._scripts.run("board", queue_tag(queue), limit, start)
        version, n_moves, size, n_held, newest, *rows = reply
        placed = codec.placements(rows)
        return BoardView(int(version), int(n_moves), int(size), placed, int(n_held), int(newest))

    def uncovered(self, queue: str, limit: int, start: int = 0) -> list[str]:
        found = self._scripts.run("uncovered", queue_tag(queue), limit, start)
        return [lead.decode() for lead in found]

    def flip(self, queue: str, limit: int, promotion: int) -> list[str]:
        flipped = self._scripts.run("flip", queue_tag(queue), limit, promotion)
        return [lead.decode() for lead in flipped]

    def queues(self) -> list[str]:
        with store_errors():
            found = set(self._client.smembers(QUEUES))
        for shard in range(self.recorded_partitions() or 0):
            with store_errors():
                found |= set(self._client.smembers(f"{shard_tag(shard)}:queues"))
        return sorted(queue.decode() for queue in found)

    def board_lease(self, queue: str, owner: str, ttl_ms: int) -> bool:
        return bool(self._scripts.run("lease", queue_tag(queue), "board", owner, ttl_ms))
