"""The dealership: reproducible, honest about time, and as likely to order as it claims."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from schemas import codec, record_check
from schemas.events import EventBase, InteractionLogged, Stage, StageChanged, TranscriptReady
from schemas.partitioner import partition_for
from schemas.timestamps import to_ms
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS
from scoring.lead.fold import fold
from scoring.lead.history import history_of
from scoring.metrics.metrics import expected_auc
from scoring.prompt.declaration import Kind
from scoring.prompt.features import feature_vector
from scoring.prompt.rendering import first_rendering
from training.simulator.business import read_business
from training.simulator.draws import Draws
from training.simulator.emit import simulate_events, simulate_lead, simulate_leads
from training.simulator.live import live_events
from training.simulator.phrases import Stance
from training.simulator.talk import Item, Speech, hold_call
from training.simulator.world import World

AUTO = first_rendering()
DEALER = read_business("auto")

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
N_PARTITIONS = 4


def _wire(events: tuple[EventBase, ...] | list[EventBase]) -> list[object]:
    return [codec.encode(event) for event in events]


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert _wire(simulate_events(3, 20)) == _wire(simulate_events(3, 20))
    assert _wire(simulate_events(3, 20)) != _wire(simulate_events(4, 20))


def test_a_lead_is_the_same_however_many_are_made() -> None:
    few, many = list(simulate_leads(5, 3)), list(simulate_leads(5, 9))
    later = next(simulate_leads(5, 1, first=2))
    assert _wire(few[2].events) == _wire(many[2].events) == _wire(later.events)
    assert few[2].probability == later.probability


@pytest.mark.slow
def test_every_event_survives_the_wire() -> None:
    live = (due.event for due in live_events(2, start=START, rate_per_s=9.0, n_leads=80))
    for event in itertools.chain(simulate_events(1, 40), live):
        key, value, headers = codec.encode(event)
        is_transcript = isinstance(event, TranscriptReady)
        record = codec.Record(
            topic=(ASR_TRANSCRIPTS if is_transcript else CRM_EVENTS).name,
            partition=partition_for(key, N_PARTITIONS),
            offset=0,
            timestamp_ms=to_ms(event.occurred_at),
            key=key,
            value=value,
            headers=headers,
        )
        assert record_check.decode(record, n_partitions=N_PARTITIONS) == event


def test_events_ascend_and_their_ids_differ() -> None:
    for lead in simulate_leads(1, 50):
        times = [event.occurred_at for event in lead.events]
        assert times == sorted(times)
        assert len({(event.source, event.id) for event in lead.events}) == len(lead.events)


def test_nothing_up_to_the_scoring_moment_knows_the_outcome() -> None:
    for number in range(60):
        won = simulate_lead(7, number, world=World(), outcome=True)
        lost = simulate_lead(7, number, world=World(), outcome=False)
        assert _wire(won.history) == _wire(lost.history)
        assert won.probability == lost.probability
        assert won.calls == lost.calls


@pytest.mark.slow
def test_an_order_is_an_event_after_the_scoring_moment_and_within_the_horizon() -> None:
    for lead in simulate_leads(1, 3000):
        orders = [
            event.occurred_at - lead.as_of
            for event in lead.events
            if isinstance(event, StageChanged) and event.stage == Stage.ORDER
        ]
        assert len(orders) == lead.ordered
        assert all(timedelta(0) < after < timedelta(days=DEALER.horizon_days) for after in orders)


def test_codes_come_days_after_their_call() -> None:
    for lead in simulate_leads(1, 100):
        started = {call.call_id: call.started_at for call in lead.calls}
        for event in lead.events:
            if isinstance(event, InteractionLogged) and event.codes and event.call_id:
                assert event.occurred_at - started[event.call_id] > timedelta(days=3)


@pytest.mark.slow
def test_about_one_lead_in_seventy_orders_as_often_as_its_probability_says() -> None:
    leads = list(simulate_leads(11, 6000))
    true = np.array([lead.probability for lead in leads])
    assert 0.012 < true.mean() < 0.019
    standard_error = float(np.sqrt((true * (1 - true)).sum()))
    assert abs(sum(lead.ordered for lead in leads) - true.sum()) < 4 * standard_error
    assert 0.90 < expected_auc(true, true) < 0.94


@pytest.mark.slow
def test_every_feature_is_known_and_varies() -> None:
    leads = simulate_leads(1, 300)
    rows = np.array(
        [feature_vector(history_of(fold(d.history)), to_ms(d.as_of), AUTO) for d in leads]
    )
    for feature, column in zip(AUTO.features, rows.T, strict=True):
        known = column[~np.isnan(column)]
        assert len(known) > 200, feature.name
        assert len(set(known.tolist())) > 1, feature.name


def test_the_world_speaks_the_vocabulary_of_the_features() -> None:
    declared = {
        feature.name: {str(value) for value, _ in feature.bins}
        for feature in AUTO.features
        if feature.kind is Kind.CATEGORY
    }
    for name, shares in DEALER.fields.items():
        assert set(shares) == declared[name]


def test_the_last_word_on_a_topic_is_where_the_customer_stands() -> None:
    for lead in simulate_leads(1, 200):
        said = {
            line.topic: line.stance
            for call in lead.calls
            for line in call.lines
            if line.topic is not None
        }
        assert said == lead.stances


def test_a_bare_yes_means_what_the_framing_makes_it_mean() -> None:
    meanings = set()
    for number in range(400):
        stance = Stance.PRO if number % 2 else Stance.CONTRA
        item = Item("price", stance)
        lines = hold_call(Draws(number), DEALER, [item], Speech(asr_errors=0.0, small_talk=0.0))
        for asked, answer in itertools.pairwise(lines):
            if answer.stance and answer.text == "yes":
                framed_pro = asked.text in DEALER.phrases["price"].ask_pro
                assert framed_pro == (answer.stance is Stance.PRO)
                meanings.add(answer.stance)
    assert meanings == {Stance.PRO, Stance.CONTRA}


@pytest.mark.slow
def test_at_least_half_of_the_answers_repeat_content_words_and_mean_them() -> None:
    answers = [
        line
        for lead in simulate_leads(1, 400, world=World(asr_errors=0.0))
        for call in lead.calls
        for line in call.lines
        if line.topic is not None and line.stance is not None
    ]
    easy = sum(
        any(
            line.text.endswith(clause) and len(line.text.split()) - len(clause.split()) <= 3
            for clause in DEALER.phrases[line.topic].clauses[line.stance]
        )
        for line in answers
        if line.topic is not None and line.stance is not None
    )
    assert easy / len(answers) > 0.5


def test_worse_hearing_means_more_changed_words_and_less_confidence() -> None:
    def heard(errors: float) -> tuple[int, float]:
        calls = [
            hold_call(Draws(n), DEALER, [Item("rival", Stance.PRO)], Speech(asr_errors=errors))
            for n in range(200)
        ]
        lines = [line for call in calls for line in call]
        unclear = sum(line.confidence < 0.9 for line in lines)
        return unclear, float(np.mean([line.confidence for line in lines]))

    assert heard(0.0)[0] == 0 < heard(0.05)[0] < heard(0.2)[0]
    assert heard(0.0)[1] > heard(0.05)[1] > heard(0.2)[1]


@pytest.mark.slow
def test_the_vocabulary_stays_small() -> None:
    leads = simulate_leads(1, 500)
    words = {w for d in leads for c in d.calls for line in c.lines for w in line.text.split()}
    assert len(words) < 900


@pytest.mark.slow
def test_a_live_stream_is_reproducible_ordered_and_complete() -> None:
    def stream() -> list[object]:
        return list(live_events(2, start=START, rate_per_s=50.0, n_leads=200))

    dues = list(live_events(2, start=START, rate_per_s=50.0, n_leads=200))
    assert stream() == dues
    assert [due.after_s for due in dues] == sorted(due.after_s for due in dues)
    assert len({due.event.lead for due in dues}) == 200
    assert all(due.event.occurred_at <= START + timedelta(seconds=due.after_s) for due in dues)
    kinds = {due.event.__class__.__name__ for due in dues}
    assert {"LeadUpserted", "TranscriptReady", "StageChanged", "LeadClosed", "LeadErased"} <= kinds


def test_a_live_stream_without_a_limit_does_not_end() -> None:
    endless = live_events(2, start=START, rate_per_s=50.0, concurrent=5)
    assert len(list(itertools.islice(endless, 2000))) == 2000


def test_a_partial_transcript_comes_first_and_names_the_same_call() -> None:
    revisions: dict[tuple[str, datetime], list[int]] = {}
    for due in live_events(2, start=START, rate_per_s=50.0, n_leads=100):
        if isinstance(due.event, TranscriptReady):
            identity = (due.event.call_id, due.event.started_at)
            revisions.setdefault(identity, []).append(due.event.revision)
    assert {tuple(seen) for seen in revisions.values()} == {(0,), (0, 1)}
    assert len({call_id for call_id, _ in revisions}) == len(revisions)


def test_a_rate_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="rate_per_s"):
        next(live_events(1, start=START, rate_per_s=0.0))
