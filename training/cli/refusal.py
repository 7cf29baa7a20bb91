"""Turns errors that a person can act on into one sentence and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from scoring.artifact import ArtifactError
from scoring.domain.reading import DomainError
from training.artifact_folder import NotOurs
from training.dataset.manifest import DatasetError
from training.evaluation.judged import EvaluationError
from training.model.errors import FitError
from training.whole_file import CannotWrite

UNUSABLE = 78
"""The exit code EX_CONFIG, as in `streams.exit_codes`: a person has to act first."""

REFUSED = (
    ArtifactError,
    CannotWrite,
    DatasetError,
    DomainError,
    EvaluationError,
    FitError,
    NotOurs,
)


class Refusal(click.ClickException):
    """An error whose sentence is all that the user sees."""

    exit_code = UNUSABLE


@contextmanager
def refusing() -> Iterator[None]:
    """Turns the errors in REFUSED, missing packages and failed file access into a Refusal. Other
    errors crash: they are bugs of ours."""
    try:
        yield
    except REFUSED as error:
        raise Refusal(str(error)) from error
    except ModuleNotFoundError as error:
        package = (error.name or "a library").partition(".")[0]
        raise Refusal(f"{package} is not installed: pip install 'asllr[train]'") from error
    except OSError as error:
        raise Refusal(f"{error.filename or 'file'}: {error.strerror or error}") from error


@contextmanager
def exiting() -> Iterator[None]:
    """As `refusing`, for a `main` that is not a click command: prints the sentence and exits."""
    try:
        with refusing():
            yield
    except Refusal as refusal:
        refusal.show()
        raise SystemExit(refusal.exit_code) from refusal
