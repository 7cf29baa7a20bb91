"""Runs a replay in several processes, with the same outcomes as in one."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection

import msgspec

from scoring.artifact import ArtifactError
from scoring.report.progress import Advanced
from streams.recording.event_file import RecordingError
from streams.replay.draft import ReplayCounts
from streams.replay.outcome import ReplayedStep
from streams.replay.run import Replay, Spec
from streams.store.contract import StoreAway, StoreUnusable

CHUNK = 200
"""How many outcomes one message has; a process waits when the other side does not read."""


class ProcessResult(msgspec.Struct, tag=True):
    outcomes: list[ReplayedStep]


class Advance(msgspec.Struct, tag=True):
    n: int


class Over(msgspec.Struct, tag=True):
    """A child process has finished. `states` is hexadecimal: it has more bits than a message's
    integers."""

    tally: dict[str, int]
    states: str


class Fault(msgspec.Struct, tag=True):
    """A child process failed. `arguments`: what an error of this kind is made of."""

    kind: str
    arguments: tuple[str | int | None, ...]


FAULTS: dict[str, type[Exception]] = {
    one.__name__: one for one in (RecordingError, ArtifactError, StoreAway, StoreUnusable, OSError)
}
"""The errors that a person can act on; any other error is our bug."""


Message = ProcessResult | Advance | Over | Fault
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Message).decode


def outcomes_of_processes(
    spec: Spec, n_partitions: int, n_processes: int, tally: ReplayCounts, advanced: Advanced
) -> Iterator[ReplayedStep]:
    """The outcomes of all partitions, in order. Raises like `Replay`. No process outlives the
    iterator."""
    context = get_context("spawn")  # a forked child of a process with threads may hang
    streams, children = [], []
    try:
        for i in range(min(n_processes, n_partitions)):
            ours, theirs = context.Pipe(duplex=False)
            partitions = list(range(i, n_partitions, n_processes))
            child = context.Process(target=work, args=(spec, partitions, theirs), daemon=True)
            child.start()
            theirs.close()
            children.append(child)
            streams.append(_received(ours, tally, advanced))
        yield from heapq.merge(*streams, key=lambda outcome: outcome.place)
    finally:
        for child in children:
            child.terminate()
            child.join()


def _received(
    connection: Connection, tally: ReplayCounts, advanced: Advanced
) -> Iterator[ReplayedStep]:
    with connection:
        while True:
            try:
                message = _decode(connection.recv_bytes())
            except EOFError:
                raise RuntimeError("a replay process ended before its work was done") from None
            match message:
                case ProcessResult(outcomes):
                    yield from outcomes
                case Advance(n):
                    advanced(n)
                case Over(counts, states):
                    tally.add(ReplayCounts(**counts, states=int(states, 16)))
                    return
                case Fault(kind, arguments):
                    raise FAULTS[kind](*arguments)


def work(spec: Spec, partitions: list[int], connection: Connection) -> None:
    """The main function of a child process."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"

    def send(message: Message) -> None:
        connection.send_bytes(_encode(message))

    try:
        replay = Replay(spec, partitions, lambda n: send(Advance(n)))
        chunk: list[ReplayedStep] = []
        for outcome in replay.outcomes():
            chunk.append(outcome)
            if len(chunk) == CHUNK:
                send(ProcessResult(chunk))
                chunk = []
        send(ProcessResult(chunk))
        send(over(replay.tally))
    except BrokenPipeError:
        return  # whoever asked is gone
    except OSError as error:
        file = None if error.filename is None else str(error.filename)
        send(Fault(OSError.__name__, (error.errno, error.strerror or str(error), file)))
    except tuple(FAULTS.values()) as error:
        send(Fault(type(error).__name__, (str(error),)))


def over(tally: ReplayCounts) -> Over:
    counts = {name: getattr(tally, name) for name in ReplayCounts.__slots__ if name != "states"}
    return Over(counts, f"{tally.states:x}")
