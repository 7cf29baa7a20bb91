"""What the log says of one lead, and that its ledger accounts for what production published."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from schemas.codec import Record
from schemas.ids import LeadKey
from schemas.outputs import ReasonKind
from schemas.partitioner import partition_for
from schemas.timestamps import from_ms, to_ms
from schemas.topics import ERASED, SCORES
from scoring.explain.explanation import Unexplainable, explain
from scoring.explain.ledger import build_ledger, points_of
from scoring.lead.arrival import state_of
from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes
from scoring.prompt.rendering import first_rendering
from streams.explain.moment import at_moment
from streams.explain.story import LeadStory, read_file, tell
from streams.recording.event_file import RecordedEvent, RecordingError, history, write_recording
from streams.store.memory_store import MemoryStore
from tests.support.engines.engines import RuleEngine, rule_scorer
from tests.support.leads.event_stream import events
from tests.support.leads.lead_events import A, clicks, erased, joins, reopens, talks, writes
from tests.support.leads.records import NOW_MS
from tests.support.roles import Clock, Roles

AUTO = first_rendering()

SCORERS = {s.digest: s for s in (rule_scorer(), rule_scorer(RuleEngine(bias=0.3), "rule-2"))}
KEY = LeadKey.parse(A)


@pytest.fixture(scope="module")
def roles() -> Roles:
    """Two shards, interleaved at random, a promotion half way."""
    clock = Clock()
    roles = Roles(MemoryStore(clock.now_ms), clock, 2, list(SCORERS.values()))
    roles.promote()
    roles.copied()
    worker, publisher = roles.worker(), roles.publisher()
    for i, event in enumerate(events(5, 160, n_leads=6)):
        roles.append(event)
        if i % 3 == 0:
            for topic, partition in sorted(roles.log, reverse=bool(i % 2)):
                roles.apply(topic, partition, 1 + i % 2)
            worker.step()
            publisher.step()
        if i == 80:
            roles.promote("rule-2")
        clock.advance(40_000_000)
    roles.catch_up()
    roles.settle(worker, publisher)
    return roles


def story_of(roles: Roles, lead: str) -> LeadStory:
    records = [record for log in roles.log.values() for record in log]
    records += [
        Record(SCORES.name, partition_for(out.key, 2), i, NOW_MS, out.key, out.value, out.headers)
        for i, out in enumerate(roles.output.of(SCORES.name))
    ]
    return tell(LeadKey.parse(lead), records, 2, lambda n: None)


def leads_of(roles: Roles) -> set[str]:
    return {out.key.decode() for out in roles.output.of(SCORES.name)}


def test_ledger_accounts_for_every_published_score(roles: Roles) -> None:
    leads = leads_of(roles)
    assert len(leads) >= 5
    kinds = set()
    for lead in leads:
        story = story_of(roles, lead)
        assert len(story.scores) > 2
        ledger = build_ledger(story.arrivals, story.points(), SCORERS.get)
        assert not ledger.differing
        total = sum((entry.difference for entry in ledger.entries), Fraction(0))
        assert total == Fraction(story.scores[-1].probability)
        reached = {entry.after for entry in ledger.entries}
        assert {score.probability for score in story.scores} <= reached
        kinds |= {entry.kind for entry in ledger.entries}
    assert {"start", "artifact", "event"} <= kinds


def test_what_explains_a_lead_agrees_with_the_reason_that_was_published(roles: Roles) -> None:
    n_faithful = n_same = 0
    for lead in leads_of(roles):
        story = story_of(roles, lead)
        last = story.scores[-1]
        explanation = explain(story.arrivals, story.points(), SCORERS.get)
        if explanation.n_unscored:
            continue
        if last.reason_kind is ReasonKind.FAITHFUL:
            n_faithful += 1
            assert (explanation.told.kind, explanation.told.text) == (last.reason_kind, last.reason)
        else:
            assert explanation.told.kind is ReasonKind.RECENT
            assert explanation.reason == last.reason
        at_last = replace(story, end_ms=to_ms(last.order.as_of))
        moment = at_moment(at_last, story.points(), SCORERS.get)
        if moment.score.order == last.order:
            n_same += 1
            assert (moment.score.reason, moment.score.reason_kind) == (
                last.reason,
                last.reason_kind,
            )
    assert min(n_faithful, n_same) > 1


def test_story_is_the_fold_of_the_log(roles: Roles) -> None:
    for lead in leads_of(roles):
        stored = roles.lead(lead).stored
        story = story_of(roles, lead)
        assert to_bytes(state_of(story.arrivals)) == stored.state


def test_a_published_moment_is_recomputed_to_the_bit(roles: Roles) -> None:
    listed = [lead for lead in leads_of(roles) if roles.lead(lead).queue]
    assert listed
    for lead in listed:
        story = story_of(roles, lead)
        moment = at_moment(story, story.points(), SCORERS.get)
        assert moment.published == story.scores[-1]
        expected = replace(story, end_ms=to_ms(story.scores[-1].scored_at))
        assert at_moment(expected, story.points(), SCORERS.get).is_published


def test_until_forgets_what_came_later(roles: Roles) -> None:
    story = story_of(roles, sorted(leads_of(roles))[0])
    middle = story.arrivals[len(story.arrivals) // 2].ingested_ms
    earlier = story.until(middle)
    assert 0 < len(earlier.arrivals) < len(story.arrivals)
    assert all(one.ingested_ms <= middle for one in earlier.arrivals)
    assert all(one.scored_at <= from_ms(middle) for one in earlier.scores)


def test_a_file_of_events_tells_a_story_without_scores(tmp_path: Path) -> None:
    said = [joins(0), talks(5), clicks(2, lead="b"), writes(9)]
    path = tmp_path / "events.jsonl.gz"
    write_recording(path, map(history, reversed(said)))
    story = read_file(path, KEY, lambda n: None)
    assert [one.event for one in story.arrivals] == [said[0], said[1], said[3]]
    assert story.scores == ()
    assert story.end_ms == to_ms(said[3].occurred_at)


def test_a_late_event_counts_from_when_it_came_in(tmp_path: Path) -> None:
    late = talks(1)
    path = tmp_path / "events.jsonl"
    write_recording(
        path,
        [
            RecordedEvent("asr.transcripts", writes(9).occurred_at, late),
            *map(history, [joins(0), clicks(3)]),
        ],
    )
    story = read_file(path, KEY, lambda n: None)
    assert story.arrivals[-1].event == late
    seen = story.until(to_ms(clicks(3).occurred_at))
    assert to_bytes(state_of(seen.arrivals)) == to_bytes(fold([joins(0), clicks(3)]))


def test_an_erased_lead_is_not_explained(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_recording(path, map(history, [joins(0), erased(5), reopens(6)]))
    story = read_file(path, KEY, lambda n: None)
    assert story.until(to_ms(joins(0).occurred_at)).is_erased
    points = points_of(story.arrivals[:1], "rule-1", story.end_ms, AUTO)
    for ask in (
        lambda: explain(story.arrivals, points, SCORERS.get),
        lambda: at_moment(story, points, SCORERS.get),
    ):
        with pytest.raises(Unexplainable, match="asked to be forgotten"):
            ask()


def test_an_erasure_is_known_when_its_event_is_not_there(roles: Roles) -> None:
    """As in a recording that ends before the lead was erased."""
    lead = sorted(leads_of(roles))[0]
    erasure = Record(ERASED.name, 0, 0, NOW_MS, lead.encode(), b"{}", ())
    assert not story_of(roles, lead).is_erased
    assert tell(LeadKey.parse(lead), [erasure], 2, lambda n: None).is_erased


def test_a_record_that_is_no_score_is_named_and_not_quoted() -> None:
    record = Record(SCORES.name, 1, 7, NOW_MS, A.encode(), b'{"lead": "secret"}', ())
    with pytest.raises(RecordingError, match=r"leads.scores/1 offset 7: is not a score$"):
        tell(KEY, [record], 2, lambda n: None)


def test_a_missing_artifact_is_named(roles: Roles) -> None:
    story = story_of(roles, sorted(leads_of(roles))[0])
    with pytest.raises(Unexplainable, match="artifact rule-2"):
        explain(story.arrivals, story.points(), {}.get)
