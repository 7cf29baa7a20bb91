"""`asllr promote`: makes another artifact live, or says what that would change."""

from __future__ import annotations

import getpass
import json
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from pydantic import ValidationError

from schemas.ids import ID_PATTERN
from schemas.outputs import Promotion
from schemas.topics import PROMOTIONS
from scoring.artifact import ArtifactError
from streams import exit_codes
from streams.candidate.coverage import Coverage, coverage, is_copied
from streams.cli.artifacts import SHIPPED, artifact_digest, find_artifact
from streams.cli.front import DURATION, Failure, current_settings, look_at_store, open_admin
from streams.cli.option_types import agreement_depth
from streams.cli.progress import TerminalProgress
from streams.kafka.topic_admin import require_topics
from streams.operate.servers import servers_of
from streams.publish.promotions import publish_promotion
from streams.settings import Settings
from streams.store.contract import Store

WAIT_EVERY_S = 0.5


def login_name() -> str:
    """The name of whoever is logged in; empty where the system knows none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


@click.command()
@click.argument("artifact", default=SHIPPED)
@click.option("--tenant", default="*", show_default=True, help="only for this tenant.")
@click.option("--dry-run", is_flag=True, help="say who would move and by how much; write nothing.")
@agreement_depth("with --dry-run: ")
@click.option(
    "--wait",
    "wait_s",
    type=DURATION,
    help="stay until every listed lead is scored with it and shown so, at most this long.",
)
@click.option("--by", default=login_name, help="who promotes it [default: the login name].")
@click.option("--why", default="", help="what for; kept in the record, for whoever asks later.")
@click.option("--force", is_flag=True, help="also when no living score worker has it.")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def promote(
    artifact: str,
    *,
    tenant: str,
    dry_run: bool,
    k: int,
    wait_s: float | None,
    by: str,
    why: str,
    force: bool,
    as_json: bool,
) -> None:
    """Make ARTIFACT live: every listed lead is rescored with it, at low priority.

    ARTIFACT is a folder's name, a path, or the beginning of a digest. Promoting an older one again
    is a rollback.

    With --dry-run each listed lead is scored with ARTIFACT as of the moment of its present score,
    here and now, and the two are compared: who would move on which queue, and how far. Leads that
    changed since their score are counted, not compared. Needs Redis, not Kafka; changes neither.

    It goes live once a score worker has loaded it; until then its leads keep the one before. Where
    workers are up and none of them has it, nothing is promoted (exit code 78) without --force.

    Workers take up the new artifact without a restart. A board turns over at once, when all of its
    leads are scored again; until then it shows them as before. Only a lead with news (an event, a
    call) takes its new place right away: a call does not wait for a promotion. --wait ends with 0
    when every board has turned over, with 1 when time is up.

    \b
    Example:
      asllr promote demo
      asllr promote 2026-03-retrained --dry-run
      asllr promote 2026-03-retrained --tenant north --why "less eager on first calls"
      asllr promote 2026-03-retrained --wait 30m
    """
    if tenant != "*" and not re.fullmatch(ID_PATTERN, tenant):
        raise click.BadParameter(
            f"{tenant[:80]!r} is not a tenant: * or letters, digits, ._:- and %XX for others"
        )
    if dry_run and wait_s is not None:
        raise click.BadParameter("--wait has nothing to wait for with --dry-run")
    settings = current_settings()
    path = find_artifact(artifact, settings.artifacts)
    if dry_run:
        _say_who_moves(path, settings, tenant, k, as_json=as_json)
        return
    name = artifact_digest(path)
    try:
        record = Promotion(
            tenant=tenant, artifact=name, promoted_at=datetime.now(UTC), by=by, why=why
        )
    except ValidationError as error:
        raise click.BadParameter(
            f"--by is one line of at most 200 characters, --why of 500: {by[:20]!r}…, {why[:20]!r}…"
        ) from error
    _switch(record, settings, wait_s, is_forced=force, as_json=as_json)


def _switch(
    record: Promotion, settings: Settings, wait_s: float | None, *, is_forced: bool, as_json: bool
) -> None:
    name, tenant = record.artifact, record.tenant
    require_topics(open_admin(settings), settings.partitions, [PROMOTIONS])
    servers = servers_of(name, partial(look_at_store, settings), is_forced=is_forced)
    promotion = publish_promotion(settings.broker, record, settings.patience_s)
    answer: dict[str, object] = {"artifact": name, "promotion": promotion, "tenant": tenant}
    answer |= {"by": record.by, "why": record.why, "workers_that_have_it": servers.able}
    if not as_json:
        click.echo(f"artifact {name[:12]} is promotion {promotion} for tenant {tenant}")
        if servers.note:
            click.echo(servers.note)
    if wait_s is not None:
        reached = _wait(look_at_store(settings), tenant, promotion, wait_s)
        answer |= asdict(reached)
        if not as_json:
            click.echo(f"{reached.n_scored} of {reached.n_listed} listed leads are scored with it")
    if as_json:
        click.echo(json.dumps(answer))
    if wait_s is not None and not reached.is_complete:
        raise Failure(_what_is_missing(reached, wait_s), exit_codes.NO)


def _what_is_missing(reached: Coverage, wait_s: float) -> str:
    if n_left := reached.n_listed - reached.n_scored:
        return (
            f"{n_left} listed leads are not scored with it after {wait_s:.0f} s; they will be: is "
            "`asllr score` running, and does it find the artifact? `asllr doctor` says"
        )
    return (
        f"all are scored with it; after {wait_s:.0f} s boards still show {reached.n_held} of them "
        "as before: is `asllr publish` running? It turns the boards over"
    )


def _wait(store: Store, tenant: str, promotion: int, wait_s: float) -> Coverage:
    """Waits until all leads are scored or time is up, and returns how far it came."""
    deadline = time.monotonic() + wait_s
    while not is_copied(store, tenant, promotion):
        if time.monotonic() > deadline:
            if store.announced().get(tenant, (-1, ""))[0] >= promotion:
                raise Failure(
                    f"no score worker has loaded promotion {promotion} within {wait_s:.0f} s; what "
                    "was live before stays live: copy the artifact to the workers, whose log says "
                    "`artifact_not_served` and why",
                    exit_codes.NO,
                )
            raise Failure(
                f"promotion {promotion} did not reach Redis within {wait_s:.0f} s: is "
                "`asllr publish` running? It copies the promotion",
                exit_codes.NO,
            )
        time.sleep(WAIT_EVERY_S)
    reached = coverage(store, tenant, promotion)
    progress = TerminalProgress("rescored", "leads", reached.n_listed)
    while not reached.is_complete and time.monotonic() <= deadline:
        time.sleep(WAIT_EVERY_S)
        before, reached = reached, coverage(store, tenant, promotion)
        progress.advance(max(0, reached.n_scored - before.n_scored))
    progress.close()
    return reached


def _say_who_moves(path: Path, settings: Settings, tenant: str, k: int, *, as_json: bool) -> None:
    # Here: the engines' libraries take a moment to load, and the switch does not need them.
    from scoring.engines.loading import load_scorer
    from streams.candidate.who_moves import live_for, n_standing, who_moves
    from streams.reports.who_moves_text import who_moves_json, who_moves_lines

    name = artifact_digest(path)
    store = look_at_store(settings)
    if live_for(store, tenant) == {name}:
        raise Failure(
            f"artifact {name[:12]} is live already for tenant {tenant}: nobody would move; name "
            "another one",
            exit_codes.NO,
        )
    try:
        scorer = load_scorer(path)
    except ArtifactError as error:
        raise Failure(str(error), exit_codes.UNUSABLE) from error
    progress = TerminalProgress("scored", "leads", n_standing(store, tenant))
    moved = who_moves(store, scorer, k, tenant, progress.advance)
    progress.close()
    if as_json:
        click.echo(json.dumps({"artifact": name, "tenant": tenant} | who_moves_json(moved)))
    else:
        click.echo("\n".join(who_moves_lines(moved, name)))
