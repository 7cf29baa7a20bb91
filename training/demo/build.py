"""`make demo-model`: the demo's artifact from nothing but a seed.

    python -m training.demo.build --out scoring/artifacts/demo

Leads -> tokenizer -> base -> LoRA fit -> trees on table + logit -> Platt -> int8 graph -> parity
check -> artifact. Amounts are fixed, not minutes, so that a slower machine makes the same model.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer

from schemas.timestamps import from_ms
from scoring.artifact import HeadKind
from scoring.floats import Floats
from scoring.metrics.metrics import expected_auc
from scoring.report.progress import WriteLine
from training.artifact_folder import artifact_folder, check_replaceable
from training.cli.options import at_least
from training.cli.refusal import exiting
from training.dataset.simulated import source_name
from training.demo.base import described_tokenizer
from training.demo.base_stage import WEIGHTS, build_writer, check_base, load_base, make_base
from training.demo.leads import LeadReading, TrainingLead, at_own_moment, digest_of, load_leads
from training.demo.questions import Questions
from training.demo.recipe import Recipe
from training.demo.stack_stage import (
    Slices,
    fit_adapter,
    fit_baseline,
    fit_stack,
    language_logits,
    slice_leads,
)
from training.demo.tokenizer import PAD, token_id
from training.export.artifact_writer import Built, write_artifact
from training.export.parity import (
    LanguageModel,
    check_parity,
    save_graph,
    save_language_model,
    save_trees,
)
from training.fit.loop import Fitted
from training.trees.tree_graph import build_tree_graph

BASELINE = "baseline.onnx"
NAME = "asllr-demo"


def build_demo(recipe: Recipe, out: Path, work: Path, n_processes: int, log: WriteLine) -> None:
    """Makes the demo artifact and writes it to `out`, replacing what is there once everything has
    succeeded. A base that an earlier run of the same recipe left in `work` is used again, a base of
    another recipe is refused. Raises FitError, NotOurs, CannotWrite."""
    check_replaceable(out)
    if (work / WEIGHTS).exists():
        check_base(recipe, work)
    else:
        make_base(recipe, work, n_processes, log)
    base, tokenizer = load_base(recipe, work)
    reading = LeadReading(tokenizer.to_str(), recipe.token_budget)
    leads = load_leads(
        recipe.seed,
        recipe.n_leads,
        reading,
        n_processes=n_processes,
        log=log,
        elsewhen_share=recipe.elsewhen_share,
    )
    log(f"leads: {len(leads)} rows, {sum(lead.ordered for lead in leads)} orders")
    baseline = fit_baseline(recipe, at_own_moment(leads), log)
    slices = slice_leads(recipe, leads)
    questions, pad_id = Questions.of(build_writer(tokenizer)), token_id(tokenizer, PAD)
    fitted = fit_adapter(recipe, base, slices, questions, pad_id, log)
    logits = language_logits(fitted, slices.all, questions, pad_id)
    stack = fit_stack(recipe, slices, logits, log)
    made = work / "artifact"
    shutil.rmtree(made, ignore_errors=True)
    lm = _language_model(recipe, fitted, tokenizer)
    save_language_model(made, lm)
    prompts = _newest_prompts(recipe, slices, tokenizer)
    save_graph(made, lm, prompts)
    save_trees(made, stack.trees)
    onnx.save(build_tree_graph(baseline.booster, baseline.init_logit), str(made / BASELINE))
    parity = check_parity(made, prompts, recipe.token_budget, recipe.max_probability_difference)
    log(f"parity: {parity}")
    metrics = _metrics(leads, slices, fitted, logits)
    built = Built(
        NAME,
        recipe.token_budget,
        stack.calibration,
        parity,
        _window(leads),
        metrics,
        recipe.described(),
        digest_of(leads),
        source_name(recipe.seed),
    )
    write_artifact(made, built)
    put_artifact(made, out)


def put_artifact(made: Path, out: Path) -> None:
    """Puts a copy of `made` in the place of `out`, which stays until the copy is complete. Raises
    NotOurs, CannotWrite."""
    with artifact_folder(out) as folder:
        shutil.copytree(made, folder, dirs_exist_ok=True)


def _language_model(recipe: Recipe, fitted: Fitted, tokenizer: Tokenizer) -> LanguageModel:
    reading = described_tokenizer(tokenizer)
    heads, budget = {HeadKind.POINT: fitted.head}, recipe.token_budget
    return LanguageModel(fitted.model, heads, tokenizer, reading, budget, torch.float16)


def _newest_prompts(recipe: Recipe, slices: Slices, tokenizer: Tokenizer) -> list[str]:
    """On which graph and reference are compared."""
    questions = Questions.of(build_writer(tokenizer))
    return [
        tokenizer.decode([*lead.body, *questions.order], skip_special_tokens=False)
        for lead in slices.calibration[-recipe.n_parity_prompts :]
    ]


def _metrics(
    leads: Sequence[TrainingLead],
    slices: Slices,
    fitted: Fitted,
    logits: Floats,
) -> dict[str, float]:
    """The metrics of the run itself; `make evaluate` compares on fresh leads."""
    calibration_leads = slices.calibration
    truth = np.array([lead.truth for lead in calibration_leads])
    is_known = ~np.isnan(truth)
    return {
        "n_rows": float(len(leads)),
        "n_leads": float(len(at_own_moment(leads))),
        "n_orders": float(sum(lead.ordered for lead in leads)),
        "probe_log_loss_on_judging_slice": fitted.losses[0],
        "adapter_log_loss_on_judging_slice": min(fitted.losses),
        "language_model_expected_auc_on_sampled_calibrating_slice": expected_auc(
            logits[-len(calibration_leads) :][is_known], truth[is_known]
        ),
    }


def _window(leads: Sequence[TrainingLead]) -> tuple[datetime, datetime]:
    moments = [lead.as_of_ms for lead in leads]
    return from_ms(min(moments)), from_ms(max(moments))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the artifact")
    add("--work", type=Path, help="keeps the base here, or continues from it")
    add("--scale", type=float, default=1.0, help="share of every amount")
    add("--seed", type=at_least(0), default=Recipe().seed, help="of leads and training")
    add("--threads", type=at_least(1), default=2, help="of torch; 1 on a busy machine")
    add("--processes", type=at_least(1), default=2, help="that simulate leads")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    recipe = replace(Recipe(), seed=options.seed)
    if options.scale != 1.0:
        recipe = recipe.scaled(options.scale)
    started = time.monotonic()

    def log(line: str) -> None:
        sys.stderr.write(f"[{(time.monotonic() - started) / 60:5.1f} min] {line}\n")

    with exiting(), tempfile.TemporaryDirectory() as temporary:
        build_demo(recipe, options.out, options.work or Path(temporary), options.processes, log)
    log(f"artifact: {options.out}")


if __name__ == "__main__":
    main()
