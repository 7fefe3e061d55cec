from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from kb.config import Config
from kb.export.formats import FORMATS
from kb.store import Store
from tests.test_pages import ATTACKS, check_harmless, hostile, html, page

__all__ = ["page"]  # a fixture


def export_page(page: AppTest) -> AppTest:
    page.run()
    page.switch_page("kb/pages/export.py")
    return page.run()


def make(page: AppTest, name: str) -> AppTest:
    page.selectbox(key="export-format").select(name).run()
    next(b for b in page.button if b.label == "Make it").click()
    return page.run()


def test_without_a_project_the_page_says_how_to_begin(page: AppTest, store: Store) -> None:
    assert "There is no project yet." in html(export_page(page))


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"pdf", "ical"}))
def test_every_format_is_made_and_can_be_downloaded(page: AppTest, store: Store, name: str) -> None:
    store.projects.add("mail", {"metric": "accuracy", "unit": "%"})
    make(export_page(page), name)
    assert not page.exception
    [download] = page.get("download_button")
    ending = ".zip" if FORMATS[name].kind == "folder" else FORMATS[name].name
    assert download.proto.label.endswith(ending)


def test_what_cannot_be_made_says_why(page: AppTest, store: Store) -> None:
    store.projects.add("mail", {"metric": "accuracy"})
    make(export_page(page), "ical")
    assert "has no schedule" in html(page)
    assert not page.get("download_button")


def test_another_format_does_not_offer_the_last_one(page: AppTest, store: Store) -> None:
    store.projects.add("mail", {})
    make(export_page(page), "markdown")
    page.selectbox(key="export-format").select("json").run()
    assert not page.get("download_button")


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_preview_shows_text(page: AppTest, store: Store, config: Config, attack: str) -> None:
    hostile(store, attack)
    make(export_page(page), "markdown")
    check_harmless(page, attack)
    assert page.code[0].value.startswith("# ")
