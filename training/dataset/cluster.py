"""Clusters: the leads that belong together, by a field that they share.

Rows of one cluster stay in one split, and a bootstrap draws them as one unit. A person who asked
twice, a household, a shop or a campaign: a model that met one of its leads knows something of the
others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schemas.events import EventBase, LeadUpserted
from schemas.ids import LeadKey
from scoring.lead.state import PROFILE, Value
from training.dataset.log import EventLog
from training.dataset.manifest import DataFinding, DatasetError, Severity

LEAD = "lead"
OF_THE_LEAD = ("queue", "owner")
"""What may be named beside profile fields."""

MAX_NAMED_FIELDS = 30


@dataclass(frozen=True, slots=True)
class Clusters:
    """The cluster of each lead. `findings`: what a person should know of them."""

    cluster_of: Mapping[LeadKey, str]
    findings: tuple[DataFinding, ...] = ()


def cluster_by(log: EventLog, field: str) -> Clusters:
    """Clusters by the value that a lead's `field` had first: a profile field, "queue", "owner" or
    "lead". A lead without a value is a cluster of its own. Raises DatasetError for a field that no
    lead has."""
    if field == LEAD:
        return Clusters({lead.key: str(lead.key) for lead in log.leads})
    values = {lead.key: _first_value(lead.events, field) for lead in log.leads}
    n_without = sum(value is None for value in values.values())
    if n_without == len(values):
        raise DatasetError(
            f"no lead has the field {field[:80]!r} to cluster by; there is: {_named(log)}"
        )
    cluster_of = {
        key: str(key) if value is None else f"{key.tenant}/{field}={value}"
        for key, value in values.items()
    }
    return Clusters(cluster_of, tuple(_findings(field, n_without, len(values))))


def _first_value(events: Iterable[EventBase], field: str) -> Value:
    """The value that became known first: a later one, such as the owner after a sale, may tell of
    the outcome, and would tear a lead's rows apart."""
    for event in events:
        if isinstance(event, LeadUpserted) and (value := _value(event, field)) is not None:
            return value
    return None


def _value(event: LeadUpserted, field: str) -> Value:
    match field:
        case "queue":
            return event.queue
        case "owner":
            return event.owner
        case _:
            return event.profile.get(field, event.profile.get(field.removeprefix(PROFILE)))


def _findings(field: str, n_without: int, n: int) -> Iterable[DataFinding]:
    if n_without:
        yield DataFinding(
            severity=Severity.WARNING,
            column=field if field in OF_THE_LEAD else PROFILE + field.removeprefix(PROFILE),
            sentence=f"{n_without:,} of {n:,} leads have no value to cluster by: each is a cluster "
            "of its own, and may belong to one in another split",
        )


def _named(log: EventLog) -> str:
    counts: Counter[str] = Counter()
    for lead in log.leads:
        patches = [event for event in lead.events if isinstance(event, LeadUpserted)]
        counts.update({name for patch in patches for name in patch.profile})
    fields = [name for name, _ in counts.most_common(MAX_NAMED_FIELDS)]
    more = ", …" if len(counts) > len(fields) else ""
    return ", ".join([LEAD, *OF_THE_LEAD, *fields]) + more
