"""From a dataset folder and a base to a model: the frozen base first, then an adapter that starts
there. What `asllr fit` does before it writes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from numpy.typing import NDArray
from transformers import PreTrainedModel

from scoring.engines.reading import PromptReader, marker_ids, spoken_weights
from scoring.floats import Floats
from scoring.report.progress import StartReport, WriteLine
from training.adapter.judging import judged
from training.adapter.loop import FittedAdapter, FrozenStart, HeldOut, fit_adapter
from training.baselines.baseline import labels_of
from training.calibrate import MIN_POSITIVES_FOR_PLATT
from training.dataset.example import Examples
from training.dataset.manifest import Split
from training.fit.dataset import CHECKPOINT
from training.fit.enough import check_heights
from training.fit.loop import FitRun, described_run
from training.frozen.fit import FrozenFit, FrozenRequest, fit_frozen
from training.frozen.head import head_of
from training.frozen.trial import AdapterTrial
from training.frozen.zero_shot import likelier_answers
from training.model.guards import naming_memory
from training.model.hub import load_base, open_base
from training.model.samples import Sample
from training.model.settings import FitSettings
from training.whole_file import check_place

ONE_READS = timedelta(days=1)
"""How long other processes wait while the first one reads all leads."""


@dataclass(frozen=True, slots=True)
class AdapterRequest:
    """What to fit: a frozen base's solution, and an adapter that starts there. `work` keeps the
    checkpoint: the same command continues after a kill."""

    frozen: FrozenRequest
    settings: FitSettings
    work: Path


def fit_from_frozen(
    request: AdapterRequest, log: WriteLine, start: StartReport
) -> FrozenFit | None:
    """Fits the frozen base, then tries an adapter; None in all processes but the first. Raises
    FitError, DatasetError, NotOurs, CannotWrite."""
    check_place(request.work)
    check_heights(request.settings.heights, request.frozen.rendering)
    accelerator = Accelerator(kwargs_handlers=[InitProcessGroupKwargs(timeout=ONE_READS)])
    say: WriteLine = log if accelerator.is_main_process else lambda line: None
    with accelerator.main_process_first():  # the others find what it has kept
        frozen = fit_frozen(request.frozen, say, start)
    why_not = too_few(frozen.examples)
    if why_not is not None:
        trial = AdapterTrial(None, None, why_not)
        say(f"fit: {trial.sentence}")
        return replace(frozen, trial=trial) if accelerator.is_main_process else None
    rows = held_out_rows(frozen.examples)
    fitted = adapter_of(frozen, request, rows, accelerator, say)
    if not accelerator.is_main_process:
        return None
    found = judged(frozen, fitted, rows, start)
    if found.trial is not None:
        say(f"fit: {found.trial.sentence}")
    return found


def held_out_rows(examples: Examples) -> NDArray[np.int64]:
    """The rows that an adapter does not learn from, but for the test: validation and
    calibration."""
    splits = [Split.JUDGE.value, Split.CALIBRATE.value]
    return np.flatnonzero(np.isin(examples.split, splits))


def too_few(examples: Examples) -> str | None:
    """Why nobody could say whether an adapter is ahead; None where it can be said."""
    for split in (Split.JUDGE, Split.CALIBRATE):
        rows = examples.of(split)
        n_least = min(rows.n_who_ordered, len(rows) - int(rows.label.sum()))
        if n_least < MIN_POSITIVES_FOR_PLATT:
            return (
                f"split {split} has {n_least} leads of the rarer outcome, "
                f"{MIN_POSITIVES_FOR_PLATT} are needed to say whether it is ahead"
            )
    return None


def start_of(frozen: FrozenFit) -> FrozenStart:
    """What the frozen base read, under a head that learned from the train rows alone: the rows that
    judge the adapter must be new to where it begins."""
    head = frozen.combined.head
    return FrozenStart(
        head.readout, head_of(frozen.states, frozen.examples, head.choice, Split.FIT)
    )


def adapter_of(
    frozen: FrozenFit,
    request: AdapterRequest,
    rows: NDArray[np.int64],
    accelerator: Accelerator,
    say: WriteLine,
) -> FittedAdapter:
    """Fits the adapter on the train rows, with checks on `rows`. Raises FitError, CannotWrite."""
    examples, settings, base = frozen.examples, request.settings, frozen.base
    first, answers = start_of(frozen), base.answers[0]
    if settings.qa_weight > 0:
        answers = likelier_answers(base, frozen.prompts[0])
    learned = np.flatnonzero(examples.split == Split.FIT.value)
    weights: Floats = examples.weight / examples.weight[learned].mean()
    train, judging = (samples_of(frozen, first, each, weights, answers) for each in (learned, rows))
    held_out = HeldOut(
        judging,
        labels_of(examples)[rows],
        examples.weight[rows],
        (examples.split[rows] == Split.CALIBRATE.value).astype(np.int64),
    )
    say(
        f"adapter: on the first {first.readout.top_layer} layers, learns from {len(learned)} rows, "
        f"is judged by {len(rows)}"
    )
    run = _described(frozen, request, first, accelerator.num_processes)
    place = FitRun(say, accelerator, request.work / CHECKPOINT, run)
    model = _model_to_train(frozen, request, accelerator.device)
    return fit_adapter(model, first, train, held_out, base.pad_id, settings, place)


def _described(
    frozen: FrozenFit, request: AdapterRequest, first: FrozenStart, n_processes: int
) -> str:
    base = frozen.base
    return described_run(
        request.settings,
        dataset=str(frozen.dataset.sha256),
        base=base.revision,
        tokenizer=sha256(base.tokenizer.to_str().encode()).hexdigest(),
        prompt=frozen.examples.rendering.prompt_id,
        turns=base.turns.model_dump_json(),
        token_budget=str(request.frozen.token_budget),
        reads=first.readout.model_dump_json(),
        head=sha256(first.head.weight.tobytes()).hexdigest(),
        processes=str(n_processes),
    )


def _model_to_train(
    frozen: FrozenFit, request: AdapterRequest, device: torch.device
) -> PreTrainedModel:
    """A base of its own: that of the frozen fit stays as it is."""
    settings = request.settings
    dtype = settings.dtype_on(device)
    with naming_memory(settings.batch_tokens, "loading the base"):
        if settings.base_bits is not None:
            opened = open_base(request.frozen.hub)
            return load_base(opened, dtype, in_four_bits_on=device).model
        model = deepcopy(frozen.base.model)
        model.to(device, dtype)  # type: ignore[arg-type]
        return model


def samples_of(
    frozen: FrozenFit,
    start: FrozenStart,
    rows: NDArray[np.int64],
    weights: Floats,
    answers: tuple[int, int],
) -> list[Sample]:
    """What the adapter reads of these rows. `weights`: of all rows, 1 on average."""
    base, examples = frozen.base, frozen.examples
    reader = PromptReader(
        base.tokenizer, frozen.request.token_budget, marker_ids(base.tokenizer, base.turns.marker)
    )
    yes, no = (np.array([token], dtype=np.int32) for token in answers)
    samples = []
    for row in rows:
        prompt, label = frozen.prompts[row], examples.label[row]
        tokens = reader.tokens(prompt)
        reads_spoken = start.readout.needs_spoken
        samples.append(
            Sample(
                prompt=np.array(tokens.ids, dtype=np.int32),
                answer=yes if label else no,
                label=float(label),
                grade=int(examples.grade[row]),
                spoken=spoken_weights(prompt, tokens.offsets) if reads_spoken else None,
                weight=float(weights[row]),
            )
        )
    return samples
