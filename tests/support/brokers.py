"""Real servers for tests: the embedded broker, Apache Kafka 4, redis-server.

`embedded` and `redis_url` are fresh for each test; `kafka` is one server per session whose topics
are made anew for each test. `broker` is both brokers in turn.
"""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import socket
import string
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.topics import TOPICS
from streams.kafka.embedded_broker import embedded_broker
from streams.kafka.topic_admin import create_topics
from streams.store.embedded_redis import EmbeddedRedis

N_PARTITIONS = 4
KAFKA_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kafka"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
START_S = 60.0
SAID_CHARS = 1_500
"""How much of a failed program's output tells why."""


class ServerNotStarted(Exception):
    """The message says which server and why: a program is missing, or what it said last."""


def wait_until(condition: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Polls; a condition that never comes true is a failure that says what was waited for."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() >= deadline:
            pytest.fail(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.02)


_HANDED_OUT: set[int] = set()


def free_port() -> int:
    """Never one twice: whoever asks for a second port may not have bound the first one yet."""
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
        if port not in _HANDED_OUT:
            _HANDED_OUT.add(port)
            return port


@pytest.fixture
def embedded() -> Iterator[str]:
    """The address of an embedded broker with all topics."""
    with embedded_broker(n_partitions=N_PARTITIONS) as address:
        yield address


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> str:
    """The address of a broker with all topics, empty."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def kafka(kafka_server: str) -> str:
    """The address of Apache Kafka with all topics, empty."""
    admin = AdminClient({"bootstrap.servers": kafka_server, "log_level": 2})
    ours = {topic.name for topic in TOPICS}
    existing = ours & admin.list_topics(timeout=10).topics.keys()
    if existing:
        for future in admin.delete_topics(list(existing)).values():
            # Metadata lags: a topic may be gone already that was listed just now.
            with suppress(KafkaException):
                future.result(10)
        wait_until(
            lambda: not ours & admin.list_topics(timeout=10).topics.keys(), "old topics deleted"
        )
    make_topics(kafka_server)
    return kafka_server


def make_topics(address: str) -> None:
    admin = AdminClient({"bootstrap.servers": address, "log_level": 2})
    create_topics(admin, N_PARTITIONS)
    ours = {topic.name for topic in TOPICS}
    wait_until(lambda: ours <= admin.list_topics(timeout=10).topics.keys(), "topics created")


def make_again(address: str, topic: str) -> None:
    """Deletes a topic of Apache Kafka and makes it again: another topic of the same name."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 2})
    for future in admin.delete_topics([topic]).values():
        future.result(10)
    wait_until(lambda: topic not in admin.list_topics(timeout=10).topics, "topic deleted")
    make_topics(address)


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require_kafka()
    folder = tmp_path_factory.mktemp("kafka")
    address, process = start_kafka(folder)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(20)


def check_kafka() -> None:
    """For commands. Raises ServerNotStarted where Kafka cannot run."""
    packages = {"java": "openjdk-17-jre-headless", "mvn": "maven"}
    missing = [program for program in packages if not shutil.which(program)]
    if missing:
        install = " ".join(packages[program] for program in missing)
        raise ServerNotStarted(
            f"Apache Kafka cannot run here: no {' and no '.join(missing)}; "
            f"install (Debian names): apt-get install {install}"
        )


def require_kafka() -> None:
    """Skips the test where Kafka cannot run; CI turns that into a failure."""
    try:
        check_kafka()
    except ServerNotStarted as error:
        if os.environ.get("ASLLR_REQUIRE_KAFKA") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


def start_kafka(
    folder: Path,
    port: int | None = None,
    before_exec: Callable[[], None] | None = None,
    extra_properties: Mapping[str, str] | None = None,
) -> tuple[str, subprocess.Popen[bytes]]:
    """A node that keeps its data in `folder`: start it there again after a kill, on its port.
    `extra_properties` take the place of those in deploy/kafka. Raises ServerNotStarted."""
    port = port or free_port()
    properties = folder / "server.properties"
    if not properties.exists():
        _format(folder, port, properties, extra_properties or {})
    with (folder / "kafka.log").open("ab") as output:
        process = subprocess.Popen(
            [*_java(), "kafka.Kafka", str(properties)],
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C in the terminal is for the test alone
            preexec_fn=before_exec,
        )
    address = f"127.0.0.1:{port}"
    try:
        _wait_for_answer(address, process)
    except pytest.fail.Exception as error:
        process.kill()
        process.wait()
        said = (folder / "kafka.log").read_text(errors="replace")[-SAID_CHARS:]
        raise ServerNotStarted(f"Apache Kafka did not start, {error}: {said}") from error
    return address, process


def _format(folder: Path, port: int, properties: Path, extra: Mapping[str, str]) -> None:
    template = string.Template((KAFKA_FOLDER / "server.properties").read_text())
    values = {"port": port, "controller_port": free_port(), "folder": folder / "data"}
    # Of two lines with one name the later one counts.
    lines = [f"{name}={value}\n" for name, value in extra.items()]
    properties.write_text(template.substitute(values) + "".join(lines))
    storage_tool = [*_java(), "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]
    _run([*storage_tool, str(properties)], "Apache Kafka's storage could not be made")


def _wait_for_answer(address: str, process: subprocess.Popen[bytes]) -> None:
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})

    def answers() -> bool:
        if (code := process.poll()) is not None:
            pytest.fail(f"it ended with exit code {code}")
        try:
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    wait_until(answers, "Kafka answers", START_S)


def _run(command: list[str], failed: str) -> None:
    # Caught, not shown: what a command prints for machines stands alone.
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-SAID_CHARS:]
        raise ServerNotStarted(f"{failed}: {command[0]} ended with {done.returncode}: {said}")


@functools.cache
def _java() -> tuple[str, ...]:
    jars = KAFKA_FOLDER / "target" / "dependency"
    jars.parent.mkdir(exist_ok=True)
    # Another process of the same test run may be downloading: the folder is there before its files.
    with (jars.parent / "download.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            command = ["mvn", "-q", "-B", "-f", str(KAFKA_FOLDER / "pom.xml")]
            _run([*command, "dependency:copy-dependencies"], "Apache Kafka could not be downloaded")
    return (
        "java",
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Dlog4j2.configurationFile={KAFKA_FOLDER / 'log4j2.properties'}",
        "-cp",
        f"{jars}/*",
    )


@pytest.fixture
def redis_url() -> Iterator[str]:
    """An empty redis-server of its own."""
    with EmbeddedRedis() as server:
        yield server.url
