"""Takes snapshots of the leads of one shard in memory."""

from __future__ import annotations

from collections.abc import Sequence

from streams.store.contract import EntryKind, OutboxEntry, SnapshotChunk, SnapshotStatus
from streams.store.memory_shard import Shard, SnapshotPass


def take_snapshot(shard: Shard, chunk: SnapshotChunk) -> SnapshotStatus:
    if chunk.step == 0:
        shard.snapshot_pass = SnapshotPass(chunk.pass_id, 0, dict(shard.frontier))
        return SnapshotStatus.TAKEN
    running = shard.snapshot_pass
    if running is None or running.pass_id != chunk.pass_id:
        return SnapshotStatus.BROKEN_OFF
    if running.step == chunk.step:  # a retry after a lost reply
        return SnapshotStatus.TAKEN
    if running.step != chunk.step - 1:
        return SnapshotStatus.BROKEN_OFF
    if shard.is_full():
        return SnapshotStatus.FULL
    append_snapshots(shard, chunk.leads)
    if chunk.is_last:
        shard.append(
            OutboxEntry("", EntryKind.FRONTIER, str(shard.number), b"", frontier=running.frontier)
        )
    shard.snapshot_pass = SnapshotPass(chunk.pass_id, chunk.step, running.frontier)
    return SnapshotStatus.TAKEN


def append_snapshots(shard: Shard, leads: Sequence[str]) -> None:
    for name in leads:
        stored = shard.leads.get(name)
        if stored is None or stored.state is None:
            continue
        shard.append(
            OutboxEntry(
                id="",
                kind=EntryKind.SNAPSHOT,
                key=name,
                value=stored.state,
                version=stored.version,
                cursor=stored.cursor,
                frontier=dict(shard.frontier),
            )
        )
