"""The report of a fit: what it was given, what its checks said, what looks wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from scoring.calibration import Calibration
from scoring.metrics.delong import hanley_mcneil, z_of
from scoring.report.json_values import json_value
from training.calibrate import doubts
from training.dataset.manifest import Split
from training.export.outcome import FitReview
from training.export.signatures import Signature
from training.fit.dataset import FittedOnData
from training.model.base_record import BaseRecord

LEVEL = 0.95


def report_of(outcome: FitReview) -> dict[str, Any]:
    """The report for machines: plain values under the same names in every version."""
    done, fitted = outcome.done, outcome.fitted
    prepared, request = done.prepared, done.request
    dataset = prepared.dataset
    settings = asdict(request.settings)
    return {
        "format": 1,
        "dataset": {
            "folder": str(request.dataset),
            "sha256": dataset.sha256,
            "label": dataset.label,
            "horizon_days": dataset.horizon_days,
            "rows": _rows(done),
            "findings": [finding.model_dump(mode="json") for finding in dataset.findings],
        },
        "base": {
            "name": prepared.base.name,
            "revision": prepared.base.revision,
            "weights": _n_weights(done),
            "bits_while_fitted": request.settings.base_bits,
            **_origin(prepared.base.record),
        },
        "token_budget": request.token_budget,
        "serve": request.settings.serve.value,
        "settings": json_value(settings),
        "checks": [asdict(check) for check in fitted.checks],
        "best_check": fitted.best,
        "expected_auc_half_width": _half_width(outcome),
        "calibration": {
            "kind": _kind(outcome.calibration),
            "orders": _n_calibrating(outcome),
            "ece": outcome.quality.ece,
            "mean_probability": outcome.quality.mean_probability,
            "mean_observed": outcome.quality.mean_observed,
        },
        "signatures": [_signature(signature) for signature in outcome.signatures],
        "warnings": warnings_of(outcome),
    }


def metrics_of(outcome: FitReview) -> dict[str, float]:
    """The metrics for the manifest: finite numbers whose names say what they mean; of the head that
    is served unless the name says another."""
    best, first = outcome.fitted.checks[outcome.fitted.best], outcome.fitted.checks[0]
    served = outcome.done.request.settings.serve
    prepared = outcome.done.prepared
    metrics = {
        "n_fitted_rows": float(len(prepared.rows[Split.FIT])),
        "n_fitted_orders": float(prepared.examples.label[prepared.rows[Split.FIT]].sum()),
        "auc_on_judging_slice": best.auc_of(served),
        "auc_half_width_to_expect": _half_width(outcome),
        "precision_at_1_percent_on_judging_slice": best.precision_at_1_percent,
        "point_head_log_loss_on_judging_slice": best.log_loss,
        "log_loss_of_frozen_probe_on_judging_slice": first.log_loss,
        "point_head_auc_on_judging_slice": best.auc,
        "pair_head_auc_on_judging_slice": best.pair_auc,
        "answer_auc_on_judging_slice": best.qa_auc,
        "cross_fitted_calibration_error": outcome.quality.ece,
    }
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def text_of(report: Mapping[str, Any]) -> str:
    """The report for people."""
    rows = ", ".join(
        f"{split} {each['rows']} ({each['orders']} orders)"
        for split, each in report["dataset"]["rows"].items()
    )
    base, calibration = report["base"], report["calibration"]
    lines = [
        f"dataset   {report['dataset']['folder']}: {rows}",
        f"base      {base['name']} at {base['revision']}, {base['weights'] / 1e6:.1f}M weights",
        "",
        "check  step  log loss     AUC    P@1%  pair AUC  Yes/No AUC  QA loss",
    ]
    for number, check in enumerate(report["checks"]):
        mark = "*" if number == report["best_check"] else " "
        lines.append(
            f"{number:>4}{mark} {check['step']:>5}  {check['log_loss']:.5f}  {check['auc']:.4f}  "
            f"{check['precision_at_1_percent']:6.1%}    {check['pair_auc']:.4f}      "
            f"{check['qa_auc']:.4f}  {check['qa_loss']:7.3f}"
        )
    lines += [
        "0 is the frozen base under its probe; * is what was kept. Log loss and AUC are of the",
        f"point-wise head, P@1% of the served one, the {report['serve']}-wise. With so many orders",
        f"its AUC is known to ± {report['expected_auc_half_width']:.4f} ({LEVEL:.0%}).",
        "",
        f"calibration of the {report['serve']}-wise head: {calibration['kind']} on "
        f"{calibration['orders']} orders;",
        f"on leads it was not fitted on its error is {calibration['ece']:.4f},",
        f"it says {calibration['mean_probability']:.2%} on average and "
        f"{calibration['mean_observed']:.2%} ordered",
        "",
    ]
    for signature in report["signatures"]:
        lines.append(f"{signature['finding']:<12} {signature['name']}: {signature['sentence']}")
    lines += [f"{'warning':<12} {sentence}" for sentence in report["warnings"]]
    return "\n".join(lines) + "\n"


def warnings_of(outcome: FitReview) -> list[str]:
    """Warnings beside the signatures: of the data, the calibration and the horizon."""
    dataset = outcome.done.prepared.dataset
    sentences = [finding.named for finding in dataset.findings]
    sentences += doubts(outcome.calibration, _n_calibrating(outcome))
    if (in_four_bits := outcome.done.auc_in_four_bits) is not None:
        best = outcome.fitted.checks[outcome.fitted.best]
        served = outcome.done.request.settings.serve
        sentences.append(
            "fitted on the base in 4 bits, serves on the whole base: the check that was kept, "
            "calibration and signatures are of the whole base, where the AUC is "
            f"{best.auc_of(served):.4f}; in 4 bits it was {in_four_bits:.4f}"
        )
    asked_days = outcome.done.request.rendering.domain.horizon_days
    if dataset.horizon_days != asked_days:
        sentences.append(
            f"the labels look {dataset.horizon_days} days ahead, the prompt asks about "
            f"{asked_days}: probabilities are of the labels"
        )
    return sentences


def _origin(record: BaseRecord | None) -> dict[str, str | None]:
    """Where the base came from, under which licence; nothing is known of one that was not
    imported."""
    if record is None:
        return {"licence": None, "source": None, "source_sha256": None}
    return {
        "licence": record.licence,
        "source": record.source,
        "source_sha256": record.sha256,
    }


def _n_calibrating(outcome: FitReview) -> int:
    prepared = outcome.done.prepared
    return int(prepared.examples.label[prepared.rows[Split.CALIBRATE]].sum())


def _signature(signature: Signature) -> dict[str, Any]:
    return {
        "name": signature.name,
        "finding": signature.finding.value,
        "sentence": signature.sentence,
        "values": json_value(signature.values),
    }


def _rows(done: FittedOnData) -> dict[str, dict[str, int]]:
    labels = done.prepared.examples.label
    return {
        split.value: {"rows": len(rows), "orders": int(labels[rows].sum())}
        for split, rows in done.prepared.rows.items()
    }


def _half_width(outcome: FitReview) -> float:
    done = outcome.done
    labels = done.prepared.examples.label[done.prepared.rows[Split.JUDGE]]
    best = outcome.fitted.checks[outcome.fitted.best]
    n_positive = float(labels.sum())
    auc = best.auc_of(done.request.settings.serve)
    return z_of(LEVEL) * hanley_mcneil(auc, n_positive, len(labels) - n_positive)


def _n_weights(done: FittedOnData) -> int:
    """The number of weights of the base alone."""
    named = done.prepared.base.model.named_parameters()
    return sum(each.numel() for name, each in named if ".lora_" not in name)


def _kind(calibration: Calibration) -> str:
    return f"isotonic, {len(calibration.knots)} knots" if calibration.knots else "Platt"
