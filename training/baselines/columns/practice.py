"""A tagger that finds the wrap-up code of each line, trained on as many generated calls as the
demo's base.

The demo's base practises on calls that the simulator makes for it (`training.simulator.practice`)
before it reads leads. The tagger gets calls of the same kinds, as many of them, and the code that
each line sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from schemas.events import Role
from scoring.columns.words import MARKS, WORD, runs
from scoring.floats import Floats
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from training.dataset.example import Examples
from training.simulator.codes import CODE_INDEX, N_CODES, PRACTISED_TOPICS, code_set
from training.simulator.draws import Draws
from training.simulator.phrases import Stance
from training.simulator.practice import MAX_TOPICS, practice_call

Practice = Mapping[str, int]
"""Stage of the base's practice -> calls."""

PRACTICE: Practice = {"phrasebook": 8_300, "short calls": 18_200, "calls": 91_000}
"""As many as the recipe's tokens hold: 73, 82 and 110 of them a call, padding among them."""

SEED = 53_000
"""Another one than those of the benches (`training.studies.bench`)."""

SETS_NONE = N_CODES
"""The class of a line that sets no code."""

C = 100.0
"""Inverse strength of the penalty; the best of 3, 30, 100 and 300 on other generated calls."""

MIN_LINES_PER_TERM = 3
MAX_TERMS = 60_000
MAX_STEPS = 300
CHUNK_LINES = 50_000
N_CALLS_OF_ID = 100

CODES_OF_TOPIC = np.array(
    [[CODE_INDEX[topic, stance] for stance in Stance] for topic in PRACTISED_TOPICS]
)
"""(topics, stances): where each code of a topic is."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A customer's line in words, and the agent's line that it answers (`asked`), empty if none."""

    words: tuple[str, ...]
    asked: tuple[str, ...]


def turns_of(lines: Sequence[tuple[str, str]]) -> list[Turn | None]:
    """A Turn for each customer's line, None for other lines. `lines`: (role, text)."""
    turns: list[Turn | None] = []
    question: tuple[str, ...] = ()
    for role, text in lines:
        words = tuple(WORD.findall(text.lower()))
        turns.append(Turn(words, question) if role == Role.CUSTOMER.value else None)
        question = words if role == Role.AGENT.value else ()
    return turns


def turn_terms(turn: Turn) -> list[str]:
    """The terms of a turn: of what was said, of what was asked, and of how the answer begins with
    either. "Yes" means what the question makes it mean; "I would not say" turns round what follows
    it."""
    customer, agent = MARKS[Role.CUSTOMER.value], MARKS[Role.AGENT.value]
    begins, opening = " ".join(turn.words[:2]), " ".join(turn.words[:3])
    return [
        *(f"{customer}:{run}" for run in runs(turn.words, 3)),
        *(f"{agent}:{run}" for run in runs(turn.asked, 3)),
        *(f"{run}>{begins}" for run in runs(turn.asked, 2)),
        *(f"{opening}^{run}" for run in runs(turn.words, 2)),
        f"^{begins}",
        f"{len(turn.words)} words",
    ]


@dataclass(frozen=True, slots=True)
class Tagger:
    """Predicts the code that a customer's line sets."""

    vectorizer: TfidfVectorizer
    model: LogisticRegression

    def tags(self, turns: Sequence[Turn]) -> Floats:
        """(n, codes): how likely each line sets each code; the rest to 1 is that it sets none."""
        tags = np.zeros((len(turns), N_CODES + 1))
        for at in range(0, len(turns), CHUNK_LINES):
            matrix = self.vectorizer.transform(turns[at : at + CHUNK_LINES])
            tags[at : at + CHUNK_LINES, self.model.classes_] = self.model.predict_proba(matrix)
        return tags[:, :SETS_NONE]

    def held(self, examples: Examples) -> Floats:
        """(n, codes): how likely each code holds after a lead's last call. The last line on a topic
        counts."""
        turns_by_lead = [_customer_turns(state) for state in examples.states]
        tags = self.tags([turn for turns in turns_by_lead for turn in turns])
        held, at = np.zeros((len(examples), N_CODES)), 0
        for row, turns in enumerate(turns_by_lead):
            for tag in tags[at : at + len(turns)]:
                held[row] = follow(held[row], tag)
            at += len(turns)
        return held


def follow(held: Floats, tag: Floats) -> Floats:
    """The codes that hold after a line, given those that held before it: the more likely the line
    set a code of a topic, the less the topic's earlier code counts."""
    after = held.copy()
    is_set = tag[CODES_OF_TOPIC].sum(axis=1, keepdims=True)
    after[CODES_OF_TOPIC] = held[CODES_OF_TOPIC] * (1 - is_set) + tag[CODES_OF_TOPIC]
    return after


def _customer_turns(state: LeadState) -> list[Turn]:
    calls = history_of(state).calls
    turns = (turns_of([(s.role, s.text) for s in call.statements]) for call in calls)
    return [turn for call in turns for turn in call if turn is not None]


def fit_tagger(practice: Practice, seed: int) -> Tagger:
    """Trains a tagger on generated calls."""
    turns, labels = practice_turns(practice, seed)
    vectorizer = TfidfVectorizer(
        analyzer=turn_terms,
        sublinear_tf=True,
        min_df=MIN_LINES_PER_TERM,
        max_features=MAX_TERMS,
        dtype=np.float64,
    )
    matrix = vectorizer.fit_transform(turns)
    model = LogisticRegression(C=C, tol=1e-3, max_iter=MAX_STEPS)
    return Tagger(vectorizer, model.fit(matrix, labels))


@cache
def practised_tagger() -> Tagger:
    """The tagger that every dataset is read with. Training takes about a minute, once in a
    process."""
    return fit_tagger(PRACTICE, SEED)


def practice_id() -> str:
    """A digest of the amounts and of the first calls' lines: another digest means another
    tagger."""
    turns, labels = practice_turns(dict.fromkeys(PRACTICE, N_CALLS_OF_ID), SEED)
    amounts = (sorted(PRACTICE.items()), SEED, C, MIN_LINES_PER_TERM, MAX_TERMS, MAX_STEPS)
    described = repr((amounts, turns, labels.tolist()))
    return blake2b(described.encode(), digest_size=8).hexdigest()


def practice_turns(practice: Practice, seed: int) -> tuple[list[Turn], NDArray[np.int64]]:
    """Customers' lines of generated calls, and the code that each line sets."""
    draws = Draws(seed)
    turns: list[Turn] = []
    labels: list[int] = []
    for stage, n_calls in practice.items():
        for _ in range(n_calls):
            _, lines = practice_call(draws, MAX_TOPICS[stage])
            call_turns = turns_of([(line.role, line.text) for line in lines])
            for turn, line in zip(call_turns, lines, strict=True):
                if turn is not None:
                    turns.append(turn)
                    code = code_set(line)
                    labels.append(SETS_NONE if code is None else code)
    return turns, np.array(labels, dtype=np.int64)
