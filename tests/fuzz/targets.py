"""What is fuzzed: bytes in, a promise checked. Used by the fuzzer and, on the corpus, by a test.

A target raises AssertionError when its promise is broken; whatever else it raises is a crash.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import reduce

from schemas.codec import Record, encode
from schemas.dead_letter import dead_letter, original
from schemas.events import (
    Channel,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadErased,
    LeadReopened,
    LeadUpserted,
    Role,
    Segment,
    Stage,
    StageChanged,
    TranscriptReady,
)
from schemas.partitioner import partition_for
from schemas.record_check import BadRecord, decode
from schemas.timestamps import to_ms
from schemas.topics import INPUTS
from scoring.lead.fold import fold, lift, listing
from scoring.lead.history import history_of
from scoring.lead.join import join
from scoring.lead.state import Bounds, LeadState
from scoring.lead.state_bytes import from_bytes, to_bytes
from scoring.prompt.edges import next_edge
from scoring.prompt.features import feature_vector
from scoring.prompt.rendering import first_rendering
from streams.importers.transcripts.event import CallOfLead, transcript_event
from streams.importers.transcripts.normal import TranscriptError
from streams.importers.transcripts.reading import read_document, read_transcript
from streams.importers.transcripts.roles import with_roles
from streams.importers.transcripts.shapes.vcon import to_wtf
from tests.scoring.histories import START, event

AUTO = first_rendering()

N_PARTITIONS = 4
NOW_MS = 1_760_000_000_000
NAMES = (
    "content-type",
    "ce_specversion",
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_subject",
    "ce_time",
    "traceparent",
)
SMALL = Bounds(facts=2, calls=2, writings=2, profile=2, names_left_out=1, stages=2)
MAX_EVENTS = 6
"""Of a history: enough to overflow SMALL, few enough for hundreds of histories a second."""


def codec(data: bytes) -> None:
    """Any record is an event or a bad record with a reason; an event survives the wire and the
    fold, a bad record its dead letter."""
    record = record_of(data)
    try:
        found = decode(record, n_partitions=N_PARTITIONS)
    except BadRecord as bad:
        _explained(record, bad)
        return
    key, value, headers = encode(found)
    again = Record(record.topic, record.partition, 0, record.timestamp_ms, key, value, headers)
    assert decode(again, n_partitions=N_PARTITIONS) == found
    state = fold([found])
    assert from_bytes(to_bytes(state)) == state


def _explained(record: Record, bad: BadRecord) -> None:
    assert bad.reason
    assert bad.fix
    letter = dead_letter(record, bad)
    assert letter.truncated or original(letter).value == record.value


def record_of(data: bytes) -> Record:
    """A line per header, then the value: `name index` `text`. Unlike raw bytes, mutations of this
    keep most of a record valid."""
    head, _, value = data.partition(b"\n\n")
    headers: list[tuple[str, bytes | None]] = []
    key: bytes | None = b"t/l"
    topic = INPUTS[0].name
    for line in head.split(b"\n"):
        mark, text = line[:1], line[1:]
        if mark.isdigit() and int(mark) < len(NAMES):
            headers.append((NAMES[int(mark)], text))
        elif mark == b"k":
            key = text
        elif mark == b"n":
            key = None
        elif mark == b"t":
            topic = INPUTS[len(text) % len(INPUTS)].name
        elif mark == b"h":
            headers.append((text.decode("utf-8", "replace"), None))
    partition = partition_for(key or b"", N_PARTITIONS)
    return Record(topic, partition, 0, NOW_MS, key, value, headers)


def evolve(data: bytes) -> None:
    """Any history, in any order and with repeats, gives the same bytes, which read back as the same
    state; what is derived from a state never fails."""
    events = list(events_in(data))
    rng = random.Random(data)
    arrived = [*events, *rng.choices(events, k=len(events) // 2)] if events else []
    rng.shuffle(arrived)
    state = fold(events, SMALL)
    written = to_bytes(state)
    lifted = {id(event): lift(event) for event in events}  # once: it is what costs
    again = reduce(lambda a, b: join(a, b, SMALL), (lifted[id(e)] for e in arrived), LeadState())
    assert to_bytes(again) == written
    assert from_bytes(written) == state
    listing(state)
    if not state.erased:
        as_of_ms = to_ms(START) + 40 * 86_400_000
        feature_vector(history_of(state), as_of_ms, AUTO)
        next_edge(history_of(state), as_of_ms, AUTO)


def events_in(data: bytes) -> Iterator[EventBase]:
    """Six bytes an event, then text for its strings."""
    n = min(len(data) // 6, MAX_EVENTS)
    text = data[6 * n :].decode("utf-8", "ignore").replace("\x00", "") or "yes"
    for i in range(n):
        kind, id_, day, a, b, c = struct.unpack_from("6B", data, 6 * i)
        base = {
            "id": f"e{id_ % 12}",
            "source": ("crm", "asr")[id_ >> 7],
            "occurred_at": START + timedelta(days=day % 40, seconds=a),
        }
        piece = text[b % len(text) :][: c + 1]
        yield _KINDS[kind % len(_KINDS)](base, a, b, c, piece)


def _upserted(base: dict[str, object], a: int, b: int, c: int, text: str) -> EventBase:
    values = (text[:200], a / 7, bool(b & 1), None)
    profile = {f"f{(a + i) % 5}": values[(b + i) % 4] for i in range(c % 4)}
    consent = (None, True, False)[c % 3]
    return event(LeadUpserted, **base, profile=profile, queue=f"q{a % 3}", consent=consent)


def _logged(base: dict[str, object], a: int, b: int, c: int, text: str) -> EventBase:
    return event(
        InteractionLogged,
        **base,
        channel=list(Channel)[a % len(Channel)],
        duration_s=float(b),
        note=text[:4_000],
        call_id=f"c{c % 4}" if c & 1 else None,
    )


def _spoken(base: dict[str, object], a: int, b: int, c: int, text: str) -> EventBase:
    segments = [
        Segment(
            role=list(Role)[(b + i) % len(Role)],
            start_s=float((a * i) % 50),
            end_s=60.0,
            text=text * (1 + (c >> 6)),
        )
        for i in range(c % 8)
    ]
    return event(
        TranscriptReady,
        **base,
        call_id=f"c{a % 4}",
        started_at=START + timedelta(days=a % 3),
        revision=b % 4,
        language=("en", "und", "zh")[c % 3],
        segments=segments,
    )


_KINDS: tuple[Callable[[dict[str, object], int, int, int, str], EventBase], ...] = (
    _upserted,
    _logged,
    _spoken,
    lambda base, a, b, c, text: event(StageChanged, **base, stage=list(Stage)[a % len(Stage)]),
    lambda base, a, b, c, text: event(LeadClosed, **base, reason=text[:200] or None),
    lambda base, a, b, c, text: event(LeadReopened, **base),
    lambda base, a, b, c, text: event(LeadErased if a == 255 else LeadReopened, **base),
)


def transcripts(data: bytes) -> None:
    """Any file is a transcript in its normal form, of which an event can be made that survives the
    wire, or refused in one line; what is written as WTF is read again with the same words."""
    refusal, found = "one line", None
    try:
        found = with_roles(read_transcript(data))
    except TranscriptError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) == 1
    if found is None:
        return
    starts = [one.start_s for one in found.utterances]
    assert starts == sorted(starts)
    spoken = transcript_event(found, CallOfLead("t", "l", "c", START))
    assert len(spoken.segments) == len(found.utterances)
    state = fold([spoken])
    assert from_bytes(to_bytes(state)) == state
    again = read_document(to_wtf(found, START))
    assert [one.text for one in again.utterances] == [one.text for one in found.utterances]


TARGETS: dict[str, Callable[[bytes], None]] = {
    "codec": codec,
    "evolve": evolve,
    "transcripts": transcripts,
}
