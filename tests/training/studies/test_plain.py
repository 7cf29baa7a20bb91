"""The study that holds what is served against plain models."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the train extra")

from schemas.events import InteractionLogged, LeadUpserted, Role, TranscriptReady
from scoring.lead.fold import fold
from scoring.metrics.bootstrap import Bootstrap
from tests.scoring.histories import START, event, segment
from tests.training.baselines.leads import leads
from training.dataset.manifest import BEFORE_TEST, Split
from training.studies.plain import (
    ComparedSplit,
    markdown,
    plain_columns,
    plain_words,
    raw_columns,
    resampled,
    text_of,
)

pytestmark = [pytest.mark.train]


def compared(n: int = 60) -> ComparedSplit:
    rng = np.random.default_rng(4)
    labels = (rng.random(n) < 0.4).astype(np.float64)
    scores = {name: labels + rng.normal(size=n) for name in ("plain columns", "ours")}
    return ComparedSplit(labels, np.ones(n), np.array([f"p{i // 2}" for i in range(n)]), scores)


def test_who_is_judged_in_two_splits_is_drawn_once() -> None:
    """Two equal splits know no more than one."""
    one = compared()
    alone, twice = (
        resampled(splits, ["ours"], Bootstrap(np.random.default_rng(1), 200))
        for splits in ([one], [one, one])
    )
    np.testing.assert_allclose(alone.drawn, twice.drawn)


def test_the_table_has_each_model_over_each_rival() -> None:
    text = markdown([compared()], Bootstrap(np.random.default_rng(1), 200))
    assert text.startswith("1 splits, 60 test rows")
    assert "| over plain columns |" in text
    assert "plain words" not in text


def test_plain_models_read_what_was_sent() -> None:
    state = fold(
        [
            event(LeadUpserted, id="e-1", profile={"colour": "red", "seats": 4.0}),
            event(InteractionLogged, id="e-2", channel="email", direction="inbound", text="Hello"),
            event(InteractionLogged, id="e-3", channel="call", codes=("price", "price")),
            event(
                TranscriptReady,
                id="e-4",
                call_id="c1",
                started_at=START,
                language="en",
                segments=[segment("Too dear.", Role.CUSTOMER)],
            ),
        ]
    )
    assert text_of(state) == "Too dear.\nHello"
    columns = raw_columns(state)
    assert columns["profile.colour"] == "red"
    assert columns["profile.seats"] == 4.0
    assert columns["code price"] >= 1


@pytest.mark.slow
@pytest.mark.parametrize("fit", [plain_words, plain_columns])
def test_plain_models_score_every_row_that_they_have_not_seen(fit) -> None:  # type: ignore[no-untyped-def]  # two functions of one type
    examples = leads(200)
    known, judged = examples.of(*BEFORE_TEST), examples.of(Split.TEST)
    scores = fit(known, judged)
    assert scores.shape == (len(judged),)
    assert np.isfinite(scores).all()
    assert len(set(scores.tolist())) > 1
