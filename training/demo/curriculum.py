"""What the base reads before whole leads: single exchanges, then short calls.

Both are annotated talk: the code that each line sets, and the codes that hold at the end. The
layout is exactly that of a lead's calls in `scoring.prompt.prompt`, so that nothing has to be
unlearned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from scoring.prompt.prompt import CALLS, END, HEADING, MARKER, OPENING
from scoring.prompt.units import fence
from training.model.samples import Sample
from training.simulator.codes import N_CODES, Code, code_set, multi_hot
from training.simulator.draws import Draws
from training.simulator.phrases import Stance
from training.simulator.practice import practice_call
from training.simulator.talk import Item, SpokenLine

CODES_QUESTION = "Which codes wrap up these calls?"
NOTHING_SAID = " none"


def code_word(topic: str, stance: Stance) -> str:
    return f" {topic.replace('_', ' ')} {stance.value}"


@dataclass(frozen=True, slots=True)
class Writer:
    """Turns text into token ids. Pieces that end in a line break can be encoded separately: the
    break is always a token of its own."""

    tokenizer: Tokenizer
    end_of_turn: int

    def ids(self, text: str) -> NDArray[np.int32]:
        encoded = self.tokenizer.encode(text, add_special_tokens=False).ids
        return np.array(encoded, dtype=np.int32)

    def answer(self, text: str) -> NDArray[np.int32]:
        return np.append(self.ids(text), np.int32(self.end_of_turn))

    def question(self, text: str) -> NDArray[np.int32]:
        return self.ids(f"{text}{MARKER}")


def codes_answer(codes: Sequence[Code], rng: np.random.Generator) -> str:
    """The answer to the codes question, codes in random order: no order is the right one, and the
    first code must not carry all of them."""
    if not codes:
        return NOTHING_SAID
    return ";".join(code_word(*codes[i]) for i in rng.permutation(len(codes)))


def short_calls(
    writer: Writer, n_calls: int, max_topics: int, rng: np.random.Generator
) -> list[Sample]:
    """Generated calls as samples: 1 to `max_topics` turns each, of which a few take back an earlier
    one."""
    draws = Draws(int(rng.integers(1 << 62)))
    question = writer.question(CODES_QUESTION)
    calls = (practice_call(draws, max_topics) for _ in range(n_calls))
    return [_short_call(writer, question, *call, rng) for call in calls]


def _short_call(
    writer: Writer,
    question: NDArray[np.int32],
    agenda: Sequence[Item],
    lines: Sequence[SpokenLine],
    rng: np.random.Generator,
) -> Sample:
    held = {item.topic: item.stance for item in agenda}
    body = f"{OPENING}{HEADING}{CALLS}\ncall today\n{layout(lines)}{HEADING}{END}\n"
    ids = writer.ids(body)
    ends, codes = line_targets(ids, writer, lines)
    return Sample(
        prompt=np.concatenate([ids, question]),
        answer=writer.answer(codes_answer(tuple(held.items()), rng)),
        codes=multi_hot(tuple(held.items())),
        line_ends=ends,
        line_codes=codes,
    )


def layout(lines: Sequence[SpokenLine]) -> str:
    """The lines as the prompt lays them out."""
    return "".join(f"{line.role}: {fence(line.text)}\n" for line in lines)


def line_targets(
    ids: NDArray[np.int32], writer: Writer, lines: Sequence[SpokenLine]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The positions of the line breaks that end `lines`, which are the last lines before the end
    heading, and the code that each line sets: none for the agent's lines and for small talk."""
    (line_break,) = writer.ids("\n")
    breaks = np.flatnonzero(ids == line_break)[-1 - len(lines) : -1]
    targets = np.zeros((len(lines), N_CODES), dtype=np.float32)
    for row, line in enumerate(lines):
        if (code := code_set(line)) is not None:
            targets[row, code] = 1.0
    return breaks.astype(np.int32), targets
