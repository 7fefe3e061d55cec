from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.fetch import Fetcher
from ingest.from_feed import FEED_BYTES, Feed, feed_entries
from ingest.source import Done, Failed, FetchContext, Fetched, Found, Options, Raw
from ingest.sources import source_for
from kb.config import Config
from kb.errors import ParseFailure
from tests.web_server import Answer, WebServer

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>The notebook</title>
<link>https://example.org/</link>
<item><title>Old &lt;b&gt;post&lt;/b&gt;</title><link>https://example.org/old</link>
<pubDate>Mon, 06 Jan 2025 10:00:00 GMT</pubDate></item>
<item><title>New post</title><link>https://example.org/new?utm_source=rss</link>
<pubDate>Tue, 04 Mar 2025 23:00:00 -0500</pubDate></item>
<item><title>New post again</title><link>https://example.org/new#more</link>
<pubDate>Wed, 05 Mar 2025 03:00:00 GMT</pubDate></item>
<item><title>No link here</title><description>Only words.</description></item>
<item><title>By guid</title><guid>https://example.org/by-guid</guid></item>
</channel></rss>"""

ATOM = b"""<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>Listing</title><id>urn:x</id><updated>2025-01-02T00:00:00Z</updated>
<entry><title>A paper</title><id>urn:1</id><updated>2025-01-02T00:00:00Z</updated>
<link href="post/1"/></entry>
<entry><title>Of a paper</title><id>urn:2</id><updated>2025-01-01T00:00:00Z</updated>
<link href="http://arxiv.org/abs/1706.03762v5"/></entry></feed>"""

LISTING = b"""<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>cs.CL updates on arXiv.org</title><link>http://rss.arxiv.org/rss/cs.CL</link>
<item><title>One</title><link>https://arxiv.org/abs/2501.00001</link>
<guid isPermaLink="false">oai:arXiv.org:2501.00001v1</guid></item>
<item><title>Two</title><link>https://arxiv.org/abs/math/0309136</link>
<guid isPermaLink="false">oai:arXiv.org:math/0309136v2</guid></item></channel></rss>"""


@pytest.fixture
def site() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


def fetched(locators: list[str], config: Config, limit: int | None = None) -> list[Fetched]:
    fetcher = Fetcher(replace(config, fetch_tries=1), pause=lambda seconds: None)
    context = FetchContext(
        config,
        fetcher,
        Options(limit=limit),
        lambda key, label: False,
        lambda what: None,
        lambda seconds: None,
    )
    try:
        return list(Feed().fetch(locators, context))
    finally:
        fetcher.close()


def test_entries_become_locators_newest_first(site: WebServer, config: Config) -> None:
    site.pages["/feed.xml"] = Answer(RSS, "application/rss+xml")
    feed = f"feed:{site.url('/feed.xml')}"
    *entries, done = fetched([feed, feed], config)
    assert entries[:2] == [
        Found("https://example.org/new?utm_source=rss", feed),
        Found("https://example.org/old", feed),
    ]
    assert Found("https://example.org/by-guid", feed) in entries
    (without,) = [entry for entry in entries if isinstance(entry, Failed)]
    assert without.locator == f"{feed}#No link here"
    assert "has no link" in without.reason
    assert not without.retry
    assert done == Done(feed, "4 entries, 1 without a link")


def test_the_limit_takes_the_newest(site: WebServer, config: Config) -> None:
    site.pages["/feed.xml"] = Answer(RSS, "text/xml")
    feed = f"feed:{site.url('/feed.xml')}"
    assert fetched([feed], config, limit=1) == [
        Found("https://example.org/new?utm_source=rss", feed),
        Done(feed, "the newest 1 of 4 entries"),
    ]


def test_relative_links_start_from_where_the_feed_was(site: WebServer, config: Config) -> None:
    site.pages["/moved"] = Answer(status=302, location="/blog/feed.atom")
    site.pages["/blog/feed.atom"] = Answer(ATOM, "application/atom+xml")
    feed = f"feed:{site.url('/moved')}"
    assert fetched([feed], config) == [
        Found(site.url("/blog/post/1"), feed),
        Found("arXiv:1706.03762", feed),
        Done(feed, "2 entries"),
    ]


def test_arxiv_listings_become_arxiv_ids(tmp_path: Path, config: Config) -> None:
    path = tmp_path / "cs.CL.rss"
    path.write_bytes(LISTING)
    one, two, done = fetched([str(path)], config)
    assert one == Found("arXiv:2501.00001", str(path))
    assert two == Found("arXiv:math/0309136", str(path))
    assert isinstance(done, Done)
    assert source_for(one.locator).name == "arxiv"


def test_json_feed() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [
            {"id": "1", "url": "/a", "title": "A", "date_published": "2025-01-01T23:00:00-05:00"},
            {"id": "https://a.org/b", "date_published": "2025-01-02T03:00:00Z"},
            {"id": "3", "title": "No link"},
            "junk",
        ],
    }
    entries = feed_entries(json.dumps(feed).encode(), url="https://a.org/feed.json")
    assert [entry.link for entry in entries] == ["https://a.org/a", "https://a.org/b", ""]
    assert entries[0].date == "2025-01-02T04:00:00Z"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no feed"),
        (b"Just words.", "is no feed"),
        (b'{"items": []}', "is no feed"),
        (b"<rss version='2.0'><channel><title>A</title>", "is broken"),
        (b"<!doctype html><html><head><link rel='alternate' type='application/rss+xml' "
         b"href='/feed.xml'></head></html>", "kb ingest feed https://a.org/feed.xml"),
        (b"<html><body>Hello</body></html>", "is a web page"),
        (b" " * (FEED_BYTES + 1), "more than"),
    ],
)  # fmt: skip
def test_what_is_no_feed_says_so(content: bytes, says: str) -> None:
    with pytest.raises(ParseFailure, match=says):
        feed_entries(content, url="https://a.org/")


def test_an_entity_bomb_does_no_harm() -> None:
    levels = b"".join(b'<!ENTITY %c "%s">' % (98 + i, (b"&%c;" % (97 + i)) * 10) for i in range(9))
    bomb = (
        b'<!DOCTYPE z [<!ENTITY a "lol">' + levels + b']><rss version="2.0"><channel><item>'
        b"<title>&j;</title><link>https://a.org/</link></item></channel></rss>"
    )
    (entry,) = feed_entries(bomb)
    assert len(entry.title) < 1000


def test_outside_entities_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden words")
    feed = (
        f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]><rss version="2.0"><channel><item>'
        "<title>A &x; B</title><link>https://a.org/</link></item></channel></rss>"
    )
    (entry,) = feed_entries(feed.encode())
    assert "hidden" not in entry.title


def test_bytes_that_name_a_file_do_not_open_it(tmp_path: Path) -> None:
    path = tmp_path / "feed.rss"
    path.write_bytes(RSS)
    with pytest.raises(ParseFailure, match="is no feed"):
        feed_entries(str(path).encode())


def test_failures_of_the_network_and_the_disk(
    site: WebServer, config: Config, tmp_path: Path
) -> None:
    site.pages["/busy"] = Answer(status=503)
    gone, busy, missing, folder = fetched(
        [
            f"feed:{site.url('/gone')}",
            f"feed:{site.url('/busy')}",
            f"feed:{tmp_path / 'none.rss'}",
            f"feed:{tmp_path}",
        ],
        config,
    )
    assert isinstance(gone, Failed)
    assert not gone.retry
    assert isinstance(busy, Failed)
    assert busy.retry
    assert isinstance(missing, Failed)
    assert "There is no feed" in missing.reason
    assert isinstance(folder, Failed)


def test_which_locators_are_feeds(tmp_path: Path) -> None:
    for name, content, source in (
        ("a.rss", b"", "feed"),
        ("b.xml", RSS, "feed"),
        ("c.xml", ATOM.decode().encode("utf-16"), "feed"),
    ):
        (tmp_path / name).write_bytes(content)
        assert source_for(str(tmp_path / name)).name == source
    (tmp_path / "d.xml").write_bytes(b"<library/>")
    assert not Feed().matches(str(tmp_path / "d.xml"))
    assert Feed().matches("feed:https://example.org/feed")
    assert not Feed().matches("https://example.org/feed.rss")


def test_a_feed_itself_has_no_text() -> None:
    with pytest.raises(ParseFailure, match="Ingest its entries"):
        Feed().parse(Raw("feed:x", "feed", "k", "l", "text/xml", RSS))


@given(st.integers(0, len(RSS)), st.binary(max_size=20))
@settings(max_examples=150, deadline=None)
def test_damaged_feeds_end_in_entries_or_a_sentence(at: int, junk: bytes) -> None:
    damaged = RSS[:at] + junk + RSS[at + len(junk) :]
    try:
        entries = feed_entries(damaged, url="https://example.org/")
    except ParseFailure:  # anything else is a bug
        entries = []
    assert all(entry.link == "" or entry.link.startswith("http") for entry in entries)


@pytest.mark.shared
def test_hostile_feeds_end_in_entries_or_a_sentence(shared: Path) -> None:
    ended = {"entries": 0, "failed": 0}
    for path in sorted((shared / "hostile" / "feeds").rglob("*.xml")):
        try:
            feed_entries(path.read_bytes(), url="https://example.org/")
            ended["entries"] += 1
        except ParseFailure as failure:
            assert failure.reason.endswith(".")  # noqa: PT017
            ended["failed"] += 1
    assert ended["entries"] >= 95
    assert ended["entries"] + ended["failed"] == 101
