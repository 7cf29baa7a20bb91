"""What whole talk costs: bytes in Redis, CRM events on leads of long calls, writing a prompt.

    make bench-talk ARGS="--json"

Real English: the dialogues of persuasion_for_good in the folder that ASLLR_DATA names, strung
together to ten-minute calls. The naive way beside each figure: JSON as it is, talk that is opened
for every event, a prompt that forgets what it chose.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from schemas.events import (
    EventBase,
    InteractionLogged,
    LeadUpserted,
    Role,
    Segment,
    StageChanged,
    TranscriptReady,
)
from schemas.timestamps import to_ms
from scoring.artifact import demo_artifact_path
from scoring.domain.reading import pack
from scoring.engines.loading import load_scorer
from scoring.lead.fold import evolve, fold
from scoring.lead.history import _calls, history_of
from scoring.lead.state import LeadState
from scoring.lead.state_bytes import canonical_line, from_bytes, to_bytes
from scoring.lead.summary import count_summary_tokens, summarise
from scoring.lead.talk import Talk
from scoring.prompt.prompt import PromptSpec, build_prompt
from scoring.prompt.rendering import Rendering
from tests.support.command_line import parser_of, say
from tests.support.machine import this_machine
from training.simulator.emit import simulate_leads

WORDS_A_CALL = 1_500
"""Ten minutes at 150 words a minute."""

WHOLE_BUDGET = 1_024

N_LEADS = 60
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LEAD = {"tenant": "acme", "lead": "l-1"}


def main() -> None:
    parser = parser_of("bench.talk", __doc__)
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    asked = parser.parse_args()
    say("the simulator's leads")
    simulated = [fold(lead.history) for lead in simulate_leads(77, 1_000)]
    say("leads of two ten-minute calls and ten messages")
    talkative = [fold(history) for history in _talkative(_utterances())]
    found = {
        "bytes_in_redis": {
            "simulated": _bytes(simulated),
            "two_calls_ten_messages": _bytes(talkative),
        },
        "crm_event_us": _crm_events(talkative),
        "prompt_ms": _prompts(talkative),
        "machine": this_machine().described(),
    }
    sys.stdout.write(json.dumps(found, indent=None if asked.json else 2) + "\n")


def _utterances() -> Iterator[tuple[Role, str]]:
    folder = os.environ.get("ASLLR_DATA")
    path = Path(folder or "") / "persuasion_for_good" / "full_dialog.csv"
    if not folder or not path.exists():
        sys.exit("set ASLLR_DATA to the folder that holds persuasion_for_good/full_dialog.csv")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield (Role.AGENT if row["B4"] == "0" else Role.CUSTOMER), row["Unit"]


def _talkative(utterances: Iterator[tuple[Role, str]]) -> Iterator[list[EventBase]]:
    for _ in range(N_LEADS):
        history: list[EventBase] = [
            LeadUpserted(
                id="p",
                source="crm",
                occurred_at=START,
                profile={f"field_{n}": f"value {n}" for n in range(15)},
                queue="north",
                **LEAD,
            ),
            StageChanged(id="s", source="crm", occurred_at=START, stage="contacted", **LEAD),
        ]
        history += [_call(n, utterances) for n in range(2)]
        history += [_message(n, utterances) for n in range(10)]
        yield history


def _call(n: int, utterances: Iterator[tuple[Role, str]]) -> TranscriptReady:
    segments: list[Segment] = []
    n_words = 0
    while n_words < WORDS_A_CALL:
        role, text = next(utterances)
        at_s = n_words / 2.5
        n_words += len(text.split())
        segments.append(Segment(role=role, start_s=at_s, end_s=n_words / 2.5, text=text))
    at = START + timedelta(days=n + 1)
    return TranscriptReady(
        id=f"t{n}",
        source="asr",
        occurred_at=at + timedelta(minutes=10),
        call_id=f"c{n}",
        started_at=at,
        language="en",
        segments=tuple(segments),
        **LEAD,
    )


def _message(n: int, utterances: Iterator[tuple[Role, str]]) -> InteractionLogged:
    text = " ".join(text for _, text in islice(utterances, 2))
    at = START + timedelta(days=3, minutes=n)
    return InteractionLogged(
        id=f"m{n}", source="crm", occurred_at=at, channel="message", text=text, **LEAD
    )


def _bytes(states: Sequence[LeadState]) -> dict[str, float]:
    sizes = sorted(len(to_bytes(state)) for state in states)
    whole = median(len(canonical_line(state)) + len(_as_json(state)) for state in states)
    return {
        "median": median(sizes),
        "p99": sizes[int(0.99 * len(sizes))],
        "share_of_plain_json": round(median(sizes) / whole, 2),
    }


def _as_json(state: LeadState) -> bytes:
    return b"" if state.talk is None else json.dumps(_words(state)).encode()


def _words(state: LeadState) -> Any:
    return [state.transcripts, state.writings]


def _crm_events(states: Sequence[LeadState]) -> dict[str, float]:
    """CPU microseconds from stored bytes to the bytes that replace them, one stage change each: of
    a lead without any talk, of these, and of these when talk is opened and packed every time."""
    change = StageChanged(
        id="x", source="crm", occurred_at=START + timedelta(days=9), stage="quote", **LEAD
    )
    stored = [to_bytes(state) for state in states]
    silent = [canonical_line(_without_talk(state)) for state in states]

    def as_it_is(data: bytes) -> bytes:
        return to_bytes(evolve(from_bytes(data), change))

    def opened(data: bytes) -> bytes:
        state = evolve(from_bytes(data), change)
        return canonical_line(state) + (Talk.of(state.talk.pieces).packed if state.talk else b"")

    without, with_talk, naive = _paired(
        [(as_it_is, silent), (as_it_is, stored), (opened, stored)], n_rounds=41
    )
    return {
        "without_talk": round(without, 1),
        "with_talk": round(with_talk, 1),
        "opened_every_time": round(naive, 1),
        "dearer_by": round(with_talk / without - 1, 3),
    }


def _without_talk(state: LeadState) -> LeadState:
    return msgspec.structs.replace(state, talk=None)


def _prompts(states: Sequence[LeadState]) -> dict[str, Any]:
    """CPU milliseconds from stored bytes to a prompt, of the demo artifact and of a renderer that
    reads the whole talk: the first time that a process reads this talk, with one message more, and
    afterwards."""
    demo = load_scorer(demo_artifact_path()).spec
    whole = PromptSpec(Rendering(3, pack("generic")), WHOLE_BUDGET, demo.count_tokens)
    return {
        "talk_kb": round(median(len(_as_json(state)) for state in states) / 1024, 1),
        "demo": _prompts_of(demo, states),
        "whole_talk": _prompts_of(whole, states),
    }


def _prompts_of(spec: PromptSpec, states: Sequence[LeadState]) -> dict[str, float]:
    as_of_ms = to_ms(START + timedelta(days=9))
    stored = [to_bytes(state) for state in states]
    messages = _messages_more(states)

    def prompt(data: bytes) -> str:
        return build_prompt(history_of(from_bytes(data)), as_of_ms, spec)

    first = []
    for data in stored:
        for remembered in (summarise, count_summary_tokens, _calls):
            remembered.cache_clear()
        first.append(_took_s(lambda data=data: prompt(data)))
    longer = [_took_s(lambda data=data: prompt(data)) for data in messages]
    for data in stored:
        prompt(data)
    again = [_took_s(lambda data=data: prompt(data)) for data in stored]
    return {
        "first": round(1000 * median(first), 3),
        "after_a_message": round(1000 * median(longer), 3),
        "again": round(1000 * median(again), 3),
    }


def _messages_more(states: Sequence[LeadState]) -> list[bytes]:
    more = InteractionLogged(
        id="more",
        source="crm",
        occurred_at=START + timedelta(days=4),
        channel="message",
        text="Thank you, I will think about it and tell you on Monday.",
        **LEAD,
    )
    return [to_bytes(evolve(state, more)) for state in states]


def _paired(
    ways: Sequence[tuple[Callable[[bytes], object], Sequence[bytes]]], n_rounds: int
) -> list[float]:
    """Median CPU microseconds an item of each way, the ways in turn within a round."""
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(n_rounds):
        for i, (way, items) in enumerate(ways):
            begun = time.process_time()
            for item in items:
                way(item)
            taken[i].append((time.process_time() - begun) / len(items))
    return [1e6 * median(one) for one in taken]


def _took_s(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
