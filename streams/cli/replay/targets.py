"""Where `asllr replay` may put its output and its states, checked before any work is done."""

from __future__ import annotations

import threading
from importlib.util import find_spec
from pathlib import Path

import click

from streams import exit_codes
from streams.cli.front import Failure, open_admin
from streams.kafka.producer import KafkaOutput
from streams.kafka.topic_admin import create_topics
from streams.replay.redis_table import RedisPlace
from streams.replay.sinks.sink import FileFormat
from streams.replay.sinks.topic import ShadowScores, shadow_topic
from streams.settings import Settings, checked_redis_url


def require_format(out: Path | None, file_format: FileFormat) -> None:
    if file_format is FileFormat.JSONL:
        return
    if out is None:
        raise click.UsageError("--format is of the files that --out writes; name a folder with it")
    if find_spec("pyarrow") is None:
        raise Failure(
            "pyarrow, which writes Parquet, is not installed: pip install 'asllr[train]', or leave "
            "out --format",
            exit_codes.UNUSABLE,
        )


def shadow_scores(topic: str, settings: Settings) -> ShadowScores:
    """Makes the topic if it does not exist, and opens a producer for it."""
    try:
        declared = shadow_topic(topic)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    create_topics(open_admin(settings), settings.partitions, topics=[declared])
    return ShadowScores(KafkaOutput(settings.broker, settings.patience_s, threading.Event()), topic)


def redis_place(url: str | None, namespace: str | None) -> RedisPlace | None:
    """Where in Redis a replay keeps its states; None: states stay in memory. Raises BadSettings."""
    if url is None and namespace is None:
        return None
    if url is None or namespace is None:
        raise click.UsageError("--redis and --namespace go together: where, and under which name")
    try:
        return RedisPlace(checked_redis_url(url, "--redis"), namespace)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
