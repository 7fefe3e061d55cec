"""Papers from arXiv: by id, by address, or by a search.

It knows arXiv's ids, its query interface and where it keeps its PDFs. It does not know how bytes
travel, how often arXiv may be asked (that is `ingest.fetch`), or how a PDF is read.

The `arxiv` package writes the queries and reads the answers. Its own session is replaced by ours,
since it has no time-out, no back-off, no size limit and takes a cut answer for a short one.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import arxiv

from ingest.arxiv_id import ArxivId, arxiv_name, parse_arxiv_id
from ingest.fetch import Fetcher, StatusFailure
from ingest.source import Done, Failed, FetchContext, Fetched, Found, Known, Raw
from kb.errors import FetchFailure, ParseFailure
from kb.records import Metadata, Parsed

__all__ = ["Arxiv", "ArxivId", "ArxivSearch", "arxiv_query", "parse_arxiv_id"]

BATCH = 50
"""Ids in one question: about 1,000 characters of URL, and 115 kB of answer at the 2.3 kB a paper
of arXiv's recorded answers."""
SEARCH_DEFAULT = 50
"""Papers taken from a search where no limit is given: one question's worth. Chosen."""
SEARCH_PREFIX = "arxiv-search:"

_NOUN = r"(?:paper|article|manuscript|submission|work|preprint|version|note|draft|report)"
_WITHDRAWN = re.compile(
    rf"(?:\A|[.;(]\s*)withdrawn\b|\b{_NOUN}\b[^.;]{{0,40}}?\b(?:has|is|was)\s+(?:now\s+)?"
    r"(?:been\s+)?(?:\w+ly\s+)?(?:being\s+)?withdrawn\b|\bauthors?\s+(?:has|have)\s+withdrawn\b",
    re.IGNORECASE,
)
_WITHDRAWN_ABSTRACT = re.compile(
    rf"\A\s*\(?(?:withdrawn\b|(?:this|the)\s+{_NOUN}\s+(?:has|is|was)\s+(?:been\s+)?"
    r"(?:\w+ly\s+)?withdrawn\b)",
    re.IGNORECASE,
)
_ATOM = "{http://www.w3.org/2005/Atom}"
_OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"


class Arxiv:
    """Papers by their ids."""

    name: ClassVar[str] = "arxiv"

    def matches(self, locator: str) -> bool:
        """Ids, `arXiv:` names, arXiv's paper URLs and DOIs, right or wrong; no existing file."""
        if arxiv_name(locator) is not None:
            return True
        return parse_arxiv_id(locator) is not None and not Path(locator).exists()

    def fetch(self, locators: Sequence[str], context: FetchContext) -> Iterator[Fetched]:
        """Metadata in batches, then PDF by PDF, each yielded as it comes.

        What is in the library is not asked for again, unless the caller wants to refresh.
        """
        wanted: dict[str, ArxivId] = {}
        for locator in dict.fromkeys(locators):
            paper = parse_arxiv_id(locator)
            if paper is None:
                yield Failed(
                    locator,
                    f"“{locator[:200]}” has no arXiv id in it. They look like 1706.03762, "
                    "1706.03762v5 or math/0309136.",
                )
            elif not context.options.refresh and context.in_library(paper.key, paper.label):
                yield Known(locator, paper.key)
            else:
                wanted[locator] = paper
        client = _client(context.fetcher, context.config.arxiv_api)
        papers = list(dict.fromkeys(wanted.values()))
        for start in range(0, len(papers), BATCH):
            batch = dict.fromkeys(papers[start : start + BATCH])
            asked = {locator: paper for locator, paper in wanted.items() if paper in batch}
            context.say(f"asking arXiv about {_count(len(batch), 'paper')}")
            yield from _batch(asked, _look_up(client, list(batch)), context)

    def parse(self, raw: Raw) -> Parsed:
        """The PDF's text; what arXiv says of the paper wins over what the PDF says."""
        from ingest.from_pdf import parse_pdf

        parsed = parse_pdf(raw.content)
        return replace(parsed, metadata=raw.metadata.filled_from(parsed.metadata))


class ArxivSearch:
    """The papers that a search on arXiv finds, best first, as locators of their own.

    Their metadata are then asked for once more with their ids: one question for each fifty papers,
    in return for one way in which papers enter.
    """

    name: ClassVar[str] = "arxiv-search"

    def matches(self, locator: str) -> bool:
        """`arxiv-search:QUERY`."""
        return locator.lower().startswith(SEARCH_PREFIX)

    def fetch(self, locators: Sequence[str], context: FetchContext) -> Iterator[Fetched]:
        """Each query yields what it finds, up to the limit, and then Done."""
        for locator in dict.fromkeys(locators):
            try:
                yield from self._search(locator, context)
            except FetchFailure as failure:
                yield Failed(locator, failure.reason, failure.retry)

    def parse(self, raw: Raw) -> Parsed:
        """A search has no text of its own."""
        raise ParseFailure(f"{raw.locator} is a search and cannot be read. Ingest what it finds.")

    def _search(self, locator: str, context: FetchContext) -> Iterator[Fetched]:
        options = context.options
        query = arxiv_query(
            locator[len(SEARCH_PREFIX) :], categories=options.categories, since=options.since
        )
        limit = SEARCH_DEFAULT if options.limit is None else options.limit
        if limit < 1:  # the package takes 0 for "everything"
            raise FetchFailure(
                f"A search for {limit} papers finds none. Give a --max of 1 or more."
            )
        context.say(f"searching arXiv for {query}")
        client = _client(context.fetcher, context.config.arxiv_api, page=min(limit, 2 * BATCH))
        search = arxiv.Search(query, max_results=limit)
        found = 0
        for entry in _results(client, search):
            if paper := parse_arxiv_id(entry.entry_id):
                found += 1
                yield Found(f"arXiv:{paper.id}", locator)
        yield Done(locator, _count(found, "paper") if found else f"arXiv finds nothing for {query}")


def arxiv_query(text: str, *, categories: Sequence[str] = (), since: str = "") -> str:
    """`text` in arXiv's query language, within any of `categories`, submitted from `since` on.

    Words and "phrases" must all occur, anywhere; words that every text has are left out. Text
    that uses arXiv's own fields (`ti:`, `au:`, …) is taken as it stands. `since` is YYYY,
    YYYY-MM or YYYY-MM-DD. Raises FetchFailure where nothing is asked or a date is none.

    Source: arXiv API User's Manual, section 5.1 (details of query construction).
    """
    parts = [_words_query(text)] if text.strip() else []
    if categories:
        wrong = [c for c in categories if not re.fullmatch(r"[a-z-]+(\.[A-Za-z-]+|\.\*)?", c)]
        if wrong:
            raise FetchFailure(
                f"“{wrong[0]}” is no arXiv category. They look like cs.CL or stat.ML."
            )
        either = " OR ".join(f"cat:{category}" for category in categories)
        parts.append(f"({either})" if len(categories) > 1 else either)
    if since:
        until = datetime.now(UTC) + timedelta(days=1)
        parts.append(f"submittedDate:[{_day(since):%Y%m%d}0000 TO {until:%Y%m%d}0000]")
    if not parts:
        raise FetchFailure('The search is empty. Say what to look for: arxiv-search "your words".')
    return " AND ".join(parts)


_FIELD = re.compile(r"\b(?:ti|au|abs|co|jr|cat|rn|id|all|submittedDate):", re.IGNORECASE)
_EVERYWHERE = frozenset(
    ("a", "an", "and", "are", "as", "at", "by", "for", "from", "in", "is", "of", "on", "or")
).union(("the", "to", "with"))


def _words_query(text: str) -> str:
    text = " ".join(text.split())
    if _FIELD.search(text):
        return f"({text})"
    phrases = [" ".join(re.findall(r"[\w-]+", p)) for p in re.findall(r'"([^"]*)"', text)]
    words = re.findall(r"\w+(?:[-.]\w+)*", re.sub(r'"[^"]*"', " ", text))
    telling = [w for w in words if w.lower() not in _EVERYWHERE] or words
    terms = dict.fromkeys([*(p for p in phrases if p), *telling])
    if not terms:
        raise FetchFailure(f"“{text[:200]}” has no words to search arXiv for.")
    return " AND ".join(f"all:{t}" if t.isalnum() else f'all:"{t}"' for t in terms)


def _day(text: str) -> date:
    try:
        found = re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", text.strip())
        if not found:
            raise ValueError(text)
        return date(*(int(part or 1) for part in found.groups()))
    except ValueError as error:
        raise FetchFailure(f"“{text}” is no date. Write it as 2024-01-31.") from error


# -- arXiv's answers ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Page:
    """As much of an HTTP answer as the `arxiv` package looks at."""

    content: bytes
    status_code: int = 200


class _Refused(FetchFailure):
    """ArXiv answers the question with an error: one of the ids is not to its taste."""


@dataclass(frozen=True, slots=True)
class _Session:
    """What the `arxiv` package asks through, in place of a session of its own."""

    fetcher: Fetcher

    def get(self, url: str, headers: Mapping[str, str]) -> _Page:
        """One page of an answer, whole and well-formed."""
        try:
            content = self.fetcher.get(url, polite=False, check=_feed_fault).content
        except StatusFailure as failure:
            if failure.status == 400:
                raise _Refused(f"arXiv does not understand the question: {url}") from failure
            raise
        for entry in ET.fromstring(content).iter(f"{_ATOM}entry"):
            if "/api/errors" in (entry.findtext(f"{_ATOM}id") or ""):
                raise _Refused(f"arXiv answers: {entry.findtext(f'{_ATOM}summary')}.")
        return _Page(content)


def _feed_fault(content: bytes) -> str:
    """What is wrong with a page of arXiv's answer, in words; "" where it is whole.

    An answer that was cut, a web page in its place, and the empty page that arXiv sometimes sends
    in the middle of a long answer all pass by themselves.
    """
    if content[:1000].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "arXiv sent a web page in place of an answer."
    try:
        root = ET.fromstring(content)
    except ET.ParseError:
        return "arXiv's answer is cut."
    if root.tag != f"{_ATOM}feed":
        return "arXiv sent something else in place of an answer."
    total = int(root.findtext(f"{_OPENSEARCH}totalResults") or 0)
    start = int(root.findtext(f"{_OPENSEARCH}startIndex") or 0)
    if total > start and root.find(f"{_ATOM}entry") is None:
        return "arXiv sent an empty page."
    return ""


def _client(fetcher: Fetcher, api: str, page: int = BATCH) -> arxiv.Client:
    """A client that asks `api` through `fetcher`, which keeps the pace and tries again."""
    client = arxiv.Client(page_size=page, delay_seconds=0.0, num_retries=0)
    client.query_url_format = api + "?{}"
    session: Any = _Session(fetcher)
    client._session = session
    return client


def _results(client: arxiv.Client, search: arxiv.Search) -> Iterator[arxiv.Result]:
    try:
        yield from client.results(search)
    except arxiv.ArxivError as error:
        raise FetchFailure(f"arXiv's answer is not whole: {error}.", retry=True) from error


@dataclass(frozen=True, slots=True)
class _Entry:
    """What arXiv has on one paper, in the very version that `paper` names."""

    paper: ArxivId
    result: arxiv.Result


def _look_up(
    client: arxiv.Client, papers: Sequence[ArxivId]
) -> dict[ArxivId, _Entry | FetchFailure]:
    """What arXiv has on each of `papers`, or why that is unknown.

    Where it refuses a list, the halves are asked for, down to the one id that it refuses.
    """
    search = arxiv.Search(id_list=[str(paper) for paper in papers], max_results=None)
    try:
        results = list(_results(client, search))
    except _Refused as refused:
        if len(papers) == 1:
            reason = f"arXiv does not take {papers[0]} for an id. Look it up on arxiv.org."
            return {papers[0]: FetchFailure(f"{reason} ({refused.reason})")}
        half = len(papers) // 2
        return _look_up(client, papers[:half]) | _look_up(client, papers[half:])
    except FetchFailure as failure:
        return dict.fromkeys(papers, failure)
    entries = [_Entry(p, r) for r in results if (p := parse_arxiv_id(r.entry_id))]
    by_id: dict[ArxivId, _Entry] = {}
    for entry in sorted(entries, key=lambda e: e.paper.version or 0):
        by_id[entry.paper] = by_id[ArxivId(entry.paper.id)] = entry  # the newest stays
    missing = "arXiv has no paper {}. Check the id, and its version where one is given."
    return {p: by_id.get(p) or FetchFailure(missing.format(p)) for p in papers}


def _batch(
    asked: Mapping[str, ArxivId],
    answers: Mapping[ArxivId, _Entry | FetchFailure],
    context: FetchContext,
) -> Iterator[Fetched]:
    """An outcome for each locator; a paper that several of them mean is fetched once."""
    same: dict[ArxivId, list[str]] = {}
    for locator, paper in asked.items():
        answer = answers[paper]
        if isinstance(answer, FetchFailure):
            yield Failed(locator, answer.reason, answer.retry)
            continue
        exact = answer.paper
        if context.in_library(exact.key, exact.label):
            newest = "is the newest" if paper.version is None else "is here"
            yield Known(locator, exact.key, f"unchanged, {exact.label} {newest}")
        else:
            same.setdefault(exact, []).append(locator)
    entries = {e.paper: e for e in answers.values() if isinstance(e, _Entry)}
    for exact, locators in same.items():
        found = _paper(entries[exact], context)
        for locator in locators:
            if isinstance(found, FetchFailure):
                yield Failed(locator, found.reason, found.retry)
            else:
                yield replace(found, locator=locator)


def _paper(entry: _Entry, context: FetchContext) -> Raw | FetchFailure:
    paper = entry.paper
    if words := _withdrawal(entry.result):
        earlier = (
            f" An earlier version may still be there: {paper.id}v1."
            if paper.version and paper.version > 1
            else ""
        )
        return FetchFailure(f"{paper} has been withdrawn: “{words}”{earlier}")
    url = f"{context.config.arxiv_pdf.rstrip('/')}/{paper}"
    context.say(f"fetching {paper}")
    try:
        response = context.fetcher.get(url, accept=("application/pdf",), polite=False)
    except StatusFailure as failure:
        if failure.status != 404:
            return failure
        return FetchFailure(
            f"arXiv lists {paper} and has no PDF of it. Some papers exist as source or HTML only: "
            f"see https://arxiv.org/abs/{paper}."
        )
    except FetchFailure as failure:
        return failure
    return Raw(
        locator=str(paper),
        source=Arxiv.name,
        key=paper.key,
        label=paper.label or "",
        media_type=response.media_type,
        content=response.content,
        metadata=_metadata(entry.result, paper),
        url=response.url,
    )


def _withdrawal(entry: arxiv.Result) -> str:
    """The words by which the paper is withdrawn, "" where it is not."""
    comment, abstract = _line(entry.comment), _line(entry.summary)
    if _WITHDRAWN.search(comment):
        return comment
    return abstract if _WITHDRAWN_ABSTRACT.match(abstract) else ""


def _metadata(entry: arxiv.Result, paper: ArxivId) -> Metadata:
    dois = [re.sub(r"^https?://(dx\.)?doi\.org/", "", doi) for doi in (entry.doi or "").split()]
    own = f"10.48550/arXiv.{paper.id}"
    return Metadata(
        title=_line(entry.title),
        authors=tuple(name for a in entry.authors if (name := _line(a.name))),
        published=entry.published.date().isoformat(),
        abstract=_line(entry.summary),
        venue=_line(entry.journal_ref),
        url=f"https://arxiv.org/abs/{paper.id}",
        tags=tuple(dict.fromkeys(c for c in (entry.primary_category, *entry.categories) if c)),
        identifiers=(paper.key, *(f"doi:{doi.lower()}" for doi in (*dois, own))),
    )


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
