"""Builds the ledger of one lead: every change of its score and its cause; the changes add up.

Between two scores everything may have moved at once: the artifact, time, and several events. The
change is attributed one cause after the other, always in this order, each with what came before it
already applied:

1. another artifact scores the same state at the same moment;
2. time alone passes, to the later moment of the two scores;
3. events that the later score lacks (a Redis node went back) are taken out, newest first;
4. new events are folded in, one at a time, in the order in which they came in.

So every entry begins where the one before it ended, and the sum of all differences is the last
score, exactly. Another order would attribute shared effects otherwise; what an event is worth now,
whatever came first, is what `scoring.explain.occlusion` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import partial

from scoring.explain.whatif import probabilities
from scoring.lead.arrival import Arrival, cursor_of, is_included, state_of
from scoring.lead.fold import evolve, initial_state
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.prompt.edges import as_of
from scoring.prompt.rendering import Rendering
from scoring.score import Scorer, ScorerOf

MILLION = 1_000_000


class ChangeKind(StrEnum):
    """What a change of a score is due to."""

    START = "start"
    """A lead of which nothing is known: where every ledger begins."""
    ARTIFACT = "artifact"
    TIME = "time"
    WITHDRAWN = "withdrawn"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class LedgerPoint:
    """A position of the lead's log and a moment at which it was scored. `probability` is what was
    published, None where nothing was and the ledger computes it."""

    cursor: Mapping[str, int]
    as_of_ms: int
    artifact: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of the score. `causes` is one event; several where they cannot be told apart
    because the artifact that scored them is missing; empty where the cause is not an event."""

    kind: ChangeKind
    causes: tuple[Arrival, ...]
    as_of_ms: int
    artifact: str
    before: float
    after: float

    @property
    def difference(self) -> Fraction:
        """Exact: sums of floats would not add up."""
        return Fraction(self.after) - Fraction(self.before)

    @property
    def difference_ppm(self) -> int:
        """In millionths, of the rounded ends: what is printed adds up as well."""
        return ppm(self.after) - ppm(self.before)


@dataclass(frozen=True, slots=True)
class Ledger:
    """All changes of a lead's score. `differing`: the points whose published probability is not
    what their artifact gives again (`asllr replay verify` finds out why)."""

    entries: tuple[LedgerEntry, ...]
    differing: tuple[LedgerPoint, ...]


def ppm(probability: float) -> int:
    """Rounds to millionths."""
    return round(probability * MILLION)


def points_of(
    arrivals: Sequence[Arrival], artifact: str, until_ms: int, rendering: Rendering
) -> list[LedgerPoint]:
    """Returns the points at which engines that are never busy would have scored the lead with
    `artifact`, whose rendering is given: whenever an event came in, and at `until_ms`. For logs
    without published scores. `arrivals`: in order."""

    def point(now_ms: int) -> LedgerPoint:
        return LedgerPoint(cursor, as_of(history_of(state), now_ms, rendering), artifact)

    points: list[LedgerPoint] = []
    state, cursor = initial_state(), dict[str, int]()
    for arrival in arrivals:
        state = evolve(state, arrival.event)
        cursor = cursor_of([arrival], cursor)
        points.append(point(arrival.ingested_ms))
    if points:
        points.append(point(until_ms))
    return points


def build_ledger(
    arrivals: Sequence[Arrival], points: Sequence[LedgerPoint], scorer_of: ScorerOf
) -> Ledger:
    """Builds the ledger. `arrivals`: in order, without a LeadErased. `points`: in the order of
    their scores."""
    scorers = {point.artifact: scorer_of(point.artifact) for point in points}
    steps = list(_steps(arrivals, points, scorers))
    values = _values(steps, scorers)
    entries, before = [], 0.0
    for step, after in zip(steps, values, strict=True):
        if step.kind is not ChangeKind.TIME or after != before:
            entries.append(
                LedgerEntry(step.kind, step.causes, step.as_of_ms, step.artifact, before, after)
            )
        before = after
    differing = tuple(
        step.reached
        for step, value in zip(steps, values, strict=True)
        if step.reached and step.reached.probability not in (None, value)
    )
    return Ledger(tuple(entries), differing)


@dataclass(frozen=True, slots=True)
class _Step:
    """One cause more than the step before it. `reached`: the point that this step ends at."""

    kind: ChangeKind
    causes: tuple[Arrival, ...]
    state: LeadState
    as_of_ms: int
    artifact: str
    reached: LedgerPoint | None = None


def _steps(
    arrivals: Sequence[Arrival], points: Iterable[LedgerPoint], scorers: Mapping[str, Scorer | None]
) -> Iterator[_Step]:
    included: list[Arrival] = []
    state = initial_state()
    last: LedgerPoint | None = None
    for point in points:
        wanted = [arrival for arrival in arrivals if is_included(arrival, point.cursor)]
        steps = list(_between(included, wanted, state, last, point))
        steps[-1] = replace(steps[-1], as_of_ms=point.as_of_ms, reached=point)
        if scorers[point.artifact] is None:
            yield _as_one(steps)
        else:
            yield from steps
        included, state, last = wanted, steps[-1].state, point


def _between(
    included: Sequence[Arrival],
    wanted: Sequence[Arrival],
    state: LeadState,
    last: LedgerPoint | None,
    point: LedgerPoint,
) -> Iterator[_Step]:
    """Moments: a late event may put a score's moment before the last one's. Its prompt is the same
    at both (no edge lies between), so the later one serves for all but the final step."""
    later_ms = max(point.as_of_ms, last.as_of_ms if last else point.as_of_ms)
    here = partial(_Step, artifact=point.artifact)
    if last is None:
        yield here(ChangeKind.START, (), state, later_ms)
    else:
        if point.artifact != last.artifact:
            yield here(ChangeKind.ARTIFACT, (), state, last.as_of_ms)
        yield here(ChangeKind.TIME, (), state, later_ms)
    places_wanted, remaining = {arrival.place for arrival in wanted}, list(included)
    for arrival in [a for a in reversed(included) if a.place not in places_wanted]:
        remaining.remove(arrival)
        state = state_of(remaining)
        yield here(ChangeKind.WITHDRAWN, (arrival,), state, later_ms)
    places_included = {arrival.place for arrival in included}
    for arrival in [a for a in wanted if a.place not in places_included]:
        state = evolve(state, arrival.event)
        yield here(ChangeKind.EVENT, (arrival,), state, later_ms)


def _as_one(steps: Sequence[_Step]) -> _Step:
    """Joins steps whose artifact is missing: only what was published is known, for all causes
    together."""
    kinds = {step.kind for step in steps}
    order = (
        ChangeKind.EVENT,
        ChangeKind.WITHDRAWN,
        ChangeKind.ARTIFACT,
        ChangeKind.TIME,
        ChangeKind.START,
    )
    return replace(
        steps[-1],
        kind=next(kind for kind in order if kind in kinds),
        causes=tuple(cause for step in steps for cause in step.causes),
    )


def _values(steps: Sequence[_Step], scorers: Mapping[str, Scorer | None]) -> list[float]:
    values = [0.0] * len(steps)
    for artifact, scorer in scorers.items():
        mine = [i for i, step in enumerate(steps) if step.artifact == artifact]
        if scorer is None:
            for i in mine:
                values[i] = _published(steps[i])
            continue
        inputs = [scorer.read(history_of(steps[i].state), steps[i].as_of_ms) for i in mine]
        for i, value in zip(mine, probabilities(scorer, inputs), strict=True):
            values[i] = value
    return values


def _published(step: _Step) -> float:
    if step.reached is None or step.reached.probability is None:
        raise ValueError(f"artifact {step.artifact} is missing and nothing was published of it")
    return step.reached.probability
