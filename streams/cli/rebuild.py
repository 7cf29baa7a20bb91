"""`asllr rebuild`: fills an empty Redis again from Kafka."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict

import click

from schemas.topics import INPUTS, STATE
from streams import exit_codes
from streams.cli.front import Failure, current_settings, look_at_store, open_admin, open_store
from streams.cli.progress import TerminalProgress
from streams.kafka.topic_admin import TopicsUnusable, existing_topics, require_topics
from streams.publish.state_topic import BadSnapshots
from streams.recording.kafka_range import open_consumer
from streams.settings import mask
from streams.store.contract import Store
from streams.store.open_redis import clear_redis


@click.command()
@click.option("--yes", is_flag=True, help="delete what asllr keeps in Redis now.")
@click.option("--json", "as_json", is_flag=True, help="for machines.")
def rebuild(*, yes: bool, as_json: bool) -> None:
    """Make Redis anew from Kafka: the snapshots on leads.state, then the log after them.

    For a Redis that is lost or not to be trusted, or a new one. Works when retention has taken the
    older events, as long as snapshots reach what is left. Stop `asllr ingest` first; afterwards
    every listed lead is scored again, and boards fill as that goes on.

    \b
    Example:
      asllr rebuild
      ASLLR_REDIS=redis://new:6379/0 asllr rebuild --json
    """
    from streams.operate import rebuild as work

    settings = current_settings()
    admin = open_admin(settings)
    require_topics(admin, settings.partitions, INPUTS)
    topics = existing_topics(admin)
    if STATE.name not in topics:
        raise TopicsUnusable(f"{STATE.name} is missing: run `asllr topics create`")
    if len(topics[STATE.name].partitions) != settings.partitions:
        raise TopicsUnusable(
            f"{STATE.name} has {len(topics[STATE.name].partitions)} partitions, the inputs have "
            f"{settings.partitions}: delete it and run `asllr topics create`"
        )
    held = _held(look_at_store(settings))
    if held and not yes:
        raise Failure(
            f"{mask(settings.redis)} is not empty: it holds {held}. Nothing was changed; repeat "
            "with --yes to delete that and build it anew, or name another Redis in ASLLR_REDIS",
            exit_codes.NO,
        )
    with closing(open_consumer(settings.broker)) as consumer:
        try:
            made = work.plan(consumer, settings.partitions)
            if held or yes:
                clear_redis(settings.redis)
            progress = TerminalProgress(
                "rebuilt", "leads and records", made.n_leads + made.n_records
            )
            done = work.rebuild(
                open_store(settings), consumer, made, settings.partitions, progress.advance
            )
            progress.close()
        except BadSnapshots as error:
            raise Failure(str(error), exit_codes.UNUSABLE) from error
    if as_json:
        click.echo(json.dumps(asdict(done)))
        return
    click.echo(
        f"{done.n_restored} leads from snapshots, then {done.n_events} events and "
        f"{done.n_dead_letters} dead letters from the log after them; start `asllr ingest`"
    )


def _held(store: Store) -> str:
    """Describes what Redis holds of a deployment; an empty text where it holds nothing."""
    shards = range(store.recorded_partitions() or 0)
    if not any(store.frontier(shard) or store.leads(shard, 0, 1)[1] for shard in shards):
        return ""
    return f"leads of {len(shards)} partitions and {len(store.queues())} queues"
