"""Why a lead has its score, from the command line."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asllr import main
from schemas.events import LeadUpserted
from scoring.artifact import demo_artifact_path
from streams.recording.event_file import history, write_recording
from tests.support.engines.stub_artifact import build_stub_artifact
from tests.support.leads.lead_events import A, clicks, erased, joins, talks, writes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("artifacts")
    build_stub_artifact(folder / "demo")
    return {"ASLLR_ARTIFACTS": str(folder)}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "leads.jsonl"
    said = [joins(0), talks(5), clicks(7), writes(9), joins(1, lead="gone"), erased(2, lead="gone")]
    write_recording(path, map(history, said))
    return path


def asllr(environ: dict[str, str], *words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], env=environ)


def test_ledger_on_the_screen_adds_up(environ: dict[str, str], recording: Path) -> None:
    result = asllr(environ, "explain", A, "--source", recording, "--top", "2")
    assert result.exit_code == 0, result.output
    said, _, came_about = result.stdout.partition("How it came about\n")
    *changes, end = [line for line in came_about.splitlines() if "--json lists" not in line]
    assert said.startswith(f"{A}  ")
    differences = [line.split()[1] for line in changes]
    total = sum(round(float(number) * 100) for number in differences)
    assert end.split()[-1] == said.split()[1] == f"{total / 100:.2f}%"
    assert "I will take it" not in result.stdout


def test_ledger_for_machines_adds_up(environ: dict[str, str], recording: Path) -> None:
    result = asllr(environ, "explain", A, "--source", recording, "--json")
    said = json.loads(result.stdout)
    total = sum(entry["difference_ppm"] for entry in said["ledger"])
    assert total == round(said["probability"] * 1_000_000)
    assert {event["id"] for event in said["events"]} == {"e0", "e5", "e7", "e9"}
    assert {one["section"] for one in said["sections"]} >= {"profile", "calls"}


def test_what_the_score_is_owed_to_is_the_same_for_people_and_machines(
    environ: dict[str, str], recording: Path
) -> None:
    asked = ("explain", A, "--source", recording, "--artifact", demo_artifact_path())
    told = json.loads(asllr(environ, *asked, "--json").stdout)
    shown = asllr(environ, *asked).stdout
    reason = told["faithful_reason"]
    assert reason["kind"] == "faithful"
    assert f"  this score is owed to: {reason['text']}\n" in shown
    said = re.findall(r"(.+?) ([+-][0-9.]+) points(?:, |$)", reason["text"])
    assert [words for words, _ in said] == [one["words"] for one in reason["moved_by"]]
    for (_, points), one in zip(said, reason["moved_by"], strict=True):
        decimals = len(points.partition(".")[2])
        assert points == f"{one['effect'] * 100:+.{decimals}f}"


def test_state_of_the_past_shows_the_prompt_of_then(
    environ: dict[str, str], recording: Path
) -> None:
    then = ("--source", recording, "--as-of", "2025-06-02T09:06:00Z", "--json")
    said = json.loads(asllr(environ, "state", A, *then).stdout)
    assert "I will take it" in said["prompt"]
    assert said["score"]["cause"]["id"] == "e5"
    assert said["published"] is None
    assert sum(said["score"]["cursor"].values()) == 1
    now = json.loads(asllr(environ, "state", A, "--source", recording, "--json").stdout)
    assert now["score"]["cause"]["id"] == "e9"
    assert "The state" in asllr(environ, "state", A, "--source", recording).stdout


def test_fields_that_a_state_leaves_out_are_named(environ: dict[str, str], tmp_path: Path) -> None:
    envelope = {"source": "crm", "tenant": "acme", "lead": "wide"}
    wide = [
        LeadUpserted(
            id=str(half),
            occurred_at=datetime(2026, 3, 1 + half, tzinfo=UTC),
            profile={f"Spalte {half}-{n:03}": 1.0 for n in range(260)},
            **envelope,
        )
        for half in range(2)
    ]
    write_recording(tmp_path / "wide.jsonl", map(history, wide))
    words = ("state", "acme/wide", "--source", tmp_path / "wide.jsonl")
    left_out = [f"Spalte 0-{n:03}" for n in range(7, -1, -1)]
    assert json.loads(asllr(environ, *words, "--json").stdout)["left_out"] == left_out
    said = asllr(environ, *words).stdout
    assert f"8 fields beyond the newest 512, no longer known: {', '.join(left_out)};" in said


def test_a_time_before_the_first_event_names_that_event(
    environ: dict[str, str], recording: Path
) -> None:
    for command in ("state", "explain"):
        result = asllr(environ, command, A, "--source", recording, "--as-of", "2025-06-02")
        assert result.exit_code == 1
        assert "its first event came in at 2025-06-02T09:00:00" in result.stderr


def test_an_unknown_lead_and_a_forgotten_one_are_told_apart(
    environ: dict[str, str], recording: Path
) -> None:
    unknown = asllr(environ, "explain", "acme/nobody", "--source", recording)
    assert (unknown.exit_code, "no event of acme/nobody" in unknown.stderr) == (1, True)
    for command in ("state", "explain"):
        for moment in ([], ["--as-of", "2025-06-02T09:01:00Z"]):  # nobody had asked yet
            gone = asllr(environ, command, "acme/gone", "--source", recording, *moment)
            assert (gone.exit_code, "asked to be forgotten" in gone.stderr) == (1, True)
            assert gone.stdout == ""


def test_a_source_that_is_none_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    result = asllr(environ, "explain", A, "--source", tmp_path / "nowhere")
    assert result.exit_code == 78
    assert "nowhere is not a recording" in result.stderr


def test_a_language_without_phrases_is_told_to_people_and_machines(
    environ: dict[str, str], tmp_path: Path
) -> None:
    french = talks(5, text="Le prix est trop haut").model_copy(update={"language": "fr"})
    write_recording(tmp_path / "french.jsonl", map(history, [joins(0), french]))
    words = ("explain", A, "--source", tmp_path / "french.jsonl")
    told = json.loads(asllr(environ, *words, "--json").stdout)["unknown_languages"]
    assert (told["calls"], told["by_language"]) == (1, {"fr": 1})
    assert told["sentence"].startswith("1 of 1 calls is in fr, of which domain auto has no phrases")
    assert "the model reads all of it" in told["sentence"]
    assert f"  {told['sentence']}\n" in asllr(environ, *words).stdout


def test_of_known_languages_nothing_is_told(environ: dict[str, str], recording: Path) -> None:
    said = asllr(environ, "explain", A, "--source", recording, "--json").stdout
    assert json.loads(said)["unknown_languages"] is None
    assert "has no phrases" not in asllr(environ, "explain", A, "--source", recording).stdout
