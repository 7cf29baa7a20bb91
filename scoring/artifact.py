"""The folder a trained model lives in: its manifest, the checks before use, and its digest.

The one place in the core that reads files, and only under the path it is given. It builds no
engine: `scoring.engines.loading.load_engine(path, manifest)` does. Training writes with
`save_manifest`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from scoring.calibration import Calibration, Finite
from scoring.prompt.features import FEATURES_ID
from scoring.prompt.prompt import PROMPT_ID

MANIFEST = "artifact.json"


def demo_artifact_path() -> Path:
    """The artifact that ships with the package: `make demo-model` made it."""
    return Path(__file__).parent / "artifacts" / "demo"


class ArtifactError(Exception):
    """The folder is no artifact this build can score with; the message says why and what to do."""


class EngineKind(StrEnum):
    ONNX = "onnx"
    TORCH = "torch"
    STACK = "stack"
    """A tree on the table plus the language model's logit."""
    TREES = "trees"
    """Trees on the table alone."""
    RULE = "rule"
    """Stage and recency; nothing was learned, and its scores say so."""


class HeadKind(StrEnum):
    """Which of a language model's heads its logit is from."""

    POINT = "point"
    """Learned the probability of an order."""
    PAIR = "pair"
    """Learned which of two leads goes further; the calibration makes it a probability."""


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or name == MANIFEST:
        raise ValueError(f"{name!r} is not a plain path below the artifact's folder")
    return name


FileName = Annotated[str, StringConstraints(min_length=1), AfterValidator(_inside)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineAgreement(_Part):
    """How far the logits of two engines for this artifact may differ on `n_prompts` prompts; a
    test holds it."""

    reference: EngineKind
    served: EngineKind
    max_logit_difference: Annotated[Finite, Field(gt=0)]
    n_prompts: Annotated[int, Field(gt=0)]


class BaseModelName(_Part):
    """The language model under the adapter: hub id or recipe name, and its pinned revision."""

    name: str
    revision: str


class DataWindow(_Part):
    """Which time the training data are from; the embargo before `end` is already taken off."""

    start: AwareDatetime
    end: AwareDatetime


class Manifest(_Part):
    """`artifact.json`. `metrics` are numbers with what they mean in their names; `files` holds
    every other file that belongs to the artifact, the card included. `horizon_days`: how far the
    labels looked ahead, so what the probability is of. `dataset`: sha256 of the dataset whose split
    fit the model knows, of a stack the language model below or, where that read none, the trees;
    None where no dataset was read. `sources`: what it and, of a stack, the trees' dataset were
    built from, by name."""

    format: Literal[1] = 1
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    engine: EngineKind
    prompt_id: str
    features_id: str
    token_budget: Annotated[int, Field(gt=0)]
    horizon_days: Annotated[int, Field(gt=0)]
    calibration: Calibration
    agreement: EngineAgreement | None
    label: str
    base: BaseModelName
    head: HeadKind = HeadKind.POINT
    dataset: Sha256 | None = None
    sources: tuple[str, ...] = ()
    data_window: DataWindow
    metrics: dict[str, Finite]
    files: dict[FileName, Sha256]


def load_manifest(path: Path) -> Manifest:
    """The manifest of the artifact in folder `path`, once it is known that this build says what
    the model was trained to read and that no file is missing or altered. Raises ArtifactError."""
    try:
        content = (path / MANIFEST).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"no artifact at {path}: {MANIFEST} cannot be read ({error.strerror}); "
            "make one with `make demo-model` or point to the folder that holds it"
        ) from error
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or MANIFEST
        raise ArtifactError(
            f"{path / MANIFEST} is not a manifest of format 1: {where}: {first['msg']}; "
            "export the model again with this version"
        ) from error
    _check_identity(path, manifest)
    _check_files(path, manifest)
    return manifest


def save_manifest(path: Path, manifest: Manifest, file_names: Iterable[str]) -> Manifest:
    """Writes `artifact.json` with the digests of `file_names` below `path`; returns it."""
    digests = {name: _file_sha256(path / name) for name in sorted(file_names)}
    written = Manifest.model_validate({**manifest.model_dump(), "files": digests})
    (path / MANIFEST).write_text(written.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return written


def digest(path: Path) -> str:
    """Names the artifact: sha256 over the sorted digests of its files, manifest included. The
    same on every machine; independent of the folder's name and of files that do not belong."""
    names = [MANIFEST, *load_manifest(path).files]
    lines = (f"{_file_sha256(path / name)}  {name}\n" for name in sorted(names))
    return sha256("".join(lines).encode()).hexdigest()


def _check_identity(path: Path, manifest: Manifest) -> None:
    for what, actual, expected in (
        ("prompt_id", manifest.prompt_id, PROMPT_ID),
        ("features_id", manifest.features_id, FEATURES_ID),
    ):
        if actual != expected:
            raise ArtifactError(
                f"artifact {manifest.name} at {path} was trained with {what} {actual}, this build "
                f"has {expected}: its scores would mean something else; train and export it again "
                "with this version, or run the version it was made with"
            )


def _check_files(path: Path, manifest: Manifest) -> None:
    for name, expected in manifest.files.items():
        try:
            actual = _file_sha256(path / name)
        except OSError as error:
            raise ArtifactError(
                f"artifact {manifest.name} at {path} lacks {name} ({error.strerror}); copy the "
                "whole folder"
            ) from error
        if actual != expected:
            raise ArtifactError(
                f"{name} of artifact {manifest.name} at {path} has sha256 {actual[:12]}…, the "
                f"manifest says {expected[:12]}…; copy the folder again or export it again"
            )


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
