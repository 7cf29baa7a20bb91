"""The records of the output topics: the exact bytes and headers of everything asllr writes.

Pure: the same entry and the same move give the same bytes, so that whoever repeats a delivery
repeats the record. `streams.publish.publisher` decides when.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

from pydantic_core import to_json

from schemas import topics
from schemas.ids import LeadKey, record_key
from schemas.outputs import (
    BoardRow,
    BoardSnapshot,
    Erasure,
    FrontierMark,
    LeadSnapshot,
    RankUpdate,
    Score,
    ShadowScore,
)
from schemas.timestamps import from_ms, to_ms
from scoring.lead.state_bytes import to_text
from streams.kafka.producer import OutRecord
from streams.store.board import UNSCORED, BoardView, Move, OrderKey, Placement
from streams.store.contract import OutboxEntry

ORDER_HEADER = "asllr_order"
"""On every record of `leads.ranked`, tombstones included: a JSON list of four integers. The
greatest list wins (see `rank_order`)."""

SOURCE = b"asllr"

FRONTIER_KEY = "frontier:"
"""The beginning of a key of `leads.state` that does not belong to a lead: keys of leads have a
slash."""


def rank_order(version: int, order: OrderKey | None) -> bytes:
    """The key by which a board and a subscriber tell which record is newer: the lead's version when
    the record was caused, then the score's (promotion, version, as_of). The promotion alone could
    not order a lead that left against one that was promoted before."""
    return to_json([version, *(order or UNSCORED)])


def score_record(entry: OutboxEntry) -> OutRecord:
    dotted = ".".join(map(str, entry.order or UNSCORED))
    headers = _headers("Score", f"{entry.key}:{dotted}", entry.key, entry.traceparent)
    return OutRecord(topics.SCORES.name, record_key(entry.key), entry.value, headers)


def placement_of(entry: OutboxEntry, score: Score) -> Placement:
    return Placement(
        lead=entry.key,
        version=entry.version,
        order=entry.order or UNSCORED,
        probability=score.probability,
        reason=score.reason,
        reason_kind=score.reason_kind,
    )


def rank_record(entry: OutboxEntry, score: Score, move: Move) -> OutRecord:
    """A rank on `leads.ranked`. `entry.queue` and `move.rank` must not be None."""
    update = RankUpdate(
        tenant=score.tenant,
        queue=entry.queue or "",
        lead=score.lead,
        rank=move.rank or 0,
        previous_rank=move.previous_rank,
        board_version=move.board_version,
        probability=score.probability,
        delta=move.delta,
        order=score.order,
        state_hash=score.state_hash,
        cause=score.cause,
        reason=score.reason,
        reason_kind=score.reason_kind,
        evidence=score.evidence,
    )
    return _ranked(entry, "RankUpdate", update.model_dump_json().encode())


def tombstone(entry: OutboxEntry) -> OutRecord:
    """The tombstone of a lead that stands on no board."""
    return _ranked(entry, "RankTombstone", None)


def _ranked(entry: OutboxEntry, name: str, value: bytes | None) -> OutRecord:
    order = rank_order(entry.version, entry.order)
    dotted = ".".join(map(str, (entry.version, *(entry.order or UNSCORED))))
    headers = _headers(name, f"{entry.key}:{dotted}", entry.key, entry.traceparent)
    return OutRecord(
        topics.RANKED.name, record_key(entry.key), value, ((ORDER_HEADER, order), *headers)
    )


def erasure_record(entry: OutboxEntry) -> OutRecord:
    key = LeadKey.parse(entry.key)
    erasure = Erasure(tenant=key.tenant, lead=key.lead, erased_at=_written_at(entry))
    headers = _headers("Erasure", f"{entry.key}:{entry.version}", entry.key, entry.traceparent)
    return OutRecord(
        topics.ERASED.name, record_key(entry.key), erasure.model_dump_json().encode(), headers
    )


def dead_letter_record(entry: OutboxEntry) -> OutRecord:
    identity = blake2b(entry.value, digest_size=16).hexdigest()
    headers = _headers("DeadLetter", identity, entry.key, entry.traceparent)
    return OutRecord(topics.DEAD_LETTER.name, entry.key.encode(), entry.value, headers)


def state_record(entry: OutboxEntry) -> OutRecord:
    key = LeadKey.parse(entry.key)
    snapshot = LeadSnapshot(
        tenant=key.tenant,
        lead=key.lead,
        cursor=dict(entry.cursor or {}),
        frontier=dict(entry.frontier or {}),
        state=to_text(entry.value),
    )
    headers = _headers("LeadSnapshot", f"{entry.key}:{entry.version}", entry.key, None)
    return OutRecord(
        topics.STATE.name, record_key(entry.key), snapshot.model_dump_json().encode(), headers
    )


def frontier_record(entry: OutboxEntry) -> OutRecord:
    """A frontier on `leads.state`. `entry.key` is the shard, and so the partition."""
    key = f"{FRONTIER_KEY}{entry.key}"
    mark = FrontierMark(frontier=dict(entry.frontier or {}))
    headers = _headers("FrontierMark", f"{key}:{entry.id}", key, None)
    value = mark.model_dump_json().encode()
    return OutRecord(topics.STATE.name, key.encode(), value, headers, int(entry.key))


def snapshot_record(queue: str, board: BoardView) -> OutRecord:
    """A board snapshot on `leads.boards`. `queue` is `tenant/queue`."""
    tenant, _, name = queue.partition("/")
    snapshot = BoardSnapshot(
        tenant=tenant,
        queue=name,
        board_version=board.board_version,
        size=board.size,
        top=_top(board.rows),
    )
    headers = _headers("BoardSnapshot", f"{queue}:{board.board_version}", queue, None)
    return OutRecord(
        topics.BOARDS.name, queue.encode(), snapshot.model_dump_json().encode(), headers
    )


def shadow_record(score: ShadowScore) -> OutRecord:
    key = f"{score.tenant}/{score.lead}"
    order = score.order
    identity = f"{key}:{order.promotion}.{order.version}.{to_ms(order.as_of)}:{score.candidate}"
    headers = _headers("ShadowScore", identity, key, None)
    return OutRecord(topics.SHADOW.name, record_key(key), score.model_dump_json().encode(), headers)


def _top(rows: Sequence[Placement]) -> tuple[BoardRow, ...]:
    return tuple(
        BoardRow(
            lead=LeadKey.parse(row.lead).lead,
            rank=rank,
            probability=row.probability,
            reason=row.reason,
            reason_kind=row.reason_kind,
        )
        for rank, row in enumerate(rows, start=1)
    )


def _headers(
    name: str, ce_id: str, subject: str, traceparent: str | None
) -> tuple[tuple[str, bytes], ...]:
    """CloudEvents 1.0, Kafka protocol binding, binary content mode. `traceparent` is that of W3C
    Trace Context."""
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", ce_id.encode()),
        ("ce_source", SOURCE),
        ("ce_type", f"asllr.{name}.v1".encode()),
        ("ce_subject", subject.encode()),
        ("content-type", b"application/json"),
    )
    return (*headers, ("traceparent", traceparent.encode())) if traceparent else headers


def _written_at(entry: OutboxEntry) -> datetime:
    """When an entry was written. Outbox ids begin with the store's milliseconds: a repeated
    delivery gives the same time."""
    return from_ms(int(entry.id.partition("-")[0]))
