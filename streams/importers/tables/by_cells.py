"""What a column is by its cells, where names leave it open."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from streams.importers.tables.cells import Unusable
from streams.importers.tables.ids import id_text
from streams.importers.tables.mapping import MAX_LOOKED_AT, cells_of
from streams.importers.tables.table import ExportTable
from streams.importers.tables.words.outcome_words import Fate, OutcomeWords

N_COMPARED = 1_000
SURE = 0.9
"""The share of a column's cells that are ids of leads from which it names them, whatever it is
called."""

MIN_IDS = 5
MIN_ID_CHARS = 3
"""Short numbers are ids of anything: a column of counts would name leads, too."""


def texts_in(table: ExportTable, column: str) -> Iterator[str]:
    """The cells of a column as ids."""
    for cell in cells_of(table, column):
        try:
            yield id_text(cell)
        except Unusable:
            continue


def share_of_ids(ids: Collection[str], table: ExportTable, column: str) -> float:
    """The share of a column's cells that are ids of leads."""
    cells = list(islice(texts_in(table, column), N_COMPARED))
    return sum(cell in ids for cell in cells) / max(1, len(cells))


def column_of_ids(ids: Collection[str], table: ExportTable, used: Collection[str]) -> str | None:
    """The only column whose cells are nearly all ids of leads."""
    found = [
        column
        for column in table.columns[:MAX_LOOKED_AT]
        if column not in used and _names_leads(ids, table, column)
    ]
    return found[0] if len(found) == 1 else None


def _names_leads(ids: Collection[str], table: ExportTable, column: str) -> bool:
    cells = list(islice(texts_in(table, column), N_COMPARED))
    hits = [cell for cell in cells if cell in ids]
    is_sure = len(hits) >= SURE * len(cells) and len(set(hits)) >= MIN_IDS
    return is_sure and all(len(cell) >= MIN_ID_CHARS for cell in hits)


def says_nothing(table: ExportTable, column: str) -> tuple[bool, bool]:
    """Whether no cell says won, or lost: a stage may be `Offer` where a status says how it went."""
    fates = set(map(OutcomeWords().fate_of, islice(cells_of(table, column), N_COMPARED)))
    return Fate.WON not in fates, Fate.LOST not in fates
