"""The second half of the demo's recipe: fits the adapter, the trees on table and logit, and the
calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from transformers import Qwen2ForCausalLM

from scoring.calibration import Calibration, sampling_correction
from scoring.floats import Floats
from scoring.report.progress import WriteLine
from training.calibrate import fit_platt
from training.demo.leads import TrainingLead, at_own_moment
from training.demo.questions import Questions, order_sample
from training.demo.recipe import Recipe
from training.fit.loop import FitData, FitRun, Fitted, fit
from training.model.heads import Head
from training.model.readout import marker_states
from training.trees.boosted_trees import TreeTable, TunedTree, grow_tree, tune_tree


@dataclass(frozen=True, slots=True)
class Slices:
    """Sampled leads by time, oldest first: `train` for adapter and trees, `validation` chooses
    between checks and settings, `calibration` is first looked at by Platt scaling. The adapter
    reads each lead at its own moment only."""

    train: list[TrainingLead]
    validation: list[TrainingLead]
    calibration: list[TrainingLead]

    @property
    def all(self) -> list[TrainingLead]:
        return [*self.train, *self.validation, *self.calibration]


@dataclass(frozen=True, slots=True)
class Stack:
    """The trees that ship, and their calibration."""

    trees: TunedTree
    calibration: Calibration


def slice_leads(recipe: Recipe, leads: Sequence[TrainingLead]) -> Slices:
    """Splits `leads`, which are in order of time. Keeps every order and a share `kept_negatives` of
    the rest."""
    rng = np.random.default_rng(recipe.seed)
    is_kept = rng.random(len(leads)) < recipe.kept_negatives
    first = int(len(leads) * recipe.fitting_share)
    second = int(len(leads) * (1 - recipe.calibrating_share))
    sampled = [
        [lead for lead, keep in zip(part, keeps, strict=True) if keep or lead.ordered]
        for part, keeps in (
            (leads[:first], is_kept[:first]),
            (leads[first:second], is_kept[first:second]),
            (leads[second:], is_kept[second:]),
        )
    ]
    return Slices(*sampled)


def fit_adapter(
    recipe: Recipe,
    base: Qwen2ForCausalLM,
    slices: Slices,
    questions: Questions,
    pad_id: int,
    log: WriteLine,
) -> Fitted:
    """Fits the LoRA adapter and corrects the head's bias for the negatives that were left out."""
    data = FitData(
        train=[order_sample(lead, questions) for lead in at_own_moment(slices.train)],
        validation=[order_sample(lead, questions) for lead in at_own_moment(slices.validation)],
        pad_id=pad_id,
        yes=int(questions.yes[0]),
        no=int(questions.no[0]),
    )
    fitted = fit(base, data, replace(recipe.fit, seed=recipe.seed), FitRun(log))
    bias = fitted.head.bias + sampling_correction(recipe.kept_negatives)
    return replace(fitted, head=Head(fitted.head.weight, bias))


def language_logits(
    fitted: Fitted, leads: Sequence[TrainingLead], questions: Questions, pad_id: int
) -> Floats:
    """The fitted language model's logit of each lead."""
    samples = [order_sample(lead, questions) for lead in leads]
    return fitted.head.logits(marker_states(fitted.model.get_base_model(), samples, pad_id))


def fit_stack(recipe: Recipe, slices: Slices, logits: Floats, log: WriteLine) -> Stack:
    """Fits trees and calibration. Platt scaling gets trees that were not grown on the calibration
    split; the trees that ship, grown with the same settings, see all leads."""
    table = stack_table(recipe, slices, logits)
    n_tuning = len(slices.train) + len(slices.validation)
    tuning = table.cut(0, n_tuning)
    tuning = TreeTable(tuning.rows, tuning.labels, tuning.weights, len(slices.validation))
    chosen = tune_tree(tuning, np.random.default_rng(recipe.seed), n_trials=recipe.n_trials)
    calibration_rows = table.cut(n_tuning, len(table.rows))
    calibration = fit_platt(
        chosen.logits(calibration_rows.rows), calibration_rows.labels, calibration_rows.weights
    )
    log(f"stack: {chosen.settings}, {chosen.n_rounds} rounds, loss {chosen.validation_loss:.5f}")
    log(f"stack: calibration a={calibration.a:.3f} b={calibration.b:.3f}")
    return Stack(grow_tree(table, chosen.settings, chosen.n_rounds), calibration)


def fit_baseline(recipe: Recipe, leads: Sequence[TrainingLead], log: WriteLine) -> TunedTree:
    """Fits the rival: the same search on the table alone, over every lead, none left out."""
    rows = np.stack([lead.features for lead in leads])
    labels = np.array([lead.ordered for lead in leads], dtype=np.float64)
    n_validation = int(len(leads) * (recipe.judging_share + recipe.calibrating_share))
    table = TreeTable(rows, labels, np.ones(len(leads)), n_validation)
    tuned = tune_tree(table, np.random.default_rng(recipe.seed), n_trials=recipe.n_trials)
    log(f"baseline: {tuned.settings}, {tuned.n_rounds} rounds, loss {tuned.validation_loss:.5f}")
    return tuned


def stack_table(recipe: Recipe, slices: Slices, logits: Floats) -> TreeTable:
    """The features and, as the last column, the language model's logit."""
    leads = slices.all
    features = np.stack([lead.features for lead in leads])
    labels = np.array([lead.ordered for lead in leads], dtype=np.float64)
    return TreeTable(
        rows=np.column_stack([features, logits.astype(np.float32)]),
        labels=labels,
        weights=np.where(labels > 0, 1.0, 1 / recipe.kept_negatives),
        n_validation=len(slices.validation),
    )
