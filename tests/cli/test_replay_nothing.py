"""What the commands about the past say of a Kafka that cannot tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.domain.reading import pack
from scoring.engines.rule import rule_of
from streams import exit_codes
from streams.recording.event_file import history, write_recording
from tests.support.brokers import N_PARTITIONS
from tests.support.commands import run
from tests.support.engines.table_artifacts import build_rule_artifact
from tests.support.harness import Journal
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import clicks, joins

pytestmark = [pytest.mark.service, pytest.mark.slow]


def test_a_gate_does_not_pass_because_nothing_was_published(embedded: str) -> None:
    journal = Journal(embedded)
    journal.send(events(3, 20))
    journal.flush()
    words = ("replay", "verify", "kafka")
    environ = {"ASLLR_BROKER": embedded, "ASLLR_PARTITIONS": str(N_PARTITIONS)}
    found = run(environ, *words)
    assert found.exit_code == exit_codes.NO, found.output
    assert "0 scores, 0 repeated, 0 erased, 0 beyond, 20 events, 0 differences" in found.stdout
    assert "kafka has no published score to recompute" in found.stderr


def test_fewer_partitions_than_the_setting_says_are_not_called_grown(
    embedded: str, tmp_path: Path
) -> None:
    environ = {"ASLLR_BROKER": embedded, "ASLLR_PARTITIONS": str(2 * N_PARTITIONS)}
    found = run(environ, "record", "--out", tmp_path / "day")
    assert found.exit_code == exit_codes.UNUSABLE, found.output
    assert f"set ASLLR_PARTITIONS={N_PARTITIONS}, or name the Kafka" in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_range_that_ends_before_it_begins_is_named(tmp_path: Path) -> None:
    words = ("--from", "2026-03-03T00:00Z", "--to", "2026-03-01T00:00Z")
    found = run({}, "record", *words, "--out", tmp_path / "day")
    assert found.exit_code == exit_codes.USAGE
    assert "--from 2026-03-03T00:00:00+00:00 is not before --to 2026-03-01" in found.stderr


def test_what_a_replay_wrote_is_no_recording_and_no_score_is_explained(tmp_path: Path) -> None:
    leads = tmp_path / "leads.jsonl"
    write_recording(leads, map(history, [joins(0), clicks(1)]))
    build_rule_artifact(tmp_path / "artifacts" / "rule", rule_of(pack("auto")))
    environ = {"ASLLR_ARTIFACTS": str(tmp_path / "artifacts")}
    out = tmp_path / "out"
    words = ("replay", "run", leads, "--artifact", "rule", "--policy", "every-365d", "--out", out)
    done = run(environ, *words)
    assert done.exit_code == 0, done.output
    recorded = ("replay", leads, "--policy", "recorded", "--artifact", "rule")
    none = run(environ, *recorded)
    assert (none.exit_code, "has no leads.scores" in none.stderr) == (exit_codes.UNUSABLE, True)
    assert "no score: under every-365d no listed lead had a moment to be scored at" in done.stdout
    found = run(environ, "replay", "run", out, "--artifact", "rule")
    assert found.exit_code == exit_codes.UNUSABLE, found.output
    assert "name a folder that `asllr record` made, not what a replay wrote" in found.stderr
