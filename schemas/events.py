"""The events asllr reads, as past-tense facts: a closed union of frozen models.

The CloudEvents attributes (`id source tenant lead occurred_at`) and the payload are one flat model
here; `schemas.codec` splits them on the wire. Unknown payload fields are ignored, so that a
producer may add one before asllr knows it (BACKWARD_TRANSITIVE).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from schemas.field_names import FieldName, composed_names
from schemas.ids import EventId, Id, LeadKey, Text

MAX_FUTURE = timedelta(minutes=5)
"""How far past its record's broker timestamp an event may claim to have happened."""

MAX_PROFILE_FIELDS = 512
"""Of one event, and with a value of one lead. With the longest names and texts it is half of
the largest record."""

MAX_SEGMENTS = 5_000
MAX_SEGMENT_CHARS = 10_000
MAX_MESSAGE_CHARS = 20_000


TIMESTAMP_PATTERN = (
    r"^(?:19[7-9][0-9]|2[0-9]{3})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""RFC 3339 with an offset, years 1970 to 2999: earlier or later is a broken clock, and every such
time converts to UTC and to milliseconds without overflow."""

_is_rfc3339 = re.compile(TIMESTAMP_PATTERN[:-1]).fullmatch


def _utc(value: Any) -> Any:
    """One moment has one spelling, so that content hashes do not depend on the source's zone.
    Pydantic's lax mode would take 17, "17" or a bare date; the JSON Schema does not."""
    if isinstance(value, str) and _is_rfc3339(value):
        value = datetime.fromisoformat(value.upper())
    elif not isinstance(value, datetime):
        raise ValueError("expected an RFC 3339 time from 1970 to 2999 such as 2026-01-31T09:30:00Z")
    if value.tzinfo is None:
        return value  # for AwareDatetime to refuse
    utc = value.astimezone(UTC)
    if not 1970 <= utc.year <= 2999:
        raise ValueError("its UTC time is outside 1970 to 2999; check the source's clock and zone")
    return utc


def _whole(value: Any) -> Any:
    """1.0 is an integer to JSON Schema and to producers whose only number is a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Timestamp = Annotated[
    AwareDatetime,
    BeforeValidator(_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": TIMESTAMP_PATTERN}),
]
TRACEPARENT_PATTERN = r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
"""W3C Trace Context; the codec ignores what does not match, as the standard asks."""

Seconds = Annotated[float, Strict(), Field(ge=0, le=7 * 86_400, allow_inf_nan=False)]
Number = Annotated[
    float,
    Strict(),
    Field(allow_inf_nan=False, ge=-1e12, le=1e12),
    AfterValidator(lambda value: value + 0.0),  # -0.0 would be an equal state with other bytes
]
StrictFlag = Annotated[bool, Strict()]
ShortText = Annotated[Text, StringConstraints(max_length=200)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
"""A stage or channel in a business's own words."""


class Channel(StrEnum):
    """The channels whose meaning asllr knows without a domain: `web` and `app` are clicks."""

    WEB = "web"
    APP = "app"
    MESSAGE = "message"
    EMAIL = "email"
    CALL = "call"
    VISIT = "visit"
    TEST_DRIVE = "test_drive"
    QUOTE = "quote"
    OTHER = "other"


UNNAMED_CHANNEL = Channel.OTHER.value
"""Of a contact whose channel nobody can read."""


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Role(StrEnum):
    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class Ending(StrEnum):
    WON = "won"
    LOST = "lost"


class Stage(StrEnum):
    """The stages whose meaning asllr knows without a domain, in order; `order` ends the funnel as
    won, `lost` as lost."""

    NEW = "new"
    CONTACTED = "contacted"
    VISIT = "visit"
    TEST_DRIVE = "test_drive"
    QUOTE = "quote"
    ORDER = "order"
    LOST = "lost"


class EventBase(BaseModel):
    """What every event carries. `occurred_at` is the source's time; `ingested_at` is not here
    because it belongs to the record."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: EventId
    source: EventId
    tenant: Id
    lead: Id
    occurred_at: Timestamp
    traceparent: Annotated[str, StringConstraints(pattern=TRACEPARENT_PATTERN)] | None = None
    mended: StrictFlag = False
    """A part of it was mended: of two contents under one (source, id) and time the other counts."""

    @property
    def key(self) -> LeadKey:
        return LeadKey(self.tenant, self.lead)


class LeadUpserted(EventBase):
    """A patch: only what is present changes; a profile field set to null becomes unknown. Its name
    is any line of 1 to 64 characters, as people write it."""

    type: Literal["LeadUpserted"] = "LeadUpserted"
    profile: Annotated[
        dict[FieldName, ShortText | StrictFlag | Number | None],
        Field(max_length=MAX_PROFILE_FIELDS),
        AfterValidator(composed_names),
    ] = {}
    queue: Id | None = None
    consent: StrictFlag | None = None
    owner: ShortText | None = None


class InteractionLogged(EventBase):
    """One contact or click, as the CRM logged it. `channel`: a word of the business, as `web`,
    `call` or `demo_held`. `text`: what a message or e-mail says; `note`: what the agent wrote
    about the contact. `call_id` joins it to a transcript; `codes` are the wrap-up codes an agent
    chose."""

    type: Literal["InteractionLogged"] = "InteractionLogged"
    channel: Word
    direction: Direction | None = None
    duration_s: Seconds | None = None
    text: Annotated[Text, StringConstraints(max_length=MAX_MESSAGE_CHARS)] | None = None
    note: Annotated[Text, StringConstraints(max_length=4_000)] | None = None
    call_id: Id | None = None
    codes: tuple[Id, ...] = Field(default=(), max_length=8)


class Segment(BaseModel):
    """One utterance. Segments may overlap: people talk at once."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    role: Role
    start_s: Seconds
    end_s: Seconds
    text: Annotated[Text, StringConstraints(max_length=MAX_SEGMENT_CHARS)]
    confidence: Annotated[float, Strict(), Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end_s < self.start_s:
            raise ValueError(f"end_s {self.end_s} is before start_s {self.start_s}")
        return self


class TranscriptReady(EventBase):
    """A call's transcript. Revisions are cumulative: the highest one replaces the others."""

    type: Literal["TranscriptReady"] = "TranscriptReady"
    call_id: Id
    started_at: Timestamp
    revision: Annotated[int, Strict(), Field(ge=0, le=1_000_000), BeforeValidator(_whole)] = 0
    final: StrictFlag = True
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,35}$")] = "und"
    segments: tuple[Segment, ...] = Field(max_length=MAX_SEGMENTS)
    vendor: ShortText | None = None


class StageChanged(EventBase):
    """`stage`: a word of the business. `ends`: the funnel is over, won or lost; where it is left
    out, `order` ends it as won and `lost` as lost, and no other word does."""

    type: Literal["StageChanged"] = "StageChanged"
    stage: Word
    ends: Ending | None = None

    @property
    def ending(self) -> Ending | None:
        return self.ends or KNOWN_ENDINGS.get(self.stage)


KNOWN_ENDINGS = {Stage.ORDER.value: Ending.WON, Stage.LOST.value: Ending.LOST}


class LeadClosed(EventBase):
    type: Literal["LeadClosed"] = "LeadClosed"
    reason: ShortText | None = None


class LeadReopened(EventBase):
    type: Literal["LeadReopened"] = "LeadReopened"


class LeadErased(EventBase):
    """Absorbs everything about the lead, before and after. A person who returns has a new id."""

    type: Literal["LeadErased"] = "LeadErased"


Event = Annotated[
    LeadUpserted
    | InteractionLogged
    | TranscriptReady
    | StageChanged
    | LeadClosed
    | LeadReopened
    | LeadErased,
    Field(discriminator="type"),
]

EVENT_TYPES: dict[str, type[EventBase]] = {
    model.__name__: model
    for model in (
        LeadUpserted,
        InteractionLogged,
        TranscriptReady,
        StageChanged,
        LeadClosed,
        LeadReopened,
        LeadErased,
    )
}
