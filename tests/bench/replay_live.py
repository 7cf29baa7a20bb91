"""A live run on Apache Kafka with kills, as a recording, and what verify says of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from scoring.domain.reading import pack
from scoring.engines.rule import rule_of
from scoring.prompt.rendering import first_rendering
from streams.recording.erased import erased_leads
from streams.recording.folder import open_recording
from streams.recording.kafka_range import Wanted, open_consumer
from streams.recording.record import record_kafka
from streams.replay.policy import EveryEvent
from streams.replay.replay import ReplayRequest, replay
from streams.replay.verify import verify
from tests.bench.replay_work import replayed
from tests.chaos.run import Deployment, run_chaos
from tests.support.brokers import N_PARTITIONS
from tests.support.engines.engines import rule_scorer_of
from training.baselines.rule_artifact import unfitted_facts, write_rule

AUTO = first_rendering()

ALL_ROWS = 1_000_000
Rows = list[tuple[str, float]]


@dataclass(slots=True)
class Live:
    """`boards`: rows of each queue in Redis at rest. `differences`: the oracle's."""

    recording: Path
    boards: dict[str, Rows] = field(default_factory=dict)
    faults: int = 0
    differences: list[str] = field(default_factory=list)

    def keep(self, world: Deployment) -> None:
        for queue in world.store.queues():
            view = world.store.board(queue, ALL_ROWS)
            self.boards[queue] = [(row.lead, row.probability) for row in view.rows]
        with closing(open_consumer(world.kafka.address)) as consumer:
            record_kafka(consumer, self.recording, Wanted(), N_PARTITIONS)


class NotAtRest(Exception):
    """There is no board to compare with; on a busy machine, try again when it is quiet."""


def live_run(folder: Path, n_faults: int, seed: int, say: Callable[[str], None]) -> Live:
    live = Live(folder / "live")
    found = run_chaos(
        n_faults,
        seed,
        only="SIGKILL",
        at_rest=live.keep,
        say=lambda outcome: say(f"live: {outcome.faults.total()} of {n_faults} kills"),
    )
    if found.not_recovered:
        raise NotAtRest(f"the live run came to no rest: {'; '.join(found.not_recovered)}")
    live.faults, live.differences = found.faults.total(), found.differences
    return live


def proof(live: Live, folder: Path) -> dict[str, object]:
    """Of the live run: verify, the boards of a replay beside those of Redis, and digests."""
    recording = open_recording(live.recording)
    verified = verify(recording, rule_scorer_of, erased_leads(recording))
    boards = {
        queue: [(row.lead, row.probability) for row in view.rows]
        for queue, view in replayed(recording).boards.views(ALL_ROWS)
    }
    queues = sorted({*boards, *live.boards})
    digests = {f"{n} processes, run {i}": _digest(live, folder, n) for n in (1, 2) for i in (1, 2)}
    return {
        "kills": live.faults,
        "oracle_differences": len(live.differences),
        "events": verified.n_events,
        "scores": verified.n_scores,
        "verify_differences": len(verified.differences),
        "boards": len(queues),
        "boards_differing": sum(boards.get(q, []) != live.boards.get(q, []) for q in queues),
        "digests_equal": len(set(digests.values())) == 1,
        "digest": next(iter(digests.values())),
    }


def _digest(live: Live, folder: Path, n_processes: int) -> str:
    artifact = folder / "rule"
    if not artifact.exists():
        write_rule(artifact, rule_of(pack("auto")), unfitted_facts("rule", AUTO))
    asked = ReplayRequest(EveryEvent(), artifact, n_processes=n_processes)
    return replay(live.recording, asked).digest
