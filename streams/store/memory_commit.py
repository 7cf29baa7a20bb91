"""Commits one batch to a shard in memory: everything is checked, then everything is written."""

from __future__ import annotations

from scoring.lead.state_bytes import state_hash
from streams.store.board import board_of
from streams.store.contract import (
    Commit,
    CommitResult,
    CommitStatus,
    EntryKind,
    LeadWrite,
    OutboxEntry,
    checked,
    version_of,
)
from streams.store.memory_shard import Shard, ShardLead
from streams.store.memory_snapshot import append_snapshots


def apply_commit(shard: Shard, commit: Commit, now_ms: int) -> CommitResult:
    checked(commit)
    frontier = shard.frontier.get(commit.topic, -1)
    if frontier != commit.prev:
        ahead = frontier > commit.prev
        return CommitResult(CommitStatus.AHEAD if ahead else CommitStatus.BEHIND, frontier)
    if any(_has_moved(shard, write) for write in commit.leads):
        return CommitResult(CommitStatus.MOVED, frontier)
    adds_entries = commit.dead_letters or any(_departure(shard, write) for write in commit.leads)
    if adds_entries and shard.is_full():
        return CommitResult(CommitStatus.FULL, frontier)
    was_erased = shard.erased & {write.lead for write in commit.leads}
    for write in commit.leads:
        _write(shard, write, now_ms)
    for dead_letter in commit.dead_letters:
        shard.append_dead_letter(dead_letter)
    erased = [w.lead for w in commit.leads if w.erased and w.lead not in was_erased]
    shard.frontier[commit.topic] = commit.last
    append_snapshots(shard, erased)
    return CommitResult(CommitStatus.COMMITTED, commit.last)


def _has_moved(shard: Shard, write: LeadWrite) -> bool:
    stored, expected = shard.stored(write.lead), write.expected
    return (stored.cursor, stored.erased) != (expected.cursor, expected.erased)


def _departure(shard: Shard, write: LeadWrite) -> EntryKind | None:
    """The entry that the outbox needs now, before any scoring, because a lead leaves its queue."""
    if write.state is None:
        return None
    if write.erased and write.lead not in shard.erased:
        return EntryKind.ERASE
    known = shard.leads.get(write.lead)
    listed_in = known.listed_in if known else None
    return EntryKind.LEAVE if listed_in is not None and listed_in != write.queue else None


def _write(shard: Shard, write: LeadWrite, now_ms: int) -> None:
    if write.state is None and write.cursor == (write.expected.cursor or {}):
        return
    kind = _departure(shard, write)
    lead = shard.leads.setdefault(write.lead, ShardLead())
    lead.cursor, lead.version = dict(write.cursor), version_of(write.cursor)
    if write.state is None:
        return
    lead.state, lead.state_hash = write.state, state_hash(write.state)
    lead.ingested_ms, lead.applied_ms = write.ingested_ms, now_ms
    lead.traceparent = write.traceparent
    if write.slack_ms is not None:
        lead.attempts, lead.parked = 0, None
    if kind:
        shard.append(
            OutboxEntry(
                id="",
                kind=kind,
                key=write.lead,
                value=b"",
                version=lead.version,
                order=lead.order,
                queue=lead.listed_in,
                traceparent=write.traceparent,
            )
        )
        lead.listed_in = None
    if kind is EntryKind.ERASE:
        _erase(shard, write.lead, lead)
    _list(shard, write, lead, now_ms)


def _erase(shard: Shard, name: str, lead: ShardLead) -> None:
    shard.erased.add(name)
    lead.score = lead.order = lead.holder = None
    lead.attempts, lead.parked = 0, None
    shard.leased.pop(name, None)


def _list(shard: Shard, write: LeadWrite, lead: ShardLead, now_ms: int) -> None:
    lead.queue = None if write.lead in shard.erased else write.queue
    if lead.queue is None:
        shard.forget_work(write.lead)
        return
    shard.queues.add(board_of(write.lead, lead.queue))
    if write.slack_ms is not None:
        shard.make_dirty(write.lead, now_ms + write.slack_ms)
