"""The roles' moves in one line each, for tests of the store: always shard 7, always tenant `t`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scoring.lead.state_bytes import state_hash
from streams.store.board import OrderKey
from streams.store.contract import (
    Claim,
    Commit,
    CommitResult,
    Completion,
    CompletionStatus,
    LeadWrite,
    OutboxEntry,
    Store,
    StoredLead,
)

SHARD = 7
CRM, ASR = "crm.events", "asr.transcripts"
A, B, C = "t/a", "t/b", "t/c"
HOUR_MS = 3_600_000
PAST_MS = 1_000
ARTIFACT = "sha256:one"


def wrote(
    store: Store,
    lead: str,
    state: bytes | None = b"one",
    *,
    queue: str | None = "q1",
    topic: str = CRM,
    offset: int | None = None,
    erased: bool = False,
    slack_ms: int | None = 0,
) -> LeadWrite:
    """What ingest would write now for the next record of `topic`."""
    expected = store.read(SHARD, [lead])[0]
    following = store.frontier(SHARD).get(topic, -1) + 1 if offset is None else offset
    return LeadWrite(
        lead=lead,
        expected=expected,
        cursor={**(expected.cursor or {}), topic: following},
        state=state,
        queue=queue,
        erased=erased,
        slack_ms=slack_ms,
        ingested_ms=17,
        traceparent=f"00-{following}",
    )


def batch(
    store: Store,
    *writes: LeadWrite,
    topic: str = CRM,
    dead_letters: Sequence[tuple[bytes, bytes]] = (),
) -> Commit:
    prev = store.frontier(SHARD).get(topic, -1)
    return Commit(topic, SHARD, prev, prev + 1, writes, dead_letters)


def ingest(
    store: Store,
    lead: str,
    state: bytes | None = b"one",
    *,
    queue: str | None = "q1",
    topic: str = CRM,
    slack_ms: int | None = 0,
) -> CommitResult:
    write = wrote(store, lead, state, queue=queue, topic=topic, slack_ms=slack_ms)
    return store.commit(batch(store, write, topic=topic))


def erase(store: Store, lead: str, topic: str = CRM) -> CommitResult:
    write = wrote(store, lead, b"erased", queue=None, topic=topic, erased=True)
    return store.commit(batch(store, write, topic=topic))


def claim(
    store: Store, worker: str = "w1", limit: int = 10, lease_ms: int = HOUR_MS
) -> list[Claim]:
    return store.claim(SHARD, worker, limit, lease_ms)


def claim_one(store: Store, worker: str = "w1", lease_ms: int = HOUR_MS) -> Claim:
    found = claim(store, worker, 1, lease_ms)
    assert len(found) == 1
    return found[0]


def result(
    claimed: Claim, as_of_ms: int = 100, due_ms: int | None = None, score: bytes = b"score"
) -> Completion:
    return Completion(
        shard=claimed.shard,
        lead=claimed.lead,
        order=(claimed.promotion, claimed.version, as_of_ms),
        artifact=claimed.artifact,
        state_hash=state_hash(claimed.state),
        probability=0.5,
        score=score,
        due_ms=due_ms,
        traceparent="00-result",
    )


def complete(
    store: Store, claimed: Claim, worker: str = "w1", as_of_ms: int = 100, due_ms: int | None = None
) -> CompletionStatus:
    return store.complete(worker, result(claimed, as_of_ms, due_ms))


def score(store: Store, lead: str, as_of_ms: int = 100, due_ms: int | None = None) -> Claim:
    """Claims the one claimable lead and has its result accepted."""
    claimed = claim_one(store)
    assert claimed.lead == lead
    assert complete(store, claimed, as_of_ms=as_of_ms, due_ms=due_ms) is CompletionStatus.ACCEPTED
    return claimed


def promote(store: Store, promotion: int = 0, artifact: str = ARTIFACT, tenant: str = "*") -> None:
    store.promote(SHARD, tenant, promotion, artifact)


def entries(store: Store) -> list[OutboxEntry]:
    """Ids differ between stores and are compared by no one but `delete`."""
    return [replace(entry, id="") for entry in store.outbox(SHARD, 1_000)]


def drain(store: Store) -> list[OutboxEntry]:
    found = store.outbox(SHARD, 1_000)
    store.delete(SHARD, [entry.id for entry in found])
    return [replace(entry, id="") for entry in found]


def order(version: int, as_of_ms: int = 100, promotion: int = 0) -> OrderKey:
    return promotion, version, as_of_ms


UNKNOWN = StoredLead(None, None, False)
