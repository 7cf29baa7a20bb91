"""Runs one replay of a recording, by partitions: the outcomes of all of them in one order.

A partition is replayed by itself, because leads do not cross partitions; the streams are merged by
place. So any split of the partitions over processes gives the same outcomes in the same order.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from schemas.topics import INPUTS
from scoring.artifact import ArtifactError
from scoring.engines.loading import load_scorer
from scoring.report.progress import Advanced
from scoring.score import Scorer
from streams.artifact_shelf import Shelf, load_from
from streams.recording.folder import RecordingFolder, open_recording
from streams.replay.arrival import PlacedRecord, arrivals, merged
from streams.replay.draft import PlannedStep, ReplayCounts, ReplayPartition
from streams.replay.fold import Course, drafts
from streams.replay.lead_table import LeadTable, MemoryTable, states_digest
from streams.replay.outcome import ReplayedStep, ScorerFor, outcomes
from streams.replay.policy import Recorded, parse_policy
from streams.replay.published import published_scores
from streams.replay.recorded_fold import drafts_at_points
from streams.replay.redis_table import RedisPlace, opened_tables

REPORT_EVERY = 1_000
"""How many records there are between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything a replay needs to know, also in another process. `artifact` None with policy
    `recorded`: each score's own, from `artifact_folders`. `until_ms`: what was ingested later never
    happened; `end_ms`: how far time goes."""

    recording: Path
    policy: str
    artifact: Path | None
    artifact_folders: tuple[Path, ...]
    until_ms: int | None
    end_ms: int
    erased: frozenset[str]
    redis: RedisPlace | None = None


class Replay:
    """Some partitions of one replay. `tally` is complete when `outcomes` is exhausted."""

    def __init__(
        self,
        spec: Spec,
        partitions: Iterable[int],
        advanced: Advanced = lambda n: None,
        scorer: Scorer | None = None,
        table: Callable[[int], LeadTable] | None = None,
    ) -> None:
        """Opens the recording. Raises RecordingError, ArtifactError. `scorer`, and `table` of a
        partition: instead of what `spec` names."""
        self._spec = spec
        self._recording = open_recording(spec.recording)
        self._partitions = list(partitions)
        if scorer is None and spec.artifact is not None:
            scorer = load_scorer(spec.artifact)
        self._scorer = scorer
        self._scorer_for = recorded_scorers(spec) if scorer is None else lambda draft: scorer
        self._advanced = advanced
        self._table = table
        self.tally = ReplayCounts()

    def outcomes(self) -> Iterator[ReplayedStep]:
        """The outcomes of all its partitions, in order. Also raises StoreAway, StoreUnusable where
        states are kept in Redis."""
        with nullcontext(self._table) if self._table else tables(self._spec) as table:
            streams = [self._of_partition(number, table(number)) for number in self._partitions]
            yield from heapq.merge(*streams, key=lambda outcome: outcome.place)

    def _of_partition(self, number: int, table: LeadTable) -> Iterator[ReplayedStep]:
        spec, n_partitions = self._spec, self._recording.manifest.n_partitions
        partition = ReplayPartition(number, n_partitions, spec.erased, table)
        arriving = reporting(inputs(self._recording, number, spec.until_ms), self._advanced)
        policy = parse_policy(spec.policy)
        if isinstance(policy, Recorded):
            found = published_scores(self._recording, number, spec.erased, spec.until_ms)
            partition.tally.unscorable += len(found.unreadable) + found.n_beyond
            drafted = drafts_at_points(arriving, partition, found.points)
        else:
            renderings = [] if self._scorer is None else [self._scorer.rendering]
            drafted = drafts(arriving, Course(partition, policy, renderings), spec.end_ms)
        yield from outcomes(drafted, self._scorer_for, partition.tally)
        partition.tally.leads, partition.tally.states = states_digest(partition.table)
        self.tally.add(partition.tally)


@contextmanager
def tables(spec: Spec) -> Iterator[Callable[[int], LeadTable]]:
    """Yields a function from a partition's number to the table that keeps its leads."""
    if spec.redis is None:
        yield lambda partition: MemoryTable()
        return
    with opened_tables(spec.redis) as table:
        yield table


def reporting(arriving: Iterable[PlacedRecord], advanced: Advanced) -> Iterator[PlacedRecord]:
    n = 0
    for arrival in arriving:
        yield arrival
        n += 1
        if n % REPORT_EVERY == 0:
            advanced(REPORT_EVERY)
    advanced(n % REPORT_EVERY)


def inputs(
    recording: RecordingFolder, partition: int, until_ms: int | None
) -> Iterator[PlacedRecord]:
    """Both input topics of one partition, merged."""
    return merged(arrivals(recording.records(topic.name, partition), until_ms) for topic in INPUTS)


def recorded_scorers(spec: Spec) -> ScorerFor:
    """A function to the scorer that published a step's score. It raises ArtifactError for an
    artifact that is not here."""
    shelf = Shelf(lambda digest: load_from(spec.artifact_folders, digest))

    def recorded(draft: PlannedStep) -> Scorer:
        digest = draft.published.artifact if draft.published else ""
        found = shelf.scorer(digest)
        if found is None:
            raise ArtifactError(shelf.why_not(digest))
        return found

    return recorded
