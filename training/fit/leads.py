"""A dataset's rows as the model reads them: prompts cut for the base's own tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import from_bytes
from scoring.prompt.prompt import PromptSpec, build_prompt, least_budget
from scoring.prompt.rendering import Rendering
from scoring.prompt.turns import CHATML, Turns
from scoring.report.progress import ReportProgress
from training.dataset.example import WHOLE, Examples
from training.model.errors import FitError
from training.model.samples import Sample

CHUNK_ROWS = 500
ROWS_FOR_A_POOL = 4_000
"""With fewer rows, starting processes takes longer than the work."""

SUMMARISED_SHARE = 0.9
"""A call of which a smaller share of the words is kept counts as summarised."""


@dataclass(frozen=True, slots=True)
class PromptReading:
    """How a lead becomes tokens. The tokenizer is JSON, so that it can be sent to a process."""

    tokenizer_json: str
    token_budget: int
    rendering: Rendering
    turns: Turns = CHATML


@dataclass(frozen=True, slots=True)
class PromptedLeads:
    """Prompts as tokens and, (n,) each: `is_cut` where the conversation was shortened to fit the
    budget, `is_summarised` where a call is kept as a summary of what was said."""

    prompts: tuple[NDArray[np.int32], ...]
    is_cut: NDArray[np.bool_]
    is_summarised: NDArray[np.bool_]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.array([len(prompt) for prompt in self.prompts], dtype=np.int64)


def read_leads(
    examples: Examples, reading: PromptReading, n_processes: int, report: ReportProgress
) -> PromptedLeads:
    """The prompts of all examples, in their order. Spawns `n_processes` for a large dataset."""
    rows = list(zip(examples.state, examples.as_of_ms.tolist(), strict=True))
    chunks = [rows[at : at + CHUNK_ROWS] for at in range(0, len(rows), CHUNK_ROWS)]
    work = partial(_chunk, reading)
    read: list[tuple[NDArray[np.int32], bool, bool]] = []
    if len(rows) < ROWS_FOR_A_POOL or n_processes < 2:
        for chunk in chunks:
            read += work(chunk)
            report(len(read), len(rows))
    else:
        with get_context("spawn").Pool(n_processes) as pool:
            for part in pool.imap(work, chunks):
                read += part
                report(len(read), len(rows))
    return PromptedLeads(
        tuple(ids for ids, _, _ in read),
        np.array([is_cut for _, is_cut, _ in read], dtype=bool),
        np.array([is_short for _, _, is_short in read], dtype=bool),
    )


def _chunk(
    reading: PromptReading, rows: Sequence[tuple[bytes, int]]
) -> list[tuple[NDArray[np.int32], bool, bool]]:
    tokenizer = Tokenizer.from_str(reading.tokenizer_json)
    budget, count_tokens = reading.token_budget, counter(tokenizer)
    spec = PromptSpec(reading.rendering, budget, count_tokens, reading.turns)
    uncut = replace(spec, token_budget=WHOLE, count_tokens=len)
    read = []
    for encoded, as_of_ms in rows:
        state = from_bytes(encoded)
        history = history_of(state)
        prompt, whole = (build_prompt(history, as_of_ms, each) for each in (spec, uncut))
        ids = tokenizer.encode(prompt, add_special_tokens=False).ids
        is_cut = len(prompt) < len(whole)
        read.append((np.array(ids, dtype=np.int32), is_cut, _is_summarised(state)))
    return read


def counter(tokenizer: Tokenizer) -> Callable[[str], int]:
    """A function that counts the tokens of a text."""

    def count_tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count_tokens


def _is_summarised(state: LeadState) -> bool:
    return any(
        sum(len(statement.text.split()) for statement in call.statements)
        < SUMMARISED_SHARE * call.n_words
        for call in history_of(state).calls
    )


def check_budget(
    tokenizer: Tokenizer,
    rendering: Rendering,
    token_budget: int,
    max_tokens: int,
    turns: Turns = CHATML,
) -> None:
    """Raises FitError for a token budget that a lead might not fit into, or that the base cannot
    read."""
    needed = least_budget(rendering, counter(tokenizer), turns)
    if needed > max_tokens:
        raise FitError(
            f"the longest record of domain {rendering.domain.name} takes {needed} tokens of this "
            f"tokenizer, the base reads at most {max_tokens}; take a base that reads more, or "
            "declare fewer features"
        )
    if not needed <= token_budget <= max_tokens:
        raise FitError(
            f"--token-budget is {token_budget}; the longest record of domain "
            f"{rendering.domain.name} takes {needed} tokens of this tokenizer and the base reads "
            f"at most {max_tokens}: give a number between the two"
        )


def samples_of(
    examples: Examples, leads: PromptedLeads, rows: NDArray[np.int64], answers: tuple[int, int]
) -> list[Sample]:
    """A sample for each of `rows`, with the question that a score answers. `answers`: the tokens of
    Yes and No."""
    yes, no = (np.array([token], dtype=np.int32) for token in answers)
    return [
        Sample(
            prompt=leads.prompts[row],
            answer=yes if examples.label[row] else no,
            label=float(examples.label[row]),
            grade=int(examples.grade[row]),
        )
        for row in rows
    ]
