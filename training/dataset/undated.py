"""Outcomes without a date: it is known who was won, and not when.

Such a label says "at some time". Nobody can tell what was known before it, so leads get rows at
moments of their own beginning only, and a split by time would call the future what may be the past.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.ids import LeadKey
from training.dataset.ladder import WON
from training.dataset.log import EventLog
from training.dataset.manifest import DataFinding, DatasetError, Severity, SplitBy
from training.dataset.outcome import Label, is_order
from training.dataset.plan import DatasetPlan
from training.dataset.policy import AfterCall, AfterFirst, policy_name

LABEL = "the lead was won, at a time that nobody recorded"


def outcomes_of(plan: DatasetPlan) -> Mapping[LeadKey, bool]:
    """The undated outcomes of the plan. Raises DatasetError for a plan that needs dates."""
    if plan.undated is None:
        raise DatasetError(
            "labels without a date need a list of who was won; give it with --outcomes"
        )
    if plan.split_by is SplitBy.TIME:
        raise DatasetError(
            "these outcomes have no date, so nobody knows which came first, and a split by time "
            "would say nothing of the future; use --split-by cluster (at random over leads, or "
            "over a --cluster), or give the dates"
        )
    if not isinstance(plan.policy, AfterFirst | AfterCall):
        raise DatasetError(
            f"as-of policy {policy_name(plan.policy)} may ask after the outcome, which has no "
            "date; use 0h-after-first, another time after the first event, or after-call"
        )
    return plan.undated


def label_of_undated(is_won: bool) -> Label:
    return Label(frozenset({WON} if is_won else ()), None)


def check_undated(log: EventLog, plan: DatasetPlan) -> Iterator[DataFinding]:
    """Says on how many leads the labels rest. Raises DatasetError for a log that has orders of its
    own, or outcomes of other leads."""
    outcomes = outcomes_of(plan)
    n_orders = sum(any(map(is_order, lead.events)) for lead in log.leads)
    if n_orders:
        raise DatasetError(
            f"the log has orders of {n_orders:,} leads, with dates: use these and leave --outcomes "
            "out, or leave the orders out of the log"
        )
    n_known = sum(lead.key in outcomes for lead in log.leads)
    if not n_known:
        raise DatasetError(
            f"none of the {len(outcomes):,} outcomes is of one of the {len(log.leads):,} leads in "
            "the log; give both the same ids"
        )
    if not any(outcomes.get(lead.key) for lead in log.leads):
        raise DatasetError(
            f"no positives: none of the {n_known:,} leads with an outcome was won; look at which "
            "words say so"
        )
    n_open = len(log.leads) - n_known
    yield DataFinding(
        severity=Severity.WARNING,
        column="outcome",
        sentence=f"the outcomes have no date ({n_known:,} leads, {n_open:,} others left out as "
        "open): nothing shows that a column was filled in before them, and the split is random, "
        "which says nothing of the future",
    )
