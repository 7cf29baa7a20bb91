"""Questions about whole leads: the order itself, funnel moves, the table, and the wrap-up codes.

All end in the one marker that serving uses. The base must have met the exact question, marker and
Yes / No before the adapter is fitted, and questions about the table teach it to read the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.events import Stage
from scoring.declaration import Feature, Kind
from scoring.features import FEATURES
from scoring.prompt import ANSWER_NO, ANSWER_YES, QUESTION
from training.curriculum import CODES_QUESTION, Writer, codes_answer
from training.dataset import FUNNEL, Lead
from training.examples.example import Grade
from training.samples import Sample
from training.simulator.codes import CODES

SHARES = {"order": 0.2, "funnel": 0.35, "table": 0.15, "codes": 0.3}


@dataclass(frozen=True, slots=True)
class Questions:
    """Encoded once: asking costs a concatenation per sample."""

    yes: NDArray[np.int32]
    no: NDArray[np.int32]
    order: NDArray[np.int32]
    codes: NDArray[np.int32]
    funnel: dict[Stage, NDArray[np.int32]]
    table: tuple[tuple[tuple[float, NDArray[np.int32]], ...], ...]
    """Per categorical or yes / no feature: (encoded value, "Is <wording> <word>?")."""

    @classmethod
    def of(cls, writer: Writer) -> Questions:
        return cls(
            yes=writer.answer(ANSWER_YES),
            no=writer.answer(ANSWER_NO),
            order=writer.question(QUESTION),
            codes=writer.question(CODES_QUESTION),
            funnel={stage: writer.question(text) for stage, text in FUNNEL.items()},
            table=tuple(
                tuple(
                    (value, writer.question(f"Is {feature.wording} {word}?"))
                    for value, word in _values(feature)
                )
                for feature in FEATURES
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
    return [f"Is {feature.wording} {word}?" for feature in FEATURES for _, word in _values(feature)]


def order_sample(lead: Lead, asked: Questions) -> Sample:
    """The question that a score answers."""
    return Sample(
        prompt=np.concatenate([lead.body, asked.order]).astype(np.int32),
        answer=asked.answer(lead.ordered),
        order=float(lead.ordered),
        grade=Grade.ORDER if lead.ordered else max(map(_GRADES.__getitem__, lead.moves), default=0),
    )


_GRADES = {Stage.VISIT: Grade.VISIT, Stage.TEST_DRIVE: Grade.TEST_DRIVE, Stage.QUOTE: Grade.QUOTE}


def pretraining_samples(
    leads: Sequence[Lead], asked: Questions, writer: Writer, rng: np.random.Generator
) -> list[Sample]:
    """One question per lead, drawn by SHARES; the codes are always a target of the marker."""
    kinds = rng.choice(list(SHARES), size=len(leads), p=list(SHARES.values()))
    return [_asked(lead, kind, asked, writer, rng) for lead, kind in zip(leads, kinds, strict=True)]


def _asked(
    lead: Lead, kind: str, asked: Questions, writer: Writer, rng: np.random.Generator
) -> Sample:
    question, answer = asked.order, asked.answer(lead.ordered)
    if kind == "funnel":
        stage = list(FUNNEL)[rng.integers(len(FUNNEL))]
        question, answer = asked.funnel[stage], asked.answer(stage in lead.moves)
    elif kind == "table":
        question, answer = _about_table(lead, asked, rng)
    elif kind == "codes" and not np.isnan(lead.codes).any():
        held = [CODES[i] for i in np.flatnonzero(lead.codes)]
        question, answer = asked.codes, writer.answer(codes_answer(held, rng))
    prompt = np.concatenate([lead.body, question]).astype(np.int32)
    return Sample(prompt=prompt, answer=answer, codes=lead.codes)


def _about_table(
    lead: Lead, asked: Questions, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Half of the answers are Yes where the value is one that can be asked about."""
    feature = int(rng.integers(len(FEATURES)))
    options = asked.table[feature]
    held = [i for i, (value, _) in enumerate(options) if value == lead.features[feature]]
    pick = held[0] if held and rng.random() < 0.5 else int(rng.integers(len(options)))
    value, question = options[pick]
    return question, asked.answer(bool(value == lead.features[feature]))
