"""One role as a process of its own, for tests that kill it: `python -m tests.support.role_process
'{...}'`.

The argument is a `RoleSpec` as JSON. A role is a function of it; new ones are added to ROLES. Each
imports what it needs when it runs: seven processes that load everything take a minute to start on
a busy machine.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from redis import Redis

from streams.store.contract import StoredLead
from streams.store.redis_store import RedisStore
from streams.waiting import RoleStopped

if TYPE_CHECKING:
    from scoring.score import Scorer


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """`die_at` "folded:3": SIGKILL itself the third time that checkpoint is reached; `hang_at`:
    stay there for ever; `freeze_at`: SIGSTOP itself there when reached soon after a SIGUSR1, dawdle
    there whenever it is reached soon after a SIGUSR2. `artifacts`: a folder of them for the score
    role; empty: the tests' rule engine under any digest. `lethal`: a lead of which ingest dies when
    it reads it."""

    role: str
    member: str
    bootstrap_servers: str
    redis_url: str
    n_partitions: int
    group: str = "asllr-ingest"
    session_timeout_s: float = 3.0
    patience_s: float = 10.0
    freeze_s: float = 30.0
    die_at: str | None = None
    hang_at: str | None = None
    freeze_at: str | None = None
    engine_timeout_s: float = 30.0
    sweep_every_s: float = 60.0
    state_every_s: float = 3_600.0
    artifacts: str = ""
    lethal: str = ""
    batch_mib: int = 32


class LethalStore(RedisStore):
    """Stands for a record that takes all memory: whoever reads its lead is killed."""

    def __init__(self, client: Redis, lethal: str) -> None:
        super().__init__(client)
        self._lethal = lethal

    def read(self, shard: int, leads: Sequence[str]) -> list[StoredLead]:
        if self._lethal in leads:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(shard, leads)


def ingest(spec: RoleSpec) -> None:
    from streams.ingest.worker import IngestConfig, run_ingest

    run_ingest(
        IngestConfig(
            bootstrap_servers=spec.bootstrap_servers,
            member=spec.member,
            n_partitions=spec.n_partitions,
            open_store=lambda: LethalStore(Redis.from_url(spec.redis_url), spec.lethal),
            group=spec.group,
            patience_s=spec.patience_s,
            session_timeout_s=spec.session_timeout_s,
            freeze_s=spec.freeze_s,
            batch_bytes=spec.batch_mib << 20,
        ),
        checkpoint=checkpoint_of(spec),
    )


def score(spec: RoleSpec) -> None:
    from streams.artifact_shelf import Shelf
    from streams.score.worker import ScoreWorkerConfig, run_score_worker
    from tests.support.engines.engines import rule_scorer_of
    from tests.support.engines.moody_engine import Moods, MoodyEngine

    moods = Moods()
    moods.listen()

    def moody(digest: str) -> Scorer:
        scorer = rule_scorer_of(digest)
        return replace(scorer, engine=MoodyEngine(scorer.engine, moods))

    run_score_worker(
        ScoreWorkerConfig(
            open_store=lambda: RedisStore(Redis.from_url(spec.redis_url)),
            worker=spec.member,
            n_shards=spec.n_partitions,
            artifact_dirs=(Path(spec.artifacts),) if spec.artifacts else (),
            patience_s=spec.patience_s,
            lease_ms=2_000,
            engine_timeout_s=spec.engine_timeout_s,
        ),
        checkpoint=checkpoint_of(spec),
        shelf=None if spec.artifacts else Shelf(moody),
    )


def publish(spec: RoleSpec) -> None:
    from streams.publish.publisher import PublisherConfig, run_publisher

    run_publisher(
        PublisherConfig(
            bootstrap_servers=spec.bootstrap_servers,
            open_store=lambda: RedisStore(Redis.from_url(spec.redis_url)),
            owner=spec.member,
            n_shards=spec.n_partitions,
            patience_s=spec.patience_s,
            lease_ms=2_000,
            sweep_every_s=spec.sweep_every_s,
            state_every_s=spec.state_every_s,
        ),
        checkpoint=checkpoint_of(spec),
    )


FREEZES_WITHIN_S = 0.5

DAWDLES_WITHIN_S = 2.0
DAWDLE_S = 0.25
"""One thread sleeps, the process goes on: what one topic read, the other changes meanwhile."""

ROLES: dict[str, Callable[[RoleSpec], None]] = {
    "ingest": ingest,
    "score": score,
    "publish": publish,
}


def checkpoint_of(spec: RoleSpec) -> Callable[[str], None]:
    reached: Counter[str] = Counter()
    freezes_until_s = [0.0]
    dawdles_until_s = [0.0]
    if spec.freeze_at:
        # Not for ever: what asked for it goes on whether the place was reached or not.
        signal.signal(
            signal.SIGUSR1,
            lambda *_: freezes_until_s.__setitem__(0, monotonic() + FREEZES_WITHIN_S),
        )
        signal.signal(
            signal.SIGUSR2,
            lambda *_: dawdles_until_s.__setitem__(0, monotonic() + DAWDLES_WITHIN_S),
        )

    def checkpoint(at: str) -> None:
        reached[at] += 1
        here = f"{at}:{reached[at]}"
        if at == spec.freeze_at and monotonic() < freezes_until_s[0]:
            freezes_until_s[0] = 0.0
            os.kill(os.getpid(), signal.SIGSTOP)
        if at == spec.freeze_at and monotonic() < dawdles_until_s[0]:
            sleep(DAWDLE_S)
        if here == spec.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if here == spec.hang_at:
            threading.Event().wait()

    return checkpoint


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    spec = RoleSpec(**json.loads(sys.argv[1]))
    try:
        ROLES[spec.role](spec)
    except RoleStopped as error:
        logging.critical("%s", error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
