"""Prompts to measure engines with: of one length, and as the stream asks for them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from schemas.timestamps import to_ms
from scoring.domain.reading import pack
from scoring.engines.reading import PromptReader
from scoring.lead.fold import evolve, initial_state
from scoring.lead.history import history_of
from scoring.prompt.edges import next_edge
from scoring.prompt.prompt import MARKER, OPENING, PromptSpec, build_prompt
from scoring.prompt.rendering import language_model_rendering
from training.simulator.emit import SimulatedLead, simulate_leads

HEAD = f"{OPENING}Read what was said with a person and answer.\n# calls\n"
TAIL = f"# end\nWill this customer say yes?{MARKER}"
MAX_CLOCK_EDGES = 2
"""Between two events of a lead: a sales day asks for the next one or two."""


def of_length(reader: PromptReader, n_tokens: int, n: int) -> list[str]:
    """`n` prompts of about `n_tokens`, full of talk: the newest that fits of each dialogue."""
    fixed = len(reader.tokenizer.encode(HEAD + TAIL, add_special_tokens=False).ids)
    found: list[str] = []
    lines: list[str] = []
    room = n_tokens - fixed
    for line in cycle(_lines()):
        cost = len(reader.tokenizer.encode(line, add_special_tokens=False).ids)
        if cost > room:
            found.append(HEAD + "".join(lines) + TAIL)
            lines, room = [], n_tokens - fixed
            if len(found) == n:
                break
        if cost <= room:
            lines.append(line)
            room -= cost
    return found


def _lines() -> Iterator[str]:
    """What was said, as a prompt has it: real dialogues where ASLLR_DATA names their folder, else
    the simulator's."""
    path = Path(os.environ.get("ASLLR_DATA", "")) / "persuasion_for_good" / "full_dialog.csv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                speaker = "agent" if row["B4"] == "0" else "customer"
                yield f"{speaker}: {' '.join(row['Unit'].split())}\n"
        return
    for lead in simulate_leads(77, 400):
        for call in lead.events:
            for segment in getattr(call, "segments", ()):
                yield f"{segment.role.value}: {segment.text}\n"


@dataclass(frozen=True, slots=True)
class StreamMix:
    """What a stream asks for, in order of time, and how many of each kind are in it."""

    prompts: tuple[str, ...]
    n_first: int
    n_grown: int
    n_clock: int
    n_unchanged: int


def stream_mix(reader: PromptReader, n_leads: int, seed: int = 77) -> StreamMix:
    """The prompts of `n_leads` simulated leads at each of their events and the clock's edges
    between, and of all of them at once at the end: a burst."""

    def count_tokens(text: str) -> int:
        return len(reader.tokenizer.encode(text, add_special_tokens=False).ids)

    spec = PromptSpec(language_model_rendering(pack("auto")), reader.max_tokens, count_tokens)
    asked: list[tuple[int, str, str]] = []
    kinds = {"first": 0, "grown": 0, "clock": 0, "unchanged": 0}
    for lead in simulate_leads(seed, n_leads):
        previous = ""
        for at_ms, kind, prompt in _moments(lead, spec):
            kinds["unchanged" if prompt == previous else kind if previous else "first"] += 1
            asked.append((at_ms, lead.lead, prompt))
            previous = prompt
        asked.append((2**62, lead.lead, previous))
        kinds["unchanged"] += 1
    prompts = tuple(prompt for _, _, prompt in sorted(asked))
    return StreamMix(prompts, **{f"n_{kind}": n for kind, n in kinds.items()})


def _moments(lead: SimulatedLead, spec: PromptSpec) -> Iterator[tuple[int, str, str]]:
    history: Sequence[object] = lead.history
    state = initial_state()
    for i, event in enumerate(lead.history):
        state = evolve(state, event)
        at_ms = to_ms(event.occurred_at)
        following = lead.history[i + 1].occurred_at if i + 1 < len(history) else lead.as_of
        known = history_of(state)
        yield at_ms, "grown", build_prompt(known, at_ms, spec)
        for _ in range(MAX_CLOCK_EDGES):
            edge = next_edge(known, at_ms, spec.rendering)
            if edge is None or edge >= to_ms(following):
                break
            at_ms = edge
            yield at_ms, "clock", build_prompt(known, at_ms, spec)
