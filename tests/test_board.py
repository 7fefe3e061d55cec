from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from kb.findings.workbench import Workbench
from kb.pages.board import CARDS
from kb.records import Candidate
from kb.store import Store
from tests.test_compare import harmless
from tests.test_pages import ATTACKS, html, page

__all__ = ["page"]  # the fixture


def board(page: AppTest, lanes: str = "axis", project: str | None = None) -> AppTest:
    page.run()
    page.switch_page("kb/pages/findings.py")
    page.query_params["view"] = "board"
    page.run()
    page.segmented_control(key="board-lanes").set_value(lanes).run()
    if project is not None:
        page.selectbox(key="board-project").set_value(project).run()
    return page


def considered(store: Store, name: str = "Purring", project: str = "Mail") -> Candidate:
    if project not in store.projects.names():
        store.projects.add(project)
    return store.candidates.set(project, store.findings.add("design_choice", name).id)


def move(page: AppTest, to: str) -> AppTest:
    (select,) = [s for s in page.selectbox if str(s.key).startswith("to-")]
    return select.set_value(to).run()


def test_a_choice_moves_to_another_axis(page: AppTest, store: Store) -> None:
    finding = store.findings.add("design_choice", "Purring")
    board(page)
    assert "No axis yet (1)" in html(page)
    move(page, "loss")
    assert store.findings.get(finding.id).fields == {"axis": "loss"}
    assert "“Purring” is moved." in html(page)
    assert "Loss (1)" in html(page)
    move(page, "")
    assert store.findings.get(finding.id).fields == {}


def test_a_card_that_somebody_else_has_moved_is_not_moved_over(page: AppTest, store: Store) -> None:
    finding = store.findings.add("design_choice", "Purring")
    board(page)
    with Store(store.library, member="other") as others:
        Workbench(others).edit_finding(finding, fields={"axis": "training"})
    move(page, "loss")
    assert "has been changed by other meanwhile" in html(page)
    assert store.findings.get(finding.id).fields == {"axis": "training"}
    assert [s.value for s in page.selectbox if str(s.key).startswith("to-")] == ["training"]


def test_a_candidate_moves_to_another_status(page: AppTest, store: Store) -> None:
    considered(store)
    board(page, "status")
    assert "A status is one in a project" in html(page)
    page.selectbox(key="board-project").set_value("Mail").run()
    move(page, "shortlisted")
    assert [c.status for c in store.candidates.of_project("Mail")] == ["shortlisted"]
    assert "“Purring” is shortlisted now." in html(page)


def test_a_rejection_asks_why(page: AppTest, store: Store) -> None:
    considered(store)
    board(page, "status", "Mail")
    move(page, "rejected")
    assert "Why is “Purring” rejected?" in html(page)
    next(b for b in page.button if b.label == "Reject").click().run()
    assert "Say why it is rejected" in html(page)
    next(t for t in page.text_input if t.label == "Reason").set_value("no licence")
    next(b for b in page.button if b.label == "Reject").click().run()
    (candidate,) = store.candidates.of_project("Mail")
    assert (candidate.status, candidate.reason) == ("rejected", "no licence")
    assert "Why is" not in html(page)


def test_a_rejection_may_be_thought_better_of(page: AppTest, store: Store) -> None:
    considered(store)
    board(page, "status", "Mail")
    move(page, "rejected")
    next(b for b in page.button if b.label == "Leave it as it is").click().run()
    assert [c.status for c in store.candidates.of_project("Mail")] == ["new"]
    assert "Why is" not in html(page)


def test_a_long_lane_is_shown_whole_on_demand(page: AppTest, store: Store) -> None:
    for number in range(CARDS + 2):
        store.findings.add("design_choice", f"Choice {number}", fields={"axis": "loss"})
    board(page)
    assert html(page).count("kb-card") == CARDS
    page.button(key="lane-loss").click().run()
    assert html(page).count("kb-card") == CARDS + 2


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_card_shows_its_words_and_nothing_else(page: AppTest, store: Store, attack: str) -> None:
    candidate = considered(store, f"x {attack}", attack)
    store.candidates.set(attack, candidate.finding.id, "rejected", reason=attack, owner=attack)
    board(page, "status", attack)
    assert html(page).count("kb-card") == 1
    harmless(page, attack)
    move(page, "new")
    harmless(page, attack)
