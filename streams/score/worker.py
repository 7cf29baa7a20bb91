"""The score role: claims leads that changed or aged, runs the engine, hands results in.

Any number of workers share all shards; none owns a lead for longer than a lease. What happens to a
claimed batch is `streams.score.batch`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from scoring.engines.kept_chunks import KEPT_BYTES
from streams import exit_codes
from streams.artifact_shelf import ArtifactFolders, Shelf
from streams.score.batch import Scoring, no_checkpoint
from streams.score.leases import WorkLeases
from streams.score.live_artifacts import LiveArtifacts, LookConfig
from streams.score.reasons import DEFAULT_SHARE, Reasons, TimeForReasons, TopOfBoards
from streams.store.contract import Claim, Store
from streams.waiting import (
    Patience,
    Pause,
    Stopping,
    end_process,
    stop_on_signals,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ScoreWorkerConfig:
    """What one score worker needs. `worker` is unique among living processes. `artifact_dirs`:
    artifacts, or folders of them. `reason_share`: of the worker's time, for faithful reasons.
    `kept_bytes`: of what it reads, each artifact."""

    open_store: Callable[[], Store]
    worker: str
    n_shards: int
    artifact_dirs: tuple[Path, ...]
    patience_s: float = 60.0
    lease_ms: int = 10_000
    engine_timeout_s: float = 30.0
    reason_share: float = DEFAULT_SHARE
    kept_bytes: int = KEPT_BYTES


def run_score_worker(
    config: ScoreWorkerConfig,
    stop: threading.Event | None = None,
    checkpoint: Callable[[str], None] = no_checkpoint,
    shelf: Shelf | None = None,
) -> None:
    """Runs the score role until SIGTERM or SIGINT (or `stop`), then finishes the lead in hand and
    returns. Raises RoleStopped when it cannot go on; an engine that hangs ends the process. `shelf`
    takes the place of `artifact_dirs`."""
    stop = stop or stop_on_signals()
    patience = Patience(stop, config.patience_s)
    try:
        store = patience.call(config.open_store)
        patience.call(lambda: store.partitions(config.n_shards))
        leases = WorkLeases(
            store,
            config.worker,
            config.lease_ms,
            config.engine_timeout_s,
            hung=lambda sentence: end_process(exit_codes.CRASH, sentence),
        )
        leases.start(stop)
        folders = ArtifactFolders(config.artifact_dirs, config.kept_bytes)
        worker = ScoreWorker(
            config,
            store,
            shelf or Shelf(folders.load, found=folders.digests),
            leases,
            patience,
            checkpoint,
        )
        pause = Pause(stop)
        while not stop.is_set():
            if worker.step():
                pause.reset()
            else:
                pause.wait()
        patience.call(lambda: store.retire(config.worker))
    except Stopping:
        log.info("score_worker_stopped_while_waiting worker=%s", config.worker)


class ScoreWorker:
    """A score worker. One step claims at most an engine's batch and finishes it."""

    def __init__(
        self,
        config: ScoreWorkerConfig,
        store: Store,
        shelf: Shelf,
        leases: WorkLeases,
        patience: Patience,
        checkpoint: Callable[[str], None] = no_checkpoint,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._config = config
        self._store = store
        self._shelf = shelf
        self._leases = leases
        self._patience = patience
        self._next_shard = 0
        looks = LookConfig(config.worker, config.n_shards, config.patience_s)
        self._live = LiveArtifacts(store, shelf, looks, clock)
        self._time = TimeForReasons(config.reason_share, clock)
        self._rests = False
        reasons = Reasons(TopOfBoards(store, patience, clock), self._time, clock)
        self._scoring = Scoring(store, config.worker, leases, patience, reasons, checkpoint, clock)

    def step(self) -> bool:
        """Claims and scores up to one batch; returns whether something was claimed. Raises
        RoleStopped, Stopping."""
        if self._rests:
            self._time.rested()
        claims = self._claim()
        self._rests = not claims
        if self._rests:
            self._time.rest()
        mixed = [claim for claim in claims if claim.attempt == 1]
        batches = [[claim] for claim in claims if claim.attempt > 1]
        batches += [
            [claim for claim in mixed if claim.artifact == artifact]
            for artifact in sorted({claim.artifact for claim in mixed})
        ]
        for batch in batches:
            self._score(batch)
        return bool(claims)

    def _score(self, batch: list[Claim]) -> None:
        scorer = self._shelf.scorer(batch[0].artifact)
        if scorer is not None:
            self._scoring.run(batch, scorer)
            return
        # Promoted since this worker last looked, and not there to be loaded.
        for claim in batch:
            self._scoring.give_back(claim)

    def _claim(self) -> list[Claim]:
        """Claims up to one batch, from as many shards as it takes, beginning where it last
        stopped."""
        limit = self._patience.call(self._live.batch_size)
        claims: list[Claim] = []
        if not self._live.can_claim():
            return claims
        for _ in range(self._config.n_shards):
            if len(claims) >= limit:
                break
            shard = self._next_shard
            self._next_shard = (shard + 1) % self._config.n_shards
            claims += self._claim_from(shard, limit - len(claims))
        self._leases.hold(claims)
        return claims

    def _claim_from(self, shard: int, limit: int) -> list[Claim]:
        worker, lease_ms, serves = self._config.worker, self._config.lease_ms, self._live.serves
        return self._patience.call(
            lambda: self._store.claim(shard, worker, limit, lease_ms, serves)
        )
