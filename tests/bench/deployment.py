"""A deployment to measure: one process per role, on servers of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import BinaryIO

from redis import Redis

from schemas.outputs import Promotion
from scoring.artifact import digest
from streams.publish.promotions import publish_promotion
from streams.store.embedded_redis import EmbeddedRedis
from streams.store.redis_store import RedisStore
from tests.support.brokers import N_PARTITIONS, make_topics, start_kafka
from tests.support.role_process import RoleSpec

ROOT = Path(__file__).parent.parent.parent
ROLES = ("ingest", "score", "publish")
STOP_S = 15


@dataclass(frozen=True, slots=True)
class Measured:
    """`pids` by role."""

    address: str
    store: RedisStore
    redis: Redis
    pids: dict[str, int]

    def rss_mb(self) -> dict[str, int]:
        return {role: _rss_mb(pid) for role, pid in self.pids.items()}


@contextmanager
def deployment(artifact: Path | None) -> Iterator[Measured]:
    """With an artifact as roles serve it, or (None) with an engine that costs nothing."""
    with tempfile.TemporaryDirectory(prefix="asllr-bench-") as temporary:
        folder = Path(temporary)
        address, kafka = start_kafka(folder)
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            make_topics(address)
            served = digest(artifact) if artifact else "rule-1"
            now = datetime.now(UTC)
            publish_promotion(address, Promotion(tenant="*", artifact=served, promoted_at=now))
            with EmbeddedRedis() as server, server.client() as client:
                for role in ROLES:
                    log = (folder / f"{role}.log").open("wb")
                    processes[role] = _start(role, address, server.url, artifact, log)
                pids = {role: process.pid for role, process in processes.items()}
                yield Measured(address, RedisStore(client), client, pids)
                for process in processes.values():
                    process.send_signal(signal.SIGTERM)
                for process in processes.values():
                    process.wait(STOP_S)
        finally:
            for process in (*processes.values(), kafka):
                process.kill()
                process.wait()


def _start(
    role: str, address: str, redis_url: str, artifact: Path | None, log: BinaryIO
) -> subprocess.Popen[bytes]:
    if artifact:
        command = [sys.executable, "-m", "asllr", role]
    else:
        spec = RoleSpec(role, f"{role}-0", address, redis_url, N_PARTITIONS)
        command = [sys.executable, "-m", "tests.support.role_process", dumps(asdict(spec))]
    env = os.environ | {
        "ASLLR_BROKER": address,
        "ASLLR_REDIS": redis_url,
        "ASLLR_PARTITIONS": str(N_PARTITIONS),
        "ASLLR_ARTIFACTS": str(artifact.resolve().parent) if artifact else "",
    }
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)


def _rss_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024
