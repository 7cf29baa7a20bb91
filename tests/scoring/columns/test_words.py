"""TF-IDF by hand, and terms that say who spoke."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from schemas.events import InteractionLogged, Role, TranscriptReady
from scoring.columns.words import Vocabulary, Words, terms, words_in
from scoring.lead.fold import fold
from scoring.lead.history import LeadHistory, history_of
from tests.scoring.histories import START, event, segment

VOCABULARY = Vocabulary(terms=("a:price", "c:high", "c:price"), idf=(3.0, 2.0, 1.0), n_outputs=1)


def _history() -> LeadHistory:
    spoken = [segment("Price?", Role.AGENT), segment("high price, price", start_s=3.0)]
    call = event(TranscriptReady, call_id="c1", started_at=START, language="en", segments=spoken)
    return history_of(fold([call]))


def test_terms_are_runs_of_each_turn_and_bridge_to_the_answer() -> None:
    assert terms(_history()) == [
        "a:price",
        "a:?",
        "a:price ?",
        "*:price",
        "*:?",
        "*:price ?",
        "c:high",
        "c:price",
        "c:price",
        "c:high price",
        "c:price price",
        "c:high price price",
        "*:high",
        "*:price",
        "*:price",
        "*:high price",
        "*:price price",
        "a:?>c:high price",
    ]
    assert words_in("a:?>c:high price") == {"?", "high", "price"}
    assert words_in("*:high price") == {"high", "price"}


def test_terms_without_a_mark_change_nothing_for_a_vocabulary_from_before_them() -> None:
    said = terms(_history())
    marked = [term for term in said if not term.startswith("*:")]
    assert len(marked) < len(said)
    for one, other in zip(VOCABULARY.weigh(said), VOCABULARY.weigh(marked), strict=True):
        assert np.array_equal(one, other)


def test_messages_and_notes_are_read_by_who_wrote_them() -> None:
    written = [
        event(InteractionLogged, id=id_, channel="email", direction=direction, text="Thanks")
        for id_, direction in (("e-1", "inbound"), ("e-2", "outbound"))
    ]
    noted = event(InteractionLogged, id="e-3", channel="call", note="keen")
    marked = [term for term in terms(history_of(fold([*written, noted]))) if term[0] != "*"]
    assert sorted(marked) == ["a:thanks", "c:thanks", "n:keen"]


def test_a_call_that_another_version_replaced_is_not_read() -> None:
    history = replace(_history(), calls=())
    assert terms(history) == []


def test_weights_are_logarithmic_counts_by_rarity_of_length_one() -> None:
    ids, weights = VOCABULARY.weigh(terms(_history()))
    raw = np.array([3.0, 2.0, 1.0 + math.log(2.0)])
    assert ids.tolist() == [0, 1, 2]
    assert weights == pytest.approx(raw / np.linalg.norm(raw), abs=1e-12)


def test_unknown_terms_weigh_nothing() -> None:
    ids, weights = VOCABULARY.weigh(["c:unheard", "of"])
    assert (len(ids), len(weights)) == (0, 0)
    words = Words(VOCABULARY, np.ones((3, 1), dtype=np.float32), np.array([0.5]))
    assert words.numbers(history_of(fold([]))).tolist() == [0.5]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"terms": ("a:x",)}, "1 terms with 3 frequencies"),
        ({"terms": ("a:x", "a:y", "a:x")}, "a term occurs twice"),
        ({"idf": (1.0, float("nan"), 1.0)}, "finite number"),
        ({"n_outputs": 257}, "less than or equal to 256"),
    ],
)
def test_a_vocabulary_is_whole(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Vocabulary.model_validate({**VOCABULARY.model_dump(), **fields})
