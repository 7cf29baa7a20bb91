"""A range of numbers as an option takes it, without infinity and NaN, which no range refuses."""

from __future__ import annotations

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(
                f"{value} is no finite number; expected {self._describe_range()}.", param, ctx
            )
        return number
