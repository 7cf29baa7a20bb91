"""Is the demo ahead of the tuned tree? On fresh leads, with the labels integrated out.

    python -m training.evaluate_demo --seed 77 --n 20000 --json

Scores with the engine that serves. `--seed` must not be the recipe's: its leads were trained on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scoring.artifact import demo_artifact_path, load_manifest
from scoring.calibration import probability
from scoring.engines import load_engine
from scoring.engines.onnx import open_session
from scoring.engines.stack import StackEngine
from scoring.fold import fold, to_ms
from scoring.metrics import (
    expected_auc,
    expected_calibration_error,
    expected_precision_at,
)
from scoring.prompt import PromptSpec
from scoring.resampling import Bootstrap, auc_statistic, paired_difference
from scoring.score import prepare
from training.demo_model import BASELINE
from training.recipe import Recipe
from training.simulator.emit import simulate_leads

CHUNK_LEADS = 250
TRAINING_SEEDS = (Recipe().seed, Recipe().seed + 1)
ARMS = ("demo", "language_model", "baseline")


def evaluate(
    path: Path, seed: int, n: int, *, n_processes: int, log: Callable[[str], object]
) -> dict[str, object]:
    """Expected metrics of the artifact at `path`, of its language model alone, of the tuned tree
    without text, and of the truth (Bayes), on leads 0 to `n` - 1 of `seed`."""
    if seed in TRAINING_SEEDS:
        raise ValueError(f"seed {seed} made the training leads; choose another")
    rows = _rows(path, seed, n, n_processes, log)
    *arms, truth = rows.T
    logits = dict(zip(ARMS, arms, strict=True)) | {"bayes": np.log(truth / (1 - truth))}
    calibration = load_manifest(path).calibration
    said = np.array([probability(logit, calibration) for logit in logits["demo"]])
    gains = {
        name: asdict(
            paired_difference(
                auc_statistic,
                logits["demo"],
                logits[name],
                truth,
                Bootstrap(np.random.default_rng(seed)),
            )
        )
        for name in ("baseline", "language_model")
    }
    aucs = {name: expected_auc(values, truth) for name, values in logits.items()}
    way = (aucs["demo"] - aucs["baseline"]) / (aucs["bayes"] - aucs["baseline"])
    return {
        "seed": seed,
        "n_leads": n,
        "prevalence": float(truth.mean()),
        "expected_auc": aucs,
        "expected_precision_at_1_percent": {
            name: expected_precision_at(values, truth, 0.01) for name, values in logits.items()
        },
        "auc_gain_over": gains,
        "share_of_the_way_to_bayes": way,
        "expected_calibration_error": expected_calibration_error(said, truth),
        "mean_probability": float(said.mean()),
    }


def _rows(
    path: Path, seed: int, n: int, n_processes: int, log: Callable[[str], object]
) -> NDArray[np.float64]:
    """(n, 4): the logits of ARMS and the true probability."""
    work = partial(_chunk, path, seed, n)
    parts: list[NDArray[np.float64]] = []
    with get_context("spawn").Pool(n_processes) as pool:
        for done, part in enumerate(pool.imap(work, range(0, n, CHUNK_LEADS)), 1):
            parts.append(part)
            if done % 20 == 0:
                log(f"scored {done * CHUNK_LEADS} of {n}")
    return np.concatenate(parts)


def _chunk(path: Path, seed: int, n: int, start: int) -> NDArray[np.float64]:
    manifest = load_manifest(path)
    engine, count_tokens = load_engine(path, manifest)
    if not isinstance(engine, StackEngine):
        raise TypeError(f"the artifact's engine is {manifest.engine}, expected the stack")
    spec = PromptSpec(manifest.token_budget, count_tokens)
    leads = list(simulate_leads(seed, min(CHUNK_LEADS, n - start), first=start))
    inputs = [prepare(fold(lead.history), to_ms(lead.as_of), spec) for lead in leads]
    read = engine.lm.logits(inputs)
    table = np.stack([each.features for each in inputs])
    rows = np.column_stack([table, np.array(read, dtype=np.float32)])
    baseline = open_session(path / BASELINE, 1)
    return np.column_stack(
        [
            np.asarray(engine.trees.run(None, {"row": rows})[0])[:, 0],
            read,
            np.asarray(baseline.run(None, {"row": table})[0])[:, 0],
            [lead.probability for lead in leads],
        ]
    ).astype(np.float64)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--artifact", type=Path, default=demo_artifact_path())
    parser.add_argument("--seed", type=int, required=True, help="of leads nobody trained on")
    parser.add_argument("--n", type=int, default=20_000, help="leads")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="for machines")
    asked = parser.parse_args(arguments)
    found = evaluate(
        asked.artifact,
        asked.seed,
        asked.n,
        n_processes=asked.processes,
        log=lambda line: sys.stderr.write(f"{line}\n"),
    )
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")


if __name__ == "__main__":
    main()
