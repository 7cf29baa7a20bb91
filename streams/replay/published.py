"""What production published of one partition, as a replay reads it: scores, each once, in order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from pydantic import ValidationError

from schemas.codec import Record
from streams.replay.arrival import arrivals
from streams.replay.points import Point, point_of


@dataclass(slots=True)
class PublishedScores:
    """`points` in the order of publication. `n_repeated`: delivered again with the same content, as
    at-least-once allows. `n_erased`: of leads that asked to be forgotten. `unreadable`: offsets of
    records that are no score."""

    points: list[Point] = field(default_factory=list)
    n_repeated: int = 0
    n_erased: int = 0
    unreadable: list[int] = field(default_factory=list)


def published_scores(
    records: Iterable[Record], erased: Collection[str], until_ms: int | None = None
) -> PublishedScores:
    """`records` of one partition of `leads.scores`, by offset."""
    found = PublishedScores()
    seen: set[bytes] = set()
    names: dict[str, str] = {}
    like = b""
    for arrival in arrivals(records, until_ms):
        record = arrival.record
        lead = (record.key or b"").decode(errors="replace")
        content = blake2b(
            b"%s %s" % (record.key or b"", record.value or b""), digest_size=16
        ).digest()
        if lead in erased:
            found.n_erased += 1
        elif content in seen:
            found.n_repeated += 1
        else:
            seen.add(content)
            like = like or record.value or b""
            name = names.setdefault(lead, lead)  # one string for all scores of a lead
            try:
                found.points.append(point_of(arrival.place, name, record.value or b"", like))
            except ValidationError:
                found.unreadable.append(record.offset)
    return found
