"""`asllr doctor` and `asllr settings`: for whoever keeps a deployment running."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from streams import exit_codes
from streams.cli.artifacts import SHIPPED, artifact_folder
from streams.cli.front import Failure, current_settings
from streams.settings import VARIABLES, printable


@click.command()
@click.option("--artifact", default=SHIPPED, show_default=True, help="which one to load.")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def doctor(artifact: str, *, as_json: bool) -> None:
    """Check Kafka, topics, Redis, workers, what waits, and the artifact; each with its fix.

    Exits with 1 when something must be mended; a warning alone is 0. Changes nothing. The limits of
    each check stand in docs/how-to/deploy.md.

    \b
    Example:
      asllr doctor
      asllr doctor --json | jq '.[] | select(.verdict != "ok")'
    """
    # Here: the engines' libraries take a moment to load, and only this command needs them all.
    from streams.operate.doctor import Deployment, check_deployment
    from streams.operate.doctor_check import DoctorVerdict

    settings = current_settings()
    path = artifact_folder(settings.artifacts) / artifact
    checks = check_deployment(
        Deployment(settings.broker, settings.redis, settings.partitions, path)
    )
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks]))
    else:
        for check in checks:
            fix = f"\n           fix: {check.fix}" if check.fix else ""
            click.echo(f"{check.verdict.value:<8}  {check.name}: {check.found}{fix}")
    failed = sum(check.verdict is DoctorVerdict.FAILED for check in checks)
    if failed:
        raise Failure(f"{failed} checks failed", exit_codes.NO)


@click.command(name="settings")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def show_settings(*, as_json: bool) -> None:
    """Print the settings in force, secrets masked.

    \b
    Example:
      ASLLR_PARTITIONS=16 asllr settings
    """
    values = printable(current_settings())
    if as_json:
        click.echo(json.dumps(values))
        return
    for variable in VARIABLES:
        click.echo(f"{variable.name}={values[variable.name]}  # {variable.meaning}")
