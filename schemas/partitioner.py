"""Computes the partition of a key as Kafka's Java client does by default (murmur2); librdkafka does
so only with the setting `partitioner=murmur2_random`."""

from __future__ import annotations

from functools import lru_cache

from schemas.ids import record_key


def murmur2(data: bytes) -> int:
    """Returns the 32-bit murmur2 hash of `data`, unsigned. A port of `murmur2` in Kafka's Java
    client (org.apache.kafka.common.utils.Utils), itself A. Appleby's MurmurHash2 of 2008."""
    mask = 0xFFFFFFFF
    m = 0x5BD1E995
    length = len(data)
    h = 0x9747B28C ^ length
    for i in range(0, length - length % 4, 4):
        k = int.from_bytes(data[i : i + 4], "little")
        k = k * m & mask
        k ^= k >> 24
        k = k * m & mask
        h = h * m & mask
        h ^= k
    rest = data[length - length % 4 :]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = h * m & mask
    h ^= h >> 13
    h = h * m & mask
    return h ^ h >> 15


@lru_cache(maxsize=65_536)  # the same leads come again and again
def partition_for(key: bytes, n_partitions: int) -> int:
    """Returns the partition, from 0, that Kafka's Java client gives a record with this key.

    >>> partition_for(b"acme/l-1", 8)
    4
    """
    return (murmur2(key) & 0x7FFFFFFF) % n_partitions


def shard_of(lead: str, n_partitions: int) -> int:
    """Returns the partition of a lead's records, which is its shard, by `tenant/lead` of ids.

    >>> shard_of("acme/l-1", 8)
    4
    """
    return partition_for(record_key(lead), n_partitions)
