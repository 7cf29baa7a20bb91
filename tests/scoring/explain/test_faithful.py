"""A faithful reason names what moved the score: leaving it out moves the score as told."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import (
    EventBase,
    InteractionLogged,
    LeadUpserted,
    Role,
    StageChanged,
    TranscriptReady,
)
from schemas.outputs import ReasonKind
from schemas.timestamps import DAY_MS
from scoring.artifact import demo_artifact_path
from scoring.calibration import Calibration, probability
from scoring.columns.columns import Columns
from scoring.columns.own_fields import OwnField, OwnFields
from scoring.domain.reading import pack
from scoring.engine import EngineInput
from scoring.engines.loading import load_scorer
from scoring.explain.faithful import (
    ALL_SAID,
    MAX_CLAUSES,
    MAX_NAME,
    MAX_PIECES,
    ToldReason,
    faithful_reason,
)
from scoring.explain.removal import Removal, without
from scoring.lead.fold import fold
from scoring.lead.history import LeadHistory, history_of
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.reason import reason
from scoring.prompt.rendering import Rendering, first_rendering
from scoring.score import Scorer
from tests.scoring.histories import START, START_MS, UTTERANCES, event, long_histories, segment
from tests.support.engines.table_artifacts import (
    build_linear_artifact,
    build_trees_artifact,
    small_columns,
)

NOW_MS = START_MS + 9 * DAY_MS
CLAUSE = re.compile(r"((?:[^\"]|\"[^\"]*\")+?) ([+-][0-9]+\.[0-9]{1,4}) points(?:, |$)")


@cache
def artifact(name: str) -> Scorer:
    if name == "demo":
        return load_scorer(demo_artifact_path())
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        if name == "trees":
            return load_scorer(build_trees_artifact(path))
        return load_scorer(build_linear_artifact(path, small_columns()))


def check(history: LeadHistory, scorer: Scorer) -> None:
    """Computes what a reason says again, one score at a time."""

    def score(read: EngineInput) -> float:
        [logit] = scorer.engine.logits([read])
        return probability(logit, scorer.calibration)

    told = faithful_reason(history, NOW_MS, scorer)
    if told.kind is ReasonKind.RECENT:
        assert told == ToldReason(ReasonKind.RECENT, reason(history, NOW_MS, scorer.rendering))
        return
    whole = score(scorer.read(history, NOW_MS))
    clauses = CLAUSE.findall(told.text)
    assert 1 <= len(clauses) == len(told.moved_by) <= MAX_CLAUSES
    for (words, points), one in zip(clauses, told.moved_by, strict=True):
        moved = whole - score(without(history, NOW_MS, scorer, one.removal))
        assert (words, one.effect) == (one.words, moved)
        decimals = len(points.partition(".")[2])
        assert points == f"{moved * 100:+.{decimals}f}"
        assert float(points) * moved > 0
    sizes = [abs(one.effect) for one in told.moved_by]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("name", ["trees", "columns"])
@settings(max_examples=25)
@given(events=long_histories())
def test_what_is_named_moves_the_score_as_told(name: str, events: list[EventBase]) -> None:
    check(history_of(fold(events)), artifact(name))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(events=long_histories())
def test_what_is_named_moves_a_language_models_score_as_told(events: list[EventBase]) -> None:
    check(history_of(fold(events)), artifact("demo"))


class Listening:
    """Scores by what stands in a prompt: `weights` of pieces of text, added up."""

    batch_size = 3

    def __init__(self, **weights: float) -> None:
        self._weights = weights

    def logits(self, inputs: list[EngineInput]) -> list[float]:
        return [
            sum(weight for text, weight in self._weights.items() if text in one.prompt)
            for one in inputs
        ]


def listener(version: int, domain: str, **weights: float) -> Scorer:
    spec = PromptSpec(Rendering(version, pack(domain)), 100_000, len)
    engine = Listening(**weights)
    return Scorer("listener", 14, spec, Calibration(), engine)


def call(name: str, text: str, days: int = 8) -> EventBase:
    return event(
        TranscriptReady,
        id=name,
        call_id=name,
        language="en",
        started_at=START.replace(day=1 + days),
        segments=[segment(text, Role.CUSTOMER)],
    )


@pytest.mark.parametrize("version", [1, 2])
def test_who_says_never_is_not_praised_for_the_topic(version: int) -> None:
    history = history_of(fold([call("c1", "I will never order.")]))
    told = faithful_reason(history, NOW_MS, listener(version, "auto", never=-1.0))
    assert told.text == "call of 9 Mar 2026 (commitment) -23.1 points"


@pytest.mark.parametrize(
    "name",
    [
        ALL_SAID,
        "call of 9 Mar 2026",
        "profile as a whole",
        'x" +6.0 points, call of 3 Mar 2026 (price)',
    ],
)
def test_a_fields_name_is_not_taken_for_words_of_ours(name: str) -> None:
    """A field that is named like a thing that was said neither hides it nor is given its effect."""
    domain = pack("generic").model_copy(update={"own_fields": (name,)})
    spec = PromptSpec(Rendering(2, domain), 100_000, len)
    events = [call("c1", "Hm, zebra."), event(LeadUpserted, profile={name: "gold"})]
    history = history_of(fold(events))
    for weights, of_field in (({"zebra": 1.0}, False), ({": gold": 1.0}, True)):
        scorer = Scorer("listener", 14, spec, Calibration(), Listening(**weights))
        told = faithful_reason(history, NOW_MS, scorer)
        [one] = told.moved_by
        assert one.words.startswith('field "') is of_field
        assert (one.removal.columns != frozenset()) is of_field
        assert one.words.count('"') == (2 if of_field else 0)
        check(history, scorer)


def test_a_rare_outcome_has_its_reasons_too() -> None:
    scorer = replace(listener(2, "software", ebra=2.0), calibration=Calibration(b=-9.0))
    told = faithful_reason(history_of(fold([call("c1", "Hm, zebra.")])), NOW_MS, scorer)
    assert told.text == "call of 9 Mar 2026 +0.08 points"


def test_calls_of_the_same_words_are_left_out_together() -> None:
    history = history_of(fold([call("c1", "Hm, zebra."), call("c2", "Zebra, yes.")]))
    told = faithful_reason(history, NOW_MS, listener(2, "software", ebra=1.0))
    [one] = told.moved_by
    assert one.words == "call of 9 Mar 2026, 2 of them"
    assert {said.name for said in one.removal.said} == {"c1", "c2"}


def test_what_only_matters_together_is_named_as_a_whole() -> None:
    history = history_of(fold([call("c1", "Hm, zebra."), call("c2", "Zebra, yes.", days=2)]))
    told = faithful_reason(history, NOW_MS, listener(2, "software", ebra=1.0))
    assert told.text == f"{ALL_SAID} +23.1 points"


def test_a_part_that_is_named_stands_for_its_whole() -> None:
    history = history_of(fold([event(StageChanged, stage="demo_held")]))
    told = faithful_reason(history, NOW_MS, listener(2, "software", **{"stage unknown": -1.0}))
    assert [one.words for one in told.moved_by] == ["funnel stage: other"]


def test_where_nothing_moves_the_score_the_recent_reason_stands() -> None:
    history = history_of(fold([call("c1", "I will never order.")]))
    for weight in (0.0, 0.001):
        told = faithful_reason(history, NOW_MS, listener(1, "auto", never=weight))
        assert (told.kind, told.moved_by) == (ReasonKind.RECENT, ())
        assert told.text == "customer spoke of commitment, yesterday's call"


def test_a_share_of_the_score_too_small_to_matter_is_not_named() -> None:
    history = history_of(fold([call("c1", "I will never order.")]))
    told = faithful_reason(history, NOW_MS, listener(1, "auto", never=0.1))
    assert told.kind is ReasonKind.RECENT
    told = faithful_reason(history, NOW_MS, listener(1, "auto", never=0.1, Judge=-3.0))
    assert told.kind is ReasonKind.FAITHFUL


def test_a_message_and_a_note_are_named_by_kind_age_and_the_customers_topics() -> None:
    written = {"id": "w1", "channel": "email", "direction": "inbound"}
    mail = event(InteractionLogged, **written, text="We have no budget.", note="Their budget.")
    history = history_of(fold([mail]))
    told = faithful_reason(history, NOW_MS, listener(2, "software", have=-1.0, Their=0.5))
    assert told.text == "email of 1 Mar 2026 (budget) -24.5 points, note of 1 Mar 2026 +10.9 points"


def test_counts_say_their_window_and_numbers_of_a_profile_only_their_word() -> None:
    known = [
        event(LeadUpserted, profile={"employees": 4321.0}),
        event(InteractionLogged, id="w1", channel="web", occurred_at=START.replace(day=9)),
    ]
    weights = {"staff unknown": 1.0, "web unknown": 2.0}
    told = faithful_reason(history_of(fold(known)), NOW_MS, listener(2, "software", **weights))
    words = [one.words for one in told.moved_by]
    assert words == ["1 web in 7 days", "employees of the company: huge"]


def test_a_field_that_is_read_twice_is_left_out_of_both() -> None:
    own = OwnFields(fields=(OwnField(register_name="profile.age_band", levels=("forties",)),))
    history = history_of(fold([event(LeadUpserted, profile={"age_band": "forties"})]))
    told = faithful_reason(history, NOW_MS, counting(Counting(), own))
    [one] = told.moved_by
    assert one.words == "age of the customer: forties"
    assert one.removal == Removal(frozenset({"age_band"}), columns=frozenset({"age_band"}))


def test_an_own_field_that_moved_a_language_models_score_is_named_without_its_value() -> None:
    domain = pack("generic").model_copy(update={"own_fields": ("Plan", "Seats wanted")})
    spec = PromptSpec(Rendering(2, domain), 100_000, len)
    engine = Listening(**{"Plan: gold": 2.0, "Seats wanted: 40": -1.0})
    scorer = Scorer("listener", 14, spec, Calibration(), engine)
    profile = {"Plan": "gold", "Seats wanted": 40.0}
    history = history_of(fold([event(LeadUpserted, profile=profile)]))
    told = faithful_reason(history, NOW_MS, scorer)
    assert [one.words for one in told.moved_by] == ['field "Plan"', 'field "Seats wanted"']
    assert [one.effect > 0 for one in told.moved_by] == [True, False]
    check(history, scorer)


@given(long_histories(), st.sampled_from((1, 2)))
def test_a_reason_repeats_nothing_that_was_said(events: list[EventBase], version: int) -> None:
    scorer = listener(version, "generic", **{"customer:": 1.0, "agent:": 0.5, "unknown": -0.5})
    told = faithful_reason(history_of(fold(events)), NOW_MS, scorer)
    assert not any(text in told.text for text in UTTERANCES)
    assert "<|" not in told.text


class Counting:
    """Scores by how many columns are unknown."""

    batch_size = 7

    def __init__(self) -> None:
        self.n = 0

    def logits(self, inputs: list[EngineInput]) -> list[float]:
        self.n += len(inputs)
        return [float(np.isnan(one.columns).sum()) / 4 for one in inputs]


def test_a_reason_costs_a_bounded_number_of_scores_and_long_names_are_cut() -> None:
    names = [f"a{n:03}_{'x' * 50}" for n in range(64)]
    codes = [f"c{n}" for n in range(256)]
    known = [event(LeadUpserted, profile=dict.fromkeys(names, 1.0))]
    known += [
        event(InteractionLogged, id=f"w{n}", channel="email", codes=tuple(codes[n : n + 8]))
        for n in range(0, 256, 8)
    ]
    own = OwnFields(
        fields=tuple(OwnField(register_name=f"profile.{name}", is_number=True) for name in names),
        codes=tuple(codes),
    )
    engine = Counting()
    scorer = counting(engine, own)
    told = faithful_reason(history_of(fold(known)), NOW_MS, scorer)
    assert MAX_PIECES / 2 < engine.n <= 1 + MAX_PIECES
    assert {len(one.words) for one in told.moved_by} == {len('field "…"') + MAX_NAME}


def test_a_code_that_nobody_noted_and_a_field_without_value_are_not_named() -> None:
    own = OwnFields(
        fields=(
            OwnField(register_name="profile.lead_origin", levels=("fair",)),
            OwnField(register_name="profile.seats", is_number=True),
        ),
        codes=("price", "never noted"),
    )
    known = [
        event(LeadUpserted, profile={"lead_origin": "fair"}),
        event(InteractionLogged, channel="email", codes=("price",)),
    ]
    told = faithful_reason(history_of(fold(known)), NOW_MS, counting(Counting(), own))
    assert [one.words for one in told.moved_by] == ['field "code price"', 'field "lead_origin"']


def counting(engine: Counting, own: OwnFields) -> Scorer:
    spec = PromptSpec(first_rendering(), 100_000, len)
    columns = Columns(own)
    return Scorer("counting", 14, spec, Calibration(), engine, columns=columns)
