"""`--report FILE`: writes one HTML file, complete or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import click

from streams import exit_codes
from streams.cli.front import Failure, naming_files
from streams.whole_file import whole_file

REPORT = click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="write an HTML page here, which needs no other file; must not exist.",
)
TRANSCRIPTS = click.option(
    "--transcripts",
    is_flag=True,
    help="with --report: also what was said in the calls that moved somebody; treat the page like "
    "the recordings.",
)


def require_place(report: Path | None, *, transcripts: bool) -> None:
    """Checks before the work whether the page can be written after it."""
    if report is None:
        if transcripts:
            raise click.UsageError("--transcripts are shown in a page: name one with --report FILE")
        return
    if report.exists():
        raise Failure(f"{report} exists: name another file, or remove it", exit_codes.UNUSABLE)
    folder = report.absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise Failure(
            f"{report} cannot be written: {folder} is not a folder or may not be written to",
            exit_codes.UNUSABLE,
        )


def write_page(report: Path, page: str) -> None:
    with naming_files(), whole_file(report) as part:
        part.write_text(page, encoding="utf-8")
    click.echo(f"report in {report}", err=True)
