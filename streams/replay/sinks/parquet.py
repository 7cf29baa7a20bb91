"""Writes the lines of a replay as Parquet: columns that tools filter by, and beside them the line
itself, byte for byte, in the order of the replay. Needs Arrow, of the train extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import from_json

from streams.replay.sinks.sink import FileFormat, LineKind, name_of

ROWS_PER_GROUP = 10_000

_MOMENT = pa.timestamp("us", tz="UTC")
SCHEMAS = {
    LineKind.SCORES: pa.schema(
        [
            ("tenant", pa.string()),
            ("lead", pa.string()),
            ("as_of", _MOMENT),
            ("version", pa.int64()),
            ("promotion", pa.int64()),
            ("probability", pa.float64()),
            ("logit", pa.float64()),
            ("horizon_days", pa.int32()),
            ("reason", pa.string()),
            ("evidence", pa.string()),
            ("artifact", pa.string()),
            ("state_hash", pa.string()),
            ("scored_at", _MOMENT),
            ("valid_until", _MOMENT),
            ("line", pa.string()),
        ]
    ),
    LineKind.MOVES: pa.schema(
        [
            ("moment", _MOMENT),
            ("tenant", pa.string()),
            ("queue", pa.string()),
            ("lead", pa.string()),
            ("rank", pa.int32()),
            ("previous_rank", pa.int32()),
            ("board_version", pa.int64()),
            ("probability", pa.float64()),
            ("delta", pa.float64()),
            ("reason", pa.string()),
            ("line", pa.string()),
        ]
    ),
}
"""The columns of each kind of line. Columns that are not a field of the line are fields of its
`order`."""


@contextmanager
def opened_parquet(folder: Path) -> Iterator[ParquetFiles]:
    with ExitStack() as files:
        yield ParquetFiles({kind: files.enter_context(_new(folder, kind)) for kind in LineKind})


def read_parquet_lines(path: Path) -> Iterator[bytes]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_PER_GROUP, columns=["line"]):
            for line in batch.column(0).to_pylist():
                yield line.encode()


def _new(folder: Path, kind: LineKind) -> pq.ParquetWriter:
    path = folder / name_of(kind, FileFormat.PARQUET)
    return pq.ParquetWriter(path, SCHEMAS[kind], compression="zstd")


class ParquetFiles:
    """Implements Sink with Parquet files. Holds less than a row group of each kind."""

    def __init__(self, writers: dict[LineKind, pq.ParquetWriter]) -> None:
        self._writers = writers
        self._rows: dict[LineKind, list[dict[str, Any]]] = {kind: [] for kind in LineKind}

    def take(self, kind: LineKind, lead: str, line: bytes) -> None:
        rows = self._rows[kind]
        rows.append(_row(kind, line))
        if len(rows) == ROWS_PER_GROUP:
            self._write(kind)

    def end(self) -> None:
        for kind in LineKind:
            self._write(kind)

    def _write(self, kind: LineKind) -> None:
        table = pa.Table.from_pylist(self._rows[kind], schema=SCHEMAS[kind])
        self._writers[kind].write_table(table)
        self._rows[kind].clear()


def _row(kind: LineKind, line: bytes) -> dict[str, Any]:
    fields = from_json(line)
    values = {**(fields.get("order") or {}), **fields, "line": line.decode()}
    return {
        column.name: _moment(values.get(column.name))
        if column.type == _MOMENT
        else values.get(column.name)
        for column in SCHEMAS[kind]
    }


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
