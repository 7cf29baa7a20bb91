"""Reads and writes an artifact's columns: `columns.json`, and `words.npy` where words are read.

JSON and one plain array: nothing in these files is run, and their sizes are checked before they are
read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scoring.artifact import ArtifactError, first_fault
from scoring.calibration import Finite
from scoring.columns.aggregates import Aggregates
from scoring.columns.columns import Columns
from scoring.columns.own_fields import OwnFields
from scoring.columns.words import MAX_OUTPUTS, MAX_TERMS, Vocabulary, Words

COLUMNS = "columns.json"
WORDS_ARRAY = "words.npy"
MAX_JSON_BYTES = 32 * 2**20
MAX_ARRAY_BYTES = MAX_TERMS * MAX_OUTPUTS * 4 + 2**16


class ColumnsFile(BaseModel):
    """The content of `columns.json`. The projection of the vocabulary is in `words.npy`, float32
    (terms, outputs)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    own: OwnFields
    aggregates: Aggregates | None
    vocabulary: Vocabulary | None
    bias: Annotated[tuple[Finite, ...], Field(max_length=MAX_OUTPUTS)] = ()


def save_columns(folder: Path, columns: Columns) -> None:
    """Writes the files into the artifact's folder."""
    words = columns.words
    content = ColumnsFile(
        own=columns.own,
        aggregates=columns.aggregates,
        vocabulary=words.vocabulary if words else None,
        bias=tuple(words.bias.tolist()) if words else (),
    )
    (folder / COLUMNS).write_text(content.model_dump_json() + "\n", encoding="utf-8")
    if words is not None:
        np.save(folder / WORDS_ARRAY, words.projection, allow_pickle=False)


def load_columns(folder: Path) -> Columns:
    """Reads the files from the artifact's folder. Raises ArtifactError."""
    file = folder / COLUMNS
    try:
        _check_size(file, MAX_JSON_BYTES)
        content = ColumnsFile.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{file} cannot be read: {error}; copy the whole folder") from error
    except ValidationError as error:
        raise ArtifactError(
            f"{file} does not describe columns of format 1: {first_fault(error, COLUMNS)}; fit and "
            "export the model again with this version"
        ) from error
    words = None if content.vocabulary is None else _load_words(folder, content, content.vocabulary)
    return Columns(content.own, content.aggregates, words)


def _load_words(folder: Path, content: ColumnsFile, vocabulary: Vocabulary) -> Words:
    file = folder / WORDS_ARRAY
    try:
        _check_size(file, MAX_ARRAY_BYTES)
        projection = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ArtifactError(f"{file} cannot be read: {error}; copy the whole folder") from error
    shape = len(vocabulary.terms), vocabulary.n_outputs
    if (
        not isinstance(projection, np.ndarray)
        or projection.dtype != np.float32
        or projection.shape != shape
        or len(content.bias) != shape[1]
        or not np.isfinite(projection).all()
    ):
        raise ArtifactError(
            f"{file} is not a projection of {shape[0]} terms on {shape[1]} columns of finite "
            "float32; fit and export the model again"
        )
    return Words(vocabulary, np.ascontiguousarray(projection), np.array(content.bias))


def _check_size(file: Path, most: int) -> None:
    size = file.stat().st_size
    if size > most:
        raise ArtifactError(
            f"{file} has {size:,} bytes, at most {most:,} are read; fit the model on fewer terms"
        )
