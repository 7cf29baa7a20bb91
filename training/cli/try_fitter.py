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


def own_fitter() -> Fitter:
    """Fits the recommended baseline, and writes the rule without any library."""
    return Fitter(write_rule=_write_rule, hindsight=_hindsight, learn=_learn)


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


def _learn(events: Sequence[EventBase], request: LearnRequest, out: Path) -> LearnedModel:
    with _learning():
        from training.cli.try_work import learn_own

        return learn_own(events, request, out, (paced(say), progress))


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
