"""A short chaos run, and proof that such a run can fail: with a fence switched off it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS, draw_round, faults_of
from tests.support.brokers import require_kafka
from tests.support.mutants import ROOT, Mutant, plant, run_there

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

COMMIT, COMPLETE = "streams/store/lua/commit.lua", "streams/store/lua/complete.lua"
STATES = ("is not the fold of", "not in the store", "cursor", "version")
"""What the oracle says when events are missing from a state."""

FENCES = (
    (
        Mutant("the frontier fence", COMMIT, "if frontier ~= prev then", "if false then"),
        ("--only", "redis restored", "--faults", "4"),
        STATES,
    ),
    (
        Mutant("the version fence", COMMIT, "(stored[1] or '') ~= write.expected_cursor or ", ""),
        ("--only", "dawdles", "--faults", "6"),
        STATES,
    ),
    (
        Mutant(
            "the order fence",
            COMPLETE,
            "elseif last and not is_greater(scored, last) then",
            "elseif false then",
        ),
        ("--only", "score zombie", "--faults", "8"),
        ("last score published", "published after"),
    ),
)


def test_faults_of_many_kinds_leave_no_difference(tmp_path: Path) -> None:
    require_kafka()
    command = ("-m", "tests.chaos", "--faults", str(len(FAULTS)), "--seed", "5", "--json")
    done = run_there(ROOT, *command, "--report", str(tmp_path))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["faults_by_kind"].keys() == {fault.kind for fault in FAULTS}
    assert found["differences"] == 0
    assert found["recovery_s"]["p50"] > 0
    assert (tmp_path / "chaos.html").exists()


@pytest.mark.parametrize(
    ("fence", "arguments", "expected"), FENCES, ids=lambda value: str(value)[:30]
)
def test_without_a_fence_the_oracle_finds_differences(
    fence: Mutant, arguments: tuple[str, ...], expected: tuple[str, ...], tmp_path: Path
) -> None:
    require_kafka()
    folder = tmp_path / "project"
    folder.mkdir()
    command = ("-m", "tests.chaos", *arguments, "--seed", "1", "--json", "--report", str(tmp_path))
    done = run_there(plant([fence], folder), *command)
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["oracle_differences"] > 0, found
    # The oracle's come first.
    said = found["first_differences"][: found["oracle_differences"]]
    assert any(text in sentence for sentence in said for text in expected), said


def test_a_seed_draws_the_same_faults_again() -> None:
    kinds = faults_of("", clock_can_jump=True)
    drawn = [draw_round(3, number, kinds) for number in range(400)]
    assert drawn == [draw_round(3, number, kinds) for number in range(400)]


def test_a_run_begins_with_one_fault_of_each_kind() -> None:
    kinds = faults_of("", clock_can_jump=True)
    struck: list[str] = []
    for number in range(len(kinds)):
        if len(struck) < len(kinds):
            struck += [fault.kind for fault in draw_round(5, number, kinds)]
    assert sorted(struck) == sorted(fault.kind for fault in FAULTS)
