"""The journal of one lead: collects its events and gives them ids, sources and times."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from schemas.events import (
    Channel,
    Direction,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadUpserted,
    Stage,
    StageChanged,
    TranscriptReady,
)

TENANT = "demo"
CRM = "crm"
WEB = "web"
QA = "crm.qa"
ASR = "asr"


class Journal:
    """Collects events. Times are seconds from `as_of`; negative ones had passed by then."""

    def __init__(self, lead: str, as_of: datetime) -> None:
        self.lead = lead
        self.as_of = as_of
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
        channel: Channel,
        direction: Direction,
        duration_s: float | None = None,
        **more: Any,
    ) -> None:
        source = WEB if channel in (Channel.WEB, Channel.APP) else CRM
        fields = {"channel": channel, "direction": direction, "duration_s": duration_s, **more}
        self._write(InteractionLogged, source, offset_s, fields)

    def quality_checked(self, offset_s: float, call_id: str, codes: tuple[str, ...]) -> None:
        """Adds the call's record in the quality sample, which is joined to the call by its id."""
        fields = {"channel": Channel.CALL, "call_id": call_id, "codes": codes}
        self._write(InteractionLogged, QA, offset_s, fields)

    def transcribed(self, offset_s: float, **fields: Any) -> None:
        self._write(TranscriptReady, ASR, offset_s, fields)

    def stage(self, offset_s: float, stage: Stage) -> None:
        self._write(StageChanged, CRM, offset_s, {"stage": stage})

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
