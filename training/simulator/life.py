"""Simulates what a lead did and said up to its scoring moment, and writes it into its journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from math import exp

from schemas.events import Direction, Role, Segment
from training.simulator import talk
from training.simulator.business import Business, Wording
from training.simulator.draws import Draws
from training.simulator.journal import CALL, EMAIL, Journal
from training.simulator.letters import send_letters
from training.simulator.phrases import Stance
from training.simulator.world import (
    STANCES,
    YEAR_DAYS,
    Person,
    World,
    draw_stance,
    topic_weights,
)

HOUR_S = 3_600.0
DAY_S = 86_400.0
MAX_AGE_DAYS = 80.0

_CALL_COUNTS = (1, 2, 3)
_CALL_SHARES = (0.55, 0.84, 1.0)
_TOPIC_COUNTS = (1, 2, 3, 4, 5, 6)
_TOPIC_SHARES = (0.06, 0.20, 0.45, 0.70, 0.88, 1.0)

CHANGED_MIND_SHARE = 0.12
"""The share of topics on which a customer changes their mind, half of them in the same call."""

MISSING_FIELD_SHARE = 0.07
GARBLED_FIELD_SHARE = 0.04
MISSING_CODES_SHARE = 0.15
WRONG_CODE_SHARE = 0.10
"""Shares of fields that nobody asked for or that were typed wrongly, of calls outside the quality
sample, and of wrong codes."""


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One call. `stances`: where the customer stood when it ended, on the topics it touched;
    `codes`: what the quality sample says of it, empty when it was not in the sample."""

    call_id: str
    started_at: datetime
    lines: tuple[talk.SpokenLine, ...]
    stances: Mapping[str, Stance]
    codes: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Before:
    """What a lead was like at its scoring moment."""

    calls: tuple[SimulatedCall, ...]
    stances: Mapping[str, Stance]
    stage: str


def live_before(draws: Draws, journal: Journal, person: Person, world: World, day: float) -> Before:
    """Simulates the lead up to `as_of`: profile, calls, letters, clicks, follow-up
    and stages."""
    business = world.file
    age_s = (1.0 + min(draws.exponential(business.mean_age_days), MAX_AGE_DAYS)) * DAY_S
    _register(draws, journal, business, person, age_s)
    starts_s = _call_times(draws, age_s)
    plan = _plan(draws, business, person, len(starts_s))
    speech = talk.Speech(
        slang=world.drift.slang * day / YEAR_DAYS,
        asr_errors=world.asr_errors,
        small_talk=min(0.7, 0.06 / draws.between(0.05, 1.0)),
    )
    calls = tuple(
        _hold(
            draws,
            journal,
            business,
            start_s,
            number,
            _said(draws, world, agenda, speech),
        )
        for number, (start_s, agenda) in enumerate(zip(starts_s, plan.agendas, strict=True), 1)
    )
    send_letters(draws, journal, business, plan.letters, age_s)
    _click(draws, journal, business, person, age_s)
    _follow_up(draws, journal, business, person, age_s)
    stage = _climb(draws, journal, business, person, age_s, starts_s[0])
    return Before(calls, plan.stances, stage)


def _register(
    draws: Draws, journal: Journal, business: Business, person: Person, age_s: float
) -> None:
    """What the CRM knows of the person, in two patches: at first contact, and later."""
    reported: dict[str, str | bool | float] = {}
    for name, value in person.profile.items():
        fate = draws.uniform()
        if fate < MISSING_FIELD_SHARE:
            continue
        is_garbled = fate < MISSING_FIELD_SHARE + GARBLED_FIELD_SHARE
        if (ranges := business.numbers.get(name)) is not None:
            low, high = ranges[value]
            number = low + draws.below(high - low + 1)
            reported[name] = float(number * 10 if is_garbled else number)
        else:
            reported[name] = "other" if is_garbled else value
    reported |= person.flags
    for request in business.requests:
        keen = request.slope * person.intent - request.threshold
        reported[request.name] = draws.chance(1.0 / (1.0 + exp(-keen)))
    late, queues = business.late_fields, business.queues
    journal.upserted(
        -age_s,
        profile={name: value for name, value in reported.items() if name not in late},
        queue=queues.teams.get(person.profile[queues.field], queues.otherwise),
        consent=True,
        owner=f"agent-{1 + draws.below(12)}",
    )
    journal.upserted(
        -age_s * draws.between(0.6, 0.95),
        profile={name: reported[name] for name in late if name in reported},
    )


def _call_times(draws: Draws, age_s: float) -> list[float]:
    """Seconds from `as_of`, ascending; the last call is mostly a few days old."""
    n = draws.weighted(_CALL_COUNTS, _CALL_SHARES)
    last_s = min(HOUR_S + draws.exponential(2.5 * DAY_S), 0.7 * age_s)
    earlier = [last_s + (0.95 * age_s - last_s) * draws.between(0.1, 1.0) for _ in range(n - 1)]
    return sorted(-ago_s for ago_s in (*earlier, last_s))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the calls are about, what the customer writes instead, and where they stand then."""

    agendas: list[list[talk.Item]]
    letters: dict[str, Stance]
    stances: dict[str, Stance]


def _plan(draws: Draws, business: Business, person: Person, n_calls: int) -> _Plan:
    weights = topic_weights(business, person)
    letters: dict[str, Stance] = {}
    stances: dict[str, Stance] = {}
    agendas: list[list[talk.Item]] = [[] for _ in range(n_calls)]
    for _ in range(draws.weighted(_TOPIC_COUNTS, _TOPIC_SHARES)):
        topic = draws.weighted(tuple(weights), tuple(accumulate(weights.values())))
        del weights[topic]
        stances[topic] = stance = draw_stance(draws, person)
        if business.writing is not None and draws.chance(business.writing.share):
            letters[topic] = stance
            continue
        call = draws.below(n_calls)
        if draws.chance(CHANGED_MIND_SHARE):
            first = draws.pick([other for other in STANCES if other is not stance])
            before = call if draws.chance(0.5) else draws.below(call + 1)
            agendas[before].append(talk.Item(topic, first))
            agendas[call].append(talk.Item(topic, stance, is_change=True))
        else:
            agendas[call].append(talk.Item(topic, stance))
    return _Plan(agendas, letters, stances)


def _said(
    draws: Draws, world: World, agenda: list[talk.Item], speech: talk.Speech
) -> tuple[talk.SpokenLine, ...]:
    """The lines of a call. In other words it takes as long, and what is drawn after it is the same:
    a longer sentence would otherwise be another fate."""
    again = draws.twin() if world.wording is not Wording.USUAL else None
    lines = talk.hold_call(draws, world.usual, agenda, speech)
    if again is None:
        return lines
    others = talk.hold_call(again, world.file, agenda, speech)
    return tuple(
        replace(other, start_s=line.start_s, end_s=line.end_s)
        for line, other in zip(lines, others, strict=True)
    )


def _hold(
    draws: Draws,
    journal: Journal,
    business: Business,
    start_s: float,
    number: int,
    lines: tuple[talk.SpokenLine, ...],
) -> SimulatedCall:
    """One call: its transcript, the CRM's own record with a note, and days later the codes of the
    quality sample."""
    call_id = f"{journal.lead}-c{number}"
    started_at = journal.at(start_s)
    end_s = lines[-1].end_s if lines else 1.0
    stances = {line.topic: line.stance for line in lines if line.topic and line.stance}
    note = _note(draws, business, stances)
    direction = Direction.INBOUND if draws.chance(0.4) else Direction.OUTBOUND
    journal.transcribed(
        start_s + end_s + draws.between(5.0, 40.0),
        call_id=call_id,
        started_at=started_at,
        language="en",
        segments=tuple(_segment(line) for line in lines),
        vendor="simulated",
    )
    journal.contact(
        start_s + end_s + draws.between(60.0, 600.0),
        CALL,
        direction,
        end_s,
        note=note,
        call_id=call_id,
    )
    codes = _codes(draws, stances)
    checked_s = start_s + draws.between(4.0, 12.0) * DAY_S
    if codes:
        journal.quality_checked(checked_s, call_id, codes)
    return SimulatedCall(call_id, started_at, lines, stances, codes, note)


def _segment(line: talk.SpokenLine) -> Segment:
    return Segment(
        role=Role(line.role),
        start_s=line.start_s,
        end_s=line.end_s,
        text=line.text,
        confidence=line.confidence,
    )


def _note(draws: Draws, business: Business, stances: Mapping[str, Stance]) -> str:
    phrases = business.phrases
    notes = [draws.pick(phrases[topic].notes[stance]) for topic, stance in stances.items()]
    return "; ".join(notes) if notes else "small talk only"


def code_of(topic: str, stance: Stance) -> str:
    return f"{topic}.{stance}"


def _codes(draws: Draws, stances: Mapping[str, Stance]) -> tuple[str, ...]:
    if draws.chance(MISSING_CODES_SHARE):
        return ()
    return tuple(
        code_of(topic, draws.pick(STANCES) if draws.chance(WRONG_CODE_SHARE * 1.5) else stance)
        for topic, stance in stances.items()
    )


def _click(
    draws: Draws, journal: Journal, business: Business, person: Person, age_s: float
) -> None:
    """What the customer does alone; how much of it is recent shows their interest."""
    heat = exp(0.6 * person.intent)
    writing = business.writing
    for click in business.clicks:
        for _ in range(draws.poisson(click.mean * heat)):
            ago_s = min(draws.exponential(6.0 * DAY_S), 0.98 * age_s)
            is_written = writing is not None and click.channel in writing.channels
            text = draws.pick(writing.fillers) if writing is not None and is_written else None
            journal.contact(-ago_s, click.channel, Direction.INBOUND, text=text)


def _follow_up(
    draws: Draws, journal: Journal, business: Business, person: Person, age_s: float
) -> None:
    """What the seller tries: e-mails, and calls that are not answered; a keen customer answers."""
    for _ in range(draws.poisson(1.2)):
        at_s = -draws.uniform() * 0.9 * age_s
        text = draws.pick(business.writing.sent) if business.writing is not None else None
        journal.contact(at_s, EMAIL, Direction.OUTBOUND, text=text)
    for _ in range(draws.poisson(0.7 * exp(-0.4 * person.intent))):
        journal.contact(-draws.uniform() * 0.9 * age_s, CALL, Direction.OUTBOUND, 0.0)


def _climb(
    draws: Draws,
    journal: Journal,
    business: Business,
    person: Person,
    age_s: float,
    first_call_s: float,
) -> str:
    """The funnel so far; a step down is not reported."""
    stages = business.funnel.stages
    steps: list[tuple[float, str]] = [(first_call_s + HOUR_S / 2, stages[1])]
    for milestone in business.funnel.milestones:
        if draws.chance(1.0 / (1.0 + exp(milestone.threshold - 0.8 * person.intent))):
            at_s = -age_s * draws.between(0.02, 0.7)
            journal.contact(at_s, milestone.channel, milestone.direction)
            steps.append((at_s + 60.0, milestone.stage))
    journal.stage(-age_s, stages[0])
    reached = 0
    for at_s, stage in sorted(steps, key=lambda step: (step[0], stages.index(step[1]))):
        if stages.index(stage) > reached and at_s < 0.0:
            reached = stages.index(stage)
            journal.stage(at_s, stage)
    return stages[reached]
