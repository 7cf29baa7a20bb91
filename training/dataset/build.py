"""Builds a dataset from a log: folds it as production would have, looks ahead for the label,
splits, samples.

Whatever became known after `as_of` reaches the label and nothing else (tests hold this as a
property).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto

from schemas.timestamps import DAY_MS, from_ms, to_ms
from scoring.lead.fold import ends_lead, listing
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import to_bytes
from scoring.report.progress import ReportProgress, StartReport
from training.dataset.checks.log_check import (
    Harvest,
    check_classes,
    check_harvest,
    check_horizon,
    check_late,
    check_log,
)
from training.dataset.cluster import Clusters, cluster_by
from training.dataset.draft import ExampleDraft, read_draft
from training.dataset.example import Examples, columns_of
from training.dataset.log import EventLog, LeadLog, Logged, gather, states_at
from training.dataset.manifest import (
    DatasetError,
    DatasetManifest,
    Maturity,
    Split,
    SplitBy,
    label_of,
)
from training.dataset.outcome import Label, is_order, outcome_of
from training.dataset.plan import DatasetPlan
from training.dataset.policy import moments, policy_name, stands_for
from training.dataset.split import Borders, Sampling, borders_of, one_split_each, split_clusters
from training.dataset.undated import LABEL, check_undated, label_of_undated, outcomes_of


def build_examples(
    logged: Iterable[Logged], plan: DatasetPlan, start: StartReport
) -> tuple[Examples, DatasetManifest]:
    """Builds the examples and their manifest. Raises DatasetError for a log that cannot give an
    honest dataset."""
    log = gather(logged, plan.known_at)
    if log is None:
        raise DatasetError("the log holds no events; is it the right file, was anything recorded?")
    if plan.complete_until_ms is not None:
        log = log.complete_until(plan.complete_until_ms)
    sampling = Sampling(plan.negative_rate, plan.seed)
    check_horizon(log, plan)
    undated = check_undated(log, plan) if plan.maturity is Maturity.UNDATED else ()
    doubts = (*undated, *check_log(log))
    clusters = _clusters(log, plan)
    harvest = _harvest(log, plan, clusters, start("leads"))
    check_harvest(log, plan, harvest)
    borders: Borders | None = None
    match plan.split_by:
        case SplitBy.TIME:
            moments_ms = [draft.as_of_ms for draft in harvest.drafts]
            borders = borders_of(moments_ms, plan.shares, plan.embargo_ms)
            placed = _by_time(harvest.drafts, borders, plan.seed)
        case SplitBy.CLUSTER:
            home = split_clusters([d.cluster for d in harvest.drafts], plan.shares, plan.seed)
            placed = [(draft, home[draft.cluster]) for draft in harvest.drafts]
    sampled = _sampled(placed, sampling)
    rows, report = [], start("rows")
    for done, (draft, split, weight) in enumerate(sampled, 1):
        rows.append(read_draft(draft, split, weight, plan.rendering))
        report(done, len(sampled))
    examples = columns_of(rows, plan.rendering)
    check_classes(examples, plan.split_by)
    manifest = DatasetManifest(
        name=plan.name,
        sources=log.sources,
        label=LABEL if plan.maturity is Maturity.UNDATED else label_of(plan.horizon_days),
        horizon_days=plan.horizon_days,
        embargo_days=0 if borders is None else plan.embargo_ms / DAY_MS,
        maturity=plan.maturity,
        complete_until=None if plan.complete_until_ms is None else from_ms(log.last_ms),
        as_of_policy=policy_name(plan.policy),
        split_by=plan.split_by,
        cluster_by=plan.cluster if isinstance(plan.cluster, str) else plan.name,
        seed=plan.seed,
        negative_rate=plan.negative_rate,
        borders=None if borders is None else borders.times,
        findings=(*clusters.findings, *check_late(harvest), *doubts),
    )
    return examples, manifest


def _clusters(log: EventLog, plan: DatasetPlan) -> Clusters:
    if isinstance(plan.cluster, str):
        return cluster_by(log, plan.cluster)
    return Clusters({lead.key: plan.cluster(lead.key) for lead in log.leads})


def _harvest(
    log: EventLog, plan: DatasetPlan, clusters: Clusters, report: ReportProgress
) -> Harvest:
    """Drafts of all leads, and how many moments were looked at or came late."""
    drafts: list[ExampleDraft] = []
    n_moments = n_late = 0
    for done, lead in enumerate(log.leads, 1):
        report(done, len(log.leads))
        cluster = clusters.cluster_of[lead.key]
        for drafted in drafts_of(lead, _mature_until(lead, log, plan), plan, cluster):
            n_moments += 1
            match drafted:
                case ExampleDraft():
                    drafts.append(drafted)
                case Skipped.ORDERED_UNKNOWN:
                    n_late += 1
            if len(drafts) > plan.max_rows:
                raise DatasetError(
                    f"as-of policy {policy_name(plan.policy)} gives more than {plan.max_rows:,} "
                    f"rows after {done:,} of {len(log.leads):,} leads; choose moments further "
                    "apart or a shorter log"
                )
    return Harvest(drafts, n_moments, n_late)


class Skipped(Enum):
    """Why a moment does not become a row: the lead was on no call list (UNLISTED), or the order had
    happened but was not yet known (ORDERED_UNKNOWN)."""

    UNLISTED = auto()
    ORDERED_UNKNOWN = auto()


def drafts_of(
    lead: LeadLog, end_ms: int, plan: DatasetPlan, cluster: str
) -> Iterator[ExampleDraft | Skipped]:
    """A draft, or why there is none, for each moment of the plan's policy up to `end_ms`."""
    orders = [entry for entry in lead.entries if is_order(entry.event)]
    for as_of_ms, state in states_at(lead, moments(plan.policy, lead, end_ms, plan.seed)):
        queue = listing(state).queue
        newest_ms = state.newest.at_ms if state.newest else as_of_ms
        if queue is None or as_of_ms - newest_ms > plan.silent_days * DAY_MS:
            yield Skipped.UNLISTED
        elif any(to_ms(o.event.occurred_at) <= as_of_ms < o.at_ms for o in orders):
            yield Skipped.ORDERED_UNKNOWN
        else:
            outcome = _label(lead, state, as_of_ms, plan)
            counts = stands_for(plan.policy, lead, as_of_ms)
            yield ExampleDraft(lead.key, as_of_ms, to_bytes(state), queue, outcome, cluster, counts)


def _label(lead: LeadLog, state: LeadState, as_of_ms: int, plan: DatasetPlan) -> Label:
    if plan.maturity is Maturity.UNDATED:
        return label_of_undated(outcomes_of(plan)[lead.key])
    return outcome_of(lead.events, state, as_of_ms, plan.horizon_ms)


def _mature_until(lead: LeadLog, log: EventLog, plan: DatasetPlan) -> int:
    """The last moment of which the label is known."""
    match plan.maturity:
        case Maturity.HORIZON:
            return log.last_ms - plan.horizon_ms
        case Maturity.DECIDED:
            ends = [to_ms(event.occurred_at) for event in lead.events if ends_lead(event)]
            return max(ends, default=log.first_ms - 1) - 1
        case Maturity.UNDATED:
            return log.last_ms if lead.key in outcomes_of(plan) else log.first_ms - 1


def _by_time(
    drafts: Sequence[ExampleDraft], borders: Borders, seed: int
) -> list[tuple[ExampleDraft, Split]]:
    """Places drafts into splits by time, without those in an embargo, and without those that their
    cluster has in other splits than its own."""
    placed = [(draft, borders.split_of(draft.as_of_ms)) for draft in drafts]
    in_split = [(draft, split) for draft, split in placed if split is not None]
    home = one_split_each(((draft.cluster, split) for draft, split in in_split), seed)
    return [(draft, split) for draft, split in in_split if home[draft.cluster] is split]


def _sampled(
    placed: Sequence[tuple[ExampleDraft, Split]], sampling: Sampling
) -> list[tuple[ExampleDraft, Split, float]]:
    """Keeps every positive and a share of the negatives, with the weight that undoes this."""
    sampled = []
    for draft, split in placed:
        label = draft.outcome.label
        weight = sampling.weight(split, label, str(draft.key), draft.as_of_ms)
        if weight is not None:
            sampled.append((draft, split, weight * draft.stands_for))
    return sampled
