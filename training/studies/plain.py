"""Compares what `asllr baseline` serves with plain models of the same leads' raw text and columns.

    python -m training.studies.plain DATASET... --domain donations

The datasets are repetitions of one question, such as splits by seed; a lead may be in the test rows
of several. The plain models are what anybody tries first, with their libraries' defaults: TF-IDF of
words and pairs with a logistic regression, and gradient boosting on all fields and codes. They
learn from all rows before the test.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from scoring.columns.encoding import Rows
from scoring.domain.reading import domain_named
from scoring.floats import Floats
from scoring.lead.state import PROFILE, LeadState, Value
from scoring.metrics.bootstrap import Bootstrap, Replicates, Statistic, replicates
from scoring.metrics.metrics import expected_calibration_error
from scoring.metrics.thresholds import aucs, average_precisions, rank_by, tally
from scoring.prompt.field_values import STAGE
from scoring.prompt.rendering import FIRST_PACK, Rendering, newest_rendering
from training.baselines.baseline import Budget, labels_of
from training.baselines.recommended import fit_recommended
from training.cli.console import say
from training.cli.refusal import exiting
from training.dataset.example import Examples
from training.dataset.folder import read_examples, read_manifest
from training.dataset.manifest import BEFORE_TEST, Split
from training.whole_file import whole_file

LABELS, WEIGHTS, CLUSTERS = "labels", "weights", "clusters"
PLAIN_WORDS, PLAIN_COLUMNS, CHOSEN = "plain words", "plain columns", "chosen"
MAX_LEVELS = 254
"""What scikit-learn's boosting reads of one column of words."""

MAX_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class ComparedSplit:
    """The test rows of one dataset and each model's scores of them. `labels`: those of
    `outcomes_of`. `probabilities`: calibrated scores, of all models or of none."""

    labels: Floats
    weights: Floats
    clusters: NDArray[np.str_]
    scores: Mapping[str, Floats]
    probabilities: Mapping[str, Floats] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = study_parser("training.studies.plain", __doc__)
    parser.add_argument("--work", type=Path, default=Path("build/plain"), help="keeps scores")
    options = parser.parse_args(arguments)
    with exiting():
        rendering = newest_rendering(domain_named(options.domain))
        budget = Budget(options.trials, options.seed)
        splits = [kept_split(folder, rendering, budget, options.work) for folder in options.dataset]
        bootstrap = Bootstrap(np.random.default_rng(options.seed), options.resamples)
        sys.stdout.write(markdown(splits, bootstrap))


def kept_split(folder: Path, rendering: Rendering, budget: Budget, work: Path) -> ComparedSplit:
    """What an earlier run left in `work`, which is not computed again. Raises DatasetError."""
    asked = (read_manifest(folder).sha256, rendering.features_id, budget)
    file = work / f"{sha256(repr(asked).encode()).hexdigest()[:16]}.npz"
    if not file.exists():
        split = compare_split(folder, rendering, budget)
        work.mkdir(parents=True, exist_ok=True)
        rows: dict[str, Any] = {LABELS: split.labels, WEIGHTS: split.weights}
        rows |= {CLUSTERS: split.clusters, **split.scores}
        with whole_file(file) as part, part.open("wb") as stream:
            np.savez(stream, **rows)
    with np.load(file, allow_pickle=False) as stored:
        columns = dict(stored)
    labels, weights, clusters = (columns.pop(name) for name in (LABELS, WEIGHTS, CLUSTERS))
    return ComparedSplit(labels, weights, clusters, columns)


def compare_split(folder: Path, rendering: Rendering, budget: Budget) -> ComparedSplit:
    """Fits all models on the rows before the test. Raises DatasetError."""
    examples, _ = read_examples(folder, rendering)
    known, judged = examples.of(*BEFORE_TEST), examples.of(Split.TEST)
    scores = {PLAIN_COLUMNS: plain_columns(known, judged)}
    if any(map(text_of, known.states)):
        scores[PLAIN_WORDS] = plain_words(known, judged)
    recommended = fit_recommended(known, budget, lambda line: None)
    scores |= {name: model.logits(judged) for name, model in recommended.models.items()}
    scores[CHOSEN] = scores[recommended.name]
    labels = outcomes_of(judged)
    of_each = aucs_of(scores, labels, judged.weight)
    shown = ", ".join(f"{name} {auc:.4f}" for name, auc in of_each.items())
    say(f"{folder.name}: {shown}; {recommended.why}")
    return ComparedSplit(labels, judged.weight, judged.cluster, scores)


def plain_words(known: Examples, judged: Examples) -> Floats:
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    matrix = vectorizer.fit_transform(map(text_of, known.states))
    model = LogisticRegression(max_iter=MAX_STEPS).fit(matrix, known.label, known.weight)
    scores: Floats = model.decision_function(vectorizer.transform(map(text_of, judged.states)))
    return scores


def text_of(state: LeadState) -> str:
    """All that was said and written."""
    if state.talk is None:
        return ""
    pieces = state.talk.pieces
    turns = [turn.text for call in pieces.transcripts for turn in call.turns]
    written = [text for one in pieces.writings for text in (one.text, one.note) if text]
    return "\n".join([*turns, *written])


def plain_columns(known: Examples, judged: Examples) -> Floats:
    raw, other = ([raw_columns(state) for state in part.states] for part in (known, judged))
    names = sorted({name for row in raw for name in row})
    levels = [_levels(name, raw) for name in names]
    model = HistGradientBoostingClassifier(
        categorical_features=[bool(each) for each in levels], random_state=0
    )
    model.fit(_table(raw, names, levels), known.label, known.weight)
    scores: Floats = model.decision_function(_table(other, names, levels))
    return scores


def raw_columns(state: LeadState) -> dict[str, Value]:
    """The fields and the stage as they were sent, and how often each code was noted."""
    fields = {
        name: value
        for name, value in state.values().items()
        if name.startswith(PROFILE) or name == STAGE
    }
    codes = Counter(f"code {code}" for fact in state.facts for code in fact.codes)
    return {**fields, **codes}


def _levels(name: str, raw: list[dict[str, Value]]) -> dict[str, int]:
    """The numbers of a column's words, the commonest first; none where all are numbers."""
    counts = Counter(value for row in raw if isinstance(value := row.get(name), str))
    common = sorted(counts, key=lambda word: (-counts[word], word))[:MAX_LEVELS]
    return {word: at for at, word in enumerate(common)}


def _table(raw: list[dict[str, Value]], names: list[str], levels: list[dict[str, int]]) -> Rows:
    rows = [
        [
            _number(row.get(name, 0 if name.startswith("code ") else None), of_column)
            for name, of_column in zip(names, levels, strict=True)
        ]
        for row in raw
    ]
    return np.array(rows, dtype=np.float32).reshape(len(raw), len(names))


def _number(value: Value, levels: Mapping[str, int]) -> float:
    if levels:
        return float(levels[value]) if isinstance(value, str) and value in levels else np.nan
    return np.nan if value is None or isinstance(value, str) else float(value)


def outcomes_of(examples: Examples) -> Floats:
    """The true probabilities where they are known, of simulated leads, else the labels: against the
    former an AUC is an expected one, which a few thousand leads tell without the labels' noise."""
    return examples.true_probability if examples.has_truth else labels_of(examples)


def aucs_of(scores: Mapping[str, Floats], labels: Floats, weights: Floats) -> dict[str, float]:
    return {
        name: float(aucs(tally(rank_by(of_model, labels), weights[None, :]))[0])
        for name, of_model in scores.items()
    }


def resampled(splits: Sequence[ComparedSplit], names: Sequence[str], how: Bootstrap) -> Replicates:
    """The mean AUC over the splits, of each model. A cluster is drawn once for all splits: who is
    in the test rows of two is one person."""
    return replicates(
        [_mean_auc(splits, name) for name in names],
        sum(len(split.labels) for split in splits),
        how,
        weights=np.concatenate([split.weights for split in splits]),
        clusters=np.concatenate([split.clusters for split in splits]),
    )


def _mean_auc(splits: Sequence[ComparedSplit], name: str) -> Statistic:
    ranked = [rank_by(split.scores[name], split.labels) for split in splits]
    ends = np.cumsum([len(split.labels) for split in splits])[:-1]

    def statistic(weightings: Floats) -> Floats:
        parts = np.split(weightings, ends, axis=1)
        means = [aucs(tally(of_split, part)) for of_split, part in zip(ranked, parts, strict=True)]
        mean: Floats = np.mean(means, axis=0)[:, None]
        return mean

    return statistic


def markdown(
    splits: Sequence[ComparedSplit],
    how: Bootstrap,
    compared_with: Sequence[str] = (PLAIN_WORDS, PLAIN_COLUMNS),
) -> str:
    names = list(splits[0].scores)
    rivals = [name for name in compared_with if name in names]
    drawn = resampled(splits, names, how)
    by_split = [aucs_of(split.scores, split.labels, split.weights) for split in splits]
    is_expected = any(((split.labels > 0) & (split.labels < 1)).any() for split in splits)
    auc = "expected AUC" if is_expected else "AUC"
    more = _precision_and_calibration(splits)
    heads = ["model", auc, "by split", *(f"over {rival}" for rival in rivals)]
    heads += ["AP", "ECE"] if more else []
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for at, name in sorted(enumerate(names), key=lambda one: float(drawn.values[one[0], 0])):
        each = " ".join(f"{aucs_of_split[name]:.3f}" for aucs_of_split in by_split)
        cells = [name, _shown(drawn, at), each]
        cells += ["" if name == r else _shown(drawn, at, names.index(r)) for r in rivals]
        cells += more.get(name, [])
        lines.append(f"| {' | '.join(cells)} |")
    n_rows = sum(len(split.labels) for split in splits)
    return "\n".join([f"{len(splits)} splits, {n_rows:,} test rows", "", *lines]) + "\n"


def _precision_and_calibration(splits: Sequence[ComparedSplit]) -> dict[str, list[str]]:
    """Average precision and expected calibration error of each model, means over the splits; none
    where there are no probabilities."""
    return {
        name: [
            f"{np.mean([_average_precision(split, name) for split in splits]):.3f}",
            f"{np.mean([_calibration_error(split, name) for split in splits]):.3f}",
        ]
        for name in splits[0].probabilities
    }


def _average_precision(split: ComparedSplit, name: str) -> float:
    table = tally(rank_by(split.scores[name], split.labels), split.weights[None, :])
    return float(average_precisions(table)[0])


def _calibration_error(split: ComparedSplit, name: str) -> float:
    probabilities, weights = split.probabilities[name], split.weights
    return expected_calibration_error(probabilities, split.labels, weights=weights)


def _shown(drawn: Replicates, at: int, rival: int | None = None) -> str:
    if rival is None:
        one = drawn.interval(at, 0)
        return f"{one.value:.4f} [{one.low:.4f}, {one.high:.4f}]"
    one = drawn.difference(at, rival, 0)
    return f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"


def study_parser(program: str, about: str | None) -> argparse.ArgumentParser:
    """What every study of several datasets is asked for."""
    parser = argparse.ArgumentParser(prog=program, description=about)
    add = parser.add_argument
    add("dataset", type=Path, nargs="+", help="folders of `asllr dataset`, all of one question")
    add("--domain", default=FIRST_PACK, help="a pack or a domain.toml (default: %(default)s)")
    add("--trials", type=int, default=24, help="settings that each of our models may try")
    add("--resamples", type=int, default=1000, help="of the bootstrap")
    add("--seed", type=int, default=0, help="of trials and bootstrap")
    return parser


if __name__ == "__main__":
    main()
