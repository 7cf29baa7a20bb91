"""What `asllr try` was asked for beside the exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streams import exit_codes
from streams.cli.front import Failure


@dataclass(frozen=True, slots=True)
class TryRequest:
    """What `asllr try` was asked for beside the exports. `artifact`: rank by this one; None: learn,
    or go by the rule."""

    artifact: str | None
    capacity: int
    days: int
    top: int
    save: Path | None


def check_save(folder: Path | None) -> None:
    """Fails where nothing can be kept in `folder`: before the work is done."""
    if folder is not None and folder.exists():
        if not folder.is_dir() or any(folder.iterdir()):
            raise Failure(
                f"{folder} exists and is not empty: name another folder for --save, or remove it",
                exit_codes.UNUSABLE,
            )
        folder.rmdir()
