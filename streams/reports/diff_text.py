"""The output of `asllr replay diff`, for a person and for a machine; and the words that `asllr
promote --dry-run` and `asllr shadow report` share with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from scoring.metrics.queue_moves import QueueMove, queue_change_counts
from scoring.metrics.rank_agreement import RankAgreement, RankChange
from streams.candidate.second_opinion import Apart
from streams.replay.diff import Mover, ReplayDifference, why_counts


def scores_line(difference: ReplayDifference) -> str:
    at = f", at {difference.at}" if difference.at else ""
    return (
        f"{difference.n_common:,} scores of one lead, version and moment in both "
        f"({difference.n_a:,} and {difference.n_b:,}): {difference.n_differing:,} differ, "
        f"by {difference.max_dp:.4f} at most{at}"
    )


def difference_lines(difference: ReplayDifference, show: int) -> Iterator[str]:
    yield scores_line(difference)
    for name, queue in difference.queues.items():
        yield agreement_line(name, queue)
    for why, n in why_counts(difference.movers).items():
        yield f"  {n:,} because: {why}"
    yield from map(_mover_line, difference.movers[:show])


def agreement_line(name: str, queue: RankAgreement) -> str:
    return (
        f"{name}: {queue.n_a:,} and {queue.n_b:,} leads, {len(queue.moves):,} stand elsewhere; "
        f"of the first {queue.k} Kendall tau {_number(queue.kendall_tau)}, "
        f"Jaccard {_number(queue.jaccard)}"
    )


def move_line(moved: QueueMove, words: str) -> str:
    probabilities = f"{percent(moved.probability_a)} -> {percent(moved.probability_b)}"
    return f"  {ranks(moved.move):<20} {moved.move.lead:<24} {probabilities:<18} {words}"


def ranks(move: RankChange) -> str:
    return f"{move.rank_a or 'unlisted'} -> {move.rank_b or 'unlisted'}"


def percent(probability: float | None) -> str:
    return "-" if probability is None else f"{probability:.2%}"


def _mover_line(mover: Mover) -> str:
    return move_line(mover.moved, f"{mover.why.value}; {reasons(mover)}")


def reasons(mover: Mover) -> str:
    before, after = (one.reason if one else "never scored" for one in (mover.a, mover.b))
    return before if before == after else f"{before} -> {after}"


def difference_json(difference: ReplayDifference) -> dict[str, Any]:
    return {
        "scores_a": difference.n_a,
        "scores_b": difference.n_b,
        "scores_common": difference.n_common,
        "scores_differing": difference.n_differing,
        "max_dp": difference.max_dp,
        "max_dp_at": difference.at,
        "queues": {name: agreement_json(queue) for name, queue in difference.queues.items()},
        "why": why_counts(difference.movers),
        "rank_changes": queue_change_counts(difference.queues),
        "movers": [_mover_json(mover) for mover in difference.movers],
    }


def _mover_json(mover: Mover) -> dict[str, Any]:
    return asdict(mover.moved) | {
        "reason_a": mover.a and mover.a.reason,
        "reason_b": mover.b and mover.b.reason,
        "why": mover.why,
    }


def agreement_json(queue: RankAgreement) -> dict[str, Any]:
    """The agreement of two rankings as JSON values: NaN, which JSON does not have, is null."""
    return {
        "k": queue.k,
        "leads_a": queue.n_a,
        "leads_b": queue.n_b,
        "moves": len(queue.moves),
        "kendall_tau": None if math.isnan(queue.kendall_tau) else queue.kendall_tau,
        "jaccard": None if math.isnan(queue.jaccard) else queue.jaccard,
    }


def _number(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.3f}"


def apart_json(apart: Apart, reasons: Mapping[str, str]) -> dict[str, Any]:
    """How far two models are apart, as JSON values. `reasons` of each mover, by lead."""
    return {
        "leads_compared": apart.n_compared,
        "max_dp": apart.max_dp,
        "max_dp_at": apart.at,
        "mean_dp": apart.mean_dp,
        "queues": {name: agreement_json(queue) for name, queue in apart.queues.items()},
        "movers": [asdict(one) | {"reason": reasons[one.move.lead]} for one in apart.movers],
    }
