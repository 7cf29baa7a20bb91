"""Finds whose row it is: the lead a call or an outcome names, or whose telephone number it
names."""

from __future__ import annotations

from streams.importers.tables.cells import LeftOut, Unusable, lead_id, phone_of
from streams.importers.tables.mapping import FileColumns
from streams.importers.tables.table import ExportTable, Row


class KnownLeads:
    """The leads of the leads' file, by id and by telephone number."""

    def __init__(self, table: ExportTable, columns: FileColumns) -> None:
        self._known: set[str] = set()
        self._by_phone: dict[str, str | None] = {}
        self.n_repeated = 0
        for row in table.rows:
            try:
                lead = lead_id(columns.cell(row, "lead") or "")
            except Unusable:
                continue  # told where the row itself is read
            if lead:
                self._add(lead, phone_of(columns.cell(row, "phone") or ""))

    def _add(self, lead: str, phone: str | None) -> None:
        self.n_repeated += lead in self._known
        self._known.add(lead)
        if phone is not None:
            first = self._by_phone.setdefault(phone, lead)
            if first != lead:
                self._by_phone[phone] = None  # two people's: nobody can tell whose call it was

    def whose(self, row: Row, columns: FileColumns) -> str:
        """The lead that a row belongs to. Raises LeftOut where nobody can tell."""
        named, phone = columns.cell(row, "lead"), columns.cell(row, "phone")
        if named is not None:
            if (lead := lead_id(named)) in self._known:
                return lead
            raise LeftOut("a lead that the leads' file does not have", named)
        if phone is None:
            raise LeftOut("no lead")
        lead_of_phone = self._by_phone.get(phone_of(phone) or "")
        if lead_of_phone is None:
            raise LeftOut("a telephone number that no lead has, or several", phone)
        return lead_of_phone
