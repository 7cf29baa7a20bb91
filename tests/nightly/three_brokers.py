"""Three brokers, every topic on all of them, one killed while events flow: nothing is lost.

Too large for every run of the tests: three brokers take 1 GB.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from schemas.topics import TOPICS
from streams.kafka.topic_admin import create_topics
from streams.oracle.oracle import differences
from tests.support.brokers import N_PARTITIONS, free_port, require_kafka, start_kafka, wait_until
from tests.support.engines.engines import rule_scorer_of
from tests.support.leads.event_stream import events
from tests.support.live import live_deployment

N_BROKERS = 3
START_S = 180


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[list[str], list[subprocess.Popen[bytes]]]]:
    """Addresses and processes; both lists in the same order."""
    require_kafka()
    ports = [(free_port(), free_port()) for _ in range(N_BROKERS)]
    voters = ",".join(f"{i}@127.0.0.1:{port}" for i, (_, port) in enumerate(ports, start=1))

    def start(number: int) -> tuple[str, subprocess.Popen[bytes]]:
        port, controller_port = ports[number - 1]
        folder = tmp_path / f"broker-{number}"
        folder.mkdir()
        return start_kafka(
            folder,
            port,
            extra_properties={
                "node.id": str(number),
                "controller.quorum.voters": voters,
                "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
                "offsets.topic.replication.factor": "3",
                "transaction.state.log.replication.factor": "3",
                "min.insync.replicas": "2",
                "broker.session.timeout.ms": "3000",
            },
        )

    with ExitStack() as stack:
        with ThreadPoolExecutor(N_BROKERS) as pool:  # none answers before two are there
            started = list(pool.map(start, range(1, N_BROKERS + 1)))
        for _, process in started:
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield [address for address, _ in started], [process for _, process in started]


@pytest.mark.parametrize("killed", range(N_BROKERS))
@pytest.mark.timeout(600)
def test_a_broker_of_three_is_killed_and_nothing_is_lost(
    cluster: tuple[list[str], list[subprocess.Popen[bytes]]],
    redis_url: str,
    tmp_path: Path,
    killed: int,
) -> None:
    addresses, processes = cluster
    admin = AdminClient({"bootstrap.servers": ",".join(addresses), "log_level": 2})
    wait_until(lambda: len(admin.list_topics(timeout=5).brokers) == N_BROKERS, "all", START_S)
    create_topics(admin, N_PARTITIONS, replication=N_BROKERS)
    replicas = {
        len(partition.replicas)
        for name, topic in admin.list_topics(timeout=5).topics.items()
        if name in {ours.name for ours in TOPICS}
        for partition in topic.partitions.values()
    }
    assert replicas == {N_BROKERS}
    flow = list(events(11, 1_200))
    with live_deployment(",".join(addresses), redis_url, tmp_path) as live:
        live.send(flow[:400])
        live.journal.send(flow[400:800])
        processes[killed].kill()
        processes[killed].wait()
        live.send(flow[800:])
        assert live.stop() == [0, 0, 0]
        assert len(live.journal.records) == len(flow)
        assert differences(live.evidence, live.store, N_PARTITIONS, rule_scorer_of) == []
