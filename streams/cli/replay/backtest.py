"""`asllr replay backtest`: models beside each other on daily lists of the past."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schemas.timestamps import DAY_MS, to_ms
from streams.cli.artifacts import SHIPPED, find_artifact
from streams.cli.front import DURATION, current_settings, naming_files
from streams.cli.option_types import MOMENT
from streams.cli.progress import TerminalProgress
from streams.cli.report_file import REPORT, TRANSCRIPTS, require_place, write_page
from streams.cli.sources import explaining, opened_source, progress

if TYPE_CHECKING:
    from streams.backtest.backtest import Learn
    from streams.backtest.run import Backtested

DAY_S = 86_400.0
PERIOD_S = 30 * DAY_S


def build_backtest(load_learn: Callable[[int], Learn]) -> click.Command:
    """Makes the command. `load_learn`: given a seed, what `--retrain-every` trains with; raises the
    error that a missing training library is reported with."""

    @click.command()
    @click.argument("source")
    @click.option(
        "--artifact",
        "artifacts",
        multiple=True,
        default=(SHIPPED,),
        show_default=True,
        help="a model to judge; may be repeated: the others are compared with the first.",
    )
    @click.option(
        "--capacity",
        default=50,
        show_default=True,
        type=click.IntRange(min=1),
        help="calls a day in each queue.",
    )
    @click.option(
        "--rest",
        "rest_days",
        default=7,
        show_default=True,
        type=click.IntRange(min=1),
        help="days after a call during which the lead is not called again.",
    )
    @click.option(
        "--horizon",
        "horizon_s",
        type=DURATION,
        help="an order within this time after a list counts; default: the first artifact's.",
    )
    @click.option(
        "--embargo",
        "embargo_s",
        type=DURATION,
        help="left out after what a model learned from; default: the horizon.",
    )
    @click.option("--from", "from_", type=MOMENT, help="the first day, whatever models have seen.")
    @click.option("--as-of", type=MOMENT, help="as if nothing had been ingested later.")
    @click.option(
        "--retrain-every",
        "retrain_s",
        type=DURATION,
        help="also trees that learn again so often from what was known by then, beside the same "
        "trees trained once.",
    )
    @click.option(
        "--landmark",
        "landmark_s",
        type=DURATION,
        help="also how well each lead is judged once, on its first list so long after it became "
        "known, such as 24h.",
    )
    @click.option(
        "--seed",
        default=0,
        show_default=True,
        type=click.IntRange(min=0),
        help="of the bootstrap and of chance.",
    )
    @click.option("--json", "as_json", is_flag=True, help="for machines, with every day.")
    @REPORT
    @TRANSCRIPTS
    def backtest(
        *,
        source: str,
        artifacts: Sequence[str],
        capacity: int,
        rest_days: int,
        horizon_s: float | None,
        embargo_s: float | None,
        from_: datetime | None,
        as_of: datetime | None,
        retrain_s: float | None,
        landmark_s: float | None,
        seed: int,
        as_json: bool,
        report: Path | None,
        transcripts: bool,
    ) -> None:
        """What would these models' calls have been worth? Daily lists of SOURCE, judged by orders.

        At midnight UTC each model calls the best of each queue. A call is a hit when the lead
        orders within the horizon. Days that a model may have learned from are left out, and days
        whose outcomes the recording does not cover.

        \b
        Example:
          asllr replay backtest march --artifact march-lm --artifact march-trees --capacity 200
          asllr replay backtest kafka --retrain-every 30d --json
          asllr replay backtest march --artifact march-lm --artifact rule --report march.html
        """
        # Here: the engines' libraries take a moment to load.
        from streams.backtest.run import BacktestRequest, run_backtest
        from streams.reports.backtest_text import result_json, result_lines

        require_place(report, transcripts=transcripts)
        period_s = PERIOD_S if retrain_s is None else retrain_s
        if period_s < DAY_S or period_s % DAY_S:
            raise click.UsageError("--retrain-every is a number of whole days, such as 30d")
        if horizon_s == 0:
            raise click.UsageError("--horizon is longer than nothing, such as 14d")
        folder = current_settings().artifacts
        request = BacktestRequest(
            artifacts=_named({name: find_artifact(name, folder) for name in artifacts}),
            capacity=capacity,
            rest_days=rest_days,
            horizon_days=_days(horizon_s),
            embargo_days=_days(embargo_s),
            first_day=None if from_ is None else -(-to_ms(from_) // DAY_MS),
            until_ms=None if as_of is None else to_ms(as_of),
            period_days=round(period_s / DAY_S),
            seed=seed,
            landmark_days=_days(landmark_s),
        )
        learn = None if retrain_s is None else load_learn(seed)
        with naming_files(), explaining(), opened_source(source, as_of) as path:
            backtested = run_backtest(path, request, learn, progress)
            if as_json:
                click.echo(json.dumps(result_json(backtested.terms, backtested.result)))
            else:
                click.echo("\n".join(result_lines(backtested.terms, backtested.result)))
            if report is not None:
                write_page(report, _page(backtested, transcripts=transcripts))

    return backtest


def _page(backtested: Backtested, *, transcripts: bool) -> str:
    from streams.explain.movers import EventSource, of_list_move
    from streams.reports.backtest_html import backtest_page

    total = sum(len(changes.movers) for changes in backtested.result.changes)
    counter = TerminalProgress("looked up", "movers", total)
    source = EventSource(backtested.recording, backtested.scorers, with_transcripts=transcripts)
    events = {}
    for changes in backtested.result.changes:
        by = []
        for move in changes.movers:
            by.append(of_list_move(source, changes, move))
            counter.advance(1)
        events[changes.theirs, changes.ours] = by
    counter.close()
    return backtest_page(backtested, events, ["asllr", *sys.argv[1:]])


def _days(duration_s: float | None) -> float | None:
    return None if duration_s is None else duration_s / DAY_S


def _named(paths: dict[str, Path]) -> dict[str, Path]:
    """The artifacts by the name of their folder, where no two have the same."""
    short = {path.resolve().name: path for path in paths.values()}
    return short if len(short) == len(paths) else paths
