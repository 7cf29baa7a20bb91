"""Between two edges nothing that is said of a lead changes; `as_of` names the last change."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import EventBase, InteractionLogged, StageChanged
from schemas.timestamps import DAY_MS
from scoring.domain.reading import pack, pack_names
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.prompt.edges import as_of, next_edge
from scoring.prompt.features import feature_vector
from scoring.prompt.prompt import PromptSpec, build_prompt
from scoring.prompt.reason import evidence, reason
from scoring.prompt.rendering import Rendering, first_rendering
from tests.scoring.histories import START, START_MS, event, long_histories

AUTO = first_rendering()

COARSE = AUTO.domain.model_copy(update={"ages": ((0, "of late"), (20, "long ago"))})
RENDERINGS = [*(Rendering(1, pack(name)) for name in pack_names()), Rendering(1, COARSE)]
renderings = st.sampled_from(RENDERINGS)

offsets = st.one_of(
    st.integers(-130 * DAY_MS, 130 * DAY_MS), st.integers(-130, 130).map(lambda day: day * DAY_MS)
)


def said(state: LeadState, as_of_ms: int, rendering: Rendering = AUTO) -> tuple[object, ...]:
    vector = feature_vector(history_of(state), as_of_ms, rendering)
    return (
        build_prompt(history_of(state), as_of_ms, PromptSpec(rendering, 10_000, len)),
        np.nan_to_num(vector, nan=-1.0).tobytes(),
        reason(history_of(state), as_of_ms, rendering),
        evidence(history_of(state), rendering),
    )


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data(), long_histories(), offsets, renderings)
def test_nothing_changes_between_two_edges(
    data: st.DataObject, events: list[EventBase], offset: int, rendering: Rendering
) -> None:
    state, start = fold(events), START_MS + offset
    end = next_edge(history_of(state), start, rendering)
    last = start + 400 * DAY_MS if end is None else end - 1
    between = data.draw(st.integers(start, last))
    assert (
        said(state, start, rendering)
        == said(state, between, rendering)
        == said(state, last, rendering)
    )


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(long_histories(), offsets, renderings)
def test_as_of_is_idempotent_never_ahead_and_speaks_as_now_would(
    events: list[EventBase], offset: int, rendering: Rendering
) -> None:
    state, now = fold(events), START_MS + offset
    moment = as_of(history_of(state), now, rendering)
    assert moment <= now
    assert as_of(history_of(state), moment, rendering) == moment
    assert said(state, moment, rendering) == said(state, now, rendering)
    history = history_of(state)
    assert next_edge(history, moment, rendering) == next_edge(history, now, rendering)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(long_histories())
def test_edges_come_to_an_end(events: list[EventBase]) -> None:
    state = fold(events)
    moment: int | None = START_MS - 200 * DAY_MS
    steps = 0
    while (following := next_edge(history_of(state), moment, AUTO)) is not None:
        assert following > moment
        moment, steps = following, steps + 1
    assert steps <= 40 * (len(events) + 1)


@pytest.mark.slow
@settings(deadline=None)
@given(long_histories(), offsets, st.integers(0, 60 * DAY_MS))
def test_as_of_does_not_go_back(events: list[EventBase], offset: int, later: int) -> None:
    """Once a lead has a past: a newest event minutes ahead has no earlier moment to name."""
    state, now = fold(events), START_MS + offset
    if state.newest is not None and state.newest.at_ms <= now:
        assert as_of(history_of(state), now, AUTO) <= as_of(history_of(state), now + later, AUTO)


def test_a_call_leaves_its_window_exactly_when_the_edge_says() -> None:
    state = fold([event(InteractionLogged, channel="call", duration_s=60.0)])
    calls = [name for name, *_ in _changes(state, START_MS + 30 * DAY_MS)]
    assert {"calls_30d", "talk_time_30d"} <= set(calls)
    assert START_MS + 30 * DAY_MS in _all_edges(state)


def test_time_alone_is_an_edge_where_only_words_change() -> None:
    state = fold([event(StageChanged, stage="visit")])
    assert next_edge(history_of(state), START_MS, AUTO) == START_MS + DAY_MS
    assert as_of(history_of(state), START_MS + DAY_MS + 5, AUTO) == START_MS + DAY_MS


def test_an_event_minutes_ahead_counts_as_just_now() -> None:
    ahead = START + timedelta(minutes=5)
    state = fold([event(InteractionLogged, channel="call", occurred_at=ahead)])
    assert as_of(history_of(state), START_MS, AUTO) == START_MS
    assert said(state, START_MS) == said(state, START_MS + 5 * 60_000)


def _all_edges(state: LeadState) -> set[int]:
    found, moment = set(), next_edge(history_of(state), 0, AUTO)
    while moment is not None:
        found.add(moment)
        moment = next_edge(history_of(state), moment, AUTO)
    return found


def _changes(state: LeadState, at_ms: int) -> list[tuple[str, float, float]]:
    before, after = (
        feature_vector(history_of(state), at_ms - 1, AUTO),
        feature_vector(history_of(state), at_ms, AUTO),
    )
    return [
        (feature.name, float(x), float(y))
        for feature, x, y in zip(AUTO.features, before, after, strict=True)
        if x != y and not (np.isnan(x) and np.isnan(y))
    ]
