"""Two readings that tell a base from noise: a paragraph of English, and a question with one answer.

A conversion that went wrong (transposed weights, another model's tokenizer) still loads and still
gives numbers; it does not read.
"""

from __future__ import annotations

import math

import numpy as np

from scoring.prompt.turns import Turns
from training.model.base_record import Sanity
from training.model.errors import FitError
from training.model.hub import LoadedBase
from training.model.readout import Answers, answers_at, marker_states, text_loss
from training.model.samples import Sample
from training.model.settings import Precision

PARAGRAPH = (
    "When the first guests of the day arrive, the coffee is already warm and the windows are open. "
    "An older man asks about the narrow path behind the garden; he has read that it leads down to "
    "the river, and he would like to walk there before it rains. His daughter is not convinced. "
    "She thinks that the path is too steep for the dog, and that they should wait until the "
    "afternoon, when the stones are dry again. The woman behind the counter listens, brings two "
    "cups, and says that nobody has to decide now. In the end they agree to sit by the window for "
    "an hour, and to take the longer way along the road."
)
"""Everyday English, written for this file, so that no base has seen it."""

QUESTION = "Is Paris the capital of France? Answer with Yes or No."
LARGEST_LOSS = 700.0
"""Nats per token; beyond it the perplexity is no number any more."""
NOISE = 300.0
"""The perplexity from which a base does not read English: the smallest instruct models are near 20,
a shuffled vocabulary is beyond 10,000."""


def sanity_of(base: LoadedBase) -> Sanity:
    """Reads PARAGRAPH and asks QUESTION. Raises FitError where a number is not finite."""
    loss = text_loss(base.model, [_ids(base, _begin(base) + PARAGRAPH)], Precision.FP32)
    perplexity = math.exp(loss) if loss < LARGEST_LOSS else math.inf
    answers = likelier_answers(base, QUESTION)
    sanity = perplexity, float(answers.mass[0]), float(answers.logits[0])
    if not all(map(math.isfinite, sanity)):
        raise FitError(
            f"the base {base.name} gives numbers that are not finite (perplexity {sanity[0]}): its "
            "weights are damaged; copy or download them again"
        )
    return Sanity(perplexity=sanity[0], answer_mass=sanity[1], yes_logit=sanity[2])


def likelier_answers(base: LoadedBase, question: str) -> Answers:
    """The answers to `question`, in the form of Yes and No that the base is likelier to give."""
    ids = _ids(base, asked(base.turns, question))
    samples = [Sample(prompt=ids, answer=np.zeros(1, dtype=np.int32))]
    states = marker_states(base.model, samples, base.pad_id, precision=Precision.FP32)
    found = [answers_at(base.model, states, *pair) for pair in base.answers]
    return max(found, key=lambda answers: float(answers.mass[0]))


def asked(turns: Turns, question: str) -> str:
    return f"{turns.opening}{question}{turns.marker}"


def _begin(base: LoadedBase) -> str:
    """The token that begins a text, for a base whose turns begin with it."""
    bos = str(base.reading.bos_token or "")
    rest = base.turns.opening.removeprefix(bos)
    return bos if bos and rest != base.turns.opening and rest.strip() and bos not in rest else ""


def _ids(base: LoadedBase, text: str) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    ids = base.tokenizer.encode(text, add_special_tokens=False).ids
    return np.array(ids, dtype=np.int32)
