"""`asllr demo` and `asllr run`: broker, Redis and roles put together on one machine."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event

import click
from rich.console import Console

from schemas.codec import Record
from schemas.events import EventBase
from schemas.topics import INPUTS, Topic
from streams import exit_codes
from streams.cli.artifacts import artifact_digest, artifact_folder, find_artifact
from streams.cli.front import (
    Failure,
    current_settings,
    naming_files,
    open_admin,
    open_store,
    set_up_logging,
    settings_for,
)
from streams.kafka.embedded_broker import embedded_broker
from streams.kafka.topic_admin import create_topics, require_topics
from streams.kafka.topic_reader import read_to_end
from streams.local.demo import Demo, Judge, run_demo
from streams.local.demo_tally import Summary
from streams.local.demo_view import DemoView, build_view, print_summary
from streams.local.local_roles import RoleCounts, local_roles, supervise
from streams.local.supervisor import RoleFailed, Supervisor, die_with_parent
from streams.oracle.oracle import OracleInput, differences
from streams.oracle.output_reader import OUTPUTS
from streams.settings import Settings, environment
from streams.store.contract import Store
from streams.store.embedded_redis import EmbeddedRedis

EMBEDDED_PARTITIONS = 4
EMBEDDED_SESSION_S = 6.0
"""librdkafka's mock broker stalls a group for about a session when a member joins or dies."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The options of `asllr demo`. `broker` and `redis` None: embedded ones. `artifact`: the name
    of the one that is served."""

    broker: str | None
    redis: str | None
    for_s: float | None
    as_json: bool
    counts: RoleCounts
    artifact: str


@dataclass(frozen=True, slots=True)
class Script:
    """The events of a demo: events of the past, and those to come, with the seconds after which
    they are due."""

    history: Sequence[EventBase]
    live: Iterable[tuple[float, EventBase]]


def start_demo(options: DemoOptions, command: Sequence[str], write: Callable[[], Script]) -> None:
    """Runs the demo. `command` starts asllr. Exits with 1 when the oracle finds a difference."""
    settings = settings_for(options.broker, options.redis)
    artifact = artifact_digest(find_artifact(options.artifact, settings.artifacts))
    with stop_on_signals() as stop, ExitStack() as stack:
        view = stack.enter_context(build_view())
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="asllr-demo-"))
        settings = _with_services(settings, options, stack)
        admin, store = open_admin(settings), open_store(settings)
        view.step(f"Kafka at {settings.broker} and Redis are up")
        create_topics(admin, settings.partitions)
        supervisor = stack.enter_context(Supervisor(Path(folder)))
        script = write()
        summary = _run(
            Demo(
                bootstrap_servers=settings.broker,
                store=store,
                n_partitions=settings.partitions,
                artifact=artifact,
                roles=local_roles(command, options.counts, environment(settings, os.environ)),
                history=script.history,
                live=script.live,
                for_s=options.for_s,
                judge=_judge(settings, store, is_embedded=options.broker is None),
            ),
            supervisor,
            view,
            stop,
        )
    if options.as_json:
        click.echo(json.dumps(summary.as_object()))
    else:
        print_summary(Console(highlight=False), summary)
    if not isinstance(summary.oracle, str):
        raise Failure("the oracle found differences", exit_codes.NO)


def start_run(counts: RoleCounts, command: Sequence[str], log_dir: Path) -> None:
    """Runs all roles on the Kafka and Redis of the settings, until SIGTERM or Ctrl-C."""
    settings = current_settings()
    set_up_logging(settings.log_level)
    # What every role would find out for itself, said once and before five logs are full of it.
    require_topics(open_admin(settings), settings.partitions)
    open_store(settings)
    with naming_files():
        log_dir.mkdir(parents=True, exist_ok=True)
    with stop_on_signals() as stop, Supervisor(log_dir) as supervisor:
        roles = local_roles(command, counts, environment(settings, os.environ))
        click.echo(f"{len(roles)} processes, logs in {log_dir}; Ctrl-C ends them", err=True)
        with _role_failures():
            supervise(supervisor, roles, stop)


SAMPLE = 500
"""For so many scores the oracle runs the engine again: it takes seconds, not minutes."""


def _judge(settings: Settings, store: Store, *, is_embedded: bool) -> Judge:
    """The oracle of a demo. The embedded broker forgets records, so the demo's own journal is the
    log; a real broker is read again."""
    from streams.artifact_shelf import Shelf, load_from  # loads the engines' libraries

    shelf = Shelf(partial(load_from, (artifact_folder(settings.artifacts),)))

    def judge(log: Sequence[Record], outputs: Sequence[Record]) -> list[str]:
        evidence = OracleInput(log, outputs)
        if not is_embedded:
            evidence = OracleInput(
                _whole(settings.broker, INPUTS), _whole(settings.broker, OUTPUTS)
            )
        return differences(evidence, store, settings.partitions, shelf.scorer, sample=SAMPLE)

    return judge


def _whole(broker: str, topics: Iterable[Topic]) -> Iterator[Record]:
    return chain.from_iterable(read_to_end(broker, topic.name) for topic in topics)


def _run(demo: Demo, supervisor: Supervisor, view: DemoView, stop: Event) -> Summary:
    with _role_failures():
        return run_demo(demo, supervisor, view, stop)


def _with_services(settings: Settings, options: DemoOptions, stack: ExitStack) -> Settings:
    """Starts an embedded broker and Redis where none was named, and returns the settings with their
    addresses."""
    if options.broker is None:
        address = stack.enter_context(embedded_broker(n_partitions=EMBEDDED_PARTITIONS))
        settings = replace(
            settings, broker=address, partitions=EMBEDDED_PARTITIONS, session_s=EMBEDDED_SESSION_S
        )
    if options.redis is None:
        server = stack.enter_context(EmbeddedRedis(before_exec=die_with_parent))
        settings = replace(settings, redis=server.url)
    return settings


@contextmanager
def _role_failures() -> Iterator[None]:
    try:
        yield
    except RoleFailed as error:
        raise Failure(str(error), error.code) from error


ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_signals() -> Iterator[Event]:
    """The first Ctrl-C, SIGTERM or closed terminal asks for an orderly end, the second does not
    wait for it."""
    stop = Event()

    def on_signal(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {n: signal.signal(n, on_signal) for n in ENDINGS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
