"""Finds the rows that a language model was fitted on, and makes a dataset without them.

Trees trust a logit as much as it was worth on the rows they grow on. On rows that the language
model was fitted on, its logit knows a little of the label, so a stack grows on other rows only.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from schemas.timestamps import to_ms
from scoring.artifact import Manifest
from scoring.engines.readout import READOUT
from training.dataset.example import Examples
from training.dataset.manifest import BEFORE_TEST, DatasetError, DatasetManifest, Split
from training.dataset.simulated import POLICY

Mask = NDArray[np.bool_]

FIT_SHARE, JUDGE_SHARE = 0.6, 0.2
"""Shares of train and validation among the rows left before the test, oldest leads first; the rest
is for calibration."""


def seen_rows(artifact: Manifest, examples: Examples, dataset: DatasetManifest) -> Mask:
    """Marks the rows that `artifact` may have been fitted on: of its own dataset the train split,
    or all before the test for a head on a frozen base; of another dataset every cluster that it may
    have met in the time of its data."""
    if artifact.dataset == dataset.sha256:
        learned = BEFORE_TEST if READOUT in artifact.files else (Split.FIT,)
        return np.isin(examples.split, [split.value for split in learned])
    if not may_have_met(artifact, dataset):
        return np.zeros(len(examples), dtype=bool)
    early = examples.as_of_ms <= to_ms(artifact.data_window.end)
    return np.isin(examples.cluster, np.unique(examples.cluster[early]))


def may_have_met(artifact: Manifest, dataset: DatasetManifest) -> bool:
    """Whether the artifact may have been fitted on leads of this dataset. Simulated leads of
    another seed are other people at the same dates. An artifact that names no dataset has met
    simulated leads only."""
    if dataset.as_of_policy == POLICY:
        return not set(dataset.source_names).isdisjoint(artifact.sources)
    return artifact.dataset is not None


def split_unseen(examples: Examples, is_seen: Mask) -> Examples:
    """The rows that are not `is_seen`. Where some of those were there to learn from, what is left
    before the test is split again: by time, a cluster in one split only."""
    is_older = np.isin(examples.split, [split.value for split in BEFORE_TEST])
    left = examples.take(np.flatnonzero(~is_seen))
    if not (is_seen & is_older).any():
        return left
    older = np.flatnonzero(is_older[~is_seen])
    split = left.split.copy()
    split[older] = _by_cluster(left.cluster[older])
    return replace(left, split=split)


def check_left(left: Examples, min_positives: int) -> None:
    """Raises DatasetError where the unseen rows are too few to grow trees on."""
    n_positive = left.of(Split.FIT).n_who_ordered
    if n_positive < min_positives:
        raise DatasetError(
            "the rows that the language model was not fitted on have orders of "
            f"{n_positive} leads to grow trees on, a stack needs {min_positives}: serve the "
            "language model alone, or give the later splits more (`asllr dataset --shares "
            "40,25,20,15`) and fit it again"
        )


def _by_cluster(clusters: NDArray[np.str_]) -> NDArray[np.str_]:
    """A split for each row. Rows are in order of time; a cluster is as old as its first row."""
    _, first, number = np.unique(clusters, return_index=True, return_inverse=True)
    sizes = np.bincount(number)
    by_age = np.argsort(first, kind="stable")
    older = np.empty(len(sizes), dtype=np.int64)
    older[by_age] = np.cumsum(sizes[by_age]) - sizes[by_age]
    share = (older / max(len(clusters), 1))[number]
    names = np.array([split.value for split in BEFORE_TEST])
    chosen: NDArray[np.str_] = names[np.digitize(share, [FIT_SHARE, FIT_SHARE + JUDGE_SHARE])]
    return chosen
