"""Which businesses come described, what a description says, and whether it is right."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scoring.artifact import ArtifactError, load_manifest, load_rendering
from scoring.domain.model import Domain
from scoring.domain.reading import PACKS, DomainError, domain_digest, pack, pack_names, read_domain
from scoring.domain.writing import domain_toml
from streams import exit_codes
from streams.cli.artifacts import find_artifact
from streams.cli.domain.draft import draft
from streams.cli.front import Failure, current_settings
from streams.reports.domain_text import counts_of, domain_text


@click.group()
def domain() -> None:
    """Describe a business: its stages, channels, fields and words.

    \b
    Example:
      asllr domain list
      asllr domain show software --toml > domain.toml
    """


domain.add_command(draft)


@domain.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Say whether FILE describes a business, or what is wrong with it.

    Exits with 1 when something must be mended.

    \b
    Example:
      asllr domain check domain.toml
    """
    try:
        found = read_domain(file)
    except DomainError as error:
        raise Failure(str(error), exit_codes.NO) from error
    click.echo(f"ok: {found.name}, {counts_of(found)}")


@domain.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
@click.option("--toml", "as_toml", is_flag=True, help="as a file to start from.")
def show(name: str, *, as_json: bool, as_toml: bool) -> None:
    """Print what a domain says. NAME is a pack, a file, or an artifact.

    A pack goes before a file, and a file before an artifact of that name. An artifact carries the
    domain it was trained with; one from before domains is of auto.

    \b
    Example:
      asllr domain show software
      asllr domain show software --toml > domain.toml
      asllr domain show demo --json
    """
    if as_json and as_toml:
        raise click.UsageError("--json or --toml, not both")
    try:
        text, shown = _named(name)
    except DomainError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    if as_toml:
        click.echo(text, nl=False)
    elif as_json:
        values = shown.model_dump(mode="json", exclude_none=True)
        click.echo(json.dumps({"digest": domain_digest(shown), **values}, ensure_ascii=False))
    else:
        click.echo(domain_text(shown))


@domain.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def list_(*, as_json: bool) -> None:
    """List the packs that ship with asllr.

    \b
    Example:
      asllr domain list
    """
    packs = [pack(name) for name in pack_names()]
    if as_json:
        click.echo(json.dumps([{"name": p.name, "question": p.asked} for p in packs]))
        return
    width = max(len(each.name) for each in packs)
    for each in packs:
        click.echo(f"{each.name:<{width}}  {each.asked} ({counts_of(each)})")


def _named(name: str) -> tuple[str, Domain]:
    """A domain as a file says it, and as it is read. Raises DomainError."""
    if name in pack_names():
        return _text(PACKS / f"{name}.toml"), pack(name)
    if Path(name).is_file() or name.endswith(".toml"):
        found = read_domain(Path(name))
        return _text(Path(name)), found
    try:
        artifact = find_artifact(name, current_settings().artifacts)
    except Failure as error:
        raise DomainError(
            f"there is no pack and no file {name!r}, and {error.message}; the packs are "
            f"{', '.join(pack_names())}"
        ) from error
    try:
        rendering = load_rendering(artifact, load_manifest(artifact))
    except ArtifactError as error:
        raise DomainError(str(error)) from error
    click.echo(f"{artifact}: {rendering.domain.name}, renderer {rendering.version}", err=True)
    return domain_toml(rendering.domain), rendering.domain


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")
