"""The report as one HTML file that needs nothing else: no script, no font, no network.

It shows prompts of the worst leads, which hold what customers said: treat it like the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from scoring.metrics.cost import CURRENCY
from scoring.report.curve_charts import curve_charts
from scoring.report.html import page, table
from scoring.report.numbers_text import interval, number, signed
from training.evaluation import words
from training.evaluation.about import About
from training.evaluation.measures import METRICS
from training.evaluation.report import EvaluationReport, ModelReport, PairedDifference
from training.evaluation.worst import WorstLead


def html_page(
    about: About, report: EvaluationReport, worst: Mapping[str, Sequence[WorstLead]]
) -> str:
    """The page. `worst`: model -> its worst leads; empty leaves that section out."""
    sections = [
        _head(about, report),
        _verdicts(report),
        _metrics(report),
        _expected(report),
        _charts(report),
        *(_groups(model) for model in report.models),
        *(_worst(name, leads) for name, leads in worst.items()),
        _cost(about, report),
        _reading(report),
    ]
    return page(about.title, sections)


def _head(about: About, report: EvaluationReport) -> str:
    sha = f", content {about.dataset_sha256[:12]}" if about.dataset_sha256 else ""
    findings = "".join(f'<li class="leak">{escape(each)}</li>' for each in about.findings)
    return (
        f"<p>{report.n:,} rows of {report.n_leads:,} leads from "
        f"{escape(about.dataset)}{sha}, {escape(about.split)}, asked about between "
        f"{about.first:%Y-%m-%d} and {about.last:%Y-%m-%d}. Positive: {escape(about.label)}: "
        f"{report.n_positives:,} of them, of {report.n_who_ordered:,} leads, "
        f"{report.prevalence:.2%} of all leads.</p>"
        f"<p><code>{escape(about.command)}</code></p>"
        + (f"<ul>{findings}</ul>" if findings else "")
    )


def _verdicts(report: EvaluationReport) -> str:
    if not report.differences:
        return ""
    rows = [
        [
            f"{each.ours} − {each.theirs}",
            ("expected " if each.is_expected else "") + words.metric_name(each.metric),
            signed(each.interval.value),
            f"[{signed(each.interval.low)}, {signed(each.interval.high)}]",
            "–" if each.p_value is None else f"{each.p_value:.3g}",
            _verdict(each),
        ]
        for each in report.differences
    ]
    heads = ["pair", "metric", "difference", "interval", "DeLong p", "verdict"]
    return "<h2>Who is ahead</h2>" + table(heads, rows, "Paired on the same leads.")


def _verdict(difference: PairedDifference) -> str:
    judged = difference.judgement
    needed = f", {judged.positives_needed:,} positives might" if judged.positives_needed else ""
    return f"{judged.verdict.value}{needed}"


def _metrics(report: EvaluationReport) -> str:
    level = f"{report.asked.level:.0%}"
    rows = [
        [words.metric_name(name), *(words.measured(m.metrics[name]) for m in report.models)]
        for name in METRICS
    ]
    noise = ["ECE of a perfectly calibrated model"]
    rows.append(noise + [number(model.calibration_noise) for model in report.models])
    caption = (
        f"{level} intervals from {report.asked.n_resamples:,} resamples of whole leads; “expect” "
        f"is the half-width that theory gives at {report.n_who_ordered:,} leads that ordered. "
        f"Daily capacity: {report.asked.calls_per_day:g} calls a queue. ECE: 10 bins of equal mass."
    )
    return "<h2>Metrics</h2>" + table(["", *_names(report)], rows, caption)


def _expected(report: EvaluationReport) -> str:
    if report.bayes is None:
        return ""
    rows = [
        [words.metric_name(name), *(interval(m.expected[name]) for m in report.models)]
        for name in METRICS
    ]
    caption = (
        "The true probability of these leads is known: the same metrics with the labels integrated "
        f"out. No model can exceed an AUC of {number(report.bayes)}."
    )
    return "<h2>Expected metrics</h2>" + table(["", *_names(report)], rows, caption)


def _charts(report: EvaluationReport) -> str:
    curves = {model.name: model.curves for model in report.models}
    return "<h2>Curves</h2>" + curve_charts(curves, report.prevalence)


def _groups(model: ModelReport) -> str:
    heads = ["group", "rows", "positive", "observed", "predicted", "AUC", "±", "expected AUC"]
    rows = [
        [
            f"{group.kind}: {group.value.strip()}",
            f"{group.n:,}",
            f"{group.n_positives:,}",
            f"{group.observed:.2%}",
            f"{group.predicted:.2%}",
            number(group.auc),
            number(group.half_width),
            number(group.expected_auc),
        ]
        for group in model.groups
    ]
    title = f"<h2>By queue, stage and transcript: {escape(model.name)}</h2>"
    return title + table(heads, rows, "±: DeLong's half-width.")


def _worst(name: str, leads: Sequence[WorstLead]) -> str:
    shown = "".join(
        f"<details><summary>{escape(lead.lead)}: "
        f"{'ordered' if lead.label else 'did not order'}, said {lead.probability:.2%}"
        f"{'' if lead.truth != lead.truth else f', truth {lead.truth:.2%}'} "
        f"({escape(lead.queue)}, {escape(lead.stage)})</summary>"
        f"<pre>{escape(lead.prompt)}</pre></details>"
        for lead in leads
    )
    return f"<h2>Worst leads: {escape(name)}</h2>{shown}"


def _cost(about: About, report: EvaluationReport) -> str:
    rows = [
        [
            model.name,
            number(model.cost.cpu_s_per_1000),
            f"{model.cost.money_per_1000(about.price_per_cpu_hour):.6f}",
        ]
        for model in report.models
        if model.cost
    ]
    if not rows:
        return ""
    caption = (
        "Prompt, engine and calibration, measured while these rows were scored; "
        f"{about.price_per_cpu_hour:g} {CURRENCY} a core hour."
    )
    heads = ["model", "CPU seconds", CURRENCY]
    return "<h2>Cost of 1,000 scores</h2>" + table(heads, rows, caption)


def _reading(report: EvaluationReport) -> str:
    return (
        "<h2>How to read this</h2><ul><li>Two models are ranked only where the paired interval "
        "leaves 0 out. “Cannot tell” is a finding about this test set, not about the models.</li>"
        "<li>With many pairs and metrics some interval leaves 0 out by chance: one in twenty. "
        "Choose the metric before looking.</li>"
        "<li>Percentile intervals of the calibration error lie high: noise only adds to it. "
        "Compare it with that of a perfectly calibrated model.</li></ul>"
    )


def _names(report: EvaluationReport) -> list[str]:
    return [model.name for model in report.models]
