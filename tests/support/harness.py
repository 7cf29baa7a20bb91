"""Role processes under a test's control: start, kill, stop, keep alive as an orchestrator would.

`tests/support/role_process.py` says what a role is; this file knows only processes.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from confluent_kafka import KafkaError, Message, Producer

from schemas.codec import Record, encode
from schemas.events import EventBase
from streams.exit_codes import UNUSABLE
from streams.kafka.journal import EMBEDDED_TIMESTAMP_MS
from tests.support.brokers import wait_until
from tests.support.leads.records import topic_of
from tests.support.role_process import RoleSpec

STOP_S = 10.0
"""What SIGTERM promises."""


@dataclass(slots=True)
class _Child:
    spec: RoleSpec
    process: subprocess.Popen[bytes]


class Fleet:
    """Owns its processes: leaving the block kills what is left. A process that ends by itself is
    started again by `tend`, as `streams.local.supervisor` would; one that says restarting is no use
    fails the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: dict[str, _Child] = {}
        self._woken: set[str] = set()
        self.ends: Counter[int] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children.values():
            child.process.kill()
            child.process.wait()
        if error is not None:
            for name in self._children:
                print(f"--- {name}\n{self.log(name)[-3000:]}")

    def start(self, spec: RoleSpec) -> None:
        with (self._folder / f"{spec.member}.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.role_process", json.dumps(asdict(spec))],
                stdout=output,
                stderr=output,
                cwd=Path(__file__).resolve().parents[2],
            )
        self._children[spec.member] = _Child(spec, process)

    def tend(self) -> None:
        for child in list(self._children.values()):
            code = child.process.poll()
            if code is None:
                if child.spec.member in self._woken and _is_stopped(child.process.pid):
                    child.process.send_signal(signal.SIGCONT)
                continue
            self.ends[code] += 1
            if code == UNUSABLE:
                pytest.fail(f"{child.spec.member} gave up: {self.log(child.spec.member)[-500:]}")
            self.start(replace(child.spec, die_at=None))

    def kill(self, member: str) -> None:
        """SIGKILL; `tend` starts it again."""
        self._children[member].process.kill()
        self._children[member].process.wait()

    def signal(self, member: str, number: int) -> None:
        """Nothing happens to one that has ended; `tend` starts it again."""
        self._woken.discard(member)
        self._children[member].process.send_signal(number)

    def wake(self, member: str) -> None:
        """From now on `tend` lets it stand still no more: one that stops itself may do so after
        the first SIGCONT was sent."""
        self._woken.add(member)
        self._children[member].process.send_signal(signal.SIGCONT)

    @property
    def members(self) -> list[str]:
        return list(self._children)

    def stop(self, member: str, within_s: float = STOP_S) -> int:
        """SIGTERM; the exit code, or a failure after the promised time. One that was just started
        is waited for: it cannot end in order before it listens to signals."""
        process = self._children[member].process
        wait_until(
            lambda: process.poll() is not None or _catches_sigterm(process.pid),
            f"{member} listens to SIGTERM",
        )
        del self._children[member]
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"{member} did not stop within {within_s:.0f} s of SIGTERM")

    def wait_for_exit(self, member: str, within_s: float = 30.0) -> int:
        return self._children.pop(member).process.wait(within_s)

    def peak_mib(self, member: str) -> float:
        """The most memory that it had at once."""
        status = Path(f"/proc/{self._children[member].process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1_024

    def log(self, member: str) -> str:
        return (self._folder / f"{member}.log").read_text(errors="replace")

    def tend_until(self, condition: Callable[[], bool], what: str, within_s: float) -> None:
        def tended() -> bool:
            self.tend()
            return condition()

        wait_until(tended, what, within_s)


def _catches_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def _is_stopped(pid: int) -> bool:
    # The state follows the command's name, which is in brackets.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Journal:
    """A producer that remembers what the broker acknowledged: the log, for brokers that forget."""

    def __init__(
        self, bootstrap_servers: str, codec: str = "none", transactional_id: str | None = None
    ) -> None:
        self.records: list[Record] = []
        self._producer = Producer(
            {
                "compression.type": codec,
                **({"transactional.id": transactional_id} if transactional_id else {}),
                "bootstrap.servers": bootstrap_servers,
                "partitioner": "murmur2_random",
                "message.max.bytes": 10_000_000,
                "enable.idempotence": True,
                "linger.ms": 2,
                "log_level": 2,
            }
        )
        if transactional_id:
            self._producer.init_transactions(30)

    def transaction(self, events: Iterable[EventBase], *, is_kept: bool) -> None:
        """All of them or none: what was aborted is in the log, but for no reader."""
        before = len(self.records)
        self._producer.begin_transaction()
        self.send(events)
        self.flush()
        if is_kept:
            self._producer.commit_transaction(30)
        else:
            self._producer.abort_transaction(30)
            del self.records[before:]

    def send(self, events: Iterable[EventBase]) -> None:
        for event in events:
            key, value, headers = encode(event)
            self.send_raw(topic_of(event), key, value, headers)

    def send_raw(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes | None]] = (),
        partition: int = -1,
    ) -> None:
        kept = list(headers)
        sent_ms = int(time.time() * 1000)

        def report(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            _, acknowledged_ms = message.timestamp()
            at_ms = sent_ms if acknowledged_ms == EMBEDDED_TIMESTAMP_MS else acknowledged_ms
            place = (message.topic(), message.partition(), message.offset())
            self.records.append(Record(*place, at_ms, key, value, kept))

        while True:
            try:
                self._producer.produce(
                    topic,
                    value,
                    key,
                    partition,
                    on_delivery=report,
                    timestamp=sent_ms,
                    headers=kept,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                break
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0
