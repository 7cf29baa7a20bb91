"""Rows of a file that something is to be said of, by what it is: one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class CountedRows:
    """What -> (lines, the first one's cell, where it may be shown). `verb`: what was done with the
    rows."""

    verb: str
    reasons: dict[str, tuple[list[int], Any]] = field(default_factory=dict)

    def add(self, line: int, reason: str, value: Any = None) -> None:
        self.reasons.setdefault(reason, ([], value))[0].append(line)

    @property
    def n_rows(self) -> int:
        return sum(len(lines) for lines, _ in self.reasons.values())

    def sentences(self, path: Path) -> Iterator[str]:
        for reason, (lines, value) in self.reasons.items():
            shown = "" if value is None else f", {str(value)[:40]!r}"
            rows = "row" if len(lines) == 1 else "rows"
            first = "in" if len(lines) == 1 else "the first in"
            yield (
                f"{path}: {len(lines):,} {rows} {self.verb}, {first} line {lines[0]}{shown}: "
                f"{reason}"
            )

    def commonest(self, path: Path) -> str:
        """The sentence of the reason that most rows have."""
        sentences = zip(self.reasons.values(), self.sentences(path), strict=True)
        return max(sentences, key=lambda each: len(each[0][0]))[1]
