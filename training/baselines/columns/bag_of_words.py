"""Fits the bag of words: which terms count, and their singular value decomposition.

The terms and their weights are computed by `scoring.columns.words`, in training as in serving.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD

from scoring.columns.words import MAX_TERMS, Vocabulary, Words, terms
from scoring.floats import Floats
from scoring.lead.history import history_of
from scoring.lead.state_bytes import from_bytes
from training.dataset.example import Examples

MIN_LEADS_PER_TERM = 3
N_COMPONENTS = 64
MAX_TERM_CHARS = 400
"""A longer run of letters is not language."""


@dataclass(frozen=True, slots=True)
class BagOfWords:
    """The terms that count, with `idf`, and the weights of the rows they were fitted on: `matrix`
    (n, terms)."""

    terms: tuple[str, ...]
    idf: tuple[float, ...]
    matrix: csr_matrix

    def weighed(self, examples: Examples) -> csr_matrix:
        """(n, terms): the weights of other rows."""
        if not self.terms:
            return csr_matrix((len(examples), 0))
        return _matrix(Vocabulary(terms=self.terms, idf=self.idf, n_outputs=1), _counts(examples))

    def projected(self, outputs: Floats, bias: Sequence[float]) -> Words | None:
        """What is served: each row of `outputs` (outputs, terms) as a column, which is `bias` where
        nothing was said; None for rows that say nothing."""
        projection = np.asarray(outputs, dtype=np.float32).T
        if not projection.size:
            return None
        vocabulary = Vocabulary(terms=self.terms, idf=self.idf, n_outputs=len(bias))
        return Words(vocabulary, np.ascontiguousarray(projection), np.array(bias))


def fit_words(examples: Examples) -> BagOfWords:
    """Fits the bag of words. Inverse document frequencies are smoothed: ln((1 + n) / (1 + n with
    the term)) + 1."""
    counts = _counts(examples)
    n_leads: Counter[str] = Counter()
    n_times: Counter[str] = Counter()
    for of_lead, n_rows in _distinct(counts):
        for term, n in of_lead.items():
            n_leads[term] += n_rows
            n_times[term] += n_rows * n
    frequent = [
        term
        for term, n in n_leads.items()
        if n >= MIN_LEADS_PER_TERM and len(term) <= MAX_TERM_CHARS
    ]
    frequent.sort(key=lambda term: (-n_times[term], term))
    known = sorted(frequent[:MAX_TERMS])
    idf = [math.log((1 + len(counts)) / (1 + n_leads[term])) + 1 for term in known]
    if not known:
        return no_words(examples)
    vocabulary = Vocabulary(terms=tuple(known), idf=tuple(idf), n_outputs=1)
    return BagOfWords(vocabulary.terms, vocabulary.idf, _matrix(vocabulary, counts))


def no_words(examples: Examples) -> BagOfWords:
    """A bag of which nothing is read."""
    return BagOfWords((), (), csr_matrix((len(examples), 0)))


def fit_components(matrix: csr_matrix, rng: np.random.Generator) -> Floats:
    """(components, terms): the singular vectors of largest value, none where there are too few
    terms."""
    n_components = min(N_COMPONENTS, min(matrix.shape) - 1)
    if n_components < 1:
        return np.zeros((0, matrix.shape[1]))
    svd = TruncatedSVD(n_components, random_state=int(rng.integers(2**31)))
    return np.asarray(svd.fit(matrix).components_, dtype=np.float64)


def _counts(examples: Examples) -> list[Counter[str]]:
    of_state = {state: Counter(terms(history_of(from_bytes(state)))) for state in {*examples.state}}
    return [of_state[state] for state in examples.state]


def _distinct(counts: list[Counter[str]]) -> list[tuple[Counter[str], int]]:
    """Each counter once, and how many rows share it: those of one state."""
    n_rows = Counter(map(id, counts))
    by_id = {id(of_lead): of_lead for of_lead in counts}
    return [(of_lead, n_rows[number]) for number, of_lead in by_id.items()]


def _matrix(vocabulary: Vocabulary, counts: list[Counter[str]]) -> csr_matrix:
    weights_of = {id(one): vocabulary.weigh_counted(one) for one, _ in _distinct(counts)}
    weighed = [weights_of[id(of_lead)] for of_lead in counts]
    ends = np.cumsum([0, *(len(ids) for ids, _ in weighed)])
    return csr_matrix(
        (
            np.concatenate([weights for _, weights in weighed]),
            np.concatenate([ids for ids, _ in weighed]),
            ends,
        ),
        shape=(len(counts), len(vocabulary.terms)),
    )
