"""`asllr replay run`, and the group `asllr replay`, which the other commands join in `asllr.py`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.artifacts import SHIPPED, artifact_folder, find_artifact
from streams.cli.front import DefaultGroup, current_settings, naming_files
from streams.cli.option_types import MOMENT, POLICY
from streams.cli.replay.targets import redis_place, require_format, shadow_scores
from streams.cli.sources import explaining, opened_source, progress
from streams.replay.policy import Never, Recorded, ScoringPolicy
from streams.replay.sinks.sink import FileFormat

if TYPE_CHECKING:
    from streams.replay.result import ReplayManifest

PUBLISHED = "recorded"
"""The value of --artifact that is not an artifact's name: each published score is recomputed with
its own artifact."""


@click.group(cls=DefaultGroup, default="run")
def replay() -> None:
    """Live the past again: the same fold, prompt, engine and ranking, a virtual clock.

    `asllr replay SOURCE` is short for `asllr replay run SOURCE`. SOURCE is a folder that
    `asllr record` made, a .jsonl or .jsonl.gz file, or kafka.

    \b
    Example:
      asllr replay monday --out monday-demo
      asllr replay verify kafka
    """


@replay.command()
@click.argument("source")
@click.option(
    "--policy",
    default="every-event",
    show_default=True,
    type=POLICY,
    help="when to score: every-event, every-5m (s, m, h, d), recorded (where leads.scores says), "
    "never (only fold).",
)
@click.option(
    "--artifact",
    default=SHIPPED,
    show_default=True,
    help=f"which one scores; {PUBLISHED} with policy recorded: each score's own.",
)
@click.option("--as-of", type=MOMENT, help="as if nothing had been ingested later.")
@click.option(
    "--processes",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="share the partitions; the result is the same.",
)
@click.option("--out", type=click.Path(path_type=Path), help="write scores and moves here.")
@click.option(
    "--format",
    "format_name",
    default=FileFormat.JSONL.value,
    show_default=True,
    type=click.Choice([one.value for one in FileFormat]),
    help="of the files in --out; Parquet needs asllr[train].",
)
@click.option(
    "--shadow-topic",
    metavar="TOPIC",
    help="also send the scores to this topic, made if it is missing; never one of production's.",
)
@click.option(
    "--redis",
    metavar="URL",
    help="keep states in this Redis while it runs, for more leads than memory holds.",
)
@click.option(
    "--namespace",
    help="with --redis: what tells this replay's keys from others'; production's are not touched.",
)
@click.option("--json", "as_json", is_flag=True, help="print the manifest as JSON.")
def run(
    source: str,
    *,
    policy: ScoringPolicy,
    artifact: str,
    as_of: datetime | None,
    processes: int,
    out: Path | None,
    format_name: str,
    shadow_topic: str | None,
    redis: str | None,
    namespace: str | None,
    as_json: bool,
) -> None:
    """Score the past: what one artifact says of every moment of SOURCE.

    Ends with a digest of the ordered output. Equal input gives equal output, with any number of
    processes, in any format, with states in memory or in Redis. Leads that asked to be forgotten
    are left out and counted.

    \b
    Example:
      asllr replay leads.jsonl.gz --policy every-5m --out base
      asllr replay kafka --policy recorded --artifact recorded
      asllr replay monday --artifact retrained --shadow-topic leads.scores.replay
    """
    from streams.replay.replay import ReplayRequest
    from streams.replay.replay import replay as replayed  # loads the engines' libraries

    settings = current_settings()
    is_own = artifact == PUBLISHED
    if is_own and not isinstance(policy, Recorded):
        raise click.UsageError(f"--artifact {PUBLISHED} needs --policy recorded")
    file_format = FileFormat(format_name)
    require_format(out, file_format)
    needs_none = is_own or isinstance(policy, Never)
    path = None if needs_none else find_artifact(artifact, settings.artifacts)
    folders = (artifact_folder(settings.artifacts),)
    place = redis_place(redis, namespace)
    shadows = [] if shadow_topic is None else [shadow_scores(shadow_topic, settings)]
    request = ReplayRequest(policy, path, folders, as_of, processes, file_format, place)
    with naming_files(), explaining(), opened_source(source, as_of) as recording:
        manifest = replayed(recording, request, out, progress, shadows)
    click.echo(manifest.model_dump_json() if as_json else "\n".join(_lines(manifest)))
    for shadow in shadows:
        click.echo(f"{shadow.n_written:,} scores sent to {shadow_topic}", err=True)


def _lines(manifest: ReplayManifest) -> Iterator[str]:
    yield (
        f"{manifest.n_events:,} events of {manifest.n_leads:,} leads: "
        f"{manifest.n_scores:,} scores, {manifest.n_moves:,} rank moves, "
        f"{manifest.n_dead_letters:,} dead letters"
    )
    yield (
        f"{manifest.n_erased_leads:,} erased leads left out with {manifest.n_erased_records:,} "
        f"records, {manifest.n_unscorable:,} times no score was possible"
    )
    if manifest.n_scores == 0 and manifest.policy != str(Never()):
        yield f"no score: under {manifest.policy} no listed lead had a moment to be scored at"
    yield f"states {manifest.states}"
    yield f"digest {manifest.digest}"
