from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.addresses import canonical_url, is_web_address
from ingest.fetch import Fetcher
from ingest.from_web import HTML_BYTES, Web, article
from ingest.source import Failed, FetchContext, Fetched, Known, Options, Raw
from ingest.sources import source_for
from kb.config import Config
from kb.errors import ParseFailure
from kb.records import Parsed
from tests.conftest import ROOT
from tests.web_server import Answer, WebServer

FILLER = (
    "Every team that begins with public data finds out later that its own messages read unlike it. "
    "The way to know is to label some of them, which takes an afternoon and is worth it. "
)
PAGE = f"""<!DOCTYPE html><html lang="en-GB"><head><title>Label first | The notebook</title>
<meta name="author" content="Ada Muster"><meta property="og:site_name" content="The notebook">
<meta property="article:published_time" content="2025-03-04T10:00:00Z">
<meta name="keywords" content="labels, cost"></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<article><h1>Label first</h1><p>{FILLER}</p><h2>Why it pays</h2><p>{FILLER}Use
<code>fit()</code> on it.</p><ul><li>one</li><li>two<ul><li>inner</li></ul></li></ul>
<pre><code>def f(x):
    if x:
        return 1</code></pre>
<h3>In numbers</h3><table><tr><th>idea</th><th>days</th></tr><tr><td>label</td><td>2</td></tr>
</table><p>{FILLER}</p><h2>References</h2><p>Somebody and others, a work that is cited here.</p>
</article><footer>Copyright of the notebook</footer></body></html>"""


@pytest.fixture
def site() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
def fetcher(config: Config) -> Iterator[Fetcher]:
    fetcher = Fetcher(replace(config, fetch_tries=1), pause=lambda seconds: None)
    yield fetcher
    fetcher.close()


def context(
    config: Config, fetcher: Fetcher, *, here: tuple[str, ...] = (), refresh: bool = False
) -> FetchContext:
    return FetchContext(
        config,
        fetcher,
        Options(refresh=refresh),
        lambda key, label: key in here,
        lambda what: None,
        lambda seconds: None,
    )


def parsed(result: Fetched) -> Parsed:
    assert isinstance(result, Raw), result
    return Web().parse(result)


def html_file(folder: Path, content: bytes, name: str = "page.html") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# -- text --------------------------------------------------------------------------------------


def test_an_article_keeps_headings_lists_tables_and_code_as_plain_text() -> None:
    page = article(PAGE)
    assert [(s.title, s.level, s.role) for s in page.sections] == [
        ("Label first", 1, "body"),
        ("Why it pays", 2, "body"),
        ("In numbers", 3, "body"),
        ("References", 2, "references"),
    ]
    for section in page.sections:
        assert page.text[section.start :].startswith(section.title)
    assert "".join(page.text[s.start : s.end] for s in page.sections) == page.text
    assert "- one\n- two\n  - inner\n" in page.text
    assert "def f(x):\n    if x:\n        return 1" in page.text
    assert "idea | days\nlabel | 2" in page.text
    assert "Use fit() on it." in page.text
    assert "About us" not in page.text
    assert "Copyright" not in page.text


def test_metadata_of_an_article() -> None:
    known = article(PAGE, url="https://blog.example.org/label-first").metadata
    assert known.title == "Label first"
    assert known.authors == ("Ada Muster",)
    assert known.published == "2025-03-04"
    assert known.venue == "The notebook"
    assert known.language == "en"
    assert known.tags == ("labels", "cost")
    assert known.url == "https://blog.example.org/label-first"
    assert known.identifiers == ("url:https://blog.example.org/label-first",)


def test_no_date_is_later_than_the_fetch() -> None:
    page = PAGE.replace("2025-03-04T10:00:00Z", "2025-12-24T10:00:00Z")
    assert article(page, latest="2025-12-31").metadata.published == "2025-12-24"
    assert article(page, latest="2025-06-30").metadata.published == "2025"


def test_tags_made_for_programs_name_the_paper() -> None:
    tags = """<meta name="citation_title" content="The Real Title">
    <meta name="citation_author" content="Muster, Ada">
    <meta name="citation_author" content="Ben Probe">
    <meta name="citation_publication_date" content="2019/6/1">
    <meta name="citation_journal_title" content="Journal of Tests">
    <meta name="citation_doi" content="https://doi.org/10.1234/ABC.5">
    <meta name="citation_arxiv_id" content="1706.03762v2">"""
    known = article(PAGE.replace("<head>", f"<head>{tags}")).metadata
    assert known.title == "The Real Title"
    assert known.authors == ("Ada Muster", "Ben Probe")
    assert known.published == "2019-06-01"
    assert known.venue == "Journal of Tests"
    assert known.identifiers == ("doi:10.1234/abc.5", "arxiv:1706.03762")


def test_a_declared_canonical_address_links_copies_on_the_same_host_only() -> None:
    def identifiers(href: str) -> tuple[str, ...]:
        link = f'<head><link rel="canonical" href="{href}">'
        return article(PAGE.replace("<head>", link), url="https://a.org/x?p=2").metadata.identifiers

    assert identifiers("/x") == ("url:https://a.org/x?p=2", "url:https://a.org/x")
    assert identifiers("https://www.a.org/y") == (
        "url:https://a.org/x?p=2",
        "url:https://www.a.org/y",
    )
    assert identifiers("https://b.org/x") == ("url:https://a.org/x?p=2",)
    assert identifiers("/") == ("url:https://a.org/x?p=2",)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<div id='app'></div><script src='app.js'></script>", "drawn by JavaScript"),
        ("<noscript>You need to enable JavaScript to run this app.</noscript>", "JavaScript"),
        ("<p>Log in to continue reading.</p><form><input type='password'></form>", "login"),
        (
            "<p>Checking your browser before you go on. Just a moment...</p>",
            "wants to see a browser",
        ),
        ("<p> </p>", "No article text"),
    ],
)
def test_a_page_without_an_article_says_why(body: str, says: str) -> None:
    title = "Just a moment..." if "browser" in body else "A page"
    with pytest.raises(ParseFailure, match=says):
        article(f"<html><head><title>{title}</title></head><body>{body}</body></html>")


@pytest.mark.parametrize(
    "html",
    [
        "<html><body>" + "<div>" * 200 + FILLER * 3 + "</div>" * 200 + "</body></html>",
        "<html><body><p>" + FILLER * 3 + "<p a='" + "x" * 10_000,
        "<?xml version='1.0' encoding='utf-8'?><html xmlns='http://www.w3.org/1999/xhtml'>"
        f"<body><p>{FILLER * 3}</p></body></html>",
    ],
)
def test_broken_html_is_read(html: str) -> None:
    assert article(html).text.startswith("Every team that begins with public data")


@pytest.mark.parametrize(
    "html",
    [
        "<html><body>" + "<div>" * 3000 + FILLER * 3 + "</div>" * 3000 + "</body></html>",
        "<table>" * 300 + "<tr><td>" + FILLER * 3,
        "<html><body><ul>" + "<li><ul>" * 200 + FILLER * 3,
        "<" * 100_000,
        "&amp;" * 100_000,
    ],
)
def test_absurd_html_ends_in_a_sentence(html: str) -> None:
    with pytest.raises(ParseFailure, match="No article text"):
        article(html)


# -- charsets ----------------------------------------------------------------------------------

WORDS = {
    "windows-1251": "Каждая команда сначала размечает свои письма, а потом ищет чужие данные.",
    "shift_jis": "まず自分たちのメールにラベルを付けてから、公開データを探します。とても大切です。",
    "iso-8859-1": "Jede Gruppe prüft erst die eigenen Nachrichten, bevor sie größere Mengen holt.",
    "utf-16": "Jede Gruppe prüft erst die eigenen Nachrichten, bevor sie größere Mengen holt.",
    "euc-kr": "모든 팀은 먼저 자신의 편지에 이름표를 붙이고 나서 공개된 자료를 찾습니다.",
}


@pytest.mark.parametrize("where", ["meta", "http-equiv", "header"])
@pytest.mark.parametrize("charset", WORDS)
def test_charsets(charset: str, where: str) -> None:
    meta = {
        "meta": f'<meta charset="{charset}">',
        "http-equiv": f'<meta http-equiv="Content-Type" content="text/html; charset={charset}">',
        "header": "",
    }[where]
    text = WORDS[charset]
    html = f"<html><head>{meta}<title>A title</title></head><body><article><p>{text}</p>"
    raw = Raw(
        "https://a.org/x", "web", "url:https://a.org/x", "2026-01-01", "text/html",
        (html + f"<p>{text * 3}</p></article></body></html>").encode(charset), "blog",
        charset=charset if where == "header" else "",
    )  # fmt: skip
    assert Web().parse(raw).text.startswith(text)


def test_utf_8_is_seen_through_a_wrong_header() -> None:
    content = PAGE.replace("Label first", "Größe zählt").encode()
    raw = Raw("p", "web", "k", "l", "text/html", content, "blog", charset="iso-8859-1")
    assert Web().parse(raw).metadata.title == "Größe zählt"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10, "is not text"),
        (b" \n ", "is empty"),
        (b"<p>" + b"x" * HTML_BYTES, "MB of HTML"),
    ],
)
def test_what_is_no_page_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(ParseFailure, match=says):
        Web().parse(Raw("p.html", "web", "sha256:0", "0", "text/html", content, "blog"))


# -- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.ORG:443/Post/#part", "https://example.org/Post"),
        ("http://example.org", "http://example.org/"),
        ("https://example.org/a?utm_source=x&b=2&fbclid=9&a=1", "https://example.org/a?b=2&a=1"),
        ("https://example.org/%7Eme/a%20b", "https://example.org/~me/a%20b"),
        ("https://example.org/~me/a b", "https://example.org/~me/a%20b"),
        ("https://example.org/a%2Fb", "https://example.org/a%2Fb"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://me:secret@example.org:8443/", "https://example.org:8443/"),
        ("http://[::1]:80/a", "http://[::1]/a"),
        ("ftp://example.org/a", None),
        ("https:///a", None),
        ("https://example.org:99999/", None),
    ],
)
def test_canonical_addresses(url: str, canonical: str | None) -> None:
    assert canonical_url(url) == canonical
    if canonical:
        assert canonical_url(canonical) == canonical


def test_which_locators_are_pages(tmp_path: Path) -> None:
    assert source_for("https://example.org/post").name == "web"
    assert source_for("http://example.org/notes.md").name == "web"
    assert source_for(str(html_file(tmp_path, b"x"))).name == "web"
    assert not Web().matches("paper.pdf")
    assert not is_web_address("https://")


# -- fetching ----------------------------------------------------------------------------------


def test_a_page_is_fetched_kept_and_not_fetched_again(
    site: WebServer, config: Config, fetcher: Fetcher
) -> None:
    site.pages["/post?a=1"] = Answer(PAGE.encode())
    url = site.url("/post?a=1&utm_source=mail#top")
    site.pages["/post?a=1&utm_source=mail"] = site.pages["/post?a=1"]
    (raw,) = Web().fetch([url, url], context(config, fetcher))
    assert isinstance(raw, Raw)
    assert raw.key == f"url:{site.url('/post?a=1')}"
    assert raw.label == datetime.now(UTC).date().isoformat()
    assert (raw.content, raw.kind, raw.charset) == (PAGE.encode(), "blog", "utf-8")
    assert parsed(raw).metadata.title == "Label first"
    asked = list(site.asked)
    (known,) = Web().fetch([url], context(config, fetcher, here=(raw.key,)))
    assert known == Known(url, raw.key)
    assert site.asked == asked
    (again,) = Web().fetch([url], context(config, fetcher, here=(raw.key,), refresh=True))
    assert isinstance(again, Raw)


def test_a_redirect_is_linked_with_where_it_leads(
    site: WebServer, config: Config, fetcher: Fetcher
) -> None:
    site.pages["/short"] = Answer(status=301, location="/long")
    site.pages["/long"] = Answer(PAGE.encode())
    short, long = site.url("/short"), site.url("/long")
    (raw,) = Web().fetch([short], context(config, fetcher))
    assert isinstance(raw, Raw)
    assert (raw.key, raw.url) == (f"url:{short}", long)
    assert parsed(raw).metadata.identifiers == (f"url:{long}",)
    (known,) = Web().fetch([short], context(config, fetcher, here=(f"url:{long}",)))
    assert isinstance(known, Known)
    assert known.key == f"url:{long}"
    here = context(config, fetcher, here=(f"url:{long}",), refresh=True)
    (renewed,) = Web().fetch([short], here)
    assert isinstance(renewed, Raw)
    assert renewed.key == f"url:{long}"


def test_other_things_than_pages(site: WebServer, config: Config, fetcher: Fetcher) -> None:
    site.pages |= {
        "/paper.pdf": Answer(b"%PDF-1.4\n%%EOF", "application/pdf"),
        "/README.md": Answer(b"# A tool\n\nIt does a thing.\n\n## Use\n\nRun it.", "text/plain"),
        "/feed": Answer(b"<rss version='2.0'/>", "application/rss+xml"),
        "/image": Answer(b"\x89PNG", "image/png"),
    }
    paths = [*site.pages, "/gone"]
    pdf, readme, feed, image, gone = Web().fetch(
        [site.url(path) for path in paths], context(config, fetcher)
    )
    assert isinstance(pdf, Raw)
    assert (pdf.media_type, pdf.kind, pdf.source) == ("application/pdf", "paper", "web")
    tool = parsed(readme)
    assert (tool.metadata.title, len(tool.sections)) == ("A tool", 2)
    assert isinstance(feed, Failed)
    assert "kb ingest feed" in feed.reason
    assert isinstance(image, Failed)
    assert isinstance(gone, Failed)
    assert not gone.retry


def test_a_pdf_behind_an_address_is_read_as_one(
    site: WebServer, config: Config, fetcher: Fetcher
) -> None:
    paper = (ROOT / "data" / "sample" / "papers" / "baselines-first.pdf").read_bytes()
    site.pages["/p"] = Answer(paper, "application/octet-stream")
    (raw,) = Web().fetch([site.url("/p")], context(config, fetcher))
    page = parsed(raw)
    assert len(page.pages) > 0
    assert page.metadata.url == site.url("/p")
    assert f"url:{site.url('/p')}" in page.metadata.identifiers


def test_robots_and_private_addresses_are_for_the_fetcher(
    site: WebServer, config: Config, fetcher: Fetcher
) -> None:
    site.pages["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /private", "text/plain")
    site.pages["/private/post"] = Answer(PAGE.encode())
    (refused,) = Web().fetch([site.url("/private/post")], context(config, fetcher))
    assert isinstance(refused, Failed)
    assert "robots.txt" in refused.reason
    assert site.visits("/private/post") == 0
    strict = Fetcher(replace(config, allow_addresses=()), pause=lambda seconds: None)
    (guarded,) = Web().fetch([site.url("/post")], context(config, strict))
    strict.close()
    assert isinstance(guarded, Failed)
    assert "allow_addresses" in guarded.reason


def test_files(tmp_path: Path, config: Config, fetcher: Fetcher) -> None:
    here = context(replace(config, fetch_bytes=100_000), fetcher)
    path = html_file(tmp_path, PAGE.encode())
    copy = html_file(tmp_path, PAGE.encode(), "copy.htm")
    big = html_file(tmp_path, b"x" * 200_000, "big.html")
    names = [str(path), str(copy), str(big), "gone.html", "n\0.html"]
    first, second, too_big, gone, odd = Web().fetch(names, here)
    assert isinstance(first, Raw)
    assert isinstance(second, Raw)
    assert first.key == second.key
    assert first.key.startswith("sha256:")
    assert parsed(first).metadata.identifiers == ()
    assert all(isinstance(result, Failed) for result in (too_big, gone, odd))
    assert not any(site for site in (first.url, second.url))


def test_the_sample_pages_are_read() -> None:
    pages = sorted((ROOT / "data" / "sample" / "pages").glob("*.html"))
    assert pages
    for path in pages:
        page = article(path.read_text(encoding="utf-8"))
        assert page.metadata.title
        assert page.metadata.authors
        assert len(page.sections) >= 4
        assert "Skip to content" not in page.text


@pytest.mark.shared
def test_real_pages_are_not_below_trafilatura(shared: Path) -> None:
    from benchmarks import articles

    pages = list(articles.snippets(shared / "html" / "trafilatura"))[:40]
    own, other = (
        articles.snippet_f1(
            sum((articles.snippet_counts(read(p.content), p) for p in pages), articles.Counter())
        )[2]
        for read in (articles.ours, articles.theirs)
    )
    assert own >= other > 0.8
