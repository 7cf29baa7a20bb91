"""Tries made-up exports in which it is known who will buy: how many of the buyers that the planted
truth would reach does the learned model reach, and how often does it claim an effect where none is?
And how long many leads without calls take, and how much memory a large file.

    python -m tests.bench.tries [--quick] [--json] [--leads N] [--seeds 1 2 3]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from click.testing import CliRunner

from asllr import main as asllr
from tests.bench.large_tries import large_file, without_calls
from tests.support.leads.planted import planted_leads, truth_reached, write_exports

LEADS_A_DAY_CALLED = 0.5
"""Calls a day, of the leads that come in a day: with as many as come in, any order reaches all."""


WITHOUT_CALLS, QUICK_WITHOUT_CALLS = 50_000, 1_500
LARGE_BYTES, QUICK_BYTES = 500_000_000, 20_000_000


@dataclass(frozen=True, slots=True)
class TriedSeed:
    """One run. Reached: buyers, by the learned model, the planted truth and calling the newest
    first."""

    seed: int
    has_effect: bool
    buyers: int
    own: int
    truth: int
    newest: int
    verdict: str
    cpu_s: float
    wall_s: float

    @property
    def line(self) -> str:
        what = "planted" if self.has_effect else "nothing planted"
        return (
            f"seed {self.seed}, {what}: own {self.own}, truth {self.truth}, newest {self.newest} "
            f"of {self.buyers} buyers, {self.verdict}; {self.cpu_s:.0f} s of CPU, "
            f"{self.wall_s:.0f} s"
        )


def tried(seed: int, n_leads: int, *, has_effect: bool) -> TriedSeed:
    capacity = max(1, round(LEADS_A_DAY_CALLED * n_leads / 300))
    leads = planted_leads(seed, n_leads, has_effect=has_effect)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_exports(Path(folder), leads)
        words = [str(word) for kind, path in paths.items() for word in (f"--{kind}", path)]
        began = time.monotonic(), time.process_time()
        run = CliRunner().invoke(asllr, ["try", *words, "--capacity", str(capacity), "--json"])
        wall_s, cpu_s = time.monotonic() - began[0], time.process_time() - began[1]
        if run.exit_code:
            raise SystemExit(run.output)
        judged = json.loads(run.stdout)["backtest"]
        if judged is None:
            raise SystemExit(f"{n_leads} leads of seed {seed} are too few to judge; give more")
        reached = {name: round(m["reached"]["value"]) for name, m in judged["models"].items()}
        truth = truth_reached(paths, leads, capacity, judged["first_day"])
    return TriedSeed(
        seed=seed,
        has_effect=has_effect,
        buyers=judged["buyers"],
        own=reached.get("your model", reached["the rule"]),  # the rule where too few ordered
        truth=truth,
        newest=reached["calling the newest first"],
        verdict=judged["paired"]["judgement"]["verdict"],
        cpu_s=round(cpu_s, 1),
        wall_s=round(wall_s, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.tries", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="600 leads, one seed; 1,500 without calls."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, last line.")
    parser.add_argument("--leads", type=int, default=3_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4])
    options = parser.parse_args()
    n_leads = 600 if options.quick else options.leads
    seeds = options.seeds[:1] if options.quick else options.seeds

    def runs() -> Iterator[TriedSeed]:
        for has_effect in (True, False):
            for seed in seeds:
                run = tried(seed, n_leads, has_effect=has_effect)
                sys.stderr.write(f"{run.line}\n")
                yield run

    done = list(runs())
    many = without_calls(QUICK_WITHOUT_CALLS if options.quick else WITHOUT_CALLS)
    sys.stderr.write(f"{many.line}\n")
    large = large_file(QUICK_BYTES if options.quick else LARGE_BYTES)
    sys.stderr.write(f"{large.line}, by the rule\n")
    planted = [run for run in done if run.has_effect]
    nothing = [run for run in done if not run.has_effect]
    result = {
        "leads": n_leads,
        "share_of_the_truth": sum(r.own for r in planted) / max(1, sum(r.truth for r in planted)),
        "claimed_without_effect": sum(r.verdict != "cannot tell" for r in nothing),
        "cpu_s": max(run.cpu_s for run in done),
        "wall_s": max(run.wall_s for run in done),
        "without_calls": asdict(many),
        "large": asdict(large),
        "runs": [asdict(run) for run in done],
    }
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    sys.stdout.write(
        f"{n_leads:,} leads: {result['share_of_the_truth']:.0%} of the buyers that the planted "
        f"truth reaches; an effect claimed in {result['claimed_without_effect']} of {len(nothing)} "
        f"where none is; {result['cpu_s']:.0f} s of CPU at most\n{many.line}\n{large.line}, by the "
        "rule\n"
    )


if __name__ == "__main__":
    main()
