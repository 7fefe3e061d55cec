"""Hostile text in every field that people, documents and files fill, on every page of a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kb.accounts import hashed
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import Effect, Query
from kb.store.suggestions import Proposal
from tests import walk
from tests.test_journey import PATIENCE, browser, is_outside
from tests.test_journey import pytestmark as browser_marks
from tests.test_pages import ATTACKS, hostile
from tests.test_team import PASSWORD, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]  # the fixture

pytestmark = [mark for mark in browser_marks if mark.name != "model"]  # searches by words alone

TURNED = "safe\u202egnp.exe\u2066\u200b\x1b[31m\x07"  # turns the writing, hides, rings
EVERY = (*ATTACKS, TURNED)
# What would be there had any of it been taken for markup. Ours never looks so.
MARKUP = """() => {
  const found = [];
  for (const each of document.body.querySelectorAll("*")) {
    for (const {name, value} of each.attributes) {
      if (name.startsWith("on")) found.push(`${each.tagName} ${name}`);
      if (/^\\s*javascript:/i.test(value) && ["href", "src", "action"].includes(name))
        found.push(`${each.tagName} ${name}=${value}`);
    }
    const text = each.textContent.trim();
    if (/^(STRONG|B|A|CODE|H1|H2|TD|I|SPAN)$/.test(each.tagName) && each.children.length == 0
        && ["bold", "link", "img", "code", "heading", "red", "b", "i", "out"].includes(text)
        && !each.closest(".kb-passage, .kb-reading"))
      found.push(`${each.tagName} “${text}”`);
  }
  const never = ".katex, script:not([src]), .stHtml :is(img, iframe, object, form), "
    + ".stMarkdownColoredText, .stMarkdownBadge, img[src*='example.org']";
  for (const each of document.body.querySelectorAll(never))
    if (!/scrollIntoView|prerenderReady/.test(each.textContent))
      found.push(each.outerHTML.slice(0, 200));
  if (getComputedStyle(document.body).display == "none") found.push("the page is hidden");
  return found;
}"""
UNSEEN = """() => (document.querySelector(".stApp").innerText
  .match(/[\\u202a-\\u202e\\u2066-\\u2069\\x1b\\x07]/g) || []).length"""


def attacked(kb: KnowledgeBase, attack: str) -> None:
    """The attack as the text of everything that can be written down, in a project of that name."""
    hostile(kb.store, attack)
    store, work, planner = kb.store, kb.workbench, kb.planner
    work.edit_project(
        store.projects.get(attack),
        {"metric": attack, "unit": attack, "baseline": 1.0, "deadline": "2099-01-01", "people": 1,
         "hours_a_week": 40.0, "value": attack, "objective": attack, "domain": attack},
    )  # fmt: skip
    effect = {"metric": attack, "unit": attack, "baseline": "1", "value": "2", "dataset": attack}
    key = f"url:{attack}"
    tagged = work.tag(key, "dataset", attack, quote=f"{attack} and its end", project=attack,
                      effect=effect, tags=[attack], note=attack)  # fmt: skip
    choice = work.tag(
        key, "design_choice", f"choice {attack}", quote="and its end", note=attack,
        fields={"axis": "transfer", "preconditions": attack}, project=attack,
    ).finding  # fmt: skip
    number = tagged.finding.id
    store.candidates.set(attack, choice.id, "rejected", owner=attack, reason=attack, note=attack)
    candidate = store.candidates.of_finding(choice.id)[0]
    for subject in (f"finding:{number}", f"evidence:{tagged.evidence.id}",
                    f"candidate:{candidate.id}"):  # fmt: skip
        store.candidates.comment(subject, attack)
    made = planner.new(attack, {
        "title": attack, "hypothesis": attack, "candidates": [number], "person_hours": 4,
        "success": attack, "note": attack, "gain_reason": attack,
        "gain": {"low": 0, "likely": 2, "high": 3}, "retraining": False,
    })  # fmt: skip
    done = planner.start(planner.new(attack, {"title": attack, "depends_on": [made.id]}))
    planner.finish(done, {"value": 2, "note": attack})
    planner.rate(attack, number, "source", "poor", note=attack, evidence=[tagged.evidence.id])
    planner.add_trial(attack, {"model": attack, "samples": 5, "hours": 1, "machine": attack})
    planner.decide(attack, {"title": attack, "choice": "adopt", "candidates": [number],
                            "reason": attack})  # fmt: skip
    store.saved_searches.save(attack, Query(attack), shared=True)
    document = store.documents.by_key(key)
    store.suggestions.replace(
        document.id, document.version_id,
        [Proposal("dataset", f"name {attack}", 0, 6, 0.5, attack,
                  effect=Effect(attack, attack, gain=1.0))],
    )  # fmt: skip


def opened(library: Path) -> KnowledgeBase:
    at = library.parent
    return KnowledgeBase(Config(library, cache=at / "cache", state=at / "state", member=EVERY[0]))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacks")
    with opened(folder / "library") as kb:
        for attack in EVERY:
            attacked(kb, attack)
        kb.store.members.add("Ana", "admin", hashed(PASSWORD))
    return folder / "library"


@pytest.fixture(scope="module")
def address(library: Path) -> Iterator[str]:
    with served(library) as address:
        yield address


@pytest.fixture
def seen(browser: Browser, address: str) -> Iterator[tuple[Page, list[str]]]:
    """A page that is signed in, and what it does that it must not."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    walk.enter(context, address)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    did: list[str] = []
    page.on("dialog", lambda dialog: (did.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda r: did.append(r.url) if is_outside(r.url) else None)
    page.on("websocket", lambda s: did.append(s.url) if is_outside(s.url) else None)
    page.on("popup", lambda other: did.append(f"window {other.url}"))
    yield page, did
    context.close()


def test_nothing_written_acts_on_any_page(
    seen: tuple[Page, list[str]], address: str, library: Path
) -> None:
    page, did = seen
    with opened(library) as kb:
        paths = walk.addresses(kb.store, "attack")
    for path in paths:
        page.goto(address + path)
        check(page, did, path)
        for number in range(page.get_by_role("tab").count()):
            page.get_by_role("tab").nth(number).click()
            check(page, did, path)
        if path == "/compare":
            page.get_by_role("radio", name="Axes and tasks").click()
            check(page, did, path)
    linked = {link.get_attribute("href") for link in page.locator(".st-key-nav a").all()}
    page.get_by_text("More", exact=True).click()
    linked |= {a.get_attribute("href") for a in page.get_by_test_id("stPageLink-NavLink").all()}
    ours = {f"/{(href or '').split('?')[0].rpartition('/')[2]}" for href in linked}
    visited = {path.split("?")[0] for path in paths}
    assert {each for each in ours if each not in {"/password", "/sign-out"}} == visited


@pytest.mark.parametrize("attack", EVERY)
def test_every_project_is_shown_as_it_was_written(
    seen: tuple[Page, list[str]], address: str, attack: str
) -> None:
    page, did = seen
    page.goto(address)
    walk.settle(page)
    for where in ("plan", "project"):
        page.goto(f"{address}/{where}?{walk.urlencode({'project': attack})}")
        check(page, did, where)
    if attack is not TURNED:  # less what turns the writing
        assert " ".join(attack.split()) in " ".join(page.locator(".stApp").inner_text().split())


def check(page: Page, did: list[str], where: str) -> None:
    walk.settle(page)
    walk.unfold(page)
    assert page.evaluate(MARKUP) == [], where
    assert page.evaluate(UNSEEN) == 0, where
    assert did == [], where
    assert page.get_by_text("Something went wrong").count() == 0, where
    assert page.get_by_test_id("stException").count() == 0, where
