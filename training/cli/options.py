"""What options of training take: finite numbers, and whole numbers of a `main` without click."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FindArtifact = Callable[[str], Path]
"""An artifact's folder by name or path; fails with a sentence."""


class FiniteRange(click.FloatRange):
    """Without infinity and NaN, which no range of click refuses."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(
                f"{value} is not a finite number; expected {self._describe_range()}.", param, ctx
            )
        return number


def at_least(low: int) -> Callable[[str], int]:
    """For `type=` of an argument."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if number < low:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {low}")
        return number

    return read
