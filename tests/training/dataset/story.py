"""Short stories of one lead, and the rows that a dataset makes of them."""

from __future__ import annotations

from datetime import timedelta

from schemas.events import (
    EventBase,
    LeadUpserted,
)
from schemas.timestamps import DAY_MS, to_ms
from tests.scoring.histories import START, START_MS
from training.dataset.build import drafts_of
from training.dataset.draft import ExampleDraft
from training.dataset.log import Known, LeadLog
from training.dataset.plan import DatasetPlan
from training.dataset.policy import parse_policy


def lead_log(history: list[tuple[EventBase, int]]) -> LeadLog:
    known = [Known(to_ms(event.occurred_at) + delay_ms, event) for event, delay_ms in history]
    return LeadLog(history[0][0].key, tuple(sorted(known, key=lambda k: k.at_ms)))


def event(kind: type[EventBase], day: float, lead: str = "l-1", **fields: object) -> EventBase:
    at = START + timedelta(days=day)
    name = f"{kind.__name__}-{day}"
    return kind(id=name, source="crm", tenant="acme", lead=lead, occurred_at=at, **fields)


def drafts(history: list[EventBase], policy: str, end_day: float = 60) -> list[ExampleDraft]:
    lead = lead_log([(event, 0) for event in history])
    plan = DatasetPlan("test", parse_policy(policy))
    found = drafts_of(lead, START_MS + int(end_day * DAY_MS), plan, "c")
    return [draft for draft in found if isinstance(draft, ExampleDraft)]


def days(drafts: list[ExampleDraft]) -> list[float]:
    return [(draft.as_of_ms - START_MS) / DAY_MS for draft in drafts]


NEW = event(LeadUpserted, 0, profile={"age_band": "forties"}, queue="north")
