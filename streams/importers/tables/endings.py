"""How a row of the outcomes' file says that its lead ended, and which of its dates says when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from streams.importers.tables.cells import LeftOut
from streams.importers.tables.mapping import ColumnMapping, FileColumns, cells_of
from streams.importers.tables.table import ExportTable, Row
from streams.importers.tables.words.outcome_words import Fate, OutcomeWords

MAP_DATES = "map the column with the dates, or set how they are written as times in the mapping"
NAME_WORDS = 'name the outcomes in the mapping, as "won": ["…"] and "lost": ["…"]'
DATES = ("ordered_at", "lost_at")


@dataclass(frozen=True)
class EndingReader:
    """Reads the rows of one file of outcomes. Where it has dates of orders and of losses, each row
    has one of them."""

    table: ExportTable
    columns: FileColumns
    mapping: ColumnMapping

    def read(self, row: Row, *, is_dated: bool) -> tuple[Fate, str]:
        """Returns what became of the lead, and which of DATES says when. Raises LeftOut for a lead
        that is still open, as far as the row tells."""
        told: list[str] = []
        if self.columns.columns.get("ordered_at"):
            told = [name for name in DATES if self.columns.cell(row, name) is not None]
            if not told:
                raise LeftOut("no date: taken for still open", advice=MAP_DATES)
        fate = Fate.LOST if "lost_at" in told else Fate.WON
        if self._has_words:
            fate = self._told(self.columns.cell(row, "outcome"), is_dated=is_dated)
        if told == ["lost_at"] and fate is Fate.WON:
            raise LeftOut("won, and dated as lost: taken for still open", advice=MAP_DATES)
        return fate, "lost_at" if fate is Fate.LOST and "lost_at" in told else "ordered_at"

    def _told(self, cell: object, *, is_dated: bool) -> Fate:
        """By the word of the outcome."""
        if cell is None and not is_dated:
            raise LeftOut("no outcome: taken for still open", advice=NAME_WORDS)
        match self._words.fate_of(cell):
            case None:
                what = "no outcome" if cell is None else "its outcome is of no known word"
                raise LeftOut(f"taken for still open: {what}", cell, advice=NAME_WORDS)
            case Fate.OPEN:
                raise LeftOut("taken for still open by its outcome", cell, advice=NAME_WORDS)
            case fate:
                return fate

    @cached_property
    def _words(self) -> OutcomeWords:
        return OutcomeWords(self.mapping.won or (), self.mapping.lost or ())

    @cached_property
    def _has_words(self) -> bool:
        """Whether the file says in words what became of a lead: not where that column is empty."""
        column = self.columns.columns.get("outcome", "")
        return any(True for _ in cells_of(self.table, column))
