"""A file or folder appears complete or not at all, and a place that cannot be written is named."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FAILED_WRITES: tuple[type[Exception], ...] = (OSError,)
try:
    from safetensors import SafetensorError

    FAILED_WRITES = (OSError, SafetensorError)
except ModuleNotFoundError:  # the base install writes rules, which have no tensors
    pass


class CannotWrite(ValueError):
    """A file could not be written: which, why, and what to do. Nothing half-written is left."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a sibling to write, which takes the place of `path` when the block succeeds and goes
    when it fails: a kill at any moment leaves the old file or the new one, a failure no folder that
    was not there before. Raises CannotWrite."""
    part = path.with_name(path.name + ".part")
    is_new_folder = not path.parent.exists()
    with naming_files(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
            if is_new_folder and not any(path.parent.iterdir()):
                path.parent.rmdir()


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yields an empty sibling to fill, which takes the place of `path` when the block succeeds and
    goes when it fails. A folder that stood there is replaced then, not before. Raises
    CannotWrite."""
    part, old = (path.with_name(f"{path.name}.{suffix}") for suffix in ("part", "old"))
    shutil.rmtree(part, ignore_errors=True)
    with naming_files(path):
        try:
            part.mkdir(parents=True)
            yield part
            shutil.rmtree(old, ignore_errors=True)
            if path.exists():
                path.replace(old)
            part.replace(path)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def check_place(path: Path) -> None:
    """Raises CannotWrite where nothing can be written, before work is done that would be lost."""
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    with naming_files(path), tempfile.TemporaryFile(dir=nearest):
        pass


@contextmanager
def naming_files(path: Path) -> Iterator[None]:
    """Turns a failed write at or below `path` into CannotWrite."""
    try:
        yield
    except FAILED_WRITES as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotWrite(
            f"{path} cannot be written: {reason}; make room or choose another place, then run the "
            "same command again"
        ) from error
