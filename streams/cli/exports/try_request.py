"""What `asllr try` was asked for beside the exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streams import exit_codes
from streams.cli.front import Failure
from streams.importers.spool.events import EventSpool


@dataclass(frozen=True, slots=True)
class TryRequest:
    """What `asllr try` was asked for beside the exports. `artifact`: rank by this one; None: learn,
    or go by the rule."""

    artifact: str | None
    capacity: int
    days: int
    top: int
    save: Path | None


MAX_LEARNED_BYTES = 2_000_000_000
"""What is learned from is held in memory, which takes up to three times as much: so much is half a
million leads with ten columns."""


def check_learnable(events: EventSpool) -> None:
    """Fails where there is more to learn from than fits into memory."""
    if events.n_bytes > MAX_LEARNED_BYTES:
        raise Failure(
            f"{len(events):,} leads, calls and outcomes take {events.n_bytes / 1e9:.1f} GB of "
            f"memory to learn from, at most {MAX_LEARNED_BYTES / 1e9:.1f}: export a shorter time "
            "or fewer columns, or leave --outcomes out and rank by the rule",
            exit_codes.UNUSABLE,
        )


def check_save(folder: Path | None) -> None:
    """Fails where nothing can be kept in `folder`: before the work is done."""
    if folder is not None and folder.exists():
        if not folder.is_dir() or any(folder.iterdir()):
            raise Failure(
                f"{folder} exists and is not empty: name another folder for --save, or remove it",
                exit_codes.UNUSABLE,
            )
        folder.rmdir()
