"""Reads and writes a dataset folder: `examples.parquet` and `manifest.json`, complete or not
there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from schemas.timestamps import from_ms
from scoring.artifact import first_fault
from scoring.lead.state import FORMAT
from scoring.prompt.rendering import Rendering
from training.dataset.example import Examples, features_of_rows
from training.dataset.manifest import MANIFEST, DatasetError, DatasetManifest, Slice, Split
from training.whole_file import check_place, whole_folder

EXAMPLES = "examples.parquet"
ROWS_PER_GROUP = 10_000

_MOMENT = pa.timestamp("ms", tz="UTC")
SCHEMA = pa.schema(
    [
        ("tenant", pa.string()),
        ("lead", pa.string()),
        ("as_of", _MOMENT),
        ("split", pa.string()),
        ("state", pa.binary()),
        ("features", pa.list_(pa.float32())),
        ("label", pa.int8()),
        ("reached", pa.list_(pa.string())),
        ("stage", pa.string()),
        ("queue", pa.string()),
        ("outcome_at", _MOMENT),
        ("weight", pa.float64()),
        ("true_probability", pa.float64()),
        ("codes", pa.list_(pa.float32())),
        ("cluster", pa.string()),
    ]
)


def write_examples(folder: Path, examples: Examples, manifest: DatasetManifest) -> DatasetManifest:
    """Writes the folder, complete or not at all; returns the manifest with counts and digest.
    Raises DatasetError when `folder` exists, CannotWrite."""
    check_free(folder)
    facts = {
        "slices": slices_of(examples),
        "sha256": content_sha256(examples),
        "features_id": examples.rendering.features_id,
    }
    written = manifest.model_copy(update=facts)
    with whole_folder(folder) as part:
        with pq.ParquetWriter(part / EXAMPLES, SCHEMA, compression="zstd") as file:
            for start in range(0, max(len(examples), 1), ROWS_PER_GROUP):
                file.write_table(_table(examples, slice(start, start + ROWS_PER_GROUP)))
        text = written.model_dump_json(indent=2) + "\n"
        (part / MANIFEST).write_text(text, encoding="utf-8")
    return written


def check_free(folder: Path) -> None:
    """Raises DatasetError for a folder that exists: a dataset is never overwritten, because what
    was learned from it may need it. Raises CannotWrite."""
    if folder.exists():
        raise DatasetError(f"{folder} exists; choose another folder or remove it")
    check_place(folder)


def read_examples(folder: Path, rendering: Rendering) -> tuple[Examples, DatasetManifest]:
    """Reads a dataset as `rendering` reads its leads, whatever domain it was built with. Raises
    DatasetError unless the folder holds what its manifest says, in this build's format of
    states."""
    manifest = read_manifest(folder)
    path = folder / EXAMPLES
    try:
        table = pq.read_table(path, schema=SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read: {error}; build the dataset again") from error
    examples = _examples(table, len(manifest.code_names), rendering)
    if (content := content_sha256(examples)) != manifest.sha256:
        raise DatasetError(
            f"{path} has content {content[:12]}…, its manifest says {str(manifest.sha256)[:12]}…; "
            "copy the folder again or build it again"
        )
    if manifest.features_id != rendering.features_id:
        table_of = features_of_rows(examples.state, examples.as_of_ms.tolist(), rendering)
        examples = replace(examples, features=table_of)
    return examples, manifest


def read_manifest(folder: Path) -> DatasetManifest:
    """Reads the manifest alone. Raises DatasetError, also for states of another format."""
    path = folder / MANIFEST
    try:
        manifest = DatasetManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DatasetError(
            f"no dataset at {folder}: {MANIFEST} cannot be read ({error.strerror}); make one with "
            "`asllr dataset`"
        ) from error
    except ValidationError as error:
        raise DatasetError(
            f"{path} is not a manifest of format 2: {first_fault(error, MANIFEST)}; build it again"
        ) from error
    if manifest.state_format != FORMAT:
        raise DatasetError(
            f"dataset {folder} holds states of format {manifest.state_format}, this build reads "
            f"format {FORMAT}; build it again with this version"
        )
    return manifest


def slices_of(examples: Examples) -> dict[Split, Slice]:
    """Counts and times of each split."""
    slices = {}
    for split in Split:
        part = examples.of(split)
        leads = set(zip(part.tenant, part.lead, strict=True))
        slices[split] = Slice(
            n=len(part),
            n_positive=int(part.label.sum()),
            n_leads=len(leads),
            first_as_of=from_ms(int(part.as_of_ms[0])) if len(part) else None,
            last_as_of=from_ms(int(part.as_of_ms[-1])) if len(part) else None,
        )
    return slices


def content_sha256(examples: Examples) -> str:
    """The digest of names, types, shapes and values; all NaN are the same. The Parquet writer does
    not matter."""
    digest = sha256()
    for field in fields(examples):
        column = getattr(examples, field.name)
        if isinstance(column, Rendering):  # how the rows are read, not what they hold
            continue
        for chunk in _canonical(field.name, column):
            digest.update(chunk)
    return digest.hexdigest()


def _canonical(name: str, column: Any) -> Iterator[bytes]:
    if isinstance(column, np.ndarray) and column.dtype.kind != "U":
        if column.dtype.kind == "f":
            column = np.where(np.isnan(column), np.array(np.nan, column.dtype), column)
        little = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
        yield f"{name} {column.dtype.name} {column.shape}\n".encode()
        yield little.tobytes()
        return
    yield f"{name} text {len(column)}\n".encode()
    for value in column:
        raw = value if isinstance(value, bytes) else _text(value).encode()
        yield b"%d:" % len(raw)
        yield raw


def _text(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _table(examples: Examples, rows: slice) -> pa.Table:
    def nested(column: Any) -> list[Any]:
        return [list(row) for row in column[rows]]

    truth = examples.true_probability[rows]
    n_codes = examples.codes.shape[1]
    arrays = {
        "as_of": examples.as_of_ms[rows],
        "features": nested(examples.features),
        "reached": nested(examples.reached),
        "true_probability": [None if np.isnan(value) else float(value) for value in truth],
        "codes": nested(examples.codes) if n_codes else [None] * len(truth),
    }
    columns = []
    for field in SCHEMA:
        values = arrays.get(field.name)
        if values is None:
            values = getattr(examples, field.name)[rows]
        columns.append(pa.array(values, type=field.type))
    return pa.table(columns, schema=SCHEMA)


def _examples(table: pa.Table, n_codes: int, rendering: Rendering) -> Examples:
    def values(name: str) -> list[Any]:
        found: list[Any] = table.column(name).to_pylist()
        return found

    def array(name: str) -> Any:
        return table.column(name).to_numpy()

    codes = table.column("codes")
    flat = codes.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    features = table.column("features").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    n = table.num_rows
    return Examples(
        rendering=rendering,
        tenant=tuple(values("tenant")),
        lead=tuple(values("lead")),
        as_of_ms=array("as_of").astype("datetime64[ms]").astype(np.int64),
        split=np.array(values("split"), dtype=np.str_),
        state=tuple(values("state")),
        features=features.astype(np.float32).reshape(n, -1 if n else len(rendering.features)),
        label=array("label").astype(np.int8),
        reached=tuple(map(tuple, values("reached"))),
        stage=np.array(values("stage"), dtype=np.str_),
        queue=np.array(values("queue"), dtype=np.str_),
        outcome_at=array("outcome_at").astype("datetime64[ms]"),
        weight=array("weight").astype(np.float64),
        true_probability=array("true_probability").astype(np.float64),
        codes=flat.astype(np.float32).reshape(n, n_codes),
        cluster=np.array(values("cluster"), dtype=np.str_),
    )
