"""Types of command-line options: finite numbers, and whole numbers for a `main` without click."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from scoring.prompt.rendering import FIRST_PACK
from training.simulator.business import Wording

FindArtifact = Callable[[str], Path]
"""An artifact's name or path -> its folder; fails with an error message for people."""


class FiniteRange(click.FloatRange):
    """A range of numbers without infinity and NaN, which click's own ranges let through."""

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
    """A whole number of at least `low`, for `type=` of an argparse argument."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if number < low:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {low}")
        return number

    return read


PHRASES = click.option(
    "--phrases",
    default=Wording.USUAL.value,
    show_default=True,
    type=click.Choice([each.value for each in Wording]),
    help="what simulated people say it in; held-out: the same lives and meaning in sentences that "
    "no model that we ship has practised.",
)
DOMAIN = click.option(
    "--domain",
    default=FIRST_PACK,
    show_default=True,
    help="how leads are read: a pack (`asllr domain list`) or a domain.toml.",
)
