"""The journal of one lead: collects its events and gives them ids, sources and times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from schemas.events import (
    KNOWN_ENDINGS,
    Direction,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from training.simulator.business import Business

TENANT = "demo"
CRM = "crm"
QA = "crm.qa"
ASR = "asr"
CALL = "call"
EMAIL = "email"
"""Channels that every world has."""


class Journal:
    """Collects events. Times are seconds from `as_of`; negative ones had passed by then."""

    def __init__(self, lead: str, as_of: datetime, business: Business) -> None:
        self.lead = lead
        self.as_of = as_of
        self._sources = {click.channel: click.source for click in business.clicks}
        self._funnel = business.funnel
        self._written: list[tuple[float, int, EventBase]] = []

    def at(self, offset_s: float) -> datetime:
        return self.as_of + timedelta(milliseconds=int(offset_s * 1000))

    def events(self) -> tuple[EventBase, ...]:
        self._written.sort(key=_by_time)
        return tuple(event for _, _, event in self._written)

    def upserted(self, offset_s: float, **patch: Any) -> None:
        self._write(LeadUpserted, CRM, offset_s, patch)

    def contact(
        self,
        offset_s: float,
        channel: str,
        direction: Direction,
        duration_s: float | None = None,
        **more: Any,
    ) -> None:
        source = self._sources.get(channel, CRM)
        fields = {"channel": channel, "direction": direction, "duration_s": duration_s, **more}
        self._write(InteractionLogged, source, offset_s, fields)

    def quality_checked(self, offset_s: float, call_id: str, codes: tuple[str, ...]) -> None:
        """Adds the call's record in the quality sample, which is joined to the call by its id."""
        fields = {"channel": CALL, "call_id": call_id, "codes": codes}
        self._write(InteractionLogged, QA, offset_s, fields)

    def transcribed(self, offset_s: float, **fields: Any) -> None:
        self._write(TranscriptReady, ASR, offset_s, fields)

    def stage(self, offset_s: float, stage: str) -> None:
        """Adds a move. How it ends the funnel is said where asllr does not know it by the word."""
        ends = self._funnel.ending_of(stage)
        is_known = KNOWN_ENDINGS.get(stage) is ends
        self._write(
            StageChanged, CRM, offset_s, {"stage": stage, "ends": None if is_known else ends}
        )

    def closed(self, offset_s: float, reason: str) -> None:
        self._write(LeadClosed, CRM, offset_s, {"reason": reason})

    def _write(
        self, model: type[EventBase], source: str, offset_s: float, fields: dict[str, Any]
    ) -> None:
        number = len(self._written)
        event = model(
            id=f"{self.lead}-{number}",
            source=source,
            tenant=TENANT,
            lead=self.lead,
            occurred_at=self.at(offset_s),
            **fields,
        )
        self._written.append((offset_s, number, event))


def _by_time(entry: tuple[float, int, EventBase]) -> tuple[float, int]:
    return entry[0], entry[1]
