"""`asllr dataset` from the command line: recordings and simulated leads in, folders out."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("pyarrow")

from asllr import main
from schemas.events import EventBase, LeadUpserted
from scoring.prompt.rendering import first_rendering
from streams.recording.event_file import history, write_recording
from training.dataset.folder import EXAMPLES, read_examples
from training.dataset.manifest import Split
from training.simulator.emit import simulate_events
from training.simulator.world import World

AUTO = first_rendering()

pytestmark = [pytest.mark.train, pytest.mark.slow]


def asllr(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "leads.jsonl.gz"
    events = simulate_events(11, 250, world=World(base_logit=-2.5))
    write_recording(path, map(history, events))
    return path


def test_a_recording_becomes_a_dataset_and_the_same_one_again(
    recording: Path, tmp_path: Path
) -> None:
    built = asllr("dataset", recording, "--out", tmp_path / "d", "--seed", "3")
    assert built.exit_code == 0, built.output
    examples, manifest = read_examples(tmp_path / "d", AUTO)
    assert f"{len(examples)} rows written" in built.stdout
    assert "rows: " in built.stderr
    again = asllr("dataset", "build", recording, "--out", tmp_path / "e", "--seed", "3", "--json")
    assert json.loads(again.stdout)["sha256"] == manifest.sha256


def test_simulated_leads_become_a_dataset(tmp_path: Path) -> None:
    words = ("--simulate", "1500", "--seed", "7", "--processes", "1", "--negative-rate", "0.2")
    built = asllr("dataset", *words, "--out", tmp_path / "d", "--json")
    assert built.exit_code == 0, built.output
    examples, manifest = read_examples(tmp_path / "d", AUTO)
    assert json.loads(built.stdout) == manifest.model_dump(mode="json")
    assert examples.has_truth
    assert set(examples.of(Split.FIT).weight) == {1.0, 5.0}
    checked = asllr("dataset", "check", tmp_path / "d", "--json")
    assert checked.exit_code == 0
    assert json.loads(checked.stdout)["findings"] == []


def test_the_same_people_say_it_in_other_words(tmp_path: Path) -> None:
    words = ("--simulate", "1500", "--seed", "7", "--processes", "1", "--negative-rate", "0.2")
    usual = asllr("dataset", *words, "--out", tmp_path / "usual")
    other = asllr("dataset", *words, "--phrases", "held-out", "--out", tmp_path / "other")
    assert usual.exit_code == other.exit_code == 0, other.output
    theirs, said = read_examples(tmp_path / "usual", AUTO)
    ours, said_otherwise = read_examples(tmp_path / "other", AUTO)
    assert said_otherwise.sources == said.sources
    assert said_otherwise.name == f"{said.name}-held-out"
    assert ours.lead == theirs.lead
    for column in ("as_of_ms", "split", "features", "label", "true_probability", "codes"):
        np.testing.assert_array_equal(getattr(ours, column), getattr(theirs, column))
    assert not set(ours.state) & set(theirs.state)


def test_a_recording_is_said_as_it_was(recording: Path, tmp_path: Path) -> None:
    refused = asllr("dataset", recording, "--phrases", "held-out", "--out", tmp_path / "d")
    assert refused.exit_code == 2
    assert "--phrases held-out without --simulate" in refused.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--as-of", "weekly"), "as-of policy 'weekly'"),
        (("--shares", "50,50"), "not four percentages"),
        (("--shares", "80,20,10,10"), "not four positive shares"),
        (("--shares", "nan,11,11,14"), "not four positive shares"),
        (("--horizon-days", "4000"), "longer than the log"),
        (("--embargo-days", "200"), "leaves nothing to fit"),
        (("--complete-until", "2020-01-01"), "give a later time"),
        (("--complete-until", "2999-01-01"), "which is in the future"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_no_folder(
    recording: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    refused = asllr("dataset", recording, "--out", tmp_path / "d", *words)
    assert refused.exit_code == 78
    assert says in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--embargo-days", "nan", "nan is not a finite number; expected 0<=x<=36500"),
        ("--embargo-days", "inf", "inf is not in the range 0<=x<=36500"),
        ("--embargo-days", "1e305", "1e+305 is not in the range 0<=x<=36500"),
        ("--silent-days", "nan", "nan is not a finite number; expected x>=0"),
        ("--silent-days", "inf", "inf is not a finite number; expected x>=0"),
        ("--negative-rate", "nan", "nan is not a finite number; expected 0<x<=1"),
    ],
)
def test_a_number_that_is_none_is_wrong_usage(
    recording: Path, tmp_path: Path, option: str, value: str, says: str
) -> None:
    refused = asllr("dataset", recording, "--out", tmp_path / "d", option, value)
    assert refused.exit_code == 2
    assert f"Invalid value for '{option}': {says}" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_ended_gives_rows_up_to_its_end(recording: Path, tmp_path: Path) -> None:
    words = ("--as-of", "20m-after-first", "--embargo-days", "0")
    built = asllr("dataset", recording, "--out", tmp_path / "d", *words)
    assert built.exit_code == 0, built.output
    until = ("--complete-until", "2026-11-01T00:00:00Z")
    built = asllr("dataset", recording, "--out", tmp_path / "e", *words, *until)
    assert built.exit_code == 0, built.output
    decided = asllr(
        "dataset", recording, "--out", tmp_path / "f", *words, "--label-known", "decided"
    )
    assert decided.exit_code == 0, decided.output
    open_end, complete, ended = (len(read_examples(tmp_path / name, AUTO)[0]) for name in "def")
    assert ended < open_end <= complete == 250


def test_leads_that_share_a_field_are_in_one_split(recording: Path, tmp_path: Path) -> None:
    words = ("--cluster", "age_band", "--split-by", "cluster", "--shares", "25,25,25,25")
    built = asllr("dataset", recording, "--out", tmp_path / "d", *words, "--seed", "2")
    assert built.exit_code == 0, built.output
    examples, manifest = read_examples(tmp_path / "d", AUTO)
    homes = set(zip(examples.cluster.tolist(), examples.split.tolist(), strict=True))
    assert len(homes) == len(set(examples.cluster.tolist())) < len(examples)
    assert (manifest.split_by, manifest.cluster_by) == ("cluster", "age_band")


def test_a_broken_recording_is_named_with_its_line(recording: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{}\n")
    refused = asllr("dataset", broken, "--out", tmp_path / "d")
    assert refused.exit_code == 78
    assert f"{broken}:1" in refused.stderr


def test_what_is_there_is_not_written_over(recording: Path, tmp_path: Path) -> None:
    refused = asllr("dataset", recording, "--out", tmp_path)
    assert refused.exit_code == 78
    assert "exists" in refused.stderr


def test_something_must_be_read_and_only_one_thing(recording: Path, tmp_path: Path) -> None:
    for words in ((), (recording, "--simulate", "5")):
        assert asllr("dataset", "build", *words, "--out", tmp_path / "d").exit_code == 2


def test_a_domain_without_a_simulated_world_is_refused_with_those_that_have_one(
    tmp_path: Path,
) -> None:
    words = ("--simulate", "5", "--domain", "insurance", "--out", tmp_path / "d")
    refused = asllr("dataset", *words)
    assert refused.exit_code == 78
    assert "no leads of domain insurance can be simulated" in refused.stderr
    assert "auto, software" in refused.stderr


def test_a_full_disk_is_one_sentence_and_no_folder(recording: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        refused = asllr("dataset", recording, "--out", tmp_path / "d")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.exit_code == 78
    assert "File too large" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def _with_deal(event: EventBase, *, won: bool) -> EventBase:
    if not isinstance(event, LeadUpserted):
        return event
    deal = {"deal": "won" if won else "open"}
    return event.model_copy(update={"profile": {**event.profile, **deal}})


def test_check_says_no_to_a_column_that_knows_the_outcome(tmp_path: Path) -> None:
    """An export that reports today's status at the time of the first contact."""
    events = simulate_events(11, 250, world=World(base_logit=-2.5))
    ordered = {e.lead for e in events if getattr(e, "stage", None) == "order"}
    told = [_with_deal(event, won=event.lead in ordered) for event in events]
    write_recording(tmp_path / "told.jsonl", map(history, told))
    built = asllr(
        "dataset",
        tmp_path / "told.jsonl",
        "--out",
        tmp_path / "d",
        "--as-of",
        "24h-after-first",
        "--horizon-days",
        "90",
        "--embargo-days",
        "0",
    )
    assert built.exit_code == 0, built.output
    assert "LEAK profile.deal" in built.stdout
    checked = asllr("dataset", "check", tmp_path / "d")
    assert checked.exit_code == 1
    assert "LEAK profile.deal" in checked.stdout


def test_a_damaged_folder_is_one_sentence(recording: Path, tmp_path: Path) -> None:
    asllr("dataset", recording, "--out", tmp_path / "d")
    (tmp_path / "d" / EXAMPLES).write_bytes(b"PAR1")
    refused = asllr("dataset", "check", tmp_path / "d")
    assert refused.exit_code == 78
    assert EXAMPLES in refused.stderr
