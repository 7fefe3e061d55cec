"""The `kb` command: which commands there are, and the one place where errors become sentences.

Commands are loaded when they are called, so that each starts as fast as what it needs.
"""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb import __version__
from kb.config import Config, read_config
from kb.errors import KbError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

COMMANDS = {
    "app": "kb.cli.app:app",
    "axes": "kb.cli.axes:axes",
    "bundle": "kb.cli.export:bundle",
    "calibration": "kb.cli.plan:calibration",
    "comment": "kb.cli.findings:comment",
    "data": "kb.cli.data:data",
    "decision": "kb.cli.decision:decision",
    "doctor": "kb.cli.doctor:doctor",
    "documents": "kb.cli.documents:documents",
    "experiment": "kb.cli.experiment:experiment",
    "export": "kb.cli.export:export",
    "findings": "kb.cli.findings:findings",
    "fit": "kb.cli.fit:fit",
    "import": "kb.cli.import_:import_",
    "log": "kb.cli.findings:log",
    "member": "kb.cli.member:member",
    "model": "kb.cli.model:model",
    "open": "kb.cli.documents:open_",
    "plan": "kb.cli.plan:plan",
    "project": "kb.cli.project:project",
    "runtime": "kb.cli.runtime:runtime",
    "search": "kb.cli.search:search",
    "similar": "kb.cli.search:similar",
    "status": "kb.cli.status:status",
    "suggest": "kb.cli.findings:suggest",
    "tag": "kb.cli.findings:tag",
    "verify": "kb.cli.findings:verify",
}
"""Name of a command → module:object. Others join through the entry-point group kb.commands."""

GROUP = "kb.commands"


def _others() -> EntryPoints:
    """The commands of other packages. Imported late: a search never asks, and saves 30 ms."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


class LazyGroup(click.Group):
    """A group that imports a command when it is called or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in order."""
        return sorted({*COMMANDS, *(entry.name for entry in _others())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name in COMMANDS:
            module, name = COMMANDS[cmd_name].split(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        for entry in _others():
            if entry.name == cmd_name:
                loaded: click.Command = entry.load()
                return loaded
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with the names that exist where a name does not."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(
                f"There is no command “{args[0]}”. Commands are: "
                f"{', '.join(self.list_commands(ctx))}."
            )
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--library",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the library. Default: KB_LIBRARY, else your platform's data folder.",
)
@click.option("--member", help="Who acts, for the log. Default: KB_MEMBER, else your login name.")
@click.version_option(__version__, prog_name="kb")
@click.pass_context
def cli(ctx: click.Context, library: Path | None, member: str | None) -> None:
    """A knowledge base for the literature a team reads before it trains."""
    config = ctx.obj if isinstance(ctx.obj, Config) else read_config(library)
    ctx.obj = replace(config, member=member) if member else config


def main(arguments: list[str] | None = None) -> None:
    """Run `kb`, and turn what a user can act on into a sentence.

    Exit codes: 0 done, 1 something failed, 2 the command was not understood, 130 stopped.
    """
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run `kb` and return its exit code."""
    if hasattr(signal, "SIGTERM") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: in order
    try:
        result: Any = cli.main(arguments, prog_name="kb", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 130
    except KbError as error:
        click.echo(f"kb: {error}", err=True)
        return 1
    except BrokenPipeError:  # `kb search … | head`
        sys.stderr.close()
        return 0


if __name__ == "__main__":
    main()
