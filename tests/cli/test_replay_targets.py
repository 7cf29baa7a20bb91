"""What `asllr replay` says about where its output and states may go, before it does any work."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.codec import topic_of
from schemas.events import EventBase
from schemas.topics import TOPICS
from streams.recording.event_file import RecordedEvent, write_recording
from tests.support.commands import asllr, run
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.leads.event_stream import events

pytestmark = pytest.mark.slow

NOWHERE = {"ASLLR_BROKER": "127.0.0.1:1", "ASLLR_PATIENCE_S": "0"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replays")
    build_rule_artifact(folder / "artifacts" / "demo")
    write_recording(folder / "leads.jsonl", map(later, events(4, 60, n_leads=6)))
    return folder


def later(event: EventBase) -> RecordedEvent:
    """An hour after it occurred."""
    return RecordedEvent(topic_of(event), event.occurred_at + timedelta(hours=1), event)


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    return {"ASLLR_ARTIFACTS": str(folder / "artifacts"), **NOWHERE}


def test_parquet_and_lines_are_one_replay(
    environ: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow", reason="needs the train extra")
    manifests = []
    for file_format in ("jsonl", "parquet"):
        words = ("replay", folder / "leads.jsonl", "--format", file_format, "--json")
        manifests.append(json.loads(asllr(environ, *words, "--out", tmp_path / file_format)))
        (scores,) = (tmp_path / file_format).glob("scores.*")
        assert scores.suffix == f".{file_format}"
    assert manifests[0] == manifests[1]
    words = ("replay", "diff", tmp_path / "jsonl", tmp_path / "parquet", "--json")
    found = json.loads(asllr(environ, *words))
    assert found["scores_common"] == manifests[0]["n_scores"] > 0
    assert found["scores_differing"] == 0


def test_parquet_without_arrow_is_one_sentence_with_its_fix(
    environ: dict[str, str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    words = ("replay", folder / "leads.jsonl", "--format", "parquet", "--out", tmp_path / "out")
    refused = run(environ, *words)
    assert refused.exit_code == 78
    assert "pyarrow, which writes Parquet, is not installed: pip install 'asllr[train]'" in (
        refused.stderr
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("topic", [topic.name for topic in TOPICS])
def test_topics_of_production_are_refused_without_asking_kafka(
    environ: dict[str, str], folder: Path, topic: str
) -> None:
    refused = run(environ, "replay", folder / "leads.jsonl", "--shadow-topic", topic)
    assert refused.exit_code == 2
    assert f"{topic} belongs to production, where a replay never writes" in refused.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--format", "parquet"), "--format is of the files that --out writes"),
        (("--redis", "redis://localhost"), "--redis and --namespace go together"),
        (("--namespace", "monday"), "--redis and --namespace go together"),
        (("--redis", "http://:secret@host", "--namespace", "a"), "--redis is not a Redis URL"),
        (("--redis", "redis://localhost", "--namespace", "a/b"), "namespace 'a/b': expected 1 to"),
    ],
)
def test_targets_that_are_none_are_named(
    environ: dict[str, str], folder: Path, words: tuple[str, ...], says: str
) -> None:
    refused = run(environ, "replay", folder / "leads.jsonl", *words)
    assert (refused.exit_code, says in refused.stderr) == (2, True)
    assert "secret" not in refused.stderr


def test_a_redis_that_is_away_is_one_sentence(environ: dict[str, str], folder: Path) -> None:
    words = ("--redis", "redis://127.0.0.1:1", "--namespace", "a")
    refused = run(environ, "replay", folder / "leads.jsonl", *words)
    assert (refused.exit_code, "Redis is away" in refused.stderr) == (75, True)


def test_a_file_s_first_event_is_named_and_no_temporary_folder(
    environ: dict[str, str], folder: Path
) -> None:
    refused = run(environ, "replay", folder / "leads.jsonl", "--as-of", "2025-01-01")
    assert refused.exit_code == 78
    assert f"the first record of {folder / 'leads.jsonl'} is of 2025-06-02" in refused.stderr
    assert "on crm.events/" in refused.stderr or "on asr.transcripts/" in refused.stderr
    assert "asllr-replay-" not in refused.stderr
