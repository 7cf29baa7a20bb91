"""The report as one HTML file that needs nothing else: no script, no font, no network.

It shows prompts of the worst leads, which hold what customers said: treat it like the recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from training.evaluation import words
from training.evaluation.about import CURRENCY, About
from training.evaluation.drawing import Axis, chart, legend, round_end
from training.evaluation.measures import METRICS
from training.evaluation.report import Difference, ModelReport, Report
from training.evaluation.worst import WorstLead

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#0f172a;max-width:1180px}
body{margin:2rem auto;padding:0 1rem}h1{font-size:1.6rem}h2{margin-top:2.2rem;font-size:1.2rem}
table{border-collapse:collapse;margin:.5rem 0}p,li{max-width:52rem}
th,td{padding:.25rem .7rem;border-bottom:1px solid #e2e8f0;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
caption{text-align:left;color:#475569;padding:.3rem 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(360px,1fr));gap:1rem}
svg{width:100%;height:auto}svg text{font:10px system-ui,sans-serif;fill:#475569}
svg .title{font-size:12px;fill:#0f172a}.grid{stroke:#e2e8f0}.key{margin-right:1.2rem}
.key i{display:inline-block;width:.8rem;height:.8rem;margin-right:.35rem;border-radius:2px}
.ahead{color:#15803d}.behind{color:#b91c1c}.wide{overflow-x:auto}.leak{color:#b91c1c}
pre{white-space:pre-wrap;background:#f8fafc;padding:.7rem;border:1px solid #e2e8f0}
"""


def html_page(about: About, report: Report, worst: Mapping[str, Sequence[WorstLead]]) -> str:
    """`worst`: model -> its worst leads; empty leaves that section out."""
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
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(about.title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(sections)}</body></html>\n"
    )


def _head(about: About, report: Report) -> str:
    sha = f", content {about.dataset_sha256[:12]}" if about.dataset_sha256 else ""
    findings = "".join(f'<li class="leak">{escape(each)}</li>' for each in about.findings)
    return (
        f"<h1>{escape(about.title)}</h1><p>{report.n:,} rows of {report.n_leads:,} leads from "
        f"{escape(about.dataset)}{sha}, {escape(about.split)}, asked about between "
        f"{about.first:%Y-%m-%d} and {about.last:%Y-%m-%d}. Positive: {escape(about.label)}: "
        f"{report.n_positives:,} of them, {report.prevalence:.2%} of all leads.</p>"
        f"<p><code>{escape(about.command)}</code></p>"
        + (f"<ul>{findings}</ul>" if findings else "")
    )


def _verdicts(report: Report) -> str:
    if not report.differences:
        return ""
    rows = [
        [
            f"{each.ours} − {each.theirs}",
            ("expected " if each.is_expected else "") + words.metric_name(each.metric),
            words.signed(each.interval.value),
            f"[{words.signed(each.interval.low)}, {words.signed(each.interval.high)}]",
            "–" if each.p_value is None else f"{each.p_value:.3g}",
            _verdict(each),
        ]
        for each in report.differences
    ]
    heads = ["pair", "metric", "difference", "interval", "DeLong p", "verdict"]
    return "<h2>Who is ahead</h2>" + _table(heads, rows, "Paired on the same leads.")


def _verdict(found: Difference) -> str:
    judged = found.judgement
    needed = f", {judged.positives_needed:,} positives might" if judged.positives_needed else ""
    return f"{judged.verdict.value}{needed}"


def _metrics(report: Report) -> str:
    level = f"{report.asked.level:.0%}"
    rows = [
        [words.metric_name(name), *(words.measured(m.metrics[name]) for m in report.models)]
        for name in METRICS
    ]
    noise = ["ECE of a perfectly calibrated model"]
    rows.append(noise + [words.number(model.calibration_noise) for model in report.models])
    caption = (
        f"{level} intervals from {report.asked.n_resamples:,} resamples of whole leads; “expect” "
        f"is the half-width that theory gives at {report.n_positives:,} positives. Daily capacity: "
        f"{report.asked.calls_per_day:g} calls a queue. ECE: 10 bins of equal mass."
    )
    return "<h2>Metrics</h2>" + _table(["", *_names(report)], rows, caption)


def _expected(report: Report) -> str:
    if report.bayes is None:
        return ""
    rows = [
        [words.metric_name(name), *(words.interval(m.expected[name]) for m in report.models)]
        for name in METRICS
    ]
    caption = (
        "The true probability of these leads is known: the same metrics with the labels integrated "
        f"out. No model can exceed an AUC of {words.number(report.bayes)}."
    )
    return "<h2>Expected metrics</h2>" + _table(["", *_names(report)], rows, caption)


def _charts(report: Report) -> str:
    curves = {model.name: model.curves for model in report.models}
    p_end = round_end(max(0.01, *(max(x, y) for c in curves.values() for x, y in c.calibration)))
    lift_end = round_end(max(2.0, *(y for c in curves.values() for _, y in c.lift)))
    pr_points = (y for c in curves.values() for x, y in c.precision_recall if x > 0.01)
    pr_end = min(1.0, round_end(max(0.05, *pr_points)))
    drawn = [
        chart(
            "ROC",
            Axis("share of negatives called", 1.0),
            Axis("share of positives called", 1.0),
            {name: each.roc for name, each in curves.items()},
            guide=((0, 0), (1, 1)),
        ),
        chart(
            "Precision and recall",
            Axis("recall", 1.0),
            Axis("precision", pr_end),
            {name: each.precision_recall for name, each in curves.items()},
            guide=((0, report.prevalence), (1, report.prevalence)),
        ),
        chart(
            "Lift",
            Axis("share of leads called", 1.0),
            Axis("times as good as calling blindly", lift_end),
            {name: each.lift for name, each in curves.items()},
            guide=((0, 1), (1, 1)),
        ),
        chart(
            "Calibration, 10 bins of equal mass",
            Axis("probability said", p_end),
            Axis("share that ordered", p_end),
            {name: each.calibration for name, each in curves.items()},
            guide=((0, 0), (p_end, p_end)),
            dots=True,
        ),
    ]
    return f"<h2>Curves</h2><p>{legend(list(curves))}</p><div class=charts>{''.join(drawn)}</div>"


def _groups(model: ModelReport) -> str:
    heads = ["group", "rows", "positive", "observed", "predicted", "AUC", "±", "expected AUC"]
    rows = [
        [
            f"{group.kind}: {group.value.strip()}",
            f"{group.n:,}",
            f"{group.n_positives:,}",
            f"{group.observed:.2%}",
            f"{group.predicted:.2%}",
            words.number(group.auc),
            words.number(group.half_width),
            words.number(group.expected_auc),
        ]
        for group in model.groups
    ]
    title = f"<h2>By queue, stage and transcript: {escape(model.name)}</h2>"
    return title + _table(heads, rows, "±: DeLong's half-width.")


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


def _cost(about: About, report: Report) -> str:
    rows = [
        [
            model.name,
            words.number(model.cost.cpu_s_per_1000),
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
    return "<h2>Cost of 1,000 scores</h2>" + _table(heads, rows, caption)


def _reading(report: Report) -> str:
    return (
        "<h2>How to read this</h2><ul><li>Two models are ranked only where the paired interval "
        "leaves 0 out. “Cannot tell” is a finding about this test set, not about the models.</li>"
        "<li>With many pairs and metrics some interval leaves 0 out by chance: one in twenty. "
        "Choose the metric before looking.</li>"
        "<li>Percentile intervals of the calibration error lie high: noise only adds to it. "
        "Compare it with that of a perfectly calibrated model.</li></ul>"
    )


def _names(report: Report) -> list[str]:
    return [model.name for model in report.models]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join(
        f"<tr>{''.join(f'<td{_class(cell)}>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in rows
    )
    return (
        f"<div class=wide><table><caption>{escape(caption)}</caption>"
        f"<tr>{head}</tr>{body}</table></div>"
    )


def _class(cell: str) -> str:
    return f' class="{cell}"' if cell in ("ahead", "behind") else ""
