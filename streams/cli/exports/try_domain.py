"""Which business the leads of an export speak of: its pack says how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scoring.domain.model import Domain
from scoring.domain.reading import domain_named, pack, pack_names
from scoring.prompt.rendering import newest_rendering
from streams.importers.tables.fields import FieldsRead, own_where_unknown
from streams.importers.tables.table import ExportTable

GENERIC = "generic"
MIN_FIELDS = 2
"""One column that a pack knows is a chance: many businesses have a lead source."""

N_ROWS = 2_000
"""Rows whose values say whether a field is the pack's."""


@dataclass(frozen=True, slots=True)
class SpokenDomain:
    """A domain, and which columns of the leads' file it reads by field. `is_given`: a person named
    it."""

    domain: Domain
    columns: Mapping[str, str]
    is_given: bool

    @property
    def is_spoken(self) -> bool:
        """Whether the leads are of this business, as far as their columns tell."""
        return len(self.columns) >= MIN_FIELDS

    @property
    def sentence(self) -> str:
        name = self.domain.name
        if self.is_given:
            return f"domain: {name}, {self.domain.horizon_days} days to order"
        known = ", ".join(self.columns.values())
        why = f"which knows {known}" if self.is_spoken else "as no pack knows two of the columns"
        return (
            f"domain: {name}, {why}; {self.domain.horizon_days} days to order; "
            "--domain names another"
        )


def domain_of(table: ExportTable, name: str | None) -> SpokenDomain:
    """The domain `name`, a pack or a file; None: the pack that knows most of the columns and their
    values, `generic` where that is fewer than MIN_FIELDS or two packs know as many. Raises
    DomainError."""
    few = replace(table, rows=table.rows[:N_ROWS], lines=table.lines[:N_ROWS])
    if name is not None:
        domain = domain_named(name)
        return SpokenDomain(domain, known_columns(few, domain), is_given=True)
    packs = [pack(each) for each in pack_names() if each != GENERIC]
    found = sorted(((known_columns(few, each), each) for each in packs), key=lambda f: -len(f[0]))
    (most, best), (second, _) = found[:2]
    if len(most) < MIN_FIELDS or len(second) == len(most):
        return SpokenDomain(pack(GENERIC), {}, is_given=False)
    return SpokenDomain(best, most, is_given=False)


def known_columns(table: ExportTable, domain: Domain) -> dict[str, str]:
    """Field -> column, of the columns whose name and values a feature of the domain knows."""
    fields = FieldsRead.of(newest_rendering(domain).features)
    named: dict[str, str] = {}
    for column in table.columns:
        field = fields.name_of(column)
        if field is not None:
            named.setdefault(field, column)
    read = own_where_unknown(table, named, fields).columns
    return {field: column for field, column in read.items() if field in fields.features}
