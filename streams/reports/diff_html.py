"""The report of `asllr replay diff`: one HTML page with everything the command found."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from html import escape

from scoring.metrics.queue_moves import queue_change_counts
from scoring.report.html import bullets, page, table
from scoring.report.numbers_text import number
from streams.explain.movers import MovedBy
from streams.replay.diff import Mover, ReplayDifference, why_counts
from streams.replay.result import ReplayManifest
from streams.reports.diff_text import percent, ranks, reasons, scores_line
from streams.reports.movers_html import Moved, change_bars, movers_section


def difference_page(
    difference: ReplayDifference,
    replays: Sequence[tuple[str, ReplayManifest]],
    by: Sequence[tuple[MovedBy, ...] | None],
    command: Sequence[str],
) -> str:
    """The page of `asllr replay diff`. `replays`: name and manifest of either; `by`: of each of the
    first movers, as many as are shown, None where no recording is at hand."""
    movers = [
        Moved(one.moved.move.lead, one.moved.queue, _words(one), by_one)
        for one, by_one in zip(difference.movers, by, strict=False)
    ]
    counts = queue_change_counts(difference.queues)
    return page(
        "Two replays: " + ", ".join(name for name, _ in replays),
        [
            f"<p>{escape(scores_line(difference))}</p><p><code>{escape(shlex.join(command))}</code></p>",
            _replays(replays),
            _queues(difference),
            "<h2>Who moves</h2>",
            change_bars("Change of rank", counts, f"{sum(counts.values()):,} leads"),
            bullets(f"{n:,} because: {why}" for why, n in why_counts(difference.movers).items()),
            f"<p>Who moves farthest:</p>{movers_section(movers)}" if movers else "",
            _reading(),
        ],
    )


def _replays(replays: Sequence[tuple[str, ReplayManifest]]) -> str:
    rows = [
        [
            name,
            (manifest.artifact or "each score's own")[:16],
            manifest.policy,
            f"{manifest.until:%Y-%m-%d %H:%M}",
            f"{manifest.n_events:,}",
            f"{manifest.n_leads:,}",
            f"{manifest.n_scores:,}",
            f"{manifest.n_moves:,}",
            manifest.digest[:12],
        ]
        for name, manifest in replays
    ]
    heads = [
        "replay",
        "artifact",
        "policy",
        "until",
        "events",
        "leads",
        "scores",
        "moves",
        "digest",
    ]
    text = table(heads, rows, "What each of them is of. A replay's cost is its scores.")
    if len({manifest.recording for _, manifest in replays}) > 1:
        text += bullets(
            ["They are of two recordings: other events may be the reason of all of it."]
        )
    return "<h2>The replays</h2>" + text


def _queues(difference: ReplayDifference) -> str:
    rows = [
        [
            name,
            f"{agreement.n_a:,}",
            f"{agreement.n_b:,}",
            f"{len(agreement.moves):,}",
            number(agreement.kendall_tau),
            number(agreement.jaccard),
        ]
        for name, agreement in difference.queues.items()
    ]
    k = next((agreement.k for agreement in difference.queues.values()), 0)
    heads = ["queue", "leads of the first", "of the second", "stand elsewhere", "tau", "Jaccard"]
    caption = f"At the end of both. Kendall's tau and Jaccard's index are of the first {k:,}."
    return "<h2>The queues</h2>" + table(heads, rows, caption)


def _words(mover: Mover) -> str:
    moved = mover.moved
    probabilities = f"{percent(moved.probability_a)} → {percent(moved.probability_b)}"
    return f"rank {ranks(moved.move)}, {probabilities}; {mover.why.value}; {reasons(mover)}"


def _reading() -> str:
    return "<h2>How to read this</h2>" + bullets(
        [
            "Nothing here says which replay is right: for that, outcomes are needed, and "
            "`asllr replay backtest`.",
            "Tau is 1 for the same order and -1 for the opposite one; Jaccard's index is the share "
            "of all who stand in either top that stand in both.",
            "The effect of an event is what the probability would lose without it. Effects do not "
            "add up: what two events both say is lost only without both.",
        ]
    )
