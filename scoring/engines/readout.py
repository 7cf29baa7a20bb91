"""What a head reads of a language model: states of which layers, pooled how, in which order.

Middle layers know more of a conversation than the last one of a small pre-trained model does, and
a mean over what the customer said more than one row. The readout lies in the artifact, and every
engine computes the same vector.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scoring.artifact import ArtifactError, first_fault

READOUT = "readout.json"


class Pool(StrEnum):
    """Which rows of a layer are read."""

    MARKER = "marker"
    """The last token's, which has seen the whole prompt."""
    MEAN = "mean"
    """The mean over all tokens."""
    SPOKEN = "spoken"
    """The mean over the tokens of the customer's words; zeros where there are none."""


class ReadoutPart(BaseModel):
    """One pooled layer. `layer`: the index in transformers' `hidden_states`: 0 are the embeddings,
    k the sums after k layers, the number of layers the states after the final norm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: Annotated[int, Field(ge=0)]
    pool: Pool


class Readout(BaseModel):
    """The vector a head reads: the parts one after the other, float32 (len(parts) * hidden,).

    >>> readout = Readout(parts=(ReadoutPart(layer=20, pool=Pool.MARKER),))
    >>> readout.top_layer, readout.needs_spoken, readout.width(576)
    (20, False, 576)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: Annotated[tuple[ReadoutPart, ...], Field(min_length=1)]

    @property
    def top_layer(self) -> int:
        """Nothing above it has to be computed."""
        return max(part.layer for part in self.parts)

    @property
    def needs_spoken(self) -> bool:
        """Whether it has to be known which tokens are the customer's words."""
        return any(part.pool is Pool.SPOKEN for part in self.parts)

    def width(self, hidden: int) -> int:
        """How many numbers are read. `hidden`: the width of a state."""
        return len(self.parts) * hidden


def marker_of(n_layers: int) -> Readout:
    """What is read without a readout: the answer marker's row after the final norm."""
    return Readout(parts=(ReadoutPart(layer=n_layers, pool=Pool.MARKER),))


def load_readout(path: Path) -> Readout | None:
    """The readout of the artifact in folder `path`; None where it has none. Raises
    ArtifactError."""
    file = path / READOUT
    if not file.exists():
        return None
    try:
        return Readout.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        why = first_fault(error, READOUT) if isinstance(error, ValidationError) else error.strerror
        raise ArtifactError(
            f"{file} is not a readout ({why}); export the artifact again"
        ) from error


def save_readout(path: Path, readout: Readout) -> None:
    """Writes `readout.json` into folder `path`."""
    (path / READOUT).write_text(readout.model_dump_json(indent=2) + "\n", encoding="utf-8")
