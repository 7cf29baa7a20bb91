"""`asllr promote`: makes another artifact live, or says what that would change."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

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
from streams.publish.promotions import publish_promotion
from streams.settings import Settings
from streams.store.contract import Store

WAIT_EVERY_S = 0.5


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
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def promote(
    artifact: str, *, tenant: str, dry_run: bool, k: int, wait_s: float | None, as_json: bool
) -> None:
    """Make ARTIFACT live: every listed lead is rescored with it, at low priority.

    ARTIFACT is a folder's name, a path, or the beginning of a digest. Promoting an older one again
    is a rollback.

    With --dry-run each listed lead is scored with ARTIFACT as of the moment of its present score,
    here and now, and the two are compared: who would move on which queue, and how far. Leads that
    changed since their score are counted, not compared. Needs Redis, not Kafka; changes neither.

    Workers take up the new artifact without a restart. A board turns over at once, when all of its
    leads are scored again; until then it shows them as before. Only a lead with news (an event, a
    call) takes its new place right away: a call does not wait for a promotion. --wait ends with 0
    when every board has turned over, with 1 when time is up.

    \b
    Example:
      asllr promote demo
      asllr promote 2026-03-retrained --dry-run
      asllr promote 2026-03-retrained --tenant north
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
    else:
        _switch(path, settings, tenant, wait_s, as_json=as_json)


def _switch(
    path: Path, settings: Settings, tenant: str, wait_s: float | None, *, as_json: bool
) -> None:
    name = artifact_digest(path)
    require_topics(open_admin(settings), settings.partitions, [PROMOTIONS])
    record = Promotion(tenant=tenant, artifact=name, promoted_at=datetime.now(UTC))
    promotion = publish_promotion(settings.broker, record, settings.patience_s)
    answer: dict[str, object] = {"artifact": name, "promotion": promotion, "tenant": tenant}
    if not as_json:
        click.echo(f"artifact {name[:12]} is promotion {promotion} for tenant {tenant}")
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
