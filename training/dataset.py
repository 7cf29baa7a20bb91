"""Simulated leads as training reads them: prompt, table, and what became known afterwards.

Everything in `body` and `features` comes from `scoring.score.prepare` at `as_of`, the function that
serving calls; codes, funnel moves and the order come from later events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from schemas.events import Stage, StageChanged
from scoring.fold import fold, to_ms
from scoring.prompt import HORIZON_DAYS, MARKER, QUESTION, PromptSpec
from scoring.score import prepare
from training.simulator.codes import final_codes
from training.simulator.emit import SimulatedLead, simulate_leads

FUNNEL = frozenset({Stage.VISIT, Stage.TEST_DRIVE, Stage.QUOTE})
CHUNK_LEADS = 500


@dataclass(frozen=True, slots=True)
class Lead:
    """`body`: the prompt's tokens before the question. `codes`: NaN where a call was outside the
    quality sample. `moves`: the stages of FUNNEL reached within the horizon. `truth` is the
    probability that the world drew `ordered` from: for evaluation only."""

    body: NDArray[np.int16]
    features: NDArray[np.float32]
    codes: NDArray[np.float32]
    moves: frozenset[Stage]
    ordered: bool
    truth: float
    as_of_ms: int


@dataclass(frozen=True, slots=True)
class Reading:
    """How leads become tokens: the tokenizer as JSON, so that it can be sent to a process."""

    tokenizer_json: str
    token_budget: int

    def tokenizer(self) -> Tokenizer:
        return Tokenizer.from_str(self.tokenizer_json)


def load_leads(
    seed: int, n: int, reading: Reading, *, n_processes: int, log: Callable[[str], None]
) -> list[Lead]:
    """Leads 0 to `n` - 1 of the default world in order of `as_of`. Spawns `n_processes`."""
    starts = range(0, n, CHUNK_LEADS)
    work = partial(_chunk, seed, n, reading)
    leads: list[Lead] = []
    with get_context("spawn").Pool(n_processes) as pool:
        for done, chunk in enumerate(pool.imap(work, starts), 1):
            leads += chunk
            if done % 40 == 0:
                log(f"leads: {len(leads)} of {n}")
    return sorted(leads, key=lambda lead: lead.as_of_ms)


def _chunk(seed: int, n: int, reading: Reading, start: int) -> list[Lead]:
    tokenizer = reading.tokenizer()
    spec = PromptSpec(reading.token_budget, lambda text: len(_ids(tokenizer, text)))
    n_tail = len(_ids(tokenizer, f"{QUESTION}{MARKER}"))
    size = min(CHUNK_LEADS, n - start)
    return [
        _prepared(lead, tokenizer, spec, n_tail) for lead in simulate_leads(seed, size, first=start)
    ]


def sample_prompts(seed: int, n: int) -> Iterator[str]:
    """Uncut prompts, to train a tokenizer on."""
    spec = PromptSpec(100_000, len)
    for lead in simulate_leads(seed, n):
        yield prepare(fold(lead.history), to_ms(lead.as_of), spec).prompt


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _prepared(lead: SimulatedLead, tokenizer: Tokenizer, spec: PromptSpec, n_tail: int) -> Lead:
    as_of_ms = to_ms(lead.as_of)
    read = prepare(fold(lead.history), as_of_ms, spec)
    horizon = lead.as_of + timedelta(days=HORIZON_DAYS)
    reached = frozenset(
        event.stage
        for event in lead.outcomes
        if isinstance(event, StageChanged) and event.occurred_at <= horizon
    )
    return Lead(
        body=np.array(_ids(tokenizer, read.prompt)[:-n_tail], dtype=np.int16),
        features=read.features,
        codes=final_codes(lead),
        moves=reached & FUNNEL,
        ordered=Stage.ORDER in reached,
        truth=lead.probability,
        as_of_ms=as_of_ms,
    )
