"""`make evaluate`: an artifact beside tuned rivals and the truth, on simulated leads nobody saw.

    python -m training.studies.evaluate --artifact demo --simulate 20000 --seed 77 --json

The rivals are tuned on leads of another seed. The last line is JSON: of each model the expected AUC
and precision at 1%, with the labels integrated out, and the calibration error on the labels.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scoring.artifact import demo_artifact_path
from scoring.floats import Floats
from scoring.metrics.bootstrap import Interval
from scoring.metrics.cost import PRICE_PER_CPU_HOUR
from training.baselines.baseline import Budget
from training.cli.console import progress, say
from training.cli.options import at_least
from training.cli.refusal import exiting
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, Split
from training.dataset.simulated import Simulation, simulate_examples
from training.dataset.split import Shares
from training.demo.recipe import Recipe
from training.evaluation import words
from training.evaluation.about import about_of
from training.evaluation.files import check_free, to_json, write_report
from training.evaluation.judged import EvaluationError, JudgedRows, Scored, judged_of
from training.evaluation.report import EvaluationReport
from training.evaluation.rivals import TABULAR, score_trees_and_stack
from training.evaluation.run import EvaluationResult, EvaluationTerms, conclude
from training.evaluation.served import score_artifact
from training.evaluation.way import shares_of_the_way
from training.simulator.business import Wording
from training.simulator.world import World

ARTIFACT, BAYES = "demo", "bayes"
TRAINING_SEEDS = (Recipe().seed, Recipe().seed + 1)
RIVALS_SEED = 31_001
"""The seed of the leads that the rivals are tuned on; any but the training seeds will do."""

NONE_TEST: Shares = (0.7, 0.15, 0.149, 0.001)
KEPT_NEGATIVES = 0.3


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What to evaluate and how. `wording`: of all leads, those that the rivals learn from
    among them. `n_rival_leads`: leads simulated for the rivals; of those without an order, the
    share KEPT_NEGATIVES is kept for fitting."""

    artifact: Path
    seed: int
    wording: Wording
    n_leads: int
    n_rival_leads: int
    n_trials: int
    n_resamples: int
    n_processes: int
    command: str


def evaluate_simulated(plan: StudyPlan) -> tuple[EvaluationResult, dict[str, Any]]:
    """The report on all models, and the summary for the last line. Raises EvaluationError for a
    seed whose leads the artifact or its rivals were made from."""
    if plan.seed in (*TRAINING_SEEDS, RIVALS_SEED):
        raise EvaluationError(
            f"the leads of seed {plan.seed} trained the demo artifact or its rivals; choose another"
        )
    world = World(wording=plan.wording)
    simulation = Simulation(plan.seed, plan.n_leads, only=Split.TEST, world=world)
    examples, manifest = _simulate(simulation, plan)
    judged = judged_of(examples)
    served = _served(plan, examples, ARTIFACT)
    models = [served, *_rivals(plan, examples, served.read), _bayes(judged)]
    terms = _terms(plan)
    about = about_of(
        examples,
        manifest,
        title=f"{plan.artifact.name} beside tuned trees, simulated leads of seed {plan.seed}"
        + ("" if plan.wording is Wording.USUAL else f", phrases {plan.wording}"),
        command=plan.command,
        split="every lead",
        price_per_cpu_hour=terms.price_per_cpu_hour,
    )
    outcome = conclude(about, examples, judged, models, terms)
    bootstrap = outcome.report.asked.bootstrap()
    ways = shares_of_the_way(judged, models, TABULAR, bootstrap)
    return outcome, _summary(plan, outcome.report, ways)


def _rivals(plan: StudyPlan, examples: Examples, read: Floats | None) -> list[Scored]:
    simulation = Simulation(
        RIVALS_SEED,
        plan.n_rival_leads,
        negative_rate=KEPT_NEGATIVES,
        shares=NONE_TEST,
        world=World(wording=plan.wording),
    )
    drawn, _ = _simulate(simulation, plan)
    before_test = drawn.of(*BEFORE_TEST)

    def reader(rows: Examples) -> Floats | None:
        if read is None or rows is examples:
            return read
        return _served(plan, rows, "the rivals' leads").read

    budget = Budget(plan.n_trials, RIVALS_SEED)
    return score_trees_and_stack(before_test, examples, reader, budget, say)


def _bayes(judged: JudgedRows) -> Scored:
    return Scored(BAYES, judged.truth, judged.truth)


def _simulate(simulation: Simulation, plan: StudyPlan) -> tuple[Examples, Any]:
    report = progress(f"leads of seed {simulation.seed}")
    return simulate_examples(simulation, n_processes=plan.n_processes, report=report)


def _served(plan: StudyPlan, examples: Examples, name: str) -> Scored:
    report = progress(f"{name} scored")
    return score_artifact(
        plan.artifact, examples, n_processes=plan.n_processes, report=report, name=name
    )


def _terms(plan: StudyPlan) -> EvaluationTerms:
    return EvaluationTerms(
        split=Split.TEST,
        calls_per_day=None,
        n_resamples=plan.n_resamples,
        seed=plan.seed,
        n_processes=plan.n_processes,
        price_per_cpu_hour=PRICE_PER_CPU_HOUR,
        with_prompts=True,
        command=plan.command,
    )


def _summary(
    plan: StudyPlan, report: EvaluationReport, ways: dict[str, Interval]
) -> dict[str, Any]:
    return {
        "artifact": str(plan.artifact),
        "seed": plan.seed,
        "phrases": plan.wording.value,
        "n_leads": report.n,
        "n_orders": report.n_positives,
        "rivals": {"seed": RIVALS_SEED, "n_leads": plan.n_rival_leads, "n_trials": plan.n_trials},
        "models": {
            model.name: {
                "auc_expected": model.expected["auc"].value,
                "p_at_1pct_expected": model.expected["p_at_1pct"].value,
                "ece": model.metrics["ece"].interval.value,
                "ece_expected": model.expected["ece"].value,
            }
            for model in report.models
        },
        "share_of_the_way_to_bayes": {name: asdict(way) for name, way in ways.items()},
        "differences": [
            {
                "ours": each.ours,
                "theirs": each.theirs,
                "metric": f"{each.metric}{'_expected' if each.is_expected else ''}",
                **asdict(each.interval),
                "verdict": each.judgement.verdict.value,
            }
            for each in report.differences
            if each.metric in ("auc", "p_at_1pct") and each.theirs != BAYES
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="make evaluate", description=__doc__)
    add = parser.add_argument
    add("--artifact", default="demo", help="demo, or a folder")
    add("--simulate", type=at_least(1), default=20_000, help="leads to judge on")
    add(
        "--phrases",
        type=Wording,
        default=Wording.USUAL,
        choices=list(Wording),
        help="of all leads, the rivals' too; held-out: no model that we ship has practised them",
    )
    add("--seed", type=at_least(0), required=True, help="of leads nobody trained on")
    add("--rival-leads", type=at_least(1), default=150_000, help="to tune the trees on")
    add("--trials", type=at_least(1), default=24, help="settings each tree may try")
    add("--resamples", type=at_least(20), default=1000, help="of the bootstrap")
    add("--processes", type=at_least(1), default=os.cpu_count() or 1)
    add("--out", type=Path, help="folder for the report")
    add("--json", action="store_true", help="nothing but JSON")
    options = parser.parse_args(arguments)
    plan = StudyPlan(
        artifact=demo_artifact_path() if options.artifact == "demo" else Path(options.artifact),
        seed=options.seed,
        wording=options.phrases,
        n_leads=options.simulate,
        n_rival_leads=options.rival_leads,
        n_trials=options.trials,
        n_resamples=options.resamples,
        n_processes=options.processes,
        command=f'make evaluate ARGS="{shlex.join(arguments or sys.argv[1:])}"',
    )
    with exiting():
        if options.out is not None:
            check_free(options.out)
        outcome, summary = evaluate_simulated(plan)
        if options.out is not None:
            write_report(options.out, outcome.files)
    if not options.json:
        sys.stdout.write("\n".join(words.lines(outcome.report)) + "\n")
    sys.stdout.write(to_json(summary) + "\n")


if __name__ == "__main__":
    main()
