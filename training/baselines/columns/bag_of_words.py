"""Transcripts as a bag of words: TF-IDF over who said what, and its singular value decomposition.

TF-IDF: G. Salton and C. Buckley, Term-Weighting Approaches in Automatic Text Retrieval, Information
Processing & Management 24, 1988. The text comes from the state at `as_of`: the statements that the
summary keeps, whole for short calls.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from schemas.events import Role
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from training.baselines.columns.encoding import Rows
from training.dataset.example import Examples

WORD = re.compile(
    r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|[?？]"
)
"""A word; a single character in scripts without spaces between words; a question mark."""

MAX_TERMS = 40_000
MIN_LEADS_PER_TERM = 3
N_COMPONENTS = 64
MARKS = {Role.CUSTOMER.value: "c", Role.AGENT.value: "a"}


def terms(state: LeadState) -> list[str]:
    """The terms of a lead's calls: words, pairs and triples of each turn, marked with who spoke.
    Across turns, the last word of one turn with the first two of the answer, for what "yes"
    answered."""
    marked_terms: list[str] = []
    last: str | None = None
    for statement in (s for call in history_of(state).calls for s in call.statements):
        mark = MARKS.get(statement.role, "o")
        words = WORD.findall(statement.text.lower())
        marked_terms += [f"{mark}:{run}" for run in runs(words, 3)]
        if last is not None and words:
            marked_terms.append(f"{last}>{mark}:{' '.join(words[:2])}")
        last = f"{mark}:{words[-1]}" if words else None
    return marked_terms


def runs(words: Sequence[str], longest: int) -> list[str]:
    """Each run of 1 to `longest` neighbours, joined by spaces."""
    return [
        " ".join(words[i : i + n]) for n in range(1, longest + 1) for i in range(len(words) - n + 1)
    ]


@dataclass(frozen=True, slots=True)
class Words:
    """A fitted bag of words. `vectorizer` is None where the examples it was fitted on say nothing,
    `svd` None where they say too little."""

    vectorizer: TfidfVectorizer | None
    svd: TruncatedSVD | None

    def matrix(self, examples: Examples) -> csr_matrix:
        """(n, terms); one empty column without a vocabulary."""
        if self.vectorizer is None:
            return csr_matrix((len(examples), 1), dtype=np.float64)
        return self.vectorizer.transform(examples.states)

    def components(self, matrix: csr_matrix) -> Rows:
        """(n, components); no column where there are too few terms."""
        if self.svd is None:
            return np.zeros((matrix.shape[0], 0), dtype=np.float32)
        return np.asarray(self.svd.transform(matrix), dtype=np.float32)


def fit_words(examples: Examples, rng: np.random.Generator) -> tuple[csr_matrix, Words]:
    """Fits the bag of words; returns the matrix of the examples it was fitted on, too."""
    vectorizer = TfidfVectorizer(
        analyzer=terms,
        sublinear_tf=True,
        min_df=MIN_LEADS_PER_TERM,
        max_features=MAX_TERMS,
        dtype=np.float64,
    )
    try:
        matrix = vectorizer.fit_transform(examples.states)
    except ValueError:  # how sklearn says that no term is in enough leads
        silent = Words(None, None)
        return silent.matrix(examples), silent
    n_components = min(N_COMPONENTS, min(matrix.shape) - 1)
    if n_components < 1:
        return matrix, Words(vectorizer, None)
    svd = TruncatedSVD(n_components, random_state=int(rng.integers(2**31)))
    return matrix, Words(vectorizer, svd.fit(matrix))
