"""Checks whether a log is fit to learn from: what stops a build, and what a person should look at.

What can be seen of a finished dataset alone is in `training.dataset.checks.data_check`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.events import LeadUpserted
from schemas.timestamps import DAY_MS, from_ms, to_ms
from scoring.lead.fold import ends_lead
from training.dataset.checks.filled import MAX_RATIO, MIN_EXPECTED, Filled, is_blank, is_one_sided
from training.dataset.draft import ExampleDraft
from training.dataset.example import Examples
from training.dataset.log import EventLog, KnownAt, LeadLog
from training.dataset.manifest import DataFinding, DatasetError, Maturity, Severity, Split, SplitBy
from training.dataset.outcome import first_order_ms
from training.dataset.plan import DatasetPlan
from training.dataset.policy import policy_name
from training.dataset.split import FEW_CLUSTERS

MIN_AFTER = 5
"""Leads with a change after their end; fewer may be chance."""
MAX_BEFORE_SHARE = 0.02
"""Changes before the end, as a share of those after it: a field that is hardly ever set earlier
belongs to the outcome."""
MAX_LATE_SHARE = 0.01
N_AGES = 10
"""Groups of leads that came in at about the same time."""
MORE = "Add leads: of those that ordered, and of others"
LONGER = (
    "Use a longer log (or more leads), other shares or a shorter embargo; where new leads stop "
    "coming before the log ends, --silent-days 21 leaves out the moments of those that had gone "
    "silent"
)


@dataclass(frozen=True, slots=True)
class Harvest:
    """The drafts of all leads. `n_late`: moments at which the order had happened and was not yet
    known."""

    drafts: Sequence[ExampleDraft]
    n_moments: int
    n_late: int


def check_horizon(log: EventLog, plan: DatasetPlan) -> None:
    """Raises DatasetError for a horizon longer than the log."""
    days = (log.last_ms - log.first_ms) / DAY_MS
    if plan.maturity is Maturity.HORIZON and plan.horizon_days >= days:
        raise DatasetError(
            f"the horizon of {plan.horizon_days} days is longer than the log, which runs "
            f"{days:.1f} days ({_span(log)}): no label is known yet; record for longer or choose "
            "a shorter horizon, or say with --complete-until that nothing happened after its end"
            + _bulk_hint(log, plan)
        )


def check_harvest(log: EventLog, plan: DatasetPlan, harvest: Harvest) -> None:
    """Raises DatasetError when nothing can be learned: no rows, no positives, or orders that come
    before everything else known of their leads."""
    orders = [lead for lead in log.leads if first_order_ms(lead.events) is not None]
    first = [lead for lead in orders if _begins_with_order(lead)]
    if first and len(first) > len(orders) / 2:
        raise DatasetError(
            f"labels before features: {len(first)} of {len(orders)} orders are the first that is "
            f"known of their lead (for one, {first[0].key}); check the clock and the export of the "
            "source of StageChanged" + _bulk_hint(log, plan)
        )
    if not harvest.drafts:
        raise DatasetError(
            f"no lead was listed at any of {harvest.n_moments} moments of "
            f"{policy_name(plan.policy)} ({len(log.leads)} leads, {_span(log)}): nothing to learn "
            "from; choose another as-of policy or a longer log" + _bulk_hint(log, plan)
        )
    if not any(draft.outcome.label for draft in harvest.drafts):
        raise DatasetError(
            f"no positives: {len(harvest.drafts)} rows and none with an order within "
            f"{plan.horizon_days} days; the log holds {len(orders)} orders. Send "
            "StageChanged(stage=order), choose a longer horizon or a longer log"
            + _bulk_hint(log, plan)
        )


def check_classes(examples: Examples, split_by: SplitBy = SplitBy.TIME) -> None:
    """Raises DatasetError for a split without positives or without negatives. `split_by`: what made
    the splits, and so what may help."""
    if len(examples) and bool(examples.label.all()):
        raise DatasetError(
            f"one class: all {len(examples):,} rows are of leads that ordered, and a model learns "
            "from those that did not, too: add the leads that are open or lost"
        )
    for split in Split:
        part = examples.of(split)
        n_positive = int(part.label.sum())
        if 0 < n_positive < len(part):
            continue
        n_clusters = len(np.unique(examples.cluster))
        few = f"; {n_clusters} clusters are few: try another --seed or a --cluster with more values"
        raise DatasetError(
            f"the split {split} has one class: {len(part)} rows, {n_positive} positives; both "
            "classes are needed to fit and to judge. "
            + (LONGER if split_by is SplitBy.TIME else MORE)
            + (few if n_clusters < FEW_CLUSTERS else "")
        )


def check_late(harvest: Harvest) -> Iterator[DataFinding]:
    """A finding where many orders were not yet known when they had happened."""
    if harvest.n_late > MAX_LATE_SHARE * harvest.n_moments:
        yield DataFinding(
            severity=Severity.WARNING,
            column="stage",
            sentence=f"{harvest.n_late} of {harvest.n_moments} moments were left out because the "
            "order had occurred and was not yet known: orders reach the log late, and so will "
            "labels",
        )


def check_log(log: EventLog) -> Iterator[DataFinding]:
    """Findings on profile fields that change only once a lead has ended: whoever reports them
    earlier, for example in an export of today's values, gives the outcome away."""
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for lead in log.leads:
        early, late = _named(lead)
        before.update(early)
        after.update(late - early)
    yield from filled_when_ended(log)
    for name in sorted(after):
        if after[name] >= MIN_AFTER and before[name] <= MAX_BEFORE_SHARE * after[name]:
            yield DataFinding(
                severity=Severity.WARNING,
                column=name,
                sentence=f"set or changed after the end of {after[name]} leads, before it in "
                f"{before[name]}: it belongs to the outcome; leave it out of the profile",
            )


def filled_when_ended(log: EventLog) -> Iterator[DataFinding]:
    """Findings on fields that leads have before their end, and open leads have not: an export of
    today's values, dated when the lead came in, fills such a field when the outcome is known."""
    ended: Counter[str] = Counter()
    still_open: Counter[str] = Counter()
    n_ended = 0
    for lead in log.leads:
        end_ms = _end_ms(lead)
        n_ended += end_ms is not None
        (still_open if end_ms is None else ended).update(_filled(lead, end_ms))
    for name in sorted(ended):
        of_ended = Filled(ended[name], n_ended)
        of_open = Filled(still_open[name], len(log.leads) - n_ended)
        if of_open.share < of_ended.share and is_one_sided(of_ended, of_open):
            yield DataFinding(
                severity=Severity.WARNING,
                column=name,
                sentence=f"is filled in {of_ended.text} leads that ended, before their end, and in "
                f"{of_open.text} open ones: it looks empty until the outcome is known; leave it "
                "out of the profile, or send it when it becomes known",
            )


def values_when_ended(log: EventLog) -> Iterator[DataFinding]:
    """Findings on fields of which leads that ended have a value, before their end, that open leads
    which came in at the same time have not: a campaign that is over is none."""
    by_age = sorted(log.leads, key=lambda lead: lead.entries[0].at_ms)
    size = max(1, -(-len(by_age) // N_AGES))
    expected: defaultdict[tuple[str, str], float] = defaultdict(float)
    found: Counter[tuple[str, str]] = Counter()
    for first in range(0, len(by_age), size):
        ends = [(lead, _end_ms(lead)) for lead in by_age[first : first + size]]
        ended = [(lead, end_ms) for lead, end_ms in ends if end_ms is not None]
        n_open = len(ends) - len(ended)
        for each, end_ms in ended if n_open else ():
            for value in _values(each, end_ms):
                expected[value] += min(1.0, n_open / len(ended))  # one lead tells of one
        found.update(v for lead, end_ms in ends if end_ms is None for v in _values(lead, None))
    told = {
        name
        for (name, value), n in expected.items()
        if n >= MIN_EXPECTED and found[name, value] <= MAX_RATIO * n
    }
    for name in sorted(told):
        yield DataFinding(
            severity=Severity.WARNING,
            column=name,
            sentence="has a value that leads have which ended, before their end, and open ones of "
            "the same age have not: it looks set when the outcome is known; leave it out of the "
            "profile, or send it when it becomes known",
        )


def _values(lead: LeadLog, until_ms: int | None) -> set[tuple[str, str]]:
    """The values of profile fields before `until_ms`."""
    return {
        (f"profile.{name}", str(value))
        for event in lead.events
        if isinstance(event, LeadUpserted)
        and (until_ms is None or to_ms(event.occurred_at) < until_ms)
        for name, value in event.profile.items()
        if not is_blank(value)
    }


def _filled(lead: LeadLog, until_ms: int | None) -> set[str]:
    """The profile fields that had a value before `until_ms`."""
    return {name for name, _ in _values(lead, until_ms)}


def _end_ms(lead: LeadLog) -> int | None:
    """The lead's first end; None for a lead that has not ended."""
    return min((to_ms(e.occurred_at) for e in lead.events if ends_lead(e)), default=None)


def _named(lead: LeadLog) -> tuple[set[str], set[str]]:
    """The fields that were set or changed before the lead's first end, and from then on; both empty
    for a lead that has not ended."""
    end_ms = _end_ms(lead)
    if end_ms is None:
        return set(), set()
    early: set[str] = set()
    late: set[str] = set()
    held: dict[str, object] = {}
    patches = (event for event in lead.events if isinstance(event, LeadUpserted))
    for patch in sorted(patches, key=lambda patch: patch.occurred_at):
        names = late if to_ms(patch.occurred_at) >= end_ms else early
        names.update(
            f"profile.{name}" for name, value in patch.profile.items() if held.get(name) != value
        )
        held |= patch.profile
    return early, late


def _begins_with_order(lead: LeadLog) -> bool:
    order_ms = first_order_ms(lead.events)
    others = [k.at_ms for k in lead.entries if not ends_lead(k.event)]
    return order_ms is not None and (not others or order_ms <= min(others))


def _span(log: EventLog) -> str:
    return f"{from_ms(log.first_ms):%Y-%m-%d %H:%M} to {from_ms(log.last_ms):%Y-%m-%d %H:%M}"


def _bulk_hint(log: EventLog, plan: DatasetPlan) -> str:
    """A hint for history that was loaded in one go: it became known after all of it had
    happened."""
    if plan.known_at is KnownAt.OCCURRED:
        return ""
    occurred = [to_ms(event.occurred_at) for lead in log.leads for event in lead.events]
    if not occurred or max(occurred) - min(occurred) <= 2 * (log.last_ms - log.first_ms):
        return ""
    return (
        ". The events themselves span "
        f"{(max(occurred) - min(occurred)) / DAY_MS:.1f} days: was history loaded in one go? Then "
        "let events count as known when they occurred"
    )
