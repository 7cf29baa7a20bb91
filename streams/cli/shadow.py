"""`asllr shadow`: a candidate scores along with the promoted artifact, and acts on nothing."""

from __future__ import annotations

import json
from functools import partial

import click

from schemas.topics import SCORES, SHADOW
from scoring.artifact import ArtifactError
from streams import exit_codes
from streams.cli.artifacts import artifact_digest, find_artifact
from streams.cli.front import Failure, current_settings, look_at_store, open_admin, set_up_logging
from streams.cli.option_types import agreement_depth
from streams.kafka.topic_admin import require_topics


@click.group()
def shadow() -> None:
    """Run a candidate beside the live artifact before it goes live.

    \b
    Example:
      asllr shadow run 2026-03-retrained
      asllr shadow report
    """


@shadow.command()
@click.argument("artifact")
def run(artifact: str) -> None:
    """Give every published score to ARTIFACT as well, and write what it says to leads.shadow.

    Follows leads.scores from now on, or from where it stopped; ends by SIGTERM or Ctrl-C. The lead
    is scored on the state and as of the moment of the published score; where it has changed
    meanwhile it is skipped and counted. Nothing else is written: ranks and boards never hear of it.
    Run several to share the work.

    \b
    Example:
      asllr shadow run 2026-03-retrained
    """
    # Here: the engines' libraries take a moment to load.
    from scoring.engines.loading import load_scorer
    from streams.candidate.shadow import ShadowConfig, run_shadow

    settings = current_settings()
    set_up_logging(settings.log_level)
    path = find_artifact(artifact, settings.artifacts)
    name = artifact_digest(path)
    require_topics(open_admin(settings), settings.partitions, [SCORES, SHADOW])
    try:
        scorer = load_scorer(path)
    except ArtifactError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    click.echo(
        f"artifact {name[:12]} scores along; `asllr shadow report` says what it would change"
    )
    run_shadow(
        ShadowConfig(
            bootstrap_servers=settings.broker,
            open_store=partial(look_at_store, settings),
            scorer=scorer,
            n_partitions=settings.partitions,
            patience_s=settings.patience_s,
        )
    )


@shadow.command()
@click.argument("artifact", required=False)
@agreement_depth()
@click.option("--json", "as_json", is_flag=True, help="for machines, with everybody who moves.")
def report(artifact: str | None, *, k: int, as_json: bool) -> None:
    """Say how far ARTIFACT was from the live one so far, who would move, how long it took.

    Without ARTIFACT: of every candidate that leads.shadow knows. May be asked while it runs.

    \b
    Example:
      asllr shadow report
      asllr shadow report 2026-03-retrained --json | jq .max_dp
    """
    from streams.candidate.shadow_report import shadow_reports
    from streams.kafka.topic_reader import read_to_end
    from streams.reports.shadow_text import shadow_json, shadow_lines

    settings = current_settings()
    wanted = artifact and artifact_digest(find_artifact(artifact, settings.artifacts))
    reports = shadow_reports(read_to_end(settings.broker, SHADOW.name), k)
    chosen = [candidate for name, candidate in sorted(reports.items()) if wanted in (None, name)]
    if not chosen:
        of = f"of {artifact} " if artifact else ""
        raise Failure(
            f"{SHADOW.name} holds no score {of}yet: run "
            f"`asllr shadow run {artifact or 'ARTIFACT'}` while leads are scored",
            exit_codes.NO,
        )
    for candidate in chosen:
        if as_json:
            click.echo(json.dumps(shadow_json(candidate)))
        else:
            click.echo("\n".join(shadow_lines(candidate)))
