"""What another artifact says of a published score: the same state, the same moment, so that the
artifact is the only thing that differs. `asllr promote --dry-run` and `asllr shadow` share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemas.ids import LeadKey
from schemas.outputs import Score
from schemas.timestamps import to_ms
from scoring.calibration import NotALogit
from scoring.engine import EngineInput, Unscorable, batches, logits_of
from scoring.lead.state_bytes import state_hash
from scoring.metrics.queue_moves import QueueMove, Queues, queue_moves
from scoring.metrics.rank_agreement import RankAgreement
from scoring.score import NO_TIME, Position, Scorer, Subject, build_score, build_subject
from streams.store.contract import LeadView


class NotAsked(StrEnum):
    CHANGED = "changed"
    """The lead is not what was scored any more."""
    UNSCORABLE = "unscorable"
    """The artifact cannot read it."""


@dataclass(frozen=True, slots=True)
class Question:
    published: Score
    subject: Subject
    engine_input: EngineInput


def question(view: LeadView, published: Score, scorer: Scorer) -> Question | NotAsked:
    """`published`: a score of the lead, `view`: the lead as it is now."""
    state, cursor = view.stored.state, view.stored.cursor
    if state is None or cursor is None or state_hash(state) != published.state_hash:
        return NotAsked.CHANGED
    order = published.order
    position = Position(cursor, order.promotion)
    subject = build_subject(
        LeadKey.parse(view.lead), state, position, to_ms(order.as_of), scorer.rendering
    )
    try:
        engine_input = scorer.read(subject.history, subject.as_of_ms)
    except Unscorable:
        return NotAsked.UNSCORABLE
    return Question(published, subject, engine_input)


def answers(questions: Sequence[Question], scorer: Scorer) -> list[float | None]:
    """Probabilities; None where the engine refuses the lead or gives no finite logit."""
    probabilities: list[float | None] = []
    for batch in batches(questions, scorer.engine):
        logits = logits_of([one.engine_input for one in batch], scorer.engine)
        probabilities += [_probability(*each, scorer) for each in zip(batch, logits, strict=True)]
    return probabilities


def _probability(one: Question, logit: float | None, scorer: Scorer) -> float | None:
    if logit is None:
        return None
    try:
        score = build_score(one.subject, logit, scorer, one.published.scored_at, NO_TIME)
    except NotALogit:
        return None
    return score.probability


@dataclass(frozen=True, slots=True)
class Apart:
    """`max_dp` and `mean_dp` are 0 where no lead is compared; `at` is the lead with `max_dp`, None
    where nothing differs."""

    n_compared: int
    max_dp: float
    mean_dp: float
    at: str | None
    queues: dict[str, RankAgreement]
    movers: tuple[QueueMove, ...]


def how_far_apart(before: Queues, after: Queues, k: int) -> Apart:
    """Both hold the same leads of the same queues. `k`: how far down a queue agreement counts."""
    dps = {
        lead: abs(after[queue][lead] - p) for queue in before for lead, p in before[queue].items()
    }
    moved = queue_moves(before, after, k)
    farthest = max(dps, key=lambda lead: (dps[lead], lead), default=None)
    max_dp = dps[farthest] if farthest is not None else 0.0
    return Apart(
        n_compared=len(dps),
        max_dp=max_dp,
        mean_dp=sum(dps.values()) / len(dps) if dps else 0.0,
        at=farthest if max_dp > 0 else None,
        queues=moved.queues,
        movers=moved.moves,
    )
