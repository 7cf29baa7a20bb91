"""The page needs nothing but itself, and what customers said stays text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scoring.artifact import DataWindow, demo_artifact_path, load_manifest
from scoring.metrics.cost import Cost
from scoring.report.svg import round_end
from tests.support.html_reader import read
from tests.training.evaluation.rows import judged, model
from training.evaluation.about import About, trained_too_late
from training.evaluation.card import model_card
from training.evaluation.files import report_json, to_json, write_report
from training.evaluation.judged import EvaluationError
from training.evaluation.measures import METRICS
from training.evaluation.page import html_page
from training.evaluation.report import EvaluationReport, EvaluationRequest, build_report
from training.evaluation.words import lines, metric_name
from training.evaluation.worst import WorstLead
from training.whole_file import CannotWrite

ABOUT = About(
    title="one <b> beside two",
    command="asllr compare one two",
    dataset="march",
    dataset_sha256="ab" * 32,
    split="split test",
    label="an order within 14 days",
    first=datetime(2026, 3, 1, tzinfo=UTC),
    last=datetime(2026, 3, 31, tzinfo=UTC),
    findings=("leak: status knows the outcome",),
    price_per_cpu_hour=0.04,
)
HOSTILE = "</pre><script>alert(1)</script> & <img src=http://evil.example/x>"
WORST = WorstLead("acme/<i>", "north", "new", 1, 0.01, float("nan"), HOSTILE)


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    rows = judged()
    two = [model(rows, 0.5, "one <b>"), model(rows, 2.0, "two", seed=6)]
    return build_report(rows, two, EvaluationRequest(calls_per_day=6.0, n_resamples=40))


def test_the_page_asks_for_no_file_and_runs_no_script(report: EvaluationReport) -> None:
    page = html_page(ABOUT, report, {"two": [WORST]})
    seen = read(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(seen.tags)
    assert not {"src", "href", "srcset"} & {name for name, _ in seen.attributes}
    assert "url(" not in page
    assert "@import" not in page


def test_what_customers_said_stays_text(report: EvaluationReport) -> None:
    seen = read(html_page(ABOUT, report, {"two": [WORST]}))
    assert HOSTILE in seen.text
    assert "acme/<i>" in seen.text
    assert not {"b", "img"} & set(seen.tags)


def test_the_page_shows_curves_groups_metrics_and_verdicts(report: EvaluationReport) -> None:
    seen = read(html_page(ABOUT, report, {"two": [WORST]}))
    assert seen.tags.count("svg") == 4
    assert seen.tags.count("polyline") == 4 * (2 + 1)
    for name in METRICS:
        assert metric_name(name) in seen.text
    for words in ("queue: north", "stage: new", "leak: status", "No model can exceed", "lift"):
        assert words in seen.text, words
    assert re.search("ahead|behind|cannot tell", seen.text)


def test_prompts_can_be_left_out(report: EvaluationReport) -> None:
    assert "<pre>" not in html_page(ABOUT, report, {})
    assert "prompt" not in to_json(report_json(ABOUT, report))


def test_json_has_every_number_and_null_for_what_is_none(report: EvaluationReport) -> None:
    read = json.loads(to_json(report_json(ABOUT, report)))
    (first, _) = read["models"]
    assert set(first["metrics"]) == set(METRICS)
    assert first["metrics"]["log_loss"]["expected_half_width"] is None
    assert read["n_positives"] == report.n_positives
    assert read["differences"][0]["judgement"]["verdict"] in ("ahead", "behind", "cannot tell")


def test_the_card_says_what_for_how_good_and_what_not_for(report: EvaluationReport) -> None:
    manifest = load_manifest(demo_artifact_path())
    card = model_card(ABOUT, report, report.models[0], manifest)
    for name in METRICS:
        assert f"| {metric_name(name)} |" in card
    for words in ("**Not for**", "queue: south", "half-width to expect", manifest.prompt_id):
        assert words in card
    assert "{" not in card


def test_a_card_says_when_nothing_was_learned_and_repeats_findings_as_they_are(
    report: EvaluationReport,
) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC)
    manifest = load_manifest(demo_artifact_path())
    rule = manifest.model_copy(update={"data_window": DataWindow(start=at, end=at)})
    card = model_card(ABOUT, report, report.models[0], rule)
    assert "| trained on | no data |" in card
    assert "1970" not in card
    assert "\n- leak: status knows the outcome\n" in card


def test_the_terminal_hears_positives_metrics_and_a_verdict(report: EvaluationReport) -> None:
    said = "\n".join(lines(report))
    assert f"{report.n_positives} positive" in said
    assert "expect ±" in said
    assert "no model can exceed" in said


def test_a_report_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    with pytest.raises(CannotWrite, match="report cannot be written"):
        write_report(folder, {"a.html": "a", "no/such/place.json": "b"})
    assert list(tmp_path.iterdir()) == []
    write_report(folder, {"a.html": "a"})
    with pytest.raises(EvaluationError, match="exists"):
        write_report(folder, {"a.html": "b"})
    assert (folder / "a.html").read_text(encoding="utf-8") == "a"


def test_a_model_that_may_know_these_rows_is_named() -> None:
    assert trained_too_late("old", datetime(2026, 2, 1, tzinfo=UTC), ABOUT) is None
    warning = trained_too_late("new", datetime(2026, 3, 15, tzinfo=UTC), ABOUT)
    assert warning is not None
    assert "2026-03-15" in warning


def test_cost_is_by_the_thousand() -> None:
    cost = Cost(cpu_s=9.0, n_leads=2000)
    assert cost.cpu_s_per_1000 == pytest.approx(4.5)
    assert cost.money_per_1000(0.04) == pytest.approx(4.5 / 3600 * 0.04)


@pytest.mark.parametrize(
    ("value", "end"), [(0.138, 0.15), (35.0, 40.0), (1.0, 1.0), (0.05, 0.05), (0.97, 1.0), (7, 7.5)]
)
def test_an_axis_ends_at_a_round_number_not_below_the_data(value: float, end: float) -> None:
    assert round_end(value) == pytest.approx(end)
