"""Events of one lead, said briefly: for tests that tell a short story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.events import (
    Channel,
    Direction,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadErased,
    LeadReopened,
    LeadUpserted,
    Segment,
    TranscriptReady,
)

START = datetime(2025, 6, 2, 9, tzinfo=UTC)
TENANT = "acme"
A = f"{TENANT}/a"
"""The lead most stories are about, as a key."""


def _base(id_: int, lead: str) -> dict[str, object]:
    """The id says when: one minute after the one before it."""
    return {
        "id": f"e{id_}",
        "source": "crm",
        "tenant": TENANT,
        "lead": lead,
        "occurred_at": START + timedelta(minutes=id_),
    }


def joins(id_: int, queue: str = "north", lead: str = "a") -> EventBase:
    return LeadUpserted.model_validate({**_base(id_, lead), "queue": queue})


def clicks(id_: int, lead: str = "a") -> EventBase:
    return InteractionLogged.model_validate({**_base(id_, lead), "channel": Channel.WEB})


def writes(id_: int, lead: str = "a") -> EventBase:
    return InteractionLogged.model_validate(
        {**_base(id_, lead), "channel": Channel.EMAIL, "direction": Direction.INBOUND}
    )


def talks(id_: int, text: str = "I will take it", lead: str = "a") -> EventBase:
    segment = Segment.model_validate(
        {"role": "customer", "start_s": 0.0, "end_s": 4.0, "text": text}
    )
    return TranscriptReady.model_validate(
        {
            **_base(id_, lead),
            "call_id": f"call-{id_}",
            "started_at": START + timedelta(minutes=id_),
            "segments": (segment,),
        }
    )


def closes(id_: int, lead: str = "a") -> EventBase:
    return LeadClosed.model_validate(_base(id_, lead))


def reopens(id_: int, lead: str = "a") -> EventBase:
    return LeadReopened.model_validate(_base(id_, lead))


def erased(id_: int, lead: str = "a") -> EventBase:
    return LeadErased.model_validate(_base(id_, lead))
