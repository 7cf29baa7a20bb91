"""`asllr replay diff`: two replays side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from scoring.rank_agreement import Agreement
from streams import exit_codes
from streams.cli.front import Failure, naming_files
from streams.cli.replay import explaining
from streams.replay.diff import Difference, Mover, difference, why_counts
from streams.replay.result import open_output

_OUTPUT = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("a", type=_OUTPUT)
@click.argument("b", type=_OUTPUT)
@click.option(
    "--top",
    "k",
    default=50,
    show_default=True,
    type=click.IntRange(1, 5_000),
    help="how far down a queue agreement counts.",
)
@click.option(
    "--show",
    default=10,
    show_default=True,
    type=click.IntRange(min=0),
    help="how many of those who move to print.",
)
@click.option("--json", "as_json", is_flag=True, help="for machines, with everybody who moves.")
def diff(a: Path, b: Path, *, k: int, show: int, as_json: bool) -> None:
    """Compare two replays: how far scores and ranks are apart, who moves and why.

    A and B are folders that `asllr replay --out` made, as of two artifacts on one recording.

    \b
    Example:
      asllr replay diff monday-demo monday-retrained
      asllr replay diff a b --top 200 --json | jq .max_dp
    """
    with naming_files(), explaining():
        first, second = open_output(a), open_output(b)
        try:
            found = difference(first, second, k)
        except ValueError as error:  # pydantic's message would quote what it read
            raise Failure(
                f"{a} or {b} holds a line that is no score or move: replay it again",
                exit_codes.UNUSABLE,
            ) from error
    if as_json:
        click.echo(json.dumps(_as_json(found)))
    else:
        click.echo("\n".join(_lines(found, show)))


def _lines(found: Difference, show: int) -> Iterator[str]:
    at = f", at {found.at}" if found.at else ""
    yield (
        f"{found.n_common:,} scores of one lead, version and moment in both ({found.n_a:,} and "
        f"{found.n_b:,}): {found.n_differing:,} differ, by {found.max_dp:.4f} at most{at}"
    )
    for name, queue in found.queues.items():
        yield (
            f"{name}: {queue.n_a:,} and {queue.n_b:,} leads, {len(queue.moves):,} stand elsewhere; "
            f"of the first {queue.k} Kendall tau {_number(queue.kendall_tau)}, "
            f"Jaccard {_number(queue.jaccard)}"
        )
    for why, n in why_counts(found.movers).items():
        yield f"  {n:,} because: {why}"
    yield from map(_mover_line, found.movers[:show])


def _mover_line(mover: Mover) -> str:
    move = mover.move
    ranks = f"{move.rank_a or 'unlisted'} -> {move.rank_b or 'unlisted'}"
    chances = f"{_percent(mover.probability_a)} -> {_percent(mover.probability_b)}"
    return f"  {ranks:<20} {move.lead:<24} {chances:<18} {mover.why.value}; {_reasons(mover)}"


def _reasons(mover: Mover) -> str:
    if mover.reason_a == mover.reason_b:
        return mover.reason_a or "never scored"
    return f"{mover.reason_a or 'never scored'} -> {mover.reason_b or 'never scored'}"


def _as_json(found: Difference) -> dict[str, Any]:
    return {
        "scores_a": found.n_a,
        "scores_b": found.n_b,
        "scores_common": found.n_common,
        "scores_differing": found.n_differing,
        "max_dp": found.max_dp,
        "max_dp_at": found.at,
        "queues": {name: _queue_json(queue) for name, queue in found.queues.items()},
        "why": why_counts(found.movers),
        "movers": [asdict(mover) for mover in found.movers],
    }


def _queue_json(queue: Agreement) -> dict[str, Any]:
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
