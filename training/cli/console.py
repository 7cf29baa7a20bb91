"""Lines on standard error while a command works: what happens, and how far it is."""

from __future__ import annotations

from time import monotonic

import click

from scoring.report.progress import EVERY_S, Pace, Progress, WriteLine


def say(line: str) -> None:
    """One line for people; standard output is for results."""
    click.echo(line, err=True)


def progress(what: str) -> Progress:
    """Says how many `what` are done, and how long the others will take."""
    return Progress(what, monotonic, say)


def paced(write: WriteLine) -> WriteLine:
    """Passes a line on at most every few seconds, for work that says more than anyone reads."""
    pace = Pace(monotonic, EVERY_S)
    return lambda line: write(line) if pace.is_due() else None
