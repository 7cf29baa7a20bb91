"""A stack grows on no row that its language model was fitted on."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="needs the train extra")

from schemas.timestamps import EPOCH, from_ms
from scoring.artifact import DataWindow, Manifest
from scoring.engines.readout import READOUT
from scoring.prompt.rendering import first_rendering
from tests.scoring.test_artifact import manifest as artifact_manifest
from tests.training.dataset.rows import DAY_MS, START_MS, manifest, row
from training.baselines.unseen import check_left, seen_rows, split_unseen
from training.dataset.example import Examples, columns_of
from training.dataset.manifest import BEFORE_TEST, DatasetError, DatasetSource, Split

AUTO = first_rendering()

pytestmark = pytest.mark.train

OURS, OTHERS = "a" * 64, "b" * 64
SPLITS = [Split.FIT] * 50 + [Split.JUDGE] * 20 + [Split.CALIBRATE] * 20 + [Split.TEST] * 10


def rows() -> Examples:
    """Two rows in a row are of one cluster."""
    return columns_of(
        (row(number, split, cluster=f"acme/{number // 2}") for number, split in enumerate(SPLITS)),
        rendering=AUTO,
    )


def fitted(dataset: str | None, last_day: int = 1_000) -> Manifest:
    end = from_ms(START_MS + last_day * DAY_MS)
    return artifact_manifest(dataset=dataset, data_window=DataWindow(start=EPOCH, end=end))


def test_of_its_own_dataset_a_model_knows_the_split_fit() -> None:
    seen = seen_rows(fitted(OURS), rows(), manifest(sha256=OURS))
    assert seen.tolist() == [split is Split.FIT for split in SPLITS]


def test_a_head_on_a_frozen_base_knows_all_before_the_test() -> None:
    frozen = fitted(OURS).model_copy(update={"files": {READOUT: OURS}})
    seen = seen_rows(frozen, rows(), manifest(sha256=OURS))
    assert seen.tolist() == [split in BEFORE_TEST for split in SPLITS]


def test_of_a_later_dataset_it_knows_whoever_it_may_have_met() -> None:
    """Until day 40, and the row of day 41, which is of a cluster met on day 40."""
    seen = seen_rows(fitted(OTHERS, last_day=40), rows(), manifest(sha256=OURS))
    assert np.flatnonzero(seen).tolist() == list(range(42))


def test_simulated_leads_and_a_model_of_no_dataset_have_never_met() -> None:
    simulated = manifest(sha256=OURS, as_of_policy="simulated")
    assert not seen_rows(fitted(OTHERS), rows(), simulated).any()
    assert not seen_rows(fitted(None), rows(), manifest(sha256=OURS)).any()


def test_simulated_leads_of_one_seed_are_the_same_people() -> None:
    """Until day 40; a dataset of the seed with more leads or another split holds them again."""
    people = DatasetSource(
        name="simulator, seed 4", first_ingested_at=EPOCH, last_ingested_at=EPOCH, n_events=1
    )
    simulated = manifest(sha256=OURS, as_of_policy="simulated", sources=(people,))
    of_one_seed = fitted(OTHERS, 40).model_copy(update={"sources": simulated.source_names})
    assert np.flatnonzero(seen_rows(of_one_seed, rows(), simulated)).tolist() == list(range(42))
    of_another = of_one_seed.model_copy(update={"sources": ("simulator, seed 5",)})
    assert not seen_rows(of_another, rows(), simulated).any()


def test_what_is_left_is_split_by_time_with_a_cluster_in_one_split() -> None:
    before = rows()
    left = split_unseen(before, before.split == "fit")
    assert left.lead == before.lead[50:]
    homes = {cluster: set(left.split[left.cluster == cluster]) for cluster in left.cluster}
    assert all(len(splits) == 1 for splits in homes.values())
    sizes = [len(left.of(split)) for split in Split]
    assert sizes == [24, 8, 8, 10]
    newest = [left.of(split).as_of_ms.max() for split in Split]
    assert newest == sorted(newest)
    assert left.of(Split.TEST).lead == before.of(Split.TEST).lead


def test_where_nothing_was_seen_the_splits_stay() -> None:
    before = rows()
    left = split_unseen(before, np.zeros(len(before), dtype=bool))
    assert left.split.tolist() == before.split.tolist()


def test_too_few_unseen_orders_name_the_number_and_two_ways_out() -> None:
    left = split_unseen(rows(), rows().split == "fit")
    with pytest.raises(DatasetError, match=r"orders of 12 leads .* needs 13: serve .* --shares"):
        check_left(left, 13)
    check_left(left, 12)


def test_every_row_before_the_test_is_still_there_to_learn_from() -> None:
    before = rows()
    left = split_unseen(before, before.as_of_ms < START_MS + 30 * DAY_MS)
    assert len(left.of(*BEFORE_TEST)) == 60
