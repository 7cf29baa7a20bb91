"""The contract of what takes the lines of a replay: files of one JSON object a line, or what takes
the same lines: `streams.replay.sinks.files`, `streams.replay.sinks.parquet`,
`streams.replay.sinks.topic`.

    OUT/scores.jsonl     one Score a line; `scored_at` is the replay's moment, latencies are 0
    OUT/moves.jsonl      one RankMove a line
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class LineKind(StrEnum):
    SCORES = "scores"
    MOVES = "moves"


class FileFormat(StrEnum):
    JSONL = "jsonl"
    PARQUET = "parquet"


class Sink(Protocol):
    def take(self, kind: LineKind, lead: str, line: bytes) -> None:
        """Takes one line. `lead` is `tenant/lead`; `line` is JSON without a line break."""
        ...

    def end(self) -> None:
        """Is called after the last line."""
        ...


def name_of(kind: LineKind, file_format: FileFormat) -> str:
    return f"{kind.value}.{file_format.value}"
