"""What commands say of a lead's state and of the languages of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoring.lead.state import BOUNDS
from scoring.prompt.languages import UnknownLanguages


def left_out_words(names: Sequence[str]) -> str:
    """Names the profile fields whose values a state does not keep, which are at least one."""
    at_least = "at least " if len(names) == BOUNDS.names_left_out else ""
    fields = "field" if len(names) == 1 else "fields"
    return (
        f"{at_least}{len(names)} {fields} beyond the newest {BOUNDS.profile}, no longer known: "
        f"{', '.join(names)}; send fewer fields"
    )


def languages_json(unknown: UnknownLanguages | None) -> dict[str, Any] | None:
    if unknown is None:
        return None
    return {
        "calls": unknown.n_calls,
        "by_language": dict(unknown.by_language),
        "sentence": unknown.sentence,
    }
