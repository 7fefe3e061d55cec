from __future__ import annotations

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
