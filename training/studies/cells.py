"""Cells: one model on one bench, fitted and calibrated, with its scores kept on disk and read
again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from scoring.artifact import digest, load_manifest
from scoring.floats import Floats
from scoring.report.progress import ReportProgress, WriteLine
from training.baselines.baseline import Budget
from training.baselines.columns.own_fields import fit_own_fields
from training.baselines.columns.practice import practice_id
from training.baselines.fitted import logits_to_calibrate
from training.baselines.registry import Baseline, fit_baseline
from training.baselines.stack import stack_prepared
from training.baselines.tree import prepare_columns
from training.baselines.tree_tabular import fit_feature_columns
from training.baselines.tree_text import fit_text_columns
from training.baselines.unseen import Mask, seen_rows, split_unseen
from training.dataset.example import Examples
from training.evaluation.judged import EvaluationError, Scored
from training.evaluation.rivals import calibrated
from training.evaluation.served import score_artifact
from training.studies.bench import Bench
from training.whole_file import whole_file

ARTIFACT, READ, STACK, STACK_TABULAR = "artifact", "language_model", "stack", "stack_tabular"
BAYES = "bayes"
COLUMNS_VERSION = 7
"""The version of what baselines read and learn from; raised when it changes, so that older cells
are computed again."""

STACKS = {STACK_TABULAR: fit_feature_columns, STACK: fit_text_columns}
"""Stack -> the columns that its trees read beside the language model's logit."""

NAMES = (*(baseline.value for baseline in Baseline), READ, *STACKS, ARTIFACT, BAYES)
"""The names of all models that a bench may have."""


@dataclass(frozen=True, slots=True)
class Means:
    """What cells are computed with. `artifact` None: no language model, so no stack."""

    budget: Budget
    artifact: Path | None
    n_processes: int
    say: WriteLine
    progress: Callable[[str], ReportProgress]


@dataclass
class Cells:
    """The cells of one bench, computed when they are asked for."""

    bench: Bench
    means: Means

    @property
    def names(self) -> list[str]:
        names = [baseline.value for baseline in Baseline]
        if not fit_own_fields(self.bench.before_test).column_names:
            names.remove(Baseline.TREE_FIELDS)  # it would be tree_tabular again
        if not self.bench.judged.has_truth:
            names.remove(Baseline.TREE_PRACTISED)  # it practised on the simulator's calls
        if self.means.artifact is not None:
            names += [READ, *STACKS, ARTIFACT]
        return [*names, BAYES] if self.bench.judged.has_truth else names

    def scored(self, name: str) -> Scored:
        if name == BAYES:
            truth = self.bench.judged.true_probability
            return Scored(BAYES, truth, truth)
        if name == ARTIFACT:
            return self._served[1]
        return self._stored(name, lambda: self._fitted(name))

    def _fitted(self, name: str) -> Scored:
        before_test, judged = self.bench.before_test, self.bench.judged
        if name in STACKS:
            return self._stacked(name)
        if name == READ:
            logits_before_test, judged_logits = self._read
        else:
            model = fit_baseline(Baseline(name), before_test, self.means.budget, self._saying(name))
            logits_before_test = logits_to_calibrate(model, before_test)
            judged_logits = model.logits(judged)
        return calibrated(name, before_test, logits_before_test, judged_logits)

    def _stacked(self, name: str) -> Scored:
        """A stack, grown on rows that the language model was not fitted on."""
        logits_before_test, judged_logits = self._read
        is_seen = self._is_seen
        before_test = split_unseen(self.bench.before_test, is_seen)
        logits_before_test = logits_before_test[~is_seen]
        budget = self.means.budget
        prepared = prepare_columns(before_test, budget, STACKS[name])
        model = stack_prepared(
            prepared, before_test, logits_before_test, budget, self._saying(name)
        )
        stacked_before_test = model.logits_to_calibrate(before_test, logits_before_test)
        stacked_judged = model.logits(self.bench.judged, judged_logits)
        return calibrated(name, before_test, stacked_before_test, stacked_judged)

    @property
    def _is_seen(self) -> Mask:
        bench, artifact = self.bench, self.means.artifact
        if artifact is None:
            raise EvaluationError("no artifact was named")
        return seen_rows(load_manifest(artifact), bench.before_test, bench.manifest)

    @cached_property
    def _read(self) -> tuple[Floats, Floats]:
        """The language model's logits of the rows before the test and of the test rows."""
        logits_before_test, judged_logits = (each.read for each in self._served)
        if logits_before_test is None or judged_logits is None:
            raise EvaluationError(
                f"the artifact at {self.means.artifact} has no language model; name one that has, "
                "or none"
            )
        return logits_before_test, judged_logits

    @cached_property
    def _served(self) -> tuple[Scored, Scored]:
        """The artifact's scores of the rows before the test and of the test rows."""
        return (
            self._stored("artifact-known", lambda: self._serve(self.bench.before_test)),
            self._stored(ARTIFACT, lambda: self._serve(self.bench.judged)),
        )

    def _serve(self, examples: Examples) -> Scored:
        if self.means.artifact is None:
            raise EvaluationError("no artifact was named")
        report = self.means.progress(f"{self.bench.name}: artifact scores")
        return score_artifact(
            self.means.artifact,
            examples,
            n_processes=self.means.n_processes,
            report=report,
            name=ARTIFACT,
        )

    def _stored(self, name: str, compute: Callable[[], Scored]) -> Scored:
        path, key = self.bench.folder / f"{name}.safetensors", self._key(name)
        if (stored := read_cell(path, key, self.means.say)) is not None:
            return stored
        self.means.say(f"{self.bench.name}: {name}")
        made = compute()
        write_cell(path, key, made)
        return made

    def _key(self, name: str) -> str:
        """Everything that the scores depend on: a cell with another key is computed again."""
        reads = name in (READ, *STACKS) or name.startswith(ARTIFACT)
        artifact = self.means.artifact if reads else None
        follows = {
            "name": name,
            "columns": COLUMNS_VERSION,
            "data": self.bench.data_sha256,
            "trials": self.means.budget.n_trials,
            "seed": self.means.budget.seed,
            "artifact": None if artifact is None else digest(artifact),
        }
        if name == Baseline.TREE_PRACTISED:
            follows["practice"] = practice_id()
        return json.dumps(follows)

    def _saying(self, name: str) -> WriteLine:
        return lambda line: self.means.say(f"{self.bench.name}: {name}: {line}")


def read_cell(path: Path, key: str, say: WriteLine) -> Scored | None:
    """Reads a cell; None where there is no cell with this key, or a damaged one."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("key") != key:
                return None
            columns = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no dict
    except (SafetensorError, OSError) as error:
        say(f"{path} is damaged or cut short ({error}); computed again")
        return None
    return Scored(
        name=json.loads(key)["name"],
        scores=columns["scores"],
        probabilities=columns["probabilities"],
        read=columns.get("read"),
    )


def write_cell(path: Path, key: str, scored: Scored) -> None:
    """Writes a cell, complete or not at all. Raises CannotWrite."""
    columns = {"scores": scored.scores, "probabilities": scored.probabilities}
    if scored.read is not None:
        columns["read"] = scored.read
    whole = {name: np.ascontiguousarray(each) for name, each in columns.items()}
    with whole_file(path) as part:
        save_file(whole, part, {"key": key})
