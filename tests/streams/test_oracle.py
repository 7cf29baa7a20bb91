"""The oracle finds each kind of lie: a judge that cannot say no proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from pydantic_core import from_json, to_json

from schemas.codec import BadRecord, Record
from schemas.dead_letter import dead_letter, entry
from schemas.outputs import BoardRow, BoardSnapshot, RankUpdate, Score
from schemas.topics import BOARDS, CRM_EVENTS, DEAD_LETTER, RANKED, SCORES
from scoring.score import Scorer
from streams.memory_store import MemoryStore
from streams.oracle import Evidence, differences
from streams.records import ORDER_HEADER
from streams.store import Placement
from tests.engines import RuleEngine, rule_scorer
from tests.event_stream import events
from tests.roles import Clock, Roles, started

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
    roles.settle(roles.worker(), roles.publisher())
    return roles


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
    evidence = Evidence(log or log_of(roles), outputs_of(roles) if outputs is None else outputs)
    return differences(evidence, roles.store, 1, {"rule-1": scorer or rule_scorer()}.get)


def last(outputs: Sequence[Record], topic: str) -> int:
    """Where the last record of the topic is that is no tombstone."""
    return max(i for i, out in enumerate(outputs) if out.topic == topic and out.value is not None)


def changed(topic: str, change: Callable[[bytes], bytes]) -> Lie:
    def lie(outputs: list[Record]) -> None:
        at = last(outputs, topic)
        outputs[at] = replace(outputs[at], value=change(outputs[at].value or b""))

    return lie


def repeated(topic: str, change: Callable[[bytes], bytes]) -> Lie:
    def lie(outputs: list[Record]) -> None:
        again = outputs[last(outputs, topic)]
        outputs.append(replace(again, offset=len(outputs), value=change(again.value or b"")))

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
        replace(
            outputs[at],
            offset=len(outputs),
            value=older.model_dump_json().encode(),
            headers=tuple(headers.items()),
        )
    )


def tombstone_last(outputs: list[Record]) -> None:
    older_record_last(outputs)
    outputs[-1] = replace(outputs[-1], value=None)


def rank_with(**fields: object) -> Callable[[bytes], bytes]:
    def change(value: bytes) -> bytes:
        update = RankUpdate.model_validate_json(value).model_copy(update=fields)
        return update.model_dump_json().encode()

    return change


def letter_too_many(outputs: list[Record]) -> None:
    good = Record(CRM_EVENTS.name, 0, 0, 1, b"acme/lead-1", b"{}")
    key, value = entry(dead_letter(good, BadRecord("not-json", "it was", "none")))
    outputs.append(Record(DEAD_LETTER.name, 0, len(outputs), 0, key, value))


def test_the_truth_has_no_differences(roles: Roles) -> None:
    assert verdict(roles) == []


@pytest.mark.parametrize(
    ("lie", "sentence"),
    [
        (changed(SCORES.name, other_score(state_hash="0" * 32)), "its cursor gives"),
        (changed(SCORES.name, other_score(reason="because")), "recomputed otherwise: reason"),
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
        (changed(BOARDS.name, first_row_with(rank=2)), "says otherwise"),
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
    log.append(replace(unseen, offset=max(record.offset for record in log) + 1))
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


def test_what_waits_is_found(roles: Roles) -> None:
    clock = Clock()
    busy = started(MemoryStore(clock.now_ms), clock)
    busy.ingest(*events(2, 20, n_leads=3))
    found = verdict(busy, [])
    assert any("leads wait to be scored" in difference for difference in found), found
