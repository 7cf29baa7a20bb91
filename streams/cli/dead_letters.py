"""`asllr dead-letters …`: lists records that could not be used, says why, and sends them again."""

from __future__ import annotations

import json
import re

import click
from confluent_kafka import KafkaError, Message, Producer

from schemas.codec import Record
from schemas.dead_letter import original
from schemas.outputs import DeadLetter, DeadLetterStage
from schemas.topics import DEAD_LETTER, INPUTS
from streams import exit_codes
from streams.cli.front import Failure, current_settings, lead_key
from streams.kafka.topic_reader import read_one, read_to_end
from streams.operate.lead_letters import is_about, letters

MAX_VALUE_CHARS = 2_000


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Records that could not be used: list them, look at one, send it again.

    \b
    Example:
      asllr dead-letters list
    """


@dead_letters.command(name="list")
@click.option("--lead", help="only those about this lead, by its id or its name.")
@click.option("--json", "as_json", is_flag=True, help="one JSON object per dead letter.")
def list_(*, lead: str | None, as_json: bool) -> None:
    """List what could not be used: where it came from, why, and how to mend it.

    A letter with the reason `mended` only warns: its record was used but for a part.

    \b
    Example:
      asllr dead-letters list
      asllr dead-letters list --lead demo/jane@example.com
      asllr dead-letters list --json | jq -r .reason | sort | uniq -c
    """
    settings = current_settings()
    key = None if lead is None else str(lead_key(lead, settings.tenant))
    n = 0
    for place, letter in letters(read_to_end(settings.broker, DEAD_LETTER.name)):
        if key is not None and not is_about(letter, key):
            continue
        n += 1
        if as_json:
            click.echo(
                json.dumps({"id": place} | letter.model_dump(mode="json", exclude={"value"}))
            )
            continue
        origin = f"{letter.origin.topic} {letter.origin.partition}:{letter.origin.offset}"
        click.echo(f"{place}  {origin}  {letter.stage.value}  {letter.reason}: {letter.detail}")
        click.echo(f"  fix: {letter.fix}")
    if not n and not as_json:
        click.echo("no dead letters")


@dead_letters.command()
@click.argument("place")
def show(place: str) -> None:
    """Print the dead letter at PLACE (partition:offset, as `list` prints it).

    The original may hold personal data: it is printed here and nowhere else.

    \b
    Example:
      asllr dead-letters show 0:17
    """
    letter = _find(place)
    for name, value in letter.model_dump(mode="json", exclude={"value", "key", "headers"}).items():
        click.echo(f"{name:<12} {value}")
    if letter.value is None:
        return
    record = original(letter.model_copy(update={"truncated": False}))
    text = (record.value or b"").decode(errors="backslashreplace")
    for header, content in record.headers:
        click.echo(f"{header:<12} {(content or b'').decode(errors='backslashreplace')}")
    click.echo(text[:MAX_VALUE_CHARS] + ("…" if len(text) > MAX_VALUE_CHARS else ""))


@dead_letters.command()
@click.argument("place")
def retry(place: str) -> None:
    """Send the original of the dead letter at PLACE again, unchanged, to the topic it came from.

    Use it after asllr was mended. A record that the producer must mend becomes a dead letter again.

    \b
    Example:
      asllr dead-letters retry 0:17
    """
    letter = _find(place)
    if letter.stage is not DeadLetterStage.INGEST or letter.origin.topic not in {
        topic.name for topic in INPUTS
    }:
        raise Failure(
            f"{place} is a lead that could not be scored, not a record: it is scored again at its "
            "next event or when an artifact is promoted",
            exit_codes.NO,
        )
    try:
        record = original(letter)
    except ValueError as error:
        raise Failure(str(error), exit_codes.NO) from error
    sent = _send(current_settings().broker, record)
    click.echo(f"sent again as {sent.topic()} {sent.partition()}:{sent.offset()}")


def _find(place: str) -> DeadLetter:
    match = re.fullmatch(r"(\d{1,9}):(\d{1,18})", place)  # Kafka counts in 32 and 64 bits
    if match is None:
        raise click.BadParameter(f"{place[:80]!r} is not partition:offset such as 0:17")
    record = read_one(current_settings().broker, DEAD_LETTER.name, int(match[1]), int(match[2]))
    if record is None or record.value is None:
        raise Failure(f"there is no dead letter at {place}", exit_codes.NO)
    return DeadLetter.model_validate_json(record.value)


def _send(broker: str, record: Record) -> Message:
    """Sends the record and waits for the delivery report: a retry that may be lost is not a
    retry."""
    reports: list[tuple[KafkaError | None, Message]] = []
    producer = Producer(
        {
            "bootstrap.servers": broker,
            "partitioner": "murmur2_random",
            "enable.idempotence": True,
            "message.max.bytes": INPUTS[0].max_message_bytes,
            "delivery.timeout.ms": 10_000,
            "log_level": 2,
        }
    )
    producer.produce(
        record.topic,
        key=record.key,
        value=record.value,
        headers=[(name, content) for name, content in record.headers],
        on_delivery=lambda error, message: reports.append((error, message)),
    )
    producer.flush()
    error, message = reports[0]
    if error is not None:
        raise Failure(f"Kafka did not take the record: {error.str()}", exit_codes.AWAY)
    return message
