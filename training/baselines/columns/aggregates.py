"""Learns which channels and stages are counted one by one."""

from __future__ import annotations

from collections import Counter

from scoring.columns.aggregates import MAX_WORDS, Aggregates
from scoring.lead.history import history_of
from training.dataset.example import Examples

MIN_ROWS = 5
"""A channel or stage that fewer rows have is not counted alone."""


def fit_aggregates(examples: Examples) -> Aggregates:
    channels: Counter[str] = Counter()
    stages: Counter[str] = Counter()
    for state, n_rows in examples.counted_states:
        for channel in {contact.channel for contact in history_of(state).contacts}:
            channels[channel] += n_rows
        for stage in state.stages:
            stages[stage] += n_rows
    return Aggregates(
        channels=_frequent(channels), stages=_frequent(stages), reads_as_rendered=True
    )


def _frequent(n_rows: Counter[str]) -> tuple[str, ...]:
    words = sorted(
        (word for word, n in n_rows.items() if n >= MIN_ROWS),
        key=lambda word: (-n_rows[word], word),
    )
    return tuple(sorted(words[:MAX_WORDS]))
