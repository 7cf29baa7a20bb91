"""`asllr topics …` and `asllr tail`: makes, checks and prints topics."""

from __future__ import annotations

import json
from itertools import islice

import click

from schemas.codec import Record
from streams import exit_codes
from streams.cli.front import Failure, current_settings, open_admin, open_store
from streams.kafka.topic_admin import Adopted, adopt, check_inputs, check_topics, create_topics
from streams.kafka.topic_ids import remade_inputs
from streams.kafka.topic_reader import Start, follow, read_to_end


@click.group()
def topics() -> None:
    """Make the topics, compare them, adopt trimmed ones.

    \b
    Example:
      asllr topics create --replication 3
    """


@topics.command()
@click.option(
    "--replication",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="copies Kafka keeps of each.",
)
def create(replication: int) -> None:
    """Make the topics that are missing; what exists is left as it is.

    \b
    Example:
      asllr topics create --replication 3
    """
    settings = current_settings()
    made = create_topics(open_admin(settings), settings.partitions, replication=replication)
    click.echo(f"created {', '.join(made)}" if made else "all topics exist already")


@topics.command()
def check() -> None:
    """Compare the topics with what asllr needs; exits with 1 when they differ.

    \b
    Example:
      asllr topics check || echo "see above"
    """
    settings = current_settings()
    faults = check_topics(open_admin(settings), settings.partitions)
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise Failure(f"{len(faults)} differences", exit_codes.NO)
    click.echo("all topics are as asllr needs them")


@topics.command(name="adopt")
def adopt_() -> None:
    """Accept that the beginning of the input topics is gone, or that one was made again.

    Before a first start on topics whose beginning is gone. Partitions that were already read keep
    their position: this never skips a record. A topic that was deleted and made again since it was
    read goes on from its first record, with all that was read before; stop asllr ingest first.

    \b
    Example:
      asllr topics adopt
    """
    settings = current_settings()
    admin = open_admin(settings)
    check_inputs(admin, settings.partitions)  # before the store records a count that is wrong
    store = open_store(settings)
    remade = remade_inputs(admin, store)
    for adopted in adopt(admin, store, settings.partitions, remade):
        click.echo(f"{adopted.topic} {adopted.partition}: {_outcome(adopted)}")


def _outcome(adopted: Adopted) -> str:
    if adopted.is_continued:
        return f"was made again, goes on after offset {adopted.frontier}"
    if adopted.frontier < 0:
        return "complete, nothing to adopt"
    if adopted.is_new:
        return f"starts after offset {adopted.frontier}"
    return "was read before, keeps its position"


@click.command()
@click.argument("topic")
@click.option("--from-start", is_flag=True, help="print what is there already, too.")
@click.option("--to-end", is_flag=True, help="print what is there and stop.")
@click.option("--max", "limit", type=click.IntRange(min=1), help="stop after this many records.")
@click.option("--json", "as_json", is_flag=True, help="one JSON object per record.")
def tail(topic: str, *, from_start: bool, to_end: bool, limit: int | None, as_json: bool) -> None:
    """Print the records of a topic as they come.

    \b
    Example:
      asllr tail leads.ranked
      asllr tail leads.scores --to-end --json | jq .value.probability
    """
    broker = current_settings().broker
    start = Start.BEGINNING if from_start else Start.END
    records = read_to_end(broker, topic) if to_end else follow(broker, topic, start)
    for record in islice((record for record in records if record is not None), limit):
        click.echo(json.dumps(_as_object(record)) if as_json else _as_line(record))


def _as_line(record: Record) -> str:
    key = (record.key or b"").decode(errors="replace")
    value = "tombstone" if record.value is None else record.value.decode(errors="replace")
    return f"{record.partition}:{record.offset} {key} {value}"


def _as_object(record: Record) -> dict[str, object]:
    """A record as a JSON object, where `value` is the JSON of the record's value, or its text where
    that is not JSON, or null for a tombstone."""
    text = None if record.value is None else record.value.decode(errors="replace")
    try:
        value: object = None if text is None else json.loads(text)
    except ValueError:
        value = text
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": None if record.key is None else record.key.decode(errors="replace"),
        "value": value,
        "headers": {
            name: None if content is None else content.decode(errors="replace")
            for name, content in record.headers
        },
    }
