"""What all commands share: settings, errors as exit codes, option types, and parsing of names."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.ids import LeadKey, id_of
from scoring.lead.state_bytes import OtherFormat
from streams import exit_codes
from streams.kafka.topic_admin import TopicsUnusable, wait_for_broker
from streams.settings import BadSettings, Settings, read_settings
from streams.store.contract import Store, StoreAway, StoreUnusable
from streams.store.open_redis import look_at_redis_store, open_redis_store
from streams.waiting import RoleStopped


class Failure(click.ClickException):
    """A command cannot do what it was asked: one sentence for a person and an exit code for a
    script."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


class FrontDoor(click.Group):
    """The `asllr` command. Shows its commands by the job they are for. Turns the errors a person
    can act on into one sentence and an exit code; others crash."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.jobs: dict[str, list[click.Command]] = {}

    def add_job(self, heading: str, *commands: click.Command) -> None:
        """Adds the commands of one job; help and reference show jobs in the order in which they are
        added."""
        self.jobs[heading] = list(commands)
        for command in commands:
            self.add_command(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.commands)
        limit = formatter.width - width - 6  # two columns, with spaces before and between them
        for heading, commands in self.jobs.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [
                        ((command.name or "").ljust(width), command.get_short_help_str(limit))
                        for command in commands
                    ]
                )

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BadSettings as error:
            raise Failure(str(error), exit_codes.USAGE) from error
        except StoreAway as error:
            raise Failure(str(error), exit_codes.AWAY) from error
        except (StoreUnusable, OtherFormat) as error:
            raise Failure(str(error), exit_codes.UNUSABLE) from error
        except TopicsUnusable as error:
            code = exit_codes.UNUSABLE if error.is_lasting else exit_codes.AWAY
            raise Failure(str(error), code) from error
        except RoleStopped as error:
            raise Failure(str(error), error.exit_code) from error
        except KafkaException as error:
            raise Failure(f"Kafka: {error.args[0].str()}", exit_codes.AWAY) from error


class DefaultGroup(click.Group):
    """A group whose most usual command need not be named: whatever does not begin with a command
    or with --help is for the command `default`."""

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.default = default

    def named(self, words: list[str], help_names: list[str]) -> list[str]:
        """`words`, with the most usual command in front where they name none."""
        is_named = not words or words[0] in self.commands or words[0] in help_names
        return words if is_named else [self.default, *words]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.named(args, ctx.help_option_names))


@contextmanager
def naming_files() -> Iterator[None]:
    """Turns an error of reading or writing a file into one sentence."""
    try:
        yield
    except OSError as error:
        raise Failure(
            f"{error.filename or 'file'}: {error.strerror or error}", exit_codes.UNUSABLE
        ) from error


class Duration(click.ParamType):
    """An option type for durations: `90`, `90s`, `5m`, `1h` or `14d`, in seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h|d)?", str(value))
        if match is None:
            self.fail(f"{value!r} is not a duration such as 30s, 5m, 1h or 14d", param, ctx)
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[match[2] or "s"]


DURATION = Duration()


def current_settings() -> Settings:
    return read_settings(os.environ)


def settings_for(broker: str | None, redis: str | None) -> Settings:
    """The settings of the environment; a broker or Redis that the command line names replaces
    theirs."""
    settings = current_settings()
    return replace(settings, broker=broker or settings.broker, redis=redis or settings.redis)


def set_up_logging(level: str) -> None:
    """Logs to standard error, one line per event, keys and values, no lead text."""
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )


def open_admin(settings: Settings) -> AdminClient:
    """A Kafka admin client that has answered. Raises TopicsUnusable."""
    admin = AdminClient({"bootstrap.servers": settings.broker, "log_level": 2})
    wait_for_broker(admin, min(settings.patience_s, MAX_WAIT_OF_A_PERSON_S))
    return admin


MAX_WAIT_OF_A_PERSON_S = 10.0
"""A command of a person waits at most this long for a service; a role waits as long as the settings
say."""


def open_store(settings: Settings) -> Store:
    """Opens the store for work: the partition count is recorded. Raises StoreAway,
    StoreUnusable."""
    return open_redis_store(settings.redis, settings.partitions)


def look_at_store(settings: Settings) -> Store:
    """Opens the store for reading only: writes nothing. Raises StoreAway, StoreUnusable."""
    return look_at_redis_store(settings.redis)


def lead_key(text: str, tenant: str) -> LeadKey:
    """Parses `lead` or `tenant/lead`, ids or names in any script; a slash in a name is %2F."""
    return LeadKey(*_two_ids(text, tenant, "a lead"))


def queue_name(text: str, tenant: str) -> str:
    """Parses `queue` or `tenant/queue` and returns `tenant/queue`."""
    return "/".join(_two_ids(text, tenant, "a queue"))


def _two_ids(text: str, tenant: str, what: str) -> tuple[str, str]:
    first, slash, second = text.partition("/")
    names = (first, second) if slash else (tenant, first)
    try:
        if "/" in second:
            raise ValueError("a slash in a name is written %2F")
        return id_of(names[0]), id_of(names[1])
    except ValueError as why:
        raise click.BadParameter(
            f"{text[:80]!r} is not {what} such as 4711 or {tenant}/4711: {why}"
        ) from None
