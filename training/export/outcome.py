"""What a fit resulted in: the head at the natural share of orders, its calibration, known
failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from peft import PeftModel

from scoring.artifact import HeadKind
from scoring.calibration import Calibration
from training.calibrate import Quality, cross_fitted_quality, fit_calibration
from training.dataset.manifest import Split
from training.export.signatures import (
    JudgedSlice,
    Signature,
    answers_still_mean,
    forgetting,
    long_context,
    plateau,
)
from training.fit.dataset import FittedOnData, PreparedFit
from training.fit.leads import samples_of
from training.fit.loop import Fitted
from training.fit.sampler import RowNumbers
from training.model.guards import naming_memory
from training.model.heads import Head
from training.model.readout import EVAL_BATCH_TOKENS, Answers, answers_at, marker_states, text_loss
from training.model.settings import Precision

N_HELD_OUT_LEADS = 200
HELD_OUT_CHUNK_TOKENS = 256


@dataclass(frozen=True, slots=True)
class FitReview:
    """A fit that was looked at. `fitted` has its point-wise head corrected for the negatives that
    were left out. `calibration`, `quality` and the signatures are of the head that is served."""

    done: FittedOnData
    fitted: Fitted
    calibration: Calibration
    quality: Quality
    signatures: tuple[Signature, ...]


def look_at(done: FittedOnData) -> FitReview:
    """Calibrates a fit and looks for known failures. Reads the validation split, with and without
    the adapter, and the calibration split. One process."""
    prepared, fitted = done.prepared, done.fitted
    correction = sampling_shift(prepared)
    head = Head(fitted.head.weight, fitted.head.bias + correction)
    fitted = replace(fitted, head=head)
    rows = prepared.rows[Split.CALIBRATE]
    served = head if done.request.settings.serve is HeadKind.POINT else fitted.pair_head
    logits = served.logits(_states(done, rows))
    labels = prepared.examples.label[rows].astype(np.float64)
    weights = prepared.examples.weight[rows]
    calibration = fit_calibration(logits, labels, weights)
    rng = np.random.default_rng(done.request.settings.seed)
    quality = cross_fitted_quality(logits, labels, weights, rng)
    return FitReview(done, fitted, calibration, quality, _signatures(done, served))


def sampling_shift(prepared: PreparedFit) -> float:
    """What to add to a logit that was learned from the train split as it was sampled: the log of
    the relative weight of a positive. G. King and L. Zeng, Logistic Regression in Rare Events Data,
    Political Analysis 9, 2001 (prior correction)."""
    rows = prepared.rows[Split.FIT]
    labels, weights = prepared.examples.label[rows], prepared.examples.weight[rows]
    return float(np.log(weights[labels == 1].mean() / weights[labels == 0].mean()))


def _signatures(done: FittedOnData, served: Head) -> tuple[Signature, ...]:
    """The signatures of the served head. The frozen base is the fitted model with its adapter
    off."""
    fitted, prepared = done.fitted, done.prepared
    rows, texts = prepared.rows[Split.JUDGE], _held_out(done)
    states = _states(done, rows)
    losses = _losses(done, texts)
    with without_adapter(fitted.model):
        frozen_states = _states(done, rows)
        frozen = _answers(done, frozen_states)
        frozen_losses = _losses(done, texts)
    judged = JudgedSlice(
        labels=prepared.examples.label[rows].astype(np.float64),
        logits=served.logits(states),
        frozen_logits=fitted.probe.logits(frozen_states),
        answers=_answers(done, states),
        frozen_answers=frozen,
        lengths=prepared.leads.lengths[rows],
        is_cut=prepared.leads.is_cut[rows],
        is_summarised=prepared.leads.is_summarised[rows],
        clusters=prepared.examples.cluster[rows],
    )
    settings = done.request.settings
    aucs = [check.auc_of(settings.serve) for check in fitted.checks]
    return (
        plateau(judged, aucs, fitted.best, settings.qa_weight),
        long_context(judged),
        forgetting(frozen_losses, losses, fitted.model.config.vocab_size),
        answers_still_mean(judged),
    )


def _states(done: FittedOnData, rows: RowNumbers) -> NDArray[np.float32]:
    """The marker states of `rows`, in float32 on a CPU, as the reference engine reads."""
    prepared = done.prepared
    samples = samples_of(prepared.examples, prepared.leads, rows, prepared.answers)
    pad_id, precision = prepared.base.pad_id, _reading_precision(done)
    with naming_memory(EVAL_BATCH_TOKENS, "reading"):
        return marker_states(done.fitted.model, samples, pad_id, precision=precision)


def _answers(done: FittedOnData, states: NDArray[np.float32]) -> Answers:
    return answers_at(done.fitted.model, states, *done.prepared.answers)


def _reading_precision(done: FittedOnData) -> Precision:
    is_cpu = done.accelerator.device.type == "cpu"
    return Precision.FP32 if is_cpu else done.request.settings.precision


@contextmanager
def without_adapter(model: PeftModel) -> Iterator[None]:
    """The model without its adapter, inside the block."""
    with model.disable_adapter():
        yield


def _losses(done: FittedOnData, texts: dict[str, list[NDArray[np.int32]]]) -> dict[str, float]:
    precision = _reading_precision(done)
    return {name: text_loss(done.fitted.model, pieces, precision) for name, pieces in texts.items()}


def _held_out(done: FittedOnData) -> dict[str, list[NDArray[np.int32]]]:
    """The texts to test forgetting on: leads of the validation split, and the text that was
    given."""
    prepared, path = done.prepared, done.request.held_out
    rows = prepared.rows[Split.JUDGE]
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), N_HELD_OUT_LEADS)).astype(int)]
    texts = {"later leads": [prepared.leads.prompts[row] for row in some]}
    if path is not None and (ids := prepared.held_out) is not None:
        starts = range(0, len(ids) - 1, HELD_OUT_CHUNK_TOKENS)
        pieces = [ids[at : at + HELD_OUT_CHUNK_TOKENS] for at in starts]
        texts[path.name] = [piece for piece in pieces if len(piece) > 1]
    return texts
