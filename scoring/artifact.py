"""An artifact is the folder of a trained model: its manifest, checks before use, and digest.

The one place in the core that reads files, and only under the path it is given. It builds no
engine: `scoring.engines.loading.load_engine(path, manifest)` does. Training writes with
`save_manifest`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
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
from scoring.domain.reading import DomainError, read_domain
from scoring.domain.writing import domain_toml
from scoring.prompt.rendering import Rendering, UnknownRenderer, first_rendering
from scoring.prompt.turns import CHATML, Turns

MANIFEST = "artifact.json"
DOMAIN = "domain.toml"


def demo_artifact_path() -> Path:
    """Returns the folder of the artifact that ships with the package; `make demo-model` made it."""
    return Path(__file__).parent / "artifacts" / "demo"


class ArtifactError(Exception):
    """The folder is not an artifact that this build can use; the message says why and what to
    do."""


class EngineKind(StrEnum):
    """How an artifact is run."""

    ONNX = "onnx"
    TORCH = "torch"
    STACK = "stack"
    """Trees on the table and the language model's logit."""
    TREES = "trees"
    """Trees on the table alone."""
    NETWORK = "network"
    """A neural network for tables."""
    LINEAR = "linear"
    """A logistic regression on the table."""
    RULE = "rule"
    """A points card of stage and recency; it is not trained, and its scores say so."""

    @property
    def reads_text(self) -> bool:
        """Whether a language model is in it."""
        return self in (EngineKind.ONNX, EngineKind.TORCH, EngineKind.STACK)


class HeadKind(StrEnum):
    """The head of a language model that gives its logit."""

    POINT = "point"
    """Trained on each lead's label: did it order within the horizon?"""
    PAIR = "pair"
    """Trained on pairs: which of two leads goes further in the funnel? The calibration turns its
    logit into a probability. HPRO: C. Zhang and others, Rethinking Sales Lead Scoring with
    LLM-based Hierarchical Preference Ranking, 2026, arXiv 2606.04387."""


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
    """The time that the training data are from; the embargo before `end` is already excluded."""

    start: AwareDatetime
    end: AwareDatetime


class Manifest(_Part):
    """The content of `artifact.json`. `metrics`: numbers whose names say what they mean. `files`:
    every other file of the artifact, the model card included. `renderer`: the number of the code
    that writes the prompts, with the words of the file `domain.toml`; an artifact from before
    domains has neither and is read as `first_rendering`. `turns`: those of the base, only written
    where they are not ChatML. `learned`: false where no outcome was ever seen, so that every score
    says evidence low. `horizon_days`: how far the labels look ahead, which is what the probability
    is about. `dataset`: sha256 of the dataset whose training split (stored as `fit`) the model has
    seen; for a stack, that of its language model or, if that read none, of its trees; None where no
    dataset was read. `sources`: the names of what this dataset and, for a stack, the trees' dataset
    were built from."""

    format: Literal[1] = 1
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    engine: EngineKind
    renderer: int = 1
    prompt_id: str
    features_id: str
    token_budget: Annotated[int, Field(gt=0)]
    horizon_days: Annotated[int, Field(gt=0)]
    calibration: Calibration
    agreement: EngineAgreement | None
    label: str
    base: BaseModelName
    turns: Turns = Field(default=CHATML, exclude_if=lambda turns: turns == CHATML)
    head: HeadKind = HeadKind.POINT
    learned: bool = Field(default=True, exclude_if=bool)
    dataset: Sha256 | None = None
    sources: tuple[str, ...] = ()
    data_window: DataWindow
    metrics: dict[str, Finite]
    files: dict[FileName, Sha256]


def load_manifest(path: Path) -> Manifest:
    """Reads and checks the artifact in folder `path`: every file must be there, unaltered, and this
    build must write the prompts and features that the model was trained on. Raises
    ArtifactError."""
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
        raise ArtifactError(
            f"{path / MANIFEST} is not a manifest of format 1: {first_fault(error, MANIFEST)}; "
            "export the model again with this version"
        ) from error
    _check_files(path, manifest)
    _check_identity(path, manifest, load_rendering(path, manifest))
    return manifest


def first_fault(error: ValidationError, whole: str) -> str:
    """The place of the first fault in a file and what is wrong there. `whole`: how to call a fault
    of no place."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or whole
    return f"{where}: {first['msg']}"


def load_rendering(path: Path, manifest: Manifest) -> Rendering:
    """How the artifact in folder `path` wants its leads written. Raises ArtifactError."""
    try:
        if DOMAIN not in manifest.files:
            return replace(first_rendering(), version=manifest.renderer)
        return Rendering(manifest.renderer, read_domain(path / DOMAIN))
    except (UnknownRenderer, DomainError) as error:
        raise ArtifactError(f"artifact {manifest.name} at {path}: {error}") from error


def save_domain(path: Path, rendering: Rendering) -> None:
    """Writes `domain.toml` below `path`. Raises DomainError for one that is too large for a
    file."""
    (path / DOMAIN).write_text(domain_toml(rendering.domain), encoding="utf-8")


def save_manifest(path: Path, manifest: Manifest, file_names: Iterable[str]) -> Manifest:
    """Writes `artifact.json` with the digests of `file_names` below `path`; returns what it
    wrote."""
    digests = {name: _file_sha256(path / name) for name in sorted(file_names)}
    written = Manifest.model_validate({**manifest.model_dump(), "files": digests})
    (path / MANIFEST).write_text(written.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return written


def digest(path: Path) -> str:
    """Returns the name of the artifact: sha256 over the sorted digests of its files, manifest
    included. The same on every machine; independent of the folder's name and of files that do not
    belong."""
    names = [MANIFEST, *load_manifest(path).files]
    lines = (f"{_file_sha256(path / name)}  {name}\n" for name in sorted(names))
    return sha256("".join(lines).encode()).hexdigest()


def _check_identity(path: Path, manifest: Manifest, rendering: Rendering) -> None:
    for what, actual, expected in (
        ("prompt_id", manifest.prompt_id, rendering.prompt_id),
        ("features_id", manifest.features_id, rendering.features_id),
    ):
        if actual != expected:
            raise ArtifactError(
                f"artifact {manifest.name} at {path} was trained with {what} {actual}, renderer "
                f"{rendering.version} and its domain {rendering.domain.name} give {expected}: its "
                f"scores would mean something else; copy the folder with the {DOMAIN} it was "
                "trained with, or train and export it again"
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
