"""Logs of a few leads, and the datasets that they become."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from schemas.events import EventBase, LeadUpserted, Stage, StageChanged
from schemas.timestamps import to_ms
from tests.scoring.histories import START
from training.dataset.build import build_examples
from training.dataset.example import Examples
from training.dataset.log import Logged
from training.dataset.manifest import DatasetManifest
from training.dataset.plan import DatasetPlan


def an_event(kind: type[EventBase], day: float, lead: str = "l-1", **fields: object) -> EventBase:
    at = START + timedelta(days=day)
    name = f"{kind.__name__}-{day}"
    return kind(id=name, source="crm", tenant="acme", lead=lead, occurred_at=at, **fields)


def build(records: list[Logged], **fields: object) -> tuple[Examples, DatasetManifest]:
    return build_examples(
        records, replace(DatasetPlan("test"), **fields), lambda what: lambda done, total: None
    )


def logged(*histories: list[EventBase], ingested: datetime | None = None) -> list[Logged]:
    return [
        Logged("crm", to_ms(ingested or event.occurred_at), event)
        for history in histories
        for event in history
    ]


def a_lead(number: int, order_day: float | None, *, start: float = 0.0) -> list[EventBase]:
    name = f"l-{number}"
    history = [an_event(LeadUpserted, start, name, profile={"age_band": "forties"})]
    if order_day is not None:
        history.append(an_event(StageChanged, order_day, name, stage=Stage.ORDER))
    return history


def dealership(n: int = 300) -> list[list[EventBase]]:
    """A lead every half day; every other one orders after five days."""
    return [a_lead(n, n / 2 + 5.0 if n % 2 else None, start=n / 2) for n in range(n)]
