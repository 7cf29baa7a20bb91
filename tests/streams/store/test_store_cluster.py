"""The Redis store on a real cluster of three masters: every call stays on one node."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from streams.operate.doctor import check_redis
from streams.operate.doctor_check import DoctorVerdict
from streams.store import redis_scripts
from streams.store.board import Placement
from streams.store.contract import CompletionStatus, SnapshotChunk, SnapshotStatus
from streams.store.embedded_redis import free_port, redis_server_binary
from streams.store.redis_check import require_usable
from streams.store.redis_health import (
    memory_of_nodes,
    parked_leads,
    refused_write,
    shard_health,
)
from streams.store.redis_scripts import Argument, Client, RedisScripts
from streams.store.redis_store import RedisStore
from tests.streams.store.store_steps import HOUR_MS, SHARD, A, batch, result, wrote

pytestmark = [pytest.mark.service, pytest.mark.slow]
START_S = 30.0
N_NODES = 3


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.RedisCluster]:
    ports = [free_port() for _ in range(N_NODES)]
    nodes = [start_node(port, tmp_path_factory.mktemp(f"node{port}")) for port in ports]
    try:
        join(ports)
        with redis.RedisCluster(host="127.0.0.1", port=ports[0]) as client:
            yield client
    finally:
        for node in nodes:
            node.kill()
            node.wait()


def start_node(port: int, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    options = ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    # The bus port defaults to port + 10000, which may be over 65535.
    bus = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    return subprocess.Popen(
        [_binary(), "--port", str(port), *options, *bus, *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _binary() -> str:
    """`cluster-port` is Redis 7's, so Debian's server; without one the tests are skipped."""
    found = shutil.which("redis-server")
    if found is None or Path(found) == redis_server_binary():
        pytest.skip("needs Debian's redis-server (7.0)")
    return found


def join(ports: list[int]) -> None:
    deadline = time.monotonic() + START_S
    clients = [redis.Redis(port=port) for port in ports]
    try:
        _wait(lambda: all(client.ping() for client in clients), deadline)
        for index, client in enumerate(clients):
            slots = range(16384 * index // len(ports), 16384 * (index + 1) // len(ports))
            client.execute_command("CLUSTER ADDSLOTS", *slots)
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", index + 1)
        for port, bus in addresses(clients[1:]):
            clients[0].execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
        _wait(
            lambda: (
                all(c.cluster("INFO")["cluster_state"] == "ok" for c in clients)
                and all(len(c.cluster("NODES")) == len(ports) for c in clients)
            ),
            deadline,
        )
    finally:
        for client in clients:
            client.close()


def addresses(clients: list[redis.Redis]) -> list[tuple[int, int]]:
    found = []
    for client in clients:
        port, bus = (client.config_get(name)[name] for name in ("port", "cluster-port"))
        found.append((int(port), int(bus)))
    return found


def _wait(condition: object, deadline: float) -> None:
    assert callable(condition)
    while True:
        try:
            if condition():
                return
        except (redis.ConnectionError, redis.ResponseError):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.02)


LOOKING = ("backlog", "parked")
"""Scripts of `streams.store.redis_health`, which a test below runs."""


class NotedScripts(RedisScripts):
    """Remembers which scripts ran."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.ran: set[str] = set()

    def run(self, name: str, tag: str, *arguments: Argument) -> Any:
        self.ran.add(name)
        return super().run(name, tag, *arguments)


def test_each_step_works_on_a_cluster(cluster: redis.RedisCluster) -> None:
    require_usable(cluster, 16)
    store = RedisStore(cluster)
    store._scripts = scripts = NotedScripts(cluster)
    assert store.partitions(16) == 16
    assert store.adopt("asr.transcripts", SHARD, 3)
    store.commit(batch(store, wrote(store, A)))
    store.promote(SHARD, "*", 0, "artifact")
    store.announce("*", 0, "artifact")
    assert store.announced() == store.promoted(SHARD)
    store.beat("w1", "score", {"artifact"}, ())
    assert [beat.loaded for beat in store.beats()] == [("artifact",)]
    (claimed,) = store.claim(SHARD, "w1", 5, HOUR_MS)
    assert store.renew(SHARD, "w1", [A], HOUR_MS) == [A]
    assert store.complete("w1", result(claimed, due_ms=1)) is CompletionStatus.ACCEPTED
    assert store.restate(SHARD, [A])
    assert [entry.queue for entry in store.outbox(SHARD, 9)] == ["q1", "q1"]
    store.delete(SHARD, [entry.id for entry in store.outbox(SHARD, 9)])
    placement = Placement(A, 1, (0, 1, 100), 0.5, "why")
    assert store.place("t/q1", placement).rank == 1
    assert store.board("t/q1", 9).rows == [placement]
    later = Placement(A, 1, (1, 1, 100), 0.6, "why")
    assert not store.place("t/q1", later).applied
    assert (store.uncovered("t/q1", 9), store.flip("t/q1", 9, 1)) == ([], [A])
    assert store.board("t/q1", 9).rows == [later]
    assert store.remove("t/q1", A, 2, None).applied
    assert store.lease("publisher", SHARD, "p1", HOUR_MS)
    assert store.board_lease("t/q1", "p1", HOUR_MS)
    assert store.leads(SHARD, 0, 9)[1] == [store.lead(SHARD, A)]
    assert store.queues() == ["t/q1"]
    assert (store.dirty_count(SHARD), store.outbox_size(SHARD)) == (0, 0)
    store.promote(SHARD, "*", 1, "other")
    store.touch(SHARD, [A], 0)
    (touched,) = store.claim(SHARD, "w1", 5, HOUR_MS)
    assert store.give_up(touched, "w1", (b"t/a", b"letter"))
    for step, leads in enumerate([(), (A,)]):
        chunk = SnapshotChunk("pass", step, leads, is_last=bool(step))
        assert store.snapshot(SHARD, chunk) is SnapshotStatus.TAKEN
    lua = Path(redis_scripts.__file__).parent / "lua"
    assert scripts.ran == {path.stem for path in lua.glob("*.lua")} - {"prelude", *LOOKING}


def test_health_of_every_shard_of_a_cluster(cluster: redis.RedisCluster) -> None:
    store = RedisStore(cluster)
    store.partitions(16)
    store.commit(batch(store, wrote(store, A)))
    found = shard_health(cluster, 16, 0)
    assert [one.n_leads for one in found] == [int(shard == SHARD) for shard in range(16)]
    assert parked_leads(cluster, 16, 10) == (0, 1)
    assert refused_write(cluster, 16) is None
    assert len(memory_of_nodes(cluster)) == N_NODES
    assert sorted(name for name in cluster.scan_iter() if b"nothing" in name) == []


def test_doctor_looks_at_every_primary(cluster: redis.RedisCluster) -> None:
    (_, *volatile) = cluster.get_primaries()
    for node in cluster.get_primaries():
        cluster.config_set("appendonly", "no" if node in volatile else "yes", target_nodes=node)
    (answers, persistence), _ = check_redis(url_of(cluster), 16)
    assert answers.verdict is DoctorVerdict.OK
    assert persistence.verdict is DoctorVerdict.WARNING
    assert all(f":{node.port}" in persistence.found for node in volatile)
    assert persistence.found.count("Redis node") == len(volatile)


def test_doctor_knows_a_cluster_of_one_primary(tmp_path: Path) -> None:
    port = free_port()
    node = start_node(port, tmp_path)
    try:
        join([port])
        (answers, _), _ = check_redis(f"redis://127.0.0.1:{port}/0", 16)
        assert answers.verdict is DoctorVerdict.OK
    finally:
        node.kill()
        node.wait()


def url_of(cluster: redis.RedisCluster) -> str:
    return f"redis://127.0.0.1:{cluster.get_primaries()[0].port}/0"


def test_shards_and_queues_spread_over_the_nodes(cluster: redis.RedisCluster) -> None:
    store = RedisStore(cluster)
    for shard in range(16):
        store.promote(shard, "*", 2, "artifact")
    spread = {cluster.get_node_from_key(f"{{s{shard}}}:promoted").port for shard in range(16)}
    assert len(spread) == N_NODES
    assert all(store.promoted(shard) == {"*": (2, "artifact")} for shard in range(16))
