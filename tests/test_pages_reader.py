from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from kb.findings.workbench import Workbench
from kb.knowledge_base import KnowledgeBase
from kb.store import Store
from tests.test_pages import ATTACKS, check_harmless, hostile, html, page, paper
from tests.test_pages_findings import KEY
from tests.test_pages_suggestions import propose, read
from tests.test_store import add

__all__ = ["page"]  # the fixture


# -- evidence and suggestions --------------------------------------------------------------------


def test_all_that_is_known_is_marked_in_the_text_and_listed(page: AppTest, store: Store) -> None:
    propose(store)
    bench = Workbench(store)
    bench.tag(KEY, "design_choice", "Purr", quote="Cats purr. Dogs")
    against = bench.tag(KEY, "design_choice", "Bark", quote="at the mailman", stance="against")
    read(page)
    shown = html(page)
    assert "Evidence (2)" in shown
    assert '<span class="kb-seen-for">' in shown
    assert '<span class="kb-seen-against">' not in shown  # it stands on page 2
    for word in ("evidence for</span>", "suggested, not decided</span>", "Purr", "Bark"):
        assert word in shown
    page.button(key=f"to-evidence-{against.evidence.id}").click().run()
    assert (page.query_params["page"], page.query_params["start"]) == ("2", "21")
    marked = '<span class="kb-seen-against"><mark>at the mailman</mark></span>'
    assert marked in html(page)


def test_marks_are_drawn_on_the_picture(
    page: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, sha256=store.raw_files.put(paper(["Cats purr.", "Dogs bark."])))
    Workbench(store).tag(KEY, "design_choice", "Purr", quote="Cats purr. Dogs", stance="against")
    drawn: list[object] = []
    draw = KnowledgeBase.page_image

    def noted(*args: Any, marks: Any, **more: Any) -> bytes:
        drawn.append(marks)
        return draw(*args, marks=marks, **more)

    monkeypatch.setattr(KnowledgeBase, "page_image", noted)
    read(page)
    assert drawn == [[("against", (0, 15))]]
    assert len(page.image) == 1
    assert '<span class="kb-seen-against">evidence against</span>' in html(page)  # the legend


def test_evidence_in_another_version_is_listed_and_leads_there(page: AppTest, store: Store) -> None:
    add(store)
    tagged = Workbench(store).tag(KEY, "design_choice", "Purr", quote="Cats purr. Dogs")
    add(store, label="v2", sha256="bb")
    read(page)
    assert "Evidence (1)" in html(page)
    assert "in v1" in html(page)
    assert "kb-seen-for" not in html(page)
    page.button(key=f"to-evidence-{tagged.evidence.id}").click().run()
    assert page.query_params["version"] == str(tagged.evidence.version_id)
    assert '<span class="kb-seen-for"><mark>' in html(page)


def test_many_are_listed_a_few_at_a_time(page: AppTest, store: Store) -> None:
    add(store)
    for number in range(10):
        Workbench(store).tag(KEY, "design_choice", f"Purr {number}", quote="Cats purr. Dogs")
    read(page)
    assert len([b for b in page.button if b.label == "Finding"]) == 8
    page.button(key="evidence-more").click().run()
    assert len([b for b in page.button if b.label == "Finding"]) == 10


@pytest.mark.parametrize("attack", ATTACKS)
def test_evidence_stays_text(page: AppTest, store: Store, attack: str) -> None:
    hostile(store, attack)
    key = f"url:{attack}"
    Workbench(store).tag(key, "dataset", f"name {attack}", quote=f"attack {attack} and its end.")
    read(page, key)
    check_harmless(page, attack)
    assert "Evidence (1)" in html(page)


# -- reading for a project -----------------------------------------------------------------------


def opened(page: AppTest, store: Store) -> int:
    document_id, _, _ = add(store)
    store.projects.add("Mail")
    read(page)
    return document_id


def field(page: AppTest, name: str) -> str:
    return f"reading-{page.session_state['open-forms']['reading'].turn}-{name}"


def note(page: AppTest, status: str, *, minutes: float = 0.0, reason: str = "") -> None:
    page.selectbox(key=field(page, "status")).set_value(status)
    page.number_input(key=field(page, "minutes")).set_value(minutes)
    page.text_input(key=field(page, "reason")).set_value(reason)
    next(b for b in page.button if b.label == "Save").click().run()


def started_ago(store: Store, page: AppTest, minutes: int) -> None:
    """Let the running clock have been started earlier."""
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="microseconds")
    with sqlite3.connect(store.file) as db:
        db.execute("update readings set updated_at = ?", (at,))
    page.query_params["clock"] = at
    page.run()


def test_minutes_add_up_and_an_exclusion_says_why(page: AppTest, store: Store) -> None:
    document_id = opened(page, store)
    assert "To read · 0 minutes in all" in html(page)
    note(page, "read", minutes=25)
    assert "Noted." in html(page)
    note(page, "excluded", minutes=5)
    assert "Say why the document is excluded" in html(page)
    assert store.projects.reading("Mail", document_id).status == "read"  # nothing was saved
    note(page, "excluded", minutes=5, reason="Off <b>topic</b>")
    found = store.projects.reading("Mail", document_id)
    assert (found.status, found.minutes, found.reason) == ("excluded", 30, "Off <b>topic</b>")
    assert "Why: Off &lt;b&gt;topic&lt;/b&gt;" in html(page)


def test_the_clock_survives_a_reload_and_counts_once(page: AppTest, store: Store) -> None:
    document_id = opened(page, store)
    page.button(key="clock-start").click().run()
    started_ago(store, page, 12)
    del page.session_state["clock"]  # a reload leaves the address alone
    page.run()
    assert "the clock runs since" in html(page)
    token = page.query_params["clock"]
    page.button(key="clock-pause").click().run()
    assert store.projects.reading("Mail", document_id).minutes == pytest.approx(12, abs=1)
    page.query_params["clock"] = token  # another tab, or the link once more
    page.run()
    assert "the clock runs since" not in html(page)
    assert [b.key for b in page.button if b.key == "clock-pause"] == []


def test_a_clock_in_two_tabs_is_counted_by_the_first(page: AppTest, store: Store) -> None:
    document_id = opened(page, store)
    page.button(key="clock-start").click().run()
    started_ago(store, page, 12)
    store.projects.read("Mail", document_id, "reading", minutes=12)  # the other tab
    page.button(key="clock-pause").click().run()
    assert "Somebody has noted something" in html(page)
    assert store.projects.reading("Mail", document_id).minutes == 12


def test_a_forgotten_clock_is_not_counted(page: AppTest, store: Store) -> None:
    document_id = opened(page, store)
    page.button(key="clock-start").click().run()
    started_ago(store, page, 600)
    page.button(key="clock-pause").click().run()
    assert "was not counted" in html(page)
    assert store.projects.reading("Mail", document_id).minutes == 0


def test_what_was_typed_stays_where_somebody_was_faster(page: AppTest, store: Store) -> None:
    document_id = opened(page, store)
    store.projects.read("Mail", document_id, "read", minutes=7)
    note(page, "excluded", minutes=5, reason="Off topic")
    assert "Somebody has noted something" in html(page)
    assert page.text_input(key=field(page, "reason")).value == "Off topic"
    assert store.projects.reading("Mail", document_id).minutes == 7
    next(b for b in page.button if b.label.startswith("I have looked at it")).click().run()
    next(b for b in page.button if b.label == "Save").click().run()
    assert store.projects.reading("Mail", document_id).minutes == 12


def test_the_project_is_the_one_chosen_on_other_pages(page: AppTest, store: Store) -> None:
    add(store)
    store.projects.add("Chat")
    store.projects.add("Mail")
    read(page)
    assert page.selectbox(key="reading-for-None").value is None
    page.selectbox(key="reading-for-None").set_value("Mail").run()
    page.switch_page("kb/pages/project.py").run()
    assert page.query_params["project"] == "Mail"
