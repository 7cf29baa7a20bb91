"""An adapter is kept only where it is sure to be ahead."""

from __future__ import annotations

import pytest

from scoring.metrics.bootstrap import Interval
from training.frozen.trial import Ahead

SURE = Interval(0.02, 0.01, 0.03, 0.95)
UNSURE = Interval(0.02, -0.01, 0.05, 0.95)
BEHIND = Interval(-0.02, -0.03, -0.01, 0.95)


@pytest.mark.parametrize(
    ("of_start", "with_words", "is_kept"),
    [
        (SURE, SURE, True),
        (SURE, UNSURE, True),
        (SURE, BEHIND, False),
        (UNSURE, SURE, False),
        (BEHIND, SURE, False),
    ],
)
def test_ahead_of_its_start_for_sure_and_with_words_not_behind(
    of_start: Interval, with_words: Interval, is_kept: bool
) -> None:
    assert Ahead(of_start, with_words).is_sure is is_kept
