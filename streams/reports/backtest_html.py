"""The report of `asllr replay backtest`: one HTML page with everything the command found."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import isnan

from scoring.backtest.backtest import Backtest, Called
from scoring.metrics.cost import CURRENCY, PRICE_PER_CPU_HOUR
from scoring.report.backtest_text import answer
from scoring.report.curve_charts import curve_charts
from scoring.report.html import bullets, page, table
from scoring.report.numbers_text import (
    interval,
    number,
    percent,
    signed_interval,
    signed_tenths,
    tenths,
)
from scoring.report.svg import Axis, chart, legend, round_end
from streams.backtest.backtest import BacktestTerms, Period, Result
from streams.backtest.list_changes import ListChanges, ListMove
from streams.backtest.list_metrics import ListMetrics
from streams.backtest.run import Backtested
from streams.explain.movers import MovedBy
from streams.reports.backtest_text import day_text, head
from streams.reports.movers_html import Moved, change_bars, movers_section

Events = Mapping[tuple[str, str], Sequence[tuple[MovedBy, ...]]]
"""(theirs, ours) -> the events that moved each mover of that pair."""


def backtest_page(backtested: Backtested, events: Events, command: Sequence[str]) -> str:
    terms, result = backtested.terms, backtested.result
    return page(
        "Backtest: " + ", ".join(backtested.costs),
        [
            f"<p>{escape(head(terms, result))}</p>",
            f"<p><code>{escape(shlex.join(command))}</code></p>",
            *_verdicts(terms, result),
            _calls(result.whole),
            _metrics("How well places on lists are told apart", result.metrics),
            _metrics("Each lead once, on its first list after the landmark", result.landmark),
            _curves(result.metrics),
            _over_time(terms, result),
            *(_changes(each, events) for each in result.changes),
            _cost(backtested),
            _reading(),
        ],
    )


def _verdicts(terms: BacktestTerms, result: Result) -> Iterator[str]:
    sentences = [answer(result.whole, paired, terms.call_terms) for paired in result.whole.paired]
    if result.retraining is not None:
        sentences += [
            answer(result.retraining, paired, terms.call_terms)
            for paired in result.retraining.paired
        ]
    yield "<h2>Who is ahead</h2>" + bullets(sentences)
    rows = [
        [
            f"{paired.ours} − {paired.theirs}",
            signed_tenths(paired.reached),
            signed_interval(paired.precision),
            signed_tenths(paired.days_earlier),
            paired.judgement.verdict.value,
        ]
        for paired in result.whole.paired
    ]
    heads = ["pair", "buyers reached", "precision", "days earlier", "verdict"]
    caption = "Paired: the same resampled leads for both. The verdict is on buyers reached."
    yield table(heads, rows, caption)


def _calls(whole: Backtest) -> str:
    rows = [
        [
            name,
            f"{called.n_calls:,}",
            percent(called.precision),
            tenths(called.lift),
            f"{tenths(called.reached)} of {whole.n_buyers:,}",
            tenths(called.days_gained),
        ]
        for name, called in whole.models.items()
    ]
    heads = ["model", "calls", "precision", "lift", "buyers reached", "days before the order"]
    caption = "95% intervals; leads are drawn, who was called is held."
    return "<h2>What the calls were worth</h2>" + table(heads, rows, caption)


def _metrics(title: str, metrics: ListMetrics) -> str:
    if not metrics.models:
        return ""
    rows = [
        [
            name,
            f"{of_model.n_rows:,}",
            f"{of_model.n_positive:,}",
            interval(of_model.auc),
            interval(of_model.log_loss),
        ]
        for name, of_model in metrics.models.items()
    ]
    heads = ["model", "places", "positive", "AUC", "log loss"]
    text = f"<h2>{escape(title)}</h2>" + table(heads, rows, "95% intervals over whole leads.")
    if not metrics.paired:
        return text
    paired = [
        [
            f"{one.ours} − {one.theirs}",
            signed_interval(one.auc),
            signed_interval(one.log_loss),
            one.judgement.verdict.value,
        ]
        for one in metrics.paired
    ]
    return text + table(
        ["pair", "AUC", "log loss", "verdict"], paired, "Paired. The verdict is on the AUC."
    )


def _curves(metrics: ListMetrics) -> str:
    curves = {name: of_model.curves for name, of_model in metrics.models.items() if of_model.curves}
    if not curves:
        return ""
    of_model = next(iter(metrics.models.values()))
    return "<h2>Curves of all places on lists</h2>" + curve_charts(
        curves, of_model.n_positive / of_model.n_rows
    )


def _over_time(terms: BacktestTerms, result: Result) -> str:
    names = list(result.whole.models)
    rows = [
        [
            f"{day_text(period.first_day)} to {day_text(period.end_day - 1)}",
            f"{period.backtest.n_buyers:,}",
            *(_of_period(period.backtest.models[name]) for name in names),
        ]
        for period in result.periods
    ]
    caption = f"By {terms.period_days} days: precision of the calls, days gained."
    return (
        f"<h2>Does it drift?</h2><p>{legend(names)}</p>"
        f"<div class=charts>{_precision(terms, result.periods, names)}"
        f"{_reached(terms, result.whole, names)}</div>"
        + table(["days", "buyers", *names], rows, caption)
    )


def _of_period(called: Called) -> str:
    return f"{percent(called.precision)}, {tenths(called.days_gained)}"


def _precision(terms: BacktestTerms, periods: Sequence[Period], names: Sequence[str]) -> str:
    lines = {
        name: [
            ((period.first_day + period.end_day) / 2 - terms.span.first_day, value)
            for period in periods
            if not isnan(value := period.backtest.models[name].precision.value)
        ]
        for name in names
    }
    end = round_end(max(0.01, *(y for points in lines.values() for _, y in points), 0.0))
    return chart(
        "Precision by period", _days_axis(terms), Axis("hits a call", end), lines, dots=True
    )


def _reached(terms: BacktestTerms, whole: Backtest, names: Sequence[str]) -> str:
    lines = {}
    for name in names:
        total, points = 0, [(0.0, 0.0)]
        for day in whole.days:
            total += day.models[name].n_reached
            points.append((float(day.day - terms.span.first_day + 1), float(total)))
        lines[name] = points
    end = round_end(max(5.0, *(y for points in lines.values() for _, y in points)))
    return chart("Buyers reached", _days_axis(terms), Axis("buyers, added up", end), lines)


def _days_axis(terms: BacktestTerms) -> Axis:
    days = terms.span.end_day - terms.span.first_day
    return Axis(f"days since {day_text(terms.span.first_day)}", round_end(float(max(days, 5))))


def _changes(changes: ListChanges, events: Events) -> str:
    if changes.ours == changes.theirs:
        title = f"How calm the lists are: {changes.ours}, from one day to the next"
    else:
        title = f"Where {changes.ours} puts those whom {changes.theirs} ranked"
    by = events[changes.theirs, changes.ours]
    movers = [
        Moved(one.lead, one.queue, _words(one), by_one)
        for one, by_one in zip(changes.movers, by, strict=True)
    ]
    counted = f"{changes.n_places:,} places on lists"
    return (
        f"<h2>{escape(title)}</h2>"
        + change_bars("Change of rank", changes.counts, counted)
        + (f"<p>Who moves farthest:</p>{movers_section(movers)}" if movers else "")
    )


def _words(move: ListMove) -> str:
    days = day_text(move.day)
    if move.before != move.day:
        days = f"{day_text(move.before)} to {days}"
    became = "ordered in time" if move.ordered else "did not order in time"
    return (
        f"{days}: rank {move.rank_a:,} → {move.rank_b:,}, {move.probability_a:.2%} → "
        f"{move.probability_b:.2%}; {became}"
    )


def _cost(backtested: Backtested) -> str:
    rows = [
        [
            name,
            f"{cost.n_leads:,}",
            number(cost.cpu_s_per_1000),
            f"{cost.money_per_1000(PRICE_PER_CPU_HOUR):.6f}",
        ]
        for name, cost in backtested.costs.items()
    ]
    caption = (
        "Prompt, engine and calibration, measured while this backtest scored; "
        f"{PRICE_PER_CPU_HOUR:g} {CURRENCY} a core hour."
    )
    heads = ["model", "scores", "CPU seconds", CURRENCY]
    return "<h2>Cost of 1,000 scores</h2>" + table(heads, rows, caption)


def _reading() -> str:
    return "<h2>How to read this</h2>" + bullets(
        [
            "A call is a hit when the lead orders within the horizon after that day. Whether the "
            "call would have made it order is more than a backtest can know.",
            "Who is ahead is said only where the paired interval leaves 0 out. “Cannot tell” is a "
            "finding about these leads, not about the models.",
            "With many pairs and figures one interval in twenty leaves 0 out by chance.",
            "Places on lists repeat a lead day by day; intervals draw leads, not places.",
            "The effect of an event is what the probability would lose without it. Effects do not "
            "add up: what two events both say is lost only without both.",
        ]
    )
