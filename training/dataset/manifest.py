"""`manifest.json` of a dataset folder: where the examples come from and how they were split."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from scoring.artifact import Sha256
from scoring.lead.state import FORMAT

MANIFEST = "manifest.json"


def label_of(horizon_days: int) -> str:
    """The label in words, for datasets and for the artifacts that are fitted on them."""
    return f"the lead reaches the stage order within {horizon_days} days of as_of"


NonNegative = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, le=1)]


class DatasetError(ValueError):
    """Events that cannot become a dataset, or a folder without one that this build can read. The
    message names the value, the limit and the fix."""


class Split(StrEnum):
    """The four splits, oldest first: train, validation, calibration and test.

    The values in files and command options are older than these words: read `fit` as train and
    `judge` as validation. The validation split chooses between checks and settings; the calibration
    split is first looked at by the calibration, the test split by the evaluation."""

    FIT = "fit"
    JUDGE = "judge"
    CALIBRATE = "calibrate"
    TEST = "test"


BEFORE_TEST = (Split.FIT, Split.JUDGE, Split.CALIBRATE)
"""The splits that a model and its calibration are made from."""


class SplitBy(StrEnum):
    """How rows get their split. `CLUSTER`: by chance, as some published figures are made; such a
    split says nothing about the future."""

    TIME = "time"
    CLUSTER = "cluster"


class Maturity(StrEnum):
    """When a label is known. `HORIZON`: once the log runs a horizon past `as_of`. `DECIDED`: once
    the lead has ended, however long that took; leads that never ended are left out (censored).
    `UNDATED`: the outcome has no date; leads without one are left out."""

    HORIZON = "horizon"
    DECIDED = "decided"
    UNDATED = "undated"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatasetSource(_Part):
    """One source of the events. `name`: a topic, a file or a simulator's seed."""

    name: str
    first_ingested_at: AwareDatetime
    last_ingested_at: AwareDatetime
    n_events: NonNegative


class Slice(_Part):
    """Counts and times of one split, as written."""

    n: NonNegative
    n_positive: NonNegative
    n_leads: NonNegative
    first_as_of: AwareDatetime | None
    last_as_of: AwareDatetime | None


class Severity(StrEnum):
    """How bad a finding is."""

    LEAK = "leak"
    """The column knows the outcome; scores on such data mean nothing."""
    WARNING = "warning"


class DataFinding(_Part):
    """One finding of the data check. `column`: a feature, a profile field or another column."""

    severity: Severity
    column: str
    sentence: str

    @property
    def named(self) -> str:
        """The sentence with its column, which it does not name itself."""
        return f"{self.column}: {self.sentence}"


class DatasetManifest(_Part):
    """The manifest. `borders`: when judge, calibrate and test begin, if `split_by` is time.
    `negative_rate`: the share of the rows of label 0 that fit and judge kept; calibrate and test
    are whole. `sha256` is of the values, not of the Parquet file: the same for every writer."""

    format: Literal[2] = 2
    name: str
    sources: tuple[DatasetSource, ...]
    label: str
    horizon_days: Annotated[int, Field(gt=0)]
    embargo_days: Annotated[float, Field(ge=0)]
    maturity: Maturity = Maturity.HORIZON
    complete_until: AwareDatetime | None = None
    """Given by whoever built it: nothing happened from the last event to here."""
    as_of_policy: str
    split_by: SplitBy = SplitBy.TIME
    cluster_by: str = "lead"
    """The field whose values are clusters; a public data set's name for the one of its protocol."""
    seed: int
    negative_rate: Rate = 1.0
    state_format: int = FORMAT
    features_id: str | None = None
    code_names: tuple[str, ...] = ()
    """The names of the columns of `codes`."""
    borders: tuple[AwareDatetime, AwareDatetime, AwareDatetime] | None
    slices: dict[Split, Slice] = {}
    sha256: Sha256 | None = None
    """`slices`, `sha256` and `features_id`, which says how the column `features` was computed, are
    filled in by `write_examples`."""
    findings: tuple[DataFinding, ...] = ()

    @property
    def source_names(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.sources)
