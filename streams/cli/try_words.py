"""How `asllr try` says what it read and what the lists would have been worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from scoring.backtest import Backtest
from scoring.backtest_words import answer, worth
from scoring.daily_calls import Terms
from scoring.json_values import json_value
from streams.exports.events import Read, own_name
from streams.exports.mapping import ColumnMapping
from streams.rank_file import RankedFile


@dataclass(frozen=True, slots=True)
class Found:
    """The lists as they stand; what earlier ones would have been worth, or why nobody can tell."""

    ranked: RankedFile
    terms: Terms
    judged: Backtest | None
    why_not: str = ""

    @property
    def verdict(self) -> str:
        if self.judged is None:
            return f"Cannot tell what daily calls would have been worth: {self.why_not}"
        said = answer(self.judged, self.judged.paired[0], self.terms)
        return said[:1].upper() + said[1:]


def mapping_lines(mapping: ColumnMapping, read: Read) -> Iterator[str]:
    for kind, n_rows in read.counts.items():
        found = mapping.of(kind)
        if found is not None:
            named = ", ".join(f"{name} = {column}" for name, column in found.columns.items())
            yield f"{kind}: {n_rows:,} rows; {named}; times {found.times} ({mapping.zone})"
    profile = ", ".join(f"{name} = {column}" for name, column in mapping.profile.items())
    yield f"profile: {profile or 'no column that the model knows'}"


def found_lines(found: Found, top: int) -> Iterator[str]:
    yield f"as of {found.ranked.as_of}, {found.ranked.n_leads:,} leads"
    queue = None
    for row in found.ranked.rows:
        if row.rank <= top:
            if row.queue != queue:
                queue = row.queue
                yield f"queue {own_name(queue)}"
            yield f"{row.rank:>4}  {row.probability:6.1%}  {own_name(row.lead):<24} {row.reason}"
    yield found.verdict
    if found.judged is not None:
        yield from (worth(name, called) for name, called in found.judged.models.items())


def found_json(mapping: ColumnMapping, read: Read, found: Found, top: int) -> dict[str, Any]:
    judged = found.judged
    told: dict[str, Any] = json_value(
        {
            "mapping": mapping.model_dump(),
            "rows": read.counts,
            "skipped": read.skipped,
            "as_of": None if found.ranked.as_of is None else found.ranked.as_of.isoformat(),
            "leads": [
                asdict(row) | {"lead": own_name(row.lead), "queue": own_name(row.queue)}
                for row in found.ranked.rows
                if row.rank <= top
            ],
            "verdict": found.verdict,
            "backtest": None
            if judged is None
            else {
                "buyers": judged.n_buyers,
                "models": {name: asdict(called) for name, called in judged.models.items()},
                "paired": asdict(judged.paired[0]),
            },
        }
    )
    return told
