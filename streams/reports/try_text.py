"""The output of `asllr try`: what was read, and what the lists would have been worth. `asllr
dataset` says what it read of exports in the same lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from schemas.timestamps import DAY_MS, from_ms
from scoring.backtest.backtest import Backtest, Called
from scoring.backtest.daily_calls import CallTerms
from scoring.backtest.judged_trial import JudgedTrial
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
    "Without --artifact a model learns from your outcomes."
)

BASE_WORDS = "base_words"

KINDS = {
    "logistic": "a regression on columns",
    "logistic_words": "a regression on columns and words",
    "tree_fields": "trees on columns",
    "tree_words": "trees on columns, counts and words",
    "tree_text": "trees on columns, counts and words",
    BASE_WORDS: "a regression on columns and words beside a language model",
}

MAX_SHOWN = 80
MAX_LISTED = 12
"""Columns that a line names: more do not fit on a screen."""


@dataclass(frozen=True, slots=True)
class OwnModel:
    """A model that was learned from the exports. `baseline`: its kind, `why` it was chosen;
    `columns` of the leads' file that it reads, and the `unused` ones; `n_leads` and `n_orders`: the
    leads it learned from, and who of them ordered. `base`: what became of a language model, empty
    where none was asked for."""

    baseline: str
    why: str
    n_leads: int
    n_orders: int
    columns: tuple[str, ...]
    unused: tuple[str, ...]
    reads_words: bool
    base: str = ""

    @property
    def sentence(self) -> str:
        kind = KINDS.get(self.baseline, self.baseline)
        n = len(self.columns) + len(self.unused)
        used = f": {listed(self.columns)}" if self.columns else ""
        unused = f"; not {listed(self.unused)}" if self.unused else ""
        words = ", and the words of calls" if self.reads_words else ""
        return (
            f"your model: {kind} ({self.baseline}), learned from {self.n_leads:,} leads, "
            f"{self.n_orders:,} of whom ordered; it uses {len(self.columns)} of {n} "
            f"columns{used}{words}{unused}"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The result of `asllr try`: the lists as they are, and what earlier ones would have been
    worth, or why nobody can tell. `own`: the model that was learned; `why_rule`: why the rule ranks
    instead. `left_out`: fields that know the outcome, with why they seem to. `is_held_out`: leads
    that were held out judge, not days. `saved`: where artifact and recording are kept."""

    name: str
    ranked: RankedFile
    terms: CallTerms
    read: Read
    trial: JudgedTrial | None
    why_not: str = ""
    is_demo: bool = False
    own: OwnModel | None = None
    why_rule: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    is_held_out: bool = False
    saved: Path | None = None

    @property
    def judged(self) -> Backtest | None:
        return None if self.trial is None else self.trial.backtest

    @property
    def has_probabilities(self) -> bool:
        """Whether the probabilities mean anything for these leads: a rule's do not."""
        return not self.why_rule

    @property
    def basis(self) -> Iterator[str]:
        """By what the leads are ranked."""
        for name, why in self.left_out.items():
            yield f"left out: {own_name(name)}: {why}"
        if self.own is not None:
            yield self.own.sentence
            if self.own.base:
                yield self.own.base
        if self.why_rule:
            yield f"ranked by the rule, who came last is called first: {self.why_rule}"

    @property
    def next_step(self) -> str:
        if self.saved is not None:
            return (
                f"next: asllr promote {self.saved}/artifact makes it live; asllr dataset and asllr "
                f"replay go on from {self.saved}/recording"
            )
        if self.why_rule and self.judged is None and "--outcomes" in self.why_rule:
            return "next: the same with --outcomes, a file that says who ordered when"
        return "next: the same with --save FOLDER keeps model and recording, for asllr promote"

    @property
    def verdict(self) -> str:
        if self.judged is None:
            return f"Cannot tell what daily calls would have been worth: {self.why_not}{self.early}"
        said = answer(self.judged, self.judged.paired[0], self.terms)
        if self.is_held_out:
            said = said.replace(" a day in each queue", "")
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
        yield from encoding_lines({kind: tables[kind]})
    profile = [f"{name} = {column}" for name, column in mapping.profile.items()]
    yield f"profile: {listed(profile) or 'no column that the model knows'}"


def encoding_lines(tables: Mapping[str, ExportTable]) -> Iterator[str]:
    for kind, table in tables.items():
        if table.encoding == LEGACY:
            yield f"{kind}: not UTF-8, read as {LEGACY}: are names with accents right?"


def unread_lines(mapping: ColumnMapping, table: ExportTable) -> Iterator[str]:
    """Names the columns of the leads' file that a model cannot learn from."""
    used = {*mapping.profile.values(), *mapping.leads.columns.values()}
    if mapping.outcomes is not None:
        used |= {*mapping.outcomes.columns.values()}
    if unread := [column for column in table.columns if column not in used]:
        yield f"profile: {len(unread):,} columns are not read: {listed(unread)}"


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return ", ".join(name[:MAX_SHOWN] for name in names[:MAX_LISTED]) + more


def found_lines(trial: Found, top: int) -> Iterator[str]:
    yield from trial.basis
    is_dated = trial.ranked.as_of is not None and trial.read.has_times
    at = "" if not is_dated else f", as of {trial.ranked.as_of:%Y-%m-%d %H:%M} UTC"
    yield f"{trial.ranked.n_leads:,} leads{at}"
    if not trial.ranked.rows:
        yield "nobody is left to call: every lead has its outcome"
    queue = None
    for row in trial.ranked.rows:
        if row.rank <= top:
            if row.queue != queue:
                queue = row.queue
                yield f"queue {own_name(queue)}"
            probability = f"{row.probability:6.1%}  " if trial.has_probabilities else ""
            yield f"{row.rank:>4}  {probability}{own_name(row.lead):<24} {row.reason}"
    if trial.ranked.unknown_languages:
        yield trial.ranked.unknown_languages.sentence
    yield trial.verdict
    if trial.judged is not None:
        yield from judged_lines(trial.judged, trial)
    yield DEMO_NOTE if trial.is_demo else trial.next_step


def judged_lines(judged: Backtest, trial: Found) -> Iterator[str]:
    yield from judged_by(judged, trial)
    yield from (_worth(name, called, trial) for name, called in judged.models.items())


def judged_by(judged: Backtest, trial: Found) -> Iterator[str]:
    """By which lists, or leads, the models were judged."""
    days = [from_ms(day.day * DAY_MS) for day in judged.days]
    if trial.is_held_out:
        yield (
            f"judged: {judged.n_leads:,} leads that were held out by chance, {judged.n_buyers:,} "
            "of whom ordered: outcomes have no dates, so this says nothing of the future"
        )
    else:
        yield (
            f"judged: {len(days):,} daily lists from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}; "
            f"{judged.n_buyers:,} of the {trial.read.n_orders:,} leads that ordered did so within "
            f"{trial.terms.horizon_days:g} days of standing on one{trial.early}"
        )
        if trial.own is not None:
            yield "your model here knew only what was known before the first of them"


def _worth(name: str, called: Called, trial: Found) -> str:
    said = worth(name, called)
    return f"{said.rpartition('], ')[0]}]" if trial.is_held_out else said  # no days without dates


def reached_by_day(judged: Backtest) -> dict[str, list[tuple[int, int]]]:
    """By model: (day, buyers reached up to its end) of each judged day."""
    added_up: dict[str, list[tuple[int, int]]] = {}
    for name in judged.models:
        totals = accumulate(day.models[name].n_reached for day in judged.days)
        added_up[name] = [(day.day, n) for day, n in zip(judged.days, totals, strict=True)]
    return added_up


def found_json(mapping: ColumnMapping, trial: Found, top: int) -> dict[str, Any]:
    judged = trial.judged
    answer: dict[str, Any] = json_value(
        {
            "model": {"name": trial.name, "is_demo": trial.is_demo},
            "own": None if trial.own is None else asdict(trial.own),
            "why_rule": trial.why_rule or None,
            "left_out": dict(trial.left_out),
            "mapping": mapping.model_dump(),
            "rows": trial.read.counts,
            "skipped": trial.read.skipped,
            "as_of": None if trial.ranked.as_of is None else trial.ranked.as_of.isoformat(),
            "leads": [
                asdict(row)
                | {"lead": own_name(row.lead), "queue": own_name(row.queue)}
                | ({} if trial.has_probabilities else {"probability": None})
                for row in trial.ranked.rows
                if row.rank <= top
            ],
            "unknown_languages": languages_json(trial.ranked.unknown_languages),
            "verdict": trial.verdict,
            "next": trial.next_step,
            "backtest": None
            if judged is None or trial.trial is None
            else {
                "orders": trial.read.n_orders,
                "first_day": judged.days[0].day,
                "buyers": judged.n_buyers,
                "models": {name: asdict(called) for name, called in judged.models.items()},
                "paired": asdict(judged.paired[0]),
                "is_held_out": trial.is_held_out,
                "reached_by_day": reached_by_day(judged),
                "reach": asdict(trial.trial.reach),
                "calibration": trial.trial.calibration,
            },
        }
    )
    return answer
