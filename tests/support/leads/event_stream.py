"""Seeded events of a few leads, for tests that care about order, duplicates and erasure, not about
what is said: late times, revisions, leads that close, reopen and are erased.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from schemas.events import (
    Channel,
    Direction,
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

TENANT = "acme"
START = datetime(2025, 6, 2, 9, tzinfo=UTC)
DUPLICATES = 0.1
ERASED_EVERY = 500
"""One LeadErased in so many events: erased leads keep getting events, which must do nothing."""


def events(seed: int, n: int, *, n_leads: int = 40) -> Iterator[EventBase]:
    """`n` events; a tenth of them are exact repeats of earlier ones."""
    rng = random.Random(seed)
    sent: list[EventBase] = []
    for i in range(n):
        if sent and rng.random() < DUPLICATES:
            yield rng.choice(sent[-200:])
            continue
        event = _event(rng, i, f"{rng.randrange(n_leads)}", seed)
        sent.append(event)
        yield event


def _event(rng: random.Random, i: int, lead: str, seed: int) -> EventBase:
    at = START + timedelta(seconds=i * 5 - rng.choice((0, 0, 0, 30, 3600)))
    base = {"id": f"e{seed}-{i}", "source": "test/crm", "tenant": TENANT, "lead": f"lead-{lead}"}
    if i % ERASED_EVERY == ERASED_EVERY - 1:
        return LeadErased(**base, occurred_at=at)
    kind = rng.random()
    if kind < 0.35:
        return _transcript(rng, base, at)
    if kind < 0.70:
        return InteractionLogged(
            **base,
            occurred_at=at,
            channel=rng.choice(list(Channel)),
            direction=rng.choice(list(Direction)),
            duration_s=float(rng.randrange(600)),
        )
    if kind < 0.85:
        profile = {"model": rng.choice(("suv", "coupe")), "budget": float(rng.randrange(9)) * 1e4}
        return LeadUpserted(
            **base, occurred_at=at, profile=profile, queue=rng.choice(("north", "south"))
        )
    if kind < 0.95:
        return StageChanged(**base, occurred_at=at, stage=rng.choice(list(Stage)[:5]))
    if kind < 0.975:
        return LeadClosed(**base, occurred_at=at)
    return LeadReopened(**base, occurred_at=at)


def _transcript(rng: random.Random, base: dict[str, str], at: datetime) -> TranscriptReady:
    call = rng.randrange(8)
    texts = ("the price is fine", "my wife decides", "we look at another brand", "next week then")
    segments = [
        Segment(
            role=rng.choice((Role.CUSTOMER, Role.AGENT)),
            start_s=float(i * 3),
            end_s=float(i * 3 + 4),
            text=rng.choice(texts),
        )
        for i in range(rng.randrange(1, 6))
    ]
    return TranscriptReady(
        **base,
        occurred_at=at,
        call_id=f"call-{call}",
        started_at=START + timedelta(minutes=call),
        revision=rng.randrange(4),
        language="en",
        segments=tuple(segments),
    )
