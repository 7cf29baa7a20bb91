"""Columns for what a business knows of its leads beyond the declared features.

Profile fields, the stage where it is a word that no feature knows, and how often each wrap-up code
was noted. Which fields, values and codes is learned; `training.baselines.columns.own_fields` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.timestamps import DAY_MS
from scoring.lead.state import PROFILE, LeadState, Value
from scoring.lead.values import UNKNOWN, date_ms, number_of
from scoring.prompt.declaration import Bins, Kind

MAX_FIELDS = 256
MAX_CODES = 256
MAX_LEVELS = 30
"""Together these bound the columns of an artifact, whatever a producer makes up."""

LevelText = Annotated[str, StringConstraints(max_length=1_000)]
RegisterName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class OwnField(BaseModel):
    """How one field is read. `register_name`: its name in the state. A number where `is_number`,
    the days from the date to the moment where `is_date`, and one flag for each of `levels`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    register_name: RegisterName
    is_number: bool = False
    is_date: bool = False
    levels: Annotated[tuple[LevelText, ...], Field(max_length=MAX_LEVELS)] = ()

    @property
    def name(self) -> str:
        """The name as its producer writes it."""
        return self.register_name.removeprefix(PROFILE)

    @property
    def column_names(self) -> tuple[str, ...]:
        days = (f"days since {self.name}",) if self.is_date else ()
        number = (self.name,) if self.is_number else ()
        return (*number, *days, *(f"{self.name} = {level}" for level in self.levels))

    @property
    def kinds(self) -> tuple[tuple[Kind, Bins], ...]:
        """How an encoding is to treat each column."""
        n_numbers = self.is_number + self.is_date
        return ((Kind.NUMBER, ()),) * n_numbers + ((Kind.FLAG, ()),) * len(self.levels)

    def numbers(self, value: Value, as_of_ms: int) -> Iterator[float]:
        if self.is_number:
            yield number_of(value)
        if self.is_date:
            at_ms = date_ms(value)
            yield UNKNOWN if at_ms is None else (as_of_ms - at_ms) / DAY_MS
        for level in self.levels:
            yield UNKNOWN if value is None else float(value == level)


class OwnFields(BaseModel):
    """The own fields and codes that a model reads, in the order of its columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: Annotated[tuple[OwnField, ...], Field(max_length=MAX_FIELDS)] = ()
    codes: Annotated[tuple[LevelText, ...], Field(max_length=MAX_CODES)] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        of_fields = (name for field in self.fields for name in field.column_names)
        return (*of_fields, *(f"code {code}" for code in self.codes))

    @property
    def kinds(self) -> tuple[tuple[Kind, Bins], ...]:
        of_fields = (kind for field in self.fields for kind in field.kinds)
        return (*of_fields, *((Kind.NUMBER, ()),) * len(self.codes))

    @property
    def part_names(self) -> tuple[str, ...]:
        """The field or code that each column is of."""
        of_fields = (field.name for field in self.fields for _ in field.column_names)
        return (*of_fields, *(f"code {code}" for code in self.codes))

    def numbers(self, state: LeadState, as_of_ms: int) -> Iterator[float]:
        """One number for each column, NaN = unknown. A code that was never noted counts 0."""
        values = state.values() if self.fields else {}
        for field in self.fields:
            yield from field.numbers(values.get(field.register_name), as_of_ms)
        if self.codes:
            noted = Counter(code for fact in state.facts for code in fact.codes)
            yield from (float(noted[code]) for code in self.codes)
