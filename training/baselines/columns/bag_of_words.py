"""Fits the bag of words: which terms count, and their singular value decomposition.

The terms and their weights are computed by `scoring.columns.words`, in training as in serving.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD

from scoring.columns.words import MAX_TERMS, Vocabulary, Words, terms
from scoring.floats import Floats
from scoring.lead.history import history_of
from training.baselines.columns.linear_reading import LinearReading
from training.dataset.example import Examples

MIN_LEADS_PER_TERM = 3
N_COMPONENTS = 64
MAX_TERM_CHARS = 400
"""A longer run of letters is not language."""


@dataclass(frozen=True, slots=True)
class BagOfWords:
    """The terms that count, with `idf`, and the weights of the rows they were fitted on: `matrix`
    (n, terms). `components`: (components, terms), none where there are too few terms."""

    terms: tuple[str, ...]
    idf: tuple[float, ...]
    matrix: csr_matrix
    components: Floats

    def projected(self, readings: tuple[LinearReading, ...]) -> Words | None:
        """What is served: the components and the readings as one projection; None for rows that
        say nothing."""
        coefficients = [reading.coefficients(len(self.terms)) for reading in readings]
        projection = np.array([*self.components, *coefficients], dtype=np.float32).T
        if not projection.size:
            return None
        bias = [0.0] * len(self.components) + [reading.intercept for reading in readings]
        vocabulary = Vocabulary(terms=self.terms, idf=self.idf, n_outputs=len(bias))
        return Words(vocabulary, np.ascontiguousarray(projection), np.array(bias))


def fit_words(examples: Examples, rng: np.random.Generator) -> BagOfWords:
    """Fits the bag of words. Inverse document frequencies are smoothed: ln((1 + n) / (1 + n with
    the term)) + 1."""
    counts = [Counter(terms(history_of(state))) for state in examples.states]
    n_leads: Counter[str] = Counter()
    n_times: Counter[str] = Counter()
    for of_lead in counts:
        n_leads.update(of_lead.keys())
        n_times.update(of_lead)
    frequent = [
        term
        for term, n in n_leads.items()
        if n >= MIN_LEADS_PER_TERM and len(term) <= MAX_TERM_CHARS
    ]
    frequent.sort(key=lambda term: (-n_times[term], term))
    known = sorted(frequent[:MAX_TERMS])
    idf = [math.log((1 + len(counts)) / (1 + n_leads[term])) + 1 for term in known]
    if not known:
        return BagOfWords((), (), csr_matrix((len(counts), 0)), np.zeros((0, 0)))
    vocabulary = Vocabulary(terms=tuple(known), idf=tuple(idf), n_outputs=1)
    matrix = _matrix(vocabulary, counts)
    components = _components(matrix, rng)
    return BagOfWords(vocabulary.terms, vocabulary.idf, matrix, components)


def _matrix(vocabulary: Vocabulary, counts: list[Counter[str]]) -> csr_matrix:
    weighed = [vocabulary.weigh(of_lead.elements()) for of_lead in counts]
    ends = np.cumsum([0, *(len(ids) for ids, _ in weighed)])
    return csr_matrix(
        (
            np.concatenate([weights for _, weights in weighed]),
            np.concatenate([ids for ids, _ in weighed]),
            ends,
        ),
        shape=(len(counts), len(vocabulary.terms)),
    )


def _components(matrix: csr_matrix, rng: np.random.Generator) -> Floats:
    n_components = min(N_COMPONENTS, min(matrix.shape) - 1)
    if n_components < 1:
        return np.zeros((0, matrix.shape[1]))
    svd = TruncatedSVD(n_components, random_state=int(rng.integers(2**31)))
    return np.asarray(svd.fit(matrix).components_, dtype=np.float64)
