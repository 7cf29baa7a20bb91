"""Who would move, and how far, if another artifact were live: before the switch, writing nothing.

Each listed lead's state is scored again as of the moment of its stored score, so that the artifact
is the only thing that differs. Holds two probabilities and a reason of each lead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from schemas.ids import LeadKey
from schemas.outputs import Score
from scoring.calibration import NotALogit
from scoring.engine import EngineInput, Unscorable
from scoring.fold import to_ms
from scoring.queue_moves import QueueMove, queue_moves
from scoring.rank_agreement import Agreement
from scoring.score import Scorer, Subject, build_score, build_subject, prepare
from scoring.state import state_hash
from streams.live_artifacts import live_artifacts
from streams.replay.outcome import NO_TIME, logits_of
from streams.store import LeadView, Store, board_of

CHUNK = 500


@dataclass(frozen=True, slots=True)
class WhoMoves:
    """Of listed leads. Compared are those whose stored score is of their present state; `n_stale`
    have changed since, `n_unscored` have none, `n_unscorable` the candidate cannot score. Ranks
    are among the compared. `max_dp` and `mean_dp` are 0 where none is, `at` is the lead with
    `max_dp`. `scored_by`: the artifacts of the stored scores and how many leads each scored.
    `reasons`: why each mover stands where it does, in the words that were published: they follow
    from state and moment, whatever the artifact."""

    n_compared: int
    n_stale: int
    n_unscored: int
    n_unscorable: int
    scored_by: dict[str, int]
    max_dp: float
    mean_dp: float
    at: str | None
    queues: dict[str, Agreement]
    movers: tuple[QueueMove, ...]
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Asked:
    queue: str
    stored: Score
    subject: Subject
    engine_input: EngineInput


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
    found: frozenset[str] = frozenset()
    for shard in range(store.recorded_partitions() or 0):
        promoted = store.promoted(shard)
        if tenant != "*":
            applying = [promoted[name] for name in ("*", tenant) if name in promoted]
            promoted = {"*": max(applying)} if applying else {}
        found |= live_artifacts(promoted)
    return found


def n_standing(store: Store, tenant: str) -> int:
    """How many leads stand on boards: about as many as `who_moves` looks at."""
    return sum(store.board(name, 0).size for name in store.queues() if _is_of(name, tenant))


def who_moves(
    store: Store,
    scorer: Scorer,
    k: int,
    tenant: str = "*",
    advance: Callable[[int], None] = lambda _: None,
) -> WhoMoves:
    """`k`: how far down a queue agreement counts; `advance` hears how many leads were scored."""
    tally = _Tally()
    asked = _asked(store, scorer, tenant, tally)
    while batch := list(islice(asked, scorer.engine.batch_size)):
        _score(batch, scorer, tally)
        advance(len(batch))
    return _judge(tally, k)


def _asked(store: Store, scorer: Scorer, tenant: str, tally: _Tally) -> Iterator[_Asked]:
    for shard in range(store.recorded_partitions() or 0):
        seen: set[str] = set()  # a scan may repeat
        for view in _views(store, shard):
            if view.lead in seen or view.queue is None or not _is_of(view.lead, tenant):
                continue
            seen.add(view.lead)
            found = _ask(view, board_of(view.lead, view.queue), scorer, tally)
            if found is not None:
                yield found


def _views(store: Store, shard: int) -> Iterator[LeadView]:
    cursor, views = store.leads(shard, 0, CHUNK)
    yield from views
    while cursor:
        cursor, views = store.leads(shard, cursor, CHUNK)
        yield from views


def _ask(view: LeadView, queue: str, scorer: Scorer, tally: _Tally) -> _Asked | None:
    state, cursor = view.stored.state, view.stored.cursor
    if view.score is None or state is None or cursor is None:
        tally.n_unscored += 1
        return None
    stored = Score.model_validate_json(view.score)
    if stored.state_hash != state_hash(state):
        tally.n_stale += 1
        return None
    as_of_ms = to_ms(stored.order.as_of)
    subject = build_subject(
        LeadKey.parse(view.lead), state, cursor, stored.order.promotion, as_of_ms
    )
    try:
        engine_input = prepare(subject.state, subject.as_of_ms, scorer.spec)
    except Unscorable:
        tally.n_unscorable += 1
        return None
    return _Asked(queue, stored, subject, engine_input)


def _score(batch: Sequence[_Asked], scorer: Scorer, tally: _Tally) -> None:
    logits = logits_of([one.engine_input for one in batch], scorer.engine)
    for one, logit in zip(batch, logits, strict=True):
        after = None if logit is None else _probability(one, logit, scorer)
        if after is None:
            tally.n_unscorable += 1
            continue
        lead = str(one.subject.key)
        tally.before[one.queue][lead] = one.stored.probability
        tally.after[one.queue][lead] = after
        tally.reasons[lead] = one.stored.reason
        tally.scored_by[one.stored.artifact] += 1


def _probability(one: _Asked, logit: float, scorer: Scorer) -> float | None:
    try:
        score = build_score(one.subject, logit, scorer, one.stored.scored_at, NO_TIME)
    except NotALogit:
        return None
    return score.probability


def _judge(tally: _Tally, k: int) -> WhoMoves:
    before, after = tally.before, tally.after
    dps = {
        lead: abs(after[queue][lead] - p) for queue in before for lead, p in before[queue].items()
    }
    moved = queue_moves(before, after, k)
    farthest = max(dps, key=lambda lead: (dps[lead], lead), default=None)
    max_dp = dps[farthest] if farthest is not None else 0.0
    return WhoMoves(
        n_compared=len(dps),
        n_stale=tally.n_stale,
        n_unscored=tally.n_unscored,
        n_unscorable=tally.n_unscorable,
        scored_by=dict(sorted(tally.scored_by.items())),
        max_dp=max_dp,
        mean_dp=sum(dps.values()) / len(dps) if dps else 0.0,
        at=farthest if max_dp > 0 else None,
        queues=moved.queues,
        movers=moved.moves,
        reasons={one.move.lead: tally.reasons[one.move.lead] for one in moved.moves},
    )


def _is_of(name: str, tenant: str) -> bool:
    """`name`: a lead or a queue, with its tenant before the slash."""
    return tenant in ("*", name.partition("/")[0])
