"""The exports of an invented software vendor: its own fields, its own words, nothing of the demo's.

A deal depends on the industry, on how many seats are asked for, on when the old contract ends, and
on whether the customer says that the budget is approved.
"""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from schemas.events import EventBase
from streams.importers.tables.exports import read_exports
from streams.importers.tables.fields import NOTHING_READ

START = datetime(2025, 1, 6, 9, tzinfo=UTC)
DAYS = 300
NOW = START + timedelta(days=DAYS + 60)
INDUSTRIES = {"logistics": 1.2, "retail": 0.0, "agency": -1.2}
BUDGET = {
    True: "our budget is approved and finance has signed it off",
    False: "we have no budget for anything of this before winter",
}
"""Of one length and as many words: where an export has no times, a call's are estimated from it."""
FILLER = (
    "we run the old tool on our own servers",
    "single sign on matters to our security team",
    "how do you bill for seats that nobody uses",
)
MAPPING = {
    "leads": {"columns": {"lead": "Account", "created_at": "Opened", "queue": "Territory"}},
    "calls": {"columns": {"lead": "Account", "started_at": "Began", "talk": "Transcript"}},
    "outcomes": {"columns": {"lead": "Account", "ordered_at": "Signed"}},
    "profile": {"industry": "Industry", "seats": "Seats", "contract_ends": "Contract ends"},
}


def vendor_events(folder: Path, n_leads: int, seed: int) -> list[EventBase]:
    """Writes the exports into `folder` and reads them as `asllr try` does; one call each lead."""
    rng = np.random.default_rng(seed)
    leads, calls, outcomes = [], [], []
    for number in range(n_leads):
        account = f"acct-{number}"
        opened = START + timedelta(days=DAYS * number / n_leads, hours=float(rng.uniform(0, 8)))
        industry = str(rng.choice(list(INDUSTRIES)))
        seats = int(rng.choice([5, 20, 80, 300]))
        has_budget = bool(rng.random() < 0.5)
        said = [BUDGET[has_budget], *rng.choice(FILLER, size=2, replace=False)]
        rng.shuffle(said)
        logit = INDUSTRIES[industry] + np.log(seats / 40) + (1.8 if has_budget else -1.8) - 0.6
        ends = opened + timedelta(days=int(rng.integers(20, 400)))
        leads.append((account, opened.isoformat(), "emea", industry, seats, ends.date()))
        talk = "\n".join(f"Customer: {line}" for line in said)
        calls.append((account, (opened + timedelta(hours=3)).isoformat(), talk))
        if rng.random() < 1 / (1 + np.exp(-logit)):
            signed = opened + timedelta(days=float(rng.uniform(2, 12)))
            outcomes.append((account, signed.isoformat()))
    _write(folder / "leads.csv", "Account Opened Territory Industry Seats", "Contract ends", leads)
    _write(folder / "calls.csv", "Account Began Transcript", None, calls)
    _write(folder / "outcomes.csv", "Account Signed", None, outcomes)
    mapping = folder / "mapping.json"
    mapping.write_text(json.dumps(MAPPING), encoding="utf-8")
    paths = {kind: folder / f"{kind}.csv" for kind in ("leads", "calls", "outcomes")}
    return [*read_exports(paths, mapping, NOTHING_READ, NOW).read.events]


def _write(path: Path, names: str, last: str | None, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names.split() + ([last] if last else []), *rows])
