"""What an engine reads when something is not known."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from schemas.events import (
    Direction,
    EventBase,
    InteractionLogged,
    LeadUpserted,
    Role,
    TranscriptReady,
)
from schemas.timestamps import DAY_MS
from scoring.calibration import Calibration
from scoring.columns.columns import WORDS
from scoring.domain.reading import pack
from scoring.explain.occlusion import without_section
from scoring.explain.removal import Removal, without
from scoring.lead.fold import fold
from scoring.lead.history import LeadHistory, Said, all_said, history_of, without_said
from scoring.prompt.own_fields import HEADING
from scoring.prompt.prompt import CALLS, PromptSpec
from scoring.prompt.rendering import Rendering, first_rendering
from scoring.score import Scorer
from tests.scoring.histories import START, START_MS, event, long_histories, segment
from tests.support.engines.engines import RuleEngine
from tests.support.engines.table_artifacts import small_columns

NOW_MS = START_MS + DAY_MS
STORY = (
    event(
        TranscriptReady,
        id="t1",
        started_at=START,
        call_id="c1",
        language="en",
        segments=[segment("The price is too high.", Role.CUSTOMER)],
    ),
    event(
        InteractionLogged,
        id="w1",
        channel="email",
        direction=Direction.INBOUND,
        text="Yes, please.",
        note="She sounded glad.",
    ),
)


def scorer_of(rendering: Rendering) -> Scorer:
    spec = PromptSpec(rendering, 100_000, len)
    return Scorer("removal", 14, spec, Calibration(), RuleEngine(), columns=small_columns())


AUTO = scorer_of(first_rendering())
SOFTWARE = scorer_of(Rendering(2, pack("software")))


def heard(history: LeadHistory, scorer: Scorer) -> str:
    prompt = scorer.read(history, NOW_MS).prompt
    return prompt[prompt.index("# calls\n") + 8 : prompt.index("# end\n")]


def test_hidden_calls_are_hidden_from_every_renderer_and_from_the_columns() -> None:
    history = history_of(fold(STORY))
    for scorer in (AUTO, SOFTWARE):
        hidden = without_section(history, NOW_MS, scorer, CALLS)
        assert "price" in scorer.read(history, NOW_MS).prompt
        assert "# calls\nnone\n# end\n" in hidden.prompt
        is_word = np.array([part == WORDS for part in scorer.columns.part_names])
        assert scorer.columns.words
        assert hidden.columns[is_word].tolist() == scorer.columns.words.bias.tolist()


def test_one_thing_said_is_left_out_and_the_rest_stays() -> None:
    history = history_of(fold(STORY))
    [stamp] = {one.stamp for one in history.state.writings}
    lines = {
        Said("call", "c1"): "call yesterday\ncustomer: The price is too high.\n",
        Said("text", stamp): "email yesterday\ncustomer: Yes, please.\n",
        Said("note", stamp): "note yesterday\nagent: She sounded glad.\n",
    }
    assert all_said(history) == lines.keys()
    for said, gone in lines.items():
        left = without_said(history, {said})
        assert heard(left, SOFTWARE) == heard(history, SOFTWARE).replace(gone, "")
        assert all_said(left) == lines.keys() - {said}


@given(long_histories())
def test_without_all_that_was_said_nothing_was_said_and_contacts_stay(
    events: list[EventBase],
) -> None:
    history = history_of(fold(events))
    silent = without_said(history, all_said(history))
    assert silent.state.talk is None
    assert silent.calls == ()
    assert silent.contacts == history.contacts
    assert silent.state.registers == history.state.registers


def test_a_hidden_feature_is_unknown_and_the_rest_stays() -> None:
    history = history_of(fold(STORY))
    whole = SOFTWARE.read(history, NOW_MS)
    for at, feature in enumerate(SOFTWARE.rendering.features):
        hidden = without(history, NOW_MS, SOFTWARE, Removal(frozenset({feature.name})))
        assert np.isnan(hidden.features[at])
        others = np.arange(len(whole.features)) != at
        assert hidden.features[others].tobytes() == whole.features[others].tobytes()
        assert f"{feature.wording} unknown" in hidden.prompt
        assert hidden.columns.tobytes() == whole.columns.tobytes()


def test_a_hidden_own_field_is_unknown_and_the_rest_stays() -> None:
    history = history_of(fold(STORY))
    hidden = without(history, NOW_MS, SOFTWARE, Removal(columns=frozenset({"code price"})))
    whole = SOFTWARE.read(history, NOW_MS)
    at = SOFTWARE.columns.part_names.index("code price")
    assert np.isnan(hidden.columns[at])
    assert whole.columns[at] == 0
    others = np.arange(len(whole.columns)) != at
    assert hidden.columns[others].tobytes() == whole.columns[others].tobytes()
    assert hidden.prompt == whole.prompt


def test_an_own_field_that_the_prompt_reads_is_hidden_from_prompt_and_columns() -> None:
    own = SOFTWARE.rendering.domain.model_copy(update={"own_fields": ("Plan", "seats")})
    scorer = scorer_of(Rendering(2, own))
    profile = {"seats": 40.0, "Plan": "gold"}
    history = history_of(fold([*STORY, event(LeadUpserted, profile=profile)]))
    whole = scorer.read(history, NOW_MS)
    assert "# own fields\nPlan: gold\nseats: 40\n" in whole.prompt
    hidden = without(history, NOW_MS, scorer, Removal(columns=frozenset({"seats"})))
    assert hidden.prompt == whole.prompt.replace("seats: 40\n", "")
    at = scorer.columns.part_names.index("seats")
    assert (whole.columns[at], np.isnan(hidden.columns[at])) == (40, True)
    assert hidden.features.tobytes() == whole.features.tobytes()
    bare = without_section(history, NOW_MS, scorer, HEADING)
    assert "# own fields\nnone\n" in bare.prompt
