"""Applies one batch of one input partition to the store: decode, fold, commit, as numbered steps.

Synchronous and free of Kafka, so that a test can die between any two steps. `streams.ingest.worker`
calls it in a thread; nothing else writes lead states.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from schemas.codec import Record
from schemas.dead_letter import dead_letter, entry, warning
from schemas.events import Channel, EventBase, InteractionLogged, TranscriptReady
from schemas.record_check import BadRecord, read
from scoring.lead.fold import evolve, initial_state, listing
from scoring.lead.join import left_out
from scoring.lead.state_bytes import OtherFormat, from_bytes, to_bytes
from streams.store.contract import (
    Commit,
    CommitResult,
    CommitStatus,
    LeadWrite,
    Store,
    StoreAway,
    StoredLead,
)


class IngestStopped(Exception):
    """A batch was not applied; the message says why. Nothing of it is in the store unless all of it
    is.

    IngestStopped
    ├── StoreWentBack     the stored frontier is before what this worker handed over
    ├── StateOfOtherFormat another asllr wrote a lead that this one is to write
    ├── PatienceExhausted the store, or Kafka behind its full outbox, stayed away
    └── Stopping          the process is shutting down
    """


class StoreWentBack(IngestStopped):
    pass


class StateOfOtherFormat(IngestStopped):
    pass


class PatienceExhausted(IngestStopped):
    pass


class StoppedByRequest(IngestStopped):
    pass


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one partition. `prev` is the offset they continue from (-1 = the
    start of the log). `is_refused`: its records become dead letters unread, because workers die of
    them."""

    topic: str
    partition: int
    prev: int
    records: Sequence[Record]
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of a batch: `frontier` is at least its last offset, the counts are what this call
    put into the store. `n_mended`: events with a part that was mended, of which a letter warns.
    `n_too_wide`: leads with more profile fields than a state keeps."""

    frontier: int
    n_events: int
    n_dead_letters: int
    n_mended: int
    n_leads: int
    n_too_wide: int
    n_redone: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What applying a batch needs besides the batch. `checkpoint` is called with the name of each
    step when it is done. `stopping` ends every wait; `waiting` is set while the store or Kafka
    keeps us waiting."""

    store: Store
    n_partitions: int
    patience_s: float
    stopping: threading.Event
    waiting: threading.Event
    checkpoint: Callable[[str], None]


RETRY_S = 0.1
"""Seconds between attempts on a store that is away or full."""

MAX_REDOS = 1000
"""How often one batch is redone because leads moved. Every redo means that the owner of the other
topic got on, so that so many in a row show a store that does not keep its contract."""

SLACK_MS = 250
"""How long rescoring may wait for more of the same burst; calls and stage changes cannot."""

SLACK_CLICK_MS = 2_000
"""Web, app and mail traffic comes in bursts and moves a rank the least."""

_CLICKS = frozenset({Channel.WEB, Channel.APP, Channel.EMAIL, Channel.MESSAGE})


def apply_batch(batch: Batch, under: Conditions) -> Applied:
    """Applies all of `batch` to the store, exactly once, however often it is tried.

    A death before step 5 leaves the store as it was; after it, as if all had been done: the
    frontier in the same atomic step tells the next owner where to go on."""
    # 1. Decode and validate: every record is an event or a dead letter, or with a part mended both.
    decoded = [
        _refused(record) if batch.is_refused else _decode(record, under.n_partitions)
        for record in batch.records
    ]
    under.checkpoint("decoded")
    attempts = _Attempts(batch, under)
    while True:
        # 2. Group by lead what the store does not have yet.
        rest = [item for item in decoded if item.record.offset > attempts.prev]
        by_lead = _by_lead(rest)
        letters = [item.letter for item in rest if item.letter]
        try:
            # 3. Read the leads.
            stored = under.store.read(batch.partition, list(by_lead)) if by_lead else []
            under.checkpoint("read")
            # 4. Fold.
            folded = [
                _fold(lead, items, before)
                for (lead, items), before in zip(by_lead.items(), stored, strict=True)
            ]
            writes = [one.write for one in folded]
            under.checkpoint("folded")
            # 5. One atomic step: states, frontier, dirty marks, outbox entries.
            result = under.store.commit(attempts.commit(writes, letters))
        except StoreAway as error:
            attempts.wait(f"the store is away: {error}")
            continue
        except OtherFormat as error:
            raise StateOfOtherFormat(str(error)) from None
        under.checkpoint(result.status.value)
        # 6. Done, or once more from where the store is.
        if attempts.judge(result):
            if result.status is CommitStatus.AHEAD:
                return Applied(result.frontier, 0, 0, 0, 0, 0, attempts.n_redone)
            return Applied(
                frontier=result.frontier,
                n_events=sum(item.event is not None for item in rest),
                n_dead_letters=sum(item.event is None for item in rest),
                n_mended=sum(item.event is not None and item.letter is not None for item in rest),
                n_leads=len(writes),
                n_too_wide=sum(one.is_too_wide for one in folded),
                n_redone=attempts.n_redone,
            )


class _Attempts:
    """The attempts at one batch: where the next one continues (`prev`), and until when there may be
    more."""

    def __init__(self, batch: Batch, under: Conditions) -> None:
        self._batch = batch
        self._under = under
        self._deadline = monotonic() + under.patience_s
        self.prev = batch.prev
        self.n_redone = 0

    def commit(self, writes: Sequence[LeadWrite], letters: Sequence[tuple[bytes, bytes]]) -> Commit:
        batch = self._batch
        last = batch.records[-1].offset
        return Commit(batch.topic, batch.partition, self.prev, last, writes, letters)

    def judge(self, result: CommitResult) -> bool:
        """Judges the store's answer: True when it holds the whole batch; else the next attempt may
        begin."""
        batch, under = self._batch, self._under
        match result.status:
            case CommitStatus.FULL:
                self.wait("the outbox is full: Kafka or the publisher is away")
                return False
            case CommitStatus.BEHIND:
                raise StoreWentBack(
                    f"{batch.topic}/{batch.partition}: the store is at offset {result.frontier} "
                    f"but this worker had applied up to {self.prev}: it was restored to an older "
                    f"state; start again from there"
                )
            case CommitStatus.MOVED:
                pass
            case CommitStatus.COMMITTED | CommitStatus.AHEAD:
                self.prev = result.frontier
        under.waiting.clear()
        if self.prev >= batch.records[-1].offset:
            return True
        self.n_redone += 1
        if self.n_redone > MAX_REDOS:
            raise PatienceExhausted(
                f"{batch.topic}/{batch.partition}: {self.n_redone} redos of one batch"
            )
        self._deadline = monotonic() + under.patience_s
        return False

    def wait(self, why: str) -> None:
        """Waits before the next attempt, until patience ends: the lag shows the wait, nothing is
        skipped."""
        self._under.waiting.set()
        if monotonic() >= self._deadline:
            raise PatienceExhausted(
                f"{why}; waited {self._under.patience_s:.0f} s: bring it back, this worker "
                f"restarts and continues where the store is"
            )
        if self._under.stopping.wait(RETRY_S):
            raise StoppedByRequest(why)


@dataclass(frozen=True, slots=True)
class _Decoded:
    record: Record
    event: EventBase | None
    letter: tuple[bytes, bytes] | None


def _decode(record: Record, n_partitions: int) -> _Decoded:
    try:
        reading = read(record, n_partitions=n_partitions)
    except BadRecord as error:
        return _Decoded(record, None, entry(dead_letter(record, error)))
    letter = entry(warning(record, reading)) if reading.n_mended else None
    return _Decoded(record, reading.event, letter)


def _refused(record: Record) -> _Decoded:
    return _Decoded(record, None, entry(dead_letter(record, LETHAL)))


LETHAL = BadRecord(
    "ends-workers",
    "every ingest worker that read this record ended before it was done with it",
    "look at what ended them (memory, `asllr doctor`); when that is mended, send the record again "
    "with `asllr dead-letters retry`",
)


def _by_lead(items: Sequence[_Decoded]) -> dict[str, list[_Decoded]]:
    by_lead: dict[str, list[_Decoded]] = {}
    for item in items:
        if item.event:
            by_lead.setdefault(str(item.event.key), []).append(item)
    return by_lead


@dataclass(frozen=True, slots=True)
class _Folded:
    write: LeadWrite
    is_too_wide: bool


def _fold(lead: str, items: Sequence[_Decoded], before: StoredLead) -> _Folded:
    events = [item.event for item in items if item.event]
    newest = items[-1].record
    cursor = dict(before.cursor or {})
    # Restored from a snapshot a lead may include what the shard's frontier has yet to reach again.
    cursor[newest.topic] = max(newest.offset, cursor.get(newest.topic, -1))
    state = after = slack = None
    if not before.erased:
        state = from_bytes(before.state) if before.state else initial_state()
        for event in events:
            state = evolve(state, event)
        after = to_bytes(state)
        slack = None if after == before.state else min(map(slack_ms, events))
    write = LeadWrite(
        lead=lead,
        expected=before,
        cursor=cursor,
        state=after,
        queue=listing(state).queue if state else None,
        erased=state.erased if state else False,
        slack_ms=slack,
        ingested_ms=max(item.record.timestamp_ms for item in items),
        traceparent=next((e.traceparent for e in reversed(events) if e.traceparent), None),
    )
    return _Folded(write, is_too_wide=state is not None and bool(left_out(state)))


def slack_ms(event: EventBase) -> int:
    """How many milliseconds after `event` its lead's rescoring may wait so that it is done together
    with more."""
    match event:
        case TranscriptReady():
            return 0
        case InteractionLogged(channel=channel) if channel in _CLICKS:
            return SLACK_CLICK_MS
        case InteractionLogged():
            return SLACK_MS
        case _:
            return 0
