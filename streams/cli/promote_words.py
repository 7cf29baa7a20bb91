"""How `asllr promote --dry-run` says what it found: for a person, for a machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from streams.cli.replay_diff_words import agreement_json, agreement_line, move_line
from streams.who_moves import WhoMoves

N_SHOWN = 10


def who_moves_lines(found: WhoMoves, artifact: str) -> Iterator[str]:
    at = f", at {found.at}" if found.at else ""
    yield (
        f"{found.n_compared:,} leads scored with {artifact[:12]} as of their present score: "
        f"probabilities differ by {found.max_dp:.4f} at most{at}, by {found.mean_dp:.4f} on average"
    )
    for name, n in found.scored_by.items():
        yield f"  {n:,} of them have their present score from {name[:12]}"
    for n, why in (
        (found.n_stale, "changed since their score"),
        (found.n_unscored, "have no score yet"),
        (found.n_unscorable, f"cannot be scored with {artifact[:12]}"),
    ):
        if n:
            yield f"  {n:,} listed leads are not compared: they {why}"
    for name, queue in found.queues.items():
        yield agreement_line(name, queue)
    for mover in found.movers[:N_SHOWN]:
        yield move_line(mover, found.reasons[mover.move.lead])
    yield "nothing was changed; leave --dry-run away to make it live"


def who_moves_json(found: WhoMoves) -> dict[str, Any]:
    return {
        "leads_compared": found.n_compared,
        "leads_stale": found.n_stale,
        "leads_unscored": found.n_unscored,
        "leads_unscorable": found.n_unscorable,
        "scored_by": found.scored_by,
        "max_dp": found.max_dp,
        "max_dp_at": found.at,
        "mean_dp": found.mean_dp,
        "queues": {name: agreement_json(queue) for name, queue in found.queues.items()},
        "movers": [
            asdict(mover) | {"reason": found.reasons[mover.move.lead]} for mover in found.movers
        ],
    }
