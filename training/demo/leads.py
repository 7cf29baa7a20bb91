"""Simulated leads as the demo's training reads them: prompt, table, and what became known later.

Everything in `body` and `features` comes from `scoring.score.prepare` at `as_of`, the function that
serving calls; codes, funnel moves and the order come from later events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from math import isnan, nan
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from schemas.events import EventBase, Stage, StageChanged
from schemas.timestamps import to_ms
from scoring.lead.fold import fold, listing
from scoring.lead.history import history_of
from scoring.prompt.prompt import MARKER, PromptSpec
from scoring.prompt.rendering import first_rendering
from scoring.score import prepare
from training.simulator.codes import final_codes
from training.simulator.draws import Draws
from training.simulator.emit import SimulatedLead, simulate_leads
from training.simulator.world import World

FUNNEL: frozenset[str] = frozenset({Stage.VISIT, Stage.TEST_DRIVE, Stage.QUOTE})
CHUNK_LEADS = 500


@dataclass(frozen=True, slots=True)
class TrainingLead:
    """One simulated lead at one moment. `body`: the prompt's tokens before the question. `codes`:
    NaN where a call was outside the quality sample. `moves`: the stages of FUNNEL reached within
    the horizon. `truth`: the probability that the world drew `ordered` from, for evaluation only;
    NaN at another moment than the world's own."""

    body: NDArray[np.int16]
    features: NDArray[np.float32]
    codes: NDArray[np.float32]
    moves: frozenset[str]
    ordered: bool
    truth: float
    as_of_ms: int

    @property
    def is_elsewhen(self) -> bool:
        """Whether the lead is looked at at another moment than the world's own."""
        return isnan(self.truth)


def at_own_moment(leads: Sequence[TrainingLead]) -> list[TrainingLead]:
    return [lead for lead in leads if not lead.is_elsewhen]


def digest_of(leads: Iterable[TrainingLead]) -> str:
    """The sha256, in hexadecimal, of all that a fit reads of the leads: the same for each run of a
    recipe."""
    digest = sha256()
    for lead in leads:
        moves = ",".join(sorted(lead.moves))
        digest.update(f"{lead.as_of_ms} {lead.ordered:d} {moves} {len(lead.body)}\n".encode())
        for numbers in (lead.body, lead.features, lead.codes):
            digest.update(np.ascontiguousarray(numbers).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class LeadReading:
    """How leads become tokens: the tokenizer as JSON, so that it can be sent to a process."""

    tokenizer_json: str
    token_budget: int

    def tokenizer(self) -> Tokenizer:
        return Tokenizer.from_str(self.tokenizer_json)


def load_leads(
    seed: int,
    n: int,
    reading: LeadReading,
    *,
    n_processes: int,
    log: Callable[[str], None],
    elsewhen_share: float = 0.0,
) -> list[TrainingLead]:
    """Reads leads 0 to `n` - 1 of the default world, in the order of their moments. A share
    `elsewhen_share` of them comes a second time, right after, at another moment if they are still
    listed then. Spawns `n_processes`."""
    starts = range(0, n, CHUNK_LEADS)
    work = partial(_chunk, seed, n, reading, elsewhen_share)
    pairs: list[tuple[TrainingLead, ...]] = []
    with get_context("spawn").Pool(n_processes) as pool:
        for done, chunk in enumerate(pool.imap(work, starts), 1):
            pairs += chunk
            if done % 40 == 0:
                log(f"leads: {len(pairs)} of {n}")
    return [lead for pair in sorted(pairs, key=lambda pair: pair[0].as_of_ms) for lead in pair]


def _chunk(
    seed: int, n: int, reading: LeadReading, elsewhen_share: float, start: int
) -> list[tuple[TrainingLead, ...]]:
    reader = _Reader(reading)
    pairs: list[tuple[TrainingLead, ...]] = []
    size = min(CHUNK_LEADS, n - start)
    for number, lead in enumerate(simulate_leads(seed, size, first=start), start):
        draws = Draws(seed, number, _ELSEWHEN)
        other = _elsewhen(lead, draws) if draws.chance(elsewhen_share) else None
        looks = [(lead.as_of, lead.probability)] + ([(other, nan)] if other else [])
        pairs.append(tuple(reader.read(lead, as_of, truth) for as_of, truth in looks))
    return pairs


_ELSEWHEN = 1
"""Part of the key of these draws, which must differ from those that make the lead."""

LONGEST_SILENCE_DAYS = 90.0


def _elsewhen(lead: SimulatedLead, draws: Draws) -> datetime | None:
    """Another moment at which a day's list may hold the lead: before its own moment, within the
    horizon after it, or long after. None when the lead is on no list then."""
    first = lead.events[0].occurred_at
    horizon_ends = lead.as_of + timedelta(days=World().horizon_days)
    low, high = draws.pick(
        (
            (first, lead.as_of),
            (lead.as_of, horizon_ends),
            (horizon_ends, lead.as_of + timedelta(days=LONGEST_SILENCE_DAYS)),
        )
    )
    as_of = low + draws.uniform() * (high - low)
    return as_of if listing(fold(_until(lead, as_of))).queue is not None else None


def _until(lead: SimulatedLead, as_of: datetime) -> Iterator[EventBase]:
    return (event for event in lead.events if event.occurred_at <= as_of)


def sample_prompts(seed: int, n: int) -> Iterator[str]:
    """Prompts of leads, not cut, to train a tokenizer on."""
    spec = PromptSpec(first_rendering(), 100_000, len)
    for lead in simulate_leads(seed, n):
        yield prepare(history_of(fold(lead.history)), to_ms(lead.as_of), spec).prompt


class _Reader:
    def __init__(self, reading: LeadReading) -> None:
        self._tokenizer = reading.tokenizer()
        rendering = first_rendering()
        self._spec = PromptSpec(rendering, reading.token_budget, lambda text: len(self._ids(text)))
        self._n_tail = len(self._ids(f"{rendering.question}{MARKER}"))

    def read(self, lead: SimulatedLead, as_of: datetime, truth: float) -> TrainingLead:
        as_of_ms = to_ms(as_of)
        read = prepare(history_of(fold(_until(lead, as_of))), as_of_ms, self._spec)
        horizon = as_of + timedelta(days=World().horizon_days)
        reached = frozenset(
            event.stage
            for event in lead.events
            if isinstance(event, StageChanged) and as_of < event.occurred_at <= horizon
        )
        return TrainingLead(
            body=np.array(self._ids(read.prompt)[: -self._n_tail], dtype=np.int16),
            features=read.features,
            codes=final_codes(lead, World().file),
            moves=reached & FUNNEL,
            ordered=Stage.ORDER in reached,
            truth=truth,
            as_of_ms=as_of_ms,
        )

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids
