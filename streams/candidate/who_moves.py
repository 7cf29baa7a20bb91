"""Who would move, and how far, if another artifact were live: before the switch, writing nothing.

Each listed lead's state is scored again as of the moment of its stored score, so that the artifact
is the only thing that differs. Holds two probabilities and a reason of each lead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from schemas.outputs import Score
from scoring.engine import batches
from scoring.score import Scorer
from streams.candidate.second_opinion import (
    Apart,
    NotAsked,
    Question,
    answers,
    how_far_apart,
    question,
)
from streams.score.live_artifacts import live_artifacts
from streams.store.board import board_of, is_of
from streams.store.contract import LeadView, Store

CHUNK = 500


@dataclass(frozen=True, slots=True)
class WhoMoves:
    """Of listed leads. Compared are those whose stored score is of their present state; `n_stale`
    have changed since, `n_unscored` have none, `n_unscorable` the candidate cannot score. Ranks
    are among the compared. `scored_by`: the artifacts of the stored scores and how many leads each
    scored. `reasons`: why each mover stands where it does, in the words that were published: they
    follow from state and moment, whatever the artifact."""

    n_stale: int
    n_unscored: int
    n_unscorable: int
    scored_by: dict[str, int]
    apart: Apart
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Asked:
    queue: str
    question: Question


@dataclass(slots=True)
class _Tally:
    n_stale: int = 0
    n_unscored: int = 0
    n_unscorable: int = 0
    scored_by: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    before: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    after: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    reasons: dict[str, str] = field(default_factory=dict)


def live_for(store: Store, tenant: str) -> frozenset[str]:
    """Digests of what scores the leads of `tenant` now; `*`: of everybody."""
    digests: frozenset[str] = frozenset()
    for shard in range(store.recorded_partitions() or 0):
        promoted = store.promoted(shard)
        if tenant != "*":
            applying = [promoted[name] for name in ("*", tenant) if name in promoted]
            promoted = {"*": max(applying)} if applying else {}
        digests |= live_artifacts(promoted)
    return digests


def n_standing(store: Store, tenant: str) -> int:
    """How many leads stand on boards: about as many as `who_moves` looks at."""
    return sum(store.board(name, 0).size for name in store.queues() if is_of(name, tenant))


def who_moves(
    store: Store,
    scorer: Scorer,
    k: int,
    tenant: str = "*",
    advance: Callable[[int], None] = lambda _: None,
) -> WhoMoves:
    """`k`: how far down a queue agreement counts; `advance` hears how many leads were scored."""
    tally = _Tally()
    for batch in batches(_asked(store, scorer, tenant, tally), scorer.engine):
        _score(batch, scorer, tally)
        advance(len(batch))
    return _judge(tally, k)


def _asked(store: Store, scorer: Scorer, tenant: str, tally: _Tally) -> Iterator[_Asked]:
    for shard in range(store.recorded_partitions() or 0):
        seen: set[str] = set()  # a scan may repeat
        for view in _views(store, shard):
            if view.lead in seen or view.queue is None or not is_of(view.lead, tenant):
                continue
            seen.add(view.lead)
            queued = _ask(view, board_of(view.lead, view.queue), scorer, tally)
            if queued is not None:
                yield queued


def _views(store: Store, shard: int) -> Iterator[LeadView]:
    cursor, views = store.leads(shard, 0, CHUNK)
    yield from views
    while cursor:
        cursor, views = store.leads(shard, cursor, CHUNK)
        yield from views


def _ask(view: LeadView, queue: str, scorer: Scorer, tally: _Tally) -> _Asked | None:
    if view.score is None:
        tally.n_unscored += 1
        return None
    asked = question(view, Score.model_validate_json(view.score), scorer)
    match asked:
        case NotAsked.CHANGED:
            tally.n_stale += 1
        case NotAsked.UNSCORABLE:
            tally.n_unscorable += 1
        case Question():
            return _Asked(queue, asked)
    return None


def _score(batch: Sequence[_Asked], scorer: Scorer, tally: _Tally) -> None:
    after = answers([one.question for one in batch], scorer)
    for asked, probability in zip(batch, after, strict=True):
        if probability is None:
            tally.n_unscorable += 1
            continue
        published, lead = asked.question.published, str(asked.question.subject.key)
        tally.before[asked.queue][lead] = published.probability
        tally.after[asked.queue][lead] = probability
        tally.reasons[lead] = published.reason
        tally.scored_by[published.artifact] += 1


def _judge(tally: _Tally, k: int) -> WhoMoves:
    apart = how_far_apart(tally.before, tally.after, k)
    return WhoMoves(
        n_stale=tally.n_stale,
        n_unscored=tally.n_unscored,
        n_unscorable=tally.n_unscorable,
        scored_by=dict(sorted(tally.scored_by.items())),
        apart=apart,
        reasons={one.move.lead: tally.reasons[one.move.lead] for one in apart.movers},
    )
