"""UCI Bank Marketing (Moro, Cortez, Rita 2014, doi 10.1016/j.dss.2014.03.001) as events: a lead is
one telephone contact of a Portuguese bank, an order is a term deposit.

Licence: CC BY 4.0; cite the paper, ship none of it. Traps:
- `duration` is known only after the call and tells the outcome: left out.
- Rows are in order of time, from May 2008 on, without a date: the rows of a month are laid out
  evenly over it, and the year goes up when the month's number falls. The order is true, days are
  not.
- No client has an id: who is called again is another lead here.
- Positives rise from 5% to 50% with the years: judge by time, never at random.

What our features have words for (age, job, household) is also reported in those words.
"""

from __future__ import annotations

import csv
import io
import zipfile
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from schemas.events import EventBase, LeadClosed, LeadUpserted, Stage, StageChanged
from streams.importers.outcomes import CsvRow, ImportFault

SOURCE = "import/uci-bank"
TENANT = "uci-bank"
QUEUE = "deposits"
ARCHIVE = "bank-additional.zip"
FILE = "bank-additional/bank-additional-full.csv"
FIRST_YEAR = 2008

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
OUTCOME = "y"
LEFT_OUT = frozenset({"duration", "month", OUTCOME})
FIELDS = {
    "contact": "contact_channel",
    "campaign": "contacts_this_campaign",
    "pdays": "days_since_previous",
    "previous": "contacts_before",
    "poutcome": "previous_campaign",
    "default": "has_default",
}
"""Columns whose own names mean something else here, or would not be understood alone."""

NEVER = "999"
"""The value of `pdays` that means: not contacted before."""

_OCCUPATION = {
    "admin.": "employee",
    "services": "employee",
    "technician": "employee",
    "blue-collar": "worker",
    "housemaid": "worker",
    "management": "manager",
    "entrepreneur": "freelance",
    "self-employed": "freelance",
    "retired": "retired",
    "student": "student",
}
_HOUSEHOLD = {"single": "single", "divorced": "single", "married": "couple"}
_AGE_BANDS = ((60, "sixties"), (50, "fifties"), (40, "forties"), (30, "thirties"), (0, "twenties"))


def uci_bank_events(path: Path) -> Iterator[EventBase]:
    """The contacts of `path` in order: the archive, the CSV file of it, or the folder of either.
    Raises ImportFault, OSError."""
    number, year, last_month = 0, FIRST_YEAR, 0
    where, text = _text(path)
    for name, group in groupby(_rows(text, where), key=lambda row: row["month"]):
        rows = list(group)
        if name not in MONTHS:
            raise ImportFault(f"{where}: row {number + 1}: {name!r} is not a month such as may")
        month = MONTHS.index(name) + 1
        year += month < last_month
        last_month = month
        start = datetime(year, month, 1, tzinfo=UTC)
        step = timedelta(days=monthrange(year, month)[1]) / len(rows)
        for index, row in enumerate(rows):
            number += 1
            try:
                yield from _events(row, number, start + index * step)
            except (KeyError, ValueError) as error:
                raise ImportFault(f"{where}: row {number}: {error}") from error


def _events(row: CsvRow, number: int, at: datetime) -> list[EventBase]:
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)

    def envelope(what: str, after_s: float) -> dict[str, Any]:
        return {
            "id": f"{number}:{what}",
            "source": SOURCE,
            "tenant": TENANT,
            "lead": f"contact-{number:05}",
            "occurred_at": at + timedelta(seconds=after_s),
        }

    profile = LeadUpserted(**envelope("profile", 0), profile=_profile(row), queue=QUEUE)
    if row[OUTCOME] == "yes":
        return [profile, StageChanged(**envelope("outcome", 1), stage=Stage.ORDER)]
    return [profile, LeadClosed(**envelope("outcome", 1), reason="did not subscribe")]


def _profile(row: CsvRow) -> dict[str, str | float | None]:
    """A profile of every column but those left out, where possible in the words of the features."""
    profile: dict[str, str | float | None] = {
        FIELDS.get(name, name.replace(".", "_")): _value(name, text)
        for name, text in row.items()
        if name not in LEFT_OUT
    }
    age = float(row["age"])
    profile["age_band"] = next(band for least, band in _AGE_BANDS if age >= least)
    profile["occupation"] = _OCCUPATION.get(row["job"], "other")
    profile["household"] = _HOUSEHOLD.get(row["marital"])
    return profile


def _value(name: str, text: str) -> str | float | None:
    if text == "unknown" or (name, text) == ("pdays", NEVER):
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _text(path: Path) -> tuple[str, str]:
    """The name of the place it was read from, and the text."""
    if path.is_dir():
        archive, plain = path / ARCHIVE, path / Path(FILE).name
        path = plain if plain.exists() else archive
    if path.suffix != ".zip":
        return str(path), path.read_text(encoding="utf-8")
    try:
        with zipfile.ZipFile(path) as archive_file:
            return f"{path}:{FILE}", archive_file.read(FILE).decode()
    except (KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise ImportFault(f"{path}: not the archive with {FILE}: {error}") from error


def _rows(text: str, where: str) -> Iterable[CsvRow]:
    reader = csv.DictReader(io.StringIO(text), delimiter=";", restval="", strict=True)
    if missing := {"age", "job", "month", "duration", OUTCOME} - set(reader.fieldnames or ()):
        raise ImportFault(f"{where}: no column {', '.join(sorted(missing))}")
    try:
        yield from reader
    except csv.Error as error:
        raise ImportFault(f"{where}: not a CSV file: {error}") from error
