"""What the commands about the past say of a Kafka that cannot tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams import exit_codes
from tests.brokers import N_PARTITIONS
from tests.commands import run
from tests.event_stream import events
from tests.harness import Journal

pytestmark = [pytest.mark.service, pytest.mark.slow]


def test_a_gate_does_not_pass_because_nothing_was_published(embedded: str) -> None:
    journal = Journal(embedded)
    journal.send(events(3, 20))
    journal.flush()
    words = ("replay", "verify", "kafka")
    environ = {"ASLLR_BROKER": embedded, "ASLLR_PARTITIONS": str(N_PARTITIONS)}
    found = run(environ, *words)
    assert found.exit_code == exit_codes.NO, found.output
    assert "0 scores, 0 repeated, 0 erased, 20 events, 0 differences" in found.stdout
    assert "kafka has no published score to recompute" in found.stderr


def test_fewer_partitions_than_the_setting_says_are_not_called_grown(
    embedded: str, tmp_path: Path
) -> None:
    environ = {"ASLLR_BROKER": embedded, "ASLLR_PARTITIONS": str(2 * N_PARTITIONS)}
    found = run(environ, "record", "--out", tmp_path / "day")
    assert found.exit_code == exit_codes.UNUSABLE, found.output
    assert f"set ASLLR_PARTITIONS={N_PARTITIONS}, or name the Kafka" in found.stderr
    assert list(tmp_path.iterdir()) == []
