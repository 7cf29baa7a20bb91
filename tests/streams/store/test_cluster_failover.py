"""A master of a Redis Cluster dies and its replica takes over: the shard is a prefix of what it
was, state and frontier together, and goes on from there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
import redis

from streams.store.contract import CommitStatus, StoreAway
from streams.store.embedded_redis import free_port
from streams.store.redis_store import RedisStore
from tests.streams.store.store_steps import CRM, SHARD, A, batch, ingest, wrote
from tests.streams.store.test_store_cluster import N_NODES, addresses, join, start_node
from tests.support.brokers import wait_until

pytestmark = [pytest.mark.service, pytest.mark.slow]

N_COMMITS = 50
FAST = ("--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0")
OWNER = 1
"""The second of three masters holds the slot of shard 7."""

Nodes = dict[int, subprocess.Popen[bytes]]


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Three masters and a replica of the second: port -> process."""
    ports = [free_port() for _ in range(N_NODES + 1)]
    found = {port: start_node(port, tmp_path_factory.mktemp(f"n{port}"), *FAST) for port in ports}
    try:
        join(ports[:N_NODES])
        _replicate(ports[OWNER], ports[-1])
        # Who does not know everybody ignores what strangers say of a failure.
        wait_until(lambda: all(_knows(port) == len(ports) for port in ports), "all know all")
        yield found
    finally:
        for node in found.values():
            node.kill()
            node.wait()


def test_a_shard_whose_master_dies_goes_on_from_a_prefix(nodes: Nodes) -> None:
    first, owner, _, replica = nodes
    with redis.RedisCluster(host="127.0.0.1", port=first) as client:
        store = RedisStore(client)
        assert client.get_node_from_key(f"{{s{SHARD}}}:frontier").port == owner
        for _ in range(N_COMMITS):
            ingest(store, A)
        certain = store.frontier(SHARD)[CRM]
        wait_until(lambda: _has_all(owner, replica), "the replica has what was committed so far")
        for _ in range(N_COMMITS):
            ingest(store, A)
        before = store.frontier(SHARD)[CRM]
        nodes[owner].kill()
        with redis.Redis(port=replica) as node:
            wait_until(lambda: node.info("replication")["role"] == "master", "a new master")
        after = _patiently(lambda: store.frontier(SHARD).get(CRM, -1))
        assert certain <= after <= before
        stored = store.read(SHARD, [A])[0]
        assert stored.cursor == {CRM: after}, "state and frontier are of one moment"
        write = wrote(store, A)
        assert store.commit(batch(store, write)).status is CommitStatus.COMMITTED


def _replicate(master: int, replica: int) -> None:
    with redis.Redis(port=master) as first, redis.Redis(port=replica) as second:
        wait_until(lambda: _answers(second), "the replica answers")
        ((port, bus),) = addresses([second])
        first.execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
        name = first.execute_command("CLUSTER MYID")

        def follows() -> bool:
            try:
                second.execute_command("CLUSTER REPLICATE", name)
            except redis.ResponseError:
                return False  # it has not heard of the master yet
            return True

        wait_until(follows, "the replica follows")
        wait_until(lambda: second.info("replication")["master_link_status"] == "up", "in sync")


def _knows(port: int) -> int:
    with redis.Redis(port=port) as client:
        return len(client.cluster("NODES"))


def _has_all(master: int, replica: int) -> bool:
    with redis.Redis(port=master) as first, redis.Redis(port=replica) as second:
        written = first.info("replication")["master_repl_offset"]
        return bool(second.info("replication")["slave_repl_offset"] >= written)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def _patiently(ask: Callable[[], int]) -> int:
    found: list[int] = []

    def answered() -> bool:
        try:
            found.append(ask())
        except StoreAway:
            return False
        return True

    wait_until(answered, "the cluster answers again")
    return found[0]
