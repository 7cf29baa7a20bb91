"""`asllr doctor` on what Redis holds: memory, writes, leads that wait too long or cannot be
scored, and what waits for Kafka. The thresholds stand in docs/how-to/deploy.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.operate.doctor_check import DoctorCheck, DoctorVerdict, graded
from streams.store.contract import DEFAULT_OUTBOX_BOUND
from streams.store.redis_health import (
    NodeMemory,
    ShardHealth,
    memory_of_nodes,
    parked_leads,
    refused_write,
    shard_health,
)
from streams.store.redis_scripts import Client

MEMORY_WARNS, MEMORY_FAILS = 0.8, 0.95
"""Of maxmemory: above it Redis refuses every write."""

WAITS_WARN_S, WAITS_FAIL_S = 60.0, 600.0
"""How long something may wait past its time. The slowest restart of a role takes less than a
minute."""

OUTBOX_WARNS, OUTBOX_FAILS = 0.5, 1.0
"""Of the outbox's bound, in a shard: when it is full, scoring and ingest pause."""

PARKED_FAILS = 0.05
"""Of the leads: that many are a fault of the model or of a field, not of a lead."""

MORE_MEMORY = "give it more memory, and redis-cli CONFIG SET maxmemory, and in redis.conf"

MOST_LEADS = 200_000
"""How many leads are looked at for parked ones: about two seconds."""


def check_store(client: Client, n_shards: int) -> Iterator[DoctorCheck]:
    """All checks of one Redis. Raises StoreAway, StoreUnusable."""
    for node in memory_of_nodes(client):
        yield _memory(node)
    yield _writes(refused_write(client, n_shards))
    shards = shard_health(client, n_shards, int(WAITS_WARN_S * 1000))
    yield _overdue(shards)
    yield _outbox(shards)
    yield _parked(*parked_leads(client, n_shards, MOST_LEADS))


def _memory(node: NodeMemory) -> DoctorCheck:
    name = "redis memory"
    used, limit = node.used_bytes, node.limit_bytes
    whose = "maxmemory" if node.is_set else "the machine's memory (no maxmemory is set)"
    share = used / limit if limit else 0.0
    verdict = graded(share, MEMORY_WARNS, MEMORY_FAILS)
    found = (
        f"{node.node} uses {used / 2**20:.0f} MiB of {limit / 2**20:.0f}, {share:.0%} of {whose}"
    )
    if verdict is DoctorVerdict.OK:
        return DoctorCheck(name, verdict, found)
    return DoctorCheck(
        name,
        verdict,
        f"{found}; at 100% every write is refused",
        MORE_MEMORY,
    )


def _writes(refused: str | None) -> DoctorCheck:
    if refused is None:
        return DoctorCheck("redis writes", DoctorVerdict.OK, "are taken")
    fix = "see its log: what it says here is why, and nothing is ingested, scored or published"
    if "OOM" in refused:
        fix = MORE_MEMORY
    elif "READONLY" in refused:
        fix = "set ASLLR_REDIS to the primary; this is a replica"
    elif "MISCONF" in refused:
        fix = "free its disk: it cannot save what it holds"
    return DoctorCheck("redis writes", DoctorVerdict.FAILED, f"are refused: {refused}", fix)


def _overdue(shards: Sequence[ShardHealth]) -> DoctorCheck:
    name = "overdue leads"
    n_dirty = sum(shard.n_dirty for shard in shards)
    overdue = [shard for shard in shards if shard.overdue_ms is not None]
    if not overdue:
        return DoctorCheck(name, DoctorVerdict.OK, f"none; {n_dirty} leads wait to be scored")
    worst_s = max(shard.overdue_ms or 0 for shard in overdue) / 1000
    n_overdue = sum(shard.n_overdue for shard in overdue)
    return DoctorCheck(
        name,
        graded(worst_s, WAITS_WARN_S, WAITS_FAIL_S),
        f"{n_overdue} leads should have been scored more than {WAITS_WARN_S:.0f} s ago, the first "
        f"{worst_s:.0f} s ago, in {len(overdue)} of {len(shards)} shards",
        "start `asllr score`, or more of them, and look at their log",
    )


def _outbox(shards: Sequence[ShardHealth]) -> DoctorCheck:
    name = "outbox"
    fullest = max((shard.n_outbox for shard in shards), default=0)
    oldest_s = max((shard.outbox_age_ms for shard in shards), default=0) / 1000
    n_entries = sum(shard.n_outbox for shard in shards)
    by_age = graded(oldest_s, WAITS_WARN_S, WAITS_FAIL_S)
    by_size = graded(fullest / DEFAULT_OUTBOX_BOUND, OUTBOX_WARNS, OUTBOX_FAILS)
    verdict = max(by_age, by_size, key=list(DoctorVerdict).index)
    if verdict is DoctorVerdict.OK:
        return DoctorCheck(name, verdict, f"{n_entries} entries wait for Kafka")
    return DoctorCheck(
        name,
        verdict,
        f"{n_entries} entries wait for Kafka, the first for {oldest_s:.0f} s, up to {fullest} of "
        f"{DEFAULT_OUTBOX_BOUND} in a shard; when it is full scoring and ingest pause",
        "start `asllr publish`, and check that Kafka takes records: its log says",
    )


def _parked(n_parked: int, n_seen: int) -> DoctorCheck:
    name = "parked leads"
    if not n_parked:
        return DoctorCheck(name, DoctorVerdict.OK, f"none of {n_seen} looked at")
    share = n_parked / n_seen
    return DoctorCheck(
        name,
        DoctorVerdict.FAILED if share >= PARKED_FAILS else DoctorVerdict.WARNING,
        f"{n_parked} of {n_seen} leads looked at ({share:.1%}) could not be scored and wait until "
        "they change or another artifact is promoted",
        "`asllr dead-letters list` says why of each; promote an artifact that can score them",
    )
