"""`asllr doctor` on the inputs: what ingest has not read yet, and how old the oldest of it is."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.topics import INPUTS
from streams.kafka.topic_reader import NotRead, unread
from streams.operate.check_store import WAITS_FAIL_S, WAITS_WARN_S
from streams.operate.doctor_check import DoctorCheck, DoctorVerdict, graded
from streams.store.contract import Store


def check_lag(bootstrap_servers: str, store: Store, n_partitions: int) -> Iterator[DoctorCheck]:
    """Compares the end of each input with what the store has applied. Raises StoreAway,
    StoreUnusable, TopicsUnusable, KafkaException."""
    frontiers = [store.frontier(shard) for shard in range(n_partitions)]
    bases = [store.log_bases(shard) for shard in range(n_partitions)]
    for topic in INPUTS:
        following = {
            shard: frontier[topic.name] + 1 - bases[shard].get(topic.name, 0)
            for shard, frontier in enumerate(frontiers)
            if topic.name in frontier
        }
        left = unread(bootstrap_servers, topic.name, following)
        yield _lag(topic.name, left, store.now_ms())


def _lag(topic: str, left: NotRead, now_ms: int) -> DoctorCheck:
    name = f"input lag {topic}"
    if left.oldest_ms is None:
        return DoctorCheck(name, DoctorVerdict.OK, "everything is read")
    age_s = max(0.0, (now_ms - left.oldest_ms) / 1000)
    verdict = graded(age_s, WAITS_WARN_S, WAITS_FAIL_S)
    found = f"{left.n_offsets} records are not read yet, the oldest is {age_s:.0f} s old"
    if verdict is DoctorVerdict.OK:
        return DoctorCheck(name, verdict, found)
    return DoctorCheck(
        name,
        verdict,
        f"{found}; the limit is {WAITS_WARN_S:.0f} s",
        "start `asllr ingest`, or more of them (at most one a partition), and look at their log",
    )
