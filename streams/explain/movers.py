"""Why a lead has its rank: the events without which a model would say something else.

Read again from the recording, for the few leads that a report names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.events import EventBase, TranscriptReady
from schemas.ids import LeadKey
from schemas.outputs import Score
from schemas.timestamps import DAY_MS, to_ms
from scoring.explain.event_words import words_of
from scoring.explain.occlusion import occlude
from scoring.lead.arrival import Arrival, is_included, state_of
from scoring.lead.history import history_of
from scoring.lead.state_bytes import hash_of
from scoring.prompt.edges import as_of
from scoring.report.progress import Advanced
from scoring.score import Scorer
from streams.backtest.list_changes import ListChanges, ListMove
from streams.explain.story import read_folder
from streams.recording.event_file import RecordingError
from streams.recording.folder import RecordingFolder
from streams.replay.diff import Mover

N_EVENTS = 4


@dataclass(frozen=True, slots=True)
class MovingEvent:
    """One event that moved a probability. `effect`: the probability less what it would be without
    the event. `transcript`: a line for each utterance; empty unless it was asked for."""

    words: str
    occurred_ms: int
    effect: float
    transcript: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MovedBy:
    """The probability that one model gives a lead, and the events that count most for it, largest
    effect first."""

    name: str
    probability: float
    events: tuple[MovingEvent, ...]


@dataclass(frozen=True, slots=True)
class EventSource:
    """Where the events of leads are read from, and the models to ask. `scorers`: by the name a
    model has in the report, or, for replays, by digest."""

    recording: RecordingFolder
    scorers: Mapping[str, Scorer]
    with_transcripts: bool = False
    advanced: Advanced = lambda n: None

    def arrivals(self, lead: str) -> tuple[Arrival, ...] | None:
        """The events of one lead; None: the person asked to be forgotten, maybe after the replays
        that tell of them."""
        story = read_folder(self.recording, LeadKey.parse(lead), self.advanced)
        return None if story.is_erased else story.arrivals


def of_list_move(source: EventSource, changes: ListChanges, move: ListMove) -> tuple[MovedBy, ...]:
    """The events that moved a lead on daily lists. From one day to the next only what came in since
    counts; of two models each one has its own reasons."""
    midnight_ms = move.since * DAY_MS
    arrivals = source.arrivals(move.lead)
    if arrivals is None:
        return ()
    arrived = [one for one in arrivals if one.ingested_ms < midnight_ms]
    history = history_of(state_of(arrived))
    is_one_model = changes.theirs == changes.ours
    since_ms = move.before * DAY_MS if is_one_model else 0
    names = [changes.ours] if is_one_model else [changes.theirs, changes.ours]

    def by(name: str) -> MovedBy:
        scorer = source.scorers[name]
        moment_ms = as_of(history, midnight_ms, scorer.rendering)
        return _moved_by(name, arrived, moment_ms, scorer, source, since_ms)

    return tuple(map(by, names))


def of_mover(source: EventSource, names: tuple[str, str], mover: Mover) -> tuple[MovedBy, ...]:
    """The events that moved a lead between two replays. `names`: of the two replays. Raises
    RecordingError when the recording is not theirs."""
    tenant = mover.moved.queue.partition("/")[0]
    arrivals = source.arrivals(f"{tenant}/{mover.moved.move.lead}")
    if arrivals is None:
        return ()
    sides = zip(names, (mover.a, mover.b), strict=True)
    return tuple(_of_score(name, arrivals, score, source) for name, score in sides if score)


def _of_score(name: str, arrivals: Sequence[Arrival], score: Score, source: EventSource) -> MovedBy:
    included = [one for one in arrivals if is_included(one, score.cursor)]
    moment_ms = to_ms(score.order.as_of)
    if hash_of(state_of(included)) != score.state_hash:
        raise RecordingError(
            f"the source is not what {name} was replayed from: it has other events of "
            f"{score.tenant}/{score.lead}; name the one it was, or leave --source out"
        )
    return _moved_by(name, included, moment_ms, source.scorers[score.artifact], source)


def _moved_by(
    name: str,
    arrivals: Sequence[Arrival],
    moment_ms: int,
    scorer: Scorer,
    source: EventSource,
    since_ms: int = 0,
) -> MovedBy:
    occlusion = occlude(arrivals, moment_ms, scorer)
    moving = [one for one in occlusion.events if one.effect and one.arrival.ingested_ms >= since_ms]
    events = [
        MovingEvent(
            words=words_of(moved.arrival.event, moment_ms, scorer.rendering),
            occurred_ms=to_ms(moved.arrival.event.occurred_at),
            effect=moved.effect,
            transcript=tuple(_transcript(moved.arrival.event)) if source.with_transcripts else (),
        )
        for moved in moving[:N_EVENTS]
    ]
    return MovedBy(name, occlusion.probability, tuple(events))


def _transcript(event: EventBase) -> Iterator[str]:
    if isinstance(event, TranscriptReady):
        yield from (f"{segment.role.value}: {segment.text}" for segment in event.segments)
