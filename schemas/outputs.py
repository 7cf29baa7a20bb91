"""The records asllr writes. All but `scored_at`, `latency_ms` and `reason_kind` follow from the log
alone."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.events import Timestamp
from schemas.ids import ID_BODY, Id

ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
"""No character that moves a terminal's cursor."""


class OutputRecord(BaseModel):
    """FULL_TRANSITIVE: fields are only ever added, with a default."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class ScoreOrder(OutputRecord):
    """Which of two scores of one lead is newer: compare as a tuple, greatest wins.

    `promotion` is the offset of the record that made the artifact live, `version` is the sum over
    input topics of (cursor + 1), `as_of` the moment the prompt speaks of."""

    promotion: int
    version: int
    as_of: Timestamp


class Cause(OutputRecord):
    """The newest event the score includes, and whether it or the passing of time moved the
    prompt."""

    kind: Literal["event", "edge"]
    type: str
    id: str
    source: str
    occurred_at: Timestamp


class Evidence(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class ReasonKind(StrEnum):
    """What a reason tells."""

    RECENT = "recent"
    """What happened last, whatever the model made of it."""
    FAITHFUL = "faithful"
    """What this score would be another without, with sign and size."""


class Latency(OutputRecord):
    """Milliseconds of one score: from the newest record's broker timestamp to its commit into the
    state, from there to the claim, both together, from the claim to the result, and of that the
    engine alone and the search for a faithful reason."""

    ingest: float | None = None
    queue: float | None = None
    ingest_to_claim: float
    claim_to_result: float
    engine: float
    reason: float = 0.0


class Score(OutputRecord):
    """Every accepted score, on `leads.scores`: the ledger replay verifies."""

    tenant: Id
    lead: Id
    probability: float = Field(ge=0, le=1)
    logit: float
    horizon_days: int
    order: ScoreOrder
    cursor: dict[str, int]
    state_hash: str
    artifact: str
    prompt_id: str
    cause: Cause
    reason: str
    reason_kind: ReasonKind = ReasonKind.RECENT
    evidence: Evidence
    valid_until: Timestamp | None
    scored_at: Timestamp
    latency_ms: Latency


class RankUpdate(OutputRecord):
    """A lead's rank at its own last move, on compacted `leads.ranked`. A null value with the same
    key is a tombstone: the lead left; its order is in the header `asllr_order`."""

    tenant: Id
    queue: Id
    lead: Id
    rank: int = Field(ge=1)
    previous_rank: int | None
    board_version: int
    probability: float = Field(ge=0, le=1)
    delta: float | None
    order: ScoreOrder
    state_hash: str
    cause: Cause
    reason: str
    reason_kind: ReasonKind = ReasonKind.RECENT
    evidence: Evidence


class BoardRow(OutputRecord):
    lead: Id
    rank: int = Field(ge=1)
    probability: float = Field(ge=0, le=1)
    reason: str
    reason_kind: ReasonKind = ReasonKind.RECENT


class BoardSnapshot(OutputRecord):
    """The first rows of one queue, on compacted `leads.boards`; later board version wins."""

    tenant: Id
    queue: Id
    board_version: int
    size: int
    top: tuple[BoardRow, ...]


class Origin(OutputRecord):
    """Where a dead letter came from. `timestamp_ms` is the broker's."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


class DeadLetterStage(StrEnum):
    INGEST = "ingest"
    SCORING = "scoring"


class Header(OutputRecord):
    """A Kafka header; `value` is base64, null where the record had none."""

    name: str
    value: str | None


class MendedPart(OutputRecord):
    """A part of a record that was mended: its JSON path in the payload, and what was done. No
    value: it may be lead text."""

    path: str
    what: str


class DeadLetter(OutputRecord):
    """A record asllr could not use, with what to do about it. `key`, `value` and header values are
    base64 (null where the record had none); only their first bytes when `truncated`.

    With the reason `mended` a warning: the record was used, but for the parts in `mended` (the
    first of them), and neither its value nor its headers are kept here."""

    origin: Origin
    stage: DeadLetterStage
    reason: str
    detail: str
    fix: str
    attempts: int
    key: str | None
    value: str | None
    value_bytes: int
    truncated: bool
    headers: tuple[Header, ...]
    mended: tuple[MendedPart, ...] = ()


class Promotion(OutputRecord):
    """Makes an artifact live for `tenant` (`*` = all) once a score worker has loaded it; the latest
    offset that applies wins. `by` and `why`: who promoted it and what for, one line each; empty
    where nobody said."""

    tenant: str = Field(pattern=rf"^(\*|{ID_BODY})$")
    artifact: str
    promoted_at: Timestamp
    by: str = Field(default="", max_length=200, pattern=ONE_LINE)
    why: str = Field(default="", max_length=500, pattern=ONE_LINE)


class Erasure(OutputRecord):
    """A lead that must stay forgotten, on compacted, never expiring `leads.erased`."""

    tenant: Id
    lead: Id
    erased_at: Timestamp


class LeadSnapshot(OutputRecord):
    """A lead's state, on compacted `leads.state`: Redis is rebuilt from it and the log after it.
    `cursor`: the records it includes; `frontier`: where its shard stood, so that it includes every
    record of the lead up to there. `state` is to be read by asllr alone."""

    tenant: Id
    lead: Id
    cursor: dict[str, int]
    frontier: dict[str, int]
    state: str


class FrontierMark(OutputRecord):
    """Every lead that had a record up to `frontier` has a snapshot, on `leads.state`. Its key,
    `frontier:<partition>`, is not the key of a lead."""

    frontier: dict[str, int]


class ShadowScore(OutputRecord):
    """What another artifact says of a published score, on `leads.shadow`; nothing acts on it.
    `probability` is null where it was `skipped`: the lead had changed before it could be read, or
    the artifact cannot score it. `queue` is null for a lead that was not listed. `engine_ms`: the
    engine's time for one lead; `behind_ms`: from the published score to this."""

    tenant: Id
    lead: Id
    queue: Id | None
    order: ScoreOrder
    state_hash: str
    live: str
    live_probability: float = Field(ge=0, le=1)
    candidate: str
    probability: float | None = Field(ge=0, le=1)
    skipped: Literal["changed", "unscorable"] | None
    reason: str
    engine_ms: float
    behind_ms: float
