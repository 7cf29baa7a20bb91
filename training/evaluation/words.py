"""Words for metrics, intervals and verdicts, shared by page, card and terminal."""

from __future__ import annotations

from math import isnan

from scoring.metrics.verdict import Verdict
from scoring.report.numbers_text import interval, number, signed_interval
from training.evaluation.measures import CAPACITY, FRACTIONS
from training.evaluation.report import EvaluationReport, Measured, PairedDifference

_TOPS = {name: f"{share:.1%}".replace(".0%", "%") for name, share in FRACTIONS.items()} | {
    CAPACITY: "daily capacity"
}
_PLAIN = {
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error (ECE)",
}
_OF_TOP = {"p": "precision", "r": "recall", "lift": "lift"}


def metric_name(metric: str) -> str:
    """`p_at_1pct` -> `precision at 1%`."""
    if metric in _PLAIN:
        return _PLAIN[metric]
    kind, _, top = metric.partition("_at_")
    return f"{_OF_TOP[kind]} at {_TOPS[top]}"


def measured(metric: Measured) -> str:
    """A metric and its interval, with the half-width that theory expects at this number of
    positives."""
    if isnan(metric.expected_half_width):
        return interval(metric.interval)
    return f"{interval(metric.interval)}, expect ±{number(metric.expected_half_width)}"


def difference(paired: PairedDifference) -> str:
    """One sentence on a pair: the verdict first, then what it rests on."""
    of = f"{'expected ' if paired.is_expected else ''}{metric_name(paired.metric)}"
    amount = signed_interval(paired.interval)
    match paired.judgement.verdict:
        case Verdict.CANNOT_TELL:
            needed = paired.judgement.positives_needed
            more = f"; about {needed:,} positives might tell" if needed else ""
            return f"cannot tell {paired.ours} from {paired.theirs}: {of} {amount}{more}"
        case Verdict.AHEAD | Verdict.BEHIND:
            where = "ahead of" if paired.judgement.verdict is Verdict.AHEAD else "behind"
            return f"{paired.ours} is {where} {paired.theirs}: {of} {amount}"


def lines(report: EvaluationReport) -> list[str]:
    """The report for a terminal: the main metrics of each model, then the verdicts on AUC."""
    shown = [
        f"{report.n:,} rows of {report.n_leads:,} leads, {report.n_positives:,} positive "
        f"of {report.n_who_ordered:,} leads "
        f"({report.prevalence:.2%} of all leads)"
    ]
    for model in report.models:
        shown.append(model.name)
        shown += [
            f"  {metric_name(name):<30} {measured(model.metrics[name])}" for name in model.metrics
        ]
        shown += [
            f"  expected {metric_name(name):<21} {interval(model.expected[name])}"
            for name in ("auc", "p_at_1pct", "ece")
            if model.expected
        ]
    if report.bayes is not None:
        shown.append(f"no model can exceed an expected AUC of {number(report.bayes)}")
    shown += [difference(each) for each in report.differences if each.metric == "auc"]
    return shown
