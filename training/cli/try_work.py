"""What `asllr try` learns from a user's own exports: which columns know the outcome, and a model.

The front door hands it to the command, which judges the model by daily lists. No Arrow, no torch:
the extra `learn` is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from schemas.events import EventBase
from schemas.ids import LeadKey
from schemas.timestamps import from_ms, to_ms
from scoring.backtest.learning import BaseFinding, LearnedModel, LearnRequest
from scoring.calibration import Calibration
from scoring.floats import Floats
from scoring.lead.fold import ends_lead
from scoring.lead.state import PROFILE
from scoring.lead.state_bytes import to_bytes
from scoring.report.progress import StartReport, WriteLine
from training.baselines.baseline import TRAIN_AND_VALIDATION, Budget, Predictor
from training.baselines.choosing import are_few_dealt
from training.baselines.facts import ArtifactFacts, ChosenSettings, artifact_name
from training.baselines.fitted import calibrate, logits_to_calibrate
from training.baselines.logistic import LogisticPredictor
from training.baselines.recommended import fit_recommended, logits_in_folds
from training.baselines.registry import Baseline, fit_baseline
from training.baselines.table_artifacts import table_export, write_table
from training.baselines.tree import TreePredictor
from training.cli.try_moving import moving_parts
from training.dataset.build import build_examples
from training.dataset.checks.data_check import hindsight
from training.dataset.checks.log_check import filled_when_ended, values_when_ended
from training.dataset.draft import ExampleDraft, read_draft
from training.dataset.example import Examples, columns_of
from training.dataset.ladder import WON
from training.dataset.log import EventLog, KnownAt, LeadLog, Logged, gather, states_at
from training.dataset.manifest import DatasetError, Maturity, Split, SplitBy, label_of
from training.dataset.outcome import Label, first_order_ms
from training.dataset.plan import DatasetPlan
from training.dataset.policy import AfterFirst, EverySparser, moments
from training.dataset.split import Shares, chance
from training.dataset.undated import LABEL

SOURCE = "exports"
MIN_ORDERS = 30
"""With fewer leads that ordered, a model of their columns and words is mostly noise."""

SHARES: Shares = (0.60, 0.22, 0.16, 0.02)
"""The last share belongs to calibration, too: daily lists of later days judge, no test rows do."""

N_DEALS = 10
"""With MIN_ORDERS every other deal leaves the smallest split without an order."""

STEP_DAYS = 2.0
MAX_MOMENTS = 150_000
"""So many moments of leads at most are looked at; with more they lie further apart."""

MAX_ROWS = 8_000
"""About so many of them are learned from, beside all before an order."""

MAX_ORDERS = 2_000
"""Orders of more leads make a fit slow and hardly better; then leads are drawn."""

MAX_LEADS_CHECKED = 10_000
"""So many leads show which columns know the outcome."""

N_TRIALS = 8
"""Settings of each model that are tried: a third of `asllr baseline`'s, in a third of the time."""

N_PARITY_ROWS = 200
UNDATED_MOMENT = AfterFirst(0.0)


def hindsight_columns(events: Iterable[EventBase], terms: LearnRequest) -> dict[str, str]:
    """The profile fields that know who will order, and why they seem to: at a lead's first moment
    nobody can have filled them in. Empty where nobody, or everybody, ordered."""
    log = _log_of(events)
    if log is None:
        return {}
    leads = sorted(log.leads, key=lambda lead: chance(0, str(lead.key)))[:MAX_LEADS_CHECKED]
    ordered, rows = {*_ordered(log, terms)}, []
    for lead in leads:
        if terms.undated and lead.key not in terms.undated:
            continue
        won = lead.key in ordered
        first_ms = lead.entries[0].at_ms
        ((_, state),) = states_at(lead, [first_ms])
        label = Label(frozenset({WON} if won else ()), None)
        draft = ExampleDraft(lead.key, first_ms, to_bytes(state), "", label, str(lead.key))
        rows.append(read_draft(draft, Split.FIT, 1.0, terms.rendering))
    findings = (
        *hindsight(columns_of(rows, terms.rendering), log.last_ms),
        *values_when_ended(log),
        *filled_when_ended(log),  # the plainest sentence of one column is the last
    )
    columns = {found.column: found.sentence for found in findings}
    return {
        name.removeprefix(PROFILE): said
        for name, said in columns.items()
        if name.startswith(PROFILE)
    }


@dataclass(frozen=True, slots=True)
class FittedBaseline:
    """A baseline that was fitted to `examples`. `in_folds`: its logits of the train and validation
    rows by models that did not learn from the lead, where these were needed; `words`: the
    regression on words that was fitted beside it."""

    name: str
    model: Predictor
    why: str
    examples: Examples
    in_folds: Floats | None
    words: LogisticPredictor | None


AddBase = Callable[[FittedBaseline, LearnRequest, Path], BaseFinding]
"""Tries a base beside what was learned; writes the artifact where the base is heard."""


def learn_own(
    events: Iterable[EventBase],
    terms: LearnRequest,
    out: Path,
    said: tuple[WriteLine, StartReport],
    add_base: AddBase | None = None,
) -> LearnedModel:
    """Fits the recommended baseline to the events and writes its artifact to `out`. Rows are split
    by lead: what judges is later than all of them. Raises DatasetError where too little is known to
    learn from."""
    log, start = said
    known = _log_of(events)
    if known is None:
        raise DatasetError("there is no event to learn from")
    _check_orders(known, terms)
    examples = _examples(known, terms, start)
    _check_seen(examples, len(_ordered(known, terms)), terms.horizon_days)
    budget = Budget(N_TRIALS)
    learned = _chosen(examples, terms, budget, log)
    finding = None if add_base is None else add_base(learned, terms, out)
    if finding is None or not finding.is_heard:
        in_folds = learned.in_folds
        if in_folds is None and are_few_dealt(examples):
            in_folds = in_folds_of(learned)
        _write(out, learned.model, examples, terms, _calibration(learned.model, examples, in_folds))
    n_leads = len(set(examples.lead))
    moving = moving_parts(learned.model, examples)
    n_ordered = examples.n_who_ordered
    return LearnedModel(learned.name, learned.why, n_leads, n_ordered, finding, moving)


def _chosen(
    examples: Examples, terms: LearnRequest, budget: Budget, log: WriteLine
) -> FittedBaseline:
    """The recommended baseline, or the one that was chosen before."""
    if terms.baseline is None:
        found = fit_recommended(examples, budget, log)
        words = found.models[Baseline.LOGISTIC_WORDS.value]
        beside = words if isinstance(words, LogisticPredictor) else None
        return FittedBaseline(found.name, found.model, found.why, examples, found.in_folds, beside)
    name = terms.baseline
    model = fit_baseline(Baseline(name), examples, budget, _named(name, log))
    return FittedBaseline(name, model, "", examples, None, None)


def in_folds_of(learned: FittedBaseline) -> Floats | None:
    """The logits of the train and validation rows by models that did not learn from the lead; None
    for a model that has none."""
    if learned.in_folds is not None:
        return learned.in_folds
    model = learned.model
    if not isinstance(model, LogisticPredictor | TreePredictor):
        return None
    return logits_in_folds(model, learned.examples, Budget(N_TRIALS), learned.name)


def _log_of(events: Iterable[EventBase]) -> EventLog | None:
    logged = (Logged(SOURCE, to_ms(event.occurred_at), event) for event in events)
    return gather(logged, KnownAt.OCCURRED)


def _ordered(log: EventLog, terms: LearnRequest) -> list[LeadKey]:
    """The leads that ordered."""
    if terms.undated:
        return [lead.key for lead in log.leads if terms.undated.get(lead.key)]
    return [lead.key for lead in log.leads if first_order_ms(lead.events) is not None]


def _check_orders(log: EventLog, terms: LearnRequest) -> None:
    n_ordered = len(_ordered(log, terms))
    if n_ordered < MIN_ORDERS:
        raise DatasetError(
            f"{n_ordered:,} {'lead' if n_ordered == 1 else 'leads'} ordered, and a model needs "
            f"{MIN_ORDERS} to learn from"
        )


def _check_seen(examples: Examples, n_ordered: int, horizon_days: float) -> None:
    """Orders that no row can learn from do not count: those before all else that is known of their
    lead, and those later than the horizon after the last moment whose outcome is known."""
    if (n_seen := examples.n_who_ordered) < MIN_ORDERS:
        raise DatasetError(
            f"{n_ordered:,} leads ordered, {n_seen:,} of them within {horizon_days:g} days of a "
            f"moment that can be learned from, and a model needs {MIN_ORDERS} of these"
        )


def _examples(log: EventLog, terms: LearnRequest, start: StartReport) -> Examples:
    if terms.until_ms is not None:
        log = log.complete_until(terms.until_ms)
    log = _drawn(log, terms)
    policy, negative_rate = _sampling(log)
    plan = DatasetPlan(
        name=SOURCE,
        policy=UNDATED_MOMENT if terms.undated else policy,
        rendering=terms.rendering,
        horizon_days=terms.horizon_days,
        embargo_days=0.0,
        silent_days=math.inf,  # whoever did not order stays on the lists that are judged
        shares=SHARES,
        negative_rate=negative_rate,
        known_at=KnownAt.OCCURRED,
        maturity=Maturity.UNDATED if terms.undated else Maturity.HORIZON,
        complete_until_ms=None if terms.undated else log.last_ms,
        split_by=SplitBy.CLUSTER,
        undated=dict(terms.undated) or None,
    )
    logged = (
        Logged(SOURCE, entry.at_ms, entry.event) for lead in log.leads for entry in lead.entries
    )
    examples = _of_a_fair_deal(list(logged), plan, start)
    split = np.where(examples.split == Split.TEST.value, Split.CALIBRATE.value, examples.split)
    return replace(examples, split=split)


def _of_a_fair_deal(logged: list[Logged], plan: DatasetPlan, start: StartReport) -> Examples:
    """Builds the examples; where few ordered and a split by chance got none of them, they are dealt
    again. Raises DatasetError."""
    for seed in range(N_DEALS - 1):
        try:
            return build_examples(logged, replace(plan, seed=seed), start)[0]
        except DatasetError:
            continue
    return build_examples(logged, replace(plan, seed=N_DEALS - 1), start)[0]


def _sampling(log: EventLog) -> tuple[EverySparser, float]:
    """At which moments leads are looked at, and which share of the rows without an order is kept,
    of the moments before they ended."""
    step_days = STEP_DAYS
    while (n_moments := _n_moments(log, EverySparser(step_days))) > MAX_MOMENTS:
        step_days *= 2
    return EverySparser(step_days), min(1.0, MAX_ROWS / max(n_moments, 1))


def _n_moments(log: EventLog, policy: EverySparser) -> int:
    """How many there are of all leads until they ended."""
    return sum(
        1 for lead in log.leads for _ in moments(policy, lead, _listed_until(lead, log), seed=0)
    )


def _listed_until(lead: LeadLog, log: EventLog) -> int:
    ends = [entry.at_ms for entry in lead.entries if ends_lead(entry.event)]
    return min(ends, default=log.last_ms)


def _drawn(log: EventLog, terms: LearnRequest) -> EventLog:
    """The log of so many leads, drawn by chance, that about MAX_ORDERS of them ordered."""
    share = MAX_ORDERS / max(len(_ordered(log, terms)), 1)
    if share >= 1.0:
        return log
    return replace(log, leads=tuple(k for k in log.leads if chance(1, str(k.key)) < share))


def _calibration(model: Predictor, examples: Examples, in_folds: Floats | None) -> Calibration:
    """By all rows, each read by a model that did not learn from its lead: those of the calibration
    split alone are often of twenty orders, which know the share of orders to a fourth. `in_folds`:
    the logits of the train and validation rows; None where the calibration rows are enough."""
    logits = logits_to_calibrate(model, examples)
    if in_folds is not None:
        logits[np.isin(examples.split, TRAIN_AND_VALIDATION)] = in_folds
        examples = replace(examples, split=np.full(len(examples), Split.CALIBRATE.value))
    return calibrate(logits, examples) or Calibration()


def _write(
    out: Path,
    model: Predictor,
    examples: Examples,
    terms: LearnRequest,
    calibration: Calibration,
) -> None:
    export = table_export(model)
    if export is None:
        raise ValueError(f"{type(model).__name__} cannot be served")
    facts = facts_of(out, examples, terms, (calibration, model.described))
    newest = examples.take(np.arange(len(examples))[-N_PARITY_ROWS:])
    write_table(out, export, newest, facts)


def facts_of(
    out: Path, examples: Examples, terms: LearnRequest, fitted: tuple[Calibration, ChosenSettings]
) -> ArtifactFacts:
    """What the manifest says of a model that was fitted to `examples`, with its settings."""
    first, last = (from_ms(int(examples.as_of_ms[at])) for at in (0, -1))
    calibration, settings = fitted
    return ArtifactFacts(
        name=artifact_name(out, "own"),
        rendering=examples.rendering,
        horizon_days=terms.horizon_days,
        label=LABEL if terms.undated else label_of(terms.horizon_days),
        window=(first, last),
        calibration=calibration,
        metrics={},
        settings=settings,
        revision=SOURCE,
        sources=(SOURCE,),
        made_with="asllr try",
    )


def _named(name: str, log: WriteLine) -> WriteLine:
    return lambda line: log(f"{name}: {line}")
