"""`asllr record` and `asllr replay`: the past again, from Kafka or a recording."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from scoring.artifact import ArtifactError
from scoring.fold import to_ms
from streams import exit_codes
from streams.cli.artifacts import SHIPPED, artifact_folder, find_artifact
from streams.cli.front import Failure, naming_files, open_admin, settings
from streams.lead_story import Advanced
from streams.recording import RecordingError
from streams.replay.kafka_range import RangeMissing, Wanted, open_consumer
from streams.replay.policy import Never, Policy, Recorded, parse_policy
from streams.replay.progress import Progress
from streams.replay.record import record_file, record_kafka
from streams.replay.recording import MANIFEST, RecordingManifest, open_recording

KAFKA = "kafka"
"""A source of this name is the Kafka of the settings."""

PUBLISHED = "recorded"
"""Not an artifact's name: each published score's own."""


class Moment(click.ParamType):
    """RFC 3339 with an offset, or a date, which begins at midnight UTC."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is None and "T" not in str(value):
            moment = moment.replace(tzinfo=UTC)
        if moment is None or moment.tzinfo is None:
            self.fail(
                f"{value!r} is no time such as 2026-03-01 or 2026-03-01T09:30:00Z", param, ctx
            )
        return moment.astimezone(UTC)


class OffsetRange(click.ParamType):
    """`crm.events/3=100..200`: offsets 100 up to but not including 200."""

    name = "topic/partition=first..end"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[str, int], tuple[int, int]]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([a-z.-]+)/(\d+)=(\d+)\.\.(\d+)", str(value))
        if match is None or int(match[3]) > int(match[4]):
            self.fail(f"{value!r} is no range such as crm.events/3=100..200", param, ctx)
        return (match[1], int(match[2])), (int(match[3]), int(match[4]))


MOMENT = Moment()


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="the recording's folder; must not exist.",
)
@click.option("--from", "from_", type=MOMENT, help="what was ingested at this time or later.")
@click.option("--to", type=MOMENT, help="what was ingested before this time.")
@click.option("--as-of", type=MOMENT, help="all that had been ingested at this moment.")
@click.option(
    "--offsets",
    multiple=True,
    type=OffsetRange(),
    help="of one partition, as crm.events/3=100..200; may be repeated.",
)
@click.option(
    "--accept-missing",
    is_flag=True,
    help="record what retention has left; the manifest says what is missing.",
)
@click.option("--json", "as_json", is_flag=True, help="print what was recorded as JSON.")
def record(
    *,
    out: Path,
    from_: datetime | None,
    to: datetime | None,
    as_of: datetime | None,
    offsets: Sequence[tuple[tuple[str, int], tuple[int, int]]],
    accept_missing: bool,
    as_json: bool,
) -> None:
    """Copy what Kafka holds into a folder that replays read: events, scores, promotions.

    Joins no group and commits nothing: production does not notice. Without a range it is all there
    is. A range that begins late replays leads without their past.

    \b
    Example:
      asllr record --out monday --to 2026-03-03
      asllr record --out half --offsets crm.events/0=0..5000 --offsets asr.transcripts/0=0..900
    """
    if as_of is not None and (from_ or to):
        raise click.UsageError("--as-of is a whole history; leave out --from and --to")
    until = to if as_of is None else as_of + timedelta(milliseconds=1)
    wanted = Wanted(_ms(from_), _ms(until), dict(offsets))
    with naming_files(), explaining():
        manifest = _record(out, wanted, accept_missing=accept_missing)
    n_records = sum(one.n_records for one in manifest.ranges)
    if as_json:
        click.echo(manifest.model_dump_json(exclude={"segments"}))
    else:
        click.echo(f"{n_records:,} records in {out}")
        for sentence in manifest.missing:
            click.echo(f"missing: {sentence}", err=True)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _record(out: Path, wanted: Wanted, *, accept_missing: bool) -> RecordingManifest:
    found = settings()
    open_admin(found)  # says clearly when Kafka is away
    with closing(open_consumer(found.broker)) as consumer:
        return record_kafka(
            consumer,
            out,
            wanted,
            found.partitions,
            accept_missing=accept_missing,
            progress=lambda total: progress("recorded", total),
        )


def progress(verb: str, total: int) -> Advanced:
    return Progress(verb, "records", total).advance


@contextmanager
def explaining() -> Iterator[None]:
    """What a person can act on is one sentence."""
    try:
        yield
    except RangeMissing as error:
        raise Failure(
            f"{error}; `asllr record --accept-missing` keeps what is left", exit_codes.UNUSABLE
        ) from error
    except (RecordingError, ArtifactError) as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error


@contextmanager
def opened_source(source: str, as_of: datetime | None) -> Iterator[Path]:
    """A recording's folder: `source` itself, or made of it and gone afterwards."""
    path = Path(source)
    if (path / MANIFEST).is_file():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="asllr-replay-") as temporary:
        copy = Path(temporary) / "recording"
        if source == KAFKA:
            until = None if as_of is None else to_ms(as_of) + 1
            _record(copy, Wanted(until_ms=until), accept_missing=False)
        elif path.is_file():
            record_file(path, copy, settings().partitions)
        else:
            raise Failure(
                f"{source[:200]} is no recording (a folder with {MANIFEST}, or a .jsonl or "
                f".jsonl.gz file), nor {KAFKA!r}",
                exit_codes.UNUSABLE,
            )
        yield copy


class _Replay(click.Group):
    """`asllr replay SOURCE` is `asllr replay run SOURCE`."""

    def named(self, words: list[str], help_names: list[str]) -> list[str]:
        """`words` with the command in front."""
        is_named = not words or words[0] in self.commands or words[0] in help_names
        return words if is_named else ["run", *words]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.named(args, ctx.help_option_names))


@click.group(cls=_Replay)
def replay() -> None:
    """Live the past again: the same fold, prompt, engine and ranking, a virtual clock.

    `asllr replay SOURCE` is short for `asllr replay run SOURCE`. SOURCE is a folder that
    `asllr record` made, a .jsonl or .jsonl.gz file, or kafka.

    \b
    Example:
      asllr replay monday --out monday-demo
      asllr replay verify kafka
    """


class PolicyOption(click.ParamType):
    name = "policy"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Policy:
        try:
            return parse_policy(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@replay.command()
@click.argument("source")
@click.option(
    "--policy",
    default="every-event",
    show_default=True,
    type=PolicyOption(),
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
@click.option("--json", "as_json", is_flag=True, help="print the manifest as JSON.")
def run(
    source: str,
    *,
    policy: Policy,
    artifact: str,
    as_of: datetime | None,
    processes: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Score the past: what one artifact says of every moment of SOURCE.

    Ends with a digest of the ordered output. Equal input gives equal output, with any number of
    processes. Leads that asked to be forgotten are left out and counted.

    \b
    Example:
      asllr replay leads.jsonl.gz --policy every-5m --out base
      asllr replay kafka --policy recorded --artifact recorded
    """
    from streams.replay.replay import Asked
    from streams.replay.replay import replay as replayed  # loads the engines' libraries

    found = settings()
    is_own = artifact == PUBLISHED
    if is_own and not isinstance(policy, Recorded):
        raise click.UsageError(f"--artifact {PUBLISHED} needs --policy recorded")
    path = None if is_own or isinstance(policy, Never) else find_artifact(artifact, found.artifacts)
    folders = (artifact_folder(found.artifacts),)
    asked = Asked(policy, path, folders, as_of, processes)
    with naming_files(), explaining(), opened_source(source, as_of) as recording:
        manifest = replayed(recording, asked, out, progress)
    if as_json:
        click.echo(manifest.model_dump_json())
        return
    click.echo(
        f"{manifest.n_events:,} events of {manifest.n_leads:,} leads: "
        f"{manifest.n_scores:,} scores, {manifest.n_moves:,} rank moves, "
        f"{manifest.n_dead_letters:,} dead letters"
    )
    click.echo(
        f"{manifest.n_erased_leads:,} erased leads left out with {manifest.n_erased_records:,} "
        f"records, {manifest.n_unscorable:,} times no score was possible"
    )
    click.echo(f"states {manifest.states}")
    click.echo(f"digest {manifest.digest}")


@replay.command()
@click.argument("source")
@click.option(
    "--show",
    default=20,
    show_default=True,
    type=click.IntRange(min=0),
    help="how many differences to print.",
)
@click.option("--json", "as_json", is_flag=True, help="for machines, with every difference.")
def verify(source: str, *, show: int, as_json: bool) -> None:
    """Recompute every published score of SOURCE at its own cursor, moment and artifact.

    The proof that production did what it says. Exits with 1 when there is a difference.

    \b
    Example:
      asllr replay verify monday
      asllr replay verify kafka --json
    """
    from streams.artifact_shelf import Shelf, load_from  # loads the engines' libraries
    from streams.replay.erased import erased_leads
    from streams.replay.verify import verify as verified

    folders = (artifact_folder(settings().artifacts),)
    shelf = Shelf(lambda digest: load_from(folders, digest))
    with naming_files(), explaining(), opened_source(source, None) as path:
        recording = open_recording(path)
        total = sum(one.n_records for one in recording.input_ranges())
        result = verified(
            recording, shelf.scorer, erased_leads(recording), progress("verified", total)
        )
    counts = {
        "scores": result.n_scores,
        "repeated": result.n_repeated,
        "erased": result.n_erased,
        "events": result.n_events,
        "differences": len(result.differences),
    }
    if as_json:
        click.echo(json.dumps(counts | {"found": result.differences}))
    else:
        click.echo(", ".join(f"{count:,} {name}" for name, count in counts.items()))
        for sentence in result.differences[:show]:
            click.echo(sentence)
    if result.differences:
        raise Failure(
            f"{len(result.differences)} published scores differ from their recomputation",
            exit_codes.NO,
        )
