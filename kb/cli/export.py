"""`kb export` and `kb bundle`: a project as files, for the team, its boss and its tools."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kb.cli.show import dim, harmless, say
from kb.config import Config
from kb.errors import KbError, UsageError
from kb.export.formats import FORMATS, Exports, Files, Format, format_named
from kb.export.written import Written
from kb.knowledge_base import KnowledgeBase

Made = tuple[Format, Files]

_WRITTEN = "exports.json"  # in the state folder: what was written where


def _list_formats(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        for name, found in FORMATS.items():
            click.echo(f"{name:<12} {found.name:<19} {dim(found.sentence)}")
        context.exit()


@click.command()
@click.argument("project")
@click.option(
    "--format",
    "names",
    multiple=True,
    metavar="NAME",
    help="A format, repeatable; “all” for each of them. Default: markdown.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="File, or folder for more than one. Default: standard output.",
)
@click.option(
    "--template",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="A Jinja template of your own, for markdown, html or pdf.",
)
@click.option(
    "--known",
    type=click.File("rb"),
    metavar="FILE",
    help="The tracker's own CSV export, for jira and issues: what it has is not doubled.",
)
@click.option("--table", metavar="NAME", help="With csv: one table, as experiments.")
@click.option("--force", is_flag=True, help="Replace files that kb did not write.")
@click.option(
    "--formats", is_flag=True, is_eager=True, expose_value=False, callback=_list_formats,
    help="List the formats.",
)  # fmt: skip
@click.pass_obj
def export(
    config: Config,
    project: str,
    names: tuple[str, ...],
    to: Path | None,
    template: Any,
    known: Any,
    table: str | None,
    force: bool,
) -> None:
    """Write PROJECT in other forms: plan, tables, references, issues, records, calendar.

    \b
    kb export "E-mail sentiment" > plan.md
    kb export "E-mail sentiment" --format docx --to plan.docx
    kb export "E-mail sentiment" --format all --to plan/
    """
    wanted = list(FORMATS) if "all" in names else list(dict.fromkeys(names or ("markdown",)))
    chosen = {name: format_named(name) for name in wanted}
    options = _options(chosen, template, known, every="all" in names)
    if table is not None and wanted != ["csv"]:
        raise click.UsageError("--table goes with --format csv alone.")
    with KnowledgeBase(config, say=say) as kb:
        exports = exports_of(kb, project)
        if table is not None:
            from kb.export.tables_csv import table_csv

            single = Format(f"{table}.csv", "file", "text/csv", "", "")
            made = {"csv": (single, {single.name: table_csv(exports.plan, table)})}
        elif "all" in names:
            made = every_format(exports, options)
        else:
            made = {name: (chosen[name], exports.made(name, **options)) for name in wanted}
    if to is None:
        _print(made)
    else:
        _write(Written(config.state / _WRITTEN), made, to.expanduser().absolute(), force=force)


def _options(
    chosen: Mapping[str, Format], template: Any, known: Any, *, every: bool
) -> dict[str, Any]:
    """What --template and --known hold; UsageError where no chosen format takes them."""
    for given, name in ((template, "template"), (known, "known")):
        takers = [each for each, found in FORMATS.items() if found.takes == name]
        if given is not None and not every and not set(takers) & set(chosen):
            raise click.UsageError(f"--{name} goes with the formats {', '.join(takers)}.")
    try:
        text = None if template is None else template.read()
    except UnicodeDecodeError as error:
        raise UsageError(f"The template is not text in UTF-8: {error}.") from error
    if known is None:
        return {"template": text}
    from kb.export.trackers import known_issues

    return {"template": text, "known": known_issues(known.read())}


def exports_of(kb: KnowledgeBase, project: str) -> Exports:
    """What a project is exported from; NotFound where there is none of that name."""
    kb.store.projects.get(project)
    return Exports(lambda: kb.planner.plan(project), lambda: kb.state(project))


def every_format(exports: Exports, options: Mapping[str, Any]) -> dict[str, Made]:
    """Every format that can be made now; of the others it is said why not."""
    made: dict[str, Made] = {}
    for name, found in FORMATS.items():
        try:
            made[name] = (found, exports.made(name, **options))
        except KbError as error:
            say(f"No {name}: {error}")
    return made


def _print(made: Mapping[str, Made]) -> None:
    """One file to standard output, byte for byte."""
    if len(made) != 1:
        raise click.UsageError("Several formats need a folder: say which with --to.")
    [(name, (found, files))] = made.items()
    if found.kind == "folder":
        raise click.UsageError(f"{name} is a folder of files: say where with --to.")
    if found.binary and sys.stdout.isatty():
        raise click.UsageError(f"{name} is not for reading in a terminal: say where with --to.")
    [content] = files.values()
    click.echo(content, nl=False)


def _write(written: Written, made: Mapping[str, Made], to: Path, *, force: bool) -> None:
    """Write to the file or folder `to`: several formats side by side below it."""
    alone = len(made) == 1
    for found, files in made.values():
        if found.kind == "folder":
            folder = to if alone else to / found.name
            for path in written.write_folder(folder, files, force=force):
                say(f"{path} is left as it is: somebody has changed it since kb wrote it.")
            say(f"Wrote {len(files)} files to {folder}.")
        else:
            path = to if alone and not to.is_dir() else to / found.name
            written.write({path: next(iter(files.values()))}, force=force)
            say(f"Wrote {path}.")


@click.command()
@click.argument("project")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Default: the project's name with .zip, in this folder.",
)
@click.option("--force", is_flag=True, help="Replace a file that kb did not write.")
@click.pass_obj
def bundle(config: Config, project: str, to: Path | None, force: bool) -> None:
    """Write PROJECT as one archive: every format, all that was written, and the sources cited.

    Whoever gets it checks it with kb verify --bundle, and brings it in with kb import.
    """
    from kb.export.bundle import write_bundle

    target = (to or Path(f"{_plain(project)}.zip")).expanduser().absolute()
    with KnowledgeBase(config, say=say) as kb, tempfile.TemporaryFile() as file:
        exports = exports_of(kb, project)
        made = every_format(exports, {})
        documents = {
            (f"{found.name}/{path}" if found.kind == "folder" else path): content
            for name, (found, files) in made.items()
            if name != "json"  # it stands at the top
            for path, content in files.items()
        }
        write_bundle(file, exports.state, documents, kb.store.raw_files.get)
        file.seek(0)
        Written(config.state / _WRITTEN).write({target: file.read()}, force=force)
    say(f"Wrote {target}. It is checked with: kb verify --bundle {harmless(target.name)}")


def _plain(name: str) -> str:
    """A name that every file system takes."""
    kept = "".join(char if char.isalnum() else "-" for char in name)
    return "-".join(filter(None, kept.split("-")))[:80] or "project"
