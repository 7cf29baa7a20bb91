"""An artifact's folder appears complete or not at all, whatever stops its making."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scoring.artifact import MANIFEST, Manifest, save_manifest
from training.whole_file import check_place, whole_folder

CARD = "README.md"
METRICS = "metrics.json"


class NotOurs(ValueError):
    """The folder holds something that is not an artifact; nothing was touched."""


def check_replaceable(out: Path) -> None:
    """Raises NotOurs for anything but nothing, an empty folder or an artifact; and CannotWrite."""
    is_free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if not is_free and not (out / MANIFEST).is_file():
        raise NotOurs(
            f"{out} exists and is not an artifact (it has no {MANIFEST}); choose another folder or "
            "remove it"
        )
    check_place(out)


@contextmanager
def artifact_folder(out: Path) -> Iterator[Path]:
    """Yields an empty folder beside `out`, which takes its place when the block succeeds and goes
    when it fails. An artifact that stood there is replaced then, not before. Raises NotOurs,
    CannotWrite."""
    check_replaceable(out)
    with whole_folder(out) as part:
        yield part


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Every file in `folder` becomes part of the artifact; returns the manifest as written."""
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name != MANIFEST
    )
    written = save_manifest(folder, manifest, names)
    # safetensors writes for its owner only; an artifact is served by others.
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)
    return written
