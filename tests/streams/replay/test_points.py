"""A published score waits for the records that its cursor includes, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.outputs import Score
from schemas.record_check import BadRecord, decode
from schemas.topics import INPUTS
from streams.replay.points import PublishedPoint, PublishedPoints
from streams.replay.published import published_scores
from tests.streams.replay.logs import (
    N_PARTITIONS,
    deployment,
    input_records,
    recorded,
    score_records,
)


@pytest.mark.parametrize("partition", range(N_PARTITIONS))
def test_a_score_is_judged_as_soon_as_its_cursor_is_reached(tmp_path: Path, partition: int) -> None:
    roles = deployment(4, 240)
    scores = [record for record in score_records(roles) if record.partition == partition]
    day = recorded(tmp_path / "day", [*input_records(roles), *scores])
    published = published_scores(day, partition, ()).points
    judged: list[PublishedPoint] = []
    points = PublishedPoints(published, judged.append)
    reached = {topic.name: -1 for topic in INPUTS}
    n_early = 0
    inputs = [record for record in input_records(roles) if record.partition == partition]
    for record in sorted(inputs, key=lambda record: (record.offset, record.topic)):
        try:
            event = decode(record, n_partitions=N_PARTITIONS)
        except BadRecord:
            continue
        points.arrive(record.topic, record.offset, event)
        reached[record.topic] = record.offset
        due = [point for point in published if _is_reached(point.score(), reached)]
        assert sorted(judged, key=_place) == sorted(due, key=_place)
        n_early += len(judged)
    assert n_early > len(published) > 20
    points.close()
    assert len(judged) == len(published)


def _is_reached(score: Score, reached: dict[str, int]) -> bool:
    return all(offset <= reached[topic] for topic, offset in score.cursor.items())


def _place(point: PublishedPoint) -> tuple[int, ...]:
    return point.place.moment_ms, point.place.offset
