"""What only the Redis store promises: scripts survive a flush, errors become the store's words."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import msgspec
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from streams.local.supervisor import STOP_WITHIN_S
from streams.store import redis_scripts
from streams.store.board import Placement
from streams.store.contract import StoreAway, StoreUnusable
from streams.store.embedded_redis import EmbeddedRedis, EmbeddedRedisError, free_port
from streams.store.open_redis import ANSWER_S, connect, connected
from streams.store.redis_check import require_usable
from streams.store.redis_errors import forbidden
from streams.store.redis_store import RedisStore, queue_tag
from tests.streams.store.store_steps import SHARD, A, claim_one, complete, ingest, order, promote

pytestmark = pytest.mark.service


def test_scripts_are_sent_again_where_a_node_forgot_them(
    store_server: EmbeddedRedis, redis_store: RedisStore
) -> None:
    ingest(redis_store, A)
    with store_server.client() as client:
        client.script_flush()
        promote(redis_store)
        client.script_flush()
    complete(redis_store, claim_one(redis_store))
    assert redis_store.lead(SHARD, A).order == order(1)


def test_every_key_of_a_shard_has_its_hash_tag(
    store_server: EmbeddedRedis, redis_store: RedisStore
) -> None:
    promote(redis_store)
    ingest(redis_store, A)
    complete(redis_store, claim_one(redis_store), due_ms=1)
    claim_one(redis_store)
    redis_store.lease("publisher", SHARD, "p1", 60_000)
    with store_server.client() as client:
        assert {key.decode().partition(":")[0] for key in client.scan_iter()} == {"{s7}"}


def test_scripts_use_no_command_newer_than_6_2() -> None:
    folder = Path(redis_scripts.__file__).parent / "lua"
    text = "".join(path.read_text() for path in folder.glob("*.lua"))
    assert "ZADD" in text
    assert not [name for name in ("ZMPOP", "LMPOP", "HEXPIRE", "FUNCTION", "FCALL") if name in text]


def test_rows_of_before_reasons_had_a_kind_tell_what_happened_last(
    store_server: EmbeddedRedis, redis_store: RedisStore
) -> None:
    before = Placement(A, 1, (1, 1, 5), 0.5, "visit today")
    later = Placement(A, 1, (2, 1, 5), 0.6, "visit today")
    move = redis_store.place("t/q1", before)
    redis_store.place("t/q1", later)
    with store_server.client() as client:
        rows = f"{queue_tag('t/q1')}:rows"
        row = msgspec.msgpack.decode(client.hget(rows, A) or b"")
        del row["reason_kind"], row["held"]["reason_kind"]
        client.hset(rows, A, msgspec.msgpack.encode(row))
    assert redis_store.place("t/q1", before) == move
    assert list(redis_store.board("t/q1", 9).rows) == [before]
    redis_store.flip("t/q1", 9, 9)
    assert list(redis_store.board("t/q1", 9).rows) == [later]


def test_client_that_decodes_is_refused(store_server: EmbeddedRedis) -> None:
    with (
        redis.Redis(port=store_server.port, decode_responses=True) as client,
        pytest.raises(ValueError, match="decode_responses"),
    ):
        RedisStore(client)


def test_server_that_is_gone_is_away_and_comes_back_with_its_data() -> None:
    with EmbeddedRedis() as server:
        retry = Retry(NoBackoff(), 0)
        with redis.Redis(port=server.port, retry=retry) as client:
            store = RedisStore(client)
            ingest(store, A)
            port = server.port
            server.kill()
            with pytest.raises(StoreAway, match="away"):
                store.read(SHARD, [A])
            with pytest.raises(StoreAway):
                store.now_ms()
            server.start()
            assert (server.port, store.lead(SHARD, A).stored.state) == (port, b"one")


def test_server_out_of_memory_or_read_only_is_away(
    store_server: EmbeddedRedis, redis_store: RedisStore
) -> None:
    with store_server.client() as client:
        ingest(redis_store, A)
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(StoreAway, match="OOM"):
                ingest(redis_store, A, b"two")
        finally:
            client.config_set("maxmemory", 0)
        client.replicaof("127.0.0.1", str(free_port()))
        try:
            with pytest.raises(StoreAway):
                ingest(redis_store, A, b"two")
        finally:
            client.replicaof("NO", "ONE")
        assert redis_store.lead(SHARD, A).stored.state == b"one"


def test_wrong_password_is_not_waited_for(store_server: EmbeddedRedis) -> None:
    with store_server.client() as admin:
        admin.config_set("requirepass", "secret")
        try:
            with (
                redis.Redis(
                    port=store_server.port, password="wrong", retry=Retry(NoBackoff(), 0)
                ) as client,
                pytest.raises(StoreUnusable, match="password"),
            ):
                RedisStore(client).now_ms()
            with (
                redis.Redis(port=store_server.port, retry=Retry(NoBackoff(), 0)) as client,
                pytest.raises(StoreUnusable, match="password"),
            ):
                RedisStore(client).now_ms()
        finally:
            admin.config_set("requirepass", "")


@pytest.mark.parametrize(
    ("rule", "use"),
    [
        ("-hsetnx", lambda store: store.partitions(4)),
        ("-hget", lambda store: store.recorded_partitions()),
        ("-hlen", lambda store: store.claim(SHARD, "w1", 1, 1_000)),
        ("-evalsha", lambda store: store.claim(SHARD, "w1", 1, 1_000)),
    ],
)
def test_user_without_a_right_is_not_waited_for(
    store_server: EmbeddedRedis, rule: str, use: Callable[[RedisStore], object]
) -> None:
    with store_server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "ann", "reset", "on", ">pw", "~*", "+@all", rule)
        with (
            connected(f"redis://ann:pw@127.0.0.1:{store_server.port}/0") as client,
            pytest.raises(StoreUnusable, match="ACL SETUSER"),
        ):
            use(RedisStore(client))


def test_user_with_the_rights_that_are_named_is_enough(store_server: EmbeddedRedis) -> None:
    with store_server.client() as admin:
        admin.flushall()
        rules = re.search(r"<user> (.*)", str(forbidden(Exception())))
        assert rules
        admin.execute_command("ACL", "SETUSER", "ann", "reset", "on", ">pw", *rules[1].split())
        with connected(f"redis://ann:pw@127.0.0.1:{store_server.port}/0") as client:
            require_usable(client, 16)
            store = RedisStore(client)
            promote(store)
            ingest(store, A)
            complete(store, claim_one(store))


def test_database_that_is_not_there_is_not_waited_for(store_server: EmbeddedRedis) -> None:
    with pytest.raises(StoreUnusable, match="let it end with /0"):
        connect(f"redis://127.0.0.1:{store_server.port}/99")


def test_partition_count_never_changes(store_server: EmbeddedRedis) -> None:
    with store_server.client() as client:
        client.flushall()
        require_usable(client, 16)
        require_usable(client, 16)
        with pytest.raises(StoreUnusable, match="of 16 partitions, ASLLR_PARTITIONS is 8"):
            require_usable(client, 8)


@pytest.mark.slow
def test_frozen_redis_is_away_while_a_stop_can_still_be_orderly() -> None:
    with EmbeddedRedis() as server, connected(server.url) as client:
        assert server.pid
        os.kill(server.pid, signal.SIGSTOP)
        try:
            began_s = monotonic()
            with pytest.raises(StoreAway):
                RedisStore(client).now_ms()
            assert monotonic() - began_s < STOP_WITHIN_S
        finally:
            os.kill(server.pid, signal.SIGCONT)
        # Newer clients have a timeout of their own; it is ours that holds.
        assert client.get_connection_kwargs()["socket_timeout"] == ANSWER_S


def test_redis_that_evicts_is_refused(store_server: EmbeddedRedis) -> None:
    with store_server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            with pytest.raises(StoreUnusable, match="maxmemory-policy is allkeys-lru"):
                require_usable(client, 16)
        finally:
            client.config_set("maxmemory-policy", "noeviction")


def test_embedded_server_leaves_nothing(tmp_path: Path) -> None:
    with EmbeddedRedis() as server:
        folder = Path(server.client().config_get("dir")["dir"])
        pid = server.pid
        assert folder.exists()
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()
    with EmbeddedRedis(folder=tmp_path) as server:
        server.client().set("kept", 1)
        server.stop()
        server.start()
        assert server.client().get("kept") == b"1"
    assert tmp_path.exists()


def test_server_that_cannot_start_says_why() -> None:
    server = EmbeddedRedis(binary=Path("/bin/false"))
    try:
        with pytest.raises(EmbeddedRedisError, match="did not start"):
            server.start()
    finally:
        server.close()
