"""`kb search` and `kb similar`: ask, keep a question, ask it again; passages with their pages."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from kb.cli.options import as_json_option
from kb.cli.show import dim, documents_table_row, heading, marked, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import KINDS, MODES, DocumentHits, Hit, Kind, Mode, Query, short_key


@click.command()
@click.argument("question", nargs=-1)
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="Documents.")
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="May be repeated.")
@click.option("--since", type=int, metavar="YEAR", help="Published in that year or later.")
@click.option("--source", "sources", multiple=True, help="arxiv, pdf, web, …; may be repeated.")
@click.option("--tag", "tags", multiple=True, help="Documents with this tag; all of them if more.")
@click.option("--project", help="Documents of this project.")
@click.option("--document", metavar="KEY", help="Only within this document.")
@click.option("--include-references", is_flag=True, help="Search lists of references too.")
@click.option("--passages", default=2, show_default=True, type=click.IntRange(1, 50),
              help="Passages shown of each document.")  # fmt: skip
@click.option("--save", metavar="NAME", help="Keep this search, to ask it again.")
@click.option("--shared", is_flag=True, help="With --save: for all members.")
@click.option("--saved", metavar="NAME", help="Ask a saved search again, and say what is new.")
@click.option("--forget", metavar="NAME", help="Remove a saved search.")
@click.option("--list", "listed", is_flag=True, help="List the saved searches.")
@as_json_option
@click.pass_obj
def search(
    config: Config,
    question: tuple[str, ...],
    k: int,
    mode: Mode,
    kinds: tuple[Kind, ...],
    since: int | None,
    sources: tuple[str, ...],
    tags: tuple[str, ...],
    project: str | None,
    document: str | None,
    include_references: bool,
    passages: int,
    save: str | None,
    shared: bool,
    saved: str | None,
    forget: str | None,
    listed: bool,
    as_json: bool,
) -> None:
    """Find passages that answer QUESTION, by meaning and by words."""
    if sum(map(bool, (question, saved, forget, listed))) != 1:
        raise click.UsageError("Give a question, or one of --saved, --forget and --list.")
    if (save and not question) or (shared and not save):
        raise click.UsageError("--save goes with a question, --shared with --save.")
    query = Query(
        text=" ".join(question),
        k=k,
        mode=mode,
        kinds=kinds,
        since=since,
        sources=sources,
        tags=tags,
        project=project,
        document=document,
        include_references=include_references,
    )
    with KnowledgeBase(config, say=say) as kb:
        if listed or forget:
            _keep_house(kb, forget, as_json=as_json)
            return
        if save:
            kb.store.saved_searches.save(save, query, shared=shared)
        again = kb.store.saved_searches.named(saved) if saved else None
        query = again.query if again else query
        found = kb.search(query)
        if again:
            kb.store.saved_searches.note_run(again.id)
        close = kb.is_close(query, found)
        empty = not found and kb.store.documents.counts()["documents"] == 0
    _show(found, passages, as_json)
    if empty:
        say(
            "This library is empty. Take something in first, for example: kb ingest 1706.03762 "
            "(or kb ingest --sample for the sample library)."
        )
    elif not found:
        say("Nothing found. Try other words, --mode semantic, or fewer filters.")
    elif not close:
        say("None of these is close to the question: the library may hold nothing on it.")
    if again and again.last_run:
        new = sum(group.document.added_at > again.last_run for group in found)
        say(f"{new} of {len(found)} new since {again.last_run[:16].replace('T', ' ')} UTC.")


def _keep_house(kb: KnowledgeBase, forget: str | None, *, as_json: bool) -> None:
    """Remove a saved search, or list them all."""
    if forget:
        say(f"Forgotten: {kb.store.saved_searches.remove(forget).name}.")
        return
    found = kb.store.saved_searches.all()
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=2))
        return
    for each in found:
        since = f", {each.added} documents since {each.last_run[:10]}" if each.last_run else ""
        whose = f"shared by {each.created_by}" if each.shared else "own"
        click.echo(f"{each.name}  {dim(f'{each.query.text} ({whose}{since})')}")
    if not found:
        say("No search is saved yet: kb search QUESTION --save NAME.")


@click.command()
@click.argument("key")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="Documents.")
@as_json_option
@click.pass_obj
def similar(config: Config, key: str, k: int, as_json: bool) -> None:
    """Find works like the one of that KEY."""
    with KnowledgeBase(config, say=say) as kb:
        found = kb.similar(key, k)
    _show(found, 1, as_json)
    if not found:
        say("There is nothing else in this library.")


def _show(found: list[DocumentHits], passages: int, as_json: bool) -> None:
    if as_json:
        rows = [_as_dict(group) for group in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for number, group in enumerate(found, start=1):
        click.echo(heading(f"{number}. {documents_table_row(group.document)}"))
        if group.also:
            click.echo(dim(f"   also here as {', '.join(map(short_key, group.also))}"))
        for hit in group.hits[:passages]:
            click.echo(dim(f"   #{hit.passage_id}  {place(hit)}  score {hit.score:.3f}"))
            click.echo(marked(hit.text, hit.marks, indent="   "))
        click.echo(dim(f"   kb open {short_key(group.document.key)}{_page_option(group.hits[0])}"))
        click.echo()


def place(hit: Hit) -> str:
    """Where a hit stands, in words: section and page."""
    parts = [hit.section] if hit.section else []
    if hit.page is not None:
        pages = f"p. {hit.page_label or hit.page}"
        if hit.page_end and hit.page_end != hit.page:
            pages = f"pp. {hit.page}–{hit.page_end}"
        parts.append(pages)
    return " · ".join(parts) or "text"


def _page_option(hit: Hit) -> str:
    return f" --page {hit.page}" if hit.page is not None else ""


def _as_dict(group: DocumentHits) -> dict[str, Any]:
    document = group.document
    return {
        "key": document.key,
        "title": document.title,
        "authors": document.metadata.authors,
        "year": document.metadata.year,
        "kind": document.kind,
        "score": group.score,
        "also": group.also,
        "hits": [{k: v for k, v in asdict(hit).items() if k != "document"} for hit in group.hits],
    }
