"""The output of `asllr try`: what was read, and what the lists would have been worth. `asllr
dataset` says what it read of exports in the same lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from schemas.timestamps import DAY_MS, from_ms
from scoring.backtest.backtest import Backtest
from scoring.backtest.daily_calls import CallTerms
from scoring.report.backtest_text import answer, worth
from scoring.report.json_values import json_value
from streams.importers.tables.cells import own_name
from streams.importers.tables.events import Read
from streams.importers.tables.mapping import ColumnMapping
from streams.importers.tables.table import LEGACY, ExportTable
from streams.replay.rank_file import RankedFile
from streams.reports.lead_text import languages_json

DEMO_NOTE = (
    "This is the demo model: it learned from simulated leads of car dealers, not from yours. "
    "`asllr fit` makes one of your own, --artifact tries it."
)


MAX_LISTED = 40
"""Fields that a line names."""


@dataclass(frozen=True, slots=True)
class Found:
    """The result of `asllr try`: the lists as they are, and what earlier ones would have been
    worth, or why nobody can tell."""

    name: str
    is_demo: bool
    ranked: RankedFile
    terms: CallTerms
    read: Read
    judged: Backtest | None
    why_not: str = ""

    @property
    def verdict(self) -> str:
        if self.judged is None:
            return f"Cannot tell what daily calls would have been worth: {self.why_not}{self.early}"
        said = answer(self.judged, self.judged.paired[0], self.terms)
        return said[:1].upper() + said[1:] + self._hint

    @property
    def early(self) -> str:
        """A remark about orders that no list can come before."""
        if not self.read.n_early:
            return ""
        return (
            f"; {self.read.n_early:,} ordered before the first event of their lead: look at the "
            "dates of both"
        )

    @property
    def _hint(self) -> str:
        """A hint about a capacity that is too high. One above what the lists hold makes every order
        of calls equal."""
        judged = self.judged
        if judged is None or any(m.reached.value < judged.n_buyers for m in judged.models.values()):
            return ""
        return (
            f". {self.terms.capacity:,} calls a day reach every buyer in any order: a lower "
            "--capacity shows what the order is worth"
        )


def mapping_lines(
    mapping: ColumnMapping, tables: Mapping[str, ExportTable], read: Read
) -> Iterator[str]:
    for kind, n_rows in read.counts.items():
        found = mapping.of(kind)
        if found is not None:
            named = ", ".join(
                f"{name} = {column}" for name, column in found.columns.items() if column
            )
            times = (
                f"times {' or '.join(found.times)} ({mapping.zone} where they name no offset)"
                if found.times
                else "no dates"
            )
            yield f"{kind}: {n_rows:,} rows read; {named}; {times}"
        if tables[kind].encoding == LEGACY:
            yield f"{kind}: not UTF-8, read as {LEGACY}: are names with accents right?"
    profile = [f"{name} = {column}" for name, column in mapping.profile.items()]
    more = f" and {len(profile) - MAX_LISTED:,} more" if len(profile) > MAX_LISTED else ""
    shown = ", ".join(profile[:MAX_LISTED])
    yield f"profile: {shown or 'no column that the model knows'}{more}"


def unread_lines(mapping: ColumnMapping, table: ExportTable) -> Iterator[str]:
    """Names the columns of the leads' file that a model cannot learn from."""
    used = {*mapping.profile.values(), *mapping.leads.columns.values()}
    if mapping.outcomes is not None:
        used |= {*mapping.outcomes.columns.values()}
    if unread := [column for column in table.columns if column not in used]:
        yield f"profile: {len(unread):,} columns are not read: {', '.join(unread)[:400]}"


def found_lines(trial: Found, top: int) -> Iterator[str]:
    at = "" if trial.ranked.as_of is None else f", as of {trial.ranked.as_of:%Y-%m-%d %H:%M} UTC"
    yield f"{trial.ranked.n_leads:,} leads{at}"
    queue = None
    for row in trial.ranked.rows:
        if row.rank <= top:
            if row.queue != queue:
                queue = row.queue
                yield f"queue {own_name(queue)}"
            yield f"{row.rank:>4}  {row.probability:6.1%}  {own_name(row.lead):<24} {row.reason}"
    if trial.ranked.unknown_languages:
        yield trial.ranked.unknown_languages.sentence
    yield trial.verdict
    if trial.judged is not None:
        yield from judged_lines(trial.judged, trial)
    if trial.is_demo:
        yield DEMO_NOTE


def judged_lines(judged: Backtest, trial: Found) -> Iterator[str]:
    days = [from_ms(day.day * DAY_MS) for day in judged.days]
    yield (
        f"judged: {len(days):,} daily lists from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}; "
        f"{judged.n_buyers:,} of the {trial.read.n_orders:,} leads that ordered did so within "
        f"{trial.terms.horizon_days:g} days of standing on one{trial.early}"
    )
    yield from (worth(name, called) for name, called in judged.models.items())


def found_json(mapping: ColumnMapping, trial: Found, top: int) -> dict[str, Any]:
    judged = trial.judged
    answer: dict[str, Any] = json_value(
        {
            "model": {"name": trial.name, "is_demo": trial.is_demo},
            "mapping": mapping.model_dump(),
            "rows": trial.read.counts,
            "skipped": trial.read.skipped,
            "as_of": None if trial.ranked.as_of is None else trial.ranked.as_of.isoformat(),
            "leads": [
                asdict(row) | {"lead": own_name(row.lead), "queue": own_name(row.queue)}
                for row in trial.ranked.rows
                if row.rank <= top
            ],
            "unknown_languages": languages_json(trial.ranked.unknown_languages),
            "verdict": trial.verdict,
            "backtest": None
            if judged is None
            else {
                "orders": trial.read.n_orders,
                "buyers": judged.n_buyers,
                "models": {name: asdict(called) for name, called in judged.models.items()},
                "paired": asdict(judged.paired[0]),
            },
        }
    )
    return answer
