"""How `asllr shadow report` says what it found: for a person, for a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.candidate.shadow_report import ShadowReport
from streams.reports.diff_text import agreement_line, apart_json, move_line

N_SHOWN = 10


def shadow_lines(found: ShadowReport) -> Iterator[str]:
    apart = found.apart
    name = found.candidate[:12]
    yield (
        f"{name} beside {found.n_scores:,} published scores, {found.since:%Y-%m-%d %H:%M} to "
        f"{found.until:%Y-%m-%d %H:%M} UTC"
    )
    for n, why in (
        (found.n_changed, "the lead had changed before it could be read"),
        (found.n_unscorable, f"{name} cannot score it"),
    ):
        if n:
            yield f"  {n:,} skipped: {why}"
    for live, n in found.live.items():
        yield f"  {n:,} compared with {live[:12]}"
    at = f", at {apart.at}" if apart.at else ""
    yield (
        f"last scores of {apart.n_compared:,} listed leads: probabilities differ by "
        f"{apart.max_dp:.4f} at most{at}, by {apart.mean_dp:.4f} on average"
    )
    for queue, agreement in apart.queues.items():
        yield agreement_line(queue, agreement)
    for mover in apart.movers[:N_SHOWN]:
        yield move_line(mover, found.reasons[mover.move.lead])
    if found.engine_p50_ms is not None:
        yield (
            f"engine {found.engine_p50_ms:.1f} ms a lead (p99 {found.engine_p99_ms:.1f}), "
            f"{found.behind_p50_ms:.0f} ms behind the published score "
            f"(p99 {found.behind_p99_ms:.0f})"
        )


def shadow_json(found: ShadowReport) -> dict[str, Any]:
    return {
        "candidate": found.candidate,
        "since": found.since.isoformat(),
        "until": found.until.isoformat(),
        "scores": found.n_scores,
        "skipped_changed": found.n_changed,
        "skipped_unscorable": found.n_unscorable,
        "live": found.live,
        "engine_ms": {"p50": found.engine_p50_ms, "p99": found.engine_p99_ms},
        "behind_ms": {"p50": found.behind_p50_ms, "p99": found.behind_p99_ms},
    } | apart_json(found.apart, found.reasons)
