"""The model card: what an artifact is, how good it is here, and what it must not be used for."""

from __future__ import annotations

from schemas.timestamps import EPOCH
from scoring.artifact import DataWindow, Manifest
from scoring.report.numbers_text import interval, number
from training.evaluation import words
from training.evaluation.about import About
from training.evaluation.measures import METRICS
from training.evaluation.report import EvaluationReport, ModelReport

MODEL_CARD = """# {name}

{engine_line}

| | |
|---|---|
| artifact | `{digest}` |
| base | {base} |
| trained on | {window} |
| positive | {label} |
| prompt, features | `{prompt_id}`, `{features_id}` |
| probability | of the label within {horizon_days} days |

## What it is for

Putting the leads of a queue in the order of calling, again after every event. It ranks; it does not
decide about anybody. **Not for** credit, prices, hiring or anything else that is about a person's
rights, nor for leads of another business, language or funnel than those it was trained on: measure
first, with `asllr evaluate`.

## What it is worth

{n:,} rows of {n_leads:,} leads from {dataset}, {split}, {first:%Y-%m-%d} to {last:%Y-%m-%d};
{n_positives:,} positive of {n_who_ordered:,} leads, {prevalence:.2%} of all leads.
Intervals: {level:.0%}, {n_resamples:,} resamples of whole leads.
The half-width to expect is what theory gives at this number of leads.

| metric | value | interval | half-width to expect |
|---|---|---|---|
{metrics}

{expected}
{differences}
## By queue, stage and transcript

| group | rows | positive | observed | predicted | AUC | ± |
|---|---|---|---|---|---|---|
{groups}

## Limits

- A number above is about these leads in this time: prices, seasons and scripts change.
- Groups with few positives have wide errors; the model was not checked for groups of persons
  (age, sex, origin) beyond the ones above.
- What customers said moves the score as far as training taught it; transcripts are of machines that
  mishear.
{findings}
Cost: {cost}. Remake these numbers with `{command}`.
"""


def model_card(
    about: About, report: EvaluationReport, model: ModelReport, manifest: Manifest
) -> str:
    """The card as Markdown. `model` is one of the report's models."""
    return MODEL_CARD.format(
        name=manifest.name,
        engine_line=f"A lead scorer for asllr; engine `{manifest.engine.value}`.",
        digest=model.digest or "–",
        base=f"{manifest.base.name}, {manifest.base.revision}" if manifest.base else "none",
        window=_window(manifest.data_window),
        label=manifest.label,
        prompt_id=manifest.prompt_id,
        features_id=manifest.features_id,
        horizon_days=manifest.horizon_days,
        n=report.n,
        n_leads=report.n_leads,
        dataset=about.dataset,
        split=about.split,
        first=about.first,
        last=about.last,
        n_positives=report.n_positives,
        n_who_ordered=report.n_who_ordered,
        prevalence=report.prevalence,
        level=report.asked.level,
        n_resamples=report.asked.n_resamples,
        metrics="\n".join(_metric_row(model, name) for name in METRICS),
        expected=_expected(model, report),
        differences=_differences(report, model),
        groups="\n".join(_group_rows(model)),
        findings="".join(f"- {each}\n" for each in about.findings),
        cost=_cost(about, model),
        command=about.command,
    )


def _window(data: DataWindow) -> str:
    """The times of the training data; a rule may have seen none."""
    return "no data" if data.end == EPOCH else f"{data.start:%Y-%m-%d} to {data.end:%Y-%m-%d}"


def _metric_row(model: ModelReport, name: str) -> str:
    measured = model.metrics[name]
    low, high = number(measured.interval.low), number(measured.interval.high)
    return (
        f"| {words.metric_name(name)} | {number(measured.interval.value)} | [{low}, {high}] | "
        f"{number(measured.expected_half_width)} |"
    )


def _expected(model: ModelReport, report: EvaluationReport) -> str:
    if report.bayes is None:
        return ""
    shown = ", ".join(
        f"{words.metric_name(name)} {interval(model.expected[name])}"
        for name in ("auc", "p_at_1pct", "ece")
    )
    return (
        f"The true probability of these leads is known. With the labels integrated out: {shown}; "
        f"no model can exceed an AUC of {number(report.bayes)}.\n"
    )


def _differences(report: EvaluationReport, model: ModelReport) -> str:
    sentences = [
        f"- {words.difference(each)}"
        for each in report.differences
        if each.metric == "auc" and model.name in (each.ours, each.theirs)
    ]
    return "## Beside others\n\n" + "\n".join(sentences) + "\n" if sentences else ""


def _group_rows(model: ModelReport) -> list[str]:
    return [
        f"| {group.kind}: {group.value.strip()} | {group.n:,} | {group.n_positives:,} | "
        f"{group.observed:.2%} | {group.predicted:.2%} | {number(group.auc)} | "
        f"{number(group.half_width)} |"
        for group in model.groups
    ]


def _cost(about: About, model: ModelReport) -> str:
    if model.cost is None:
        return "not measured"
    money = model.cost.money_per_1000(about.price_per_cpu_hour)
    return f"{model.cost.cpu_s_per_1000:.1f} CPU seconds ({money:.6f} USD) per 1,000 scores"
