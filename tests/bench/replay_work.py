"""One way to read a recording, measured in a process of its own:

python -m tests.bench.replay_work fold|ours|naive FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.record_check import BadRecord, decode
from schemas.timestamps import from_ms, to_ms
from scoring.engine import Unscorable
from scoring.lead.fold import evolve, initial_state, listing
from scoring.lead.history import history_of
from scoring.lead.state import LeadState
from scoring.score import NO_TIME, build_score, prepare
from streams.recording.erased import erased_leads
from streams.recording.folder import RecordingFolder, open_recording
from streams.replay.draft import subject_of
from streams.replay.policy import EveryEvent, Never, Recorded
from streams.replay.published import published_scores
from streams.replay.replay import ReplayRequest, end_of, replay
from streams.replay.result import Written, write_outcomes
from streams.replay.run import Replay, Spec
from tests.support.engines.engines import rule_scorer

Offset = tuple[str, int, int]


def fold(recording: RecordingFolder) -> dict[str, Any]:
    manifest = replay(recording.path, ReplayRequest(Never(), None))
    return {"events": manifest.n_events, "leads": manifest.n_leads}


def replayed(recording: RecordingFolder) -> Written:
    """The published scores and the boards, again, by the engine of the tests."""
    end_ms = end_of(recording, None)
    erased = erased_leads(recording)
    spec = Spec(recording.path, str(Recorded()), None, (), None, end_ms, erased)
    scorer = rule_scorer()
    partitions = range(recording.manifest.n_partitions)
    here = Replay(spec, partitions, scorer=scorer)
    return write_outcomes(here.outcomes())


def ours(recording: RecordingFolder) -> dict[str, Any]:
    """Every event scored, as the naive way does, and nothing ranked."""
    end_ms = end_of(recording, None)
    spec = Spec(recording.path, str(EveryEvent()), None, (), None, end_ms, erased_leads(recording))
    scorer = rule_scorer()
    here = Replay(spec, range(recording.manifest.n_partitions), scorer=scorer)
    return {"scores": sum(outcome.score is not None for outcome in here.outcomes())}


def naive(recording: RecordingFolder) -> dict[str, Any]:
    """What one writes first: consume topic after topic, keep a dict, score at every event with its
    own time. It decodes, folds and scores as we do, the same leads; the order and the moments are
    its own. It leaves out what `LEFT_OUT` says."""
    scorer = rule_scorer()
    erased = erased_leads(recording)
    leads: dict[str, LeadState] = {}
    said: dict[Offset, float] = {}
    for one in recording.input_ranges():
        for record in recording.records(one.topic, one.partition):
            try:
                event = decode(record, n_partitions=recording.manifest.n_partitions)
            except BadRecord:
                continue
            name, as_of_ms = str(event.key), to_ms(event.occurred_at)
            before = leads.get(name, initial_state())
            state = leads[name] = evolve(before, event)
            if name in erased or state == before or listing(state).queue is None:
                continue
            try:
                history = history_of(state)
                read = prepare(history, as_of_ms, scorer.spec)
                logit = scorer.engine.logits([read])[0]
            except Unscorable:
                continue
            subject = subject_of(name, history, {record.topic: record.offset}, 0, as_of_ms)
            score = build_score(subject, logit, scorer, from_ms(record.timestamp_ms), NO_TIME)
            score.model_dump_json().encode()
            said[record.topic, record.partition, record.offset] = score.probability
    return {"scores": len(said), "said": [[*place, value] for place, value in said.items()]}


LEFT_OUT = "merging the topics by time, time edges, boards"
"""By the naive way; ours makes a score at each edge too, so the two are compared by the score."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Published scores, of which the naive way said another probability at the newest record they
    include, or nothing."""

    published: int = 0
    differing: int = 0
    missing: int = 0


def compared(recording: RecordingFolder, said: list[list[Any]]) -> Compared:
    naively = {(topic, partition, offset): value for topic, partition, offset, value in said}
    times = {
        (record.topic, record.partition, record.offset): record.timestamp_ms
        for one in recording.input_ranges()
        for record in recording.records(one.topic, one.partition)
    }
    n_differing, n_missing, n_scores = 0, 0, 0
    erased = erased_leads(recording)
    for partition in range(recording.manifest.n_partitions):
        found = published_scores(recording, partition, erased)
        for point in found.points:
            score = point.score()
            places = [(topic, partition, offset) for topic, offset in score.cursor.items()]
            newest = max(places, key=lambda place: times[place])
            found_naively = naively.get(newest)
            n_missing += found_naively is None
            n_differing += found_naively not in (None, score.probability)
            n_scores += 1
    return Compared(n_scores, n_differing, n_missing)


WAYS: dict[str, Callable[[RecordingFolder], dict[str, Any]]] = {
    "fold": fold,
    "ours": ours,
    "naive": naive,
}


def main(way: str, folder: Path) -> None:
    recording = open_recording(folder)
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    found = WAYS[way](recording)
    measured = {
        "wall_s": time.perf_counter() - start_s,
        "cpu_s": time.process_time() - start_cpu_s,
        "peak_mb": peak_mb(),
    }
    sys.stdout.write(json.dumps(found | measured) + "\n")


def peak_mb() -> int:
    """Of this process image; `getrusage` would count what its parent had before the exec."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
