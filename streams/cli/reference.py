"""The command reference, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click

from streams.cli.front import FrontDoor

HEADER = """# Commands

By job, as `asllr --help` shows them. Printed by `asllr reference` from the commands themselves.
Every command ends with one of these [exit codes](exit-codes.md).
"""


@click.command(hidden=True)
@click.pass_context
def reference(ctx: click.Context) -> None:
    """Print the reference of all commands as Markdown.

    \b
    Example:
      asllr reference > docs/reference/commands.md
    """
    door = ctx.find_root().command
    parts = [HEADER, _section("##", ("asllr",), door)]
    for heading, commands in door.jobs.items() if isinstance(door, FrontDoor) else ():
        parts.append(f"## {heading}\n")
        for command in commands:
            path = ("asllr", command.name or "")
            parts += [_section("###", *each) for each in walk(command, path)]
    click.echo("\n".join(parts), nl=False)


def _section(level: str, path: tuple[str, ...], command: click.Command) -> str:
    words = " ".join(path)
    nested = click.Context(command, info_name=words, max_content_width=90)
    nested.terminal_width = 90
    return f"{level} `{words}`\n\n```\n{command.get_help(nested)}\n```\n"


def walk(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every visible command below `command`, itself included, with its words."""
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            if not command.commands[name].hidden:
                yield from walk(command.commands[name], (*path, name))
