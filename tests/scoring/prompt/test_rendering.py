"""A renderer with a domain: what names it, and that renderer 1 never writes anything else."""

from __future__ import annotations

import pickle
from hashlib import blake2b
from typing import Any

import pytest

from scoring.domain.model import Domain
from scoring.domain.reading import pack, pack_names
from scoring.lead import summary, topics
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt import prompt, units
from scoring.prompt.declaration import OTHER, UNKNOWN, Kind
from scoring.prompt.field_values import features_by_field
from scoring.prompt.rendering import RENDERERS, Rendering, UnknownRenderer, first_rendering

AUTO = first_rendering()


def test_renderer_1_with_auto_has_the_ids_of_artifacts_from_before_domains() -> None:
    assert (AUTO.version, AUTO.domain) == (1, pack("auto"))
    assert (AUTO.prompt_id, AUTO.features_id) == ("59abf2ab99499e18", "2655ac2142b8c4c1")


def test_each_pack_has_ids_of_its_own() -> None:
    renderings = [Rendering(1, pack(name)) for name in pack_names()]
    ids = {
        each for rendering in renderings for each in (rendering.prompt_id, rendering.features_id)
    }
    assert len(ids) == 2 * len(renderings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("instruction", "Judge."),
        ("question", "Buys?"),
        ("horizon_days", 15),
        ("ages", [[0, "new"], [7, "old"]]),
        ("features", []),
        ("topics", []),
        ("stages", []),
    ],
)
def test_ids_change_with_whatever_the_domain_says(key: str, value: Any) -> None:
    changed = Domain.model_validate(AUTO.domain.model_dump(mode="json") | {key: value})
    other = Rendering(1, changed)
    assert other.prompt_id != AUTO.prompt_id
    assert other.features_id != AUTO.features_id


@pytest.mark.parametrize("version", [0, max(RENDERERS) + 1])
def test_an_unknown_renderer_is_refused_with_what_there_is(version: int) -> None:
    with pytest.raises(UnknownRenderer, match=f"renderer {version} is unknown, this build has 1"):
        Rendering(version, AUTO.domain)


def test_what_renderer_1_adds_to_a_domains_words_is_what_it_was() -> None:
    """If this fails, artifacts that are live would read other prompts: give the new text a renderer
    number of its own, and leave renderer 1 as it is."""
    shapes = (
        (prompt.OPENING, prompt.SEPARATOR, prompt.HEADING, prompt.CALLS, prompt.END),
        (prompt.MARKER, prompt.ANSWER_YES, prompt.ANSWER_NO, UNKNOWN, OTHER),
        (units.RESERVED, units.SPEAKERS.pattern),
        (units.CUT, units.MIN_CUT_TOKENS, units.NO_CALLS),
        (summary.SUMMARY_VERSION, summary.SHORT_CALL_TOKENS, summary.KEPT_SHARE),
        (summary.MAX_SUMMARY_TOKENS, summary.MAX_STATEMENT_TOKENS, summary.SHORT_ANSWER_TOKENS),
        (summary.REPLY_TOKENS, summary.MAX_STATEMENT_COUNT, topics.TOPICS, topics.PHRASES),
    )
    assert blake2b(repr(shapes).encode(), digest_size=8).hexdigest() == "9ca5e0c958c85c2f"


def test_a_rendering_that_has_read_something_can_be_sent_to_a_process() -> None:
    rendering = Rendering(2, pack("software"))
    history = history_of(fold([]))
    rendering.reader.text(history, 0, units.Room(9, len))
    sent = pickle.loads(pickle.dumps(rendering))
    assert sent == rendering
    assert sent.reader.text(history, 0, units.Room(9, len)) == "none\n"


def _kinds(rendering: Rendering) -> dict[str, Kind]:
    return {field: feature.kind for field, feature in features_by_field(rendering.features).items()}


def test_profile_fields_have_the_kind_of_the_feature_that_reads_them() -> None:
    kinds = _kinds(AUTO)
    assert (kinds["age_band"], kinds["trade_in"]) == (Kind.CATEGORY, Kind.FLAG)
    assert Kind.NUMBER in _kinds(Rendering(1, pack("software"))).values()
    assert "stage" not in kinds


def test_the_later_half_of_the_open_stages_is_late() -> None:
    assert AUTO.late_stages == {"visit", "test_drive", "quote"}
    assert Rendering(1, pack("generic")).late_stages == set()
