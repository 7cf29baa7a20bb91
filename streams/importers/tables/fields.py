"""Which columns of the leads' export become fields of the profile, and their values.

A column that is named like a feature's field and holds its values is that field. Any other is the
user's own and keeps the name and the words it has.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from schemas.events import MAX_PROFILE_FIELDS
from schemas.field_names import is_field_name
from scoring.lead.state import Value
from scoring.prompt.declaration import Feature
from scoring.prompt.field_values import UnknownValues, features_by_field, unknown_values
from scoring.prompt.sources import Flag
from streams.importers.tables.table import ExportTable
from streams.importers.tables.thousands import Dots
from streams.importers.tables.words.kept_by_crm import is_kept_by_crm
from streams.importers.tables.words.outcome_words import NO, YES, word_of

OWN = " (own)"
"""What is put behind the name of a user's field that a feature has, too."""

KEPT = (
    "as they hold what became known later (a mapping that names them under profile reads them "
    "all the same)"
)
MAX_TEXT = 200
MAX_NUMBER = 1e12
MAX_NAMED = 12

_PLAIN = re.compile(r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,15})?")
_COMMA = re.compile(r"-?(0|[1-9][0-9]{0,2}(\.[0-9]{3}){1,3}|[1-9][0-9]{0,12})(,[0-9]{1,15})?")
"""1.234,50 as it is written in most of Europe; a column is read so where one of it has a comma."""


@dataclass(frozen=True, slots=True)
class FieldsRead:
    """The fields that a model reads: of its features by field, and of the user's own by name."""

    features: Mapping[str, Feature]
    own: frozenset[str]

    @classmethod
    def of(cls, features: Iterable[Feature], own: Iterable[str] = ()) -> Self:
        return cls(features_by_field(features), frozenset(own))

    def name_of(self, column: str) -> str | None:
        """The field that a column is; None where the model reads none of its name."""
        written, plain = _composed(column), plain_name(column)
        if written in self.own:
            return written
        return plain if plain in self.features or plain in self.own else None


NOTHING_READ = FieldsRead({}, frozenset())
"""Of no model: every field is the user's own."""


@dataclass(frozen=True, slots=True)
class ProfileColumns:
    """Field -> column, and what a person should know of it, a sentence each."""

    columns: dict[str, str]
    sentences: tuple[str, ...]


def plain_name(name: str) -> str:
    """A column's name as asllr's own names are written: `Lead Source` is `lead_source`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def profile_of(table: ExportTable, used: Iterable[str], fields: FieldsRead) -> ProfileColumns:
    """The columns that the model reads. `used`: columns that mean something else."""
    columns: dict[str, str] = {}
    unread: list[str] = []
    for column in table.columns:
        if column in used:
            continue
        field = fields.name_of(column)
        if field is None or field in columns:
            unread.append(column)
        else:
            columns[field] = column
    read = own_where_unknown(table, columns, fields)
    unread_names = (f"not read by this model: {_some(unread)}",) if unread else ()
    return ProfileColumns(read.columns, (*read.sentences, *unread_names))


def every_column(table: ExportTable, used: Iterable[str], fields: FieldsRead) -> ProfileColumns:
    """All columns that can be fields: under the names that are read, or as they are written. Those
    that a CRM keeps up to date are none, unless the model reads them: they hold what became known
    later."""
    columns: dict[str, str] = {}
    left_out: dict[str, list[str]] = {}
    for column in table.columns:
        if column in used:
            continue
        known = fields.name_of(column)
        name = known or _composed(column)
        why = KEPT if known is None and is_kept_by_crm(column) else _why_not(name, columns)
        if why:
            left_out.setdefault(why, []).append(column)
        else:
            columns[name] = column
    found = own_where_unknown(table, columns, fields)
    names = (f"left out, {why}: {_some(some)}" for why, some in left_out.items())
    return ProfileColumns(found.columns, (*found.sentences, *names))


def own_where_unknown(
    table: ExportTable, profile: Mapping[str, str], fields: FieldsRead
) -> ProfileColumns:
    """Gives a field that has a feature's name and mostly other values a name of its own, so that no
    feature reads it as "other"; but not where the model reads it as the user's own, too."""
    columns: dict[str, str] = {}
    sentences: list[str] = []
    for field, column in profile.items():
        name, found = field, _unknown_to_feature(table, field, column, fields)
        if found is not None and field not in fields.own:
            sentences.append(f"{column}: {found.sentence}")
            if found.is_own:
                name = _own_name(field, column, {*fields.features, *profile, *columns})
        columns[name] = column
    return ProfileColumns(columns, tuple(sentences))


def _unknown_to_feature(
    table: ExportTable, field: str, column: str, fields: FieldsRead
) -> UnknownValues | None:
    feature = fields.features.get(field)
    if feature is None:
        return None
    value = _FeatureWords(isinstance(feature.source, Flag))
    return unknown_values(feature, (value(row[column]) for row in table.rows if column in row))


def _own_name(field: str, column: str, taken: set[str]) -> str:
    name = column if is_field_name(column) else field
    while name in taken:
        name += OWN
    return name


def _composed(column: str) -> str:
    return unicodedata.normalize("NFC", column)


def _why_not(name: str, columns: Mapping[str, str]) -> str | None:
    if not is_field_name(name):
        return "as its name has more than 64 characters or some that nobody sees"
    if name in columns:
        return "as another column has its name"
    if len(columns) >= MAX_PROFILE_FIELDS:
        return f"as a lead has at most {MAX_PROFILE_FIELDS} fields"
    return None


def _some(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def value_readers(
    table: ExportTable, profile: Mapping[str, str], fields: FieldsRead
) -> dict[str, Callable[[Any], Value]]:
    """Returns for each field of `profile` how a cell of its column is read: in the words of its
    feature where that knows most of them, else as it is written, as a number where all the column's
    cells are. Looks at all rows once."""
    readers: dict[str, Callable[[Any], Value]] = {}
    for field, column in profile.items():
        if feature := fields.features.get(field):
            found = _unknown_to_feature(table, field, column, fields)
            if found is None or not found.is_own:
                readers[field] = _FeatureWords(isinstance(feature.source, Flag))
    cells = {column: _ColumnCells() for field, column in profile.items() if field not in readers}
    looked_at = dict(cells)
    for row in table.rows if looked_at else ():
        for column in [name for name in looked_at if name in row]:
            if not looked_at[column].may_be_numbers(row[column]):
                del looked_at[column]
        if not looked_at:
            break
    own = {
        field: cells[column].reader or _own_text
        for field, column in profile.items()
        if field not in readers
    }
    return {field: readers.get(field) or own[field] for field in profile}


def value_reader(
    table: ExportTable, field: str, column: str, fields: FieldsRead
) -> Callable[[Any], Value]:
    """As `value_readers`, of one field."""
    return value_readers(table, {field: column}, fields)[field]


@dataclass(frozen=True, slots=True)
class _FeatureWords:
    """`15k - 25k` is `15k_25k`."""

    is_flag: bool

    def __call__(self, cell: Any) -> Value:
        text = str(cell).strip().lower()
        if self.is_flag and (word := word_of(cell)) in YES | NO:
            return word in YES
        return re.sub(r"[^\w.]+", "_", text).strip("_")[:MAX_TEXT] or None


@dataclass(slots=True)
class _ColumnCells:
    """What the cells of a column that were seen have in common."""

    n: int = 0
    are_plain: bool = True
    have_commas: bool = True
    has_float: bool = False
    has_comma: bool = False
    dots: Dots = dataclasses.field(default_factory=Dots)

    def may_be_numbers(self, cell: Any) -> bool:
        """Looks at one more cell; whether all so far can be numbers."""
        self.n += 1
        if isinstance(cell, bool | dict | list):
            self.are_plain = self.have_commas = False
            return False
        text = str(cell).strip()
        self.are_plain = self.are_plain and _PLAIN.fullmatch(text) is not None
        self.have_commas = self.have_commas and _COMMA.fullmatch(text) is not None
        self.has_float = self.has_float or isinstance(cell, float)
        self.has_comma = self.has_comma or "," in text
        self.dots.add(text)
        return self.are_plain or self.have_commas

    @property
    def reader(self) -> Callable[[Any], Value] | None:
        """How a cell is read as a number; None where not all can be."""
        if not self.n:
            return None
        if not self.has_float and self.dots.part_thousands:
            return _comma_number if self.have_commas else None
        if self.are_plain:
            return _plain_number
        return _comma_number if self.has_comma and self.have_commas else None


def _plain_number(cell: Any) -> Value:
    number = float(str(cell).strip())
    return number if abs(number) <= MAX_NUMBER else str(cell).strip()


def _comma_number(cell: Any) -> Value:
    return _plain_number(str(cell).strip().replace(".", "").replace(",", "."))


def _own_text(cell: Any) -> Value:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, dict | list):
        return None
    return str(cell).strip().replace("\0", "")[:MAX_TEXT]
