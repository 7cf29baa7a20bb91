"""Tries the simulator's software vendor, written out as its CRM would: how many of the buyers that
the simulator's own probabilities would reach does the learned model reach?

    python -m tests.bench.software_tries [--leads N] [--seeds 1 2] [--json]

By two truths: the whole one also knows each customer's hidden intent and the moment from which on
they may order; the other knows what exports can hold. Who goes by the truth may call the best leads
again and again, which reaches nobody twice: each is also asked with one call a lead, and its better
figure counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from click.testing import CliRunner

from asllr import main as asllr
from scoring.backtest.daily_calls import CallTerms
from scoring.domain.reading import pack
from tests.support.leads.planted import reached_by
from tests.support.leads.software_crm import software_leads, write_software

LEADS_A_DAY_CALLED = 0.5
ONCE = 10_000
"""Days of rest after which nobody is called again."""


@dataclass(frozen=True, slots=True)
class SoftwareRun:
    """One run. Reached: buyers, by the learned model, the two truths and calling the newest
    first."""

    seed: int
    has_effect: bool
    buyers: int
    own: int
    truth: int
    knowable: int
    newest: int
    verdict: str
    baseline: str
    columns: tuple[str, ...]
    cpu_s: float
    wall_s: float


def software_run(seed: int, n_leads: int, *, has_effect: bool) -> SoftwareRun:
    capacity = max(1, round(LEADS_A_DAY_CALLED * n_leads / 300))
    leads = software_leads(seed, n_leads, has_effect=has_effect)
    named = {lead.name: lead for lead in leads}
    horizon_days = pack("generic").horizon_days
    with tempfile.TemporaryDirectory() as folder:
        paths = write_software(Path(folder), leads)
        words = [str(word) for kind, path in paths.items() for word in (f"--{kind}", path)]
        words += ["--domain", "generic", "--capacity", str(capacity), "--json"]
        began = time.monotonic(), time.process_time()
        run = CliRunner().invoke(asllr, ["try", *words])
        wall_s, cpu_s = time.monotonic() - began[0], time.process_time() - began[1]
        if run.exit_code:
            raise SystemExit(run.output)
        read = json.loads(run.stdout)
        judged, own = read["backtest"], read["own"]
        if judged is None or own is None:
            raise SystemExit(f"{n_leads} leads of seed {seed}: {read['why_rule']}{read['verdict']}")
        reached = {name: round(m["reached"]["value"]) for name, m in judged["models"].items()}

        def best(chance: Callable[[str, datetime], float]) -> int:
            all_terms = (CallTerms(capacity, horizon_days), CallTerms(capacity, horizon_days, ONCE))
            return max(reached_by(paths, chance, each, judged["first_day"]) for each in all_terms)

        truth = best(lambda lead, at: named[lead].probability(at, horizon_days))
        knowable = best(lambda lead, at: named[lead].knowable(at, horizon_days))
    return SoftwareRun(
        seed=seed,
        has_effect=has_effect,
        buyers=judged["buyers"],
        own=reached["your model"],
        truth=truth,
        knowable=knowable,
        newest=reached["calling the newest first"],
        verdict=judged["paired"]["judgement"]["verdict"],
        baseline=own["baseline"],
        columns=tuple(own["columns"]),
        cpu_s=round(cpu_s, 1),
        wall_s=round(wall_s, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench.software_tries", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object, last line.")
    parser.add_argument("--leads", type=int, default=3_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--nothing", action="store_true", help="neither columns nor words decide.")
    options = parser.parse_args()
    done = []
    for seed in options.seeds:
        done.append(software_run(seed, options.leads, has_effect=not options.nothing))
        sys.stderr.write(f"{asdict(done[-1])}\n")
    own, knowable, truth = (
        sum(getattr(run, name) for run in done) for name in ("own", "knowable", "truth")
    )
    if options.json:
        sys.stdout.write(json.dumps([asdict(run) for run in done]) + "\n")
        return
    sys.stdout.write(
        f"{options.leads:,} leads, {len(done)} seeds: the learned model reaches {own} buyers, "
        f"{own / max(1, knowable):.0%} of the truth that exports can hold, "
        f"{own / max(1, truth):.0%} of the whole truth\n"
    )


if __name__ == "__main__":
    main()
