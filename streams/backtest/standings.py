"""One pass of the fold for a backtest: who stood on which day's list, and what each model said.

A day's list is the queue as it was at midnight UTC, scored by policy `every-1d`. A lead that
nothing changed keeps its score, as on production's boards; so what is kept is one *standing* for
each score and the days it lasted, not one row a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import process_time

import numpy as np
from numpy.typing import NDArray

from schemas.events import Ending, EventBase, StageChanged
from schemas.timestamps import DAY_MS, to_ms
from scoring.backtest.daily_calls import Ints
from scoring.calibration import NotALogit, probability
from scoring.engine import EngineInput, Unscorable, logits_of
from scoring.floats import Floats
from scoring.metrics.cost import Cost
from scoring.prompt.features import feature_vector
from scoring.prompt.rendering import Rendering
from scoring.report.progress import Advanced
from scoring.score import Scorer, Subject
from streams.backtest.known_events import KnownEvents
from streams.recording.event_file import RecordingError
from streams.replay.arrival import Place
from streams.replay.draft import PlannedStep, ReplayCounts, ReplayPartition
from streams.replay.fold import Course, drafts_of_events
from streams.replay.lead_table import MemoryTable
from streams.replay.policy import EveryTick

FeatureRows = NDArray[np.float32]
ASKED_AT_ONCE = 256
"""Standings that wait until models are asked about them: tables answer many in the time of one."""

NO_FEATURES = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Standings:
    """All standings of a recording: one lead on one queue's daily lists for some days in a row.
    `lead` and `queue` (n,) are numbers in the order of their names; a standing is on the lists of
    days `first` up to but not including `end`. `features` (n, n_features), or (n, 0) where nobody
    learns from them; `probabilities` (n, n_scorers), NaN where a model could not score or was not
    asked. `ordered_ms` and `heard_ms` (n_leads,): when a lead first ordered, and when that was
    known; inf: never. `known_ms` (n_leads,): when its first event came in. `costs`: of each model,
    from state to probability."""

    leads: tuple[str, ...]
    queues: tuple[str, ...]
    lead: Ints
    queue: Ints
    first: Ints
    end: Ints
    features: FeatureRows
    probabilities: Floats
    ordered_ms: Floats
    heard_ms: Floats
    known_ms: Floats
    tally: ReplayCounts
    costs: tuple[Cost, ...] = ()


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass of the fold reads and computes. Models are asked about days from `first_day` up
    to but not including `end_day`. `renderings`: of all models that are compared, whether they are
    asked or not. `has_features`: whether somebody learns from the standings; they are those of the
    first rendering."""

    events: KnownEvents
    erased: frozenset[str]
    renderings: Sequence[Rendering]
    scorers: Sequence[Scorer]
    first_day: int
    end_day: int
    end_ms: int
    has_features: bool = True


def standings(fold_pass: Pass, advanced: Advanced = lambda n: None) -> Standings:
    """Folds the events once and collects who stood on which day's list, with each model's
    probability. Raises RecordingError."""
    collector = _Kept(fold_pass)
    tally = ReplayCounts()
    n_partitions = fold_pass.events.n_partitions
    for number in range(n_partitions):
        partition = ReplayPartition(number, n_partitions, fold_pass.erased, MemoryTable())
        known = fold_pass.events.of(partition, advanced)
        course = Course(partition, EveryTick(DAY_MS), fold_pass.renderings)
        for draft in drafts_of_events(known, course, fold_pass.end_ms, collector.note_event):
            collector.take(draft)
        collector.end(fold_pass.end_ms // DAY_MS + 1)
        partition.tally.leads = sum(1 for _ in partition.table.items())
        tally.add(partition.tally)
    return collector.standings(tally)


@dataclass(frozen=True, slots=True)
class _Open:
    """A standing that has not ended yet. `subject` is scored when it is known that the standing
    lasts into the judged days."""

    queue: str
    first: int
    subject: Subject


@dataclass(frozen=True, slots=True)
class _Closed:
    lead: str
    queue: str
    first: int
    end: int
    features: NDArray[np.float32]
    probabilities: list[float]
    """Of each scorer; NaN until it has been asked."""


@dataclass(slots=True)
class _Kept:
    fold_pass: Pass
    open: dict[str, _Open] = field(default_factory=dict)
    closed: list[_Closed] = field(default_factory=list)
    orders: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Lead -> when its first order occurred and when that came in, in milliseconds."""
    known_ms: dict[str, int] = field(default_factory=dict)
    waiting: list[tuple[_Closed, Subject]] = field(default_factory=list)
    spent: dict[int, Cost] = field(default_factory=dict)
    """Index of the scorer -> its CPU time so far."""

    def note_event(self, place: Place, event: EventBase) -> None:
        name = str(event.key)
        self.known_ms.setdefault(name, place.moment_ms)
        if isinstance(event, StageChanged) and event.ending is Ending.WON:
            times = to_ms(event.occurred_at), place.moment_ms
            self.orders[name] = min(times, self.orders.get(name, times))

    def take(self, draft: PlannedStep) -> None:
        day = draft.place.moment_ms // DAY_MS
        if draft.subject is None or draft.queue is None:
            # at midnight itself the list came first
            self._close(draft.lead, day + 1)
        else:
            self._close(draft.lead, day)
            self.open[draft.lead] = _Open(draft.queue, day, draft.subject)

    def end(self, end_day: int) -> None:
        for lead in list(self.open):
            self._close(lead, end_day)

    def _close(self, lead: str, end: int) -> None:
        standing = self.open.pop(lead, None)
        if standing is None or standing.first >= end:
            return
        subject = standing.subject
        asked, scorers = self.fold_pass, self.fold_pass.scorers
        features = NO_FEATURES
        if asked.has_features:
            features = feature_vector(subject.history, subject.as_of_ms, asked.renderings[0])
        is_judged = standing.first < asked.end_day and end > asked.first_day
        queue = f"{subject.key.tenant}/{standing.queue}"
        unknown = [float("nan")] * len(scorers)
        closed = _Closed(lead, queue, standing.first, end, features, unknown)
        self.closed.append(closed)
        if is_judged and scorers:
            self.waiting.append((closed, subject))
            if len(self.waiting) == ASKED_AT_ONCE:
                self._ask()

    def _ask(self) -> None:
        """Asks all models about the standings that wait."""
        subjects = [subject for _, subject in self.waiting]
        for number, scorer in enumerate(self.fold_pass.scorers):
            began_s = process_time()
            answers = _probabilities(subjects, scorer)
            spent = self.spent.get(number, Cost(0.0, 0))
            cpu_s = spent.cpu_s + process_time() - began_s
            self.spent[number] = Cost(cpu_s, spent.n_leads + len(subjects))
            for (closed, _), answer in zip(self.waiting, answers, strict=True):
                closed.probabilities[number] = answer
        self.waiting.clear()

    def standings(self, tally: ReplayCounts) -> Standings:
        self._ask()
        if not self.closed:
            raise RecordingError("nobody stood on a list at midnight: nothing can be backtested")
        n_scorers = len(self.fold_pass.scorers)
        leads = sorted({standing.lead for standing in self.closed})
        queues = sorted({standing.queue for standing in self.closed})
        lead_of = {name: i for i, name in enumerate(leads)}
        queue_of = {name: i for i, name in enumerate(queues)}
        never = (float("inf"), float("inf"))
        orders = np.array([self.orders.get(name, never) for name in leads], dtype=np.float64)
        ints = np.array(
            [(lead_of[o.lead], queue_of[o.queue], o.first, o.end) for o in self.closed],
            dtype=np.intp,
        ).reshape(-1, 4)
        probabilities = np.array(
            [standing.probabilities for standing in self.closed], dtype=np.float64
        )
        return Standings(
            tuple(leads),
            tuple(queues),
            lead=ints[:, 0],
            queue=ints[:, 1],
            first=ints[:, 2],
            end=ints[:, 3],
            features=np.stack([standing.features for standing in self.closed]),
            probabilities=probabilities.reshape(len(self.closed), n_scorers),
            ordered_ms=orders[:, 0],
            heard_ms=orders[:, 1],
            known_ms=np.array([self.known_ms[name] for name in leads], dtype=np.float64),
            tally=tally,
            costs=tuple(self.spent.get(i, Cost(0.0, 0)) for i in range(n_scorers)),
        )


def _probabilities(subjects: Sequence[Subject], scorer: Scorer) -> list[float]:
    """One for each subject; NaN where the model cannot score it."""
    read: list[EngineInput | None] = [_read(subject, scorer) for subject in subjects]
    inputs = [each for each in read if each is not None]
    at_once = scorer.engine.batch_size if scorer.reads_prompts else ASKED_AT_ONCE
    logits = [
        logit
        for first in range(0, len(inputs), at_once)
        for logit in logits_of(inputs[first : first + at_once], scorer.engine)
    ]
    answers = iter(logits)
    return [float("nan") if each is None else _probability(next(answers), scorer) for each in read]


def _read(subject: Subject, scorer: Scorer) -> EngineInput | None:
    try:
        return scorer.read(subject.history, subject.as_of_ms)
    except Unscorable:
        return None


def _probability(logit: float | None, scorer: Scorer) -> float:
    try:
        return float("nan") if logit is None else probability(logit, scorer.calibration)
    except NotALogit:
        return float("nan")
