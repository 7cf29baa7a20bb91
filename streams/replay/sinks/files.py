"""Writes and reads the lines of a replay as files, in either format."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from streams.replay.sinks.sink import FileFormat, LineKind, Sink, name_of


@contextmanager
def opened_files(folder: Path, file_format: FileFormat) -> Iterator[Sink]:
    """Opens the files of a replay for writing. Raises ModuleNotFoundError where Parquet is asked
    for and Arrow is not installed."""
    match file_format:
        case FileFormat.JSONL:
            with ExitStack() as files:
                yield JsonlFiles(
                    {kind: files.enter_context(_new(folder, kind)) for kind in LineKind}
                )
        case FileFormat.PARQUET:
            from streams.replay.sinks.parquet import opened_parquet  # Arrow is an extra

            with opened_parquet(folder) as sink:
                yield sink


def read_lines(folder: Path, kind: LineKind) -> Iterator[bytes]:
    """Reads lines as they were written, in whichever format. Raises like `opened_files`,
    OSError."""
    if name_of(kind, FileFormat.PARQUET) in {file.name for file in folder.iterdir()}:
        from streams.replay.sinks.parquet import read_parquet_lines  # Arrow is an extra

        yield from read_parquet_lines(folder / name_of(kind, FileFormat.PARQUET))
    else:
        with (folder / name_of(kind, FileFormat.JSONL)).open("rb") as file:
            yield from file


def _new(folder: Path, kind: LineKind) -> IO[bytes]:
    return (folder / name_of(kind, FileFormat.JSONL)).open("wb")


class JsonlFiles:
    """Implements Sink with JSON-lines files."""

    def __init__(self, files: dict[LineKind, IO[bytes]]) -> None:
        self._files = files

    def take(self, kind: LineKind, lead: str, line: bytes) -> None:
        file = self._files[kind]
        file.write(line)
        file.write(b"\n")

    def end(self) -> None:
        for file in self._files.values():
            file.flush()
