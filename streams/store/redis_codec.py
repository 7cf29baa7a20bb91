"""Translates the store's values to and from Redis: arguments of the scripts, and their replies.

An empty string stands for None; numbers that Lua compares travel as decimal text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from schemas.outputs import ReasonKind
from scoring.lead.state_bytes import state_hash
from streams.store.board import Move, OrderKey, Placement
from streams.store.contract import (
    Claim,
    Commit,
    Cursor,
    EntryKind,
    LeadView,
    LeadWrite,
    OutboxEntry,
    StoredLead,
    version_of,
)
from streams.store.fleet import Serves, WorkerBeat, beat_of, is_living
from streams.store.redis_scripts import Argument


def cursor_text(cursor: Cursor | None) -> bytes:
    """Writes a cursor as canonical JSON, because the commit compares it as text."""
    return _encode_cursor(cursor) if cursor else b""


_encode_cursor = msgspec.json.Encoder(order="sorted").encode
_decode_cursor = msgspec.json.Decoder(dict[str, int]).decode


def order_text(order: OrderKey) -> str:
    return " ".join(map(str, order))


def float_text(value: float) -> str:
    return format(value, ".17g")


def commit_arguments(commit: Commit, outbox_bound: int) -> list[Argument]:
    """The arguments of a commit, in the order that `commit.lua` documents."""
    arguments: list[Argument] = [
        f"{commit.topic}:{commit.partition}",
        commit.prev,
        commit.last,
        outbox_bound,
        len(commit.leads),
        len(commit.dead_letters),
    ]
    for write in commit.leads:
        arguments.extend(_write_arguments(write))
    for key, value in commit.dead_letters:
        arguments += (key, value)
    return arguments


def serves_arguments(serves: Serves) -> tuple[Argument, ...]:
    """How many artifacts the worker serves ("": any), those, and those served elsewhere."""
    own = () if serves.own is None else tuple(sorted(serves.own))
    return ("" if serves.own is None else len(own), *own, *sorted(serves.elsewhere))


def living_beats(noted: Mapping[bytes, bytes], now_ms: int) -> list[WorkerBeat]:
    """The heartbeats that count, by worker. One that is not as `beat.lua` writes it is of another
    asllr."""
    found = []
    for worker, text in sorted(noted.items()):
        at, _, said = text.partition(b" ")
        if at.isdigit() and is_living(int(at), now_ms):
            found.append(beat_of(worker.decode(errors="replace"), int(at), said))
    return [beat for beat in found if beat is not None]


def _write_arguments(write: LeadWrite) -> tuple[Argument, ...]:
    state = write.state
    return (
        write.lead,
        cursor_text(write.expected.cursor),
        int(write.expected.erased),
        cursor_text(write.cursor),
        version_of(write.cursor),
        int(state is not None),
        state or b"",
        "" if state is None else state_hash(state),
        write.queue or "",
        int(write.erased),
        "" if write.slack_ms is None else write.slack_ms,
        write.ingested_ms,
        write.traceparent or "",
    )


def stored_lead(cursor: bytes | None, state: bytes | None, erased: int) -> StoredLead:
    return StoredLead(_cursor(cursor), state, bool(erased))


def claims(shard: int, reply: Sequence[Any]) -> list[Claim]:
    claimed_ms, rows = int(reply[0]), _rows(reply[1:], 11)
    return [
        Claim(
            shard=shard,
            lead=lead.decode(),
            state=state,
            cursor=_decode_cursor(cursor),
            version=int(version),
            promotion=int(promotion),
            artifact=artifact.decode(),
            attempt=int(attempt),
            claimed_ms=claimed_ms,
            ingested_ms=int(ingested_ms),
            applied_ms=int(applied_ms or 0),
            last=_order(order),
            traceparent=_text(traceparent),
        )
        for (
            lead,
            promotion,
            artifact,
            attempt,
            state,
            cursor,
            version,
            ingested_ms,
            applied_ms,
            order,
            traceparent,
        ) in rows
    ]


def lead_views(leads: Sequence[str], reply: Sequence[Any]) -> list[LeadView]:
    return [_lead_view(lead, row) for lead, row in zip(leads, _rows(reply, 13), strict=True)]


def _lead_view(lead: str, row: Sequence[Any]) -> LeadView:
    cursor, state, version, queue, listed_in, score, order, attempts, parked = row[:9]
    erased, dirty, due, leased = row[9:]
    return LeadView(
        lead=lead,
        stored=stored_lead(cursor, state, erased),
        version=int(version or 0),
        queue=_text(queue),
        listed_in=_text(listed_in),
        score=score,
        order=_order(order),
        dirty=dirty is not None,
        due_ms=None if due is None else int(float(due)),
        leased_until_ms=None if leased is None else int(float(leased)),
        attempts=int(attempts or 0),
        parked=parked is not None,
    )


def entry(entry_id: bytes, fields: dict[bytes, bytes]) -> OutboxEntry:
    return OutboxEntry(
        id=entry_id.decode(),
        kind=EntryKind(fields[b"kind"].decode()),
        key=fields[b"key"].decode(errors="replace"),
        value=fields[b"value"],
        version=int(fields[b"version"]),
        order=_order(fields[b"order"]),
        queue=_text(fields[b"queue"]),
        left=_text(fields[b"left"]),
        traceparent=_text(fields[b"traceparent"]),
        cursor=_cursor(fields.get(b"cursor")),
        frontier=_cursor(fields.get(b"frontier")),
    )


def move(reply: Sequence[Any]) -> Move:
    rank, previous_rank, board_version, delta, applied = reply
    return Move(
        rank=int(rank) if rank else None,
        previous_rank=int(previous_rank) if previous_rank else None,
        board_version=int(board_version),
        delta=float(delta) if delta else None,
        applied=bool(applied),
    )


def placements(reply: Sequence[Any]) -> list[Placement]:
    return [
        Placement(
            lead=lead.decode(),
            version=int(version),
            order=(int(promotion), int(scored_version), int(as_of_ms)),
            probability=float(probability),
            reason=reason.decode(),
            reason_kind=ReasonKind(kind.decode()),
        )
        for lead, version, promotion, scored_version, as_of_ms, probability, reason, kind in _rows(
            reply, 8
        )
    ]


def _rows(reply: Sequence[Any], stride: int) -> list[Sequence[Any]]:
    return [reply[at : at + stride] for at in range(0, len(reply), stride)]


def _text(value: bytes | None) -> str | None:
    return value.decode() if value else None


def _cursor(value: bytes | None) -> Cursor | None:
    return _decode_cursor(value) if value else None


def _order(value: bytes | None) -> OrderKey | None:
    if not value:
        return None
    promotion, version, as_of_ms = map(int, value.split())
    return promotion, version, as_of_ms
