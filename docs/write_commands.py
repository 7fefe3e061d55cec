"""Writes docs/commands.md from the commands' own help. `make docs` runs it; a test checks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from kb.cli.main import cli

FILE = Path(__file__).resolve().parent / "commands.md"
WIDTH = 96


def commands(group: click.Group, context: click.Context) -> Iterator[click.Context]:
    """A context for each command below `group`, in order of name."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(
            command, info_name=name, parent=context, max_content_width=WIDTH, terminal_width=WIDTH
        )
        yield below
        if isinstance(command, click.Group):
            yield from commands(command, below)


def reference() -> str:
    """The whole page."""
    top = click.Context(
        cli,
        info_name="kb",
        max_content_width=WIDTH,
        terminal_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    parts = [
        "# Commands\n\nWhat `kb COMMAND --help` says, for all commands. Written by `make docs`.\n"
    ]
    for context in (top, *commands(cli, top)):
        parts.append(f"## {context.command_path}\n\n```text\n{context.get_help().rstrip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
