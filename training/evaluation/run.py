"""From a dataset folder and artifacts to the report's files and lines: what the commands call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scoring.artifact import Manifest, load_manifest, load_rendering
from scoring.domain.reading import domain_named
from scoring.prompt.rendering import FIRST_PACK, Rendering, newest_rendering
from scoring.report.progress import ReportProgress as Progress
from scoring.report.progress import WriteLine
from training.baselines.baseline import Budget
from training.baselines.registry import Baseline
from training.baselines.unseen import may_have_met
from training.dataset.example import Examples
from training.dataset.folder import read_examples
from training.dataset.manifest import BEFORE_TEST, DatasetManifest, Split
from training.dataset.simulated import POLICY
from training.evaluation import words
from training.evaluation.about import About, about_of, trained_too_late
from training.evaluation.card import model_card
from training.evaluation.files import CARD, HTML, JSON, report_json, to_json
from training.evaluation.judged import (
    EvaluationError,
    JudgedRows,
    Scored,
    judged_of,
    usual_capacity,
)
from training.evaluation.page import html_page
from training.evaluation.report import EvaluationReport, EvaluationRequest, build_report
from training.evaluation.served import score_artifact
from training.evaluation.worst import worst_leads


@dataclass(frozen=True, slots=True)
class EvaluationTerms:
    """What the commands were asked for. `calls_per_day` None: a tenth of a day's leads. `command`
    repeats all this. `against`: baselines to fit on the dataset's older splits, each with
    `n_trials` settings, which read leads as `domain` says (None: as the first artifact)."""

    split: Split
    calls_per_day: float | None
    n_resamples: int
    seed: int
    n_processes: int
    price_per_cpu_hour: float
    with_prompts: bool
    command: str
    against: tuple[Baseline, ...] = ()
    n_trials: int = 24
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The report in all its forms. `files`: name -> content, for `write_report`. `lines` are for a
    terminal."""

    report: EvaluationReport
    json: str
    files: dict[str, str]
    lines: list[str]


def evaluate_artifacts(
    dataset: Path,
    artifacts: Mapping[str, Path],
    terms: EvaluationTerms,
    progress: Callable[[str], Progress],
    log: WriteLine,
) -> EvaluationResult:
    """Scores the artifacts (name to show -> folder) and the baselines, and reports on them. Raises
    DatasetError, ArtifactError, EvaluationError."""
    manifests = {name: load_manifest(path) for name, path in artifacts.items()}
    every, manifest = read_examples(dataset, _rendering(artifacts, manifests, terms))
    examples = every.of(terms.split)
    if not len(examples):
        raise EvaluationError(
            f"dataset {dataset} has no rows in split {terms.split}; choose another with --split"
        )
    judged = judged_of(examples)
    models = [
        score_artifact(
            path,
            examples,
            n_processes=terms.n_processes,
            report=progress(f"{name} scores"),
            name=name,
        )
        for name, path in artifacts.items()
    ]
    models += _baselines(every, examples, terms, log)
    about = _about(examples, manifest, [model.name for model in models], terms)
    about = replace(about, findings=(*about.findings, *_misfits(manifests, manifest, about, terms)))
    outcome = conclude(about, examples, judged, models, terms)
    if len(artifacts) != 1:
        return outcome
    (artifact,) = manifests.values()
    card = model_card(about, outcome.report, outcome.report.models[0], artifact)
    return replace(outcome, files={**outcome.files, CARD: card})


def conclude(
    about: About,
    examples: Examples,
    judged: JudgedRows,
    models: list[Scored],
    terms: EvaluationTerms,
) -> EvaluationResult:
    """Builds the report from models that have scored `examples`, however they did that."""
    capacity = terms.calls_per_day or usual_capacity(judged)
    request = EvaluationRequest(capacity, terms.n_resamples, terms.seed)
    report = build_report(judged, models, request)
    worst = {
        model.name: worst_leads(examples, judged, model) for model in models if terms.with_prompts
    }
    json_text = to_json(report_json(about, report))
    return EvaluationResult(
        report=report,
        json=json_text,
        files={HTML: html_page(about, report, worst), JSON: json_text + "\n"},
        lines=[*about.findings, *words.lines(report)],
    )


def _rendering(
    artifacts: Mapping[str, Path], manifests: Mapping[str, Manifest], terms: EvaluationTerms
) -> Rendering:
    """How baselines read the leads: as they were told to, or as the first artifact does."""
    if terms.domain is None and artifacts:
        name, path = next(iter(artifacts.items()))
        return load_rendering(path, manifests[name])
    return newest_rendering(domain_named(terms.domain or FIRST_PACK))


def _misfits(
    artifacts: Mapping[str, Manifest],
    dataset: DatasetManifest,
    about: About,
    terms: EvaluationTerms,
) -> Iterator[str]:
    """Warnings about artifacts whose figures on these rows mean something else."""
    for name, artifact in artifacts.items():
        if artifact.dataset == dataset.sha256 and terms.split is not Split.TEST:
            yield (
                f"warning: {name} was made from {about.split} of this very dataset: its figures "
                "are too good; judge it on split test"
            )
        elif dataset.as_of_policy != POLICY or may_have_met(artifact, dataset):
            yield from filter(None, [trained_too_late(name, artifact.data_window.end, about)])
        if artifact.horizon_days != dataset.horizon_days:
            yield (
                f"warning: {name} says how likely an order is within {artifact.horizon_days} days, "
                f"these rows tell of {dataset.horizon_days}: judge its order only, not its "
                "calibration, log loss or Brier score"
            )


def _baselines(
    every: Examples, judged: Examples, terms: EvaluationTerms, log: WriteLine
) -> list[Scored]:
    if not terms.against:
        return []
    if terms.split is not Split.TEST:
        raise EvaluationError(
            f"baselines are fitted on what is older than the test, split {terms.split} is of that; "
            "judge on split test"
        )
    # Imported here: judging an artifact alone needs neither lightgbm nor scikit-learn.
    from training.evaluation.rivals import score_baselines

    before_test = every.of(*BEFORE_TEST)
    return score_baselines(
        terms.against, before_test, judged, Budget(terms.n_trials, terms.seed), log
    )


def _about(
    examples: Examples, manifest: DatasetManifest, names: list[str], terms: EvaluationTerms
) -> About:
    return about_of(
        examples,
        manifest,
        title=" beside ".join(names),
        command=terms.command,
        split=f"split {terms.split}",
        price_per_cpu_hour=terms.price_per_cpu_hour,
    )
