"""From scores to the table of a study: means over benches, differences to a rival, the way to the
best.

For each model: its mean over the benches of a group, its paired difference to a rival, and how far
it has come on the way to the best possible score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scoring.floats import Floats
from scoring.metrics.bootstrap import Bootstrap, Interval, Replicates, Statistic, replicates
from scoring.metrics.metrics import expected_calibration_error
from scoring.metrics.thresholds import (
    aucs,
    average_precisions,
    best_mass,
    caught,
    rank_by,
    ratio,
    tally,
)
from scoring.metrics.verdict import Verdict, judge
from training.evaluation.judged import JudgedRows, Scored
from training.evaluation.way import share_of_the_way

METRICS = ("AUC", "average precision", "precision at 1%", "precision at 10%")
FRACTIONS = (0.01, 0.1)
RIVAL, START, BAYES = "tree_text", "tree_tabular", "bayes"


@dataclass(frozen=True, slots=True)
class TableRow:
    """One model. `over_rival`: paired differences of METRICS to the table's rival. `way`: None
    where the truth is unknown. `spread`: the standard deviation of the AUC over benches, NaN for
    one."""

    model: str
    values: tuple[Interval, ...]
    over_rival: tuple[Interval, ...]
    verdict: Verdict
    way: Interval | None
    spread: float
    ece: float


@dataclass(frozen=True, slots=True)
class StudyTable:
    """One group of benches. `is_expected`: against true probabilities, so without label noise."""

    group: str
    rival: str
    n_benches: int
    n_rows: int
    n_positives: int
    is_expected: bool
    rows: list[TableRow]


def headline(scores: ArrayLike, outcomes: ArrayLike) -> Statistic:
    """The statistic that gives METRICS."""
    ranked = rank_by(scores, outcomes)

    def statistic(weightings: Floats) -> Floats:
        table = tally(ranked, weightings)
        masses = [best_mass(table, fraction) for fraction in FRACTIONS]
        whole = (aucs(table), average_precisions(table))
        return np.column_stack([*whole, *(ratio(caught(table, n), n) for n in masses)])

    return statistic


def build_table(
    group: str,
    benches: Sequence[tuple[JudgedRows, Mapping[str, Scored]]],
    *,
    n_resamples: int,
    seed: int,
    rival: str = RIVAL,
) -> StudyTable:
    """Computes the table. All benches hold the same models, `rival` among them. Leads are resampled
    within each bench, benches are not: the interval is about leads, `spread` about fits."""
    names = list(benches[0][1])
    is_expected = all(judged.has_truth for judged, _ in benches)
    resampled = [
        replicates(
            [headline(models[name].scores, _outcomes(judged, is_expected)) for name in names],
            len(judged),
            Bootstrap(np.random.default_rng((seed, number)), n_resamples),
            weights=judged.weights,
            clusters=judged.clusters,
        )
        for number, (judged, models) in enumerate(benches)
    ]
    mean = Replicates(
        np.mean([each.values for each in resampled], axis=0),
        np.mean([each.drawn for each in resampled], axis=0),
        resampled[0].level,
    )
    n_who_ordered = sum(judged.n_who_ordered for judged, _ in benches)
    return StudyTable(
        group=group,
        rival=rival,
        n_benches=len(benches),
        n_rows=sum(len(judged) for judged, _ in benches),
        n_positives=sum(judged.n_positives for judged, _ in benches),
        is_expected=is_expected,
        rows=[
            _row(
                names,
                i,
                names.index(rival),
                mean,
                resampled,
                None if is_expected else n_who_ordered,
                _mean_ece(name, benches),
            )
            for i, name in enumerate(names)
        ],
    )


def _row(
    names: list[str],
    at: int,
    rival: int,
    mean: Replicates,
    resampled: Sequence[Replicates],
    n_who_ordered: int | None,
    ece: float,
) -> TableRow:
    over = tuple(mean.difference(at, rival, i) for i in range(len(METRICS)))
    by_bench = [float(each.values[at, 0]) for each in resampled]
    return TableRow(
        model=names[at],
        values=tuple(mean.interval(at, i) for i in range(len(METRICS))),
        over_rival=over,
        verdict=judge(over[0], n_who_ordered).verdict,
        way=_way(names, at, mean),
        spread=float(np.std(by_bench, ddof=1)) if len(by_bench) > 1 else float("nan"),
        ece=ece,
    )


def _way(names: list[str], at: int, mean: Replicates) -> Interval | None:
    if BAYES not in names or START not in names:
        return None
    return share_of_the_way(mean, at, names.index(START), names.index(BAYES))


def _mean_ece(name: str, benches: Sequence[tuple[JudgedRows, Mapping[str, Scored]]]) -> float:
    return float(
        np.mean(
            [
                expected_calibration_error(
                    models[name].probabilities, judged.labels, weights=judged.weights
                )
                for judged, models in benches
            ]
        )
    )


def _outcomes(judged: JudgedRows, is_expected: bool) -> Floats:
    return judged.truth if is_expected else judged.labels


def markdown(table: StudyTable) -> str:
    kind = "expected " if table.is_expected else ""
    heads = ["model", *(kind + name for name in METRICS), "ECE"]
    heads += [f"AUC over {table.rival}", "verdict"]
    with_way = any(row.way for row in table.rows)
    heads += [f"way {START} → {BAYES}"] if with_way else []
    lines = [
        f"## {table.group}",
        "",
        f"{table.n_benches} benches, {table.n_rows:,} rows, {table.n_positives:,} positive; mean "
        "over benches, 95% intervals over leads, ± is the standard deviation over benches.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
    ]
    ordered = sorted(table.rows, key=lambda row: row.values[0].value)
    lines += [f"| {' | '.join(_cells(row, table.rival, with_way=with_way))} |" for row in ordered]
    return "\n".join(lines) + "\n"


def _cells(row: TableRow, rival: str, *, with_way: bool) -> list[str]:
    auc, *tops = (f"{v.value:.4f} [{v.low:.4f}, {v.high:.4f}]" for v in row.values)
    spread = "" if np.isnan(row.spread) else f" ±{row.spread:.4f}"
    over, way = row.over_rival[0], row.way
    is_rival = row.model == rival
    cells = [
        row.model,
        auc + spread,
        *tops,
        f"{row.ece:.4f}",
        "" if is_rival else f"{over.value:+.4f} [{over.low:+.4f}, {over.high:+.4f}]",
        "" if is_rival else row.verdict.value,
    ]
    if with_way:
        cells.append("" if way is None else f"{way.value:.0%} [{way.low:.0%}, {way.high:.0%}]")
    return cells
