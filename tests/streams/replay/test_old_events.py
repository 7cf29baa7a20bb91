"""Events of every wire format ever published are replayed as they were meant."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from schemas.codec import Record
from schemas.events import EVENT_TYPES, LeadErased
from schemas.partitioner import partition_for
from schemas.record_check import decode
from scoring.lead.fold import evolve, initial_state
from scoring.lead.state_bytes import to_bytes
from streams.replay.lead_table import MemoryTable
from streams.replay.policy import Never
from streams.replay.replay import ReplayRequest, replay
from streams.replay.run import Replay, Spec
from tests.streams.replay.logs import N_PARTITIONS, recorded

FIXTURES = sorted((Path(__file__).parents[2] / "schemas" / "fixtures").glob("v*/*.json"))


def old_records() -> list[Record]:
    ends: dict[tuple[str, int], int] = defaultdict(int)
    found = []
    for path in FIXTURES:
        if path.name.split(".")[0] not in EVENT_TYPES:
            continue
        fixture = json.loads(path.read_text())
        key, topic = fixture["key"].encode(), fixture["topic"]
        place = topic, partition_for(key, N_PARTITIONS)
        headers = tuple((name, text.encode()) for name, text in fixture["headers"].items())
        value = json.dumps(fixture["value"]).encode()
        found.append(Record(*place, ends[place], 1_800_000_000_000, key, value, headers))
        ends[place] += 1
    return found


def test_no_old_event_is_a_dead_letter(tmp_path: Path) -> None:
    recorded(tmp_path / "old", old_records())
    manifest = replay(tmp_path / "old", ReplayRequest(Never(), None))
    assert manifest.n_dead_letters == 0
    assert manifest.n_events + manifest.n_erased_records == len(old_records()) > len(EVENT_TYPES)


def test_states_of_old_events_are_their_fold(tmp_path: Path) -> None:
    records = old_records()
    events = [decode(record, n_partitions=N_PARTITIONS) for record in records]
    kept = [event for event in events if not isinstance(event, LeadErased)]
    wanted = defaultdict(initial_state)
    for event in kept:
        wanted[str(event.key)] = evolve(wanted[str(event.key)], event)
    recorded(
        tmp_path / "old",
        [one for one, event in zip(records, events, strict=True) if event in kept],
    )
    table = MemoryTable()
    spec = Spec(tmp_path / "old", "never", None, (), None, 1_800_000_000_000, frozenset())
    outcomes = Replay(spec, range(N_PARTITIONS), table=lambda number: table).outcomes()
    assert not any(outcome.score for outcome in outcomes)
    found = {name: to_bytes(lead.state) for name, lead in table.items()}
    assert found == {name: to_bytes(state) for name, state in wanted.items()}
