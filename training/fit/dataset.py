"""From a dataset folder and a base to a fitted model: what `asllr fit` does before it writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from scoring.prompt.rendering import Rendering
from scoring.report.progress import ReportProgress, WriteLine
from training.artifact_folder import check_replaceable
from training.dataset.example import Examples
from training.dataset.folder import read_examples, read_manifest
from training.dataset.manifest import DatasetManifest, Split
from training.fit.enough import MIN_FIT_POSITIVES, check_evidence, check_heights
from training.fit.leads import PromptedLeads, PromptReading, check_budget, read_leads, samples_of
from training.fit.loop import FitData, FitRun, Fitted, described_run, fit
from training.fit.own_fields import with_own_fields
from training.fit.whole_base import put_on_whole_base
from training.model.errors import FitError, read_text
from training.model.guards import naming_memory
from training.model.hub import Hub, LoadedBase, Opened, load_base, open_base
from training.model.readout import answers_at, marker_states
from training.model.settings import FitSettings
from training.whole_file import check_place

CHECKPOINT = "checkpoint.safetensors"
N_PROBED_ANSWERS = 64


@dataclass(frozen=True, slots=True)
class FitRequest:
    """What to fit, on what, and where it goes. `work` keeps the checkpoint: the same command
    continues after a kill. `held_out`: a text in the language that the base should not forget."""

    dataset: Path
    hub: Hub
    out: Path
    work: Path
    settings: FitSettings
    rendering: Rendering
    token_budget: int = 512
    min_positives: int = MIN_FIT_POSITIVES
    n_processes: int = 1
    held_out: Path | None = None


@dataclass(frozen=True, slots=True)
class PreparedFit:
    """Everything that was read for a fit. `rows`: the row numbers of each split. `answers`: the
    tokens of Yes and No. `held_out`: the tokens of the text that the base should not forget, if one
    was given."""

    base: LoadedBase
    examples: Examples
    dataset: DatasetManifest
    leads: PromptedLeads
    rows: dict[Split, NDArray[np.int64]]
    answers: tuple[int, int]
    held_out: NDArray[np.int32] | None

    @property
    def data(self) -> FitData:
        """The samples of the train and the validation split."""
        train, validation = (
            samples_of(self.examples, self.leads, self.rows[split], self.answers)
            for split in (Split.FIT, Split.JUDGE)
        )
        weights = self.examples.weight[self.rows[Split.JUDGE]]
        return FitData(
            train, validation, self.base.pad_id, *self.answers, validation_weights=weights
        )


@dataclass(frozen=True, slots=True)
class FittedOnData:
    """A fitted model with all that it was fitted on. `auc_in_four_bits`: of the kept check, where
    the fit was on a base in 4 bits; check and base are then of the whole base, which serves."""

    request: FitRequest
    prepared: PreparedFit
    fitted: Fitted
    accelerator: Accelerator
    auc_in_four_bits: float | None = None


def fit_dataset(request: FitRequest, log: WriteLine, report: ReportProgress) -> FittedOnData:
    """Reads dataset and base and fits. Raises FitError, DatasetError, NotOurs. What can be refused
    in seconds is refused before dataset and weights are read, which may take minutes."""
    check_replaceable(request.out)
    check_place(request.work)
    read_manifest(request.dataset)
    opened = open_base(request.hub)
    _check_budget(opened, request)
    check_heights(request.settings.heights, request.rendering)
    held_out = _held_out(opened, request.held_out)
    examples, dataset = read_examples(request.dataset, request.rendering)
    check_evidence(examples, request.min_positives)
    accelerator = Accelerator()
    say: WriteLine = log if accelerator.is_main_process else lambda line: None
    request = replace(request, rendering=with_own_fields(examples, request.rendering, say))
    examples = replace(examples, rendering=request.rendering)
    _check_budget(opened, request)
    base = _load(opened, request.settings, accelerator.device)
    reading = PromptReading(
        base.tokenizer.to_str(), request.token_budget, request.rendering, base.turns
    )
    if not accelerator.is_main_process:
        report = _silently
    leads = read_leads(examples, reading, request.n_processes, report)
    rows = {split: np.flatnonzero(examples.split == split.value) for split in Split}
    prepared = PreparedFit(base, examples, dataset, leads, rows, base.answers[0], held_out)
    prepared = replace(prepared, answers=_likelier_answers(prepared, request.settings))
    say(_described(prepared))
    if request.hub.revision is None and not Path(request.hub.name).is_dir():
        say(f"fit: the base may change under its name; pin it with --revision {base.revision}")
    run = described_run(
        request.settings,
        dataset=str(dataset.sha256),
        base=base.revision,
        tokenizer=sha256(base.tokenizer.to_str().encode()).hexdigest(),
        pad=str(base.pad_id),
        prompt=request.rendering.prompt_id,
        turns=base.turns.model_dump_json(),
        token_budget=str(request.token_budget),
        answers=str(prepared.answers),
        processes=str(accelerator.num_processes),
    )
    place = FitRun(say, accelerator, request.work / CHECKPOINT, run)
    fitted = fit(base.model, prepared.data, request.settings, place)
    if request.settings.base_bits is None or not accelerator.is_main_process:
        return FittedOnData(request, prepared, fitted, accelerator)
    whole = put_on_whole_base(fitted, opened, prepared.data, request.settings, place)
    prepared = replace(prepared, base=whole.base)
    return FittedOnData(request, prepared, whole.fitted, accelerator, whole.auc_in_four_bits)


def _load(opened: Opened, settings: FitSettings, device: torch.device) -> LoadedBase:
    dtype = settings.dtype_on(device)
    with naming_memory(settings.batch_tokens, "loading the base"):
        if settings.base_bits is not None:
            return load_base(opened, dtype, in_four_bits_on=device)
        base = load_base(opened, dtype)
        base.model.to(device)  # type: ignore[arg-type]
    return base


def _check_budget(opened: Opened, request: FitRequest) -> None:
    budget, max_tokens = request.token_budget, opened.max_tokens
    check_budget(opened.tokenizer, request.rendering, budget, max_tokens, opened.turns)


def _held_out(opened: Opened, path: Path | None) -> NDArray[np.int32] | None:
    if path is None:
        return None
    encoded = opened.tokenizer.encode(read_text(path, "--held-out"), add_special_tokens=False)
    if len(encoded.ids) < 2:
        raise FitError(f"--held-out {path} has {len(encoded.ids)} tokens; give a page of text")
    return np.array(encoded.ids, dtype=np.int32)


def _silently(done: int, total: int) -> None:
    """No progress: the main process reports it."""


def _likelier_answers(prepared: PreparedFit, settings: FitSettings) -> tuple[int, int]:
    """The form of Yes and No, with or without a leading space, that the base itself is likelier to
    begin with. The QA loss then starts where the base is, instead of wrecking the adapter on its
    way there."""
    base, examples = prepared.base, prepared.examples
    rows = prepared.rows[Split.FIT][:N_PROBED_ANSWERS]
    samples = samples_of(examples, prepared.leads, rows, base.answers[0])
    states = marker_states(base.model, samples, base.pad_id, precision=settings.precision)
    return max(base.answers, key=lambda pair: answers_at(base.model, states, *pair).mass.mean())


def _described(prepared: PreparedFit) -> str:
    base, lengths = prepared.base, prepared.leads.lengths
    counts = ", ".join(
        f"{split} {len(rows)} ({int(prepared.examples.label[rows].sum())} orders)"
        for split, rows in prepared.rows.items()
    )
    n_weights = base.model.num_parameters()  # of 4-bit weights numel() counts two as one
    return (
        f"fit: {counts}; {lengths.mean():.0f} tokens a lead; base {base.name} at {base.revision}, "
        f"{n_weights / 1e6:.1f}M weights"
    )
