"""The two sides of an evaluation: a model's scores, and the rows of a dataset they are compared
with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.timestamps import DAY_MS
from scoring.floats import Floats
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.metrics.cost import Cost
from training.dataset.example import Examples

Texts = NDArray[np.str_]


class EvaluationError(ValueError):
    """Rows that allow no evaluation, or scores that do not fit them. The message names the value,
    the limit and the fix."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A model's scores of the rows. `scores` order the leads, `probabilities` are calibrated.
    `digest` and `engine` name an artifact; None for a model that no worker serves. `read`: the
    logit of the language model in it, None without one."""

    name: str
    scores: Floats
    probabilities: Floats
    cost: Cost | None = None
    digest: str | None = None
    engine: str | None = None
    read: Floats | None = None


@dataclass(frozen=True, slots=True)
class JudgedRows:
    """The rows as arrays. `lists`: the number of the call list (queue and day) that a row is on.
    `truth`: the true probability, NaN where unknown. `groups`: kind of group -> its value for each
    row."""

    labels: Floats
    truth: Floats
    weights: Floats
    clusters: Texts
    lists: NDArray[np.intp]
    groups: dict[str, Texts]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def has_truth(self) -> bool:
        return not np.isnan(self.truth).any()

    @property
    def n_positives(self) -> int:
        return int(self.labels.sum())

    @property
    def n_leads(self) -> int:
        return len(np.unique(self.clusters))

    @property
    def n_who_ordered(self) -> int:
        """The number of leads with a positive row: what intervals and verdicts rest on."""
        return len(np.unique(self.clusters[self.labels > 0]))

    @property
    def prevalence(self) -> float:
        """The share of positives among all leads, those that were sampled away included."""
        return float(np.average(self.labels, weights=self.weights))


def usual_capacity(judged: JudgedRows) -> float:
    """The default number of calls of a queue per day: a tenth of a day's leads, at least one."""
    return float(max(1, round(0.1 * judged.weights.sum() / (judged.lists.max() + 1))))


QUEUE, STAGE, LENGTH = "queue", "stage", "transcript"


def judged_of(examples: Examples) -> JudgedRows:
    """The rows of `examples` as arrays. Raises EvaluationError for rows of one class, which have no
    order to find."""
    n_positives, n = int(examples.label.sum()), len(examples)
    if n_positives == 0 or n_positives == n:
        raise EvaluationError(
            f"{n_positives} of {n} rows are positive; an evaluation needs both classes: choose "
            "another split or build the dataset over a longer time"
        )
    days = examples.as_of_ms // DAY_MS
    call_lists = [f"{queue} {day}" for queue, day in zip(examples.queue, days, strict=True)]
    return JudgedRows(
        labels=examples.label.astype(np.float64),
        truth=examples.true_probability,
        weights=examples.weight,
        clusters=examples.cluster,
        lists=np.unique(np.array(call_lists), return_inverse=True)[1],
        groups={
            QUEUE: examples.queue,
            STAGE: examples.stage,
            LENGTH: length_bins(transcript_words(examples.states)),
        },
    )


def transcript_words(states: Iterable[LeadState]) -> NDArray[np.int64]:
    """The number of words in all transcripts that a state was made of, as far back as it
    remembers."""
    return np.array(
        [sum(call.n_words for call in history_of(state).calls) for state in states], dtype=np.int64
    )


NO_WORDS = "no transcript"
N_LENGTH_BINS = 4


def length_bins(words: NDArray[np.int64]) -> Texts:
    """The length group of each row: `no transcript`, or a quarter of the rest, named by its
    bounds."""
    some = words[words > 0]
    if not len(some):
        return np.full(len(words), NO_WORDS)
    quarters = np.quantile(some, np.arange(1, N_LENGTH_BINS) / N_LENGTH_BINS)
    bounds = np.unique(np.floor(quarters).astype(np.int64))
    lows = [1, *(bounds + 1)]
    highs = [*bounds, int(some.max())]
    width = len(str(highs[-1]))
    names = [
        f"{low:>{width}} to {high:>{width}} words"
        for low, high in zip(lows, highs, strict=True)
        if low <= high
    ]
    bin_of = np.searchsorted(bounds, words, side="left")
    return np.where(words > 0, np.array(names)[np.minimum(bin_of, len(names) - 1)], NO_WORDS)
