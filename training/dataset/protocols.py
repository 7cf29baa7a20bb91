"""The public data sets by the protocols they are judged by (their READMEs name the traps).

The events come from `streams.importers`; here it is said when a lead is asked about, what counts as
its outcome, and what of the import would tell it.
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
from training.dataset.manifest import DatasetError, SplitBy
from training.dataset.plan import DatasetPlan, Maturity
from training.dataset.policy import AfterCall, AfterFirst
from training.dataset.split import Shares

Adapt = Callable[[Iterable[Logged]], Iterator[Logged]]


@dataclass(frozen=True, slots=True)
class Protocol:
    """`adapted`: the log without what tells the outcome. `planned`: how it becomes examples; who
    counts as one is known once the log was read."""

    adapted: Adapt
    planned: DatasetPlan

    def plan(self, shares: Shares, split_by: SplitBy = SplitBy.TIME) -> DatasetPlan:
        return replace(self.planned, shares=shares, split_by=split_by)


def protocol_of(data_set: str, seed: int, first_units: int | None) -> Protocol:
    """`first_units`: of a dialogue. Raises DatasetError."""
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
"""The bank decides within weeks or months; nobody is censored by a horizon, only by the log."""


def _persuasion(seed: int, first_units: int | None) -> Protocol:
    """Each dialogue is a lead of its own, or a returning persuadee's first outcome would be known
    at the second; the persuadee (B3) is the cluster, in one split only."""
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
        cluster_of=persuadees.__getitem__,
    )
    return Protocol(adapted, plan)


def _alone(event: EventBase, first_units: int | None) -> EventBase | None:
    """`event` under its dialogue's name. The wrap-up code BAD was given afterwards; the call's
    record says how long a dialogue lasted that may not be over yet."""
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
