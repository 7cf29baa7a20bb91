"""The output of `asllr promote --dry-run`, for a person and for a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.candidate.who_moves import WhoMoves
from streams.reports.diff_text import agreement_line, apart_json, move_line

N_SHOWN = 10


def who_moves_lines(moves: WhoMoves, artifact: str) -> Iterator[str]:
    apart = moves.apart
    at = f", at {apart.at}" if apart.at else ""
    yield (
        f"{apart.n_compared:,} leads scored with {artifact[:12]} as of their present score: "
        f"probabilities differ by {apart.max_dp:.4f} at most{at}, by {apart.mean_dp:.4f} on average"
    )
    for name, n in moves.scored_by.items():
        yield f"  {n:,} of them have their present score from {name[:12]}"
    for n, why in (
        (moves.n_stale, "changed since their score"),
        (moves.n_unscored, "have no score yet"),
        (moves.n_unscorable, f"cannot be scored with {artifact[:12]}"),
    ):
        if n:
            yield f"  {n:,} listed leads are not compared: they {why}"
    for name, queue in apart.queues.items():
        yield agreement_line(name, queue)
    for mover in apart.movers[:N_SHOWN]:
        yield move_line(mover, moves.reasons[mover.move.lead])
    yield "nothing was changed; leave --dry-run away to make it live"


def who_moves_json(moves: WhoMoves) -> dict[str, Any]:
    return {
        "leads_stale": moves.n_stale,
        "leads_unscored": moves.n_unscored,
        "leads_unscorable": moves.n_unscorable,
        "scored_by": moves.scored_by,
    } | apart_json(moves.apart, moves.reasons)
