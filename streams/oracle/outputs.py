"""The oracle's checks of what was published: (b), (c) and (e). (d) is `streams.oracle.boards`;
`streams.oracle.oracle` puts all together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic_core import from_json

from schemas import topics
from schemas.codec import Record
from schemas.ids import LeadKey, lead_of
from schemas.outputs import BoardSnapshot, DeadLetter, DeadLetterStage, RankUpdate, Score
from schemas.timestamps import to_ms
from scoring.explain.faithful import told_as
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import hash_of, state_hash
from scoring.score import Scorer, ScorerOf, Subject, build_score
from streams.oracle.folded_log import FoldedLog
from streams.publish.records import ORDER_HEADER
from streams.store.board import OrderKey, order_of
from streams.store.contract import LeadView, Store

Window: TypeAlias = tuple[int, int]
"""A span of time: from and to, both included, in milliseconds of the broker's clock."""


@dataclass(slots=True)
class Published:
    """All output records, by lead, queue and origin, each in log order. `score_times_ms`: when the
    broker took each of `scores`. `given_up`: leads of scoring dead letters."""

    scores: dict[str, list[Score]] = field(default_factory=lambda: defaultdict(list))
    score_times_ms: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    ranked: dict[str, list[tuple[list[int], RankUpdate | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    boards: dict[str, BoardSnapshot] = field(default_factory=dict)
    letters: dict[tuple[str, int, int], str] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)


def read_outputs(outputs: Iterable[Record]) -> Published:
    """Sorts the output records by what they are about. `outputs`: every record of the output
    topics; sorted here by offset."""
    published = Published()
    for record in sorted(
        outputs, key=lambda record: (record.topic, record.partition, record.offset)
    ):
        key = lead_of(record.key or b"")
        match record.topic, record.value:
            case topics.SCORES.name, bytes(value):
                published.scores[key].append(Score.model_validate_json(value))
                published.score_times_ms[key].append(record.timestamp_ms)
            case topics.RANKED.name, value:
                order = from_json(dict(record.headers)[ORDER_HEADER] or b"[]")
                update = RankUpdate.model_validate_json(value) if value else None
                published.ranked[key].append((order, update))
            case topics.BOARDS.name, bytes(value):
                published.boards[key] = BoardSnapshot.model_validate_json(value)
            case topics.DEAD_LETTER.name, bytes(value):
                letter = DeadLetter.model_validate_json(value)
                if letter.stage is DeadLetterStage.INGEST:
                    origin = letter.origin
                    place = (origin.topic, origin.partition, origin.offset)
                    published.letters[place] = letter.reason
                else:
                    published.given_up.add(key)
            case topics.ERASED.name, bytes():
                published.erased.add(key)
    return published


def letter_differences(folded: FoldedLog, published: Published) -> Iterator[str]:
    """Every bad record is a dead letter that says why, of every mended one a letter warns, and of
    no other is there any."""
    expected = folded.letters
    for place in sorted(expected.keys() | published.letters.keys()):
        wanted, found = expected.get(place), published.letters.get(place)
        if wanted != found:
            yield f"{place[0]}/{place[1]} offset {place[2]}: dead letter {found}, expected {wanted}"


def erasure_differences(folded: FoldedLog, published: Published) -> Iterator[str]:
    """`leads.erased` names everybody who was erased, and nobody else."""
    erased = {name for name, lead in folded.leads.items() if lead.state.erased}
    for name in sorted(erased ^ published.erased):
        yield f"{name}: erased {name in erased}, on leads.erased {name in published.erased}"


def score_differences(
    folded: FoldedLog, published: Published, scorer_of: ScorerOf, sample: int | None
) -> Iterator[str]:
    """Part (b): each score is what its recorded cursor, moment and artifact give. The state is
    checked of all, the engine is run again for `sample` of them, evenly chosen; None is all."""
    scores = sorted(_distinct(published), key=lambda item: item[:2])
    every = 1 if sample is None else max(1, -(-len(scores) // sample))
    for i, (lead, _, score) in enumerate(scores):
        log = folded.leads.get(lead)
        state = None if log is None else log.state_at(score.cursor)
        yield from one_score_differences(lead, score, state, scorer_of if i % every == 0 else None)


def one_score_differences(
    lead: str, score: Score, state: LeadState | None, scorer_of: ScorerOf | None
) -> Iterator[str]:
    """Compares one score with what its state gives. `state`: the fold of what the score's cursor
    includes, None when the log has no event of the lead. Without `scorer_of` the engine is not run
    again."""
    order = order_of(score)
    if state is None:
        yield f"{lead} {order}: scored, but the log has no event of it"
        return
    hash_ = hash_of(state)
    if hash_ != score.state_hash:
        yield f"{lead} {order}: state hash {score.state_hash}, its cursor gives {hash_}"
    elif scorer_of is not None:
        key, as_of_ms = LeadKey.parse(lead), to_ms(score.order.as_of)
        subject = Subject(key, history_of(state), hash_, score.cursor, order[0], as_of_ms)
        yield from _recomputed(subject, score, scorer_of(score.artifact))


def _distinct(published: Published) -> Iterator[tuple[str, OrderKey, Score]]:
    """The published scores, each once. A delivery that was repeated is the same record; after a
    rollback one order may have two contents, and both were published."""
    for lead, scores in published.scores.items():
        by_order: dict[OrderKey, list[Score]] = defaultdict(list)
        for score in scores:
            contents = by_order[order_of(score)]
            if score not in contents:
                contents.append(score)
        for order, contents in by_order.items():
            yield from ((lead, order, score) for score in contents)


def _recomputed(subject: Subject, score: Score, scorer: Scorer | None) -> Iterator[str]:
    if scorer is None:
        yield f"{subject.key} {subject.order}: artifact {score.artifact} cannot be loaded"
        return
    logit = scorer.engine.logits([scorer.read(subject.history, subject.as_of_ms)])[0]
    plain = build_score(subject, logit, scorer, score.scored_at, score.latency_ms)
    again = told_as(score.reason_kind, plain, subject, scorer)
    fields = [name for name in Score.model_fields if getattr(again, name) != getattr(score, name)]
    if fields:
        yield f"{subject.key} {subject.order}: recomputed otherwise: {', '.join(fields)}"


def rest_differences(
    views: Sequence[LeadView], published: Published, store: Store, n_partitions: int
) -> Iterator[str]:
    """Part (c): when quiet nothing waits, and the last score of each listed lead was computed from
    its final state with the live artifact."""
    for shard in range(n_partitions):
        if waiting := store.dirty_count(shard):
            yield f"shard {shard}: {waiting} leads wait to be scored"
        if waiting := store.outbox_size(shard):
            yield f"shard {shard}: {waiting} entries wait to be published"
    promoted = {shard: store.promoted(shard) for shard in range(n_partitions)}
    live = {tenant: number for copy in promoted.values() for tenant, (number, _) in copy.items()}
    for view in views:
        if view.queue is None:
            continue
        if view.parked:
            if view.lead not in published.given_up:
                yield f"{view.lead}: given up, and no scoring dead letter says so"
            continue
        last = last_score(published, view.lead)
        if last is None:
            yield f"{view.lead}: listed in {view.queue}, never scored"
            continue
        if order_of(last) != view.order:
            yield f"{view.lead}: last score published {order_of(last)}, in the store {view.order}"
        if last.state_hash != state_hash(view.stored.state or b""):
            yield f"{view.lead}: its last score is not of its final state"
        numbers = [live[t] for t in ("*", LeadKey.parse(view.lead).tenant) if t in live]
        if last.order.promotion != max(numbers, default=None):
            yield f"{view.lead}: scored under promotion {last.order.promotion}, live is {numbers}"


def order_differences(published: Published, excused: Sequence[Window] = ()) -> Iterator[str]:
    """Part (e): orders of a lead only grow. A record published again by whoever took over is a
    repeat and has the same content. Over a window in `excused` nothing is compared: there Redis
    went back, which explains an older order after a newer one. A paused publisher does not: what
    it sends late its successor has sent too."""
    for lead, scores in sorted(published.scores.items()):
        published_of: dict[OrderKey, Score] = {}
        before_ms = 0
        for score, at_ms in zip(scores, published.score_times_ms[lead], strict=True):
            if any(start <= at_ms and before_ms <= end for start, end in excused):
                published_of.clear()
            before_ms = at_ms
            order = order_of(score)
            if order in published_of:
                if published_of[order] != score:
                    yield f"{lead} {order}: published twice with different contents"
            elif published_of and order < max(published_of):
                yield f"{lead} {order}: published after {max(published_of)}"
            published_of[order] = score


def last_score(published: Published, lead: str) -> Score | None:
    """The last score of a lead, by order; of equal orders the later record: what follows a rollback
    may repeat an order."""
    return max(reversed(published.scores.get(lead, [])), key=order_of, default=None)
