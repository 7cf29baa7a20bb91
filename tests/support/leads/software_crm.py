"""The simulator's software vendor written out as its CRM would: leads with columns of its own
names and words, calls with a vendor's JSON in a cell, deals with their stage in words. The truth is
known.

What the exports do not hold: the hidden intent, messages and e-mails, and the moment from which on
a lead may order.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.events import (
    InteractionLogged,
    LeadClosed,
    LeadUpserted,
    Role,
    StageChanged,
    TranscriptReady,
)
from training.simulator.emit import SimulatedLead, simulate_leads
from training.simulator.phrases import Stance
from training.simulator.world import World, order_logit, probability_of

START = datetime(2025, 1, 6, 8, tzinfo=UTC)
SPAN_DAYS = 300
END = START + timedelta(days=SPAN_DAYS)
BASE_LOGIT = -3.2
"""Instead of the world's -4.9: one lead in eight orders and not one in 25, of whom a sample of
3,000 would leave thirty to judge by."""

FIRST_ORDER_DAYS, LAST_ORDER_DAYS = 1.0, 59.5
"""An order comes evenly between so many days after the simulator's scoring moment."""

LATE_CALL_DAYS = 2.5
"""The last call is so long before the scoring moment, on average."""

COLUMNS = {
    "employees": "Headcount",
    "industry": "Sector",
    "region": "Market",
    "contact_role": "Job level",
    "department": "Business unit",
    "current_tool": "Uses today",
    "product_interest": "Edition asked for",
    "seats": "Licences wanted",
    "deployment": "Hosting",
    "purchase_window": "Timeline",
    "lead_source": "Came from",
    "existing_customer": "Customer already",
    "budget_approved": "Budget released",
    "decision_maker": "Signs contracts",
}
STAGES = {
    "new": "Discovery",
    "qualified": "Qualification",
    "demo": "Demo held",
    "trial": "Trial running",
    "proposal": "Proposal sent",
    "negotiation": "Negotiation",
    "won": "Closed Won",
    "lost": "Closed Lost",
}


@dataclass(frozen=True, slots=True)
class SoftwareLead:
    """A lead and the truth about it."""

    lead: SimulatedLead
    world: World

    @property
    def name(self) -> str:
        return f"00Q{self.lead.lead}"

    def probability(self, at: datetime, horizon_days: float) -> float:
        """The simulator's own, by what had been said and done up to `at`: of an order within the
        horizon, given that there was none. It knows the hidden intent and the scoring moment."""
        after_days = (at - self.lead.as_of).total_seconds() / 86_400
        return _within(self._chance(at), after_days, horizon_days)

    def knowable(self, at: datetime, horizon_days: float) -> float:
        """The same by what the exports hold: no intent, no past stages, nothing written; and the
        scoring moment is taken to be a few days after the last call, as it is on average."""
        lead = self.lead
        calls = [e.occurred_at for e in lead.history if isinstance(e, TranscriptReady)]
        last = max((each for each in calls if each <= at), default=at)
        silent_days = (at - last).total_seconds() / 86_400
        person = replace(lead.person, intent=0.0)
        logit = order_logit(self.world, person, "qualified", self._said(at), self._day)
        after_days = max(silent_days - LATE_CALL_DAYS, 0.0)
        return _within(probability_of(logit), after_days, horizon_days)

    def _chance(self, at: datetime) -> float:
        lead, stage = self.lead, "new"
        for event in lead.history:
            if isinstance(event, StageChanged) and event.occurred_at <= at:
                stage = event.stage
        spoken = {topic for call in lead.calls for topic in call.stances}
        written = {topic: s for topic, s in lead.stances.items() if topic not in spoken}
        stances = self._said(at) | written
        return probability_of(order_logit(self.world, lead.person, stage, stances, self._day))

    def _said(self, at: datetime) -> dict[str, Stance]:
        """Where the customer stood by the calls up to `at`."""
        said: dict[str, Stance] = {}
        for call in self.lead.calls:
            if call.started_at <= at:
                said |= call.stances
        return said

    @property
    def _day(self) -> float:
        return (self.lead.as_of - START).total_seconds() / 86_400


def _within(chance: float, after_days: float, horizon_days: float) -> float:
    before, until = _ordered_share(after_days), _ordered_share(after_days + horizon_days)
    still = 1 - chance * before
    return chance * (until - before) / still if still > 0 else 0.0


def _ordered_share(after_days: float) -> float:
    share = (after_days - FIRST_ORDER_DAYS) / (LAST_ORDER_DAYS - FIRST_ORDER_DAYS)
    return min(max(share, 0.0), 1.0)


def software_leads(seed: int, n: int, *, has_effect: bool = True) -> list[SoftwareLead]:
    """The leads that came in before END. Without an effect neither columns nor words say
    anything."""
    world = World("software", span_days=SPAN_DAYS, base_logit=BASE_LOGIT)
    if not has_effect:
        world = replace(world, table_weight=0.0, text_weight=0.0, base_logit=-2.6)
    found = simulate_leads(seed, n, world=world, start=START)
    return [SoftwareLead(lead, world) for lead in found if lead.events[0].occurred_at < END]


def write_software(folder: Path, leads: Sequence[SoftwareLead]) -> Mapping[str, Path]:
    """Writes what the CRM knew at END."""
    paths = {
        "leads": folder / "leads.csv",
        "calls": folder / "calls.csv",
        "outcomes": folder / "deals.csv",
    }
    _write(paths["leads"], map(_lead_row, leads))
    _write(paths["calls"], (row for lead in leads for row in _call_rows(lead)))
    _write(paths["outcomes"], map(_deal_row, leads))
    return paths


def _write(path: Path, rows: Iterator[dict[str, object]]) -> None:
    first = next(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*first])
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)


def _lead_row(each: SoftwareLead) -> dict[str, object]:
    known = [event for event in each.lead.events if event.occurred_at <= END]
    profile: dict[str, object] = {}
    for event in known:
        if isinstance(event, LeadUpserted):
            profile |= event.profile
    number = int(each.lead.lead[1:])
    return {
        "Lead ID": each.name,
        "Create Date": _time(known[0].occurred_at),
        "Company": f"Company {number}",
        "Email": f"info@company-{number}.example",
        "Street": f"{number} Harbour Road",
        **{title: _word(profile.get(name)) for name, title in COLUMNS.items()},
        "Last Activity Date": _time(known[-1].occurred_at),
        "Lead Status": "Working",
    }


def _word(value: object) -> object:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float):
        return int(value)
    return "" if value is None else str(value).replace("_", " ").capitalize() + "."


def _call_rows(each: SoftwareLead) -> Iterator[dict[str, object]]:
    talks = {e.call_id: e for e in each.lead.events if isinstance(e, TranscriptReady)}
    for event in each.lead.events:
        if not isinstance(event, InteractionLogged) or event.channel != "call" or event.codes:
            continue
        talk = talks.get(event.call_id or "")
        seconds = timedelta(seconds=event.duration_s or 0.0)
        if event.occurred_at > END:
            continue
        yield {
            "Related Lead": each.name,
            "Call Start": _time(talk.started_at if talk else event.occurred_at - seconds),
            "Call Duration": str(timedelta(seconds=int(seconds.total_seconds()))),
            "Call Direction": str(event.direction),
            "Notes": event.note or "",
            "Transcript": _vendor_json(talk) if talk else "",
        }


def _vendor_json(talk: TranscriptReady) -> str:
    """As Amazon Transcribe Call Analytics writes a call."""
    turns = [
        {
            "ParticipantRole": "AGENT" if segment.role is Role.AGENT else "CUSTOMER",
            "Content": segment.text,
            "BeginOffsetMillis": int(segment.start_s * 1000),
            "EndOffsetMillis": int(segment.end_s * 1000),
        }
        for segment in talk.segments
    ]
    return json.dumps(
        {
            "JobStatus": "COMPLETED",
            "LanguageCode": "en-US",
            "Channel": "VOICE",
            "Participants": [{"ParticipantRole": "AGENT"}, {"ParticipantRole": "CUSTOMER"}],
            "Transcript": turns,
        }
    )


def _deal_row(each: SoftwareLead) -> dict[str, object]:
    known = [event for event in each.lead.events if event.occurred_at <= END]
    moves = [event for event in known if isinstance(event, StageChanged)]
    ended = next((event for event in known if isinstance(event, LeadClosed)), None)
    stage = moves[-1].stage if moves else "new"
    return {
        "Deal ID": f"D-{each.lead.lead[1:]}",
        "Lead ID": each.name,
        "Deal Stage": STAGES[stage],
        "Close Date": _time(ended.occurred_at) if ended else "",
        "Lost Reason": "went with another vendor" if stage == "lost" else "",
    }


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
