"""Words for metrics, intervals and verdicts, shared by page, card and terminal."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

from scoring.metrics.cost import Cost
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
    """The report for a terminal: the main metrics of each model, then the verdicts on AUC,
    and on the time that a slower one takes."""
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
        if model.cost is not None:
            shown.append(f"  {'time of a core for a lead':<30} {_ms(model.cost)}")
    if report.bayes is not None:
        shown.append(f"no model can exceed an expected AUC of {number(report.bayes)}")
    shown += [difference(each) for each in report.differences if each.metric == "auc"]
    return [*shown, *worth_their_time(report)]


DEARER = 10
"""Times the other's time: less is no reason to choose."""

FELT_MS = 1.0
"""Of a core, for a lead: nobody waits for less."""


def worth_their_time(report: EvaluationReport) -> Iterator[str]:
    """Of each artifact that takes much longer than another, from a lead's state to its score,
    whether it earns that by its AUC. Baselines that were fitted for the comparison are not served,
    so nobody knows their time."""
    costs = {model.name: model.cost for model in report.models if model.cost is not None}
    for paired in report.differences:
        ours, theirs = costs.get(paired.ours), costs.get(paired.theirs)
        if paired.metric != "auc" or paired.is_expected or ours is None or theirs is None:
            continue
        verdict, names = paired.judgement.verdict, (paired.ours, paired.theirs)
        dear, cheap = ours, theirs
        if ours.ms_per_lead < theirs.ms_per_lead:
            verdict, names, dear, cheap = _TURNED[verdict], names[::-1], theirs, ours
        if dear.ms_per_lead >= max(FELT_MS, DEARER * cheap.ms_per_lead):
            yield (
                f"{names[0]} takes {_ms(dear)} a lead, {names[1]} {_ms(cheap)}: {_EARNED[verdict]}"
            )


_TURNED = {
    Verdict.AHEAD: Verdict.BEHIND,
    Verdict.BEHIND: Verdict.AHEAD,
    Verdict.CANNOT_TELL: Verdict.CANNOT_TELL,
}
_EARNED = {
    Verdict.AHEAD: "it earns them, being ahead",
    Verdict.BEHIND: "it does not earn them, being behind",
    Verdict.CANNOT_TELL: "cannot tell whether it earns them",
}


def _ms(cost: Cost) -> str:
    return f"{cost.ms_per_lead:.3g} ms"
