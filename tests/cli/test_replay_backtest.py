"""Models on daily lists of the past, from the command line: figures, page, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asllr import main
from schemas.events import EventBase
from scoring.domain.reading import pack
from scoring.engines.rule import rule_of
from streams.recording.event_file import history, write_recording
from tests.support.engines.stub_artifact import build_stub_artifact
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.html_reader import read
from tests.support.leads.daily_leads import forty_days, gets_a_quote, talks

pytestmark = pytest.mark.slow

HOSTILE = "</pre><script>alert(1)</script><img src=http://evil.example/x>"
USUAL = ("--capacity", "2", "--horizon", "3d", "--embargo", "3d")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts `rule` and `other`, which reads the rule's points backwards, `stub`,
    which reads the prompt, and a log in which
    some of those who order talk and get a quote the day before."""
    folder = tmp_path_factory.mktemp("backtest")
    build_rule_artifact(folder / "artifacts" / "rule")
    rule = rule_of(pack("auto"))
    backwards = {stage: -points for stage, points in rule.stages.items()}
    other = rule.model_copy(update={"stages": backwards})
    build_rule_artifact(folder / "artifacts" / "other", other)
    build_stub_artifact(folder / "artifacts" / "stub")
    write_recording(folder / "leads.jsonl", map(history, _log()))
    return folder


def _log() -> list[EventBase]:
    events = forty_days()
    for n in range(0, 120, 6):
        events.append(gets_a_quote(f"l{n:03}", n / 3 + 1.5))
        events.append(talks(f"l{n:03}", n / 3 + 1.6, HOSTILE))
    return sorted(events, key=lambda one: one.occurred_at)


def asllr(folder: Path, *words: str | Path) -> Result:
    environ = {"ASLLR_ARTIFACTS": str(folder / "artifacts")}
    return CliRunner().invoke(main, [str(word) for word in words], env=environ)


def backtest(folder: Path, *words: str | Path, models: Sequence[str] = ("rule", "other")) -> Result:
    named = [word for model in models for word in ("--artifact", model)]
    return asllr(folder, "replay", "backtest", folder / "leads.jsonl", *named, *USUAL, *words)


def test_figures_are_paired_and_each_day_says_how_early(folder: Path) -> None:
    result = backtest(folder, "--landmark", "1d", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found["whole"]["models"]) == {"rule", "other", "by chance"}
    assert {one["ours"] for one in found["metrics"]["paired"]} == {"other"}
    for where in ("metrics", "landmark"):
        (paired,) = found[where]["paired"]
        models = found[where]["models"]
        apart = models["other"]["auc"]["value"] - models["rule"]["auc"]["value"]
        assert paired["auc"]["value"] == pytest.approx(apart)
        assert paired["auc"]["low"] <= paired["auc"]["value"] <= paired["auc"]["high"]
    rule = found["whole"]["models"]["rule"]
    days = [day["models"]["rule"] for day in found["whole"]["days"]]
    gained = sum(day["days_gained"] * day["n_reached"] for day in days if day["n_reached"])
    reached = sum(day["n_reached"] for day in days)
    assert gained / reached == pytest.approx(rule["days_gained"]["value"])


def test_the_terminal_hears_differences_of_precision_and_auc(folder: Path) -> None:
    said = backtest(folder).stdout
    assert "other less rule: precision " in said
    assert "other less rule: AUC " in said
    assert "days before the order, by 30 days" in said


def test_the_page_shows_figures_curves_changes_movers_and_cost(folder: Path) -> None:
    page = folder / "plain.html"
    result = backtest(folder, "--report", page)
    assert result.exit_code == 0, result.output
    seen = read(page.read_text(encoding="utf-8"))
    for words in (
        "Who is ahead",
        "What the calls were worth",
        "AUC",
        "Does it drift?",
        "rule, from one day to the next",
        "Where other puts those whom rule ranked",
        "stage became quote",
        "CPU seconds",
        "95% intervals",
    ):
        assert words in seen.text, words
    assert seen.tags.count("svg") == 4 + 2 + 2  # curves, over time, changes of rank
    assert "alert(1)" not in seen.text  # nobody asked for what was said
    assert list(folder.glob("*.part")) == []


def test_what_was_said_is_shown_on_request_and_stays_text(folder: Path) -> None:
    page = folder / "said.html"
    assert backtest(folder, "--report", page, "--transcripts", models=["stub"]).exit_code == 0
    seen = read(page.read_text(encoding="utf-8"))
    assert f"customer: {HOSTILE}" in seen.text
    assert not {"script", "img", "link"} & set(seen.tags)
    assert not {"src", "href"} & {name for name, _ in seen.attributes}


@pytest.mark.train
def test_trees_that_learn_again_stand_beside_the_same_trees(folder: Path) -> None:
    words = ("--from", "2026-03-27", "--retrain-every", "10d", "--embargo", "0d", "--json")
    result = backtest(folder, *words, models=["rule"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    (pair,) = found["retraining"]["paired"]
    assert (pair["ours"], pair["theirs"]) == ("trees, retrained", "trees, trained once")
    learned = list(found["orders_learned"].values())
    assert learned == sorted(learned)
    assert learned[0] >= 20


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--retrain-every", "5h"), 2, "--retrain-every is a number of whole days"),
        (("--retrain-every", "36h"), 2, "--retrain-every is a number of whole days"),
        (("--capacity", "0"), 2, "--capacity"),
        (("--horizon", "0d"), 2, "--horizon"),
        (("--horizon", "90d"), 78, "take a longer recording, a shorter --horizon"),
        (("--from", "2027-01-01"), 78, "an earlier --from"),
        (("--as-of", "2025-01-01"), 78, "nothing had happened"),
        (("--transcripts",), 2, "name one with --report FILE"),
        (("--artifact", "nobody"), 78, "nobody"),
        (("--report", "/no/such/folder/x.html"), 78, "/no/such/folder is not a folder"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(
    folder: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    result = backtest(folder, *words, models=["rule"])
    assert (result.exit_code, sentence in result.stderr) == (code, True), result.stderr


def test_a_page_that_exists_is_kept(folder: Path) -> None:
    page = folder / "mine.html"
    page.write_text("mine")
    result = backtest(folder, "--report", page, models=["rule"])
    assert (result.exit_code, "exists: name another file" in result.stderr) == (78, True)
    assert page.read_text() == "mine"


@pytest.mark.train
def test_too_few_orders_to_retrain_are_said_before_anything_is_scored(folder: Path) -> None:
    words = ("--from", "2026-03-05", "--retrain-every", "5d")
    result = backtest(folder, *words, models=["rule"])
    assert (result.exit_code, "trees need 20" in result.stderr) == (78, True), result.stderr
