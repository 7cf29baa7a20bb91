"""The front door: the `asllr` command, composed of what `streams` and `training` offer.

Only commands choose implementations; nothing imports this module. Exit codes: `streams.exit_codes`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import click

    from schemas.events import EventBase
    from schemas.ids import LeadKey
    from schemas.timestamps import to_ms
    from scoring.prompt.rendering import first_rendering
    from streams import exit_codes
    from streams.cli.artifacts import SHIPPED_FOR, find_artifact
    from streams.cli.data import IMPORTERS, import_, rank
    from streams.cli.dead_letters import dead_letters
    from streams.cli.demo import DemoOptions, Script, start_demo, start_run
    from streams.cli.domain.commands import domain
    from streams.cli.explain import explain_lead, lead_state
    from streams.cli.front import (
        DURATION,
        DefaultGroup,
        Failure,
        FrontDoor,
        current_settings,
        naming_files,
    )
    from streams.cli.leads import lead, queue
    from streams.cli.operate import doctor, show_settings
    from streams.cli.option_types import MOMENT
    from streams.cli.promote import promote
    from streams.cli.rebuild import rebuild
    from streams.cli.reference import reference
    from streams.cli.replay.backtest import build_backtest
    from streams.cli.replay.diff import diff
    from streams.cli.replay.record import record
    from streams.cli.replay.run import replay
    from streams.cli.replay.verify import verify
    from streams.cli.roles import ingest, publish, score
    from streams.cli.shadow import shadow
    from streams.cli.simulate import SimulateOptions, start_simulation
    from streams.cli.topics import tail, topics
    from streams.cli.try_leads import build_try
    from streams.importers.outcomes import ImportFault
    from streams.importers.tables.events import TENANT
    from streams.importers.tables.exports import read_exports
    from streams.importers.tables.fields import FieldsRead
    from streams.importers.tables.mapping import Purpose
    from streams.local.local_roles import RoleCounts
    from streams.recording.event_file import RecordingError
    from streams.recording.recorded_events import recorded_events
    from streams.reports.try_text import mapping_lines, unread_lines
    from training.cli.base import base
    from training.cli.baseline import build_baseline
    from training.cli.dataset import Readers, build_dataset_group
    from training.cli.evaluate import build_commands
    from training.cli.fit import fit
    from training.cli.options import PHRASES
    from training.cli.refusal import refusing
    from training.cli.try_fitter import own_fitter
    from training.cli.zero_shot import zero_shot
    from training.dataset.log import Logged
    from training.simulator.business import Wording, business_names
except KeyboardInterrupt:  # all this takes a moment to load
    raise SystemExit(130) from None

if TYPE_CHECKING:
    from streams.backtest.backtest import Learn

SELF = (sys.executable, __file__)
"""How a role process is started: with the very code that starts it."""

_RATE = click.option(
    "--rate",
    default=8.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="events per second, on average.",
)
_SEED = click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="another seed, other leads.",
)
_DOMAIN = click.option(
    "--domain",
    default="auto",
    show_default=True,
    type=click.Choice(business_names()),
    help="the business whose leads are simulated.",
)
_INGEST_WORKERS = click.option(
    "--ingest-workers",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="processes that fold events.",
)
_SCORE_WORKERS = click.option(
    "--score-workers",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="processes that score leads.",
)


@click.group(cls=FrontDoor, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="asllr")
def main() -> None:
    """Ranked sales leads from CRM events and call transcripts, while the day happens.

    \b
    Example:
      asllr demo
      asllr doctor
    """
    # Before ONNX Runtime is loaded: its build from PyPI reports home and leaves a file otherwise.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


@click.command()
@click.option("--for", "for_s", type=DURATION, help="end after this long, with a summary.")
@click.option("--json", "as_json", is_flag=True, help="print the summary as JSON, last line.")
@click.option("--broker", help="use this Kafka instead of an embedded one.")
@click.option("--redis", help="use the Redis at this URL instead of an embedded one.")
@click.option(
    "--leads",
    "n_leads",
    default=40,
    show_default=True,
    type=click.IntRange(min=1),
    help="leads at a time.",
)
@_DOMAIN
@_RATE
@_SEED
@_INGEST_WORKERS
@_SCORE_WORKERS
def demo(
    *,
    domain: str,
    for_s: float | None,
    as_json: bool,
    broker: str | None,
    redis: str | None,
    n_leads: int,
    rate: float,
    seed: int,
    ingest_workers: int,
    score_workers: int,
) -> None:
    """Watch a queue re-rank while simulated leads call and click.

    Broker, Redis and every role run as real processes on this machine. At the end, by --for or by
    Ctrl-C, an oracle recomputes everything from the log; exits with 1 when it finds a difference.

    \b
    Example:
      asllr demo
      asllr demo --for 30s --json
      asllr demo --domain software
      asllr demo --broker localhost:9092 --redis redis://localhost:6379/0
    """
    counts = RoleCounts(ingest=ingest_workers, score=score_workers)
    options = DemoOptions(broker, redis, for_s, as_json, counts, SHIPPED_FOR[domain])
    start_demo(options, SELF, lambda: _script(domain, Wording.USUAL, seed, n_leads, rate))


def _script(business: str, said: Wording, seed: int, n_leads: int, rate_per_s: float) -> Script:
    """The events of a demo: the simulator's stream, begun in the past so that most leads are there
    when it starts."""
    from training.simulator.live import live_events  # only here: numpy's generators take a moment
    from training.simulator.world import World

    past_s = n_leads * EVENTS_BEFORE / rate_per_s
    start = datetime.now(UTC) - timedelta(seconds=past_s)
    world = World(business, wording=said)
    stream = live_events(seed, start=start, rate_per_s=rate_per_s, concurrent=n_leads, world=world)
    due = ((due.after_s - past_s, due.event) for due in stream)
    history: list[EventBase] = []
    for after_s, event in due:
        if after_s > 0:
            return Script(history, chain([(after_s, event)], due))
        history.append(event)
    raise AssertionError("the simulator's stream is endless")


EVENTS_BEFORE = 10
"""How many events each lead has on average before the demo begins."""


@click.command()
@_INGEST_WORKERS
@_SCORE_WORKERS
@click.option(
    "--logs",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: Path(tempfile.gettempdir()) / "asllr-logs",
    show_default="asllr-logs in the temporary folder",
    help="where each process writes its log.",
)
def run(*, ingest_workers: int, score_workers: int, logs: Path) -> None:
    """Run all roles on this machine against the Kafka and Redis of the settings.

    A process that crashes is started again; SIGTERM or Ctrl-C ends all of them within ten seconds.

    \b
    Example:
      asllr run --score-workers 2
    """
    start_run(RoleCounts(ingest=ingest_workers, score=score_workers), SELF, logs)


@click.command()
@click.option(
    "--leads",
    "n_leads",
    default=100,
    show_default=True,
    type=click.IntRange(min=1),
    help="leads (at a time).",
)
@_DOMAIN
@PHRASES
@_RATE
@_SEED
@click.option("--for", "for_s", type=DURATION, help="stop after this long.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="write a recording here instead of sending to Kafka.",
)
def simulate(*, n_leads: int, domain: str, phrases: str, rate: float, seed: int, **to: Any) -> None:
    """Send the events of simulated leads to Kafka as they happen, or write them to a file.

    \b
    Example:
      asllr simulate --leads 500 --for 10m
      asllr simulate --leads 1000 --seed 7 --out leads.jsonl.gz
      asllr simulate --domain software --out software.jsonl.gz
      asllr simulate --phrases held-out --out said-otherwise.jsonl.gz
    """
    from training.simulator.emit import simulate_events
    from training.simulator.world import World

    said = Wording(phrases)
    start_simulation(
        SimulateOptions(**to),
        past=lambda: simulate_events(seed, n_leads, world=World(domain, wording=said)),
        script=lambda: _script(domain, said, seed, n_leads, rate),
    )


def _recorded(path: Path) -> Iterator[Logged]:
    try:
        for one in recorded_events(path):
            yield Logged(one.topic, to_ms(one.ingested_at), one.event)
    except RecordingError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error


def _exported(
    paths: Mapping[str, Path | None], mapping: Path | None
) -> tuple[list[Logged], dict[LeadKey, bool]]:
    """The events of exports, each known at the moment it occurred, and who was won, where the
    outcomes have no date."""
    try:
        with naming_files():
            fields = FieldsRead.of(first_rendering().features)
            exports = read_exports(paths, mapping, fields, datetime.now(UTC), Purpose.LEARN)
    except ImportFault as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    lines = mapping_lines(exports.mapping, exports.tables, exports.read)
    unread = unread_lines(exports.mapping, exports.tables["leads"])
    for line in (*lines, *exports.remarks, *unread, *exports.read.skipped):
        click.echo(line, err=True)
    logged = [Logged("exports", to_ms(each.occurred_at), each) for each in exports.read.events]
    return logged, {LeadKey(TENANT, lead): won for lead, won in exports.read.won.items()}


def _imported(data_set: str, path: Path) -> Iterator[Logged]:
    """The events of an import, each known at the moment it occurred."""
    try:
        for event in IMPORTERS[data_set](path):
            yield Logged(data_set, to_ms(event.occurred_at), event)
    except ImportFault as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error


dataset = build_dataset_group(
    DefaultGroup,
    MOMENT,
    Readers(
        recording=_recorded,
        public={name: partial(_imported, name) for name in IMPORTERS},
        exports=_exported,
    ),
)


def _find(name: str) -> Path:
    return find_artifact(name, current_settings().artifacts)


baseline = build_baseline(_find)
evaluate, compare = build_commands(_find)


def _learn(seed: int) -> Learn:
    """Returns the function with which `--retrain-every` trains."""
    with refusing():
        from training.trees.retrain import learn_trees
    return partial(learn_trees, seed=seed)


for command in (verify, diff, build_backtest(_learn)):
    replay.add_command(command)

main.add_job("Try it", demo, build_try(own_fitter()), simulate, import_, rank)
main.add_job(
    "Wire it up and run it", topics, doctor, show_settings, run, ingest, score, publish, tail
)
main.add_job("Look at leads and queues", queue, lead)
main.add_job("Understand a score", explain_lead, lead_state)
main.add_job(
    "Fit and compare models", domain, dataset, baseline, base, zero_shot, fit, evaluate, compare
)
main.add_job("Promote and shadow", promote, shadow)
main.add_job("Record, replay, backtest", record, replay)
main.add_job("Repair", dead_letters, rebuild)
main.add_command(reference)


if __name__ == "__main__":
    main(prog_name="asllr")
