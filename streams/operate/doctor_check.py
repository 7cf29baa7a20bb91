"""What a check of `asllr doctor` says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MOST_NAMED = 20
"""How many of one kind are named in a check; the others are counted."""


class DoctorVerdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """The result of one check. `found` is a fact; `fix` is what to do, empty when there is nothing
    to do."""

    name: str
    verdict: DoctorVerdict
    found: str
    fix: str = ""


def found_and_fix(sentence: str) -> tuple[str, str]:
    """Splits an error's message into what was found and its fix, which comes after a colon or a
    semicolon."""
    match = re.fullmatch(r"(.*)[:;] (.*)", sentence, re.DOTALL)
    return (match[1], match[2]) if match else (sentence, "")


def named(names: Sequence[str]) -> str:
    """The first names, and how many more there are.

    >>> named(["a", "b"])
    'a, b'
    """
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def graded(value: float, warns: float, fails: float) -> DoctorVerdict:
    """The verdict on a value of which more is worse.

    >>> [graded(value, 60, 600).value for value in (59, 60, 600)]
    ['ok', 'warning', 'failed']
    """
    if value >= fails:
        return DoctorVerdict.FAILED
    return DoctorVerdict.WARNING if value >= warns else DoctorVerdict.OK
