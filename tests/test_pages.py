from __future__ import annotations

import io
import logging
import re
import sqlite3
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from kb import background
from kb.cli.app import INSTALLED, app_file
from kb.config import Config
from kb.errors import UsageError
from kb.knowledge_base import Engine
from kb.pages import markup, session
from kb.pages.search import from_address, to_address
from kb.records import KINDS, Metadata, Outcome, Page, Parsed, PassageSpan, Query, Section
from kb.store import Store
from tests.conftest import ROOT, FakeEmbedder
from tests.test_store import PARSED, add

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "**bold** [link](javascript:alert(3)) ![img](https://example.org/x.png)",
    r"$\frac{a}{b}$ and $$x^2$$ and \(y\)",
    ":material/delete: :smile: :red[red] :small[x]",
    "`code`\n# heading\n---\n| a | b |\n|---|---|",
    '"></p></div><h1 onclick="alert(4)">out</h1>',
    "<style>body{display:none}</style><svg/onload=alert(5)>",
    "&lt;b&gt; &amp; &#60;i&#62;",
)
TAGS = set(
    "a b br dd div dl dt em h1 h2 h3 h4 li mark meter ol p script span strong style ul".split()  # noqa: SIM905
)
OURS = re.compile(r"https?://|(search|findings|project|plan|settings)(\?|$)")
ATTRIBUTES = set("aria-label class href max min rel role target title value".split())  # noqa: SIM905


@pytest.fixture
def page(
    config: Config, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AppTest:
    """The page on the test's own library, with the fake encoder. Not run yet."""
    engine = Engine(config)
    engine._embedder = embedder
    monkeypatch.setattr(session, "_engine", lambda library, now: engine)
    monkeypatch.setattr("sys.argv", ["app.py", "--library", str(config.library)])
    for name in ("cache", "state"):
        monkeypatch.setenv(f"KB_{name.upper()}", str(getattr(config, name)))
    monkeypatch.setenv("KB_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.delenv("KB_LIBRARY", raising=False)
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Every ingest that the page starts, in place of starting it."""
    calls: list[dict[str, object]] = []

    def start(config: Config, locators: list[str], **options: object) -> None:
        if not locators and not any(options.values()):
            raise UsageError("Name something to take in.")
        calls.append({"locators": list(locators)} | {k: v for k, v in options.items() if v})

    monkeypatch.setattr(background, "start_ingest", start)
    return calls


def html(page: AppTest) -> str:
    """All that the page says as HTML, less the style sheet."""
    return "\n".join(block.value for block in page.html if "<style" not in block.value[:8])


def library_page(page: AppTest) -> AppTest:
    page.run()
    page.switch_page("kb/pages/library.py")
    return page.run()


def ask(page: AppTest, question: str, mode: str = "lexical") -> AppTest:
    page.query_params["q"], page.query_params["mode"] = question, mode
    return page.run()


# -- an empty library ----------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["search", "library"])
def test_an_empty_library_leads_by_the_hand(
    page: AppTest, started: list[dict[str, object]], which: str
) -> None:
    library_page(page) if which == "library" else page.run()
    assert "An empty library" in html(page)
    assert [area.label for area in page.text_area] == ["arXiv ids and addresses, one a line"]
    assert len(page.file_uploader) == 1
    (sample,) = [b for b in page.button if b.label == "Take in the sample library"]
    sample.click().run()
    assert started == [{"locators": [], "sample": True}]


# -- searching -----------------------------------------------------------------------------------


def test_a_question_is_answered_by_passages_grouped_by_work(page: AppTest, store: Store) -> None:
    add(store)
    page.run()
    page.switch_page("kb/pages/search.py").run()
    assert "Latest in the library" in html(page)
    page.text_input[0].set_value("Do cats purr?").run()
    page.segmented_control[0].set_value("lexical").run()
    assert page.query_params["q"] == "Do cats purr?"
    assert page.query_params["mode"] == "lexical"
    shown = html(page)
    for part in (
        "On cats and dogs",
        "Ada Author",
        "2019",
        "arxiv:1901.00001",
        "Sounds",
        "page 1 (printed i)",
        "score ",
        "<mark>Cats</mark> <mark>purr</mark>.",
    ):
        assert part in shown
    assert "mailman" not in shown  # stands among the references
    assert [b.label for b in page.button if b.label.startswith("Open")] == ["Open page 1"]


def test_references_are_searched_when_asked_for(page: AppTest, store: Store) -> None:
    add(store)
    page.query_params["references"] = "yes"
    ask(page, "mailman")
    assert "<mark>mailman</mark>" in html(page)
    assert page.checkbox[0].value is True


def test_filters_come_from_the_address_and_what_is_not_here_is_dropped(
    page: AppTest, store: Store
) -> None:
    add(store)
    for name, value in {
        "kind": ["paper", "song"], "since": "2018", "tag": ["pets", "nothing"], "source": ["arxiv"],
        "project": "gone",
    }.items():  # fmt: skip
        page.query_params[name] = value
    ask(page, "cats")
    assert [m.value for m in page.multiselect] == [["paper"], ["arxiv"], ["pets"]]
    assert page.number_input[0].value == 2018
    assert "On cats and dogs" in html(page)
    page.number_input[0].set_value(2020).run()
    assert "Nothing found" in html(page)
    assert page.query_params["since"] == "2020"
    next(b for b in page.button if b.label == "Search without filters").click().run()
    assert "On cats and dogs" in html(page)
    assert "since" not in page.query_params


def test_a_question_outlives_a_visit_to_another_page(page: AppTest, store: Store) -> None:
    add(store)
    ask(page, "cats purr")
    library_page(page)
    page.switch_page("kb/pages/search.py")
    page.run()
    assert page.text_input(key="question").value == "cats purr"
    assert "<mark>Cats</mark>" in html(page)
    assert page.query_params["q"] == "cats purr"
    library_page(page)
    select(page, 0)
    page.button(key="open").click().run()
    assert page.query_params["q"] == "cats purr"
    assert page.button(key="back").label == "Back to the library"
    page.button(key="back").click().run()
    assert '<h1 class="kb-hidden">Library</h1>' in html(page)


def test_nonsense_in_the_address_does_no_harm(page: AppTest, store: Store) -> None:
    add(store)
    for name, value in {"mode": "x", "since": "x", "k": "-1", "start": "x", "q": "cats"}.items():
        page.query_params[name] = value
    page.query_params["mode"] = "lexical"
    page.run()
    assert "On cats and dogs" in html(page)


@pytest.mark.parametrize("question", ['"', "a AND (", "c++ -x: NEAR(*", "🤖", "w " * 5000])
def test_any_question_is_answered(page: AppTest, store: Store, question: str) -> None:
    add(store)
    page.query_params["mode"] = "lexical"
    page.run()
    page.text_input[0].set_value(question).run()
    assert "went wrong" not in html(page)
    assert not page.exception
    assert len(page.query_params.get("q", "")) <= 2000


def test_more_works_are_shown_on_request(page: AppTest, store: Store) -> None:
    for n in range(12):
        parsed = replace(PARSED, metadata=replace(PARSED.metadata, title=f"Cats {n}"))
        add(store, f"arxiv:1901.{n:05}", sha256=f"{n:02}", parsed=parsed)
    ask(page, "cats purr")
    assert "The best 10 works" in html(page)
    next(b for b in page.button if b.label == "More works").click().run()
    assert "12 works" in html(page)
    assert page.query_params["k"] == "20"


def test_copies_are_named(page: AppTest, store: Store) -> None:
    add(store)
    add(store, "doi:10.1/x", sha256="bb")
    ask(page, "cats purr")
    assert html(page).count("also here as") == 1


@pytest.mark.parametrize("mode", ["hybrid", "semantic"])
def test_a_page_that_is_open_finds_what_comes_in(
    page: AppTest, store: Store, embedder: FakeEmbedder, mode: str
) -> None:
    pytest.importorskip("kb.search.index", reason="the index is not here yet")

    def embed() -> None:
        rows = store.passages.unembedded(1, 100)
        vectors = embedder.embed_documents([row.text for row in rows]).astype("<f2")
        store.vectors.add([(r.id, v.tobytes()) for r, v in zip(rows, vectors, strict=True)])

    store.settings.ensure_model("fake", "1", embedder.dimension, embedder.max_tokens)
    add(store)
    embed()
    ask(page, "cat", mode)
    assert "On cats and dogs" in html(page)
    late = replace(PARSED, metadata=Metadata(title="Late cats", authors=("Bob Late",)))
    add(store, "arxiv:2001.00001", sha256="bb", parsed=late)
    embed()
    page.run()
    assert "Late cats" in html(page)


@given(
    some.builds(
        Query,
        text=some.text(max_size=40).map(str.strip),
        k=some.integers(1, 100),
        mode=some.sampled_from(["hybrid", "semantic", "lexical"]),
        kinds=some.sets(some.sampled_from(KINDS)).map(
            lambda kinds: tuple(kind for kind in KINDS if kind in kinds)
        ),
        since=some.none() | some.integers(1900, 2100),
        sources=some.lists(some.text(min_size=1), max_size=2).map(tuple),
        tags=some.lists(some.text(min_size=1), max_size=2).map(tuple),
        project=some.none() | some.text(min_size=1),
        include_references=some.booleans(),
    )
)
def test_a_question_survives_its_address(query: Query) -> None:
    address = {k: v if isinstance(v, list) else [v] for k, v in to_address(query).items()}
    assert from_address(address) == query


# -- a passage on its page -----------------------------------------------------------------------


def paper(text_on_pages: list[str]) -> bytes:
    from reportlab.pdfgen import canvas

    buffer = io.BytesIO()
    drawing = canvas.Canvas(buffer, pagesize=(300, 200))
    for text in text_on_pages:
        drawing.drawString(40, 150, text)
        drawing.showPage()
    drawing.save()
    return buffer.getvalue()


def test_a_hit_opens_on_its_page_and_pages_turn(page: AppTest, store: Store) -> None:
    add(store, sha256=store.raw_files.put(paper(["Cats purr.", "Dogs bark."])))
    ask(page, "cats purr")
    next(b for b in page.button if b.label == "Open page 1").click().run()
    address = page.query_params
    assert (address["document"], address["page"]) == ("arxiv:1901.00001", "1")
    assert (address["start"], address["end"], address["q"]) == ("0", "10", "cats purr")
    assert "Page 1 of 2 (printed i)" in html(page)
    assert "The passage" in html(page)
    assert len(page.image) == 1
    assert "kb-box" not in html(page)
    assert page.button(key="previous").disabled
    page.button(key="next").click().run()
    assert "Page 2 of 2" in html(page)
    assert page.query_params["page"] == "2"
    assert page.button(key="next").disabled
    page.button(key="home").click().run()
    assert "Page 1 of 2" in html(page)
    page.button(key="back").click().run()
    assert "document" not in page.query_params
    assert "<mark>Cats</mark>" in html(page)


def test_a_shared_link_opens_the_passage(page: AppTest, store: Store) -> None:
    add(store, sha256=store.raw_files.put(paper(["Cats purr.", "Dogs bark."])))
    for name, value in {
        "document": "arxiv:1901.00001",
        "page": "2",
        "start": "11",
        "end": "36",
    }.items():
        page.query_params[name] = value
    page.run()
    assert "Page 2 of 2" in html(page)
    assert "Dogs bark at the mailman." in html(page)
    page.run()  # a reload
    assert "Page 2 of 2" in html(page)


def test_where_the_file_is_gone_the_text_is_shown_and_why(page: AppTest, store: Store) -> None:
    add(store)
    for name, value in {"document": "arxiv:1901.00001", "start": "0", "end": "10"}.items():
        page.query_params[name] = value
    page.run()
    assert "is missing" in html(page)
    assert "<mark>Cats purr.</mark>" in html(page)


def test_an_earlier_version_is_shown_as_such(page: AppTest, store: Store) -> None:
    add(store)
    newer = replace(PARSED, text="Other words.", pages=(), sections=(), lines=())
    add(store, label="v2", sha256="bb", parsed=replace(newer, pages=(Page("1", 0, 12),)))
    for name, value in {
        "document": "arxiv:1901.00001",
        "version": "1",
        "start": "0",
        "end": "10",
    }.items():
        page.query_params[name] = value
    page.run()
    assert "This is v1; v2 is the latest." in html(page)
    assert "<mark>Cats purr.</mark>" in html(page)


def test_what_is_not_here_is_a_sentence(page: AppTest, store: Store) -> None:
    add(store)
    page.query_params["document"] = "arxiv:1901.00002"
    page.run()
    assert "There is no document “arxiv:1901.00002”" in html(page)
    assert "arxiv:1901.00001" in html(page)
    page.query_params["document"], page.query_params["version"] = "arxiv:1901.00001", "99"
    page.run()
    assert "There is no version 99" in html(page)


def test_a_long_text_is_read_in_parts(page: AppTest, store: Store) -> None:
    text = "\n\n".join(f"Paragraph {n} of many words, and then some more." for n in range(500))
    parsed = Parsed(text, Metadata(title="Long"), sections=(Section("", 1, 0, len(text)),))
    add(store, "url:https://example.org", parsed=parsed)
    start = text.index("Paragraph 400")
    for name, value in {"document": "url:https://example.org", "start": str(start),
                        "end": str(start + 13)}.items():  # fmt: skip
        page.query_params[name] = value
    page.run()
    assert "<mark>Paragraph 400</mark>" in html(page)
    assert "Paragraph 1 " not in html(page)
    page.button(key="previous").click().run()
    assert "<mark>" not in html(page)
    page.button(key="home").click().run()
    assert "<mark>Paragraph 400</mark>" in html(page)


# -- the library ---------------------------------------------------------------------------------


def select(page: AppTest, row: int) -> AppTest:
    (table,) = page.dataframe
    page.session_state[table.key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return page.run()


def test_documents_are_listed_filtered_and_shown(page: AppTest, store: Store) -> None:
    add(store)
    add(store, "arxiv:2001.00001", sha256="bb",
        parsed=replace(PARSED, metadata=Metadata(title="Fish", published="2020")))  # fmt: skip
    library_page(page)
    assert list(page.dataframe[0].value["Title"]) == ["Fish", "On cats and dogs"]
    page.text_input(key="filter").set_value("ada pets").run()
    assert list(page.dataframe[0].value["Title"]) == ["On cats and dogs"]
    select(page, 0)
    for part in ("2019-03", "v1 (fetched", "pets", "Sounds", "Similar works"):
        assert part in html(page)
    page.text_input(key="filter").set_value("nothing like it").run()
    assert "No document has all of these words" in html(page)


def test_removing_can_be_undone(page: AppTest, store: Store) -> None:
    add(store)
    add(store, "arxiv:2001.00001", sha256="bb",
        parsed=replace(PARSED, metadata=Metadata(title="Fish")))  # fmt: skip
    library_page(page)
    select(page, 0)
    page.button(key="remove").click().run()
    assert "Removed “Fish”" in html(page)
    assert list(page.dataframe[0].value["Title"]) == ["On cats and dogs"]
    page.button(key="undo-button").click().run()
    assert len(page.dataframe[0].value) == 2
    select(page, 0)
    page.button(key="remove").click().run()
    page.checkbox(key="removed").check().run()
    select(page, 0)
    page.button(key="restore").click().run()
    assert [d.title for d in store.documents.all()] == ["Fish", "On cats and dogs"]
    assert [e["who"] for e in store.events.of("arxiv:2001.00001")][1:] != []


def test_failures_say_why_and_can_be_retried(
    page: AppTest, store: Store, started: list[dict[str, object]]
) -> None:
    add(store)
    store.locators.finish(
        Outcome("https://example.org/x", "failed", "web", stage="fetch", retry=True,
                reason="The server did not answer.")
    )  # fmt: skip
    store.locators.finish(
        Outcome("scan.pdf", "failed", "pdf", stage="parse", reason="It holds no text.")
    )
    library_page(page)
    assert [tab.label for tab in page.tabs] == ["Documents", "Add", "Failed (2)"]
    for part in ("The server did not answer.", "while fetching", "may work later",
                 "It holds no text.", "will not work as it is"):  # fmt: skip
        assert part in html(page)
    page.button(key="retry-all").click().run()
    page.button(key="retry-scan.pdf").click().run()
    assert started == [{"locators": [], "retry": True}, {"locators": ["scan.pdf"]}]


def submit(page: AppTest) -> AppTest:
    return next(b for b in page.button if b.label == "Take in").click().run()


def test_ids_addresses_and_files_are_handed_on_once(
    page: AppTest, store: Store, config: Config, started: list[dict[str, object]]
) -> None:
    add(store)
    library_page(page)
    page.text_area[0].set_value("1706.03762\nhttps://example.org/post")
    page.file_uploader[0].set_value(("My paper.pdf", paper(["Hello."]), "application/pdf"))
    submit(page)
    (call,) = started
    *typed, upload = call["locators"]  # type: ignore[misc]
    assert typed == ["1706.03762", "https://example.org/post"]
    assert Path(upload).parent == config.library / "uploads"
    assert Path(upload).read_bytes().startswith(b"%PDF-")
    assert page.text_area[0].value == ""
    submit(page)  # the form is empty now: a second click names nothing
    assert len(started) == 1
    assert "Name something to take in" in html(page)


def test_what_cannot_be_taken_in_is_said_and_kept_to_be_mended(
    page: AppTest, store: Store, started: list[dict[str, object]]
) -> None:
    add(store)
    library_page(page)
    page.text_area[0].set_value("1706.03762\n/etc/passwd")
    submit(page)
    assert "“/etc/passwd” is neither an arXiv id" in html(page)
    assert page.text_area[0].value == "1706.03762\n/etc/passwd"
    page.text_area[0].set_value("")
    page.file_uploader[0].set_value(("x.pdf", b"no such thing", "application/pdf"))
    submit(page)
    assert "“x.pdf” is not a .pdf file inside" in html(page)
    assert started == []


def test_what_is_being_taken_in_is_shown_to_every_session(page: AppTest, store: Store) -> None:
    add(store)
    run = store.locators.start_run(12)  # by this process, which is alive
    store.locators.report(run, total=12, done=3, doing="reading <b>x</b>")
    library_page(page)
    assert page.get("progress")[0].proto.text == "Taking in: 3 of 12"
    assert "reading &lt;b&gt;x&lt;/b&gt;" in html(page)


def ended(store: Store, failure: str = "", *, hours_ago: float = 0.0) -> None:
    """An ingest that has ended so long ago."""
    store.locators.end_run(store.locators.start_run(1), failure)
    at = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat()
    file = sqlite3.connect(store.file)
    file.execute("update runs set started_at = ?, finished_at = ?", (at, at))
    file.commit()
    file.close()


@pytest.mark.parametrize("where", ["start", "results", "reader", "library"])
def test_a_failed_ingest_is_seen_wherever_one_searches_until_it_is_dismissed(
    page: AppTest, store: Store, where: str
) -> None:
    add(store)
    ended(store, "The disk is full.", hours_ago=30)
    if where == "library":
        library_page(page)
    elif where == "reader":
        page.query_params["document"] = "arxiv:1901.00001"
        page.run()
    else:
        ask(page, "cats purr" if where == "results" else "")
    assert "The last ingest ended early: The disk is full." in html(page)
    page.button(key="dismiss-ingest").click().run()
    assert "ended early" not in html(page)
    page.run()
    assert "ended early" not in html(page)
    ended(store, "The disk is full again.")
    page.run()
    assert "The disk is full again." in html(page)


def test_what_could_not_be_taken_in_is_said_where_one_searches(page: AppTest, store: Store) -> None:
    add(store)
    ended(store)
    store.locators.finish(Outcome("x.pdf", "failed", "pdf", reason="It holds no text."))
    ask(page, "cats purr")
    assert "finished; one of what it named could not be taken in." in html(page)


def test_a_good_end_is_told_for_an_hour_or_to_who_has_seen_it_begin(
    page: AppTest, store: Store
) -> None:
    add(store)
    ended(store, hours_ago=0.5)
    library_page(page)
    assert "The last ingest has finished." in html(page)
    page.button(key="dismiss-ingest").click().run()
    assert "has finished" not in html(page)
    ended(store, hours_ago=2)
    page.run()
    assert "has finished" not in html(page)
    run = store.locators.start_run(1)
    page.run()
    store.locators.end_run(run)
    page.run()
    assert "The last ingest has finished." in html(page)
    ask(page.switch_page("kb/pages/search.py"), "cats purr")
    assert "has finished" not in html(page)  # not while one reads results


def test_an_interrupted_ingest_is_shown_and_goes_on(
    page: AppTest, store: Store, started: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store)
    store.locators.queue(["1706.03762", "1810.04805"], store.locators.start_run(2))
    monkeypatch.setattr(background, "is_alive", lambda pid, since: False)
    library_page(page)
    assert "interrupted, with 2 still to be taken in" in html(page)
    page.button(key="go-on").click().run()
    assert started == [{"locators": [], "retry": True}]


def test_retrying_waits_for_what_is_at_work(page: AppTest, store: Store) -> None:
    add(store)
    store.locators.finish(Outcome("x", "failed", reason="No.", retry=True))
    store.locators.start_run(1)
    library_page(page)
    assert page.button(key="retry-all").disabled
    assert page.button(key="retry-x").disabled


# -- errors --------------------------------------------------------------------------------------


def test_a_library_from_the_future_is_a_sentence(page: AppTest, config: Config) -> None:
    Store(config.library).close()
    file = sqlite3.connect(config.library / "kb.sqlite")
    file.execute("pragma user_version = 99")
    file.close()
    page.run()
    assert "written by a newer kb" in html(page)
    assert not page.exception


def test_a_bug_is_a_sentence_with_an_id_that_the_log_knows(
    page: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add(store)

    def broken(self: object, query: Query) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("kb.knowledge_base.KnowledgeBase.search", broken)
    with caplog.at_level(logging.ERROR):
        ask(page, "cats")
    assert "Something went wrong that should not" in html(page)
    assert "secret detail" not in html(page)
    assert not page.exception
    (record,) = [r for r in caplog.records if r.name == "kb.pages.session"]
    assert record.getMessage().split()[1] in html(page)


# -- nothing from a document is ever interpreted -------------------------------------------------


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.open.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links.update(value or "" for name, value in attrs if name == "href")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed_html(body: str) -> Tags:
    tags = Tags()
    tags.feed(body)
    tags.close()
    assert tags.open == []
    return tags


def hostile(store: Store, attack: str) -> None:
    text = f"attack {attack} and its end. {attack}"
    metadata = Metadata(
        title=attack, authors=(attack,), venue=attack, abstract=attack, url="javascript:alert(9)",
        tags=(attack,), published="2020",
    )  # fmt: skip
    parsed = Parsed(text, metadata, sections=(Section(attack, 1, 0, len(text)),))
    with store.transaction():
        model = store.settings.ensure_model("fake", "1", 3, 32)
        document_id, version_id, _ = store.documents.add_version(
            f"url:{attack}", parsed, kind="blog", source=attack, label=attack,
            sha256=store.raw_files.put(text.encode()), media_type="text/html", raw_bytes=1,
            fetched_from="",
        )  # fmt: skip
        span = PassageSpan(0, len(text), attack, "body", None, None)
        store.passages.replace(document_id, version_id, model.id, [span], title=attack, text=text)
        store.projects.add_document(attack, document_id)
    store.locators.finish(
        Outcome(f"url:{attack}", "failed", attack, stage=attack, reason=attack, retry=True)
    )


def check_harmless(page: AppTest, attack: str) -> None:
    assert not page.exception
    for block in page.html:
        if "<script" in block.value and "scrollIntoView" in block.value:
            assert attack not in block.value
        elif "<style" not in block.value[:8]:
            tags = parsed_html(block.value)
            assert tags.seen <= TAGS - {"script", "style"}
            assert tags.attributes <= ATTRIBUTES
            assert all(OURS.match(link) for link in tags.links)
    # Whatever Streamlit would read as Markdown holds nothing of the document.
    spoken = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.title]
    assert not any(attack in str(block.value) for block in spoken)
    labels = [widget.label for widget in (*page.button, *page.checkbox, *page.tabs, *page.expander)]
    assert not any(attack in label for label in labels)


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_document_says_stays_text(page: AppTest, store: Store, attack: str) -> None:
    hostile(store, attack)
    page.run()
    check_harmless(page, attack)
    ask(page, "attack")
    check_harmless(page, attack)
    assert " ".join(attack.split()) in " ".join(parsed_html(html(page)).text.split())
    next(b for b in page.button if b.label == "Open in the text").click().run()
    check_harmless(page, attack)
    assert "javascript:alert(9)" in html(page)  # shown, and no link
    for name in list(page.query_params):
        del page.query_params[name]
    library_page(page)
    select(page, 0)
    check_harmless(page, attack)
    page.button(key="remove").click().run()
    check_harmless(page, attack)


@given(some.text(), some.lists(some.tuples(some.integers(0, 60), some.integers(0, 60))))
def test_painted_text_reads_as_before(text: str, spans: list[tuple[int, int]]) -> None:
    layers = [("mark", spans[::2]), ("strong", spans[1::2])]
    shown = parsed_html(f"<p>{markup.painted(text, layers, (0, len(text)))}</p>")
    assert shown.seen <= {"p", "mark", "strong"}
    plain = parsed_html(f"<p>{markup.escaped(text)}</p>").text
    assert shown.text == plain


def test_unseen_characters_cannot_turn_the_writing() -> None:
    assert markup.escaped("a\u202eb\x00c\u200bd\ne") == "abcd\ne"


@given(some.text(alphabet="ab \n", max_size=400), some.integers(5, 50))
def test_parts_follow_one_another_and_miss_nothing(text: str, size: int) -> None:
    found = markup.parts(text, size)
    assert "".join(text[start:end] for start, end in found) == text
    assert all(end - start <= size * 1.3 for start, end in found)


def test_a_snippet_shows_where_the_words_are() -> None:
    text = "filler " * 300 + "the needle and another needle here " + "filler " * 300
    at = text.index("needle")
    again = text.index("needle", at + 1)
    shown = markup.snippet(text, [(at, at + 6), (again, again + 6)])
    assert shown.count("<mark>needle</mark>") == 2
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < markup.SNIPPET + 100


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a?b=1&c=2", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("data:text/html,x", False),
        ("https://", False),
        ("http://[broken", False),
        ('https://example.org/"onmouseover="x', True),
    ],
)
def test_only_web_addresses_become_links(url: str, linked: bool) -> None:
    tags = parsed_html(markup.link(url, url))
    assert tags.links == ({url} if linked else set())
    assert tags.attributes <= {"href", "target", "rel"}
    assert tags.text == url


def test_the_style_sheet_covers_what_is_drawn() -> None:
    style = (ROOT / "kb" / "pages" / "style.css").read_text(encoding="utf-8")
    assert "prefers-color-scheme" not in style  # the page may be set to the other
    for name in ("kb-title", "kb-hit", "kb-passage", "kb-reading", "kb-box", "kb-facts"):
        assert f".{name} " in style


def test_the_installed_entry_has_no_pages_beside_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert Path(included["app.py"]) == Path("kb") / INSTALLED
    assert not (ROOT / "kb" / INSTALLED).parent.joinpath("pages").exists()
    assert app_file() == ROOT / "app.py"  # in the source tree
