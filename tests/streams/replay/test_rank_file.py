"""Ranking a recording in memory: the live path's fold, score and order."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

from schemas.codec import topic_of
from schemas.timestamps import to_ms
from scoring.calibration import probability
from scoring.lead.fold import fold, listing
from scoring.lead.state_bytes import to_bytes
from scoring.score import Position, build_subject, prepare
from streams.recording.event_file import RecordedEvent, write_recording
from streams.replay.rank_file import rank_events, rank_file
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.leads.event_stream import events as stream_of_events

SCORER = rule_scorer()
RECORDED = [
    RecordedEvent(topic_of(event), event.occurred_at + timedelta(hours=1), event)
    for event in stream_of_events(11, 600)
]


def test_every_listed_lead_has_one_place_in_its_queue_and_no_other() -> None:
    ranked = rank_events(RECORDED, SCORER)
    leads = {recorded.event.key for recorded in RECORDED}
    states = {key: fold(r.event for r in RECORDED if r.event.key == key) for key in leads}
    queues = {key.lead: listing(state).queue for key, state in states.items()}
    assert {row.lead: row.queue for row in ranked.rows} == {k: q for k, q in queues.items() if q}
    assert len(ranked.rows) < len(leads) == ranked.n_leads
    for queue in {row.queue for row in ranked.rows}:
        rows = [row for row in ranked.rows if row.queue == queue]
        assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
        assert rows == sorted(rows, key=lambda row: (-row.probability, row.lead))


def test_order_duplicates_and_batch_size_of_the_file_do_not_matter() -> None:
    shuffled = RECORDED + RECORDED[:100]
    random.Random(3).shuffle(shuffled)
    batched = rule_scorer(RuleEngine(batch_size=7))
    assert rank_events(shuffled, batched).rows == rank_events(RECORDED, SCORER).rows


def test_past_moment_knows_nothing_of_what_came_later(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl.gz"
    write_recording(path, RECORDED)
    moment = sorted(recorded.ingested_at for recorded in RECORDED)[300]
    known = [recorded for recorded in RECORDED if recorded.ingested_at <= moment]
    past = rank_file(path, SCORER, moment)
    assert past == rank_events(known, SCORER, moment)
    assert past.n_events == len(known) < len(RECORDED)


def test_probability_is_that_of_the_live_path() -> None:
    now = max(recorded.ingested_at for recorded in RECORDED) + timedelta(days=3)
    row = rank_events(RECORDED, SCORER, now).rows[0]
    key = next(r.event.key for r in RECORDED if r.event.key.lead == row.lead)
    state = fold(r.event for r in RECORDED if r.event.key == key)
    subject = build_subject(key, to_bytes(state), Position({}, 0), to_ms(now), SCORER.rendering)
    [logit] = SCORER.engine.logits([prepare(subject.history, subject.as_of_ms, SCORER.spec)])
    assert row.probability == probability(logit, SCORER.calibration)


def test_empty_recording_has_no_boards() -> None:
    ranked = rank_events([], SCORER)
    assert (ranked.as_of, ranked.n_events, ranked.rows) == (None, 0, [])
