"""Simulates what a lead did and said up to its scoring moment, and writes it into its journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from math import exp

from schemas.events import Channel, Direction, Role, Segment, Stage
from training.simulator import talk
from training.simulator.draws import Draws
from training.simulator.journal import Journal
from training.simulator.phrases import PHRASES, Stance, TalkTopic
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

QUEUE_OF = {"north": "north", "east": "north", "south": "south", "west": "south"}
"""Region -> the queue of its team: three teams for five regions; the rest belongs to `centre`."""

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

_STAGES = (Stage.NEW, Stage.CONTACTED, Stage.VISIT, Stage.TEST_DRIVE, Stage.QUOTE)


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One call. `stances`: where the customer stood when it ended, on the topics it touched;
    `codes`: what the quality sample says of it, empty when it was not in the sample."""

    call_id: str
    started_at: datetime
    lines: tuple[talk.SpokenLine, ...]
    stances: Mapping[TalkTopic, Stance]
    codes: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Before:
    """What a lead was like at its scoring moment."""

    calls: tuple[SimulatedCall, ...]
    stances: Mapping[TalkTopic, Stance]
    stage: Stage


def live_before(draws: Draws, journal: Journal, person: Person, world: World, day: float) -> Before:
    """Simulates the lead up to `as_of`: profile, calls, clicks, follow-up and stages."""
    age_s = (1.0 + min(draws.exponential(16.0), 80.0)) * DAY_S
    _register(draws, journal, person, age_s)
    starts_s = _call_times(draws, age_s)
    agendas, stances = _agendas(draws, person, len(starts_s))
    speech = talk.Speech(
        slang=world.drift.slang * day / YEAR_DAYS,
        asr_errors=world.asr_errors,
        small_talk=min(0.7, 0.06 / draws.between(0.05, 1.0)),
    )
    calls = tuple(
        _hold(draws, journal, start_s, number, talk.hold_call(draws, agenda, speech))
        for number, (start_s, agenda) in enumerate(zip(starts_s, agendas, strict=True), 1)
    )
    _click(draws, journal, person, age_s)
    _follow_up(draws, journal, person, age_s)
    stage = _climb(draws, journal, person, age_s, starts_s[0])
    return Before(calls, stances, stage)


def _register(draws: Draws, journal: Journal, person: Person, age_s: float) -> None:
    """What the CRM knows of the person, in two patches: at first contact, and later."""
    reported: dict[str, str | bool | None] = {}
    for name, value in person.profile.items():
        fate = draws.uniform()
        if fate < MISSING_FIELD_SHARE:
            continue
        reported[name] = "other" if fate < MISSING_FIELD_SHARE + GARBLED_FIELD_SHARE else value
    reported["trade_in"] = person.trade_in
    reported["financing"] = person.financing
    reported["test_drive_requested"] = draws.chance(1.0 / (1.0 + exp(1.5 - 0.7 * person.intent)))
    late = ("budget_band", "purchase_window", "financing")
    region = person.profile["region"]
    journal.upserted(
        -age_s,
        profile={name: value for name, value in reported.items() if name not in late},
        queue=QUEUE_OF.get(region, "centre"),
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


def _agendas(
    draws: Draws, person: Person, n_calls: int
) -> tuple[list[list[talk.Item]], dict[TalkTopic, Stance]]:
    weights = topic_weights(person)
    stances: dict[TalkTopic, Stance] = {}
    agendas: list[list[talk.Item]] = [[] for _ in range(n_calls)]
    for _ in range(draws.weighted(_TOPIC_COUNTS, _TOPIC_SHARES)):
        topic = draws.weighted(tuple(weights), tuple(accumulate(weights.values())))
        del weights[topic]
        stances[topic] = stance = draw_stance(draws, person)
        call = draws.below(n_calls)
        if draws.chance(CHANGED_MIND_SHARE):
            first = draws.pick([other for other in STANCES if other is not stance])
            before = call if draws.chance(0.5) else draws.below(call + 1)
            agendas[before].append(talk.Item(topic, first))
            agendas[call].append(talk.Item(topic, stance, is_change=True))
        else:
            agendas[call].append(talk.Item(topic, stance))
    return agendas, stances


def _hold(
    draws: Draws, journal: Journal, start_s: float, number: int, lines: tuple[talk.SpokenLine, ...]
) -> SimulatedCall:
    """One call: its transcript, the CRM's own record with a note, and days later the codes of the
    quality sample."""
    call_id = f"{journal.lead}-c{number}"
    started_at = journal.at(start_s)
    end_s = lines[-1].end_s if lines else 1.0
    stances = {line.topic: line.stance for line in lines if line.topic and line.stance}
    note = _note(draws, stances)
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
        Channel.CALL,
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


def _note(draws: Draws, stances: Mapping[TalkTopic, Stance]) -> str:
    notes = [draws.pick(PHRASES[topic].notes[stance]) for topic, stance in stances.items()]
    return "; ".join(notes) if notes else "small talk only"


def code_of(topic: TalkTopic, stance: Stance) -> str:
    return f"{topic}.{stance}"


def _codes(draws: Draws, stances: Mapping[TalkTopic, Stance]) -> tuple[str, ...]:
    if draws.chance(MISSING_CODES_SHARE):
        return ()
    return tuple(
        code_of(topic, draws.pick(STANCES) if draws.chance(WRONG_CODE_SHARE * 1.5) else stance)
        for topic, stance in stances.items()
    )


def _click(draws: Draws, journal: Journal, person: Person, age_s: float) -> None:
    """What the customer does alone; how much of it is recent shows their interest."""
    heat = exp(0.6 * person.intent)
    for channel, mean in ((Channel.WEB, 2.0), (Channel.APP, 0.8), (Channel.MESSAGE, 0.7)):
        for _ in range(draws.poisson(mean * heat)):
            ago_s = min(draws.exponential(6.0 * DAY_S), 0.98 * age_s)
            journal.contact(-ago_s, channel, Direction.INBOUND)


def _follow_up(draws: Draws, journal: Journal, person: Person, age_s: float) -> None:
    """What the dealer tries: e-mails, and calls that are not answered; a keen customer answers."""
    for _ in range(draws.poisson(1.2)):
        journal.contact(-draws.uniform() * 0.9 * age_s, Channel.EMAIL, Direction.OUTBOUND)
    for _ in range(draws.poisson(0.7 * exp(-0.4 * person.intent))):
        journal.contact(-draws.uniform() * 0.9 * age_s, Channel.CALL, Direction.OUTBOUND, 0.0)


def _climb(
    draws: Draws, journal: Journal, person: Person, age_s: float, first_call_s: float
) -> Stage:
    """The funnel so far; a step down is not reported."""
    steps: list[tuple[float, Stage]] = [(first_call_s + HOUR_S / 2, Stage.CONTACTED)]
    likely = ((Stage.VISIT, Channel.VISIT, 0.9), (Stage.TEST_DRIVE, Channel.TEST_DRIVE, 1.7))
    for stage, channel, threshold in (*likely, (Stage.QUOTE, Channel.QUOTE, 1.9)):
        if draws.chance(1.0 / (1.0 + exp(threshold - 0.8 * person.intent))):
            at_s = -age_s * draws.between(0.02, 0.7)
            sent = channel is Channel.QUOTE
            journal.contact(at_s, channel, Direction.OUTBOUND if sent else Direction.INBOUND)
            steps.append((at_s + 60.0, stage))
    journal.stage(-age_s, Stage.NEW)
    reached = 0
    for at_s, stage in sorted(steps):
        if _STAGES.index(stage) > reached and at_s < 0.0:
            reached = _STAGES.index(stage)
            journal.stage(at_s, stage)
    return _STAGES[reached]
