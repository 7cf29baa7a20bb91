"""Reads what production published of one partition: scores, each once, in order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import blake2b

from pydantic import ValidationError

from schemas.ids import lead_of
from schemas.topics import SCORES
from streams.recording.event_file import RecordingError
from streams.recording.folder import RecordingFolder
from streams.replay.arrival import arrivals
from streams.replay.points import TOPICS, PublishedPoint, point_of


@dataclass(slots=True)
class PublishedScores:
    """The published scores of one partition. `points` in the order of publication. `n_repeated`:
    delivered again with the same content, as at-least-once allows. `n_erased`: of leads that asked
    to be forgotten. `n_beyond`: include records that the recording does not reach to. `unreadable`:
    offsets of records that are not a score."""

    points: list[PublishedPoint] = field(default_factory=list)
    n_repeated: int = 0
    n_erased: int = 0
    n_beyond: int = 0
    unreadable: list[int] = field(default_factory=list)


def published_scores(
    recording: RecordingFolder,
    partition: int,
    erased: Collection[str],
    until_ms: int | None = None,
) -> PublishedScores:
    """Reads the published scores of one partition. Raises RecordingError where no partition of
    `leads.scores` was recorded."""
    if not recording.ranges([SCORES.name]):
        raise RecordingError(
            f"{recording.path} has no {SCORES.name}, so nothing says what production scored, and "
            "when; record Kafka with `asllr record`, or replay with another --policy"
        )
    ends = {one.topic: one.end for one in recording.input_ranges() if one.partition == partition}
    records = recording.records(SCORES.name, partition)
    published = PublishedScores()
    contents: set[bytes] = set()
    names: dict[str, str] = {}
    like = b""
    for arrival in arrivals(records, until_ms):
        record = arrival.record
        lead = lead_of(record.key or b"")
        content = blake2b(
            b"%s %s" % (record.key or b"", record.value or b""), digest_size=16
        ).digest()
        if lead in erased:
            published.n_erased += 1
        elif content in contents:
            published.n_repeated += 1
        else:
            contents.add(content)
            like = like or record.value or b""
            name = names.setdefault(lead, lead)  # one string for all scores of a lead
            try:
                point = point_of(arrival.place, name, record.value or b"", like)
            except ValidationError:
                published.unreadable.append(record.offset)
                continue
            if all(
                last < ends.get(topic, 0) for topic, last in zip(TOPICS, point.cursor, strict=True)
            ):
                published.points.append(point)
            else:
                published.n_beyond += 1
    return published
