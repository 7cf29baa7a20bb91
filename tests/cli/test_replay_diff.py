"""Two replays side by side, from the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from asllr import main
from schemas.codec import topic_of
from schemas.events import EventBase, LeadErased
from scoring.artifact import load_manifest, save_manifest
from scoring.calibration import Calibration, probability
from streams.recording.event_file import RecordedEvent, write_recording
from streams.replay.result import open_output
from tests.support.engines.stub_artifact import build_stub_artifact
from tests.support.html_reader import read
from tests.support.leads.event_stream import events

pytestmark = pytest.mark.slow

GENTLER = Calibration(a=0.1, b=-2.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a` and `same` are replays by one artifact, `b` by one that is calibrated otherwise."""
    folder = tmp_path_factory.mktemp("replays")
    build_stub_artifact(folder / "artifacts" / "demo")
    other = build_stub_artifact(folder / "artifacts" / "gentler")
    manifest = load_manifest(other).model_copy(update={"calibration": GENTLER, "files": {}})
    save_manifest(other, manifest, ["tokenizer.json", "model.onnx"])
    write_recording(folder / "leads.jsonl", map(later, events(4, 60, n_leads=6)))
    for out, artifact in (("a", "demo"), ("same", "demo"), ("b", "gentler")):
        words = ("replay", folder / "leads.jsonl", "--artifact", artifact, "--out", folder / out)
        result = asllr(folder, *words)
        assert result.exit_code == 0, result.output
    return folder


def later(event: EventBase) -> RecordedEvent:
    """An hour after it occurred."""
    return RecordedEvent(topic_of(event), event.occurred_at + timedelta(hours=1), event)


def asllr(folder: Path, *words: str | Path) -> Result:
    environ = {"ASLLR_ARTIFACTS": str(folder / "artifacts")}
    return CliRunner().invoke(main, [str(word) for word in words], env=environ)


def test_a_replay_does_not_differ_from_its_repeat(folder: Path) -> None:
    found = json.loads(
        asllr(folder, "replay", "diff", folder / "a", folder / "same", "--json").stdout
    )
    assert found["scores_common"] == found["scores_a"] == found["scores_b"] > 0
    assert (found["scores_differing"], found["max_dp"], found["movers"]) == (0, 0.0, [])
    for queue in found["queues"].values():
        assert queue["kendall_tau"] in (1.0, None)
        assert queue["jaccard"] == 1.0


def test_another_model_is_the_reason_and_its_largest_difference_is_found(folder: Path) -> None:
    found = json.loads(asllr(folder, "replay", "diff", folder / "a", folder / "b", "--json").stdout)
    scores = list(open_output(folder / "a").scores())
    dps = [abs(probability(one.logit, GENTLER) - one.probability) for one in scores]
    assert found["max_dp"] == max(dps)
    assert found["scores_differing"] == sum(dp > 0 for dp in dps)
    # A monotone calibration keeps the order; ties apart, nobody moves.
    assert all(queue["kendall_tau"] in (1.0, None) for queue in found["queues"].values())


def test_another_policy_says_who_moves_and_why(folder: Path) -> None:
    words = ("replay", folder / "leads.jsonl", "--policy", "every-5m", "--out", folder / "ticks")
    assert asllr(folder, *words, "--as-of", "2025-06-02T10:03:00Z").exit_code == 0
    result = asllr(folder, "replay", "diff", folder / "a", folder / "ticks", "--show", "3")
    assert result.exit_code == 0, result.output
    assert "mind: leads were scored by two policies, every-event of" in result.stderr
    assert "mind: the replays end at two moments" in result.stderr
    assert "recordings" not in result.stderr
    assert "because: " in result.stdout
    assert " -> " in result.stdout


def test_a_page_names_the_events_that_moved_somebody(folder: Path, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    words = ("replay", folder / "leads.jsonl", "--policy", "every-5m", "--out", ticks)
    assert asllr(folder, *words, "--as-of", "2025-06-02T10:03:00Z").exit_code == 0
    page = tmp_path / "diff.html"
    words = ("replay", "diff", folder / "a", ticks, "--report", page)
    result = asllr(folder, *words, "--source", folder / "leads.jsonl")
    assert result.exit_code == 0, result.output
    seen = read(page.read_text(encoding="utf-8"))
    for said in ("The replays", "Change of rank", "Who moves farthest", "less what it would say"):
        assert said in seen.text, said
    assert not {"script", "img", "link"} & set(seen.tags)
    assert "<pre>" not in page.read_text(encoding="utf-8")

    page.unlink()
    assert asllr(folder, "replay", "diff", folder / "a", ticks, "--report", page).exit_code == 0
    assert "name it with --source" in read(page.read_text(encoding="utf-8")).text


def test_the_page_tells_no_event_of_who_asked_later_to_be_forgotten(
    folder: Path, tmp_path: Path
) -> None:
    ticks = tmp_path / "ticks"
    words = ("replay", folder / "leads.jsonl", "--policy", "every-5m", "--out", ticks)
    assert asllr(folder, *words, "--as-of", "2025-06-02T10:03:00Z").exit_code == 0
    said = [*events(4, 60, n_leads=6)]
    at = max(one.occurred_at for one in said)
    gone = [
        LeadErased(id=f"gone-{lead}", source="t", tenant=tenant, lead=lead, occurred_at=at)
        for tenant, lead in sorted({(one.tenant, one.lead) for one in said})
    ]
    source = tmp_path / "since.jsonl"
    write_recording(source, map(later, [*said, *gone]))
    page = tmp_path / "diff.html"
    words = ("replay", "diff", folder / "a", ticks, "--report", page)
    result = asllr(folder, *words, "--source", source, "--transcripts")
    assert result.exit_code == 0, result.output
    assert "customer: " not in page.read_text()
    assert "less what it would say without each" not in page.read_text()


def test_a_recording_that_the_replays_are_not_of_is_refused(folder: Path, tmp_path: Path) -> None:
    other, ticks = tmp_path / "other.jsonl", tmp_path / "ticks"
    write_recording(other, map(later, list(events(4, 60, n_leads=6))[::2]))
    words = ("replay", folder / "leads.jsonl", "--policy", "every-5m", "--out", ticks)
    assert asllr(folder, *words, "--as-of", "2025-06-02T10:03:00Z").exit_code == 0
    page = tmp_path / "diff.html"
    words = ("replay", "diff", folder / "a", ticks, "--report", page, "--source", other)
    result = asllr(folder, *words)
    assert (result.exit_code, "is not what" in result.stderr) == (78, True), result.stderr
    assert not page.exists()


def test_options_of_the_page_need_each_other(folder: Path, tmp_path: Path) -> None:
    two = ("replay", "diff", folder / "a", folder / "b")
    for words in (
        ("--source", "x"),
        ("--transcripts",),
        ("--transcripts", "--report", tmp_path / "x.html"),
    ):
        result = asllr(folder, *two, *words)
        assert (result.exit_code, "name " in result.stderr) == (2, True), result.stderr


def test_a_folder_without_a_replay_and_a_damaged_one_are_named(
    folder: Path, tmp_path: Path
) -> None:
    nothing = asllr(folder, "replay", "diff", folder / "a", tmp_path)
    assert (nothing.exit_code, "holds no replay" in nothing.stderr) == (78, True)
    (folder / "same" / "moves.jsonl").write_text("{}\n")
    damaged = asllr(folder, "replay", "diff", folder / "a", folder / "same")
    assert (damaged.exit_code, "is not a score or move" in damaged.stderr) == (78, True)
