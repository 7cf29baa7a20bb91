"""What `asllr try` was asked for beside the exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streams import exit_codes
from streams.cli.front import Failure
from streams.cli.report_file import require_place
from streams.importers.spool.events import EventSpool


@dataclass(frozen=True, slots=True)
class TryRequest:
    """What `asllr try` was asked for beside the exports. `artifact`: rank by this one; None: learn,
    or go by the rule. `base`: a language model to learn with; `states`: where what it makes of
    leads is kept."""

    artifact: str | None
    capacity: int
    days: int
    top: int
    save: Path | None
    base: Path | None = None
    states: Path | None = None


def check_places(save: Path | None, report: Path | None, mapping: Path | None) -> None:
    """Fails where what comes of the work could not be kept: before it is done."""
    named = [path.absolute() for path in (save, report, mapping) if path is not None]
    if report is not None and named.count(report.absolute()) > 1:
        raise Failure(
            f"{report} cannot be both the report and what --save or --mapping names: name another "
            "file for --report",
            exit_codes.USAGE,
        )
    require_place(report, transcripts=False)
    check_save(save)


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
