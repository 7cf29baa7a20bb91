"""Where artifacts are, and which one a name or a digest means."""

from __future__ import annotations

from pathlib import Path

import scoring
from scoring.artifact import MANIFEST, ArtifactError, digest, load_manifest
from streams import exit_codes
from streams.cli.front import Failure

SHIPPED = "demo"
"""The artifact that came with asllr."""

SHIPPED_FOR = {"auto": SHIPPED, "software": "demo-software"}
"""Domain -> the artifact that came with asllr for it, which `asllr demo` serves."""


def artifact_folder(configured: Path | None) -> Path:
    """The folder whose sub-folders are artifacts."""
    return configured or Path(scoring.__file__).parent / "artifacts"


def find_artifact(name: str, configured: Path | None) -> Path:
    """The artifact in the folder `name`, below the artifacts' folder or anywhere, or whose digest
    begins with `name`. Fails with what there is."""
    folder = artifact_folder(configured)
    for path in (folder / name, Path(name)):
        if (path / MANIFEST).is_file():
            return path
    artifacts = {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{MANIFEST}"))}
    for path in artifacts.values():
        if len(name) >= MIN_DIGEST_CHARS and artifact_digest(path).startswith(name):
            return path
    raise Failure(
        f"no artifact {name!r} in {folder}; there is: {', '.join(artifacts) or 'none'}",
        exit_codes.UNUSABLE,
    )


MIN_DIGEST_CHARS = 8


def artifact_digest(path: Path) -> str:
    """The digest of an artifact this build can score with. Fails with one sentence."""
    try:
        load_manifest(path)
        return digest(path)
    except ArtifactError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
