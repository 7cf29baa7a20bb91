"""Finds whose row it is: the lead a call or an outcome names, or whose telephone number it
names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from schemas.events import Direction
from streams.importers.tables.cells import LeftOut, Unusable, direction_of, own_name
from streams.importers.tables.ids import named, several, spellings
from streams.importers.tables.mapping import FileColumns
from streams.importers.tables.phones import phones_of
from streams.importers.tables.table import ExportTable, Row

SPREADSHEET_DIGITS = 15
"""A spreadsheet keeps so many digits of a number and writes zeros for the rest."""

MAX_NAMED = 100
"""A row names at most so many leads: a deal has a few people, a list of thousands is no deal."""

MAP_IDS = "map lead to the columns that hold the same ids in both files"
UNKNOWN = "a lead that the leads' file does not have"
MAP_PHONES = "map phone to the columns with telephone numbers in both files"


class KnownLeads:
    """The leads of the leads' file, by id and by telephone number. `nobody`: numbers of none."""

    def __init__(
        self, table: ExportTable, columns: FileColumns, nobody: tuple[str, ...] = ()
    ) -> None:
        self._known: set[str] = set()
        self._by_spelling: dict[tuple[str, str], str | None] = {}
        self._by_phone: dict[str, str | None] = {
            phone: None for number in nobody for phone in phones_of(number)
        }
        self._alike: list[str] = []
        self._n_long = self._n_zeros = 0
        self.n_repeated = 0
        for row in table.rows:
            try:
                lead = named(columns.cell(row, "lead") or "")
            except Unusable:
                continue  # told where the row itself is read
            if lead:
                self._add(lead, [p for c in columns.numbers for p in phones_of(row.get(c, ""))])

    def _add(self, lead: str, phones: list[str]) -> None:
        self.n_repeated += lead in self._known
        if lead not in self._known:
            self._known.add(lead)
            if lead.isdigit() and len(lead) > SPREADSHEET_DIGITS + 1:
                self._n_long += 1
                self._n_zeros += not lead[SPREADSHEET_DIGITS:].strip("0")
            for key in spellings(lead):
                if self._by_spelling.setdefault(key, lead) != lead:
                    self._by_spelling[key] = None
                    self._alike.append(lead)
        for phone in phones:
            first = self._by_phone.setdefault(phone, lead)
            if first != lead:
                self._by_phone[phone] = None  # two people's: nobody can tell whose call it was

    def remarks(self) -> Iterator[str]:
        """Sentences about leads that are nearly the same."""
        if self.n_repeated:
            yield (
                f"{self.n_repeated:,} rows are of a lead that has one already: of each column the "
                "newest row with a value counts"
            )
        if self._n_zeros > max(1, self._n_long / 2):
            yield (
                f"{self._n_zeros:,} ids end in zeros from digit {SPREADSHEET_DIGITS + 1} on: a "
                "spreadsheet has rounded them, and some may be the same: export them as text"
            )
        if self._alike:
            yield (
                f"{len(self._alike):,} ids differ from another's only in capitals, leading zeros "
                f"or the like, as {own_name(self._alike[0])[:40]!r} does: read as other leads"
            )

    def whose(self, row: Row, columns: FileColumns, respelt: Counter[str]) -> tuple[str, ...]:
        """The leads that a row belongs to: each that it names and the leads' file has, in its
        order, or the one whose telephone number it has. Counts in `respelt` what an id had lost.
        Raises LeftOut where nobody can tell."""
        cell = columns.cell(row, "lead")
        if cell is not None:
            return self._of_ids(cell, respelt)
        numbers = [row[column] for column in _customer_ends(row, columns) if column in row]
        if not numbers:
            raise LeftOut("no lead", advice=MAP_IDS)
        phones = [phone for number in numbers for phone in phones_of(number)]
        if not phones:
            raise LeftOut(
                "no telephone number, or a placeholder, which is nobody's",
                numbers[0],
                advice=MAP_PHONES,
            )
        leads = {lead for phone in phones if (lead := self._by_phone.get(phone)) is not None}
        if len(leads) != 1:
            raise LeftOut(
                "a telephone number that no lead has, or several", numbers[0], advice=MAP_PHONES
            )
        return (leads.pop(),)

    def _of_ids(self, cell: Any, respelt: Counter[str]) -> tuple[str, ...]:
        """The known leads of a cell, which may be one id with a comma in it as well as several."""
        parts = several(cell)
        if not isinstance(cell, list):
            try:
                return (self._of_id(cell, respelt),)
            except Unusable:
                if len(parts) < 2:
                    raise
        leads: dict[str, None] = {}
        for part in parts:
            try:
                leads[self._of_id(part, respelt)] = None
            except Unusable:
                continue  # people of a deal that are no lead of the file
            if len(leads) > MAX_NAMED:
                raise LeftOut(f"names more than {MAX_NAMED} leads", str(cell))
        if not leads:
            raise LeftOut(UNKNOWN, str(cell), advice=MAP_IDS)
        return tuple(leads)

    def _of_id(self, cell: Any, respelt: Counter[str]) -> str:
        lead = named(cell)
        if lead in self._known:
            return lead
        for kind, key in spellings(lead):
            if (found := self._by_spelling.get((kind, key))) is not None:
                respelt[kind] += 1
                return found
        if any(key in self._by_spelling for key in spellings(lead)):
            raise LeftOut("several leads have this id but for capitals or zeros", cell)
        raise LeftOut(UNKNOWN, cell, advice=MAP_IDS)


def _customer_ends(row: Row, columns: FileColumns) -> tuple[str, ...]:
    """The columns of a call that may hold the lead's number: of both ends the one that its
    direction says."""
    from_, to = columns.columns.get("from_number"), columns.columns.get("to_number")
    if not from_ or not to:
        return columns.numbers
    direction = direction_of(columns.cell(row, "direction"))
    if direction is None:
        return columns.numbers
    end = from_ if direction is Direction.INBOUND else to
    phone = columns.columns.get("phone")
    return (end,) if not phone or phone in (from_, to) else (phone, end)
