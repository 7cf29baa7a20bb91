"""Summarises what `leads.shadow` holds of a candidate so far: how far it is from the live artifact,
who would stand elsewhere, what was skipped, how long it takes. Holds two numbers per score, a pair
per lead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from schemas.codec import Record
from schemas.outputs import ShadowScore
from schemas.timestamps import from_ms, to_ms
from streams.candidate.second_opinion import Apart, how_far_apart


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """How one candidate compares with the live artifact so far. `n_scores` were published while the
    candidate ran; `n_changed` and `n_unscorable` of them it could not be asked. `apart`: the last
    pair of each listed lead. `live`: by which artifacts the scores were. `since` and `until`: when
    the first and last record was written. Milliseconds are None where nothing was scored."""

    candidate: str
    n_scores: int
    n_changed: int
    n_unscorable: int
    live: dict[str, int]
    since: datetime
    until: datetime
    apart: Apart
    reasons: dict[str, str]
    engine_p50_ms: float | None
    engine_p99_ms: float | None
    behind_p50_ms: float | None
    behind_p99_ms: float | None


@dataclass(slots=True)
class _Tally:
    candidate: str
    since_ms: int
    until_ms: int = 0
    points: set[tuple[str, int, int, int]] = field(default_factory=set)
    n_scored: int = 0
    n_skipped: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    live: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    last: dict[str, ShadowScore] = field(default_factory=dict)
    engine_ms: list[float] = field(default_factory=list)
    behind_ms: list[float] = field(default_factory=list)


def shadow_reports(records: Iterable[Record], k: int) -> dict[str, ShadowReport]:
    """One report for each candidate, by its digest. `records`: all of `leads.shadow`; `k`: how far
    down a queue agreement counts. A record that is not a shadow score is skipped: no process reads
    this topic as input."""
    tallies: dict[str, _Tally] = {}
    for record in records:
        try:
            score = ShadowScore.model_validate_json(record.value or b"")
        except ValidationError:
            continue
        at_ms = record.timestamp_ms
        tally = tallies.setdefault(score.candidate, _Tally(score.candidate, at_ms))
        tally.since_ms, tally.until_ms = min(tally.since_ms, at_ms), max(tally.until_ms, at_ms)
        _count(score, tally)
    return {candidate: _report(tally, k) for candidate, tally in tallies.items()}


def _count(score: ShadowScore, tally: _Tally) -> None:
    lead = f"{score.tenant}/{score.lead}"
    point = (lead, *_order(score))
    if point in tally.points:  # said again after a restart
        return
    tally.points.add(point)
    if score.skipped is not None:
        tally.n_skipped[score.skipped] += 1
        return
    tally.n_scored += 1
    tally.live[score.live] += 1
    tally.engine_ms.append(score.engine_ms)
    tally.behind_ms.append(score.behind_ms)
    previous = tally.last.get(lead)
    if previous is None or _order(score) > _order(previous):
        tally.last[lead] = score


def _order(score: ShadowScore) -> tuple[int, int, int]:
    order = score.order
    return order.promotion, order.version, to_ms(order.as_of)


def _report(tally: _Tally, k: int) -> ShadowReport:
    before: dict[str, dict[str, float]] = defaultdict(dict)
    after: dict[str, dict[str, float]] = defaultdict(dict)
    for lead, score in tally.last.items():
        if score.queue is not None and score.probability is not None:
            queue = f"{score.tenant}/{score.queue}"
            before[queue][lead] = score.live_probability
            after[queue][lead] = score.probability
    apart = how_far_apart(before, after, k)
    return ShadowReport(
        candidate=tally.candidate,
        n_scores=tally.n_scored + sum(tally.n_skipped.values()),
        n_changed=tally.n_skipped["changed"],
        n_unscorable=tally.n_skipped["unscorable"],
        live=dict(sorted(tally.live.items())),
        since=from_ms(tally.since_ms),
        until=from_ms(tally.until_ms),
        apart=apart,
        reasons={one.move.lead: tally.last[one.move.lead].reason for one in apart.movers},
        engine_p50_ms=_quantile(tally.engine_ms, 0.5),
        engine_p99_ms=_quantile(tally.engine_ms, 0.99),
        behind_p50_ms=_quantile(tally.behind_ms, 0.5),
        behind_p99_ms=_quantile(tally.behind_ms, 0.99),
    )


def _quantile(values: list[float], q: float) -> float | None:
    """The nearest value that occurred, None for no values."""
    return sorted(values)[int((len(values) - 1) * q)] if values else None
