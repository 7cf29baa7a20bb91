"""Options of several commands and what they take: moments, offset ranges, scoring policies."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from streams.replay.policy import ScoringPolicy, parse_policy

Command = TypeVar("Command", bound=Callable[..., Any])


class TimeOption(click.ParamType):
    """An option type for moments: RFC 3339 with an offset, or a date, which begins at midnight
    UTC."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is None and "T" not in str(value):
            moment = moment.replace(tzinfo=UTC)
        if moment is None or moment.tzinfo is None:
            self.fail(
                f"{value!r} is not a time such as 2026-03-01 or 2026-03-01T09:30:00Z", param, ctx
            )
        return moment.astimezone(UTC)


class OffsetRange(click.ParamType):
    """An option type for offsets of a partition: `crm.events/3=100..200` is offsets 100 up to but
    not including 200."""

    name = "topic/partition=first..end"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[tuple[str, int], tuple[int, int]]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([a-z.-]+)/(\d+)=(\d+)\.\.(\d+)", str(value))
        if match is None or int(match[3]) > int(match[4]):
            self.fail(f"{value!r} is not a range such as crm.events/3=100..200", param, ctx)
        return (match[1], int(match[2])), (int(match[3]), int(match[4]))


class PolicyOption(click.ParamType):
    name = "policy"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ScoringPolicy:
        try:
            return parse_policy(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


MOMENT = TimeOption()
OFFSET_RANGE = OffsetRange()
POLICY = PolicyOption()


def agreement_depth(when: str = "") -> Callable[[Command], Command]:
    return click.option(
        "--top",
        "k",
        default=50,
        show_default=True,
        type=click.IntRange(1, 5_000),
        help=f"{when}how far down a queue agreement counts.",
    )
