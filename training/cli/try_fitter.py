"""What `asllr try` learns with; loads a training library only where it learns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scoring.backtest.learning import CannotLearn, Fitter, LearnedModel, LearnRequest
from training.cli.console import paced, progress, say

if TYPE_CHECKING:
    from schemas.events import EventBase
    from scoring.prompt.rendering import Rendering
    from training.cli.try_base import AddedBase
    from training.cli.try_work import AddBase


def own_fitter() -> Fitter:
    """Fits the recommended baseline, and writes the rule without any library."""
    opened: list[AddedBase] = []

    def learn(events: Sequence[EventBase], request: LearnRequest, out: Path) -> LearnedModel:
        with _learning():
            return _learn(events, request, out, opened)

    return Fitter(write_rule=_write_rule, hindsight=_hindsight, learn=learn, check_base=_check_base)


def _write_rule(rendering: Rendering, out: Path) -> None:
    from scoring.engines.rule import rule_of
    from training.baselines.facts import artifact_name
    from training.baselines.rule_artifact import unfitted_facts, write_rule

    facts = unfitted_facts(artifact_name(out, "rule"), rendering)
    write_rule(out, rule_of(rendering.domain), facts)


def _hindsight(events: Sequence[EventBase], request: LearnRequest) -> Mapping[str, str]:
    with _learning():
        from training.cli.try_work import hindsight_columns

        return hindsight_columns(events, request)


def _learn(
    events: Sequence[EventBase], request: LearnRequest, out: Path, opened: list[AddedBase]
) -> LearnedModel:
    """`opened`: the base of the command, which is loaded once."""
    from training.cli.try_work import learn_own

    said = (paced(say), progress)
    add: AddBase | None = None
    asked = request.base
    if asked is not None and asked.is_heard is not False:
        from training.cli.try_base import AddedBase

        if asked.is_heard is None or not opened:  # the first fit of a command
            opened[:] = [AddedBase(asked, (say, progress))]
        (add,) = opened
    return learn_own(events, request, out, said, add)


def _check_base(folder: Path) -> None:
    from training.model.errors import FitError

    try:
        from training.cli.try_base import check_base

        check_base(folder)
    except FitError as error:
        raise CannotLearn(str(error)) from error
    except ModuleNotFoundError as error:
        package = (error.name or "a library").partition(".")[0]
        raise CannotLearn(
            f"{package} is not installed; pip install 'asllr[train]' lets --base read leads"
        ) from error


@contextmanager
def _learning() -> Iterator[None]:
    """Turns what keeps a model from being fitted into one sentence."""
    from training.dataset.manifest import DatasetError  # loads pydantic's models

    try:
        yield
    except DatasetError as error:
        raise CannotLearn(str(error)) from error
    except ModuleNotFoundError as error:
        package = (error.name or "a library").partition(".")[0]
        raise CannotLearn(
            f"{package} is not installed; pip install 'asllr[learn]' lets it learn from --outcomes"
        ) from error
