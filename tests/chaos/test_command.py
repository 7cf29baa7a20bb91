"""What a cut run says to type is the rest of the same run."""

from __future__ import annotations

import shlex

from tests.chaos.__main__ import command, parse


def test_the_rest_of_a_run_keeps_all_that_was_asked() -> None:
    words = ["--faults", "400", "--seed", "3", "--only", "ingest SIG", "--stock", "--json"]
    asked = parse([*words, "--report", "/tmp/a b"])
    told = shlex.split(command(asked, 20, 7))[-1]
    again = parse(shlex.split(told.removeprefix("ARGS=")))
    assert (again.faults, again.start_round) == (20, 7)
    for name in ("seed", "only", "stock", "json", "report", "sweep_every"):
        assert getattr(again, name) == getattr(asked, name), name


def test_a_run_cut_while_it_came_to_rest_goes_on_with_one_fault() -> None:
    assert "--faults 1 " in command(parse(["--faults", "5"]), 0, 3)
