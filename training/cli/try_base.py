"""What `asllr try --base` learns with: a language model's states beside the recommended baseline.
Needs the extra `train`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from transformers.utils import logging

from scoring.backtest.learning import BaseFinding, BaseRequest, LearnRequest
from scoring.calibration import Calibration, NotALogit
from scoring.engine import Unscorable
from scoring.metrics.bootstrap import Interval
from scoring.report.progress import StartReport, WriteLine
from training.artifact_folder import artifact_folder
from training.baselines.baseline import Budget
from training.baselines.fitted import calibrate
from training.baselines.logistic import LogisticPredictor, fit_logistic_words
from training.baselines.registry import Baseline
from training.cli.try_work import N_TRIALS, FittedBaseline, facts_of, in_folds_of
from training.dataset.manifest import DatasetError, Split
from training.frozen.beside import TOKEN_BUDGET, Beside, OpenedBase, Rival, fit_beside
from training.frozen.head import described
from training.frozen.writing import ReadModel, write_reading
from training.model.errors import FitError
from training.model.hub import Hub, open_base
from training.whole_file import CannotWrite


def check_base(folder: Path) -> None:
    """Raises FitError for a folder that holds no base that asllr can read."""
    _quiet()
    open_base(_hub(folder))


def _hub(folder: Path) -> Hub:
    return Hub(str(folder), called=folder.resolve().name)


class AddedBase:
    """Tries one base beside the baselines of several fits; it is loaded once."""

    def __init__(self, request: BaseRequest, said: tuple[WriteLine, StartReport]) -> None:
        _quiet()
        self._said = said
        self._opened = OpenedBase(_hub(request.folder), request.kept)

    def __call__(self, learned: FittedBaseline, terms: LearnRequest, out: Path) -> BaseFinding:
        """Fits a mix of words and base, and writes it to `out` where it is surely ahead of what was
        learned, or where an earlier fit has chosen it. What keeps a base from being read costs no
        more than the base."""
        try:
            return self._tried(learned, terms, out)
        except (CannotWrite, DatasetError, FitError, NotALogit, Unscorable) as error:
            return BaseFinding(False, f"the language model is left out: {error}")

    def _tried(self, learned: FittedBaseline, terms: LearnRequest, out: Path) -> BaseFinding:
        budget = Budget(N_TRIALS)
        in_folds = in_folds_of(learned)
        if in_folds is None:
            raise ValueError(f"{learned.name} has no logits in folds")
        words = _words(learned, budget)
        rival = Rival(learned.name, in_folds, words, is_words=words is learned.model)
        beside = fit_beside(learned.examples, rival, self._opened, budget, self._said)
        was_chosen = terms.base is not None and terms.base.is_heard
        is_heard = beside.is_heard and (beside.is_ahead or bool(was_chosen))
        if is_heard:
            _write(out, beside, learned, terms, self._said[0])
        return BaseFinding(is_heard, _sentence(beside, learned, is_heard=is_heard), beside.lead_ms)


def _words(learned: FittedBaseline, budget: Budget) -> LogisticPredictor:
    model = learned.model
    if learned.name == Baseline.LOGISTIC_WORDS and isinstance(model, LogisticPredictor):
        return model
    return learned.words or fit_logistic_words(learned.examples, budget, lambda line: None)


def _sentence(beside: Beside, learned: FittedBaseline, *, is_heard: bool) -> str:
    name, n_read, n_all = beside.base.name, len(beside.examples), len(learned.examples)
    read = f"{n_read:,} moments of leads" + (f" of {n_all:,}" if n_read < n_all else "")
    gain = f"AUC {_shown(beside.gain)} over {learned.name}, on leads that neither learned from"
    if is_heard:
        return f"the language model {name} is heard beside words, after {read}: {gain}"
    left_out = f"the language model {name} is left out, after {read}"
    if beside.adds_nothing:
        return f"{left_out}: it adds nothing to fields and words on leads that neither learned from"
    return f"{left_out}, as it is not surely ahead: {gain}"


def _shown(gain: Interval) -> str:
    return f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"


def _write(
    out: Path, beside: Beside, learned: FittedBaseline, terms: LearnRequest, log: WriteLine
) -> None:
    everything = np.full(len(beside.examples), Split.CALIBRATE.value)
    examples = replace(beside.examples, split=everything)
    calibration = calibrate(beside.logits_to_calibrate(), examples) or Calibration()
    combined = beside.combined
    settings = {
        "reads": described(combined.head.readout),
        "strength": combined.head.choice.strength,
        **combined.words.described,
    }
    facts = facts_of(
        out,
        replace(learned.examples, rendering=beside.examples.rendering),
        terms,
        (calibration, settings),
    )
    text = (
        f"A linear head on the states of {beside.base.name} ({beside.base.revision}), which was "
        f"not trained: {described(combined.head.readout)}. Its licence applies."
    )
    read = ReadModel(beside.base, combined, beside.prompts, TOKEN_BUDGET)
    with artifact_folder(out) as folder:
        write_reading(folder, read, (facts, text), log)


def _quiet() -> None:
    """Transformers draws bars of its own."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
