"""A language model in `asllr try`: whether it has anything to read, and how much of it.

A base reads 4 to 8 leads a second on a core. So it learns from a bounded number of moments, judges
as many of the last daily lists as need MAX_READS reads, and ranks at most MAX_LISTED leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from schemas.events import EventBase, InteractionLogged, LeadUpserted, TranscriptReady
from schemas.ids import LeadKey
from schemas.timestamps import DAY_MS, from_ms
from scoring.backtest.learning import BaseRequest, LearnedModel
from scoring.engine import Engine, EngineInput
from scoring.lead.fold import ends_lead
from scoring.report.progress import Advanced, spoken
from scoring.score import Scorer
from streams.backtest.trial import OWN, CannotTell, ExportTrial, first_day_within
from streams.cli.exports.try_request import TryRequest
from streams.cli.progress import TerminalProgress
from streams.recording.event_file import history
from streams.replay.rank_file import RankedFile, rank_events

MAX_LISTED = 3_000
MAX_READS = 3_000
MAX_REASONS = 10
READS_A_REASON = 40
"""About: one for each thing that may be left out (`scoring.explain.faithful`)."""

STATES = "states"


def base_request(
    events: Sequence[EventBase], open_events: Sequence[EventBase], request: TryRequest, folder: Path
) -> tuple[BaseRequest | None, str]:
    """What is asked of the base, and why nothing is. `open_events`: of leads that may be called;
    `folder`: keeps states for this run where the user keeps none."""
    if request.base is None:
        return None, ""
    if not any(map(_has_words, events)):
        return None, (
            "the base has nothing to read: no call has a transcript and nobody wrote a message; "
            "give calls with what was said as --calls"
        )
    ended = {event.key for event in events if ends_lead(event)}
    n_listed = len({event.key for event in open_events} - ended)
    if n_listed > MAX_LISTED:
        return None, (
            f"the base is not read: {n_listed:,} leads are still to be called, and it reads at "
            f"most {MAX_LISTED:,} of them here; leave leads of older months out"
        )
    return BaseRequest(request.base, request.states or folder / STATES), ""


def is_heard(learned: LearnedModel) -> bool:
    return learned.base is not None and learned.base.is_heard


def decided(base: BaseRequest | None, learned: LearnedModel) -> BaseRequest | None:
    """The base as the judged model has it: the one that ranks is no other."""
    return None if base is None else replace(base, is_heard=is_heard(learned))


def base_line(said: str, learned: LearnedModel | None, final: LearnedModel) -> str:
    """What became of the base; empty where none was asked for. `said`: why it read nothing. The
    judged model decided, and where that hears the base the last one says what it was worth."""
    findings = [model.base for model in (final, learned) if model is not None]
    return next((found.sentence for found in findings if found is not None), said)


def rank_read(
    events: Sequence[EventBase], scorer: Scorer, final: LearnedModel, top: int
) -> RankedFile:
    """The boards by a model that hears a base. A reason takes dozens of reads, so that the best of
    each queue have one, MAX_REASONS in all."""
    n_leads = len({event.key for event in events})
    queues = {event.queue for event in events if isinstance(event, LeadUpserted) and event.queue}
    told = min(top, MAX_REASONS // max(len(queues), 1))
    n_reads = n_leads + told * max(len(queues), 1) * READS_A_REASON
    click.echo(
        f"ranking: the base reads about {n_reads:,} times for {n_leads:,} leads and reasons"
        f"{_time(n_reads, final)}",
        err=True,
    )
    with counted(scorer, n_reads) as counting:
        return rank_events(map(history, events), counting, top=told)


@dataclass(slots=True)
class CountedEngine:
    """An engine that says how much it has read."""

    engine: Engine
    advance: Advanced

    @property
    def batch_size(self) -> int:
        return self.engine.batch_size

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        logits = self.engine.logits(inputs)
        self.advance(len(inputs))
        return logits


@contextmanager
def counted(scorer: Scorer, n_reads: int) -> Iterator[Scorer]:
    """The scorer, of which is shown how many of about `n_reads` reads are done."""
    progress = TerminalProgress("base: read", "moments of leads", n_reads)
    yield replace(scorer, engine=CountedEngine(scorer.engine, progress.advance))
    progress.close()


@contextmanager
def as_many_lists_as_can_be_read(
    events: Sequence[EventBase], trial: ExportTrial, learned: LearnedModel
) -> Iterator[ExportTrial]:
    """The trial on the last daily lists that need at most MAX_READS reads. Says how many."""
    try:
        day, n_reads = first_day_within(events, trial, MAX_READS)
    except CannotTell:
        yield trial  # judging says why
        return
    click.echo(
        f"judging by the lists from {from_ms(day * DAY_MS):%Y-%m-%d} on, for which the base reads "
        f"{n_reads:,} times, {MAX_READS:,} at most{_time(n_reads, learned)}",
        err=True,
    )
    with counted(trial.scorers[OWN], n_reads) as counting:
        scorers = {**trial.scorers, OWN: counting}
        yield replace(trial, scorers=scorers, from_day=day)


def as_many_leads_as_can_be_read(
    held_out: Mapping[LeadKey, bool], learned: LearnedModel
) -> dict[LeadKey, bool]:
    """At most MAX_READS of the leads that judge, drawn by chance. Says how many."""
    keys = sorted(held_out)
    drawn = np.random.default_rng(0).permutation(len(keys))[:MAX_READS]
    time = _time(len(drawn), learned)
    click.echo(f"judging by {len(drawn):,} leads, {MAX_READS:,} at most{time}", err=True)
    return {keys[at]: held_out[keys[at]] for at in sorted(drawn.tolist())}


def _time(n_reads: int, learned: LearnedModel) -> str:
    return "" if learned.base is None else f": about {spoken(n_reads * learned.base.lead_ms / 1e3)}"


def _has_words(event: EventBase) -> bool:
    match event:
        case TranscriptReady():
            return any(segment.text for segment in event.segments)
        case InteractionLogged():
            return bool(event.text)
        case _:
            return False
