"""A group whose most usual command need not be named."""

from __future__ import annotations

from typing import Any

import click


class DefaultGroup(click.Group):
    """Whatever does not begin with a command or with --help is for the command `default`."""

    def __init__(self, *args: Any, default: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.default = default

    def named(self, words: list[str], help_names: list[str]) -> list[str]:
        """`words` with the command in front."""
        is_named = not words or words[0] in self.commands or words[0] in help_names
        return words if is_named else [self.default, *words]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.named(args, ctx.help_option_names))
