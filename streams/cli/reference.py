"""The command reference, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click

HEADER = """# Commands

Made by `asllr reference`; a test holds the two together. Exit codes: 0 done, 1 the answer is no,
2 wrong usage or setting, 70 our bug, 75 Kafka or Redis is away (try again), 78 a person must act.
"""


@click.command(hidden=True)
@click.pass_context
def reference(ctx: click.Context) -> None:
    """Print the reference of all commands as Markdown.

    \b
    Example:
      asllr reference > docs/commands.md
    """
    root = ctx.find_root()
    click.echo(HEADER)
    for path, command in walk(root.command, ("asllr",)):
        click.echo(f"## `{' '.join(path)}`\n")
        nested = click.Context(command, info_name=" ".join(path), max_content_width=90)
        nested.terminal_width = 90
        click.echo(f"```\n{command.get_help(nested)}\n```\n")


def walk(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every visible command below `command`, itself included, with its words."""
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            if not command.commands[name].hidden:
                yield from walk(command.commands[name], (*path, name))
