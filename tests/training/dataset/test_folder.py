"""A dataset folder: what is written is read, and nothing else is."""

from __future__ import annotations

import resource
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from scoring.domain.reading import pack
from scoring.lead.state_bytes import from_bytes
from scoring.prompt.prompt import PromptSpec
from scoring.prompt.rendering import Rendering, first_rendering
from tests.training.dataset.rows import codes, manifest, row
from training.dataset.example import Example, Examples, columns_of
from training.dataset.folder import EXAMPLES, content_sha256, read_examples, write_examples
from training.dataset.manifest import MANIFEST, DatasetError, Split
from training.whole_file import CannotWrite

AUTO = first_rendering()

pytestmark = pytest.mark.train

NAN = float("nan")


def _same(a: Examples, b: Examples) -> bool:
    for field in fields(Examples):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if isinstance(left, tuple | Rendering):
            if left != right:
                return False
        elif left.dtype != right.dtype or not np.array_equal(
            left, right, equal_nan=left.dtype.kind in "fM"
        ):
            return False
    return True


def _examples() -> Examples:
    rows = [
        row(3, Split.TEST, true_probability=0.25, codes=codes(1, 0)),
        row(0, Split.FIT, true_probability=0.5, codes=codes(NAN, NAN), weight=12.5),
        row(1, Split.JUDGE, true_probability=0.125),
    ]
    return columns_of(rows, n_codes=2, rendering=AUTO)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    examples = _examples()
    written = write_examples(tmp_path / "d", examples, manifest(code_names=("a.pro", "a.contra")))
    found, found_manifest = read_examples(tmp_path / "d", AUTO)
    assert _same(found, examples)
    assert found_manifest == written
    assert written.slices[Split.TEST].n == written.slices[Split.TEST].n_positive == 1
    assert written.slices[Split.CALIBRATE].n == 0


def test_rows_without_codes_and_truth_survive(tmp_path: Path) -> None:
    examples = columns_of([row(0), row(1)], rendering=AUTO)
    write_examples(tmp_path / "d", examples, manifest())
    found, _ = read_examples(tmp_path / "d", AUTO)
    assert _same(found, examples)
    assert not found.has_truth
    assert found.codes.shape == (2, 0)


def test_a_dataset_without_rows_survives(tmp_path: Path) -> None:
    write_examples(tmp_path / "d", columns_of([], rendering=AUTO), manifest())
    assert len(read_examples(tmp_path / "d", AUTO)[0]) == 0


def test_the_digest_is_of_the_values_and_of_all_of_them() -> None:
    examples = _examples()
    assert content_sha256(examples) == content_sha256(
        columns_of(_rows_again(), n_codes=2, rendering=AUTO)
    )
    changed = columns_of([row(0, weight=2.0), row(1)], rendering=AUTO)
    assert content_sha256(columns_of([row(0), row(1)], rendering=AUTO)) != content_sha256(changed)


def _rows_again() -> list[Example]:
    return [
        row(1, Split.JUDGE, true_probability=0.125),
        row(3, Split.TEST, true_probability=0.25, codes=codes(1, 0)),
        row(0, Split.FIT, true_probability=0.5, codes=codes(NAN, NAN), weight=12.5),
    ]


def test_a_changed_row_is_noticed(tmp_path: Path) -> None:
    write_examples(tmp_path / "d", columns_of([row(0)], rendering=AUTO), manifest())
    write_examples(tmp_path / "other", columns_of([row(1)], rendering=AUTO), manifest())
    (tmp_path / "other" / EXAMPLES).replace(tmp_path / "d" / EXAMPLES)
    with pytest.raises(DatasetError, match="its manifest says"):
        read_examples(tmp_path / "d", AUTO)


def test_a_truncated_file_is_one_sentence(tmp_path: Path) -> None:
    write_examples(tmp_path / "d", columns_of([row(0)], rendering=AUTO), manifest())
    path = tmp_path / "d" / EXAMPLES
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError, match="cannot be read"):
        read_examples(tmp_path / "d", AUTO)


def test_a_dataset_of_another_format_of_states_is_refused(tmp_path: Path) -> None:
    write_examples(tmp_path / "d", columns_of([row(0)], AUTO), manifest(state_format=2))
    with pytest.raises(DatasetError, match="holds states of format 2, this build reads format"):
        read_examples(tmp_path / "d", AUTO)


def test_a_dataset_is_read_as_any_domain_reads_it(tmp_path: Path) -> None:
    software = Rendering(1, pack("software"))
    written = write_examples(tmp_path / "d", _examples(), manifest(code_names=("a", "b")))
    as_auto, _ = read_examples(tmp_path / "d", AUTO)
    as_software, found = read_examples(tmp_path / "d", software)
    assert found == written
    assert as_auto.features.shape == (3, len(AUTO.features))
    assert as_software.features.shape == (3, len(software.features))
    (first, *_) = as_software.inputs(PromptSpec(software, 10_000, len))
    assert np.array_equal(as_software.features[0], first.features, equal_nan=True)
    assert as_software.prompt_of(0) == first.prompt
    assert software.question in first.prompt
    assert (as_auto.grade.max(), as_software.grade.max()) == (5, 6)


def test_no_folder_and_a_manifest_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no dataset"):
        read_examples(tmp_path / "d", AUTO)
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(DatasetError, match="not a manifest"):
        read_examples(tmp_path, AUTO)


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="exists"):
        write_examples(tmp_path, columns_of([row(0)], rendering=AUTO), manifest())


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(CannotWrite, match="File too large"):
            write_examples(
                tmp_path / "d", columns_of([row(n) for n in range(40)], rendering=AUTO), manifest()
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_prompts_of_another_budget_are_cut_from_the_state() -> None:
    examples = _examples()
    (first, *_) = examples.inputs(PromptSpec(AUTO, 4_000, len))
    assert first.prompt == examples.prompt_of(0)
    assert examples.states[0] == from_bytes(examples.state[0])
    assert [str(lead) for lead in examples.of(Split.TEST, Split.FIT).lead] == ["l-0", "l-3"]
