"""Hostile input records, seeded: each is labelled with what it is and with the reason it must be
refused for, `mended` when it must be accepted with a warning, None when it must be accepted as it
is. Valid neighbours about the same leads stand between
them. For any test that asks whether bad input stops a worker or loses a neighbour.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from schemas.codec import STRUCTURED, Headers
from schemas.partitioner import partition_for
from schemas.topics import ASR_TRANSCRIPTS, MAX_RECORD_BYTES
from tests.support.leads.hostile_kinds import ENVELOPE_KINDS, Draft, Kind
from tests.support.leads.hostile_payloads import CRM_KINDS, TRANSCRIPT_KINDS

TENANT = "acme"
N_LEADS = 50
NEIGHBOUR = "neighbour"
NEIGHBOUR_EVERY = 4
HUGE_EVERY = 2_500
"""How seldom a record over the size limit comes: the embedded broker keeps 5 MiB a partition."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """One record to produce to `partition`. `reason` is that of its dead letter: `mended` =
    accepted, but for a part; None = accepted, and no letter. `event_id`: the event's `id` where the
    record still carries the original."""

    label: str
    reason: str | None
    event_id: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def hostile_records(
    seed: int, n: int, topic: str, *, n_partitions: int, huge_bytes: int = MAX_RECORD_BYTES + 1
) -> Iterator[Hostile]:
    """`n` hostile records for an input topic, every kind before any repeats at random, and
    n // NEIGHBOUR_EVERY neighbours with ids of their own. Same arguments, same bytes. All times
    lie in June 2025, but for those that are wrong."""
    rng = random.Random(f"{seed}:{topic}")
    kinds = list(kinds_of(topic, n_partitions))
    for i in range(n):
        draft = _draft(rng, f"h{seed}-{i}", topic)
        if i % HUGE_EVERY == HUGE_EVERY // 2:
            kind = Kind("too large", "too-large", lambda _, draft: _enlarge(draft, huge_bytes))
        else:
            kind = kinds[i] if i < len(kinds) else rng.choice(kinds)
        kind.spoil(rng, draft)
        yield _finish(kind, f"h{seed}-{i}", draft, n_partitions)
        if i % NEIGHBOUR_EVERY == NEIGHBOUR_EVERY - 1:
            id_ = f"n{seed}-{i}"
            yield _finish(_VALID, id_, _draft(rng, id_, topic), n_partitions)


_VALID = Kind(NEIGHBOUR, None, lambda _, draft: None)


def kinds_of(topic: str, n_partitions: int) -> Iterator[Kind]:
    specific = TRANSCRIPT_KINDS if topic == ASR_TRANSCRIPTS.name else CRM_KINDS
    for kind in (*ENVELOPE_KINDS, *specific):
        if n_partitions > 1 or kind.reason != "wrong-partition":
            yield kind


def _enlarge(draft: Draft, n_bytes: int) -> None:
    draft.change_body = lambda body: body[:-1] + b" " * (n_bytes - len(body)) + b"}"


def _draft(rng: random.Random, id_: str, topic: str) -> Draft:
    subject = f"{TENANT}/lead-{rng.randrange(N_LEADS)}"
    time = f"2025-06-{rng.randrange(1, 29):02}T{rng.randrange(24):02}:{rng.randrange(60):02}:00Z"
    type_, data = _payload(rng, id_, topic, time)
    attributes = {
        "specversion": "1.0",
        "id": id_,
        "source": "hostile",
        "type": f"asllr.{type_}.v1",
        "subject": subject,
        "time": time,
    }
    return Draft(attributes, data, subject.encode())


def _payload(rng: random.Random, id_: str, topic: str, time: str) -> tuple[str, dict[str, Any]]:
    if topic == ASR_TRANSCRIPTS.name:
        segments = [
            {"role": "agent", "start_s": 0, "end_s": 2.5, "text": "Hello, how can I help?"},
            {"role": "customer", "start_s": 2.5, "end_s": 6, "text": "I want a test drive."},
        ]
        return "TranscriptReady", {"call_id": id_, "started_at": time, "segments": segments}
    if rng.random() < 0.5:
        return "InteractionLogged", {"channel": "call", "duration_s": 30.5, "note": "ok"}
    return "LeadUpserted", {"profile": {"age": rng.randrange(18, 90)}, "queue": "q1"}


def _finish(kind: Kind, id_: str, draft: Draft, n_partitions: int) -> Hostile:
    headers: list[tuple[str, bytes | None]]
    if draft.structured:
        body = to_json({"data": draft.data, **draft.attributes})
        headers = [("content-type", STRUCTURED.encode())]
    else:
        body = to_json(draft.data)
        headers = [
            (f"ce_{name}", text if isinstance(text, bytes) else str(text).encode())
            for name, text in draft.attributes.items()
        ]
    partition = (
        partition_for(draft.key or b"", n_partitions) + draft.partition_shift
    ) % n_partitions
    return Hostile(
        kind.label,
        kind.reason,
        id_,
        partition,
        draft.key,
        draft.change_body(body),
        (*headers, *draft.extra_headers),
    )
