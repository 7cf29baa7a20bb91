"""What an engine reads of a lead if something were not known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoring.domain.model import Section
from scoring.engine import EngineInput
from scoring.lead.history import LeadHistory, Said, without_said
from scoring.prompt.features import feature_vector
from scoring.prompt.prompt import build_prompt
from scoring.prompt.rendering import Rendering
from scoring.score import Scorer


@dataclass(frozen=True, slots=True)
class Removal:
    """What is hidden together: features by name, things that were said or written, and parts of
    the columns (`Columns.part_names`), of which own fields are hidden from the prompt, too."""

    features: frozenset[str] = frozenset()
    said: frozenset[Said] = frozenset()
    columns: frozenset[str] = frozenset()

    def __or__(self, other: Removal) -> Removal:
        return Removal(
            self.features | other.features, self.said | other.said, self.columns | other.columns
        )

    def __le__(self, other: Removal) -> bool:
        """Whether `other` hides all of this."""
        return (
            self.features <= other.features
            and self.said <= other.said
            and self.columns <= other.columns
        )


def of_section(section: Section, rendering: Rendering) -> Removal:
    """All features of one section."""
    mine = (feature.name for feature in rendering.features if feature.section is section)
    return Removal(features=frozenset(mine))


def of_own_fields(rendering: Rendering) -> Removal:
    """All own fields of the prompt."""
    return Removal(columns=frozenset(rendering.own_fields))


def without(history: LeadHistory, as_of_ms: int, scorer: Scorer, removal: Removal) -> EngineInput:
    """The engine's input if nothing of `removal` were known: a feature reads "unknown", an own
    field stands nowhere, a column is NaN, and what takes up the room of what was said is what would
    have stood there."""
    rendering, columns = scorer.rendering, scorer.columns
    features = feature_vector(history, as_of_ms, rendering)
    features[[feature.name in removal.features for feature in rendering.features]] = np.nan
    unheard = without_said(history, removal.said)
    row = columns.row(unheard, as_of_ms)
    row[np.array([part in removal.columns for part in columns.part_names], dtype=bool)] = np.nan
    prompt = build_prompt(unheard, as_of_ms, scorer.spec, removal.features, removal.columns)
    return EngineInput(features, prompt, row)
