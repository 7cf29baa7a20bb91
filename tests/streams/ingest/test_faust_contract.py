"""What `streams.ingest.faust_consumer` relies on inside Faust and aiokafka. When this fails, read
what changed in the named function, mend `faust_consumer.py`, run the kill tests, then update the
digest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from hashlib import blake2b
from importlib.metadata import version
from typing import Any

import aiokafka
import pytest
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState, TopicPartitionState
from faust.tables.recovery import Recovery
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver

FUNCTIONS: dict[Callable[..., Any], str] = {
    Consumer._drain_messages: "b62bd6539aeb",
    Consumer.perform_seek: "3abec3df46b4",
    Consumer.seek: "d418f1d072e9",
    Consumer.ack: "386826236bb5",
    Consumer._wait_next_records: "62b6a4fb3f1c",
    Consumer._commit_tps: "7c9461c4a361",
    Consumer._filter_committable_offsets: "8697d17213c6",
    Consumer._filter_tps_with_pending_acks: "c45de12732d4",
    Consumer._should_commit: "c4a45ac66a56",
    Consumer._new_offset: "0a7caf14c0a2",
    Consumer.on_partitions_revoked: "bff85c032527",
    driver.Consumer._to_message: "54f816ca1d22",
    driver.AIOKafkaConsumerThread._create_worker_consumer: "9246a21942b3",
    driver.AIOKafkaConsumerThread._fetch_records: "8e15801cd1ae",
    driver.AIOKafkaConsumerThread.seek: "a46f4714b75a",
    Recovery._resume_streams: "65a824f3789d",
    Conductor._update_indices: "3a514aff6c11",
    Fetcher.fetched_records: "377ee3925c9f",
    FetchResult.getall: "23b4cfee4bb0",
    FetchResult.check_assignment: "aafbede32472",
    SubscriptionState.seek: "89e5f82be859",
    TopicPartitionState.consumed_to: "d4cebf4a7a09",
    GroupCoordinator.check_errors: "5530c6f14f23",
    GroupCoordinator._push_error_to_user: "466858df8ba7",
    GroupCoordinator._coordination_routine: "f6248d537969",
}


def test_the_pinned_versions_are_installed() -> None:
    assert version("faust-streaming") == "0.15.3"
    assert aiokafka.__version__.startswith("0.14.")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__qualname__)
def test_a_function_we_override_or_lean_on_is_unchanged(function: Callable[..., Any]) -> None:
    assert digest(function) == FUNCTIONS[function], f"{function.__qualname__} has changed"


def digest(function: Callable[..., Any]) -> str:
    return blake2b(inspect.getsource(function).encode(), digest_size=6).hexdigest()
