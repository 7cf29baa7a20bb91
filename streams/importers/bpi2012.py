"""BPI Challenge 2012 (B. van Dongen, doi 10.4121/uuid:3926db30-f712-4394-aebc-75976070e91f): a
bank's loan applications as events. A lead is an application.

Licence: 4TU.ResearchData terms, which oblige to cite; ship none of it. Traps:
- The bank's decline is not lack of interest, and a cancellation may be a time-out: both close the
  lead with their own reason, neither is `lost`.
- 399 applications are undecided when the log ends: censored, not lost.
- Whoever got as far as A_FINALIZED has an offer: do not score what only exists on the way there.

Nothing is dropped: an activity that means nothing here is logged on the channel `other` with its
name as code. A work item's COMPLETE has the time since its START as duration.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, iterparse

from schemas.events import (
    Channel,
    Direction,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadUpserted,
    Stage,
    StageChanged,
)
from streams.importers.outcomes import ImportFault

SOURCE = "import/bpi2012"
TENANT = "bpi2012"
QUEUE = "loans"
FILE = "BPI_Challenge_2012.xes.gz"
XES = "{http://www.xes-standard.org/}"
SYSTEM_RESOURCE = "112"
"""The bank's automation: it owns nobody."""
MAX_DURATION_S = 7 * 86_400.0

_STAGES = {
    "A_SUBMITTED": Stage.NEW,
    "A_ACCEPTED": Stage.CONTACTED,
    "O_SENT": Stage.QUOTE,
    "A_REGISTERED": Stage.ORDER,
    "A_APPROVED": Stage.ORDER,
    "A_ACTIVATED": Stage.ORDER,
    "O_ACCEPTED": Stage.ORDER,
}
_CLOSED = {"A_DECLINED": "declined by the bank", "A_CANCELLED": "cancelled"}
_CONTACTS = {
    "A_SUBMITTED": (Channel.WEB, Direction.INBOUND),
    "A_PARTLYSUBMITTED": (Channel.WEB, Direction.INBOUND),
    "O_SENT": (Channel.QUOTE, Direction.OUTBOUND),
    "O_SENT_BACK": (Channel.QUOTE, Direction.INBOUND),
    "W_Afhandelen leads": (Channel.CALL, Direction.OUTBOUND),
    "W_Completeren aanvraag": (Channel.CALL, Direction.OUTBOUND),
    "W_Nabellen offertes": (Channel.CALL, Direction.OUTBOUND),
    "W_Nabellen incomplete dossiers": (Channel.CALL, Direction.OUTBOUND),
}


@dataclass(slots=True)
class Application:
    """One trace (a loan application) while it is read: who owns it and which work items are
    open."""

    id: str
    owner: str | None = None
    started: dict[str, datetime] = field(default_factory=dict)

    def envelope(self, n: int, what: str, at: datetime) -> dict[str, Any]:
        return {
            "id": f"{self.id}:{n}:{what}",
            "source": SOURCE,
            "tenant": TENANT,
            "lead": self.id,
            "occurred_at": at,
        }


def bpi2012_events(path: Path, *, limit: int | None = None) -> Iterator[EventBase]:
    """The events of the first `limit` applications (None = all) of the log `path`, a file or the
    folder it lies in. One application in memory at a time. Raises ImportFault, OSError."""
    file_path = path / FILE if path.is_dir() else path
    with gzip.open(file_path) if file_path.suffix == ".gz" else file_path.open("rb") as file:
        try:
            for n, trace in enumerate(_traces(file)):
                if n == limit:
                    return
                yield from _events(trace, f"{file_path}: application {n + 1}")
                trace.clear()
        except (ParseError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ImportFault(f"{file_path}: not an XES log: {error}") from error


def _traces(file: gzip.GzipFile | BufferedReader) -> Iterator[Element]:
    n = 0
    for _, element in iterparse(file):  # noqa: S314 - a local file, expat bounds its expansion
        if element.tag == XES + "trace":
            n += 1
            yield element
    if n == 0:
        raise ParseError("no trace in it")


def _events(trace: Element, where: str) -> list[EventBase]:
    try:
        attributes = _values(trace)
        application = Application(attributes["concept:name"])
        registered = application.envelope(0, "profile", _time(attributes["REG_DATE"]))
        amount = float(attributes["AMOUNT_REQ"])
        events: list[EventBase] = [
            LeadUpserted(**registered, profile={"amount_requested": amount}, queue=QUEUE)
        ]
        for n, element in enumerate(trace.iter(XES + "event"), start=1):
            events += _activity(application, n, _values(element))
        return events
    except (KeyError, ValueError) as error:
        raise ImportFault(f"{where}: {error}") from error


def _activity(application: Application, n: int, values: dict[str, str]) -> Iterator[EventBase]:
    """The events of one line of the log: who did it, that it was done, and the stage it led to."""
    name, transition = values["concept:name"], values["lifecycle:transition"]
    at = _time(values["time:timestamp"])
    resource = values.get("org:resource")
    if resource not in (None, SYSTEM_RESOURCE, application.owner):
        application.owner = resource
        yield LeadUpserted(**application.envelope(n, "owner", at), owner=resource)
    duration_s = _duration_s(application, name, transition, at)
    is_done = transition == "COMPLETE"
    contact = _CONTACTS.get(name) if is_done else None
    channel, direction = contact or (Channel.OTHER, None)
    yield InteractionLogged(
        **application.envelope(n, "activity", at),
        channel=channel,
        direction=direction,
        duration_s=duration_s,
        codes=(name.replace(" ", "_"), transition),
    )
    if is_done and name in _STAGES:
        yield StageChanged(**application.envelope(n, "stage", at), stage=_STAGES[name])
    if is_done and name in _CLOSED:
        yield LeadClosed(**application.envelope(n, "closed", at), reason=_CLOSED[name])


def _duration_s(application: Application, name: str, transition: str, at: datetime) -> float | None:
    if transition == "START":
        application.started[name] = at
    if transition != "COMPLETE" or name not in application.started:
        return None
    elapsed_s = (at - application.started.pop(name)).total_seconds()
    return min(max(elapsed_s, 0.0), MAX_DURATION_S)


def _values(element: Element) -> dict[str, str]:
    """The keys and values of the attributes directly under an XES element."""
    return {
        child.attrib["key"]: child.attrib["value"]
        for child in element
        if child.tag != XES + "event"
    }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
