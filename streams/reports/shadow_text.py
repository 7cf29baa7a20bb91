"""The output of `asllr shadow report`, for a person and for a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.candidate.shadow_report import ShadowReport
from streams.reports.diff_text import agreement_line, apart_json, move_line

N_SHOWN = 10


def shadow_lines(report: ShadowReport) -> Iterator[str]:
    apart = report.apart
    name = report.candidate[:12]
    yield (
        f"{name} beside {report.n_scores:,} published scores, {report.since:%Y-%m-%d %H:%M} to "
        f"{report.until:%Y-%m-%d %H:%M} UTC"
    )
    for n, why in (
        (report.n_changed, "the lead had changed before it could be read"),
        (report.n_unscorable, f"{name} cannot score it"),
    ):
        if n:
            yield f"  {n:,} skipped: {why}"
    for live, n in report.live.items():
        yield f"  {n:,} compared with {live[:12]}"
    at = f", at {apart.at}" if apart.at else ""
    yield (
        f"last scores of {apart.n_compared:,} listed leads: probabilities differ by "
        f"{apart.max_dp:.4f} at most{at}, by {apart.mean_dp:.4f} on average"
    )
    for queue, agreement in apart.queues.items():
        yield agreement_line(queue, agreement)
    for mover in apart.movers[:N_SHOWN]:
        yield move_line(mover, report.reasons[mover.move.lead])
    if report.engine_p50_ms is not None:
        yield (
            f"engine {report.engine_p50_ms:.1f} ms a lead (p99 {report.engine_p99_ms:.1f}), "
            f"{report.behind_p50_ms:.0f} ms behind the published score "
            f"(p99 {report.behind_p99_ms:.0f})"
        )


def shadow_json(report: ShadowReport) -> dict[str, Any]:
    return {
        "candidate": report.candidate,
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "scores": report.n_scores,
        "skipped_changed": report.n_changed,
        "skipped_unscorable": report.n_unscorable,
        "live": report.live,
        "engine_ms": {"p50": report.engine_p50_ms, "p99": report.engine_p99_ms},
        "behind_ms": {"p50": report.behind_p50_ms, "p99": report.behind_p99_ms},
    } | apart_json(report.apart, report.reasons)
