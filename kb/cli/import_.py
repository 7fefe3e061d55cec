"""`kb import`: a project from another library, or back from one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kb.cli.options import as_json_option
from kb.cli.show import harmless, say
from kb.config import Config
from kb.errors import UsageError
from kb.knowledge_base import KnowledgeBase
from kb.records import Keep, Taken


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "name", default="", metavar="NAME", help="Under another name.")
@click.option(
    "--keep",
    type=click.Choice(["ours", "theirs"]),
    help="Whose state counts where both have changed something. Default: stop and say what.",
)
@as_json_option
@click.pass_obj
def import_(config: Config, file: Path, name: str, keep: Keep | None, as_json: bool) -> None:
    """Bring in a project from FILE, which kb export --format json or kb bundle has written.

    What is here already is not doubled, and what only one side has changed since is brought
    together.

    \b
    kb import project.json
    kb import E-mail-sentiment.zip --as "Their e-mails"
    """
    state, raw = _read(file)
    with KnowledgeBase(config, say=say) as kb:
        taken = kb.take_in(state, raw=raw, name=name, keep=keep)
        lacking = _lacking(kb, state)
    if as_json:
        click.echo(json.dumps(asdict(taken) | {"lacking": lacking}, ensure_ascii=False, indent=2))
        return
    _show(taken, lacking)


def _read(file: Path) -> tuple[dict[str, Any], Iterable[bytes]]:
    from kb.export.bundle import looks_like_bundle, read_bundle
    from kb.export.json_plan import read_project

    try:
        with file.open("rb") as opened:
            if looks_like_bundle(opened.read(4)):
                return read_bundle(file)
        return read_project(file.read_bytes()), ()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from error


def _lacking(kb: KnowledgeBase, state: dict[str, Any]) -> int:
    """How many of the cited sources have no bytes in this library."""
    from kb.export.bundle import cited_versions

    return sum(not kb.store.raw_files.path(sha256).is_file() for sha256 in cited_versions(state))


def _show(taken: Taken, lacking: int) -> None:
    for sentence in taken.conflicts:
        click.echo(harmless(sentence))
    parts = [f"{n} {name} added" for name, n in taken.added.items()]
    parts += [f"{n} {name} changed" for name, n in taken.changed.items()]
    click.echo(f"{harmless(taken.project)}: {', '.join(parts) or 'nothing new'}.")
    if taken.unsplit:
        say(f"{taken.unsplit} documents are not searched yet: kb reindex adds them.")
    if lacking:
        say(
            f"The bytes of {lacking} cited sources are not in this library, so that kb verify "
            "misses them. They come with kb import of a bundle (kb bundle)."
        )
