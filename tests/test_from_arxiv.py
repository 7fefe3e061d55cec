from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.fetch import Fetcher
from ingest.from_arxiv import Arxiv, ArxivId, ArxivSearch, arxiv_query, parse_arxiv_id
from ingest.source import Done, Failed, FetchContext, Fetched, Found, Known, Options, Raw
from kb.config import Config
from kb.errors import FetchFailure
from tests.arxiv_server import ArxivServer, Paper, made_papers, shared_papers

# -- ids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locator", "expected"),
    [
        ("1706.03762", "1706.03762"),
        ("1706.03762v5", "1706.03762v5"),
        ("0704.0001", "0704.0001"),
        ("math/9404236", "math/9404236"),
        ("math.GT/0309136v1", "math/0309136v1"),
        ("quant-ph/9508027v2", "quant-ph/9508027v2"),
        ("cs.CL/0306050", "cs/0306050"),
        ("MATH.gt/0309136V1", "math/0309136v1"),
        ("arXiv:1706.03762", "1706.03762"),
        ("ARXIV: 1706.03762v2", "1706.03762v2"),
        ("arxiv:math/0309136", "math/0309136"),
        ("arXiv:1706.03762v5  [cs.CL]  6 Dec 2017", "1706.03762v5"),
        ("arXiv:1706.03762.pdf", "1706.03762"),
        (" 1706.03762\n", "1706.03762"),
        ("https://arxiv.org/abs/1706.03762", "1706.03762"),
        ("http://www.arxiv.org/abs/1706.03762v5", "1706.03762v5"),
        ("https://export.arxiv.org/pdf/1706.03762v5.pdf", "1706.03762v5"),
        ("https://arxiv.org/pdf/math/9404236v1.pdf#page=3", "math/9404236v1"),
        ("https://arxiv.org/pdf/math%2F9404236v1", "math/9404236v1"),
        ("https://arxiv.org/html/2404.99904v1/", "2404.99904v1"),
        ("https://arxiv.org/format/1706.03762?context=cs.CL", "1706.03762"),
        ("https://arxiv.org/abs/arXiv:1706.03762", "1706.03762"),
        ("HTTPS://ArXiv.org/ABS/1706.03762", "1706.03762"),
        ("arxiv.org/abs/1706.03762", "1706.03762"),
        ("10.48550/arXiv.1706.03762", "1706.03762"),
        ("doi:10.48550/ARXIV.1706.03762", "1706.03762"),
        ("https://doi.org/10.48550/arXiv.math/0309136", "math/0309136"),
        ("http://dx.doi.org/10.48550/arxiv.1706.03762v3", "1706.03762v3"),
    ],
)
def test_ids_are_found_in_all_their_dresses(locator: str, expected: str) -> None:
    found = parse_arxiv_id(locator)
    assert str(found) == expected
    assert Arxiv().matches(locator)


@pytest.mark.parametrize(
    "locator",
    [
        "",
        "1706.03762.pdf",
        "./1706.03762",
        "papers/1706.03762v5.pdf",
        "notes/1234567",
        "1706.037",
        "1706.0376212",
        "1713.03762",
        "1706.03762v0",
        "1706.03762v",
        "x1706.03762",
        "1706.03762 and more",
        "10.1145/1706.03762",
        "https://example.org/abs/1706.03762",
        "https://notarxiv.org/abs/1706.03762",
        "https://arxiv.org.example.org/abs/1706.03762",
        "https://arxiv.org/list/cs.CL/recent",
        "https://arxiv.org/",
        "https://info.arxiv.org/help/api",
        "https://rss.arxiv.org/rss/cs.CL",
        "arxiv-search:1706.03762",
        "１７０６.03762",
    ],
)
def test_what_is_no_arxiv_locator_is_left_to_others(locator: str) -> None:
    assert parse_arxiv_id(locator) is None
    assert not Arxiv().matches(locator)


@pytest.mark.parametrize(
    "locator", ["arXiv:foo", "https://arxiv.org/abs/1706", "arXiv:", "arxiv.org/abs/"]
)
def test_what_is_plainly_of_arxiv_and_wrong_is_taken_to_be_told(locator: str) -> None:
    assert parse_arxiv_id(locator) is None
    assert Arxiv().matches(locator)


def test_a_file_that_exists_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Arxiv().matches("1706.03762")
    Path("1706.03762").write_bytes(b"")
    assert not Arxiv().matches("1706.03762")
    assert Arxiv().matches("arXiv:1706.03762")


YEARS = st.integers(7, 35).map(lambda y: f"{y:02d}")
MONTHS = st.integers(1, 12).map(lambda m: f"{m:02d}")
NEW = st.builds(
    lambda y, m, n, long: f"{y}{m}.{n:05d}" if long else f"{y}{m}.{n % 10_000:04d}",
    YEARS, MONTHS, st.integers(0, 99_999), st.booleans(),
)  # fmt: skip
OLD = st.builds(
    lambda a, y, m, n: f"{a}/{y:02d}{m}{n:03d}",
    st.sampled_from(["math", "cs", "quant-ph", "math-ph", "hep-th", "cmp-lg", "astro-ph"]),
    st.sampled_from([*range(91, 100), *range(8)]), MONTHS, st.integers(0, 999),
)  # fmt: skip
IDS = st.builds(ArxivId, NEW | OLD, st.none() | st.integers(1, 999))
DRESSES: list[Callable[[ArxivId], str]] = [
    str,
    lambda i: f"arXiv:{i}",
    lambda i: f"https://arxiv.org/abs/{i}",
    lambda i: f"http://export.arxiv.org/pdf/{i}.pdf?download=1#page=2",
    lambda i: f"www.arxiv.org/html/{i}",
    lambda i: f"https://doi.org/10.48550/arXiv.{i}",
    lambda i: f"doi:10.48550/arXiv.{i}",
    lambda i: str(i).upper(),
]


@given(IDS, st.sampled_from(DRESSES))
def test_every_dress_of_an_id_gives_the_id(paper: ArxivId, dress: Callable[[ArxivId], str]) -> None:
    assert parse_arxiv_id(dress(paper)) == paper


@given(OLD, st.sampled_from(["GT", "CL", "ao"]))
def test_a_subject_class_does_not_count(paper: str, subject: str) -> None:
    archive, number = paper.split("/")
    assert parse_arxiv_id(f"{archive}.{subject}/{number}") == ArxivId(paper)


@given(st.text())
def test_any_text_is_an_id_or_none(text: str) -> None:
    found = parse_arxiv_id(text)
    assert found is None or parse_arxiv_id(str(found)) == found


# -- fetching, over real HTTP ------------------------------------------------------------------


@dataclass
class Bench:
    """A loopback arXiv and a way to ask it as the pipeline does."""

    arxiv: ArxivServer
    config: Config
    library: set[tuple[str, str]] = field(default_factory=set)  # (key, label)
    said: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.config = replace(self.config, arxiv_api=self.arxiv.api, arxiv_pdf=self.arxiv.pdf)

    def context(self, options: Options) -> FetchContext:
        pause = lambda seconds: self.waits.append(seconds) if seconds else None  # noqa: E731
        return FetchContext(
            config=self.config,
            fetcher=Fetcher(self.config, say=self.said.append, pause=pause),
            options=options,
            in_library=self.in_library,
            say=self.said.append,
            pause=pause,
        )

    def in_library(self, key: str, label: str | None) -> bool:
        return any(k == key and label in (None, v) for k, v in self.library)

    def fetch(self, *locators: str, **options: Any) -> list[Fetched]:
        return list(Arxiv().fetch(locators, self.context(Options(**options))))

    def one(self, locator: str, **options: Any) -> Fetched:
        (item,) = self.fetch(locator, **options)
        assert item.locator == locator
        return item

    def failure(self, locator: str, **options: Any) -> Failed:
        item = self.one(locator, **options)
        assert isinstance(item, Failed)
        return item

    def raw(self, locator: str, **options: Any) -> Raw:
        item = self.one(locator, **options)
        assert isinstance(item, Raw)
        return item

    def search(self, query: str, **options: Any) -> list[Fetched]:
        locator = f"arxiv-search:{query}"
        return list(ArxivSearch().fetch([locator], self.context(Options(**options))))


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> list[Paper]:
    return made_papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture
def open_bench(config: Config) -> Iterator[Callable[..., Bench]]:
    with ExitStack() as stack:

        def make(papers: list[Paper], **how: Any) -> Bench:
            return Bench(stack.enter_context(ArxivServer(papers, **how)), config)

        yield make


@pytest.fixture
def bench(open_bench: Callable[..., Bench], papers: list[Paper]) -> Bench:
    return open_bench(papers)


def test_a_paper_comes_with_its_pdf_and_all_that_arxiv_knows(
    open_bench: Callable[..., Bench], papers: list[Paper]
) -> None:
    known = replace(
        papers[2],
        title="Two  lines\n  of title",
        abstract="  An abstract\nin two lines. ",
        journal_ref="Journal of Tests 1, 2-3 (2024)",
        doi="10.1234/ABC",
        categories=("cs.CL", "cs.LG"),
    )
    bench = open_bench([known])
    raw = bench.raw("https://arxiv.org/abs/2402.99902")
    assert (raw.key, raw.label, raw.kind, raw.source) == (
        "arxiv:2402.99902",
        "v1",
        "paper",
        "arxiv",
    )
    assert raw.media_type == "application/pdf"
    assert known.pdf
    assert raw.content == known.pdf.read_bytes()
    assert raw.url == f"{bench.arxiv.pdf}/2402.99902v1"
    about = raw.metadata
    assert about.title == "Two lines of title"
    assert about.authors == ("First Author", "Second Author")
    assert about.published == known.published
    assert about.abstract == "An abstract in two lines."
    assert about.venue == "Journal of Tests 1, 2-3 (2024)"
    assert about.url == "https://arxiv.org/abs/2402.99902"
    assert about.tags == ("cs.CL", "cs.LG")
    assert about.identifiers == (
        "arxiv:2402.99902",
        "doi:10.1234/abc",
        "doi:10.48550/arxiv.2402.99902",
    )


@pytest.mark.parametrize(
    ("locator", "key", "label"),
    [
        ("2401.99901", "arxiv:2401.99901", "v2"),
        ("2401.99901v1", "arxiv:2401.99901", "v1"),
        ("cs.CL/0001999", "arxiv:cs/0001999", "v1"),
        ("math/0102999v2", "arxiv:math/0102999", "v2"),
    ],
)
def test_the_newest_version_comes_unless_one_is_named(
    locator: str, key: str, label: str, bench: Bench
) -> None:
    raw = bench.raw(locator)
    assert (raw.key, raw.label) == (key, label)


def test_two_versions_and_two_names_of_one_paper_are_kept_apart(bench: Bench) -> None:
    items = bench.fetch("2401.99901v1", "2401.99901", "arXiv:2401.99901v2", "2401.99901v1")
    labels = {item.locator: item.label for item in items if isinstance(item, Raw)}
    assert labels == {"2401.99901v1": "v1", "2401.99901": "v2", "arXiv:2401.99901v2": "v2"}
    assert len(items) == 3
    assert len(bench.arxiv.paths("/pdf/")) == 2  # v2 is fetched once for its two names


def test_ids_are_asked_for_in_batches(
    open_bench: Callable[..., Bench], papers: list[Paper]
) -> None:
    many = [replace(papers[0], id=f"2405.{90000 + n}") for n in range(120)]
    bench = open_bench(many)
    items = bench.fetch(*(paper.id for paper in many))
    assert [item.locator for item in items if isinstance(item, Raw)] == [p.id for p in many]
    assert len(bench.arxiv.paths("/api/query")) == 3


def test_papers_come_one_by_one(bench: Bench) -> None:
    """So that the first is parsed while the second is fetched, and memory holds one of them."""
    items = Arxiv().fetch(["2401.99901", "2402.99902"], bench.context(Options()))
    assert isinstance(next(items), Raw)
    assert len(bench.arxiv.paths("/pdf/")) == 1
    assert isinstance(next(items), Raw)
    assert len(bench.arxiv.paths("/pdf/")) == 2


# -- what is known already ---------------------------------------------------------------------


def test_what_is_in_the_library_is_not_asked_for(bench: Bench) -> None:
    bench.library = {("arxiv:2401.99901", "v1"), ("arxiv:cs/0001999", "v1")}
    items = bench.fetch("2401.99901", "2401.99901v1", "cs.CL/0001999")
    assert all(isinstance(item, Known) for item in items)
    assert bench.arxiv.asked == []


def test_another_version_is_fetched_when_it_is_named(bench: Bench) -> None:
    bench.library = {("arxiv:2401.99901", "v1")}
    assert bench.raw("2401.99901v2").label == "v2"


def test_refresh_asks_and_fetches_only_what_is_new(bench: Bench) -> None:
    bench.library = {("arxiv:2401.99901", "v1"), ("arxiv:2402.99902", "v1")}
    new, same = sorted(
        bench.fetch("2402.99902", "2401.99901", refresh=True), key=lambda item: item.locator
    )
    assert isinstance(new, Raw)
    assert new.label == "v2"
    assert same == Known("2402.99902", "arxiv:2402.99902", "unchanged, v1 is the newest")
    assert bench.arxiv.paths("/pdf/") == ["/pdf/2401.99901v2"]


def test_refresh_of_a_named_version_does_not_call_it_the_newest(bench: Bench) -> None:
    bench.library = {("arxiv:2401.99901", "v1")}
    item = bench.one("2401.99901v1", refresh=True)
    assert item == Known("2401.99901v1", "arxiv:2401.99901", "unchanged, v1 is here")


# -- what arXiv does not have ------------------------------------------------------------------


def test_only_the_missing_ones_of_a_list_fail(bench: Bench) -> None:
    items = {
        i.locator: i for i in bench.fetch("2401.99901", "2401.00000", "2401.99901v7", "arXiv:x")
    }
    assert isinstance(items["2401.99901"], Raw)
    for locator in ("2401.00000", "2401.99901v7", "arXiv:x"):
        failed = items[locator]
        assert isinstance(failed, Failed)
        assert not failed.retry
    assert "has no paper 2401.00000" in items["2401.00000"].reason  # type: ignore[union-attr]
    assert "has no paper 2401.99901v7" in items["2401.99901v7"].reason  # type: ignore[union-attr]
    assert "no arXiv id" in items["arXiv:x"].reason  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "words",
    [
        {"comment": "This paper has been withdrawn by the author due to an error in Lemma 2"},
        {"comment": "Withdrawn: the data were wrong."},
        {"comment": "10 pages; the submission is temporarily withdrawn by the authors"},
        {"comment": "The authors have withdrawn this, see the erratum"},
        {"comment": "This submission has been withdrawn by arXiv administrators"},
        {"abstract": "This paper has been withdrawn by the author because of an error."},
        {"abstract": "The article was withdrawn."},
    ],
)
def test_a_withdrawn_paper_is_told_with_its_words(
    words: dict[str, str], open_bench: Callable[..., Bench], papers: list[Paper]
) -> None:
    bench = open_bench([papers[0], replace(papers[1], pdf=None, **words)])
    failed = bench.failure("2401.99901")
    assert "has been withdrawn" in failed.reason
    assert next(iter(words.values())) in failed.reason
    assert "2401.99901v1" in failed.reason
    assert not failed.retry
    assert bench.raw("2401.99901v1").label == "v1"


@pytest.mark.parametrize(
    "words",
    [
        {"comment": "Supersedes the withdrawn paper of 2019"},
        {"abstract": "We ask why a drug was withdrawn. In this paper, funds were withdrawn."},
        {"abstract": "Consent withdrawn by users must be honoured."},
    ],
)
def test_a_paper_about_withdrawal_is_not_withdrawn(
    words: dict[str, str], open_bench: Callable[..., Bench], papers: list[Paper]
) -> None:
    assert open_bench([replace(papers[2], **words)]).raw("2402.99902").label == "v1"


def test_a_paper_without_pdf_has_its_own_sentence(
    open_bench: Callable[..., Bench], papers: list[Paper]
) -> None:
    failed = open_bench([replace(papers[2], pdf=None)]).failure("2402.99902")
    assert "has no PDF of it" in failed.reason
    assert not failed.retry


def test_an_id_that_arxiv_refuses_takes_no_other_down(
    open_bench: Callable[..., Bench], papers: list[Paper]
) -> None:
    """The recorded answer to a malformed id is 400 for the whole list."""
    bench = open_bench(papers)
    bench.arxiv.fail("error-entry", "00000", times=9)  # every list with that id in it
    items = {
        i.locator: i for i in bench.fetch("2401.99901", "2401.00000", "2402.99902", "cs/0001999")
    }
    failed = items.pop("2401.00000")
    assert isinstance(failed, Failed)
    assert "does not take 2401.00000 for an id" in failed.reason
    assert "something is wrong" in failed.reason
    assert not failed.retry
    assert all(isinstance(item, Raw) for item in items.values())


# -- faults of the query interface -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["429", "503", "500", "cut", "half", "html", "disguised", "empty"])
def test_a_query_that_goes_wrong_is_asked_again(kind: Any, bench: Bench) -> None:
    bench.arxiv.fail(kind, "/api/query")
    assert bench.raw("2401.99901").label == "v2"
    assert len(bench.arxiv.paths("/api/query")) == 2
    assert any("Trying again" in words for words in bench.said)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("503", "answers 503"),
        ("cut", "broke off"),
        ("half", "answer is cut"),
        ("html", "a web page in place of an answer"),
        ("disguised", "a web page in place of an answer"),
        ("empty", "empty page"),
    ],
)
def test_a_query_that_goes_wrong_every_time_fails_the_list_for_now(
    kind: Any, words: str, bench: Bench
) -> None:
    bench.arxiv.fail(kind, "/api/query", times=99)
    items = bench.fetch("2401.99901", "2402.99902")
    assert [item.locator for item in items] == ["2401.99901", "2402.99902"]
    for item in items:
        assert isinstance(item, Failed)
        assert words in item.reason
        assert item.retry
    assert len(bench.arxiv.asked) == bench.config.fetch_tries


def test_a_query_that_hangs_ends(bench: Bench) -> None:
    bench.config = replace(bench.config, fetch_seconds=0.2, fetch_tries=2)
    bench.arxiv.fail("hang", "/api/query", times=99)
    failed = bench.failure("2401.99901")
    assert "silent" in failed.reason
    assert failed.retry


def test_retry_after_of_the_query_interface_is_honoured(bench: Bench) -> None:
    bench.arxiv.fail("429", "/api/query", retry_after="17")
    assert bench.raw("2401.99901")
    assert max(bench.waits) == pytest.approx(17, abs=1)


# -- faults of the PDFs ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["429", "503", "cut"])
def test_a_pdf_that_goes_wrong_is_fetched_again(
    kind: Any, bench: Bench, papers: list[Paper]
) -> None:
    bench.arxiv.fail(kind, "/pdf/")
    raw = bench.raw("2401.99901")
    assert papers[1].pdf
    assert raw.content == papers[1].pdf.read_bytes()
    assert len(bench.arxiv.paths("/pdf/")) == 2


@pytest.mark.parametrize(
    ("kind", "words", "retry"),
    [
        ("503", "answers 503", True),
        ("cut", "broke off", True),
        ("html", "a web page in place of a PDF", True),
        ("disguised", "a web page in place of a PDF", True),
        ("404", "has no PDF", False),
    ],
)
def test_one_bad_pdf_stops_no_other(kind: Any, words: str, retry: bool, bench: Bench) -> None:
    bench.arxiv.fail(kind, "/pdf/2401.99901v2", times=99)
    bad, good = bench.fetch("2401.99901", "2402.99902")
    assert isinstance(bad, Failed)
    assert words in bad.reason
    assert bad.retry is retry
    assert isinstance(good, Raw)


def test_a_dripping_pdf_ends(bench: Bench) -> None:
    bench.config = replace(bench.config, fetch_total_seconds=0.4)
    bench.arxiv.fail("drip", "/pdf/", times=99)
    failed = bench.failure("2401.99901")
    assert "not complete" in failed.reason
    assert failed.retry


def test_when_arxiv_wants_an_hour_of_peace_it_has_it(bench: Bench) -> None:
    bench.arxiv.fail("429", "/pdf/", times=99, retry_after="3600")
    items = bench.fetch("2401.99901", "2402.99902", "cs/0001999")
    assert all(isinstance(item, Failed) and item.retry for item in items)
    assert len(bench.arxiv.paths("/pdf/")) == 1
    assert [wait for wait in bench.waits if wait > 1] == []


def test_every_request_keeps_the_pace(bench: Bench) -> None:
    """Queries, PDFs and tries again, by the server's own clock."""
    bench.config = replace(bench.config, arxiv_pause=0.15)
    context = bench.context(Options())
    fetcher = Fetcher(bench.config, pause=lambda s: time.sleep(min(s, 0.15)))
    bench.arxiv.fail("503", "/pdf/")
    items = list(Arxiv().fetch(["2401.99901", "2402.99902"], replace(context, fetcher=fetcher)))
    assert all(isinstance(item, Raw) for item in items)
    assert len(bench.arxiv.asked) == 4
    assert min(bench.arxiv.gaps()) >= 0.14


# -- search ------------------------------------------------------------------------------------


def test_a_search_finds_papers_as_locators_of_their_own(bench: Bench) -> None:
    items = bench.search("sentiment")
    assert items == [
        Found("arXiv:2401.99901", "arxiv-search:sentiment"),
        Done("arxiv-search:sentiment", "1 paper"),
    ]
    assert isinstance(items[0], Found)
    assert Arxiv().matches(items[0].locator)


def test_a_search_keeps_to_category_date_and_limit(bench: Bench) -> None:
    def found(**options: Any) -> list[str]:
        items = bench.search("all:.", **options)  # a full stop is in every abstract
        return [i.locator.removeprefix("arXiv:") for i in items if isinstance(i, Found)]

    everything = found()
    assert len(everything) == 6
    assert found(limit=2) == everything[:2]
    assert found(categories=("math.LG",)) == ["math/0102999"]
    assert found(categories=("math.LG", "cs.CL")) == [*everything[:4], "math/0102999"]
    assert found(since="2024-05-15") == ["2404.99904", "cs/0001999", "math/0102999"]


def test_a_long_search_is_paged(open_bench: Callable[..., Bench], papers: list[Paper]) -> None:
    many = [replace(papers[0], id=f"2405.{90000 + n}") for n in range(250)]
    bench = open_bench(many)
    items = bench.search("sentiment", limit=230)
    found = [item.locator for item in items if isinstance(item, Found)]
    assert found == [f"arXiv:{paper.id}" for paper in many[:230]]
    assert items[-1] == Done("arxiv-search:sentiment", "230 papers")
    assert len(bench.arxiv.asked) == 3
    bench.arxiv.asked.clear()
    assert len(bench.search("sentiment")) == 51  # the default limit, and Done
    assert len(bench.arxiv.asked) == 1


def test_a_search_that_finds_nothing_says_so(bench: Bench) -> None:
    (item,) = bench.search("zebra")
    assert isinstance(item, Done)
    assert "finds nothing for all:zebra" in item.reason


@pytest.mark.parametrize(
    ("query", "options"),
    [("", {}), ("  ?! ", {}), ("x", {"limit": 0}), ("x", {"since": "May"}),
     ("x", {"since": "2024-13-01"}), ("x", {"categories": ("cs.CL) OR (all:x",)})],
)  # fmt: skip
def test_a_search_that_cannot_be_asked_says_why(
    query: str, options: dict[str, Any], bench: Bench
) -> None:
    (item,) = bench.search(query, **options)
    assert isinstance(item, Failed)
    assert not item.retry
    assert bench.arxiv.asked == []


def test_a_search_that_breaks_off_keeps_what_it_found(
    open_bench: Callable[..., Bench], papers: list[Paper]
) -> None:
    bench = open_bench([replace(papers[0], id=f"2405.{90000 + n}") for n in range(150)])
    bench.arxiv.fail("503", "start=100", times=99)
    items = bench.search("sentiment", limit=150)
    assert len([item for item in items if isinstance(item, Found)]) == 100
    assert isinstance(items[-1], Failed)
    assert items[-1].retry


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("attention", "all:attention"),
        ("the cost of attention", "all:cost AND all:attention"),
        ('"machine translation" with attention', 'all:"machine translation" AND all:attention'),
        ("fine-tuning BERT", 'all:"fine-tuning" AND all:BERT'),
        ("to be or not to be", "all:be AND all:not"),
        ("the", "all:the"),
        ("(a) b: c", "all:b AND all:c"),
        ("café 漢字", "all:café AND all:漢字"),
        ("ti:attention AND au:vaswani", "(ti:attention AND au:vaswani)"),
    ],
)
def test_words_become_a_query(text: str, expected: str) -> None:
    assert arxiv_query(text) == expected


def test_categories_and_dates_narrow_a_query() -> None:
    assert arxiv_query("x", categories=["cs.CL"]) == "all:x AND cat:cs.CL"
    either = arxiv_query("x", categories=["cs.CL", "stat.ML"])
    assert either == "all:x AND (cat:cs.CL OR cat:stat.ML)"
    assert arxiv_query("", categories=["cs.CL"]) == "cat:cs.CL"
    for since in ("2024", "2024-01", "2024-01-01"):
        assert arxiv_query("x", since=since).startswith(
            "all:x AND submittedDate:[202401010000 TO 2"
        )


@given(st.text())
def test_any_text_becomes_a_query_or_a_sentence(text: str) -> None:
    try:
        query = arxiv_query(text)
    except FetchFailure:
        assert not re.search(r"\w", text)
    else:
        assert query


# -- real answers and real papers --------------------------------------------------------------


@pytest.fixture
def recordings(shared: Path) -> Path:
    return shared / "arxiv" / "api" / "arxiv_py_cassettes"


@pytest.mark.shared
def test_a_recorded_list_with_one_missing(
    recordings: Path, open_bench: Callable[..., Bench], papers: list[Paper]
) -> None:
    """As arXiv answered on 2026-04-12: 1707.08567 is there, 0808.05394 never was."""
    from ingest import from_arxiv

    bench = open_bench([replace(papers[0], id="1707.08567", version=1)], recordings=recordings)
    client = from_arxiv._client(bench.context(Options()).fetcher, bench.arxiv.api, page=100)
    answers = from_arxiv._look_up(client, [ArxivId("0808.05394"), ArxivId("1707.08567")])
    missing, there = answers.values()
    assert isinstance(missing, FetchFailure)
    assert isinstance(there, from_arxiv._Entry)
    about = from_arxiv._metadata(there.result, there.paper)
    assert about.title.startswith("Proceedings of Workshop AEW10")
    assert len(about.authors) == 34
    assert about.tags == ("cs.IT",)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("paper", "known"),
    [("0000.0000", False), ("0808.05394", False), ("1605.08386", True), ("1707.08567", True),
     ("2104.12255v1", True), ("astro-ph/0601001", True), ("quant-ph/0201082v1", True)],
)  # fmt: skip
def test_recorded_answers_are_read(
    paper: str, known: bool, recordings: Path, open_bench: Callable[..., Bench]
) -> None:
    from ingest import from_arxiv

    bench = open_bench([], recordings=recordings)
    client = from_arxiv._client(bench.context(Options()).fetcher, bench.arxiv.api, page=100)
    name, _, version = paper.partition("v")
    asked = ArxivId(name, int(version) if version else None)
    (answer,) = from_arxiv._look_up(client, [asked]).values()
    if not known:
        assert isinstance(answer, FetchFailure)
        assert "has no paper" in answer.reason
        return
    assert isinstance(answer, from_arxiv._Entry)
    about = from_arxiv._metadata(answer.result, answer.paper)
    assert answer.paper.id == name
    assert about.title
    assert about.authors
    assert len(about.abstract) > 100
    assert about.published[:4].isdecimal()
    assert about.tags


@pytest.mark.shared
def test_a_recorded_refusal_is_told(recordings: Path, open_bench: Callable[..., Bench]) -> None:
    """ArXiv answers 400 to an id that is none."""
    from ingest import from_arxiv

    bench = open_bench([], recordings=recordings)
    client = from_arxiv._client(bench.context(Options()).fetcher, bench.arxiv.api, page=100)
    (answer,) = from_arxiv._look_up(client, [ArxivId("abc")]).values()
    assert isinstance(answer, FetchFailure)
    assert "does not take abc for an id" in answer.reason
    assert len(bench.arxiv.asked) == 1


@pytest.mark.shared
def test_the_real_papers_come_by_their_ids(shared: Path, open_bench: Callable[..., Bench]) -> None:
    papers = shared_papers(shared)
    lines = (shared / "arxiv" / "pdfs.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    bench = open_bench(papers)
    items = bench.fetch(*(row["arxiv_id"] for row in rows))
    assert len(items) == len(rows) == 56
    assert len(bench.arxiv.paths("/api/query")) == 2
    for row, item in zip(rows, items, strict=True):
        assert isinstance(item, Raw)
        assert (item.key, item.label) == (f"arxiv:{row['arxiv_id']}", row["stamp"][-2:])
        assert hashlib.sha256(item.content).hexdigest() == row["sha256"]
        if known := row["metadata"]:
            assert item.metadata.title == " ".join(known["title"].split())
            assert item.metadata.abstract == " ".join(known["abstract"].split())
            assert ", ".join(item.metadata.authors) == known["authors"]
