"""The order of a replay and its clock: pure pieces, tested alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Record
from streams.replay.arrival import Place, arrivals, merged
from streams.replay.fold import Agenda
from streams.replay.policy import EveryTick, parse_policy

TIMES = st.lists(st.integers(0, 50), max_size=12)


def records(topic: str, partition: int, times: list[int]) -> list[Record]:
    return [Record(topic, partition, i, time, b"k", b"v") for i, time in enumerate(times)]


@given(st.lists(TIMES, max_size=5))
def test_merge_is_by_time_topic_partition_and_offset_and_loses_nothing(
    partitions: list[list[int]],
) -> None:
    logs = [records(f"t{i % 2}", i // 2, times) for i, times in enumerate(partitions)]
    found = list(merged(arrivals(log) for log in logs))
    places = [arrival.place for arrival in found]
    assert places == sorted(places)
    assert len(set(places)) == len(places) == sum(map(len, partitions))


@given(TIMES)
def test_offsets_of_a_partition_stay_in_order_whatever_its_timestamps(times: list[int]) -> None:
    found = list(arrivals(records("t", 0, times)))
    assert [arrival.record.offset for arrival in found] == list(range(len(times)))
    assert [arrival.place for arrival in found] == sorted(arrival.place for arrival in found)


def test_merge_holds_one_arrival_of_each_stream() -> None:
    read = []

    def log(topic: str) -> list[Record]:
        return records(topic, 0, list(range(1_000)))

    def counted(topic: str):  # type: ignore[no-untyped-def]  # a generator of arrivals
        for arrival in arrivals(log(topic)):
            read.append(arrival)
            yield arrival

    stream = merged([counted("a"), counted("b")])
    for _ in range(10):
        next(stream)
    assert len(read) <= 12


def test_what_came_later_never_happened() -> None:
    found = list(arrivals(records("t", 0, [1, 5, 3, 9]), until_ms=5))
    assert [arrival.record.timestamp_ms for arrival in found] == [1, 5, 3]


def test_time_alone_comes_before_what_arrives_at_that_moment() -> None:
    assert Place(5, "", 7, 99) < Place(5, "asr.transcripts", 0, 0) < Place(6, "", 0, 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 30)), max_size=60))
def test_agenda_keeps_the_last_appointment_of_each(steps: list[tuple[str, int | None]]) -> None:
    agenda, wanted = Agenda(), dict[str, int]()
    for lead, when in steps:
        agenda.set(lead, when)
        wanted.pop(lead, None)
        if when is not None:
            wanted[lead] = when
    early = sorted((when, lead) for lead, when in wanted.items() if when <= 15)
    late = sorted((when, lead) for lead, when in wanted.items() if when > 15)
    assert list(agenda.until(15)) == early
    assert list(agenda.until(99)) == late
    assert len(agenda) == 0


def test_agenda_does_not_grow_with_the_appointments_that_moved() -> None:
    agenda, rng = Agenda(), random.Random(1)
    for _ in range(20_000):
        agenda.set(f"lead-{rng.randrange(50)}", rng.randrange(1_000_000))
    assert len(agenda._heap) <= 2 * 50 + Agenda.SPARE


@pytest.mark.parametrize(
    "text", ["every-event", "every-5m", "every-90s", "every-1d", "recorded", "never"]
)
def test_policy_is_read_as_it_is_written(text: str) -> None:
    assert str(parse_policy(text)) == text


@pytest.mark.parametrize("text", ["", "every-", "every-0m", "every-5", "sometimes", "every-5w"])
def test_other_policies_are_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ValueError, match="every-5m"):
        parse_policy(text)


@given(st.integers(0, 10**13), st.integers(1, 10**8))
def test_a_tick_is_later_than_what_it_follows(moment_ms: int, tick_ms: int) -> None:
    after = EveryTick(tick_ms).after(moment_ms)
    assert moment_ms < after <= moment_ms + tick_ms
    assert after % tick_ms == 0
