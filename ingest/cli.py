"""`kb ingest` and `kb reindex`: take literature in, and index it anew."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import TextIO

import click

from ingest.source import Options
from kb.cli.show import harmless, say
from kb.config import Config
from kb.errors import KbError, UsageError
from kb.knowledge_base import KnowledgeBase
from kb.records import Outcome

SAMPLE_FOLDERS = ("notes", "pages", "papers")  # of the sample library, in the order of reading


@click.command()
@click.argument("locators", nargs=-1)
@click.option(
    "--from",
    "from_file",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Read locators from FILE, one a line, # for comments; - is standard input.",
)
@click.option("--sample", is_flag=True, help="Take in the sample library that comes with kb.")
@click.option("--project", help="Put what is taken in into this project.")
@click.option(
    "--limit",
    "--max",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N locators, and N entries of each feed, search, folder or bibliography.",
)
@click.option("--refresh", is_flag=True, help="Look for new versions of what is already here.")
@click.option("--follow", is_flag=True, help="Bibliographies: take in what the entries point to.")
@click.option("--category", "categories", multiple=True, help="arxiv-search: cs.CL, …; repeatable.")
@click.option("--since", default="", metavar="YYYY-MM-DD", help="arxiv-search: that day or later.")
@click.option("--retry", is_flag=True, help="Go on with what was cut off, or failed and may work.")
@click.option("--failures", is_flag=True, help="Only list what failed, and why.")
@click.option("--forget", is_flag=True, help="Drop what is queued or failed; documents stay.")
@click.option("--dry-run", is_flag=True, help="Only say what each locator is.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON, for programs.")
@click.pass_obj
def ingest(
    config: Config,
    locators: tuple[str, ...],
    from_file: TextIO | None,
    sample: bool,
    project: str | None,
    limit: int | None,
    refresh: bool,
    follow: bool,
    categories: tuple[str, ...],
    since: str,
    retry: bool,
    failures: bool,
    forget: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take in LOCATORS: arXiv ids, URLs, PDFs, HTML, Markdown, bibliographies, folders.

    \b
    kb ingest 1706.03762 https://example.org/post paper.pdf notes/
    kb ingest feed https://example.org/feed.xml --max 20
    kb ingest arxiv-search "domain adaptation sentiment" --max 50 --category cs.CL
    kb ingest references.bib --follow
    """
    if failures:
        with KnowledgeBase(config) as kb:
            _print(kb.store.locators.all("failed"), as_json=as_json)
            return 0
    if forget:
        with KnowledgeBase(config) as kb:
            click.echo(f"{kb.store.locators.forget()} locators forgotten.")
        return 0
    options = Options(refresh, limit, follow, categories, since)
    wanted = _wanted(locators, from_file, sample)[:limit]
    if not wanted and not retry:
        raise click.UsageError("Name something to take in: an arXiv id, a URL, a file or a folder.")
    if dry_run:
        return _dry_run(config, wanted, as_json)
    with KnowledgeBase(config, say=say) as kb:
        jobs = [(wanted, options, project)] if wanted else []
        if retry:
            jobs += _unfinished(kb, options)
            if not jobs:
                say("There is nothing to retry.")
        return _run(kb, jobs, as_json)


def _wanted(locators: tuple[str, ...], from_file: TextIO | None, sample: bool) -> list[str]:
    """The locators in full: files as absolute paths, `feed` and `arxiv-search` as prefixes."""
    match locators:
        case ("feed",):
            raise click.UsageError("Name the feed's address: kb ingest feed https://…")
        case ("arxiv-search",):
            raise click.UsageError('Say what to search for: kb ingest arxiv-search "query"')
        case ("feed", *urls):
            given = [f"feed:{url}" for url in urls]
        case ("arxiv-search", *words):
            given = [f"arxiv-search:{' '.join(words)}"]
        case _:
            given = list(locators)
    if from_file is not None:
        try:
            lines = [line.split(" #")[0].strip() for line in from_file]
        except UnicodeDecodeError as error:
            raise UsageError(f"{from_file.name} is not text in UTF-8: {error}.") from error
        given += [line for line in lines if line and not line.startswith("#")]
    if sample:
        given += [str(sample_folder() / name) for name in SAMPLE_FOLDERS]
    return [_absolute(locator) for locator in given]


def _absolute(locator: str) -> str:
    """A path that exists, made absolute so that a retry finds it from any folder."""
    try:
        path = Path(locator).expanduser()
        return str(path.resolve()) if path.exists() else locator
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, no such user: not a path
        return locator


def sample_folder() -> Path:
    """Where the sample library lies: in the installed package, else in the source tree."""
    import kb as package

    inside = Path(package.__file__).parent
    installed = inside / "data" / "sample"
    return installed if installed.is_dir() else inside.parent / "data" / "sample"


def _unfinished(kb: KnowledgeBase, asked: Options) -> list[tuple[list[str], Options, str | None]]:
    """What is left from earlier runs, grouped by the options it was asked with."""
    groups: dict[str, list[str]] = {}
    for locator, saved in kb.store.locators.unfinished():
        groups.setdefault(saved, []).append(locator)
    jobs = []
    for saved, locators in groups.items():
        known = json.loads(saved)
        fields = known.get("options", {})
        fields["categories"] = tuple(fields.get("categories", ()))
        options = replace(Options(**fields), refresh=asked.refresh or fields.get("refresh", False))
        jobs.append((locators, options, known.get("project")))
    if not jobs and kb.status().unembedded:  # cut off after the last document was written
        jobs.append(([], asked, None))
    return jobs


def _run(
    kb: KnowledgeBase, jobs: list[tuple[list[str], Options, str | None]], as_json: bool
) -> int:
    from ingest.pipeline import ingest as run_ingest
    from ingest.progress import progress_bar

    outcomes: list[Outcome] = []
    embedded = 0
    model = kb.store.settings.active_model()
    if model and (waiting := kb.store.passages.counts(model.id)[1]):
        say(f"{waiting:,} passages from before are embedded too. Ctrl-C is safe at any time.")
    for locators, options, project in jobs:
        with progress_bar() as show:
            report = run_ingest(kb, locators, options, project=project, show=show)
        outcomes += report.outcomes
        embedded += report.embedded
        if report.stopped:
            _print(outcomes, as_json=as_json)
            left = kb.store.locators.counts().get("queued", 0)
            say(f"Stopped. {left} left: kb ingest --retry goes on.")
            return 130
    if kb.config.suggest:
        _suggest(kb, [o.key for o in outcomes if o.status in {"added", "updated"}])
    if embedded and not outcomes:
        say(f"{embedded} passages that were waiting are embedded.")
        return 0
    return _print(outcomes, as_json=as_json)


def _suggest(kb: KnowledgeBase, keys: list[str]) -> None:
    """Propose what to tag in what is new, and say where the proposals wait."""
    found = {key: len(kb.workbench.suggest(key)) for key in keys}
    if some := [key for key, count in found.items() if count]:
        say(f"{sum(found.values())} suggestions in {len(some)} documents: kb suggest {some[0]} …")


def _print(outcomes: list[Outcome], *, as_json: bool) -> int:
    """Show how each locator ended; 1 where any failed."""
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if as_json:
        click.echo(json.dumps([asdict(o) for o in outcomes], ensure_ascii=False, indent=2))
        return int(failed > 0)
    if telling := [o for o in outcomes if o.status != "unchanged" or "removed" in o.reason]:
        _table(telling)
    lists = [o for o in outcomes if o.status == "unchanged" and not o.key]  # folders, feeds, …
    counts = Counter(outcome.status for outcome in outcomes if outcome not in lists)
    say(", ".join(f"{n} {status}" for status, n in counts.items()) or "Nothing to show.")
    if any(o.retry for o in outcomes if o.status == "failed"):
        say("Some may work now or later: kb ingest --retry")
    return int(failed > 0)


def _table(outcomes: list[Outcome]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("outcome", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("title or reason", overflow="fold")
    styles = {"added": "green", "updated": "cyan", "failed": "red"}
    for o in outcomes:
        why = f"{o.stage}: {o.reason}" if o.status == "failed" else o.title or o.reason
        if o.status != "failed" and o.title and o.reason:
            why += f" ({o.reason})"
        style = styles.get(o.status, "dim")
        table.add_row(Text(o.status, style=style), Text(_short(o)), Text(harmless(why)))
    Console().print(table)


def _short(outcome: Outcome) -> str:
    """What an outcome is of, in 30 columns: an arXiv key, else the end of the locator."""
    text = outcome.key if outcome.key.startswith("arxiv:") else harmless(outcome.locator)
    text = Path(text).name if text.startswith("/") else text
    return f"…{text[-29:]}" if len(text) > 30 else text


def _dry_run(config: Config, locators: list[str], as_json: bool) -> int:
    from ingest.sources import source_for

    rows = []
    with KnowledgeBase(config) as kb:
        for locator in locators:
            try:
                source, note = source_for(locator).name, ""
            except KbError as error:
                source, note = "", str(error)
            key = kb.store.locators.done(locator)
            rows.append({"locator": locator, "source": source, "known_as": key or "", "note": note})
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for row in rows:
            known = f"  (here as {row['known_as']})" if row["known_as"] else ""
            click.echo(f"{row['source'] or 'nothing':>12}  {harmless(row['locator'])}{known}")
            if row["note"]:
                say(row["note"])
    return int(any(not row["source"] for row in rows))


@click.command()
@click.option(
    "--model", "name", help="Name or path. Default: the library's own model, as it is now."
)
@click.pass_obj
def reindex(config: Config, name: str | None) -> None:
    """Index the library with another model; the old index answers until that is complete."""
    from ingest.progress import progress_bar
    from ingest.reindex import reindex as run_reindex
    from kb.search.models import load_embedder

    with KnowledgeBase(config, say=say) as kb:
        active = kb.store.settings.active_model()
        wanted = name or (active.name if active else config.model)
        embedder = load_embedder(config, wanted, say=say)
        with progress_bar() as show:
            counts: Counter[str] = Counter()

            def count(what: str, n: int) -> None:
                from ingest.pipeline import Progress

                counts[what] += n
                total = kb.store.documents.counts()["documents"]
                show(Progress(total, counts["split"], what, counts["embedded"], counts["embedded"]))

            model = run_reindex(kb, embedder, show=count)
    if counts["mended"]:
        say(f"{counts['mended']:,} passages that the full-text index had lost are back in it.")
    sys.stdout.write(
        f"The library is indexed with {model.name} ({counts['split']} documents split, "
        f"{counts['embedded']} passages embedded).\n"
    )
