"""`asllr ingest`, `score` and `publish`: one role, one process, until SIGTERM."""

from __future__ import annotations

import socket
from functools import partial

import click

from streams.cli.artifacts import artifact_folder
from streams.cli.front import current_settings, open_store, set_up_logging
from streams.settings import Settings


def process_name(role: str, settings: Settings, index: int) -> str:
    """The name of a role process. It is the same after a restart: a process that comes back under
    its old name gets its old work back at once."""
    return f"{settings.member or socket.gethostname()}-{role}-{index}"


_INDEX = click.option(
    "--index",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="tells apart the processes of this role on one machine; must stay the same.",
)


@click.command()
@_INDEX
def ingest(*, index: int) -> None:
    """Fold events into leads: crm.events and asr.transcripts into Redis.

    Run as many as there are partitions at most. Each needs a stable name: the host's, or
    ASLLR_MEMBER, and --index.

    \b
    Example:
      asllr ingest --index 1
    """
    from streams.ingest.worker import IngestConfig, run_ingest  # Faust takes a moment to load

    settings = current_settings()
    set_up_logging(settings.log_level)
    run_ingest(
        IngestConfig(
            bootstrap_servers=settings.broker,
            member=process_name("ingest", settings, index),
            n_partitions=settings.partitions,
            open_store=partial(open_store, settings),
            group=settings.group,
            patience_s=settings.patience_s,
            session_timeout_s=settings.session_s,
            batch_bytes=settings.batch_mib << 20,
        )
    )


@click.command()
@_INDEX
def score(*, index: int) -> None:
    """Score the leads that changed, the most urgent first, with the promoted artifact.

    Run as many as the machine has cores or GPUs: they share the work whatever the partitions.

    \b
    Example:
      asllr score
    """
    from streams.score.worker import ScoreWorkerConfig, run_score_worker  # loads the engines

    settings = current_settings()
    set_up_logging(settings.log_level)
    run_score_worker(
        ScoreWorkerConfig(
            open_store=partial(open_store, settings),
            worker=process_name("score", settings, index),
            n_shards=settings.partitions,
            artifact_dirs=(artifact_folder(settings.artifacts),),
            patience_s=settings.patience_s,
            reason_share=settings.reason_share,
            kept_bytes=settings.kept_mib << 20,
        )
    )


@click.command()
@_INDEX
def publish(*, index: int) -> None:
    """Publish scores, ranks, boards and dead letters; one process per shard works at a time.

    \b
    Example:
      asllr publish
    """
    from streams.publish.publisher import PublisherConfig, run_publisher

    settings = current_settings()
    set_up_logging(settings.log_level)
    run_publisher(
        PublisherConfig(
            bootstrap_servers=settings.broker,
            open_store=partial(open_store, settings),
            owner=process_name("publish", settings, index),
            n_shards=settings.partitions,
            patience_s=settings.patience_s,
            state_every_s=settings.snapshot_s,
        )
    )
