"""A domain is drafted from events as they are, and is one that can be read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.events import (
    Direction,
    Ending,
    EventBase,
    InteractionLogged,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from scoring.domain.model import ContactCount, DeclaredFeature, Domain
from scoring.domain.reading import pack, parse_domain
from scoring.draft import survey as surveying
from scoring.draft.draft import draft_domain
from scoring.draft.draft_file import draft_text
from scoring.draft.survey import ThinnedNumbers, survey_of
from scoring.prompt.field_values import features_by_field, unknown_values
from scoring.prompt.from_domain import features_of
from tests.schemas.strategies import events_of
from tests.scoring.histories import START, event, segment

GENERIC = pack("generic").model_copy(update={"topics": ()})
"""Its phrases take most of the time of reading a draft, and none of them is drafted."""


def drafted(events: list[EventBase], like: Domain = GENERIC) -> tuple[Domain, str]:
    text = draft_text(draft_domain(survey_of(events), "ours", like))
    return parse_domain(text.encode(), "ours.toml"), text


def told(field: str, *values: object) -> list[EventBase]:
    return [
        event(LeadUpserted, id=str(n), lead=f"l-{n}", profile={field: value})
        for n, value in enumerate(values)
    ]


def feature(domain: Domain, field: str) -> DeclaredFeature | None:
    found = [one for one in domain.features if getattr(one.source, "field", None) == field]
    return found[0] if found else None


def staged(lead: str, *stages: str, ends: Ending | None = None) -> list[EventBase]:
    last = len(stages) - 1
    return [
        event(
            StageChanged,
            id=f"{lead}-{n}",
            lead=lead,
            stage=stage,
            ends=ends if n == last else None,
            occurred_at=START + timedelta(days=n),
        )
        for n, stage in enumerate(stages)
    ]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(*map(events_of, (LeadUpserted, InteractionLogged, StageChanged))), max_size=6
    ),
    st.integers(1, 6),
)
@example(
    [
        InteractionLogged(
            id="0",
            source="0",
            tenant="0",
            lead="0",
            occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
            channel="_",
        )
    ],
    1,
)
def test_whatever_the_events_hold_the_draft_can_be_read_again(
    events: list[EventBase], times: int
) -> None:
    domain, _ = drafted(events * times)
    assert domain == draft_domain(survey_of(events * times), "ours", GENERIC).domain


def test_texts_become_a_category_whose_values_are_those_that_are_read() -> None:
    values = ["Größere Praxis"] * 9 + ["Kanzlei "] * 7 + ["Kiosk"] * 2
    domain, text = drafted(told("Art des Betriebs", *values))
    found = feature(domain, "Art des Betriebs")
    assert found is not None
    assert (found.kind, found.values) == ("category", ("größere praxis", "kanzlei"))
    assert found.name.startswith("art_des_betriebs_")
    assert '# 18 values, 2 of them (1 other texts) read "other"' in text
    (read,) = features_by_field(features_of(domain)).values()
    unknown = unknown_values(read, values)
    assert unknown is not None
    assert unknown.n_unknown == 2


@pytest.mark.parametrize(
    ("values", "bins"),
    [
        (range(1, 101), ((0, "lowest"), (26, "lower"), (51, "higher"), (76, "highest"))),
        (
            [str(n) for n in range(1, 101)],
            ((0, "lowest"), (26, "lower"), (51, "higher"), (76, "highest")),
        ),
        ([0] * 50 + [3] * 25 + [9] * 25, ((0, "none"), (1, "low"), (9, "high"))),
        ([0] * 90 + [1] * 10, ((0, "none"), (1, "some"))),
        ([5] * 60 + [8] * 40, ((0, "low"), (8, "high"))),
    ],
)
def test_numbers_get_bins_at_their_quarters(
    values: list[object], bins: tuple[tuple[int, str], ...]
) -> None:
    numbers = [value if isinstance(value, str) else float(value) for value in values]
    domain, _ = drafted(told("Fläche", *numbers))
    found = feature(domain, "Fläche")
    assert found is not None
    assert (found.kind, found.bins) == ("number", bins)


def test_true_and_false_become_a_flag() -> None:
    found = feature(drafted(told("2nd visit", *[True, False] * 5))[0], "2nd visit")
    assert found is not None
    assert found.kind == "flag"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["x"] * 4, "only 4 values"),
        ([f"Frau {n}" for n in range(30)], "30 different texts in 30: names, ids or free text"),
        (["immer"] * 20, 'always "immer"'),
        ([7.0] * 20, "always 7"),
        ([-1.5, 2.0] * 10, "numbers from -1.50, and a bin begins at 0 or above"),
        ([0.25, 0.75] * 10, "numbers from 0.25 to 0.75, and bins begin at whole numbers"),
        (["ja"] * 8 + [True] * 8 + [2.0] * 8, "8 texts, 8 flags and 8 numbers: send one kind"),
        (["a|b", "<c>"] * 10, "2 different texts in 20: names, ids or free text"),
    ],
)
def test_a_field_that_cannot_be_a_feature_is_left_out_with_the_reason(
    values: list[object], why: str
) -> None:
    domain, text = drafted(told("Feld", *values))
    assert feature(domain, "Feld") is None
    assert f"#   field Feld: {why}\n" in text


def test_stages_stand_in_the_order_in_which_leads_went_through_them() -> None:
    """Most stop early, and a few were entered out of order."""
    events = [one for n in range(50) for one in staged(f"a{n}", "neu", "kontakt")]
    events += [
        one
        for n in range(8)
        for one in staged(f"b{n}", "neu", "kontakt", "termin", "vertrag", ends=Ending.WON)
    ]
    events += [one for n in range(9) for one in staged(f"c{n}", "neu", "absage", ends=Ending.LOST)]
    events += staged("d", "termin", "kontakt")
    domain, text = drafted(events)
    assert [(stage.name, stage.ends) for stage in domain.stages] == [
        ("neu", None),
        ("kontakt", None),
        ("termin", None),
        ("absage", "lost"),
        ("vertrag", "won"),
    ]
    assert "# 59 times\n" in text


def test_a_stage_whose_events_differ_says_so_and_ends_as_most_do() -> None:
    events = [one for n in range(3) for one in staged(f"a{n}", "fertig", ends=Ending.WON)]
    events += staged("b", "fertig", ends=Ending.LOST) + staged("c", "fertig")
    domain, text = drafted(events)
    assert domain.stages[0].ends == "won"
    assert "# 5 times, 1 of them lost, 1 of them without an end\n" in text


def test_channels_are_described_by_a_pack_or_by_what_was_found() -> None:
    contacts = [
        event(InteractionLogged, id=f"{channel}{n}", lead=f"l-{n % 4}", channel=channel, **said)
        for channel, said in {
            "web": {"direction": Direction.INBOUND},
            "video": {"duration_s": 60.0, "direction": Direction.OUTBOUND},
            "brief": {"text": "Sehr geehrte Frau"},
            "messe": {},
        }.items()
        for n in range(8)
    ]
    domain, text = drafted(contacts)
    assert {one.name: one.kind for one in domain.channels} == {
        "web": "click",
        "video": "spoken",
        "brief": "written",
        "messe": "contact",
    }
    counted = {one.name: one for one in domain.features if isinstance(one.source, ContactCount)}
    assert counted["web_30d"].bins == ((0, "none"), (1, "some"))
    assert "followups_7d" in counted
    assert text.count('say "click" or "milestone" if it is one') == 3


def test_a_language_without_phrases_is_named() -> None:
    call = event(
        TranscriptReady,
        call_id="c",
        started_at=START,
        language="fr-FR",
        segments=[segment("oui")],
    )
    assert (
        "#   language fr: 1 transcripts, and generic has no phrases for it\n" in drafted([call])[1]
    )


def test_a_field_called_like_a_count_does_not_take_its_name() -> None:
    click = event(InteractionLogged, id="c", channel="web")
    domain, _ = drafted([click, *told("web_30d", *[1.0, 9.0] * 5)])
    assert [one.name for one in domain.features if "web_30d" in one.name] == [
        "web_30d",
        "web_30d_2",
    ]


def test_the_fields_that_most_leads_have_are_features_and_the_others_are_named() -> None:
    many = {f"feld {n:02}": float(n % 2) for n in range(40)}
    events = [
        event(
            LeadUpserted,
            id=str(k),
            lead=f"l-{k}",
            profile={**{f: float(k % 3) for f in many}, "oft": float(k % 3)},
        )
        if k < 10
        else event(LeadUpserted, id=str(k), lead=f"l-{k}", profile={"oft": float(k % 3)})
        for k in range(90)
    ]
    domain, text = drafted(events)
    assert feature(domain, "oft") is not None
    assert len(domain.features) == 32
    assert "#   field feld 31: 10 values; 32 fields are features already\n" in text


def test_what_a_source_invents_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surveying, "MAX_FIELDS_SEEN", 3)
    monkeypatch.setattr(surveying, "MAX_TEXTS_SEEN", 4)
    survey = survey_of(
        [*told("a", *map(str, "pqrstuvw")), *told("b", 1.0), *told("c", 1.0), *told("d", 1.0)]
    )
    assert list(survey.fields) == ["a", "b", "c"]
    assert survey.n_more_fields == 1
    assert len(survey.fields["a"].texts) == 4
    assert survey.fields["a"].n_other_texts == 4
    assert "told 1 times" in draft_text(draft_domain(survey, "ours", GENERIC))


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=200))
def test_a_sample_is_bounded_and_knows_the_ends_of_all(values: list[float]) -> None:
    sample = ThinnedNumbers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surveying, "MAX_SAMPLE", 16)
        for value in values:
            sample.add(value)
    assert len(sample.values) <= 16
    assert sample.values == values[:: sample.every]
    assert (sample.n, sample.least, sample.most) == (len(values), min(values), max(values))


def test_a_draft_with_everything_at_its_bounds_is_not_too_large() -> None:
    fields = {f"{n}-".ljust(64, "\U0001f699"): n for n in range(600)}
    events = []
    for k in range(5 * 24):
        profile = {
            name: f"{k % 24:02}".ljust(40, "\U0001f699")
            for name in list(fields)[(k % 2) * 300 : (k % 2) * 300 + 300]
        }
        events.append(event(LeadUpserted, id=str(k), lead=f"l-{k % 2}", profile=profile))
    assert len(drafted(events, pack("software"))[0].features) == 32
