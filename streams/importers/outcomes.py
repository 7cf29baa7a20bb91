"""What the importers share: rows, the error they raise, and removing outcomes so that leads are
listed as they were before anybody knew how they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from schemas.events import EventBase
from scoring.lead.fold import ends_lead

CsvRow = Mapping[str, str]


class ImportFault(ValueError):
    """A file is not the data set it should be. The message names the file and the place."""


def without_outcomes(events: Iterable[EventBase]) -> Iterator[EventBase]:
    """Leaves out the events that end leads. History ends with everybody decided, and so with empty
    queues: this leaves everybody listed, as they stood before their outcome was known."""
    return (event for event in events if not ends_lead(event))
