"""Judges a model where nothing has a date: by leads that were held out by chance. It says nothing
of the future."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b

import numpy as np

from schemas.events import EventBase
from schemas.ids import LeadKey
from schemas.timestamps import to_ms
from scoring.backtest.daily_calls import CallTerms, DailyLists
from scoring.backtest.judged_trial import JudgedTrial
from scoring.calibration import NotALogit, probability
from scoring.engine import Unscorable, logits_of
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.score import Scorer
from streams.backtest.judging import judged_trial
from streams.backtest.trial import CannotTell, JudgedLists

BY_CHANCE = "calling by chance"

LEARNED_LEADS = 0.6
"""The share of the leads that is learned from; the others judge."""

CALLED = 5
"""One in so many of those that judge is called."""


def is_learned(key: LeadKey) -> bool:
    """Whether a lead is learned from: by chance, and always the same."""
    drawn = int.from_bytes(blake2b(str(key).encode(), digest_size=7).digest(), "big") / 2**56
    return drawn < LEARNED_LEADS


def of_first_moment(
    events: Iterable[EventBase], keys: Iterable[LeadKey], scorer: Scorer
) -> dict[LeadKey, float]:
    """The probability of each lead of `keys` at its first moment, which no outcome can come before;
    NaN where the model cannot score it. `events` in order of time."""
    first: dict[LeadKey, list[EventBase]] = {key: [] for key in keys}
    for event in events:
        of_lead = first.get(event.key)
        if of_lead is not None and (not of_lead or event.occurred_at == of_lead[0].occurred_at):
            of_lead.append(event)
    return {key: _probability(of_lead, scorer) for key, of_lead in first.items()}


def _probability(events: list[EventBase], scorer: Scorer) -> float:
    if not events:
        return float("nan")
    read = scorer.read(history_of(fold(events)), to_ms(events[0].occurred_at))
    try:
        (logit,) = logits_of([read], scorer.engine)
        return float("nan") if logit is None else probability(logit, scorer.calibration)
    except (Unscorable, NotALogit):
        return float("nan")


def judge_held_out(
    won: Mapping[LeadKey, bool], probabilities: Mapping[str, Mapping[LeadKey, float]]
) -> tuple[JudgedTrial, CallTerms]:
    """Judges models by one list of leads that none of them learned from, beside calling by chance;
    one in CALLED is called. `probabilities`: of each model, the one that is asked about first.
    Raises CannotTell."""
    keys = sorted(won)
    if not any(won.values()):
        raise CannotTell(f"of the {len(keys):,} leads that were held out to judge none was won")
    ordered = np.array([0.5 if won[key] else np.nan for key in keys])
    zeros = np.zeros(len(keys), dtype=np.intp)
    boards = DailyLists(zeros, zeros, np.arange(len(keys), dtype=np.intp), ordered)
    terms = CallTerms(max(1, len(keys) // CALLED), 1.0)
    scores = {BY_CHANCE: np.random.default_rng(0).random(len(keys))}
    for name, of_lead in probabilities.items():
        scores[name] = np.array([of_lead[key] for key in keys])
    lists = JudgedLists(boards, tuple(map(str, keys)), scores)
    return judged_trial(lists, terms, next(iter(probabilities))), terms
