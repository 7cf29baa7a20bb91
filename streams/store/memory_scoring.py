"""Claims and results of one shard in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain

from scoring.lead.state_bytes import state_hash
from streams.store.contract import (
    CLAIM_SPARE,
    POSTPONED_MS,
    RECHECK_MS,
    Claim,
    Completion,
    CompletionStatus,
    EntryKind,
    OutboxEntry,
    latest_expiry_ms,
)
from streams.store.fleet import Serves
from streams.store.memory_shard import Shard, ShardLead


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    worker: str
    limit: int
    lease_ms: int
    serves: Serves


def take_claims(shard: Shard, asked: ClaimRequest, now_ms: int) -> list[Claim]:
    """Leases the leads that come next of those that the worker can score. A lead that came back
    unscored is taken alone or not at all."""
    latest_ms = latest_expiry_ms(now_ms, asked.lease_ms)
    shard.leased = {
        lead: until for lead, until in shard.leased.items() if now_ms < until <= latest_ms
    }
    taken: list[Claim] = []
    for schedule, name in _candidates(shard, asked.limit, now_ms):
        if len(taken) >= asked.limit:
            break
        if name in shard.leased:
            continue
        live = shard.live(name)
        if live is None or not asked.serves.has(live[1]):
            if live is None or live[1] not in asked.serves.elsewhere:
                # What nobody can score must not block what can be scored.
                schedule[name] = now_ms + (POSTPONED_MS if schedule is shard.dirty else RECHECK_MS)
            continue
        stored = shard.leads[name]
        if stored.attempts and taken:
            continue
        stored.attempts += 1
        stored.holder = asked.worker
        shard.leased[name] = now_ms + asked.lease_ms
        taken.append(_claim_of(shard, name, live, now_ms))
        if stored.attempts > 1:
            break
    return taken


def _candidates(shard: Shard, limit: int, now_ms: int) -> Iterator[tuple[dict[str, int], str]]:
    """The leads that may be claimed, each with where it stands: earliest dirty deadlines, then the
    longest overdue edges; a bounded number of each."""
    if not shard.promoted or limit <= 0:
        return iter(())
    n = limit + len(shard.leased) + CLAIM_SPARE
    dirty = nsmallest(n, ((at, lead) for lead, at in shard.dirty.items()))
    overdue = nsmallest(n, ((at, lead) for lead, at in shard.due.items() if at <= now_ms))
    return chain(
        ((shard.dirty, lead) for _, lead in dirty), ((shard.due, lead) for _, lead in overdue)
    )


def _claim_of(shard: Shard, name: str, live: tuple[int, str], now_ms: int) -> Claim:
    stored = shard.leads[name]
    return Claim(
        shard=shard.number,
        lead=name,
        state=stored.state or b"",
        cursor=stored.cursor or {},
        version=stored.version,
        promotion=live[0],
        artifact=live[1],
        attempt=stored.attempts,
        claimed_ms=now_ms,
        ingested_ms=stored.ingested_ms,
        applied_ms=stored.applied_ms,
        last=stored.order,
        traceparent=stored.traceparent,
    )


def apply_completion(shard: Shard, worker: str, done: Completion, now_ms: int) -> CompletionStatus:
    stored = shard.leads.get(done.lead)
    # A version the lead has not reached: the shard went back since. Accepted, the result would
    # outrank the ones that follow when the log is read again.
    if (
        stored is None
        or stored.state is None
        or done.lead in shard.erased
        or done.order[1] > stored.version
    ):
        shard.release(worker, done.lead)
        return CompletionStatus.GONE
    status = _judge(shard, done, stored)
    if status is CompletionStatus.ACCEPTED and shard.is_full():
        return CompletionStatus.FULL
    shard.release(worker, done.lead)
    stored.attempts = 0
    accepted = status is CompletionStatus.ACCEPTED
    settles = done.state_hash == stored.state_hash and _is_live(shard, done)
    if settles:
        shard.dirty.pop(done.lead, None)
    elif accepted and stored.queue is not None and stored.parked is None:
        shard.dirty.setdefault(done.lead, now_ms)
    # A refused result must not loop on its edge, and must not jump one: it moves `due` only when
    # it speaks of the current state, at a moment no later than the accepted result does.
    if accepted or (settles and stored.order is not None and done.order[2] <= stored.order[2]):
        _set_due(shard, done, stored)
    if accepted:
        _accept(shard, done, stored)
    return status


def _judge(shard: Shard, done: Completion, stored: ShardLead) -> CompletionStatus:
    live = shard.live(done.lead)
    if live is None or live[1] != done.artifact:
        return CompletionStatus.OTHER_ARTIFACT
    if stored.order is not None and done.order <= stored.order:
        return CompletionStatus.STALE
    return CompletionStatus.ACCEPTED


def _is_live(shard: Shard, done: Completion) -> bool:
    """Whether a result is of the live promotion. One artifact may be promoted twice: the result of
    an earlier promotion is not final."""
    live = shard.live(done.lead)
    return live is not None and live[1] == done.artifact and done.order[0] >= live[0]


def _set_due(shard: Shard, done: Completion, stored: ShardLead) -> None:
    shard.due.pop(done.lead, None)
    if done.due_ms is not None and stored.queue is not None and stored.parked is None:
        shard.due[done.lead] = done.due_ms


def _accept(shard: Shard, done: Completion, stored: ShardLead) -> None:
    stored.score, stored.order = done.score, done.order
    stored.listed_in = stored.queue
    stored.was_in = stored.queue or stored.was_in
    shard.append(
        OutboxEntry(
            id="",
            kind=EntryKind.SCORE,
            key=done.lead,
            value=done.score,
            version=stored.version,
            order=done.order,
            queue=stored.queue,
            traceparent=done.traceparent,
        )
    )


def park(
    shard: Shard, worker: str, claim: Claim, dead_letter: tuple[bytes, bytes], now_ms: int
) -> bool:
    stored = shard.leads.get(claim.lead)
    if stored is None or claim.lead in shard.erased:
        return False
    has_changed = stored.state_hash != state_hash(claim.state)
    if stored.parked is not None and not has_changed:
        return True
    if not shard.holds(worker, claim.lead, now_ms) or (shard.is_full() and not has_changed):
        return False
    shard.release(worker, claim.lead)
    if has_changed:
        return False
    shard.forget_work(claim.lead)
    stored.parked = claim.promotion
    shard.append_dead_letter(dead_letter, claim.traceparent)
    return True


def touch_leads(shard: Shard, leads: Sequence[str], deadline_ms: int) -> None:
    for name in leads:
        stored, live = shard.leads.get(name), shard.live(name)
        if stored is None or stored.queue is None or live is None or stored.parked == live[0]:
            continue
        if stored.order is None or stored.order[0] != live[0] or stored.order[1] < stored.version:
            if stored.parked is not None:
                stored.attempts, stored.parked = 0, None
            shard.make_dirty(name, deadline_ms)


def restate_leads(shard: Shard, leads: Sequence[str]) -> bool:
    if shard.is_full():
        return False
    for name in leads:
        stored = shard.leads.get(name)
        if stored is None or stored.state is None:
            continue
        if stored.was_in is None and stored.queue is not None:
            continue
        stands = stored.listed_in is not None
        shard.append(
            OutboxEntry(
                id="",
                kind=EntryKind.PLACE,
                key=name,
                value=stored.score or b"" if stands else b"",
                version=stored.version,
                order=stored.order,
                queue=stored.listed_in,
                left=None if stands else stored.was_in,
                traceparent=stored.traceparent,
            )
        )
    return True
