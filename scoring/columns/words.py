"""What was said and written as numbers: TF-IDF over who said what, projected onto a few columns.

TF-IDF: G. Salton and C. Buckley, Term-Weighting Approaches in Automatic Text Retrieval, Information
Processing & Management 24, 1988. The text is all that the state keeps of calls, messages and notes.
The projection is fitted by `training.baselines.columns.bag_of_words`: a singular value
decomposition, and linear models of the outcome.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.events import Direction, Role
from scoring.calibration import Finite
from scoring.floats import Floats
from scoring.lead.history import LeadHistory

WORD = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[?？]"
)
"""A word; a single character in scripts without spaces between words; a question mark."""

MAX_TERMS = 40_000
MAX_OUTPUTS = 256
"""Columns of a projection: components, and one reading for each code and move."""

MARKS = {Role.CUSTOMER.value: "c", Role.AGENT.value: "a"}
OTHER, NOTE = "o", "n"
ANYBODY = "*"
LONGEST_RUN = 3
LONGEST_RUN_OF_ANYBODY = 2

Marked = tuple[str, str]
Term = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]


def terms(history: LeadHistory) -> list[str]:
    """The terms of a lead's calls, messages and notes: words, pairs and triples of each turn,
    marked with who spoke, and words and pairs whoever spoke: marks alone halve what is known of a
    word that both say. Across turns of a call, the last word of one turn with the first two of the
    answer, for what "yes" answered."""
    return [term for turns in _texts(history) for term in _terms(turns)]


def _texts(history: LeadHistory) -> Iterator[list[Marked]]:
    """What belongs together, as (mark, text): the turns of a call, or one message or note."""
    if history.talk is None:
        return
    pieces = history.talk.pieces
    calls = {(call.started_ms, call.call_id) for call in history.calls}
    for call in pieces.transcripts:
        if (call.started_ms, call.call_id) in calls:
            yield [(MARKS.get(turn.role, OTHER), turn.text) for turn in call.turns]
    for writing in pieces.writings:
        if writing.text is not None:
            is_customers = writing.direction == Direction.INBOUND.value
            yield [(MARKS[Role.CUSTOMER.value if is_customers else Role.AGENT.value], writing.text)]
        if writing.note is not None:
            yield [(NOTE, writing.note)]


def _terms(turns: Sequence[Marked]) -> Iterator[str]:
    last: str | None = None
    for mark, text in turns:
        words = WORD.findall(text.lower())
        yield from (f"{mark}:{run}" for run in runs(words, LONGEST_RUN))
        yield from (f"{ANYBODY}:{run}" for run in runs(words, LONGEST_RUN_OF_ANYBODY))
        if last is not None and words:
            yield f"{last}>{mark}:{' '.join(words[:2])}"
        last = f"{mark}:{words[-1]}" if words else None


def runs(words: Sequence[str], longest: int) -> list[str]:
    """Each run of 1 to `longest` neighbours, joined by spaces."""
    return [
        " ".join(words[i : i + n]) for n in range(1, longest + 1) for i in range(len(words) - n + 1)
    ]


def words_in(term: str) -> set[str]:
    """The words that a term is made of, without marks."""
    return {word for turn in term.split(">") for word in turn[2:].split(" ")}


class Vocabulary(BaseModel):
    """The terms that count, sorted, and their inverse document frequencies."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    terms: Annotated[tuple[Term, ...], Field(min_length=1, max_length=MAX_TERMS)]
    idf: Annotated[tuple[Finite, ...], Field(min_length=1, max_length=MAX_TERMS)]
    n_outputs: Annotated[int, Field(ge=1, le=MAX_OUTPUTS)]

    @model_validator(mode="after")
    def _is_whole(self) -> Vocabulary:
        if len(self.terms) != len(self.idf):
            raise ValueError(f"{len(self.terms)} terms with {len(self.idf)} frequencies")
        if len(set(self.terms)) < len(self.terms):
            raise ValueError("a term occurs twice")
        return self

    @cached_property
    def index(self) -> dict[str, int]:
        return {term: at for at, term in enumerate(self.terms)}

    def weigh(self, said: Iterable[str]) -> tuple[NDArray[np.int64], Floats]:
        """The known terms among `said` by number, ascending, and their weights: (1 + log count) ·
        idf, of length 1 together. Both are empty where no term is known."""
        return self.weigh_counted(Counter(said))

    def weigh_counted(self, n_times: Mapping[str, int]) -> tuple[NDArray[np.int64], Floats]:
        """As `weigh`, of terms that are counted already."""
        index = self.index
        counts = {at: n for term, n in n_times.items() if (at := index.get(term)) is not None}
        ids = np.array(sorted(counts), dtype=np.int64)
        weights = np.array(
            [(1.0 + math.log(counts[at])) * self.idf[at] for at in ids.tolist()], dtype=np.float64
        )
        length = math.sqrt(math.fsum((weights * weights).tolist()))
        return ids, weights / length if length else weights


@dataclass(frozen=True, slots=True)
class Words:
    """A vocabulary with its projection. `projection`: float32 (terms, outputs); `bias`: float64
    (outputs,), the columns of a lead that said nothing."""

    vocabulary: Vocabulary
    projection: NDArray[np.float32]
    bias: Floats

    def numbers(
        self, history: LeadHistory, is_heard: Callable[[str], bool] | None = None
    ) -> Floats:
        """(outputs,): the sum of the known terms' rows by weight. `is_heard`: terms for which it is
        false count as not said."""
        said = terms(history)
        if is_heard is not None:
            said = [term for term in said if is_heard(term)]
        ids, weights = self.vocabulary.weigh(said)
        # Added row by row, in order: a matrix product may add in another order elsewhere.
        total: Floats = (self.projection[ids] * weights[:, None]).sum(axis=0) + self.bias
        return total

    def heard(self, history: LeadHistory, most: int) -> list[str]:
        """The words said and written that count, those of most weight first, at most `most`."""
        weight: Counter[str] = Counter()
        ids, weights = self.vocabulary.weigh(terms(history))
        for at, share in zip(ids.tolist(), weights.tolist(), strict=True):
            for word in words_in(self.vocabulary.terms[at]):
                weight[word] += share * float(np.abs(self.projection[at]).sum())
        return sorted(weight, key=lambda word: (-weight[word], word))[:most]
