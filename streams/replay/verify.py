"""Proves that production did what it says: recomputes every published score of a recording at its
own cursor, moment and artifact.

One partition after the other: memory holds the leads of one of them, and of its published scores
packed bytes of those that are still to be judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from schemas.topics import INPUTS, SCORES
from scoring.report.progress import Advanced
from scoring.score import ScorerOf
from streams.oracle.outputs import one_score_differences
from streams.recording.event_file import RecordingError
from streams.recording.folder import RecordingFolder
from streams.replay.draft import ReplayPartition
from streams.replay.lead_table import MemoryTable
from streams.replay.points import PublishedPoint, PublishedPoints
from streams.replay.published import PublishedScores, published_scores
from streams.replay.run import inputs


@dataclass(slots=True)
class Verified:
    """The result of a verification. `n_scores` were recomputed, each delivered once or more.
    `n_erased` were not, as their leads asked to be forgotten, nor `n_beyond`: they include records
    after the end of the recording."""

    n_scores: int = 0
    n_repeated: int = 0
    n_erased: int = 0
    n_beyond: int = 0
    n_events: int = 0
    differences: list[str] = field(default_factory=list)


def verify(
    recording: RecordingFolder,
    scorer_of: ScorerOf,
    erased: Collection[str] = (),
    advanced: Advanced = lambda n: None,
) -> Verified:
    """Recomputes and compares every published score. Raises RecordingError where the recording
    cannot tell: it lacks the scores, or the beginning of an input."""
    _require_whole(recording)
    verified = Verified()
    for number in range(recording.manifest.n_partitions):
        published = published_scores(recording, number, erased)
        verified.n_scores += len(published.points)
        verified.n_repeated += published.n_repeated
        verified.n_erased += published.n_erased
        verified.n_beyond += published.n_beyond
        partition = ReplayPartition(number, recording.manifest.n_partitions, erased, MemoryTable())
        differences = _differences(recording, partition, published.points, scorer_of, advanced)
        verified.differences.extend(_unreadable(number, published))
        verified.differences.extend(differences)
        verified.n_events += partition.tally.events
    return verified


def _differences(
    recording: RecordingFolder,
    partition: ReplayPartition,
    published: list[PublishedPoint],
    scorer_of: ScorerOf,
    advanced: Advanced,
) -> Iterator[str]:
    sentences: list[str] = []

    def judge(point: PublishedPoint) -> None:
        state = point.state() if point.is_known else None
        sentences.extend(one_score_differences(point.lead, point.score(), state, scorer_of))

    points = PublishedPoints(published, judge)
    published.clear()  # so that a point goes when it is judged
    for arrival in inputs(recording, partition.number, None):
        event = partition.event_of(arrival.record)
        if event is not None:
            points.arrive(arrival.record.topic, arrival.record.offset, event)
        advanced(1)
    points.close()
    yield from sorted(sentences)


def _unreadable(partition: int, published: PublishedScores) -> Iterator[str]:
    for offset in published.unreadable:
        yield f"{SCORES.name}/{partition} offset {offset}: is not a score"


def _require_whole(recording: RecordingFolder) -> None:
    n_partitions = recording.manifest.n_partitions
    found = len(recording.ranges([SCORES.name]))
    if found != n_partitions:
        raise RecordingError(
            f"{recording.path} has {found} partitions of {SCORES.name}, leads were placed on "
            f"{n_partitions}; verify needs a recording of Kafka, made with `asllr record`"
        )
    for one in recording.ranges(topic.name for topic in INPUTS):
        if one.first > 0:
            raise RecordingError(
                f"{recording.path} has {one.topic}/{one.partition} from offset {one.first}: a "
                "score cannot be recomputed without the events before; record from the start"
            )
