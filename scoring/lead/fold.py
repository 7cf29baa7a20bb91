"""Joins events into a lead's state (`evolve`), and decides whether the lead is listed.

`evolve(state, event) = join(state, lift(event))`: commutative, associative, idempotent. Live
ingest, replay, training and tests all call this and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial, reduce
from typing import assert_never, cast

from schemas.codec import payload_json
from schemas.events import (
    KNOWN_ENDINGS,
    Channel,
    Ending,
    Event,
    EventBase,
    InteractionLogged,
    LeadClosed,
    LeadErased,
    LeadReopened,
    LeadUpserted,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import to_ms
from scoring.lead.join import join
from scoring.lead.state import (
    BOUNDS,
    ERASED,
    PROFILE,
    Bounds,
    Fact,
    LeadState,
    Newest,
    Patch,
    Span,
    Value,
    stamp,
)
from scoring.lead.talk import (
    MAX_WRITING_BYTES,
    Pieces,
    Talk,
    TalkTurn,
    Transcript,
    Writing,
    cut_middle,
    cut_turns,
    one_line,
)

DEFAULT_QUEUE = "default"
"""Where a lead stands whose CRM never named a queue."""

CLICKS = (Channel.WEB, Channel.APP)
"""Interest, but nobody was in contact with anybody."""

NOT_CLOSED = None


def initial_state() -> LeadState:
    """Returns the state of a lead about which nothing is known.

    >>> initial_state().newest is None
    True
    """
    return LeadState()


def evolve(state: LeadState, event: EventBase, bounds: Bounds = BOUNDS) -> LeadState:
    """Returns the state that also includes `event`, which must be about this lead. The order of
    events does not matter, and an event that arrives twice changes nothing.

    >>> event = StageChanged(
    ...     id="e-1", source="crm", tenant="acme", lead="l-1",
    ...     occurred_at="2026-03-01T09:30:00Z", stage="visit",
    ... )
    >>> state = evolve(initial_state(), event)
    >>> state.value("stage")
    'visit'
    >>> evolve(state, event) == state
    True
    """
    return join(state, lift(event), bounds)


def fold(events: Iterable[EventBase], bounds: Bounds = BOUNDS) -> LeadState:
    """Returns the state that includes all `events` of one lead.

    >>> lead = {"source": "crm", "tenant": "acme", "lead": "l-1"}
    >>> visit = StageChanged(id="e-1", occurred_at="2026-03-01T09:30:00Z", stage="visit", **lead)
    >>> quote = StageChanged(id="e-2", occurred_at="2026-03-02T10:00:00Z", stage="quote", **lead)
    >>> fold([visit, quote]).value("stage")
    'quote'
    >>> fold([quote, visit, quote]) == fold([visit, quote])
    True
    """
    return reduce(partial(evolve, bounds=bounds), events, initial_state())


def lift(event: EventBase) -> LeadState:
    """Returns the state of a lead about which only `event` is known."""
    at_ms = to_ms(event.occurred_at)
    mark = stamp(event.source, event.id, None if event.mended else payload_json(event))
    event = cast("Event", event)
    newest = Newest(at_ms, event.source, event.id, mark, event.type)

    match event:
        case LeadUpserted():
            fields = _fields(event)
            patches = (Patch(at_ms, mark, fields),) if fields else ()
            return LeadState(registers=patches, newest=newest)
        case InteractionLogged():
            fact = Fact(
                at_ms,
                mark,
                event.channel,
                event.direction.value if event.direction else None,
                event.duration_s,
                event.call_id,
                event.codes,
                event.note is not None,
            )
            contact = None if event.channel in CLICKS else Span(at_ms, at_ms)
            return LeadState(
                facts=(fact,), contact=contact, talk=_written(event, at_ms, mark), newest=newest
            )
        case TranscriptReady():
            started_ms = to_ms(event.started_at)
            return LeadState(
                talk=Talk.of(Pieces(transcripts=(_transcript(event, started_ms, mark),))),
                contact=Span(started_ms, started_ms),
                newest=newest,
            )
        case StageChanged():
            ends: dict[str, Value] = {"ends": event.ends.value} if event.ends else {}
            return LeadState(
                registers=(Patch(at_ms, mark, {**ends, "stage": event.stage}),),
                stages={event.stage: Span(at_ms, at_ms)},
                newest=newest,
            )
        case LeadClosed():
            patch = Patch(at_ms, mark, {"closed": event.reason or "closed"})
            return LeadState(registers=(patch,), newest=newest)
        case LeadReopened():
            patch = Patch(at_ms, mark, {"closed": NOT_CLOSED})
            return LeadState(registers=(patch,), newest=newest)
        case LeadErased():
            return ERASED
    assert_never(event)


def _fields(event: LeadUpserted) -> dict[str, Value]:
    """The registers that `event` sets, by name."""
    fields: dict[str, Value] = {PROFILE + name: value for name, value in event.profile.items()}
    for name in ("queue", "consent", "owner"):
        if (value := getattr(event, name)) is not None:
            fields[name] = value
    return {name: fields[name] for name in sorted(fields)}


def _written(event: InteractionLogged, at_ms: int, mark: str) -> Talk | None:
    text, note = (
        None if whole is None else cut_middle(one_line(whole), MAX_WRITING_BYTES) or None
        for whole in (event.text, event.note)
    )
    if text is None and note is None:
        return None
    direction = event.direction.value if event.direction else None
    writing = Writing(at_ms, mark, event.channel, direction, text, note)
    return Talk.of(Pieces(writings=(writing,)))


def _transcript(event: TranscriptReady, started_ms: int, mark: str) -> Transcript:
    spoken = tuple(
        TalkTurn(segment.role.value, round(segment.start_s, 1), text)
        for segment in sorted(event.segments, key=lambda segment: segment.start_s)
        if (text := one_line(segment.text))
    )
    turns, gap = cut_turns(spoken)
    return Transcript(
        started_ms=started_ms,
        call_id=event.call_id,
        final=event.final,
        revision=event.revision,
        stamp=mark,
        language=event.language,
        duration_s=max((segment.end_s for segment in event.segments), default=0.0),
        n_segments=len(event.segments),
        n_words=sum(len(segment.text.split()) for segment in event.segments),
        turns=turns,
        gap=gap,
    )


def ending_of(state: LeadState) -> Ending | None:
    """How the funnel ended, by the newest stage: as its event said, or as its word is known."""
    for patch in state.registers:
        if (stage := patch.values.get("stage")) is not None:
            # An ending belongs to the stage it came with: one event set both, in one patch.
            ends = patch.values.get("ends")
            return KNOWN_ENDINGS.get(str(stage)) if ends is None else Ending(str(ends))
    return None


def ends_lead(event: EventBase) -> bool:
    """Whether the event ends the lead: closed, ordered or lost."""
    match event:
        case LeadClosed() | StageChanged(ending=Ending.WON | Ending.LOST):
            return True
        case _:
            return False


@dataclass(frozen=True, slots=True)
class Listing:
    """The queue a lead is listed in. `queue` is None when the lead must not be listed; `why` always
    gives the reason, for a person."""

    queue: str | None
    why: str


def listing(state: LeadState) -> Listing:
    """Decides where the lead is listed. A lead whose consent is unknown is listed: withdrawing it
    is a fact, silence is not.

    >>> listing(initial_state())
    Listing(queue=None, why='no event of this lead has arrived')
    >>> event = LeadUpserted(
    ...     id="e-1", source="crm", tenant="acme", lead="l-1",
    ...     occurred_at="2026-03-01T09:30:00Z", queue="north",
    ... )
    >>> listing(fold([event]))
    Listing(queue='north', why='listed in queue north')
    """
    if state.erased:
        return Listing(None, "erased: the person asked to be forgotten")
    if state.newest is None:
        return Listing(None, "no event of this lead has arrived")
    registers = state.values()
    if (reason := registers.get("closed")) is not None:
        return Listing(None, f"closed: {reason}")
    if registers.get("consent") is False:
        return Listing(None, "no consent: the lead may not be contacted")
    if ending_of(state) is not None:
        stage = registers["stage"]
        return Listing(None, f"the funnel has ended: stage is {stage}")
    queue = str(registers.get("queue") or DEFAULT_QUEUE)
    return Listing(queue, f"listed in queue {queue}")
