"""PersuasionForGood (Wang et al., ACL 2019, arXiv 1906.06725) as events: a lead is a persuadee,
a call is a dialogue, an order is a donation.

The copy states no licence and a mirror says MIT: cite the paper, ship none of it. Traps:
- 118 of 761 persuadees come back, mostly with the same outcome: group by lead when evaluating.
- The persuader's donation (B6) and the number of turns (B7) are known only afterwards: left out.
- Messages have no times: utterances are laid one after another at WORDS_PER_S from the start
  that the dialogue's id states, taken as UTC.
- 27 dialogues are marked BAD by their authors: kept, with the wrap-up code `BAD`.
- Race, religion, ideology, income and sex are in the profile: for evaluation only.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from schemas.events import (
    Channel,
    Direction,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadReopened,
    LeadUpserted,
    Role,
    Segment,
    Stage,
    StageChanged,
    TranscriptReady,
)
from streams.importers.outcomes import CsvRow, ImportFault

SOURCE = "import/persuasion"
TENANT = "persuasion"
QUEUE = "donations"
BAD_PREFIX = "BAD_"
WORDS_PER_S = 2.5
"""A calm speed of reading; only order and rough length of utterances carry meaning."""

PERSUADEE = "1"
_ROLES = {"0": Role.AGENT, PERSUADEE: Role.CUSTOMER}


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One conversation: its persuadee's row of full_info.csv, and what was said."""

    id: str
    info: CsvRow
    units: list[CsvRow]
    is_repeated: bool

    @property
    def lead(self) -> str:
        return self.info["B3"]

    @property
    def started_at(self) -> datetime:
        stamp = self.id.removeprefix(BAD_PREFIX)[:15]
        return datetime.strptime(stamp, "%Y%m%d-%H%M%S").replace(tzinfo=UTC)


def persuasion_events(folder: Path) -> Iterator[EventBase]:
    """Every dialogue of `full_dialog.csv` in file order, with the profile of `full_info.csv`.
    Raises ImportFault for files of another shape, OSError for missing ones."""
    info_rows = _rows(folder / "full_info.csv", {"B2", "B3", "B4", "B6"})
    infos = {row["B2"]: row for row in info_rows if row["B4"] == PERSUADEE}
    n_dialogues = Counter(row["B3"] for row in infos.values())
    path = folder / "full_dialog.csv"
    for id_, units in groupby(_rows(path, {"B2", "B4", "Unit"}), key=lambda row: row["B2"]):
        if id_ not in infos:
            raise ImportFault(f"{path}: dialogue {id_} has no persuadee in full_info.csv")
        info = infos[id_]
        dialogue = Dialogue(id_, info, list(units), n_dialogues[info["B3"]] > 1)
        try:
            events = list(_events(dialogue))
        except (KeyError, ValueError) as error:
            raise ImportFault(f"{path}: dialogue {id_}: {error}") from error
        yield from events


def _events(dialogue: Dialogue) -> Iterator[EventBase]:
    segments = tuple(_segments(dialogue.units))
    start = dialogue.started_at
    end = start + timedelta(seconds=segments[-1].end_s)

    def envelope(what: str, at: datetime) -> dict[str, Any]:
        return {
            "id": f"{dialogue.id}:{what}",
            "source": SOURCE,
            "tenant": TENANT,
            "lead": dialogue.lead,
            "occurred_at": at,
        }

    yield LeadUpserted(**envelope("profile", start), profile=_profile(dialogue.info), queue=QUEUE)
    if dialogue.is_repeated:
        yield LeadReopened(**envelope("reopened", start))
    yield StageChanged(**envelope("contacted", start), stage=Stage.CONTACTED)
    yield InteractionLogged(
        **envelope("call", end),
        channel=Channel.CALL,
        direction=Direction.OUTBOUND,
        duration_s=segments[-1].end_s,
        call_id=dialogue.id,
        codes=("BAD",) if dialogue.id.startswith(BAD_PREFIX) else (),
    )
    yield TranscriptReady(
        **envelope("transcript", end),
        call_id=dialogue.id,
        started_at=start,
        language="en",
        segments=segments,
        vendor="persuasion-for-good",
    )
    outcome = envelope("outcome", end + timedelta(seconds=1))
    if float(dialogue.info["B6"]) > 0:
        yield StageChanged(**outcome, stage=Stage.ORDER)
    else:
        yield LeadClosed(**outcome, reason="did not donate")


def _segments(units: list[CsvRow]) -> Iterator[Segment]:
    at_s = 0.0
    for unit in units:
        end_s = round(at_s + max(1.0, len(unit["Unit"].split()) / WORDS_PER_S), 3)
        yield Segment(role=_ROLES[unit["B4"]], start_s=at_s, end_s=end_s, text=unit["Unit"])
        at_s = end_s


def _profile(info: CsvRow) -> dict[str, str | float | None]:
    """A profile of the `.x` columns; an empty cell is an unknown value."""
    columns = {name.removesuffix(".x"): text for name, text in info.items() if name[-2:] == ".x"}
    return {name: _value(text.strip()) for name, text in columns.items()}


def _value(text: str) -> str | float | None:
    try:
        return float(text)
    except ValueError:
        return text or None


def _rows(path: Path, columns: set[str]) -> Iterator[CsvRow]:
    with path.open(encoding="utf-8", newline="") as file:
        try:
            reader = csv.DictReader(file, restval="", strict=True)
            if missing := columns - set(reader.fieldnames or ()):
                raise ImportFault(f"{path}: no column {', '.join(sorted(missing))}")
            yield from reader
        except (csv.Error, UnicodeDecodeError) as error:
            raise ImportFault(f"{path}: not a CSV file in UTF-8: {error}") from error
