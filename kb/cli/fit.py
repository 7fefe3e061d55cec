"""`kb fit …`: does a dataset, does a model suit our data? Measured on a sample, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.cli.fit_shown import print_fit, print_ranking
from kb.cli.options import as_json_option
from kb.cli.show import dim, harmless, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import Fit

if TYPE_CHECKING:
    from kb.fit.kept_models import Shortlisting

file_type = click.Path(dir_okay=False, path_type=Path)


@click.group()
def fit() -> None:
    """Measure whether a dataset or a model suits your data, and keep the answer.

    Example: kb fit dataset --source imdb.csv --target mails.csv --map positive=pos
    """


@fit.command()
@click.option(
    "--source", type=file_type, help="The dataset in question: CSV, JSON lines, Parquet, Excel."
)
@click.option("--target", type=file_type, required=True, help="Your own data.")
@click.option("--text", default="text", show_default=True, help="Column of the texts.")
@click.option("--label", default="label", show_default=True, help="Column of the labels.")
@click.option("--target-text", default="", help="That column in the target, if named otherwise.")
@click.option("--target-label", default="", help="That column in the target, if named otherwise.")
@click.option("--unlabelled", is_flag=True, help="The target has no labels.")
@click.option("--map", "mappings", multiple=True, metavar="LABEL=LABEL",
              help="What the target calls a source's label; “neutral=” leaves it out.")  # fmt: skip
@click.option("--many", multiple=True, type=file_type, metavar="FILE",
              help="Several sources ranked, and mixtures of two: --many a.csv b.csv")  # fmt: skip
@click.argument("more", nargs=-1, type=file_type, metavar="[FILE]...")
@click.option(
    "--project", default="", help="Its metric and smallest gain count, and it keeps this."
)
@click.option(
    "--dataset", "name", default="", help="The finding that the source is: name or number."
)
@click.option("--metric", help="accuracy, balanced-accuracy, macro-F1 (default), AUC, F1:LABEL, …")
@click.option("--gain", type=float, help="Smallest gain that counts, from 0 to 1. Default: 0.02.")
@click.option("--sample", default=10_000, show_default=True, type=click.IntRange(100, 200_000),
              help="Rows taken of each file, at most.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--report", type=file_type, help="Write the whole report: FILE.html or FILE.md.")
@as_json_option
@click.pass_obj
def dataset(config: Config, /, **given: Any) -> None:
    """Would SOURCE help to train a model for TARGET? Measured in minutes.

    Example: kb fit dataset --source imdb.csv --target mails.csv --map positive=pos
    """
    from kb.fit.kept import Files, Fitting

    suffix_checked(given["report"])
    if given["more"] and not given["many"]:
        raise click.UsageError(f"What is {given['more'][0]}? Sources are --source or --many.")
    sources = [*filter(None, [given["source"]]), *given["many"], *given["more"]]
    if given["many"] and (given["report"] or given["name"]):
        raise click.UsageError("--report and --dataset go with one --source, not with --many.")
    if not sources:
        raise click.UsageError("Say which dataset is in question: --source FILE.")
    asked = _asked(given)
    files = [
        Files(
            source, given["target"], given["text"], given["label"], given["target_text"],
            None if given["unlabelled"] else given["target_label"], given["sample"],
        )
        for source in sources
    ]  # fmt: skip
    with KnowledgeBase(config, say=say) as kb, progress_bar() as progress:
        fitting = Fitting(kb.store, kb.embedder)
        if given["many"]:
            ranking = fitting.many(
                files, asked, project=given["project"], say=say, progress=progress
            )
        else:
            kept = fitting.dataset(
                files[0], asked, project=given["project"], dataset=given["name"], say=say,
                progress=progress,
            )  # fmt: skip
    if given["many"]:
        print_ranking(ranking, as_json=given["as_json"])
    else:
        _show(kept, given["report"], as_json=given["as_json"])


@fit.command()
@click.argument("others", nargs=-1, metavar="[NAME_OR_PATH]...")
@click.option("--target", type=file_type, required=True, help="Your own data.")
@click.option(
    "--models",
    multiple=True,
    metavar="NAME_OR_PATH...",
    help="Encoders: names, or folders that hold one each. Default: the configured one.",
)
@click.option("--text", default="text", show_default=True, help="Column of the texts.")
@click.option("--label", default="label", show_default=True, help="Column of the labels.")
@click.option("--unlabelled", is_flag=True, help="The target has no labels: only time them.")
@click.option("--map", "mappings", multiple=True, metavar="LABEL=LABEL",
              help="Read a label as another; “neutral=” leaves it out.")  # fmt: skip
@click.option(
    "--project",
    default="",
    help="Its metric, smallest gain and latency limit count; this is kept.",
)
@click.option("--latency-ms", type=click.FloatRange(0, min_open=True),
              help="What 95 of 100 texts may take, one at a time.")  # fmt: skip
@click.option("--metric", help="accuracy, balanced-accuracy, macro-F1 (default), AUC, F1:LABEL, …")
@click.option("--gain", type=float, help="Smallest gain that counts, from 0 to 1. Default: 0.02.")
@click.option("--sample", default=2000, show_default=True, type=click.IntRange(100, 200_000),
              help="Rows taken of the target, at most.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--report", type=file_type, help="Write the whole report: FILE.html or FILE.md.")
@as_json_option
@click.pass_obj
def model(config: Config, /, **given: Any) -> None:
    """Which of MODELS suits TARGET, and is it worth its time beside TF-IDF?

    Example: kb fit model --target mails.csv --models all-MiniLM-L6-v2 models/e5-small
    """
    from kb.fit.kept_models import Target

    suffix_checked(given["report"])
    target = Target(
        given["target"], given["text"], None if given["unlabelled"] else given["label"],
        given["sample"],
    )  # fmt: skip
    models = [*given["models"], *given["others"]] or [config.model]
    with KnowledgeBase(config, say=say) as kb, progress_bar() as progress:
        kept = _shortlisting(kb).models(
            target, models, _asked(given), project=given["project"],
            latency_ms=given["latency_ms"], say=say, progress=progress,
        )  # fmt: skip
    _show(kept, given["report"], as_json=given["as_json"])


@fit.command("list")
@click.option("--project", help="Those of this project.")
@as_json_option
@click.pass_obj
def list_(config: Config, project: str | None, as_json: bool) -> None:
    """List what was measured, the newest first."""
    with KnowledgeBase(config) as kb:
        found = kb.store.fits.all(project=project)
    if as_json:
        click.echo(printed_json(found))
        return
    for each in found:
        where = f", {harmless(each.project)}" if each.project else ""
        click.echo(
            f"{each.id:>4}  {harmless(each.source)} for {harmless(each.target)}: "
            f"{harmless(each.verdict)}" + dim(f"  ({each.created_at[:10]}{where})")
        )
    say(f"{len(found)} measurement{'s' if len(found) != 1 else ''}.")


@fit.command()
@click.argument("number", type=int)
@click.option("--report", type=file_type, help="Write the whole report: FILE.html or FILE.md.")
@as_json_option
@click.pass_obj
def show(config: Config, number: int, report: Path | None, as_json: bool) -> None:
    """Show the measurement NUMBER, or write its report."""
    suffix_checked(report)
    with KnowledgeBase(config) as kb:
        found = kb.store.fits.get(number)
    _show(found, report, as_json=as_json)


@fit.command()
@click.argument("number", type=int)
@click.option("--source", type=file_type, help="Where the file is now.")
@click.option("--target", type=file_type, help="Where the file is now.")
@as_json_option
@click.pass_context
def again(
    ctx: click.Context, number: int, source: Path | None, target: Path | None, as_json: bool
) -> None:
    """Measure NUMBER again, and say whether it still holds. Exit code 1 where it does not."""
    from kb.fit.kept import Fitting

    with KnowledgeBase(ctx.obj, say=say) as kb, progress_bar() as progress:
        if kb.store.fits.get(number).kind == "model":
            found = _shortlisting(kb).again(number, target=target, say=say, progress=progress)
        else:
            fitting = Fitting(kb.store, kb.embedder)
            found = fitting.again(number, source=source, target=target, say=say, progress=progress)
    if as_json:
        click.echo(printed_json(found))
    else:
        for sentence in found.sentences:
            click.echo(harmless(sentence))
        if found.now.id != number:
            say(f"Kept as measurement {found.now.id}.")
    if not found.holds:
        ctx.exit(1)


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of Options that were given."""
    asked: dict[str, Any] = {"mapping": parse_mapping(given["mappings"]), "seed": given["seed"]}
    asked |= {"metric": given["metric"]} if given["metric"] else {}
    return asked | ({"worth": given["gain"]} if given["gain"] is not None else {})


def _shortlisting(kb: KnowledgeBase) -> Shortlisting:
    from kb.fit.kept_models import Shortlisting
    from kb.fit.models import Encoders
    from kb.search.models import disk_bytes, load_embedder

    return Shortlisting(kb.store, Encoders(partial(load_embedder, kb.config), disk_bytes))


def parse_mapping(mappings: tuple[str, ...]) -> dict[str, str]:
    """`LABEL=LABEL` pairs as a dict; an empty right side leaves the label out."""
    given = {}
    for each in mappings:
        label, equals, into = each.partition("=")
        if not equals or not label.strip():
            raise click.UsageError(f"“{each}” is not LABEL=LABEL.")
        given[label.strip()] = into.strip()
    return given


def suffix_checked(report: Path | None) -> None:
    """UsageError before anything is measured for nothing."""
    if report is not None and report.suffix.lower() not in {".html", ".md"}:
        raise click.UsageError(f"A report is FILE.html or FILE.md, not {report.name}.")


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A function that draws how far a step is; nothing is drawn where stderr is no terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    tasks: dict[str, Any] = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(harmless(what).replace("[", "("), total=None)
        bar.update(tasks[what], completed=done, total=total or None)

    with bar:
        yield show


def _show(found: Fit, report: Path | None, *, as_json: bool) -> None:
    if as_json:
        click.echo(printed_json(found))
    else:
        print_fit(found)
    if report is not None:
        from kb.export.fit_report import fit_html, fit_markdown

        if report.suffix.lower() == ".html":
            files = {report.name: fit_html(found.body)}
        else:
            files = fit_markdown(found.body, report.stem)
        for name, content in files.items():
            report.with_name(name).write_bytes(content)
        say(f"Report: {report}" + (f" and {len(files) - 1} pictures." if len(files) > 1 else ""))
