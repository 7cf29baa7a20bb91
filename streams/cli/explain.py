"""`asllr explain` and `asllr state`: why a lead has its score, now or at any past moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from schemas.ids import LeadKey
from schemas.timestamps import from_ms, to_ms
from scoring.artifact import ArtifactError, load_manifest, load_rendering
from scoring.engine import Unscorable
from scoring.explain.explanation import Unexplainable, explain
from scoring.explain.ledger import LedgerPoint, points_of
from scoring.score import ScorerOf
from streams import exit_codes
from streams.cli.artifacts import SHIPPED, artifact_digest, artifact_folder, find_artifact
from streams.cli.front import Failure, current_settings, lead_key, naming_files, open_admin
from streams.cli.option_types import MOMENT
from streams.cli.sources import KAFKA, explaining, no_source, progress
from streams.explain.moment import at_moment
from streams.explain.story import (
    LeadStory,
    n_offsets_beside,
    n_records_beside,
    read_file,
    read_folder,
    read_kafka,
)
from streams.recording.folder import MANIFEST, open_recording
from streams.reports.explain_text import (
    explanation_json,
    explanation_text,
    moment_json,
    moment_text,
)

_SOURCE = click.option(
    "--source",
    default=KAFKA,
    show_default=True,
    help=f"a recording (a folder, a .jsonl or a .jsonl.gz file), or {KAFKA}: that of the settings.",
)
_ARTIFACT = click.option(
    "--artifact",
    help="score the lead's past again with this one, instead of explaining what was published.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="for machines, with every entry.")


@click.command(name="explain")
@click.argument("lead")
@_SOURCE
@click.option("--as-of", type=MOMENT, help="as it was known at this time.")
@_ARTIFACT
@click.option(
    "--top",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="how many events to name.",
)
@_JSON
def explain_lead(
    lead: str,
    *,
    source: str,
    as_of: datetime | None,
    artifact: str | None,
    top: int,
    as_json: bool,
) -> None:
    """Why LEAD has its score: what moved it most, and how it came about, change by change.

    First the score and the few things that it is owed to, with sign and size; then the events
    without which it would be another; then what each part of the prompt is worth; then the ledger,
    whose differences add up to the score. Joins no group and changes nothing.

    \b
    Example:
      asllr explain demo/4711
      asllr explain demo/4711 --source monday --as-of 2026-03-01T12:00:00Z --json
    """
    request = _request(lead, source, as_of, artifact)
    with _explaining(request):
        explanation = explain(request.story.arrivals, request.points, request.scorer_of)
    if as_json:
        click.echo(json.dumps(explanation_json(request.story.key, explanation)))
    else:
        click.echo(explanation_text(request.story.key, explanation, top))


@click.command(name="state")
@click.argument("lead")
@_SOURCE
@click.option(
    "--as-of", type=MOMENT, help="as it was known at this time.  [default: the end of SOURCE]"
)
@_ARTIFACT
@_JSON
def lead_state(
    lead: str, *, source: str, as_of: datetime | None, artifact: str | None, as_json: bool
) -> None:
    """LEAD at a moment of the past: its state, the prompt the model saw, the score and its causes.

    Everything is computed again from the log. A score that was published of this very state is
    shown beside it.

    \b
    Example:
      asllr state demo/4711 --as-of 2026-03-01T12:00:00Z
      asllr state demo/4711 --source monday --as-of 2026-03-01 --json | jq -r .prompt
    """
    request = _request(lead, source, as_of, artifact)
    with _explaining(request):
        moment = at_moment(request.story, request.points, request.scorer_of)
    if as_json:
        click.echo(json.dumps(moment_json(moment)))
    else:
        click.echo(moment_text(moment))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be explained. `points`: where the lead was scored, or would have been."""

    story: LeadStory
    points: list[LedgerPoint]
    scorer_of: ScorerOf


def _request(lead: str, source: str, as_of: datetime | None, artifact: str | None) -> _Asked:
    from scoring.engines.loading import load_scorer  # loads the engines' libraries
    from streams.artifact_shelf import Shelf, load_from  # loads the engines' libraries

    settings = current_settings()
    story = _story(source, lead_key(lead, settings.tenant))
    if story.is_erased:
        raise Failure(
            f"{story.key}: this person asked to be forgotten: nothing is shown, for any moment",
            exit_codes.NO,
        )
    if not story.arrivals:
        raise Failure(f"no event of {story.key} is in {source}", exit_codes.NO)
    first = story.arrivals[0]
    if as_of is not None:
        story = story.until(to_ms(as_of))
        if not story.arrivals:
            raise Failure(
                f"nothing was known of {story.key} at {as_of.isoformat()}: "
                f"its first event came in at {from_ms(first.ingested_ms).isoformat()} on "
                f"{first.topic}",
                exit_codes.NO,
            )
    shelf = Shelf(lambda digest: load_from((artifact_folder(settings.artifacts),), digest))
    if artifact is None and story.scores:
        return _Asked(story, story.points(), shelf.scorer)
    path = find_artifact(artifact or SHIPPED, settings.artifacts)
    digest = artifact_digest(path)
    named = Shelf(lambda _: load_scorer(path))
    rendering = load_rendering(path, load_manifest(path))
    points = points_of(story.arrivals, digest, story.end_ms, rendering)
    return _Asked(story, points, named.scorer)


def _story(source: str, key: LeadKey) -> LeadStory:
    path = Path(source)
    with naming_files(), explaining():
        if (path / MANIFEST).is_file():
            recording = open_recording(path)
            total = n_records_beside(recording, key)
            return read_folder(recording, key, progress("read", total))
        if path.is_file():
            return read_file(path, key, progress("read", path.stat().st_size, "bytes"))
    if source != KAFKA:
        raise no_source(source)
    settings = current_settings()
    open_admin(settings)  # says clearly when Kafka is away
    now_ms = to_ms(datetime.now(UTC))
    total = n_offsets_beside(settings.broker, key, settings.partitions)
    return read_kafka(settings.broker, key, settings.partitions, now_ms, progress("read", total))


@contextmanager
def _explaining(request: _Asked) -> Iterator[None]:
    try:
        yield
    except Unexplainable as error:
        raise Failure(f"{request.story.key}: {error}", exit_codes.NO) from error
    except (Unscorable, ArtifactError) as error:
        raise Failure(f"{request.story.key}: {error}", exit_codes.UNUSABLE) from error
