"""How `asllr replay diff` says what it found: for a person, for a machine; and the words that
`asllr promote --dry-run` shares with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from scoring.rank_agreement import Agreement, RankMove
from streams.replay.diff import Difference, Mover, why_counts


def difference_lines(found: Difference, show: int) -> Iterator[str]:
    at = f", at {found.at}" if found.at else ""
    yield (
        f"{found.n_common:,} scores of one lead, version and moment in both ({found.n_a:,} and "
        f"{found.n_b:,}): {found.n_differing:,} differ, by {found.max_dp:.4f} at most{at}"
    )
    for name, queue in found.queues.items():
        yield agreement_line(name, queue)
    for why, n in why_counts(found.movers).items():
        yield f"  {n:,} because: {why}"
    yield from map(_mover_line, found.movers[:show])


def agreement_line(name: str, queue: Agreement) -> str:
    return (
        f"{name}: {queue.n_a:,} and {queue.n_b:,} leads, {len(queue.moves):,} stand elsewhere; "
        f"of the first {queue.k} Kendall tau {_number(queue.kendall_tau)}, "
        f"Jaccard {_number(queue.jaccard)}"
    )


def move_line(move: RankMove, a: float | None, b: float | None, words: str) -> str:
    """`a` and `b`: the probabilities before and after."""
    ranks = f"{move.rank_a or 'unlisted'} -> {move.rank_b or 'unlisted'}"
    return f"  {ranks:<20} {move.lead:<24} {f'{_percent(a)} -> {_percent(b)}':<18} {words}"


def _mover_line(mover: Mover) -> str:
    words = f"{mover.why.value}; {_reasons(mover)}"
    return move_line(mover.move, mover.probability_a, mover.probability_b, words)


def _reasons(mover: Mover) -> str:
    if mover.reason_a == mover.reason_b:
        return mover.reason_a or "never scored"
    return f"{mover.reason_a or 'never scored'} -> {mover.reason_b or 'never scored'}"


def difference_json(found: Difference) -> dict[str, Any]:
    return {
        "scores_a": found.n_a,
        "scores_b": found.n_b,
        "scores_common": found.n_common,
        "scores_differing": found.n_differing,
        "max_dp": found.max_dp,
        "max_dp_at": found.at,
        "queues": {name: agreement_json(queue) for name, queue in found.queues.items()},
        "why": why_counts(found.movers),
        "movers": [asdict(mover) for mover in found.movers],
    }


def agreement_json(queue: Agreement) -> dict[str, Any]:
    """NaN is not JSON."""
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


def _percent(probability: float | None) -> str:
    return "-" if probability is None else f"{probability:.2%}"
