"""`kb fit …`: does a dataset suit our data? Measured on a sample, kept with the project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kb.cli.project import as_json_option
from kb.cli.show import dim, harmless, heading, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import Fit

if TYPE_CHECKING:
    from kb.fit.many import Ranking

file_type = click.Path(dir_okay=False, path_type=Path)


@click.group()
def fit() -> None:
    """Measure whether a dataset suits your data, and keep the answer.

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
    asked: dict[str, Any] = {"mapping": parse_mapping(given["mappings"]), "seed": given["seed"]}
    asked |= {"metric": given["metric"]} if given["metric"] else {}
    asked |= {"worth": given["gain"]} if given["gain"] is not None else {}
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
        _print_ranking(ranking, as_json=given["as_json"])
    else:
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
        _print(found)
    if report is not None:
        from kb.export.fit_report import fit_html, fit_markdown

        if report.suffix.lower() == ".html":
            files = {report.name: fit_html(found.body)}
        else:
            files = fit_markdown(found.body, report.stem)
        for name, content in files.items():
            report.with_name(name).write_bytes(content)
        say(f"Report: {report}" + (f" and {len(files) - 1} pictures." if len(files) > 1 else ""))


def _print(found: Fit) -> None:
    """The verdict and what it rests on, as one screen."""
    body = found.body
    click.echo(heading(f"{found.source} for {found.target}: {found.verdict}"))
    for sentence in body["verdict"]["sentences"]:
        click.echo(harmless(sentence))
    click.echo(dim("What would change it:"))
    for sentence in body["verdict"]["would_change"]:
        click.echo(f"  {harmless(sentence)}")
    if transfer := body["transfer"]:
        click.echo(dim(f"\n{transfer['metric']} by number of target labels (95 % intervals)"))
        click.echo(dim(f"{'labels':>8}  {'without source':<24}{'with source':<24}gain"))
        for point in transfer["points"]:
            cells = [_figure(point[name]) for name in ("target", "both", "gain")]
            click.echo(f"{point['labels']:>8}  {cells[0]:<24}{cells[1]:<24}{cells[2]}")
    distance, leakage = body["distance"], body["leakage"]
    click.echo(
        dim("\nDistance  ") + f"told apart with AUC {_figure(distance['auc'])}; "
        f"{distance['vocabulary']['value']:.0%} of the target's words are in the source; "
        f"{distance['neighbours']['value']:.0%} of its texts have as near a neighbour there "
        "(half is as near as can be)"
    )
    click.echo(
        dim("Copies    ") + f"{leakage['across_exact'] + leakage['across_near']} target texts "
        f"stand in the source too; {leakage['source_removed']} source rows were left out for it"
    )
    for sentence in body["desk"]["sentences"]:
        click.echo(dim("Mind      ") + harmless(sentence))
    say(f"Kept as measurement {found.id} (kb fit show {found.id} --report FILE.html).")


def _print_ranking(ranking: Ranking, *, as_json: bool) -> None:
    if as_json:
        click.echo(printed_json(ranking))
        return
    click.echo(heading(f"Sources for {ranking.target}, by gain in {ranking.metric}"))
    for place in ranking.places:
        gain = _figure(asdict(place.gain)) if place.gain else ""
        click.echo(f"{place.rank:>3}  {gain:<24}{harmless(place.source)}: {place.verdict}")
    for sentence in ranking.sentences:
        click.echo(harmless(sentence))
    say("The single sources are kept: kb fit list.")


def _figure(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]".replace("-", "−")
