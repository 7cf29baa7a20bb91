"""Snapshots of one shard's leads in memory."""

from __future__ import annotations

from collections.abc import Sequence

from streams.store.contract import EntryKind, OutboxEntry, SnapshotChunk, SnapshotStatus
from streams.store.memory_shard import Shard, SnapshotPass


def take_snapshot(shard: Shard, chunk: SnapshotChunk) -> SnapshotStatus:
    if chunk.step == 0:
        shard.snapshot_pass = SnapshotPass(chunk.pass_id, 0, dict(shard.frontier))
        return SnapshotStatus.TAKEN
    known = shard.snapshot_pass
    if known is None or known.pass_id != chunk.pass_id:
        return SnapshotStatus.BROKEN_OFF
    if known.step == chunk.step:  # a retry after a lost reply
        return SnapshotStatus.TAKEN
    if known.step != chunk.step - 1:
        return SnapshotStatus.BROKEN_OFF
    if shard.is_full():
        return SnapshotStatus.FULL
    append_snapshots(shard, chunk.leads)
    if chunk.is_last:
        shard.append(
            OutboxEntry("", EntryKind.FRONTIER, str(shard.number), b"", frontier=known.frontier)
        )
    shard.snapshot_pass = SnapshotPass(chunk.pass_id, chunk.step, known.frontier)
    return SnapshotStatus.TAKEN


def append_snapshots(shard: Shard, leads: Sequence[str]) -> None:
    for name in leads:
        known = shard.leads.get(name)
        if known is None or known.state is None:
            continue
        shard.append(
            OutboxEntry(
                id="",
                kind=EntryKind.SNAPSHOT,
                key=name,
                value=known.state,
                version=known.version,
                cursor=known.cursor,
                frontier=dict(shard.frontier),
            )
        )
