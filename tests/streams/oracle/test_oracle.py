"""The oracle finds each kind of lie: a judge that cannot say no proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import nan

import pytest
from pydantic_core import from_json, to_json

from schemas.codec import Record
from schemas.dead_letter import dead_letter, entry
from schemas.outputs import BoardRow, BoardSnapshot, RankUpdate, ReasonKind, Score
from schemas.record_check import BadRecord
from schemas.topics import BOARDS, CRM_EVENTS, DEAD_LETTER, ERASED, RANKED, SCORES
from scoring.engine import EngineInput
from scoring.score import Scorer
from streams.oracle.oracle import OracleInput, differences
from streams.oracle.outputs import order_differences, read_outputs
from streams.publish.records import ORDER_HEADER
from streams.store.board import Placement, order_of
from streams.store.memory_store import MemoryStore
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import erased, joins
from tests.support.roles import Clock, Roles, started

Lie = Callable[[list[Record]], None]


@pytest.fixture(scope="module")
def roles() -> Roles:
    """A deployment that told the truth and came to rest."""
    clock = Clock()
    roles = started(MemoryStore(clock.now_ms), clock)
    roles.ingest(*events(2, 60, n_leads=8))
    bad = Record(CRM_EVENTS.name, 0, len(roles.log[CRM_EVENTS.name, 0]), 1, b"acme/x", b"?")
    roles.log[CRM_EVENTS.name, 0].append(bad)
    roles.catch_up()
    worker, publisher = roles.worker(), roles.publisher()
    roles.settle(worker, publisher)
    roles.ingest(*events(3, 10, n_leads=8), joins(0, lead="gone"), erased(1, "gone"))
    roles.settle(worker, publisher)
    return roles


class NotANumber:
    batch_size = 1

    def logits(self, inputs: Sequence[EngineInput]) -> list[float]:
        return [nan for _ in inputs]


def given_up(roles: Roles) -> None:
    """Every lead of it, by an engine that never answers with a number."""
    roles.scorers["rule-1"] = replace(rule_scorer(), engine=NotANumber())
    roles.ingest(*events(2, 20, n_leads=3))
    roles.settle(roles.worker(), roles.publisher(), rounds=2_000)


def log_of(roles: Roles) -> list[Record]:
    return [record for records in roles.log.values() for record in records]


def outputs_of(roles: Roles) -> list[Record]:
    return [
        Record(out.topic, 0, offset, 0, out.key, out.value, out.headers)
        for offset, out in enumerate(roles.output.records)
    ]


def verdict(
    roles: Roles,
    outputs: Sequence[Record] | None = None,
    log: Sequence[Record] | None = None,
    scorer: Scorer | None = None,
) -> list[str]:
    evidence = OracleInput(log or log_of(roles), outputs_of(roles) if outputs is None else outputs)
    return differences(evidence, roles.store, 1, {"rule-1": scorer or rule_scorer()}.get)


def last(outputs: Sequence[Record], topic: str) -> int:
    """Where the last record of the topic is that is no tombstone."""
    return max(i for i, out in enumerate(outputs) if out.topic == topic and out.value is not None)


def changed(topic: str, change: Callable[[bytes], bytes]) -> Lie:
    def lie(outputs: list[Record]) -> None:
        at = last(outputs, topic)
        outputs[at] = outputs[at]._replace(value=change(outputs[at].value or b""))

    return lie


def repeated(topic: str, change: Callable[[bytes], bytes]) -> Lie:
    def lie(outputs: list[Record]) -> None:
        again = outputs[last(outputs, topic)]
        outputs.append(again._replace(offset=len(outputs), value=change(again.value or b"")))

    return lie


def lost(topic: str) -> Lie:
    def lie(outputs: list[Record]) -> None:
        outputs[:] = [out for out in outputs if out.topic != topic]

    return lie


def other_score(**fields: object) -> Callable[[bytes], bytes]:
    def change(value: bytes) -> bytes:
        return Score.model_validate_json(value).model_copy(update=fields).model_dump_json().encode()

    return change


def other_queue(value: bytes) -> bytes:
    update = RankUpdate.model_validate_json(value)
    return update.model_copy(update={"queue": "nowhere"}).model_dump_json().encode()


def board_with(
    change: Callable[[tuple[BoardRow, ...]], tuple[BoardRow, ...]],
) -> Callable[[bytes], bytes]:
    def changed_board(value: bytes) -> bytes:
        board = BoardSnapshot.model_validate_json(value)
        return board.model_copy(update={"top": change(board.top)}).model_dump_json().encode()

    return changed_board


def first_row_with(**fields: object) -> Callable[[bytes], bytes]:
    return board_with(lambda top: (top[0].model_copy(update=fields), *top[1:]))


def older_record_last(outputs: list[Record]) -> None:
    """A publisher was paused between compare and send, and no sweep has passed since."""
    at = last(outputs, RANKED.name)
    value = RankUpdate.model_validate_json(outputs[at].value or b"")
    headers = dict(outputs[at].headers)
    order = from_json(headers[ORDER_HEADER] or b"")
    headers[ORDER_HEADER] = to_json([order[0] - 1, *order[1:]])
    older = value.model_copy(update={"probability": value.probability / 2})
    outputs.append(
        outputs[at]._replace(
            offset=len(outputs),
            value=older.model_dump_json().encode(),
            headers=tuple(headers.items()),
        )
    )


def tombstone_last(outputs: list[Record]) -> None:
    older_record_last(outputs)
    outputs[-1] = outputs[-1]._replace(value=None)


def rank_with(**fields: object) -> Callable[[bytes], bytes]:
    def change(value: bytes) -> bytes:
        update = RankUpdate.model_validate_json(value).model_copy(update=fields)
        return update.model_dump_json().encode()

    return change


def letter_too_many(outputs: list[Record]) -> None:
    good = Record(CRM_EVENTS.name, 0, 0, 1, b"acme/lead-1", b"{}")
    key, value = entry(dead_letter(good, BadRecord("not-json", "it was", "none")))
    outputs.append(Record(DEAD_LETTER.name, 0, len(outputs), 0, key, value))


def erasure_too_many(outputs: list[Record]) -> None:
    outputs.append(Record(ERASED.name, 0, len(outputs), 0, b"acme/lead-1", b"{}"))


def all_scores_but_the_last_lost(outputs: list[Record]) -> None:
    latest = {out.key: at for at, out in enumerate(outputs) if out.topic == SCORES.name}
    outputs[:] = [
        out for at, out in enumerate(outputs) if out.topic != SCORES.name or latest[out.key] == at
    ]


def invented_before_the_right_one(outputs: list[Record]) -> None:
    """Of the same order: who keeps the last of equal orders never sees it again."""
    at = last(outputs, SCORES.name)
    outputs[:] = [out._replace(offset=2 * i) for i, out in enumerate(outputs)]
    invented = other_score(reason="invented")(outputs[at].value or b"")
    outputs.append(outputs[at]._replace(offset=outputs[at].offset - 1, value=invented))


def test_the_truth_has_no_differences(roles: Roles) -> None:
    assert verdict(roles) == []


@pytest.mark.parametrize(
    ("lie", "sentence"),
    [
        (changed(SCORES.name, other_score(state_hash="0" * 32)), "its cursor gives"),
        (changed(SCORES.name, other_score(reason="because")), "recomputed otherwise: reason"),
        (
            changed(SCORES.name, other_score(reason_kind=ReasonKind.RECENT)),
            "recomputed otherwise: reason",
        ),
        (changed(SCORES.name, other_score(artifact="other")), "artifact other cannot be loaded"),
        (repeated(SCORES.name, other_score(logit=9.0)), "published twice with different contents"),
        (lost(SCORES.name), "never scored"),
        (changed(RANKED.name, other_queue), "leads.ranked says acme/nowhere"),
        (lost(RANKED.name), "leads.ranked says None, it stands in acme/"),
        (changed(RANKED.name, rank_with(reason="because")), "its last score (0, "),
        (older_record_last, "leads.ranked ends with (0, "),
        (tombstone_last, "leads.ranked ends with None, it stands in acme/"),
        (changed(BOARDS.name, board_with(lambda top: top[::-1])), "says otherwise"),
        (changed(BOARDS.name, board_with(lambda top: ())), "says otherwise"),
        (changed(BOARDS.name, board_with(lambda top: top[:-1])), "says otherwise"),
        (changed(BOARDS.name, first_row_with(probability=1.0)), "says otherwise"),
        (changed(BOARDS.name, first_row_with(reason="because")), "says otherwise"),
        (changed(BOARDS.name, first_row_with(reason_kind=ReasonKind.RECENT)), "says otherwise"),
        (changed(BOARDS.name, first_row_with(rank=2)), "says otherwise"),
        (changed(RANKED.name, rank_with(rank=999)), "leads.ranked ends with the move (999, "),
        (changed(RANKED.name, rank_with(board_version=999)), "leads.ranked ends with the move "),
        (all_scores_but_the_last_lost, "on leads.ranked, and no score of it on leads.scores"),
        (invented_before_the_right_one, "recomputed otherwise: reason"),
        (lost(ERASED.name), "acme/gone: erased True, on leads.erased False"),
        (erasure_too_many, "acme/lead-1: erased False, on leads.erased True"),
        (lost(BOARDS.name), "was never published"),
        (lost(DEAD_LETTER.name), "dead letter None, expected not-json"),
        (letter_too_many, "dead letter not-json, expected None"),
    ],
)
def test_a_lie_on_an_output_topic_is_found(roles: Roles, lie: Lie, sentence: str) -> None:
    outputs = outputs_of(roles)
    lie(outputs)
    found = verdict(roles, outputs)
    assert any(sentence in difference for difference in found), found


def test_a_record_the_store_never_saw_is_found(roles: Roles) -> None:
    log = log_of(roles)
    unseen = log[0]
    log.append(unseen._replace(offset=max(record.offset for record in log) + 1))
    found = verdict(roles, log=log)
    assert any("the log ends at" in difference for difference in found), found
    assert any("cursor" in difference for difference in found), found


def test_a_lead_the_log_does_not_know_is_found(roles: Roles) -> None:
    stranger = str(log_of(roles)[0].key, "ascii")
    log = [record for record in log_of(roles) if record.key != stranger.encode()]
    found = verdict(roles, log=log)
    assert f"{stranger}: in the store, but the log has no event of it" in found


def test_an_engine_that_answers_otherwise_is_found(roles: Roles) -> None:
    found = verdict(roles, scorer=rule_scorer(RuleEngine(bias=1e-9)))
    assert any("recomputed otherwise" in difference for difference in found), found


def test_a_ghost_on_a_board_is_found(roles: Roles) -> None:
    queue = roles.store.queues()[0]
    ghost = Placement("acme/ghost", 1, (0, 1, 1), 0.5, "nobody")
    roles.store.place(queue, ghost)
    try:
        found = verdict(roles)
    finally:
        roles.store.remove(queue, ghost.lead, 2, (0, 2, 2))
    assert any("acme/ghost" in difference for difference in found), found


def test_a_board_that_never_turned_over_is_found() -> None:
    clock = Clock()
    roles = started(MemoryStore(clock.now_ms), clock)
    roles.ingest(*events(2, 20, n_leads=3))
    roles.settle(roles.worker(), roles.publisher())
    queue = next(name for name in roles.store.queues() if roles.store.board(name, 0).size)
    (row,) = roles.store.board(queue, 1).rows
    promotion, *rest = row.order
    roles.store.place(queue, replace(row, order=(promotion + 1, *rest)))
    found = verdict(roles)
    assert any("1 rows wait for a flip" in difference for difference in found), found


def test_a_lead_given_up_without_a_dead_letter_is_found() -> None:
    clock = Clock()
    roles = started(MemoryStore(clock.now_ms), clock)
    given_up(roles)
    outputs = outputs_of(roles)
    assert not any("given up" in difference for difference in verdict(roles, outputs))
    lost(DEAD_LETTER.name)(outputs)
    found = verdict(roles, outputs)
    assert any("given up, and no scoring dead letter" in difference for difference in found), found


def test_an_order_that_goes_back_is_excused_only_where_redis_did(roles: Roles) -> None:
    published = read_outputs(outputs_of(roles))
    lead, scores = max(published.scores.items(), key=lambda item: len(item[1]))
    newer, older = scores[-1], scores[0]
    assert order_of(older) < order_of(newer)
    published.scores = {lead: [newer, older]}
    published.score_times_ms = {lead: [1_000, 2_000]}
    assert [*order_differences(published, [(1_500, 1_600)])] == []
    for elsewhere in ([], [(0, 999)], [(2_001, 3_000)]):
        assert [*order_differences(published, elsewhere)] != []


def test_what_waits_is_found(roles: Roles) -> None:
    clock = Clock()
    busy = started(MemoryStore(clock.now_ms), clock)
    busy.ingest(*events(2, 20, n_leads=3))
    found = verdict(busy, [])
    assert any("leads wait to be scored" in difference for difference in found), found
