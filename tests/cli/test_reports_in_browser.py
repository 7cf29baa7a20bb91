"""The reports of `asllr replay`, as somebody without a network sees them: nothing is asked for,
nothing is cut off, and tables and charts say what the JSON says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scoring.domain.reading import pack
from scoring.engines.rule import rule_of
from streams.recording.event_file import history, write_recording
from tests.support.browser import WIDTHS, opened
from tests.support.commands import asllr
from tests.support.engines.stub_artifact import build_stub_artifact
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.leads.daily_leads import forty_days, gets_a_quote, talks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.browser]

HOSTILE = "</pre><script>throw 1</script><img src=http://evil.example/x>"
TERMS = ("--capacity", "2", "--horizon", "3d", "--embargo", "3d")
PERCENT = "{value:.1%} [{low:.1%}, {high:.1%}]"
TENTHS = "{value:.1f} [{low:.1f}, {high:.1f}]"
FOUR = "{value:.4f} [{low:.4f}, {high:.4f}]"


@dataclass(frozen=True, slots=True)
class Report:
    page: Path
    said: dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of those who order talk and get a quote before. Of the artifacts `rule` likes a quote,
    `other` does not, and `stub` reads the prompt."""
    folder = tmp_path_factory.mktemp("reports")
    rule = rule_of(pack("auto"))
    build_rule_artifact(folder / "artifacts" / "rule", rule)
    backwards = {stage: -points for stage, points in rule.stages.items()}
    other = rule.model_copy(update={"stages": backwards})
    build_rule_artifact(folder / "artifacts" / "other", other)
    build_stub_artifact(folder / "artifacts" / "stub")
    events = forty_days()
    for n in range(0, 120, 6):
        events.append(gets_a_quote(f"l{n:03}", n / 3 + 1.5))
        events.append(talks(f"l{n:03}", n / 3 + 1.6, HOSTILE))
    events.sort(key=lambda one: one.occurred_at)
    write_recording(folder / "leads.jsonl", map(history, events))
    return folder


@pytest.fixture(scope="module")
def backtest(folder: Path) -> Report:
    models = ("--artifact", "rule", "--artifact", "other")
    return report(folder, "backtest", folder / "leads.jsonl", *models, *TERMS, "--landmark", "1d")


@pytest.fixture(scope="module")
def transcripts(folder: Path) -> Report:
    words = ("backtest", folder / "leads.jsonl", "--artifact", "stub", *TERMS, "--transcripts")
    return report(folder, *words)


@pytest.fixture(scope="module")
def diff(folder: Path) -> Report:
    leads = folder / "leads.jsonl"
    for name in ("rule", "other"):
        words = ("run", leads, "--as-of", "2026-03-20T20:00:00Z", "--artifact", name)
        asllr(environ(folder), "replay", *words, "--out", folder / name)
    return report(folder, "diff", folder / "rule", folder / "other", "--source", leads)


def report(folder: Path, *words: str | Path) -> Report:
    page = folder / f"{len(list(folder.iterdir()))}.html"
    said = asllr(environ(folder), "replay", *words, "--report", page, "--json")
    return Report(page, json.loads(said))


def environ(folder: Path) -> dict[str, str]:
    return {"ASLLR_ARTIFACTS": str(folder / "artifacts")}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("which", ["backtest", "transcripts", "diff"])
def test_a_report_needs_nothing_and_all_of_it_can_be_read(
    which: str, width: str, chromium: Browser, request: pytest.FixtureRequest
) -> None:
    made: Report = request.getfixturevalue(which)
    with opened(chromium, made.page, width) as seen:
        for summary in seen.page.locator("summary").all():
            summary.click()
        assert seen.asked_for == [made.page.as_uri()]
        assert seen.complaints == []
        assert (HOSTILE in seen.page.inner_text("body")) == (which == "transcripts")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width]
        charts = seen.charts()
        assert charts
        for chart in charts:
            for text in chart["texts"]:
                assert is_within(text["box"], chart["box"]), (chart["title"], text["said"])


def is_within(inner: Mapping[str, float], outer: Mapping[str, float]) -> bool:
    """Up to a pixel, which rounding takes."""
    return (
        inner["width"] > 0
        and inner["left"] >= outer["left"] - 1
        and inner["right"] <= outer["right"] + 1
        and inner["top"] >= outer["top"] - 1
        and inner["bottom"] <= outer["bottom"] + 1
    )


def test_what_a_backtest_shows_is_its_json(backtest: Report, chromium: Browser) -> None:
    whole, places = backtest.said["whole"], backtest.said["metrics"]["models"]
    with opened(chromium, backtest.page) as seen:
        tables, charts = seen.tables(), {chart["title"]: chart for chart in seen.charts()}
        assert_mover(seen.page, backtest.said["changes"][-1]["movers"][0]["lead"])
    calls = rows_of(tables, "95% intervals; leads are drawn")
    assert set(calls) == set(whole["models"]) == {"rule", "other", "by chance"}
    for name, one in whole["models"].items():
        assert calls[name] == [
            f"{one['n_calls']:,}",
            PERCENT.format(**one["precision"]),
            TENTHS.format(**one["lift"]),
            f"{TENTHS.format(**one['reached'])} of {whole['n_buyers']}",
            TENTHS.format(**one["days_gained"]),
        ]
    (paired, *_) = whole["paired"]
    verdict = rows_of(tables, "Paired: the same resampled leads")["other − rule"][-1]
    assert verdict == paired["judgement"]["verdict"]
    judged = rows_of(tables, "95% intervals over whole leads.")
    landmark = backtest.said["landmark"]["models"]
    for name in places:  # of two tables with one caption the later one: the landmark's
        one = landmark[name]
        figures = [FOUR.format(**one["auc"]), FOUR.format(**one["log_loss"])]
        assert judged[name] == [f"{one['n_rows']:,}", f"{one['n_positive']:,}", *figures]
    curves = {"ROC", "Precision and recall", "Lift", "Calibration, 10 bins of equal mass"}
    assert charts.keys() == curves | {"Precision by period", "Buyers reached", "Change of rank"}
    for title in curves:
        assert len(charts[title]["lines"]) == 1 + len(places), title
    assert_ends(charts["Buyers reached"], [one["n_hits"] for one in whole["models"].values()])
    assert_bars(charts["Change of rank"], backtest.said["changes"][-1]["counts"])


def test_what_a_difference_shows_is_its_json(diff: Report, chromium: Browser) -> None:
    with opened(chromium, diff.page) as seen:
        tables, (chart,) = seen.tables(), seen.charts()
        assert_mover(seen.page, diff.said["movers"][0]["move"]["lead"])
    queues = rows_of(tables, "At the end of both.")
    assert set(queues) == set(diff.said["queues"])
    for name, one in diff.said["queues"].items():
        counts = [f"{one[key]:,}" for key in ("leads_a", "leads_b", "moves")]
        agreement = [f"{one[key]:.4f}" for key in ("kendall_tau", "jaccard")]
        assert queues[name] == counts + agreement
    scores = {name: row[5] for name, row in rows_of(tables, "What each of them is of.").items()}
    assert list(scores.values()) == [f"{diff.said[key]:,}" for key in ("scores_a", "scores_b")]
    assert_bars(chart, diff.said["rank_changes"])


def rows_of(tables: dict[str, list[list[str]]], caption: str) -> dict[str, list[str]]:
    """By the first cell."""
    (rows,) = (rows for said, rows in tables.items() if said.startswith(caption))
    return {name: cells for name, *cells in rows[1:]}


def assert_bars(chart: dict[str, Any], counts: dict[str, int]) -> None:
    """Each with its number, as long as that says."""
    said = [text["said"] for text in chart["texts"][1:-1]]
    assert said == [word for name, n in counts.items() for word in (name, f"{n:,}")]
    most = max(counts.values())
    for width, n in zip(chart["bars"], counts.values(), strict=True):
        assert width == pytest.approx(n / most * max(chart["bars"]), abs=0.1)


def assert_ends(chart: dict[str, Any], wanted: list[int]) -> None:
    """Where each line ends, read off the axis beside it."""
    ticks = [text["said"] for text in chart["texts"] if text["said"].isdecimal()]
    bottom, top = max(chart["grid"]), min(chart["grid"])
    ends = [(bottom - line[-1][1]) / (bottom - top) * int(ticks[-1]) for line in chart["lines"]]
    assert ends == pytest.approx(wanted, abs=0.1)


def assert_mover(page: Page, lead: str) -> None:
    """Named, and the events that move it come on show when it is opened."""
    mover = page.locator("details", has_text=lead).last
    assert not mover.locator("table").first.is_visible()
    mover.locator("summary").click()
    assert mover.locator("table").first.is_visible()
    assert "stage became quote" in mover.inner_text()


def test_a_page_that_asks_complains_or_is_too_wide_is_seen(
    chromium: Browser, tmp_path: Path
) -> None:
    """Else the tests above would prove less than they say."""
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><link rel=stylesheet href=http://evil.example/x.css>"
        "<script>console.error('loud')</script><script>throw Error('thrown')</script>"
        "<p style='width:3000px'>wide"
    )
    with opened(chromium, page) as seen:
        assert seen.asked_for == [page.as_uri(), "http://evil.example/x.css"]
        for word in ("evil.example", "loud", "thrown"):
            assert any(word in complaint for complaint in seen.complaints), word
        assert seen.page.evaluate("document.documentElement.scrollWidth") > WIDTHS["desk"]
