"""From a dataset folder and a base to a model on its frozen states: what `asllr fit --frozen` does
before it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scoring.calibration import Calibration
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import Rendering
from scoring.report.progress import StartReport, WriteLine
from training.artifact_folder import check_replaceable
from training.baselines.baseline import Budget
from training.baselines.fitted import Worth, calibrate, check_enough, worth_of
from training.dataset.example import Examples
from training.dataset.folder import read_examples, read_manifest
from training.dataset.manifest import DatasetManifest
from training.fit.leads import check_budget, counter
from training.fit.own_fields import with_own_fields
from training.frozen.combined import BOTH, Combined, combine
from training.frozen.states import candidates, lead_ms_of, open_state_reader, read_states
from training.frozen.trial import AdapterTrial
from training.model.guards import naming_memory
from training.model.hub import Hub, LoadedBase, load_base, open_base
from training.whole_file import check_place

N_TIMED = 20


@dataclass(frozen=True, slots=True)
class FrozenRequest:
    """What to fit and where it goes. `kept`: the folder of states, which another run on the same
    leads does not compute again. `budget`: of the search for the penalties of words."""

    dataset: Path
    hub: Hub
    out: Path
    kept: Path
    rendering: Rendering
    token_budget: int
    budget: Budget
    min_positives: int
    n_threads: int


@dataclass(frozen=True, slots=True)
class FrozenFit:
    """A model with all that it was fitted on. `prompts`: of all examples; `lead_ms`: the time of
    one lead's states, the median of some. `trial`: what became of an adapter, None where none
    was asked for."""

    request: FrozenRequest
    base: LoadedBase
    dataset: DatasetManifest
    examples: Examples
    prompts: Sequence[str]
    states: NDArray[np.float32]
    combined: Combined
    worth: Worth
    lead_ms: float
    trial: AdapterTrial | None = None

    @property
    def verdict(self) -> str:
        """Whether the language model is worth its time, as a sentence: the same for the same leads,
        however fast the machine."""
        gain = self.combined.weighed.gain
        shown = f"AUC {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] over words"
        if self.combined.weighed.mixes[BOTH].of_states == 0:
            return "the language model adds nothing to words"
        if gain.low > 0:
            return f"the language model adds to words: {shown}"
        if gain.high < 0:
            return f"the language model takes away from words: {shown}"
        return f"cannot tell whether the language model adds to words: {shown}"


def fit_frozen(request: FrozenRequest, log: WriteLine, start: StartReport) -> FrozenFit:
    """Reads dataset and base, computes the states and fits. Raises FitError, DatasetError, NotOurs,
    CannotWrite; what can be refused in seconds is refused first."""
    check_replaceable(request.out)
    check_place(request.kept)
    read_manifest(request.dataset)
    opened, budget = open_base(request.hub), request.token_budget
    check_budget(opened.tokenizer, request.rendering, budget, opened.max_tokens, opened.turns)
    examples, dataset = read_examples(request.dataset, request.rendering)
    check_enough(examples, request.min_positives)
    request = replace(request, rendering=with_own_fields(examples, request.rendering, log))
    examples = replace(examples, rendering=request.rendering)
    check_budget(opened.tokenizer, request.rendering, budget, opened.max_tokens, opened.turns)
    with naming_memory(budget, "loading the base"):
        base = load_base(opened, torch.float32)
        what = candidates(int(base.model.config.num_hidden_layers))
    spec = PromptSpec(request.rendering, budget, counter(base.tokenizer), base.turns)
    prompts = [one.prompt for one in examples.inputs(spec)]
    with naming_memory(budget, "loading the base"):
        reader = open_state_reader(base, what, budget, prompts, request.n_threads)
    lead_ms = lead_ms_of(reader, prompts, N_TIMED)
    log(f"fit: states of {len(prompts)} leads, {lead_ms:.0f} ms each where none are kept")
    rows = read_states(reader, prompts, request.kept, start("fit: leads"))
    states = rows.reshape(len(prompts), len(what.parts), -1)
    combined = combine(examples, states, what, request.budget, log)
    logits = combined.logits_to_calibrate(examples, states)
    worth = worth_of(logits, examples, calibrate(logits, examples) or Calibration())
    return FrozenFit(request, base, dataset, examples, prompts, states, combined, worth, lead_ms)
