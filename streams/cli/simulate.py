"""`asllr simulate`: simulated leads as a recording, or live on Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import click

from schemas.events import EventBase
from streams.cli.demo import Script, stop_on_signals
from streams.cli.front import current_settings, naming_files, open_admin
from streams.kafka.journal import JournalingProducer
from streams.local.demo import Paced
from streams.recording.event_file import history, write_recording

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """The options of `asllr simulate`. `out` None: live, to Kafka."""

    for_s: float | None
    out: Path | None


def start_simulation(
    options: SimulateOptions,
    past: Callable[[], Iterable[EventBase]],
    script: Callable[[], Script],
) -> None:
    """Writes the events of `past` to a recording, or sends those of `script` to Kafka as they
    happen."""
    if options.out is not None:
        with naming_files():
            n = write_recording(options.out, map(history, past()))
        click.echo(f"{n} events written to {options.out}")
        return
    settings = current_settings()
    open_admin(settings)
    producer = JournalingProducer(settings.broker, max_records=0)
    written = script()
    for event in written.history:
        producer.send(event)
    producer.flush()
    n = len(written.history)
    click.echo(f"{n} events of the past sent; live until Ctrl-C", err=True)
    due, start_s = Paced(written.live), monotonic()
    with stop_on_signals() as stop:
        while not stop.wait(POLL_S) and not due.is_over:
            elapsed_s = monotonic() - start_s
            if options.for_s is not None and elapsed_s >= options.for_s:
                break
            for event in due.until(elapsed_s):
                producer.send(event)
                n += 1
            producer.poll()
    producer.flush()
    click.echo(f"{n} events sent")
