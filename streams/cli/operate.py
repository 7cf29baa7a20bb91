"""`asllr doctor`, `promote` and `settings`: for who keeps it running."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime

import click

from schemas.ids import ID_PATTERN
from schemas.outputs import Promotion
from schemas.topics import PROMOTIONS
from streams import exit_codes
from streams.cli.artifacts import SHIPPED, artifact_digest, artifact_folder, find_artifact
from streams.cli.front import Failure, open_admin, settings
from streams.promotions import publish_promotion
from streams.settings import VARIABLES, printable
from streams.topic_admin import require_topics


@click.command()
@click.option("--artifact", default=SHIPPED, show_default=True, help="which one to load.")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def doctor(artifact: str, *, as_json: bool) -> None:
    """Check Kafka, topics, Redis and the artifact; each failure comes with its fix.

    Exits with 1 when something must be mended. Changes nothing.

    \b
    Example:
      asllr doctor
      asllr doctor --json | jq '.[] | select(.verdict != "ok")'
    """
    # Here: the engines' libraries take a moment to load, and only this command needs them all.
    from streams.doctor import Verdict, check_artifact, check_kafka, check_redis

    found = settings()
    of_redis, recorded = check_redis(found.redis, found.partitions)
    checks = [
        *check_kafka(found.broker, recorded or found.partitions),
        *of_redis,
        check_artifact(artifact_folder(found.artifacts) / artifact),
    ]
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks]))
    else:
        for check in checks:
            fix = f"\n           fix: {check.fix}" if check.fix else ""
            click.echo(f"{check.verdict.value:<8}  {check.name}: {check.found}{fix}")
    failed = sum(check.verdict is Verdict.FAILED for check in checks)
    if failed:
        raise Failure(f"{failed} checks failed", exit_codes.NO)


@click.command()
@click.argument("artifact", default=SHIPPED)
@click.option("--tenant", default="*", show_default=True, help="only for this tenant.")
def promote(artifact: str, *, tenant: str) -> None:
    """Make ARTIFACT live: every listed lead is rescored with it, at low priority.

    ARTIFACT is a folder's name, a path, or the beginning of a digest. Promoting an older one again
    is a rollback.

    \b
    Example:
      asllr promote demo
      asllr promote 2026-03-retrained --tenant north
    """
    if tenant != "*" and not re.fullmatch(ID_PATTERN, tenant):
        raise click.BadParameter(f"{tenant[:80]!r} is no tenant: * or letters, digits and ._:-")
    found = settings()
    name = artifact_digest(find_artifact(artifact, found.artifacts))
    require_topics(open_admin(found), found.partitions, [PROMOTIONS])
    record = Promotion(tenant=tenant, artifact=name, promoted_at=datetime.now(UTC))
    promotion = publish_promotion(found.broker, record, found.patience_s)
    click.echo(f"artifact {name[:12]} is promotion {promotion} for tenant {tenant}")


@click.command(name="settings")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def show_settings(*, as_json: bool) -> None:
    """Print the settings in force, secrets masked.

    \b
    Example:
      ASLLR_PARTITIONS=16 asllr settings
    """
    values = printable(settings())
    if as_json:
        click.echo(json.dumps(values))
        return
    for variable in VARIABLES:
        click.echo(f"{variable.name}={values[variable.name]}  # {variable.meaning}")
