"""Exports of a made-up business, as its CRM would write them, in which it is known who will buy:
columns and words of its own decide, or nothing does."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from schemas.timestamps import DAY_MS, from_ms
from scoring.backtest.daily_calls import CallTerms
from scoring.domain.reading import pack
from scoring.engines.loading import load_scorer
from scoring.prompt.rendering import newest_rendering
from scoring.score import Scorer
from streams.backtest.trial import RULE, ExportTrial, daily_lists, judge_lists
from streams.importers.tables.exports import read_exports
from streams.importers.tables.fields import FieldsRead
from streams.importers.tables.mapping import Purpose
from tests.support.engines.table_artifacts import build_rule_artifact

START = datetime(2025, 1, 6, 8, tzinfo=UTC)
SPAN_DAYS = 300
WAIT_DAYS = 12.0
"""From the lead's creation to its order, on average; exponential."""

BRANCHES = {"Molkerei": 1.3, "Brauerei": 0.6, "Bäckerei": 0.0, "Kantine": -0.6, "Privat": -1.5}
ROUTES = {"Messe Nürnberg": 0.9, "Empfehlung": 0.7, "Telefonbuch": -0.3, "Preisportal": -0.9}
SAID = {
    "Wir müssen den alten Kessel bis Ostern austauschen.": 1.6,
    "Der Prüfer war da und hat uns eine Frist gesetzt.": 1.1,
    "Ich sammle nur Preise für eine Studienarbeit.": -1.8,
    "Wir sind mit unserem Lieferanten eigentlich zufrieden.": -1.0,
}
SMALL_TALK = (
    "Guten Tag, hier ist die Zentrale.",
    "Bei uns regnet es seit Tagen.",
    "Können Sie mir das per Post schicken?",
    "Der Kollege ist gerade in der Pause.",
)
BASE = -2.0
CALLED_AFTER = timedelta(hours=20)
"""The first call comes within so long."""


@dataclass(frozen=True, slots=True)
class PlantedLead:
    """One lead and the truth. `logit`: of an order at some time, from columns and words; the first
    call, which says the words, comes within a day."""

    name: str
    created_at: datetime
    branch: str
    route: str
    litres: int
    said: tuple[str, ...]
    called_at: datetime | None
    logit: float
    ordered_at: datetime | None

    def probability(self, at: datetime, horizon_days: float) -> float:
        """Of an order within the horizon, given that there was none up to `at`."""
        chance = 1 / (1 + math.exp(-self.logit))
        age = max((at - self.created_at).total_seconds() / 86_400, 0.0)
        waits = math.exp(-age / WAIT_DAYS)
        still = 1 - chance * (1 - waits)
        return chance * (waits - math.exp(-(age + horizon_days) / WAIT_DAYS)) / still


def planted_leads(
    seed: int, n: int, *, has_effect: bool = True, calls: bool = True
) -> list[PlantedLead]:
    """Leads of a seller of boilers. Without `has_effect` columns and words say nothing."""
    rng = np.random.default_rng(seed)
    leads = []
    for number in range(n):
        created_at = START + timedelta(days=float(rng.uniform(0, SPAN_DAYS)))
        branch, route = str(rng.choice([*BRANCHES])), str(rng.choice([*ROUTES]))
        litres = int(rng.integers(1, 60)) * 50
        said = tuple(line for line in SAID if rng.random() < 0.2) if calls else ()
        effect = BRANCHES[branch] + ROUTES[route] + 0.8 * math.log(litres / 1000)
        effect += sum(SAID[line] for line in said)
        logit = BASE + (effect if has_effect else 0.0)
        wait = timedelta(days=float(rng.exponential(WAIT_DAYS)))
        orders = float(rng.random()) < 1 / (1 + math.exp(-logit))
        is_known = created_at + wait <= START + timedelta(days=SPAN_DAYS)
        leads.append(
            PlantedLead(
                name=f"K-{number:05}",
                created_at=created_at,
                branch=branch,
                route=route,
                litres=litres,
                said=said,
                called_at=created_at + CALLED_AFTER * float(rng.random()) if calls else None,
                logit=logit,
                ordered_at=created_at + wait if orders and is_known else None,
            )
        )
    return leads


def write_exports(folder: Path, leads: Sequence[PlantedLead], seed: int = 0) -> Mapping[str, Path]:
    """Writes leads, calls and orders as CSV; what comes after an order is left out."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[list[object]]] = {"leads": [], "calls": [], "outcomes": []}
    for lead in leads:
        created = f"{lead.created_at:%Y-%m-%d %H:%M}"
        rows["leads"].append([lead.name, created, lead.branch, lead.route, lead.litres])
        is_called = lead.called_at and (lead.ordered_at is None or lead.called_at < lead.ordered_at)
        if lead.called_at is not None and is_called:
            talk = [*lead.said, *rng.choice(SMALL_TALK, 2)]
            rng.shuffle(talk)
            text = "\n".join(["Agent: Guten Tag.", *(f"Customer: {line}" for line in talk)])
            at = f"{lead.called_at:%Y-%m-%d %H:%M}"
            rows["calls"].append([lead.name, at, 60 + 30 * len(talk), text])
        if lead.ordered_at is not None:
            rows["outcomes"].append([lead.name, f"{lead.ordered_at:%Y-%m-%d %H:%M}"])
    heads = {
        "leads": ["Lead ID", "Created At", "Branche", "Kam über", "Liter am Tag"],
        "calls": ["Lead ID", "Started At", "Duration", "Transcript"],
        "outcomes": ["Lead ID", "Ordered At"],
    }
    paths = {kind: folder / f"{kind}.csv" for kind in rows if rows[kind]}
    for kind, path in paths.items():
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([heads[kind], *rows[kind]])
    return paths


def truth_reached(
    paths: Mapping[str, Path], leads: Sequence[PlantedLead], capacity: int, first_day: int
) -> int:
    """How many buyers the planted truth would have reached with as many calls on the same lists."""
    named = {lead.name: lead for lead in leads}
    terms = CallTerms(capacity, pack("generic").horizon_days)
    return reached_by(
        paths, lambda lead, at: named[lead].probability(at, terms.horizon_days), terms, first_day
    )


def reached_by(
    paths: Mapping[str, Path],
    chance: Callable[[str, datetime], float],
    terms: CallTerms,
    first_day: int,
) -> int:
    """How many buyers calls would have reached on the lists of the trial, by the chance of a lead
    at the list's moment."""
    rendering = newest_rendering(pack("generic"))
    exports = read_exports(
        paths, None, FieldsRead.of(rendering.features), datetime.now(UTC), Purpose.LEARN
    )
    trial = ExportTrial({RULE: _rule(paths["leads"].parent)}, terms, LAST_DAYS, from_day=first_day)
    lists = daily_lists(exports.read.events, trial, lambda n: None)
    of_number = [key.partition("/")[2] for key in lists.leads]
    truth = np.array(
        [
            chance(of_number[lead], from_ms(int(day) * DAY_MS))
            for lead, day in zip(lists.boards.lead, lists.boards.day, strict=True)
        ]
    )
    judged = judge_lists(replace(lists, scores={**lists.scores, TRUTH: truth}), terms)
    return round(judged.models[TRUTH].reached.value)


LAST_DAYS = 60
TRUTH = "the planted truth"


def _rule(folder: Path) -> Scorer:
    path = folder / "rule-of-truth"
    return load_scorer(path if path.exists() else build_rule_artifact(path))
