"""The output of `asllr replay backtest`, for a person and for a machine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from schemas.timestamps import DAY_MS, from_ms
from scoring.backtest.backtest import Backtest, Called, Paired
from scoring.report.backtest_text import answer, worth
from scoring.report.json_values import json_value
from scoring.report.numbers_text import signed_interval, signed_tenths
from streams.backtest.backtest import BacktestTerms, Result
from streams.backtest.list_changes import ListChanges
from streams.backtest.list_metrics import Metrics, PairedMetrics


def head(terms: BacktestTerms, result: Result) -> str:
    whole, call_terms = result.whole, terms.call_terms
    return (
        f"{len(whole.days):,} days from {day_text(terms.span.first_day)}, {whole.n_leads:,} leads, "
        f"{whole.n_buyers:,} buyers within {call_terms.horizon_days:g} days of a list, "
        f"{whole.n_rows:,} places on lists; who is called rests {call_terms.rest_days} days"
    )


def result_lines(terms: BacktestTerms, result: Result) -> Iterator[str]:
    whole, call_terms = result.whole, terms.call_terms
    yield head(terms, result)
    for name, called in whole.models.items():
        yield worth(name, called)
        if name in result.metrics.models:
            yield f"  {_metrics(result.metrics.models[name])}"
        if name in result.landmark.models:
            yield f"  each lead once: {_metrics(result.landmark.models[name])}"
    for paired in whole.paired:
        yield answer(whole, paired, call_terms)
    if result.retraining is not None:
        yield from (answer(result.retraining, one, call_terms) for one in result.retraining.paired)
    yield from (_paired(one) for one in whole.paired)
    yield from (_paired_auc("", one) for one in result.metrics.paired)
    yield from (_paired_auc("each lead once: ", one) for one in result.landmark.paired)
    yield from _table(terms, result)


def _metrics(metrics: Metrics) -> str:
    auc, loss = metrics.auc, metrics.log_loss
    if math.isnan(auc.value):
        return "AUC unknown"
    return (
        f"{metrics.n_rows:,} places, {metrics.n_positive:,} positive: "
        f"AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}], log loss {loss.value:.4f} "
        f"[{loss.low:.4f}, {loss.high:.4f}]"
    )


def _paired(paired: Paired) -> str:
    return (
        f"{paired.ours} less {paired.theirs}: precision {signed_interval(paired.precision)}, "
        f"days earlier {signed_tenths(paired.days_earlier)}"
    )


def _paired_auc(where: str, paired: PairedMetrics) -> str:
    return (
        f"{where}{paired.ours} less {paired.theirs}: AUC {signed_interval(paired.auc)}, "
        f"{paired.judgement.verdict.value}; log loss {signed_interval(paired.log_loss)}"
    )


def _table(terms: BacktestTerms, result: Result) -> Iterator[str]:
    """A table of precision by period, which shows a drift."""
    names = list(result.whole.models)
    yield f"precision of the calls (lift), days before the order, by {terms.period_days} days:"
    yield f"{'from':<10}  {'buyers':>6}  " + "  ".join(f"{name[:22]:>22}" for name in names)
    for period in result.periods:
        cells = [f"{_cell(period.backtest.models[name]):>22}" for name in names]
        buyers = f"{period.backtest.n_buyers:>6,}"
        yield f"{day_text(period.first_day)}  {buyers}  " + "  ".join(cells)


def _cell(called: Called) -> str:
    if math.isnan(called.precision.value):
        return "-"
    lift = "-" if math.isnan(called.lift.value) else f"{called.lift.value:.1f}"
    gained = called.days_gained.value
    return f"{called.precision.value:.1%} ({lift}) {'-' if math.isnan(gained) else f'{gained:.1f}'}"


def result_json(terms: BacktestTerms, result: Result) -> dict[str, Any]:
    values = {
        "first_day": day_text(terms.span.first_day),
        "end_day": day_text(terms.span.end_day),
        "terms": asdict(terms.call_terms) | {"embargo_days": terms.embargo_days},
        "period_days": terms.period_days,
        "whole": _backtest(result.whole),
        "metrics": asdict(result.metrics),
        "landmark": asdict(result.landmark),
        "changes": [_changes(one) for one in result.changes],
        "periods": [
            {"first_day": day_text(one.first_day), "end_day": day_text(one.end_day)}
            | _backtest(one.backtest, with_days=False)
            for one in result.periods
        ],
        "retraining": None
        if result.retraining is None
        else _backtest(result.retraining, with_days=False),
        "orders_learned": {day_text(day): n for day, n in result.n_orders_learned.items()},
    }
    answer: dict[str, Any] = json_value(values)
    return answer


def _backtest(backtest: Backtest, *, with_days: bool = True) -> dict[str, Any]:
    values = asdict(backtest)
    values["days"] = [day | {"day": day_text(day["day"])} for day in values["days"]]
    return values if with_days else {name: v for name, v in values.items() if name != "days"}


def _changes(changes: ListChanges) -> dict[str, Any]:
    movers = [
        asdict(one) | {name: day_text(getattr(one, name)) for name in ("before", "day", "since")}
        for one in changes.movers
    ]
    return asdict(changes) | {"movers": movers}


def day_text(day: int) -> str:
    return f"{from_ms(day * DAY_MS):%Y-%m-%d}"
