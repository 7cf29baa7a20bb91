"""The rows of an export: in memory while they are few, else in a temporary file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any, overload

import msgspec

from streams.importers.spool.temporary import TemporaryRecords

Row = Mapping[str, Any]

HELD_BYTES = 100_000_000
"""The rows of a file take about so much memory at most; more of them lie in a temporary file."""

FLUSHED_BYTES = 8_000_000
N_NEWEST = 64
"""So many rows at the end are always in memory: the last of a table may be taken off it."""

CELL_BYTES = 100
"""What a cell takes beside its text."""

MAX_SAMPLE_CHARS = 200
"""So much of a cell is in a sample: no time is longer."""

_MAX_INT = 2**63


class RowSpool(Sequence[Row]):
    """Rows in the order in which they were added. `columns_of_marks`: column -> the cell that is a
    mark of nothing in it, which is known only when all rows are read."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.columns_of_marks: dict[str, str] = {}
        self._number_of: dict[str, int] = {}
        self._held: list[Row] = []
        self._held_bytes = 0
        self._filed: TemporaryRecords | None = None
        self._n_filed = 0
        self._samples: dict[str, list[Any]] = {}
        for row in rows:
            self.append(row)

    @property
    def are_filed(self) -> bool:
        """Whether rows lie in a file, so that to look at all of them takes a while."""
        return self._filed is not None

    def append(self, row: Row) -> None:
        """Raises ImportFault where the disk is full."""
        self._held.append(row)
        self._held_bytes += CELL_BYTES * len(row)
        self._held_bytes += sum(len(cell) for cell in row.values() if isinstance(cell, str))
        if self._held_bytes > (FLUSHED_BYTES if self.are_filed else HELD_BYTES):
            self._flush()

    def pop(self) -> Row:
        """Takes the last row off; of at most N_NEWEST one after another."""
        return self._held.pop()

    def __len__(self) -> int:
        return self._n_filed + len(self._held)

    def __iter__(self) -> Iterator[Row]:
        rows = self._rows()
        return map(self._without_marks, rows) if self.columns_of_marks else rows

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return list(islice(self, *index.indices(len(self))))
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(at)
        if at >= self._n_filed:
            return self._without_marks(self._held[at - self._n_filed])
        return next(islice(self, at, None))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        gone = object()
        return len(self) == len(other) and all(
            one == another for one, another in zip_longest(self, other, fillvalue=gone)
        )

    __hash__ = None  # type: ignore[assignment]  # rows are added

    def sample(self, column: str, n: int, columns: Sequence[str]) -> list[Any]:
        """The first `n` cells of a column that has a value there, cut to MAX_SAMPLE_CHARS. Where
        rows lie in a file, one look at it takes those of all `columns`."""
        if not self.are_filed:
            return list(islice((row[column] for row in self if column in row), n))
        if column not in self._samples:
            samples: dict[str, list[Any]] = {name: [] for name in (*columns, column)}
            for row in self:
                for name, cell in row.items():
                    cells = samples.get(name)
                    if cells is not None and len(cells) < n:
                        is_long = isinstance(cell, str) and len(cell) > MAX_SAMPLE_CHARS
                        cells.append(cell[:MAX_SAMPLE_CHARS] if is_long else cell)
            self._samples |= samples
        return self._samples[column][:n]

    def _rows(self) -> Iterator[Row]:
        if self._filed is not None:
            names = [*self._number_of]
            for record in self._filed:
                cells = msgspec.msgpack.decode(record)
                yield {
                    name: cell for name, cell in zip(names, cells, strict=False) if cell is not None
                }
        yield from self._held

    def _without_marks(self, row: Row) -> Row:
        marks = self.columns_of_marks
        if any(row.get(name) == mark for name, mark in marks.items()):
            return {name: cell for name, cell in row.items() if marks.get(name) != cell}
        return row

    def _flush(self) -> None:
        """Puts all rows but the newest into the file."""
        if self._filed is None:
            self._filed = TemporaryRecords()
        old = self._held[:-N_NEWEST]
        for row in old:
            self._filed.add(self._encoded(row))
        self._n_filed += len(old)
        self._held = self._held[-N_NEWEST:]
        self._held_bytes = 0  # the newest count again only as they are few

    def _encoded(self, row: Row) -> bytes:
        numbers = self._number_of
        cells: list[Any] = [None] * len(numbers)
        for name, cell in row.items():
            number = numbers.get(name)
            if number is None:
                numbers[name] = len(numbers)
                cells.append(cell)
            else:
                cells[number] = cell
        try:
            return msgspec.msgpack.encode(cells)
        except (OverflowError, UnicodeEncodeError):
            return msgspec.msgpack.encode(_plain(cells))


def _plain(value: Any) -> Any:
    """A value of JSON without what the file's format has no room for: a long number is its text."""
    match value:
        case list():
            return [_plain(each) for each in value]
        case dict():
            return {_plain(name): _plain(each) for name, each in value.items()}
        case int() if not -_MAX_INT <= value < _MAX_INT:
            return str(value)
        case str():
            return value.encode("utf-8", "replace").decode()
        case _:
            return value
