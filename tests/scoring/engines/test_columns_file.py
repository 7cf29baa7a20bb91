"""An artifact's columns survive the disk, and a file that is not theirs is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scoring.artifact import ArtifactError, load_manifest, save_manifest
from scoring.columns.columns import Columns
from scoring.engine import Unscorable
from scoring.engines import columns_file
from scoring.engines.columns_file import COLUMNS, WORDS_ARRAY, load_columns, save_columns
from scoring.engines.linear import LINEAR
from scoring.engines.loading import load_engine, load_scorer
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.prompt.rendering import first_rendering
from tests.scoring.histories import START_MS
from tests.support.engines.table_artifacts import build_linear_artifact, small_columns
from tests.support.leads.lead_events import joins, talks, writes

HISTORY = history_of(fold([joins(0), talks(5, "the price is too high"), writes(9)]))


def test_what_is_read_back_computes_the_same_bits(tmp_path: Path) -> None:
    save_columns(tmp_path, small_columns())
    read = load_columns(tmp_path)
    assert read.part_names == small_columns().part_names
    expected = small_columns().row(HISTORY, START_MS)
    assert read.row(HISTORY, START_MS).tobytes() == expected.tobytes()


def test_columns_without_words_need_no_array(tmp_path: Path) -> None:
    whole = small_columns()
    save_columns(tmp_path, Columns(whole.own, whole.aggregates))
    assert not (tmp_path / WORDS_ARRAY).exists()
    assert load_columns(tmp_path).words is None


def test_a_scorer_reads_its_columns_and_its_score_depends_on_them(tmp_path: Path) -> None:
    scorer = load_scorer(build_linear_artifact(tmp_path / "linear", small_columns()))
    read = scorer.read(HISTORY, START_MS)
    assert np.array_equal(read.columns, small_columns().row(HISTORY, START_MS), equal_nan=True)
    (logit,) = scorer.engine.logits([read])
    (other,) = scorer.engine.logits([scorer.read(history_of(fold([joins(0)])), START_MS)])
    assert logit != other


def test_a_model_on_other_columns_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    path = build_linear_artifact(tmp_path / "linear", small_columns())
    manifest = load_manifest(path)
    with pytest.raises(ArtifactError, match=r"reads rows of \d+ numbers, .* make 31; fit and"):
        load_engine(path, manifest, first_rendering())
    save_manifest(path, manifest, [LINEAR])
    with pytest.raises(ArtifactError, match="make 31"):
        load_scorer(path)


def test_an_input_of_another_artifact_is_unscorable(tmp_path: Path) -> None:
    with_columns = load_scorer(build_linear_artifact(tmp_path / "a", small_columns()))
    without = load_scorer(build_linear_artifact(tmp_path / "b"))
    with pytest.raises(Unscorable, match=r"the columns has shape \(0,\)"):
        with_columns.engine.logits([without.read(HISTORY, START_MS)])


def _json(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = json.loads((folder / COLUMNS).read_text(encoding="utf-8"))
        change(content)
        (folder / COLUMNS).write_text(json.dumps(content), encoding="utf-8")

    return damage


def _array(array: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / WORDS_ARRAY, array, allow_pickle=True)


def _cut(folder: Path) -> None:
    whole = (folder / WORDS_ARRAY).read_bytes()
    (folder / WORDS_ARRAY).write_bytes(whole[:-4])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_json(lambda content: content.update(format=2)), "columns of format 1: format"),
        (_json(lambda content: content.update(extra=1)), "extra"),
        (_json(lambda content: content.update(bias=[0.0])), "not a projection of 4 terms on 2"),
        (lambda folder: (folder / COLUMNS).write_text("{"), "does not describe columns"),
        (lambda folder: (folder / COLUMNS).unlink(), "cannot be read"),
        (lambda folder: (folder / WORDS_ARRAY).unlink(), "cannot be read"),
        (_array(np.zeros((4, 3), dtype=np.float32)), "not a projection of 4 terms on 2"),
        (_array(np.zeros((4, 2))), "finite float32"),
        (_array(np.full((4, 2), np.inf, dtype=np.float32)), "finite float32"),
        (_array(np.array([{"run": "me"}], dtype=object)), "cannot be read"),
        (_cut, "cannot be read"),
    ],
)
def test_a_damaged_file_is_one_sentence(
    damage: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    save_columns(tmp_path, small_columns())
    damage(tmp_path)
    with pytest.raises(ArtifactError, match=says):
        load_columns(tmp_path)


@pytest.mark.parametrize("limit", ["MAX_JSON_BYTES", "MAX_ARRAY_BYTES"])
def test_a_file_of_another_size_is_not_read(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_columns(tmp_path, small_columns())
    monkeypatch.setattr(columns_file, limit, 16)
    with pytest.raises(ArtifactError, match="at most 16 are read"):
        load_columns(tmp_path)
