"""`kb documents …` and `kb open`: what the library holds, and reading it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from kb.cli.options import as_json_option
from kb.cli.show import (
    dim,
    documents_table_row,
    harmless,
    heading,
    printed_json,
    say,
    short_authors,
)
from kb.config import Config
from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.records import Document, page_at, short_key


@click.group()
def documents() -> None:
    """List, show, open, remove and restore documents; find duplicates."""


@documents.command("list")
@click.option("--project", help="Documents of this project.")
@click.option("--removed", is_flag=True, help="Those that were removed.")
@as_json_option
@click.pass_obj
def list_(config: Config, project: str | None, removed: bool, as_json: bool) -> None:
    """List the documents."""
    with KnowledgeBase(config) as kb:
        found = kb.store.documents.all(removed=removed, project=project)
        if project is not None and project not in kb.store.projects.names():
            names = ", ".join(kb.store.projects.names()) or "none yet"
            raise NotFound(f"There is no project “{project}”. Projects: {names}.")
    if as_json:
        click.echo(json.dumps([_as_dict(d) for d in found], ensure_ascii=False, indent=2))
        return
    _table(found)
    say(f"{len(found)} document{'s' if len(found) != 1 else ''}.")


@documents.command()
@click.argument("key")
@click.option("--text", is_flag=True, help="Print the whole text.")
@as_json_option
@click.pass_obj
def show(config: Config, key: str, text: bool, as_json: bool) -> None:
    """Show one document: what is known of it, its versions and its sections."""
    with KnowledgeBase(config) as kb:
        document = kb.store.documents.by_key(key)
        versions = kb.store.documents.versions(document.id)
        current = next(v for v in versions if v.id == document.version_id)
        also = kb.store.documents.same_work([document.id]).get(document.id, [])
    if as_json:
        shown = _as_dict(document) | {
            "abstract": document.metadata.abstract,
            "identifiers": document.metadata.identifiers,
            "versions": [{"label": v.label, "sha256": v.sha256} for v in versions],
            "sections": [section.title for section in current.sections],
            "pages": len(current.pages),
        }
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    if text:
        click.echo(current.text)
        return
    metadata = document.metadata
    click.echo(heading(documents_table_row(document)))
    facts = {
        "key": document.key,
        "kind": f"{document.kind}, through {document.source}",
        "authors": ", ".join(metadata.authors),
        "published": metadata.published,
        "venue": metadata.venue,
        "url": metadata.url,
        "tags": ", ".join(metadata.tags),
        "versions": ", ".join(v.label for v in versions),
        "pages": str(len(current.pages) or ""),
        "also as": ", ".join(name for _, name in also),
        "removed": document.removed_at or "",
        "abstract": metadata.abstract,
    }
    for name, value in facts.items():
        if value:
            click.echo(f"{click.style(f'{name:>10}', dim=True)}  {harmless(value)}")
    for section in current.sections:
        if section.title:
            page = page_at(current.pages, section.start)
            where = f"  p. {page}" if page else ""
            click.echo(f"{' ' * 12}{'  ' * (section.level - 1)}{harmless(section.title)}{where}")


@click.command("open")
@click.argument("key")
@click.option("--page", type=int, help="Open at this page.")
@click.option("--print", "print_only", is_flag=True, help="Print the path and do not open it.")
@click.pass_obj
def open_(config: Config, key: str, page: int | None, print_only: bool = False) -> None:
    """Open a document's stored file, at a page where the viewer can."""
    with KnowledgeBase(config) as kb:
        version = kb.version_of(key)
        if page is not None and not 1 <= page <= len(version.pages):
            raise NotFound(f"{key} has {len(version.pages)} pages; there is no page {page}.")
        kb.store.raw_files.get(version.sha256)  # says so where it is gone or damaged
        source = kb.store.raw_files.path(version.sha256)
    suffix = {"application/pdf": ".pdf", "text/html": ".html"}.get(version.media_type, ".txt")
    # Viewers go by the suffix; the stored file has none, and must never be edited by them.
    copy = Path(tempfile.gettempdir()) / f"kb-{version.sha256[:16]}{suffix}"
    copy.write_bytes(source.read_bytes())
    target = copy.as_uri() + (f"#page={page}" if page else "")
    click.echo(target)
    if not print_only:
        click.launch(target)


documents.add_command(open_)


@documents.command()
@click.argument("keys", nargs=-1, required=True)
@as_json_option
@click.pass_obj
def remove(config: Config, keys: tuple[str, ...], as_json: bool) -> None:
    """Take documents out of search. Nothing is deleted; restore undoes it."""
    with KnowledgeBase(config) as kb:
        removed = []
        for key in keys:
            document = kb.store.documents.remove(key)
            removed.append(_as_dict(document))
            if not as_json:
                undo = f"kb documents restore {short_key(document.key)}"
                click.echo(f"Removed {harmless(document.title)}. Undo: {undo}")
    if as_json:
        click.echo(printed_json(removed))


@documents.command()
@click.argument("keys", nargs=-1, required=True)
@as_json_option
@click.pass_obj
def restore(config: Config, keys: tuple[str, ...], as_json: bool) -> None:
    """Bring removed documents back into search."""
    with KnowledgeBase(config) as kb:
        restored = []
        for key in keys:
            document = kb.store.documents.restore(key)
            restored.append(_as_dict(document))
            if not as_json:
                click.echo(f"Restored {harmless(document.title)}.")
    if as_json:
        click.echo(printed_json(restored))


@documents.command()
@as_json_option
@click.pass_obj
def duplicates(config: Config, as_json: bool) -> None:
    """List works that are here more than once, and by what they were recognised."""
    with KnowledgeBase(config) as kb:
        groups = kb.store.documents.duplicates()
    if as_json:
        rows = [{"shared": why, "keys": [d.key for d in found]} for why, found in groups]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for why, found in groups:
        click.echo(heading(found[0].title))
        click.echo(dim(f"   the same by {why}"))
        for document in found:
            click.echo(
                f"   {short_key(document.key)}  ({document.kind}, through {document.source})"
            )
    say(f"{len(groups)} work{'s' if len(groups) != 1 else ''} more than once.")


def _as_dict(document: Document) -> dict[str, object]:
    return {
        "key": document.key,
        "title": document.title,
        "authors": document.metadata.authors,
        "year": document.metadata.year,
        "kind": document.kind,
        "source": document.source,
        "version": document.version_label,
        "tags": document.metadata.tags,
        "url": document.metadata.url,
        "added_at": document.added_at,
    }


def _table(found: list[Document]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("key", "title", "authors", "year", "kind", "version"):
        table.add_column(column, overflow="fold" if column == "key" else "ellipsis")
    for d in found:
        year = str(d.metadata.year or "")
        authors = short_authors(d.metadata.authors)
        row = (short_key(d.key), d.title, authors, year, d.kind, d.version_label)
        table.add_row(*(Text(harmless(cell)) for cell in row))
    Console().print(table)
