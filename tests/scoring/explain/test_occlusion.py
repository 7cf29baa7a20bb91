"""What a score owes to one event or one section."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from schemas.events import LeadUpserted
from schemas.timestamps import DAY_MS, to_ms
from scoring.calibration import Calibration
from scoring.domain.model import Section
from scoring.domain.reading import pack
from scoring.engine import EngineInput
from scoring.explain.occlusion import occlude, without_section
from scoring.explain.whatif import probabilities
from scoring.lead.arrival import Arrival, state_of, without_each
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.declaration import UNKNOWN
from scoring.prompt.own_fields import HEADING
from scoring.prompt.prompt import CALLS, PromptSpec
from scoring.prompt.rendering import Rendering, first_rendering
from scoring.score import Scorer, prepare
from tests.scoring.arrivals import arrived, long_arrivals
from tests.scoring.histories import event
from tests.scoring.prompt.golden_leads import SPEC
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.leads.lead_events import START, clicks, joins, talks, writes

AUTO = first_rendering()

RULE = rule_scorer()
STORY = arrived([joins(0), talks(5), clicks(7), writes(9)])
MOMENT = to_ms(START) + 2 * DAY_MS


@given(long_arrivals())
def test_without_an_event_is_the_fold_of_all_others(arrivals: list[Arrival]) -> None:
    for identity, state in without_each(arrivals).items():
        others = [one for one in arrivals if one.identity != identity]
        assert to_bytes(state) == to_bytes(state_of(others))


def test_an_effect_is_the_score_minus_the_score_without() -> None:
    found = occlude(STORY, MOMENT, RULE)
    assert len(found.events) == len(STORY)
    for effect in found.events:
        others = [one for one in STORY if one != effect.arrival]
        (expected,) = probabilities(
            RULE, [prepare(history_of(state_of(others)), MOMENT, RULE.spec)]
        )
        assert effect.probability == expected
        assert effect.effect == found.probability - expected
    sizes = [abs(one.effect) for one in found.events]
    assert sizes == sorted(sizes, reverse=True)


def test_an_event_that_came_twice_is_one_event() -> None:
    found = occlude(arrived([joins(0), writes(9), writes(9)]), MOMENT, RULE)
    assert len(found.events) == 2
    once = occlude(arrived([joins(0), writes(9)]), MOMENT, RULE)
    assert [one.effect for one in found.events] == [one.effect for one in once.events]


@pytest.mark.parametrize("section", list(Section))
def test_a_hidden_section_is_unknown_and_the_rest_stays(section: Section) -> None:
    state = state_of(STORY)
    whole = prepare(history_of(state), MOMENT, SPEC)
    hidden = without_section(history_of(state), MOMENT, RULE, section.value)
    mine = np.array([feature.section is section for feature in AUTO.features])
    assert np.isnan(hidden.features[mine]).all()
    assert hidden.features[~mine].tobytes() == whole.features[~mine].tobytes()
    said, unsaid = whole.prompt.splitlines(), hidden.prompt.splitlines()
    changed = [(a, b) for a, b in zip(said, unsaid, strict=True) if a != b]
    wordings = [f"{f.wording} {UNKNOWN}" for f in AUTO.features if f.section is section]
    assert changed in ([], [(changed[0][0], " ".join(wordings))] if changed else [])
    assert " ".join(wordings) in unsaid


def test_hidden_calls_leave_their_counts() -> None:
    whole = prepare(history_of(state_of(STORY)), MOMENT, SPEC)
    hidden = without_section(history_of(state_of(STORY)), MOMENT, RULE, CALLS)
    assert hidden.features.tobytes() == whole.features.tobytes()
    assert "I will take it" in whole.prompt
    assert hidden.prompt == whole.prompt.replace("call yesterday\n", "").replace(
        "customer: I will take it\n", "none\n"
    )


def test_inputs_that_say_the_same_reach_the_engine_once() -> None:
    class Counting(RuleEngine):
        def logits(self, inputs):  # type: ignore[no-untyped-def]
            seen.extend(inputs)
            return super().logits(inputs)

    seen: list[object] = []
    same = prepare(history_of(LeadState()), MOMENT, RULE.spec)
    values = probabilities(rule_scorer(Counting()), [same, same, same])
    assert len(seen) == 1
    assert values == [values[0]] * 3


class Planned:
    """Scores by one own field of the prompt."""

    batch_size = 4

    def logits(self, inputs: list[EngineInput]) -> list[float]:
        return [float("Plan: gold" in one.prompt) for one in inputs]


def test_own_fields_of_a_prompt_are_measured_one_by_one_and_together() -> None:
    domain = pack("generic").model_copy(update={"own_fields": ("Plan", "Seats", "Colour")})
    spec = PromptSpec(Rendering(2, domain), 100_000, len)
    scorer = Scorer("planned", 14, spec, Calibration(), Planned())
    fields = event(LeadUpserted, profile={"Plan": "gold", "Seats": 40.0})
    found = occlude(arrived([fields]), MOMENT, scorer)
    assert {one.name: one.effect > 0 for one in found.columns} == {"Plan": True, "Seats": False}
    [together] = [one for one in found.sections if one.section == HEADING]
    assert together.effect == found.columns[0].effect
