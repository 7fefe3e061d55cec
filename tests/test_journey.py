"""One journey through the real page: first use, adding, finding, opening, losing and resuming."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from kb.records import Metadata, Parsed, Section
from kb.store import Store
from tests.conftest import ROOT
from tests.test_pages import ATTACKS, hostile
from tests.test_store import add

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [  # of Debian's Chromium in a container, and nothing asked of the network by itself
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TITLE = "Walruses in the mail room"
PATIENCE = 30_000  # ms for what a person would wait for
INGEST_PATIENCE = 120_000  # ms; the first ingest on a machine exports the encoder
MARKER = (255, 236, 120)  # kb.page_image.HIGHLIGHT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.model,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where the real `kb app` serves a new library in `tmp_path / "library"`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--library", str(tmp_path / "library"), "app", "--no-browser", "--port", str(port)]
    environment = os.environ | {
        "KB_STATE": str(tmp_path / "state"),
        "KB_CONFIG": str(tmp_path / "none.toml"),
        "PYTHONPATH": str(ROOT),
    }
    with (tmp_path / "app.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "kb.cli.main", *arguments],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for_server(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:  # a busy machine
            server.kill()
            server.wait(20)


def wait_for_server(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "kb app has ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("kb app does not answer")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    outside: list[str] = []
    page.on("request", lambda r: outside.append(r.url) if is_outside(r.url) else None)
    yield page
    context.close()
    assert alerts == []
    assert outside == [], "the page asks for something on another machine"


def is_outside(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


PAGES = (
    (
        "1 Introduction",
        "Letters to a company come in one pile every morning, and somebody must sort them before "
        "anybody can answer. Some praise, some ask, and some are angry. The angry ones should be "
        "answered first, since an angry writer tells others. Sorting by hand takes two clerks the "
        "whole morning, and on the day after a holiday it takes them until the evening. Earlier "
        "attempts used lists of angry words. They failed on irony, on long letters that turn angry "
        "only at the end, and on letters in which a customer quotes what somebody else has said. "
        "This report tells of another attempt, which was cheaper than all of them and which made "
        "the mail room a more cheerful place. It begins with what was tried and ends with costs.",
    ),
    (
        "2 Method",
        "A walrus was taught to sort complaints by their tone. It needed ninety labelled letters "
        "before it was right nine times out of ten, and a bucket of herring for each of them. The "
        "letters were read to it aloud by the same clerk, so that the voice would not give the "
        "answer away. Each letter was read twice, on different days, and counted only where both "
        "answers agreed. Letters of praise were mixed in, one for each complaint, since an animal "
        "that hears only complaints learns to call everything a complaint. After the ninetieth "
        "letter nothing was gained by more of them. The herring cost less than one clerk for one "
        "week, and the walrus has not been ill since.",
    ),
)


def paper() -> bytes:
    """Two pages; what the journey looks for stands on the second."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.utils import simpleSplit
    from reportlab.pdfgen import canvas

    buffer = io.BytesIO()
    drawing = canvas.Canvas(buffer, pagesize=A4, invariant=True)
    drawing.setTitle(TITLE)
    for number, (heading, text) in enumerate(PAGES):
        if number == 0:
            drawing.setFont("Helvetica-Bold", 20)
            drawing.drawString(72, 780, TITLE)
        drawing.setFont("Helvetica-Bold", 14)
        drawing.drawString(72, 730, heading)
        drawing.setFont("Helvetica", 11)
        for n, line in enumerate(simpleSplit(text, "Helvetica", 11, 450)):
            drawing.drawString(72, 700 - 16 * n, line)
        drawing.showPage()
    drawing.save()
    return buffer.getvalue()


def test_from_an_empty_library_to_a_passage_on_its_page(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_text("An empty library").wait_for()
    page.locator("input[type=file]").set_input_files(
        {"name": "walrus.pdf", "mimeType": "application/pdf", "buffer": paper()}
    )
    page.get_by_text("walrus.pdf").wait_for()
    page.get_by_role("button", name="Take in", exact=True).click()
    page.get_by_text("Taking in:").wait_for()
    page.reload()  # the ingest has a process of its own
    question = page.get_by_placeholder("What do you want to know?")
    question.wait_for(timeout=INGEST_PATIENCE)

    question.fill("how many examples did the animal need?")
    question.press("Enter")
    page.get_by_role("heading", name=TITLE).wait_for(timeout=INGEST_PATIENCE)
    assert "walrus was taught" in page.locator(".kb-passage").first.inner_text()
    page.get_by_role("button", name="Open page 2").first.click()
    page.get_by_text("Page 2 of 2").first.wait_for()
    assert_highlighted(page)

    shared = page.url
    assert "document=sha256" in shared
    assert "page=2" in shared
    page.goto("about:blank")
    page.goto(shared)
    page.get_by_text("Page 2 of 2").first.wait_for()
    page.get_by_role("button", name="Previous").click()
    page.get_by_text("Page 1 of 2").first.wait_for()
    page.go_back()
    page.get_by_text("Page 2 of 2").first.wait_for()
    page.get_by_role("button", name="Back to the results").click()
    page.get_by_role("button", name="Open page 2").first.wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.get_by_role("link", name="Library").click()
    page.get_by_text("1 document. Select one to see more of it.").wait_for()


def test_from_a_passage_to_a_file_of_findings(page: Page, address: str, tmp_path: Path) -> None:
    text = " ".join(PAGES[1][1].split())
    with Store(tmp_path / "library") as store:
        parsed = Parsed(text, Metadata(title=TITLE, authors=("Ada Author",), published="2024"),
                        sections=(Section("Method", 1, 0, len(text)),))  # fmt: skip
        add(store, "url:https://example.org/walrus", parsed=parsed)
    words = "ninety labelled letters before it was right nine times out of ten"
    page.goto(f"{address}/?q=walrus&mode=lexical")
    page.get_by_role("button", name="Tag", exact=True).first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Quote:").fill(words.replace("ninety", "eighty"))
    form.get_by_label("Name", exact=True).fill("Walrus <b>sorting</b>")
    form.get_by_role("button", name="Tag", exact=True).click()
    form.get_by_text("The quote does not stand in the text").wait_for()
    form.get_by_role("button", name="Take the closest place").click()
    quote = form.get_by_label("Quote:")
    expect_value(quote, words)
    assert form.get_by_label("Name", exact=True).input_value() == "Walrus <b>sorting</b>"
    form.get_by_role("button", name="Tag", exact=True).dblclick()
    page.get_by_role("button", name="See the finding").click()
    page.get_by_text("Speaks for it (1)").wait_for()
    assert page.locator(".kb-for .kb-passage").inner_text() == f"“{words}”"
    page.get_by_role("button", name="Open in the text").click()
    page.locator(".kb-reading mark").wait_for()
    assert page.locator(".kb-reading mark").inner_text() == words

    page.get_by_role("link", name="Findings").click()
    page.get_by_text("1 finding. Select one to see its evidence.").wait_for()
    for button, parts in (
        ("Markdown", (f"> “{words}”", f"> — Ada Author: *{TITLE}* (2024)")),
        ("CSV", (f"for,{words},{TITLE},Ada Author,2024",)),
    ):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        content = download.value.path().read_text(encoding="utf-8-sig")
        assert all(part in content for part in parts), content
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_from_a_search_over_suggestions_to_a_file(page: Page, address: str, tmp_path: Path) -> None:
    text = (
        "Walruses read letters well. We fine-tune BERT on the IMDB dataset. The learning rate is "
        "set to 2e-5 in all our trials. We evaluate on the SQuAD 2.0 benchmark as well."
    )
    with Store(tmp_path / "library") as store:
        parsed = Parsed(text, Metadata(title=TITLE, authors=("Ada Author",), published="2024"),
                        sections=(Section("Method", 1, 0, len(text)),))  # fmt: skip
        add(store, "url:https://example.org/walrus", parsed=parsed)
    page.goto(f"{address}/?q=walruses&mode=lexical")
    page.get_by_role("button", name="Open page 1").first.click()
    page.get_by_text("Nothing becomes a finding until somebody accepts it.").wait_for()
    page.get_by_role("button", name="Suggest", exact=True).click()
    page.get_by_text(f"in “{TITLE}”.").wait_for(timeout=INGEST_PATIENCE)

    def card(name: str) -> Locator:
        names = page.locator(".kb-machine .kb-name").get_by_text(name, exact=True)
        return page.locator("[class*='st-key-suggestion-']").filter(has=names)

    card("IMDB").get_by_role("button", name="Accept").dblclick()  # a double click decides once
    page.get_by_text("Accepted: dataset “IMDB”.").wait_for()
    card("BERT").get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name", exact=True).fill("BERT <b>base</b>")
    form.get_by_role("button", name="Accept").click()
    page.get_by_text("Accepted: pretrained model “BERT <b>base</b>”.").wait_for()
    card("SQuAD 2.0").get_by_role("button", name="Reject").click()
    page.get_by_text("Rejected: “SQuAD 2.0”.").wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})

    page.get_by_role("link", name="Findings").click()
    page.get_by_text("2 findings. Select one to see its evidence.").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Markdown").click()
    content = download.value.path().read_text(encoding="utf-8")
    assert "We fine-tune BERT on the IMDB dataset." in content
    assert "SQuAD" not in content
    page.get_by_role("radio", name="Suggestions").click()
    page.get_by_text("Accepted by the team, of what it has decided: 2 of 3 (67%)").wait_for()
    page.get_by_role("radio", name="Rejected (1)").click()
    page.get_by_role("button", name="Open again").click()
    page.get_by_text("“SQuAD 2.0” waits again.").wait_for()
    page.reload()
    page.get_by_role("radio", name="Rejected (0)").wait_for()
    card("SQuAD 2.0").get_by_role("button", name="In the text").click()
    page.locator(".kb-reading mark").wait_for()
    assert "SQuAD 2.0 benchmark" in page.locator(".kb-reading mark").inner_text()
    page.get_by_role("button", name="Back to the suggestions").click()
    page.get_by_role("radio", name="Accepted (2)").wait_for()


def test_remarks_removals_and_splits_lose_nothing_that_is_typed(
    page: Page, address: str, tmp_path: Path
) -> None:
    with Store(tmp_path / "library") as store:
        version = add(store)[1]
        finding = store.findings.add("dataset", "Pets")
        store.projects.add("Mail")
        store.candidates.set("Mail", finding.id)
        for span, quote in (((0, 10), "Cats purr."), ((11, 36), "Dogs bark at the mailman.")):
            store.findings.pin(finding.id, version, *span, quote=quote)
    page.goto(f"{address}/findings?finding={finding.id}")
    page.get_by_text("Speaks for it (2)").wait_for()
    page.get_by_label("Reason").fill("half typed")
    page.get_by_role("button", name="Comment", exact=True).first.click()
    page.get_by_label("Comment on this quote").first.fill("Whose cats?")
    page.locator("[data-testid=stPopoverBody]").get_by_role("button", name="Comment").click()
    page.locator(".kb-comment").get_by_text("Whose cats?").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Remove", exact=True).last.click()
    page.get_by_text("Removed: “Dogs bark at the mailman.”").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Speaks for it (2)").wait_for()
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()  # the undo is drawn
    page.locator("summary", has_text="Split").click()
    page.get_by_text("Quote 2").click()
    page.get_by_label("Name of the new finding").fill("Dogs")
    page.get_by_role("button", name="Split off").click()
    page.get_by_text("Split off: “Dogs”.").wait_for()
    assert page.get_by_label("Reason").input_value() == "half typed"
    page.get_by_role("button", name="See it").click()
    page.get_by_role("heading", name="Dogs").wait_for()


def expect_value(field: Locator, value: str) -> None:
    for _ in range(100):
        if field.input_value() == value:
            return
        time.sleep(0.1)
    assert field.input_value() == value


def assert_highlighted(page: Page) -> None:
    """A part of the drawn page, and not all of it, has the marker's colour."""
    image = page.locator("[data-testid=stImage] img").first
    image.wait_for()
    picture = Image.open(io.BytesIO(page.request.get(str(image.evaluate("i => i.src"))).body()))
    pixels = picture.convert("RGB").getcolors(maxcolors=picture.width * picture.height)
    assert pixels is not None
    share = sum(n for n, colour in pixels if colour == MARKER) / (picture.width * picture.height)
    assert 0.002 < share < 0.2


def test_a_killed_ingest_is_seen_and_goes_on(page: Page, address: str, tmp_path: Path) -> None:
    library = tmp_path / "library"
    note = tmp_path / "note.md"
    note.write_text("# Herons\n\nA heron stood in the reeds and waited for fish.\n")
    killed = subprocess.Popen(
        [sys.executable, "-c",
         "import sys, time; from pathlib import Path; from kb.store import Store\n"
         "store = Store(Path(sys.argv[1]))\n"
         "store.locators.queue([sys.argv[2]], store.locators.start_run(1))\n"
         "print('begun', flush=True); time.sleep(100)", str(library), str(note)],
        stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"begun\n"
    page.goto(f"{address}/library")
    page.get_by_text("Taking in: 0 of 1").wait_for()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    page.get_by_text("An ingest was interrupted, with 1 still to be taken in.").wait_for()
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("1 document. Select one to see more of it.").wait_for(timeout=INGEST_PATIENCE)


@pytest.mark.parametrize("path", ["/?q=attack&mode=lexical", "/library"])
def test_documents_cannot_act_on_the_page(
    page: Page, address: str, tmp_path: Path, path: str
) -> None:
    with Store(tmp_path / "library") as store:
        for attack in ATTACKS:
            hostile(store, attack)
    page.goto(address + path)
    if path == "/library":
        page.get_by_role("tab", name="Failed").click()
        page.locator(".kb-locator").first.wait_for()
    else:
        page.locator(".kb-hit").first.wait_for()
    assert (
        page.locator(
            ".katex, .stHtml img, .stHtml svg, .stHtml script, .stHtml h1[onclick]"
        ).count()
        == 0
    )
    body = page.locator("body").inner_text()
    for attack in ATTACKS:
        assert attack.split("\n")[0] in body
