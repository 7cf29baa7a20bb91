"""The public data sets, each with the protocol of its published figures (their READMEs name the
traps).

The events come from `streams.importers`. A protocol says at which moments a lead gets rows, what
counts as its outcome, and what of the import would give the outcome away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from schemas.events import (
    EventBase,
    InteractionLogged,
    LeadReopened,
    TranscriptReady,
)
from schemas.ids import LeadKey
from schemas.timestamps import to_ms
from training.dataset.log import Logged
from training.dataset.manifest import DatasetError, Maturity, SplitBy
from training.dataset.plan import DatasetPlan
from training.dataset.policy import AfterCall, AfterFirst
from training.dataset.split import Shares

Adapt = Callable[[Iterable[Logged]], Iterator[Logged]]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one data set is used. `adapted`: the log without what gives the outcome away. `planned`:
    how it becomes examples; its clusters are known once the log was read."""

    adapted: Adapt
    planned: DatasetPlan

    def plan(self, shares: Shares, split_by: SplitBy = SplitBy.TIME) -> DatasetPlan:
        return replace(self.planned, shares=shares, split_by=split_by)


def protocol_of(data_set: str, seed: int, first_units: int | None) -> Protocol:
    """The protocol of a data set. `first_units`: how many utterances of a dialogue may be read.
    Raises DatasetError."""
    if first_units is not None and data_set != "persuasion":
        raise DatasetError(f"--first-units is for persuasion; {data_set} has no utterances")
    match data_set:
        case "persuasion":
            return _persuasion(seed, first_units)
        case "bpi2012":
            plan = DatasetPlan(
                "bpi2012",
                AfterFirst(24),
                seed,
                horizon_days=WHOLE_LOG_DAYS,
                embargo_days=0,
                maturity=Maturity.DECIDED,
            )
            return Protocol(iter, plan)
        case "uci-bank":
            plan = DatasetPlan(
                "uci-bank",
                AfterFirst(0),
                seed,
                horizon_days=1,
                embargo_days=0,
                maturity=Maturity.DECIDED,
            )
            return Protocol(iter, plan)
    raise DatasetError(f"no protocol for {data_set!r}")


WHOLE_LOG_DAYS = 366
"""The bank decides within weeks or months; leads are censored by the end of the log only."""


def _persuasion(seed: int, first_units: int | None) -> Protocol:
    """Each dialogue is a lead of its own; otherwise, a returning persuadee's first outcome would be
    known at the second dialogue. The persuadee (B3) is the cluster, in one split only."""
    persuadees: dict[LeadKey, str] = {}

    def adapted(logged: Iterable[Logged]) -> Iterator[Logged]:
        for record in logged:
            event = _alone(record.event, first_units)
            if event is not None:
                persuadees[event.key] = str(record.event.key)
                yield replace(record, event=event, ingested_at_ms=to_ms(event.occurred_at))

    name = "persuasion" if first_units is None else f"persuasion-first-{first_units}"
    plan = DatasetPlan(
        name,
        AfterCall(),
        seed,
        horizon_days=1,
        embargo_days=0,
        maturity=Maturity.DECIDED,
        cluster=persuadees.__getitem__,
    )
    return Protocol(adapted, plan)


def _alone(event: EventBase, first_units: int | None) -> EventBase | None:
    """`event` as an event of a lead named after its dialogue. Dropped: the wrap-up code BAD, which
    was given afterwards, and, where only the first utterances count, the call's record, which says
    how long the dialogue lasted."""
    dialogue, _, _ = event.id.rpartition(":")
    match event:
        case LeadReopened():
            return None
        case InteractionLogged() if first_units is not None:
            return None
        case InteractionLogged():
            return event.model_copy(update={"lead": dialogue, "codes": ()})
        case TranscriptReady() if first_units is not None:
            segments = event.segments[:first_units]
            ended_at = event.started_at + timedelta(seconds=segments[-1].end_s)
            moved = {"lead": dialogue, "segments": segments, "occurred_at": ended_at}
            return event.model_copy(update=moved)
        case _:
            return event.model_copy(update={"lead": dialogue})
