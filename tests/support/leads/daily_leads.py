"""Leads by the day for backtests: when they come, what is said, and when they order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.events import EventBase, LeadUpserted, Role, Stage, StageChanged, TranscriptReady
from schemas.timestamps import DAY_MS, to_ms

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = to_ms(START) // DAY_MS


def event(kind: type[EventBase], lead: str, days: float, **fields: object) -> EventBase:
    at = START + timedelta(days=days)
    return kind.model_validate(
        {
            "id": f"{lead}-{days}-{kind.__name__}",
            "source": "crm",
            "tenant": "acme",
            "lead": lead,
            "occurred_at": at,
            **fields,
        }
    )


def joins(lead: str, days: float, queue: str = "north") -> EventBase:
    return event(LeadUpserted, lead, days, queue=queue)


def orders(lead: str, days: float) -> EventBase:
    return event(StageChanged, lead, days, stage=Stage.ORDER)


def gets_a_quote(lead: str, days: float) -> EventBase:
    return event(StageChanged, lead, days, stage=Stage.QUOTE)


def talks(lead: str, days: float, text: str) -> EventBase:
    segment = {"role": Role.CUSTOMER, "start_s": 0.0, "end_s": 2.0, "text": text}
    started_at = START + timedelta(days=days)
    return event(
        TranscriptReady, lead, days, call_id=f"{lead}-c", started_at=started_at, segments=[segment]
    )


def forty_days() -> list[EventBase]:
    """Three leads a day; every third orders two days after it came."""
    events = []
    for n in range(120):
        events.append(joins(f"l{n:03}", n / 3 + 0.1))
        if n % 3 == 0:
            events.append(orders(f"l{n:03}", n / 3 + 2.5))
    return events
