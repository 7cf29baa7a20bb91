"""Opens what the commands read the past from: a recording, a file of events, or Kafka."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import click

from schemas.timestamps import to_ms
from scoring.artifact import ArtifactError
from scoring.report.progress import Advanced
from streams import exit_codes
from streams.cli.front import Failure, current_settings, open_admin
from streams.cli.progress import TerminalProgress
from streams.recording.event_file import RecordingError
from streams.recording.folder import MANIFEST, RecordingManifest
from streams.recording.kafka_range import RangeMissing, Wanted, open_consumer
from streams.recording.record import record_file, record_kafka

KAFKA = "kafka"
"""A source of this name is the Kafka of the settings."""


@contextmanager
def opened_source(source: str, as_of: datetime | None) -> Iterator[Path]:
    """Yields the folder of a recording: `source` itself, or one that is made of it and removed
    afterwards."""
    path = Path(source)
    if (path / MANIFEST).is_file():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="asllr-replay-") as temporary:
        copy = Path(temporary) / "recording"
        if source == KAFKA:
            until = None if as_of is None else to_ms(as_of) + 1
            record_range(copy, Wanted(until_ms=until), accept_missing=False)
        elif path.is_file():
            record_file(
                path,
                copy,
                current_settings().partitions,
                advanced=progress("read", path.stat().st_size, "bytes"),
                progress=lambda total: progress("put in order", total),
                mended=(tally := MendedTally()).add,
            )
            tally.tell()
        else:
            raise no_source(source)
        try:
            yield copy
        except RecordingError as error:  # the copy is gone when somebody reads this
            raise RecordingError(str(error).replace(str(copy), source)) from error


class MendedTally:
    """Counts the events of a file of which a part was mended, and says so once at the end."""

    def __init__(self) -> None:
        self._n = 0
        self._first = ""

    def add(self, what: str) -> None:
        self._n += 1
        self._first = self._first or what

    def tell(self) -> None:
        if self._n:
            events = "event has" if self._n == 1 else "events have"
            what = f"{self._n:,} {events} a part that was mended or left out"
            click.echo(f"{what}; the first: {self._first}", err=True)


def no_source(source: str) -> Failure:
    return Failure(
        f"{source[:200]} is not a recording (a folder with {MANIFEST}, or a .jsonl or .jsonl.gz "
        f"file), nor {KAFKA!r}",
        exit_codes.UNUSABLE,
    )


def record_range(out: Path, wanted: Wanted, *, accept_missing: bool) -> RecordingManifest:
    settings = current_settings()
    open_admin(settings)  # says clearly when Kafka is away
    with closing(open_consumer(settings.broker)) as consumer:
        return record_kafka(
            consumer,
            out,
            wanted,
            settings.partitions,
            accept_missing=accept_missing,
            progress=lambda total: progress("recorded", total),
        )


def progress(verb: str, total: int, what: str = "records") -> Advanced:
    return TerminalProgress(verb, what, total).advance


@contextmanager
def explaining() -> Iterator[None]:
    """Turns the errors a person can act on into one sentence."""
    try:
        yield
    except RangeMissing as error:
        raise Failure(
            f"{error}; `asllr record --accept-missing` keeps what is left", exit_codes.UNUSABLE
        ) from error
    except (RecordingError, ArtifactError) as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    except ModuleNotFoundError as error:
        raise Failure(
            f"{error.name} is not installed: pip install 'asllr[train]'", exit_codes.UNUSABLE
        ) from error
