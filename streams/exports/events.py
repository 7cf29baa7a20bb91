"""Mapped rows as events. A row that cannot be one is counted with its reason; many such rows mean
that the mapping is wrong, and stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from schemas.codec import describe
from schemas.events import (
    MAX_SEGMENT_CHARS,
    Channel,
    Direction,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadUpserted,
    Role,
    Segment,
    Stage,
    StageChanged,
    TranscriptReady,
)
from scoring.features import FEATURES
from scoring.sources import Flag
from streams.exports.mapping import ColumnMapping, Columns
from streams.exports.table import Row, Table
from streams.exports.times import parse_time
from streams.importers.outcomes import ImportFault

TENANT = "try"
MAX_UNUSABLE = 0.05
"""Of a file's rows."""

_YES = {"1", "true", "yes", "y", "order", "ordered", "won", "closed won", "sold", "bought"}
_NO = {"0", "false", "no", "n", "lost", "closed lost", "cancelled", "canceled", "rejected"}
_ROLES = {
    **dict.fromkeys(("customer", "client", "caller", "lead", "buyer"), Role.CUSTOMER),
    **dict.fromkeys(("agent", "rep", "seller", "sales", "advisor"), Role.AGENT),
    **dict.fromkeys(("bot", "assistant", "ivr"), Role.BOT),
}
_DIRECTIONS = {
    **dict.fromkeys(("inbound", "in", "incoming"), Direction.INBOUND),
    **dict.fromkeys(("outbound", "out", "outgoing"), Direction.OUTBOUND),
}
_FLAGS = frozenset(one.source.field for one in FEATURES if isinstance(one.source, Flag))


@dataclass(slots=True)
class Read:
    """`skipped`: one sentence for each reason, with how many rows it took."""

    events: list[EventBase] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


def events_of(tables: Mapping[str, Table], mapping: ColumnMapping) -> Read:
    """In order of time. Raises ImportFault when too much of a file is unusable."""
    found = Read()
    for kind, table in tables.items():
        columns = mapping.of(kind)
        if columns is not None:
            _read(kind, table, _Reader(mapping, columns), found)
    found.events.sort(key=lambda event: (event.occurred_at, event.source, event.id))
    return found


def lead_id(cell: Any) -> str:
    """Any name in the alphabet of ids; `own_name` is the inverse."""
    parts = re.split(r"([^A-Za-z0-9._-])", str(cell).strip())
    return "".join(
        "".join(f":{byte:02x}" for byte in part.encode()) if number % 2 else part
        for number, part in enumerate(parts)
    )


def own_name(lead: str) -> str:
    raw = re.sub(rb":([0-9a-f]{2})", lambda hit: bytes.fromhex(hit[1].decode()), lead.encode())
    return raw.decode()


def _read(kind: str, table: Table, reader: _Reader, found: Read) -> None:
    convert = {"leads": reader.lead, "calls": reader.call, "outcomes": reader.outcome}[kind]
    reasons: dict[str, list[int]] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        try:
            found.events += convert(line, row)
        except ValidationError as error:
            reasons.setdefault(describe(error), []).append(line)
        except ValueError as error:
            reasons.setdefault(str(error), []).append(line)
    said = [
        f"{table.path}: {len(lines):,} rows skipped, the first in line {lines[0]}: {reason}"
        for reason, lines in reasons.items()
    ]
    n_unusable = sum(map(len, reasons.values()))
    if n_unusable > MAX_UNUSABLE * len(table.rows):
        raise ImportFault(
            f"{said[0]}; with {n_unusable:,} of {len(table.rows):,} rows unusable the mapping or "
            "the export is wrong"
        )
    found.skipped += said
    found.counts[kind] = len(table.rows) - n_unusable


@dataclass(frozen=True, slots=True)
class _Reader:
    mapping: ColumnMapping
    columns: Columns

    def lead(self, line: int, row: Row) -> Iterator[EventBase]:
        profile: dict[str, str | float | bool | None] = {
            name: _profile_value(name, row[column])
            for name, column in self.mapping.profile.items()
            if column in row
        }
        queue, owner = self._cell(row, "queue"), self._cell(row, "owner")
        yield LeadUpserted(
            **self._envelope("leads", line, row, self._time(row, "created_at")),
            profile=profile,
            queue=None if queue is None else lead_id(queue),
            owner=None if owner is None else str(owner),
        )

    def call(self, line: int, row: Row) -> Iterator[EventBase]:
        started_at = self._time(row, "started_at")
        duration_s = _seconds(self._cell(row, "duration_s"))
        segments = _segments(self._cell(row, "talk"))
        end = started_at + timedelta(seconds=duration_s or 0.0)
        call_id = lead_id(self._cell(row, "call_id") or f"line-{line}")
        envelope = self._envelope("calls", line, row, end)
        direction = _DIRECTIONS.get(str(self._cell(row, "direction") or "").strip().lower())
        yield InteractionLogged(
            **envelope,
            channel=Channel.CALL,
            direction=direction,
            duration_s=duration_s,
            call_id=call_id,
        )
        if segments:
            yield TranscriptReady(
                **{**envelope, "id": f"{line}:talk"},
                call_id=call_id,
                started_at=started_at,
                segments=segments,
            )

    def outcome(self, line: int, row: Row) -> Iterator[EventBase]:
        """Without a time there is no order yet."""
        if self._cell(row, "ordered_at") is None:
            return
        said = str(self._cell(row, "outcome") or "won").strip().lower()
        if said not in _YES | _NO:
            raise ValueError(f"outcome is none of {', '.join(sorted(_YES | _NO))}")
        envelope = self._envelope("outcomes", line, row, self._time(row, "ordered_at"))
        if said in _YES:
            yield StageChanged(**envelope, stage=Stage.ORDER)
        else:
            yield LeadClosed(**envelope, reason="lost")

    def _envelope(self, kind: str, line: int, row: Row, at: datetime) -> dict[str, Any]:
        lead = self._cell(row, "lead")
        if lead is None:
            raise ValueError("no lead")
        return {
            "id": f"{line}",
            "source": f"try/{kind}",
            "tenant": TENANT,
            "lead": lead_id(lead),
            "occurred_at": at,
        }

    def _cell(self, row: Row, field: str) -> Any:
        return row.get(self.columns.columns.get(field, ""))

    def _time(self, row: Row, field: str) -> datetime:
        cell = self._cell(row, field)
        if cell is None:
            raise ValueError(f"no {field}")
        try:
            return parse_time(cell, self.columns.times, ZoneInfo(self.mapping.zone))
        except ValueError as error:
            raise ValueError(f"{field}: {error}") from None


def _profile_value(name: str, cell: Any) -> str | float | bool:
    """In the words of the features: `15k - 25k` is `15k_25k`."""
    text = str(cell).strip().lower()
    if name in _FLAGS and text in _YES | _NO:
        return text in _YES
    return re.sub(r"[^a-z0-9.]+", "_", text).strip("_")[:200]


def _seconds(cell: Any) -> float | None:
    """`312`, `5:12` or `0:05:12`."""
    if cell is None:
        return None
    seconds = 0.0
    try:
        for part in str(cell).strip().split(":"):
            seconds = 60.0 * seconds + float(part)
    except ValueError:
        raise ValueError("duration_s: no number of seconds and no h:mm:ss") from None
    return seconds


def _segments(talk: Any) -> tuple[Segment, ...]:
    """A list of turns, or lines such as `Customer: …`; a line without a speaker is nobody's."""
    if talk is None:
        return ()
    turns = talk if isinstance(talk, list) else str(talk).splitlines()
    said = [one for turn in turns for one in _turn(turn)]
    return tuple(
        Segment(role=role, start_s=float(at), end_s=float(at + 1), text=text)
        for at, (role, text) in enumerate(said)
    )


def _turn(turn: Any) -> Iterator[tuple[Role, str]]:
    if isinstance(turn, dict):
        speaker = turn.get("role") or turn.get("speaker") or ""
        text = turn.get("text") or ""
    else:
        speaker, colon, text = str(turn).partition(":")
        if not colon or speaker.strip().lower() not in _ROLES:
            speaker, text = "", str(turn)
    role = _ROLES.get(str(speaker).strip().lower(), Role.UNKNOWN)
    words = str(text).strip().replace("\0", "")
    for start in range(0, len(words), MAX_SEGMENT_CHARS):
        yield role, words[start : start + MAX_SEGMENT_CHARS]
