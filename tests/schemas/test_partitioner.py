"""murmur2 as Kafka's Java client computes it: a wrong bit puts a lead in two shards."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from schemas.partitioner import murmur2, partition_for

# org.apache.kafka.common.utils.UtilsTest.testMurmur2, Apache Kafka 4.
JAVA_VECTORS = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]


@pytest.mark.parametrize(("data", "signed"), JAVA_VECTORS)
def test_murmur2_equals_the_vectors_of_the_java_client(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


@given(st.binary(max_size=300))
def test_murmur2_equals_that_of_aiokafka(data: bytes) -> None:
    assert murmur2(data) == aiokafka_murmur2(data) % 2**32


@given(st.binary(max_size=40), st.integers(1, 1_000))
def test_every_key_has_a_partition(key: bytes, n_partitions: int) -> None:
    assert 0 <= partition_for(key, n_partitions) < n_partitions
