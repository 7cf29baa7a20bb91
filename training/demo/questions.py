"""Questions about whole leads: table and wrap-up codes for the base, the order for the adapter.

All end in the one marker that serving uses. The base learns to read a lead and to answer Yes or No;
whether leads order is left to the adapter. For a fair comparison the text baselines get every label
of leads that the base got, and `tree_practised` practises on generated calls, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.prompt.declaration import Feature, Kind
from scoring.prompt.prompt import ANSWER_NO, ANSWER_YES
from scoring.prompt.rendering import first_rendering
from training.dataset.ladder import STAGE, WON, Ladder, ladder_of
from training.demo.curriculum import CODES_QUESTION, Writer, codes_answer
from training.demo.leads import TrainingLead
from training.model.samples import Sample
from training.simulator.codes import CODES

CODES_SHARE = 0.65
"""The share of the leads with known codes that are asked about codes; all others are asked about
their table."""


@dataclass(frozen=True, slots=True)
class Questions:
    """All questions and answers as tokens, encoded once: a sample then costs a concatenation."""

    yes: NDArray[np.int32]
    no: NDArray[np.int32]
    order: NDArray[np.int32]
    codes: NDArray[np.int32]
    ladder: Ladder
    table: tuple[tuple[tuple[float, NDArray[np.int32]], ...], ...]
    """Per categorical or yes / no feature: (encoded value, "Is <wording> <word>?")."""

    @classmethod
    def of(cls, writer: Writer) -> Questions:
        return cls(
            yes=writer.answer(ANSWER_YES),
            no=writer.answer(ANSWER_NO),
            order=writer.question(first_rendering().question),
            codes=writer.question(CODES_QUESTION),
            ladder=ladder_of(first_rendering().domain),
            table=tuple(
                tuple(
                    (value, writer.question(f"Is {feature.wording} {word}?"))
                    for value, word in _values(feature)
                )
                for feature in first_rendering().features
            ),
        )

    def answer(self, is_yes: bool) -> NDArray[np.int32]:
        return self.yes if is_yes else self.no


def _values(feature: Feature) -> list[tuple[float, str]]:
    match feature.kind:
        case Kind.CATEGORY:
            return [(float(i), word) for i, (_, word) in enumerate(feature.bins)]
        case Kind.FLAG:
            return [(1.0, "yes"), (0.0, "no")]
        case Kind.AGE:
            return [(float(bound), word) for bound, word in feature.bins]
        case Kind.NUMBER:
            return [(0.0, feature.bins[0][1])]


def table_texts() -> list[str]:
    """Every table question, for the tokenizer's training."""
    return [
        f"Is {feature.wording} {word}?"
        for feature in first_rendering().features
        for _, word in _values(feature)
    ]


def order_sample(lead: TrainingLead, questions: Questions) -> Sample:
    """A sample with the question that a score answers: will this lead order?"""
    return Sample(
        prompt=np.concatenate([lead.body, questions.order]).astype(np.int32),
        answer=questions.answer(lead.ordered),
        label=float(lead.ordered),
        grade=questions.ladder.grade(
            [WON] if lead.ordered else [f"{STAGE}{move}" for move in lead.moves]
        ),
    )


def pretraining_samples(
    leads: Sequence[TrainingLead], questions: Questions, writer: Writer, rng: np.random.Generator
) -> list[Sample]:
    """One question for each lead; the codes are always a target of the marker's state."""
    return [_pretraining_sample(lead, questions, writer, rng) for lead in leads]


def _pretraining_sample(
    lead: TrainingLead, questions: Questions, writer: Writer, rng: np.random.Generator
) -> Sample:
    if rng.random() < CODES_SHARE and not np.isnan(lead.codes).any():
        held = [CODES[i] for i in np.flatnonzero(lead.codes)]
        question, answer = questions.codes, writer.answer(codes_answer(held, rng))
    else:
        question, answer = _about_table(lead, questions, rng)
    prompt = np.concatenate([lead.body, question]).astype(np.int32)
    return Sample(prompt=prompt, answer=answer, codes=lead.codes)


def _about_table(
    lead: TrainingLead, questions: Questions, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """A question about one feature. Where the lead's value can be asked about, half of the
    questions ask about that value, so that enough answers are Yes."""
    feature = int(rng.integers(len(first_rendering().features)))
    options = questions.table[feature]
    held = [i for i, (value, _) in enumerate(options) if value == lead.features[feature]]
    pick = held[0] if held and rng.random() < 0.5 else int(rng.integers(len(options)))
    value, question = options[pick]
    return question, questions.answer(bool(value == lead.features[feature]))
