"""Commit order: a death in any gap, leads that move, a store ahead, behind, full or away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from schemas.codec import Record
from schemas.dead_letter import MENDED
from schemas.events import (
    Channel,
    EventBase,
    InteractionLogged,
    LeadErased,
    LeadUpserted,
    Segment,
    TranscriptReady,
)
from schemas.outputs import DeadLetter
from schemas.topics import ASR_TRANSCRIPTS, CRM_EVENTS
from scoring.lead.fold import fold
from scoring.lead.state_bytes import to_bytes
from streams.ingest.batch import (
    Applied,
    Batch,
    Conditions,
    PatienceExhausted,
    StoppedByRequest,
    StoreWentBack,
    apply_batch,
    slack_ms,
)
from streams.oracle.folded_log import fold_log
from streams.oracle.oracle import state_differences
from streams.store.contract import Commit, CommitResult, EntryKind, StoreAway
from streams.store.memory_store import MemoryStore
from tests.support.forgetting import remember_shards
from tests.support.leads.event_stream import events
from tests.support.leads.records import log_of, record_of

N = 1
AT = datetime(2025, 6, 2, 9, tzinfo=UTC)
STEPS = ("decoded", "read", "folded", "committed")


class Died(BaseException):
    """What a test raises where a process would be killed."""


def conditions(
    store: MemoryStore, at: Callable[[str], None] = lambda _: None, patience_s: float = 5.0
) -> Conditions:
    return Conditions(store, N, patience_s, threading.Event(), threading.Event(), at)


def apply(
    store: MemoryStore,
    records: Sequence[Record],
    prev: int,
    at: Callable[[str], None] = lambda _: None,
) -> Applied:
    first = records[0]
    return apply_batch(Batch(first.topic, first.partition, prev, records), conditions(store, at))


def base(id_: str, lead: str = "a", minutes: int = 0) -> dict[str, object]:
    return {
        "id": id_,
        "source": "crm",
        "tenant": "t",
        "lead": lead,
        "occurred_at": AT + timedelta(minutes=minutes),
    }


def click(id_: str, lead: str = "a", minutes: int = 0) -> EventBase:
    return InteractionLogged(**base(id_, lead, minutes), channel=Channel.WEB)


def call(id_: str, lead: str = "a") -> EventBase:
    segment = Segment(role="customer", start_s=0.0, end_s=2.0, text="I will think about it")
    return TranscriptReady(**base(id_, lead), call_id=id_, started_at=AT, segments=(segment,))


def placed(*items: EventBase, first: int = 0) -> list[Record]:
    return [record_of(event, first + i, n_partitions=N) for i, event in enumerate(items)]


def once(step: str, act: Callable[[], object]) -> Callable[[str], None]:
    """A checkpoint that acts the first time `step` is reached."""
    left = [act]

    def at(name: str) -> None:
        if name == step and left:
            left.pop()()

    return at


def die() -> None:
    raise Died


@pytest.mark.parametrize("step", STEPS)
def test_a_death_after_any_step_loses_and_doubles_nothing(step: str) -> None:
    store = MemoryStore()
    log = log_of(events(1, 400, n_leads=12), n_partitions=N)
    for (topic, partition), records in log.items():
        bad = Record(topic, partition, len(records), 1, b"t/a", b"not json")
        records.append(bad)
        at = once(step, die)
        for _ in range(3):
            prev = store.frontier(partition).get(topic, -1)
            rest = [record for record in records if record.offset > prev]
            if not rest:
                break
            try:
                for start in range(0, len(rest), 50):
                    chunk = rest[start : start + 50]
                    apply(store, chunk, chunk[0].offset - 1, at)
            except Died:
                continue
    everything = [record for records in log.values() for record in records]
    assert list(state_differences(fold_log(everything, N), store, N)) == []
    letters = [entry for entry in store.outbox(0, 10_000) if entry.kind is EntryKind.DEAD_LETTER]
    assert len(letters) == len(log)


def test_a_batch_applied_twice_is_applied_once() -> None:
    store = MemoryStore()
    records = placed(click("1"), click("2"))
    apply(store, records, -1)
    again = apply(store, records, -1)
    assert (again.frontier, again.n_events) == (1, 0)
    assert list(state_differences(fold_log(records, N), store, N)) == []


def test_leads_with_more_fields_than_a_state_keeps_are_counted() -> None:
    store = MemoryStore()
    fields = [{f"{part} {n}": 1.0 for n in range(300)} for part in ("Column", "Spalte")]
    wide = [LeadUpserted(**base(str(n)), profile=part) for n, part in enumerate(fields)]
    narrow = LeadUpserted(**base("9", "b"), profile=fields[0])
    records = placed(*wide, narrow)
    assert apply(store, records[:1], -1).n_too_wide == 0
    assert apply(store, records[1:], 0).n_too_wide == 1


def test_overlap_with_what_another_owner_applied_is_dropped_and_the_rest_applied() -> None:
    store = MemoryStore()
    records = placed(click("1"), click("2"), click("3"))
    apply(store, records[:2], -1)
    applied = apply(store, records, -1)
    assert (applied.frontier, applied.n_events, applied.n_redone) == (2, 1, 1)
    assert list(state_differences(fold_log(records, N), store, N)) == []


def test_a_store_behind_the_batch_is_refused_never_jumped() -> None:
    store = MemoryStore()
    with pytest.raises(StoreWentBack, match=r"crm.events/0: the store is at offset -1"):
        apply(store, placed(click("1"), first=3), 2)
    assert store.frontier(0) == {}


def test_a_lead_moved_by_the_other_topics_owner_is_read_again() -> None:
    """A duplicate moves only the cursor; without comparing it, that cursor would go back."""
    store = MemoryStore()
    crm = placed(click("1"), click("2"))
    calls = placed(call("c"), call("c"))
    apply(store, crm[:1], -1)
    apply(store, calls[:1], -1)
    at = once("read", lambda: apply(store, calls[1:], 0))
    applied = apply(store, crm[1:], 0, at)
    assert applied.n_redone == 1
    assert store.read(0, ["t/a"])[0].cursor == {CRM_EVENTS.name: 1, ASR_TRANSCRIPTS.name: 1}


def test_an_erase_between_read_and_commit_is_not_undone() -> None:
    store = MemoryStore()
    crm = placed(LeadUpserted(**base("1")), LeadErased(**base("2")))
    at = once("read", lambda: apply(store, crm, -1))
    apply(store, placed(call("c")), -1, at)
    assert store.read(0, ["t/a"])[0].erased
    assert store.lead(0, "t/a").queue is None


def test_a_zombies_commit_is_refused_and_nothing_of_it_stays() -> None:
    """Its partition went to another owner while it was folding."""
    store = MemoryStore()
    records = placed(click("1"), click("2"), click("3"), click("4"))
    at = once("folded", lambda: apply(store, records, -1))
    zombies = apply(store, records[:2], -1, at)
    assert zombies.n_events == 0
    assert store.frontier(0) == {CRM_EVENTS.name: 3}
    assert list(state_differences(fold_log(records, N), store, N)) == []


@pytest.mark.parametrize("step", ["read", "folded"])
def test_a_rollback_between_read_and_commit_is_noticed_though_nothing_is_written(step: str) -> None:
    """The lead was read as erased, so its record writes nothing; then the shard goes back to
    before the erase. Only a comparison of what was read, written or not, tells."""
    store = MemoryStore()
    calls = placed(call("1"), call("2"))
    apply(store, calls[:1], -1)
    roll_back = remember_shards(store)
    apply(store, placed(LeadErased(**base("e"))), -1)
    apply(store, calls[1:], 0, once(step, roll_back))
    lead = store.read(0, ["t/a"])[0]
    assert not lead.erased
    assert lead.state == to_bytes(fold([call("1"), call("2")]))


def test_the_trace_of_the_newest_record_goes_on_with_the_lead() -> None:
    store = Recorded()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    apply(store, placed(click("1").model_copy(update={"traceparent": trace})), -1)
    assert store.commits[0].leads[0].traceparent == trace


def test_records_of_an_erased_lead_move_only_its_cursor() -> None:
    store = MemoryStore()
    apply(store, placed(click("1"), LeadErased(**base("2"))), -1)
    before = store.outbox_size(0)
    apply(store, placed(click("3"), first=2), 1)
    view = store.lead(0, "t/a")
    assert view.stored.erased
    assert view.stored.cursor == {CRM_EVENTS.name: 2}
    assert store.outbox_size(0) == before
    assert not view.dirty


def test_a_record_that_changes_nothing_moves_the_cursor_and_makes_nothing_dirty() -> None:
    store = Recorded()
    apply(store, placed(click("1")), -1)
    apply(store, placed(click("1"), first=1), 0)
    first, second = (commit.leads[0] for commit in store.commits)
    assert first.slack_ms is not None
    assert second.slack_ms is None
    assert store.lead(0, "t/a").stored.cursor == {CRM_EVENTS.name: 1}


class Recorded(MemoryStore):
    """Keeps the commits it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Commit] = []

    def commit(self, commit: Commit) -> CommitResult:
        self.commits.append(commit)
        return super().commit(commit)


def test_bad_records_become_dead_letters_and_their_neighbours_are_folded() -> None:
    store = MemoryStore()
    good = placed(click("1"), click("2"))
    bad = Record(CRM_EVENTS.name, 0, 1, 1, b"t/a", b"\xff\x00")
    records = [good[0], bad, Record(*_moved(good[1], 2))]
    applied = apply(store, records, -1)
    assert (applied.n_events, applied.n_dead_letters) == (2, 1)
    assert store.read(0, ["t/a"])[0].state == to_bytes(fold([click("1"), click("2")]))


def test_a_record_with_a_bad_corner_is_folded_and_warned_of_in_one_commit() -> None:
    """Whoever folds the log has the same state and expects the same letter; a batch that is applied
    again after a death adds none."""
    store = MemoryStore()
    good = placed(click("1"))[0]
    long = b'{"channel": "visit", "duration_s": -3, "note": "back on Monday"}'
    records = [good, good._replace(offset=1, value=long)]
    with pytest.raises(Died):
        apply(store, records, -1, once("folded", die))
    applied = apply(store, records, -1)
    assert (applied.n_events, applied.n_mended, applied.n_dead_letters) == (2, 1, 0)
    again = apply(store, records, -1)
    assert (again.n_events, again.n_mended) == (0, 0)
    folded = fold_log(records, N)
    assert folded.letters == {(CRM_EVENTS.name, 0, 1): MENDED}
    assert list(state_differences(folded, store, N)) == []
    (only,) = [entry for entry in store.outbox(0, 10) if entry.kind is EntryKind.DEAD_LETTER]
    letter = DeadLetter.model_validate_json(only.value)
    assert letter.detail == "$.duration_s: negative: left out"
    assert b"Monday" not in only.value


def _moved(record: Record, offset: int) -> tuple[object, ...]:
    return (
        record.topic,
        record.partition,
        offset,
        record.timestamp_ms,
        record.key,
        record.value,
        record.headers,
    )


class Away(MemoryStore):
    """Refuses its first `n_away` commits."""

    def __init__(self, n_away: int) -> None:
        super().__init__()
        self.n_away = n_away

    def commit(self, commit: Commit) -> CommitResult:
        if self.n_away:
            self.n_away -= 1
            raise StoreAway("connection refused")
        return super().commit(commit)


def test_a_store_that_comes_back_in_time_is_waited_for() -> None:
    store = Away(2)
    assert apply(store, placed(click("1")), -1).n_events == 1


def test_a_store_that_stays_away_ends_the_batch_with_a_sentence() -> None:
    batch = Batch(CRM_EVENTS.name, 0, -1, placed(click("1")))
    with pytest.raises(PatienceExhausted, match="connection refused; waited 0 s: bring it back"):
        apply_batch(batch, conditions(Away(10**9), patience_s=0.0))


def test_a_full_outbox_is_waited_for_until_patience_ends() -> None:
    store = MemoryStore(outbox_bound=1)
    bad = [Record(CRM_EVENTS.name, 0, i, 1, b"t/a", b"?") for i in range(2)]
    apply(store, bad[:1], -1)
    with pytest.raises(PatienceExhausted, match="outbox is full"):
        apply_batch(Batch(CRM_EVENTS.name, 0, 0, bad[1:]), conditions(store, patience_s=0.0))
    assert store.frontier(0) == {CRM_EVENTS.name: 0}


def test_a_stop_ends_the_wait_and_leaves_the_store_as_it_was() -> None:
    under = conditions(Away(10**9))
    under.stopping.set()
    with pytest.raises(StoppedByRequest):
        apply_batch(Batch(CRM_EVENTS.name, 0, -1, placed(click("1"))), under)
    assert under.waiting.is_set()


def test_calls_do_not_wait_for_a_burst_of_clicks_to_end() -> None:
    assert slack_ms(call("c")) == 0
    assert (
        slack_ms(click("1")) > slack_ms(InteractionLogged(**base("2"), channel=Channel.VISIT)) > 0
    )
