"""Two people and a reader at one finding, each in a browser of their own, on a team's server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kb.accounts import hashed
from kb.findings.workbench import Workbench
from kb.store import Store
from tests import walk
from tests.test_journey import PATIENCE, browser
from tests.test_journey import pytestmark as browser_marks
from tests.test_store import add
from tests.test_team import PASSWORD, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

__all__ = ["browser"]  # the fixture

pytestmark = [mark for mark in browser_marks if mark.name != "model"]  # no encoder is asked

QUOTE = "Dogs bark at the mailman."


@pytest.fixture
def library(tmp_path: Path) -> Path:
    with Store(tmp_path / "library") as store:
        add(store)
        Workbench(store).new_project("mail", {})
        Workbench(store).tag("arxiv:1901.00001", "dataset", "Barking", quote=QUOTE, project="mail")
        for name, role in (("Ana", "admin"), ("Ed", "editor"), ("Rea", "reader")):
            store.members.add(name, role, hashed(PASSWORD))  # type: ignore[arg-type]
    return tmp_path / "library"


@pytest.fixture
def address(library: Path) -> Iterator[str]:
    with served(library) as address:
        yield address


def at_the_finding(browser: Browser, address: str, name: str) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    walk.enter(context, address, name)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/findings?finding=1")
    page.get_by_text(QUOTE).first.wait_for()
    walk.settle(page)
    return page


def editor(page: Page) -> Locator:
    return page.get_by_test_id("stExpander").filter(has_text="Other names, one a line")


def edit(page: Page, label: str, text: str) -> None:
    editor(page).get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Save", exact=True).click()


def test_whoever_is_slower_sees_it_and_loses_nothing(
    browser: Browser, address: str, library: Path
) -> None:
    ana, ed = (at_the_finding(browser, address, name) for name in ("Ana", "Ed"))
    for page in (ana, ed):
        page.get_by_text("Edit", exact=True).click()
    edit(ana, "Name", "Barking at mailmen")
    ana.get_by_text("Saved.").wait_for()
    edit(ed, "Note", "Ask whether the dogs were fed.")
    ed.get_by_text("What you typed is kept.").wait_for()
    with Store(library) as store:
        kept = store.findings.get(1)
        assert (kept.name, kept.note) == ("Barking at mailmen", "")
    assert (
        editor(ed).get_by_label("Note", exact=True).input_value()
        == "Ask whether the dogs were fed."
    )
    ed.get_by_role("button", name="I have looked at it: mine may be saved").click()
    walk.settle(ed)
    ed.get_by_role("button", name="Save", exact=True).click()
    ed.get_by_text("Saved.").wait_for()
    with Store(library) as store:
        kept = store.findings.get(1)
        assert (kept.name, kept.note) == ("Barking at mailmen", "Ask whether the dogs were fed.")
        who = [event["who"] for event in store.events.of("finding:1")]
    assert {"Ana", "Ed"} <= set(who)
    for page in (ana, ed):
        page.context.close()


def test_a_reader_is_offered_no_change(browser: Browser, address: str) -> None:
    page = at_the_finding(browser, address, "Rea")
    for label in ("Save", "Save the status", "Comment", "Remove", "Merge into this one"):
        assert page.get_by_role("button", name=label, exact=True).count() == 0, label
    assert page.locator(".stMain :is(textarea, input)").count() == 0
    page.context.close()


def test_an_editor_who_becomes_a_reader_is_refused_at_the_next_click(
    browser: Browser, address: str, library: Path
) -> None:
    page = at_the_finding(browser, address, "Ed")
    page.get_by_text("Edit", exact=True).click()
    editor(page).get_by_label("Note", exact=True).fill("too late")
    with Store(library) as store:
        store.members.set_role("Ed", "reader")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Ed (reader)").wait_for()
    walk.settle(page)
    assert page.get_by_text("Saved.").count() == 0
    with Store(library) as store:
        assert store.findings.get(1).note == ""
    page.context.close()
