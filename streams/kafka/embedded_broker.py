"""A Kafka broker inside this process: librdkafka's mock cluster, a real TCP broker on loopback.

For the demo and the tests; it forgets everything when closed, keeps 5 MiB per partition, and has
no CreateTopics, configs, compaction, transaction isolation or lookup by time.
`python -m streams.kafka.embedded_broker` prints its address and serves until SIGTERM.
"""

from __future__ import annotations

import ctypes
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka

from schemas.topics import TOPICS, Topic

CLUSTER_ID_PREFIX = "mockCluster"
"""The mock's cluster id begins with this: how others recognise it."""

FALLBACK_PARTITIONS = 4
"""The partitions of a topic that the mock creates because somebody asked for it."""

_PRODUCER = 0  # rd_kafka_type_t
_ERRSTR_BYTES = 512

_PAUSE_S = 0.001
"""Between two requests to the mock's thread. A request that comes while the thread goes back to its
wait does not wake it: it is served a second later (librdkafka 2.16; two seconds a start)."""


@contextmanager
def embedded_broker(
    *, n_partitions: int = FALLBACK_PARTITIONS, topics: Sequence[Topic] = TOPICS
) -> Iterator[str]:
    """Runs a broker until the block ends; yields the bootstrap address.

    Every topic exists with its declared partition count, and a group forms at once. librdkafka
    exports the functions for that but promises no ABI; without them the plain mock serves: four
    partitions each, made by being asked for, and groups form after 3 s."""
    library = _load_library()
    if library is None:
        if n_partitions != FALLBACK_PARTITIONS:
            raise RuntimeError(
                f"this librdkafka build gives {FALLBACK_PARTITIONS} partitions, not {n_partitions};"
                " install the confluent-kafka wheel or use a real broker"
            )
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": "embedded:1", "test.mock.num.brokers": 1, "log_level": 0}
        )
        for topic in topics:
            producer.list_topics(topic.name, timeout=10)
        brokers = producer.list_topics(timeout=10).brokers.values()
        yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        return
    errstr = ctypes.create_string_buffer(_ERRSTR_BYTES)
    conf = library.rd_kafka_conf_new()
    library.rd_kafka_conf_set(conf, b"log_level", b"0", errstr, _ERRSTR_BYTES)
    client = library.rd_kafka_new(_PRODUCER, conf, errstr, _ERRSTR_BYTES)
    if not client:
        raise RuntimeError(f"librdkafka: {errstr.value.decode(errors='replace')}")
    cluster = library.rd_kafka_mock_cluster_new(client, 1)
    try:
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
        for topic in topics:
            partitions = topic.partitions or n_partitions
            time.sleep(_PAUSE_S)
            library.rd_kafka_mock_topic_create(cluster, topic.name.encode(), partitions, 1)
        yield library.rd_kafka_mock_cluster_bootstraps(cluster).decode()
    finally:
        time.sleep(_PAUSE_S)
        library.rd_kafka_mock_cluster_destroy(cluster)
        library.rd_kafka_destroy(client)


def _load_library() -> ctypes.CDLL | None:
    package = Path(confluent_kafka.__file__).parent
    folders = (package.parent / "confluent_kafka.libs", package / ".dylibs")
    found = [file for folder in folders for file in folder.glob("librdkafka*") if file.is_file()]
    if not found:
        return None
    library = ctypes.CDLL(str(found[0]))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
    }
    try:
        for name, (result, arguments) in signatures.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError:
        return None
    return library


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with embedded_broker() as address:
        print(address, flush=True)  # noqa: T201  # the address is this program's output
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
