"""Which source takes a locator: the registry, in order of precedence."""

from __future__ import annotations

from ingest.source import Source
from kb.errors import UsageError


def _sources() -> tuple[Source, ...]:
    from ingest.from_arxiv import Arxiv, ArxivSearch
    from ingest.from_bibliography import Bibliography
    from ingest.from_feed import Feed
    from ingest.from_markdown import Markdown
    from ingest.from_pdf import Pdf
    from ingest.from_web import Web

    return (ArxivSearch(), Feed(), Arxiv(), Bibliography(), Markdown(), Pdf(), Web())


SOURCES: tuple[Source, ...] = _sources()
BY_NAME: dict[str, Source] = {source.name: source for source in SOURCES}


def source_for(locator: str) -> Source:
    """The first source that takes `locator`; UsageError names what would be taken."""
    for source in SOURCES:
        if source.matches(locator):
            return source
    raise UsageError(
        f"Nothing here reads “{locator}”. Give an arXiv id (1706.03762), a URL, or the path of a "
        "PDF, HTML, Markdown, .bib, .ris or CSL-JSON file, or of a folder with such files."
    )
