"""What is known of a base that `asllr base import` has checked: `base.json` in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from scoring.artifact import Sha256, first_fault
from scoring.calibration import Finite
from scoring.prompt.turns import Turns
from training.model.errors import FitError

RECORD = "base.json"
UNKNOWN_LICENCE = "unknown"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sanity(_Part):
    """Whether the base reads English and answers. `perplexity`: of a paragraph
    (`training.bases.sanity.PARAGRAPH`), per token. Of a question whose answer is Yes, at the answer
    marker: `answer_mass`, the probability of saying Yes or No at all, and `yes_logit`, of Yes
    against No."""

    perplexity: Annotated[Finite, Field(ge=1)]
    answer_mass: Annotated[Finite, Field(ge=0)]
    yes_logit: Finite


class BaseRecord(_Part):
    """`source`: where it came from, `sha256` the digest of what was read there, `revision` its
    commit at a hub or version of a package. `turns`: its own, from its chat template. `mended`: a
    sentence for each thing that was put right."""

    format: Literal[1] = 1
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    source: str
    sha256: Sha256
    revision: str | None
    licence: str = UNKNOWN_LICENCE
    turns: Turns
    mended: tuple[str, ...] = ()
    sanity: Sanity


def load_record(folder: Path) -> BaseRecord | None:
    """The record in `folder`; None where there is none. Raises FitError for a damaged one."""
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        return BaseRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise FitError(
            f"{path} is not a base's record of format 1: {first_fault(error, RECORD)}; import the "
            "base again"
        ) from error


def save_record(folder: Path, record: BaseRecord) -> None:
    (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
