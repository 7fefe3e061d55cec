from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from kb.findings.workbench import Workbench
from kb.pages import session
from kb.records import Member
from kb.store import Store
from tests.test_pages import ATTACKS, check_harmless, hostile, html, page
from tests.test_pages_findings import KEY, press, tagged
from tests.test_store import add

__all__ = ["page"]  # the fixture

BRIEF: dict[str, Any] = {
    "metric": "macro-F1", "unit": "points", "baseline": 70.0, "baseline_is": "word counts",
    "review_start": "2026-11-23", "review_days": 2.0, "hours_a_week": 40.0,
}  # fmt: skip

TEXTS = ("metric", "unit", "baseline_is", "objective", "value", "tie", "value_unit", "domain",
         "asked", "cadence")  # fmt: skip


def project_page(page: AppTest, name: str = "") -> AppTest:
    page.run()
    page.switch_page("kb/pages/project.py")
    if name:
        page.query_params["project"] = name
    return page.run()


def widget(page: AppTest, label: str, form: str = "") -> Any:
    """The widget whose label begins so, of the form of that name: the last of them."""
    kinds = (page.text_input, page.number_input, page.selectbox, page.text_area, page.multiselect,
             page.segmented_control, page.date_input, page.slider)  # fmt: skip
    named = [each for kind in kinds for each in kind if each.label.startswith(label)]
    return [each for each in named if str(each.key).startswith(form)][-1]


def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "member", lambda: Member("rita", "reader"))


def test_the_first_project_begins_with_metric_and_baseline(page: AppTest, store: Store) -> None:
    project_page(page)
    assert "No project yet" in html(page)
    press(page, "Begin the project")
    assert "A project needs a name." in html(page)
    widget(page, "Name of the project").set_value("mail")
    widget(page, "Metric").set_value("macro-F1")
    widget(page, "Baseline").set_value(71.5)
    press(page, "Begin the project")
    assert store.projects.get("mail").brief == {"metric": "macro-F1", "baseline": 71.5}
    assert page.query_params["project"] == "mail"
    shown = html(page)
    assert "“mail” has begun." in shown
    assert "its unit; whose value that is. Without these a gain means nothing." in shown
    assert "71.5" in shown


def test_a_brief_is_edited_and_only_what_was_typed_changes(page: AppTest, store: Store) -> None:
    Workbench(store).new_project("mail", BRIEF | {"direction": "lower", "deployment": "batch"})
    project_page(page, "mail")
    widget(page, "People").set_value(2)
    widget(page, "Deadline").set_value("2026-12-11")
    widget(page, "Which is better?").set_value("higher")
    widget(page, "Whose value that is", "brief").set_value("")
    press(page, "Save the brief")
    assert "Saved." in html(page)
    brief = store.projects.get("mail").brief
    kept = {k: v for k, v in BRIEF.items() if k != "baseline_is"}
    assert brief == kept | {"people": 2, "deadline": "2026-12-11", "deployment": "batch"}
    press(page, "Save the brief")  # the same form, untouched: nothing changes
    assert store.projects.get("mail").brief == brief


def test_two_who_edit_a_brief_lose_nothing(page: AppTest, store: Store) -> None:
    Workbench(store).new_project("mail", BRIEF)
    project_page(page, "mail")
    widget(page, "Target").set_value(75.0)
    with Store(store.library, member="other") as others:
        Workbench(others).edit_project(others.projects.get("mail"), {"people": 3})
    press(page, "Save the brief")
    assert "changed by other meanwhile" in html(page)
    assert widget(page, "Target").value == 75.0
    press(page, "I have looked at it: mine may be saved")
    press(page, "Save the brief")
    assert store.projects.get("mail").brief == BRIEF | {"people": 3, "target": 75.0}


def test_what_does_not_fit_is_a_sentence_and_stays_typed(page: AppTest, store: Store) -> None:
    Workbench(store).new_project("mail", BRIEF)
    project_page(page, "mail")
    widget(page, "Limit of an answer").set_value(200.0)
    press(page, "Save the brief")
    assert "A latency limit goes with deployment “real time”." in html(page)
    assert widget(page, "Limit of an answer").value == 200.0
    assert store.projects.get("mail").brief == BRIEF


def test_the_review_is_told_with_what_to_read_next(page: AppTest, store: Store) -> None:
    Workbench(store).new_project("mail", BRIEF)
    document, *_ = add(store)
    other, *_ = add(store, "arxiv:2001.00001", sha256="bb")
    store.projects.add_document("mail", other)
    store.projects.read("mail", document, "read", minutes=96)
    Workbench(store).tag(KEY, "dataset", "Barking", quote="Dogs bark at the mailman.",
                         project="mail", status="shortlisted")  # fmt: skip
    project_page(page, "mail")
    shown = html(page)
    for part in ("1.6 of 16 hours (10%), until 2026-11-24", "Too early to tell: 1 of the first 10",
                 "1, 1 left", "1 document, 96 minutes", "In figures, in the order of reading: 1.",
                 "Callaghan and Müller-Hansen", "Candidates (1)", "Barking"):  # fmt: skip
        assert part in shown
    assert page.segmented_control[0].options == ["Shortlisted (1)"]
    press(page, "Read no. 1")
    assert page.query_params["document"] == "arxiv:2001.00001"
    press(page, "Back to the project")
    assert "The review" in html(page)


def test_a_candidate_leads_to_its_evidence(page: AppTest, store: Store) -> None:
    add(store)
    store.projects.add("mail")
    finding = tagged(store)
    store.candidates.set("mail", finding.id, "rejected", reason="no licence")
    project_page(page, "mail")
    assert "no licence" in html(page)
    press(page, "See the evidence")
    assert page.query_params["finding"] == str(finding.id)


def test_a_project_is_cloned_archived_and_reopened(page: AppTest, store: Store) -> None:
    Workbench(store).new_project("mail", BRIEF)
    project_page(page, "mail")
    widget(page, "Name of the clone").set_value("mail")
    press(page, "Clone")
    assert "There is a project “mail” already" in html(page)
    widget(page, "Name of the clone").set_value("chat")
    press(page, "Clone")
    assert "“chat” has begun, as a clone of “mail”." in html(page)
    assert page.query_params["project"] == "chat"
    assert store.projects.get("chat").brief == BRIEF
    press(page, "Archive this project")
    assert store.projects.names() == ["mail"]
    assert "Archived “chat”." in html(page)
    press(page, "Reopen")
    assert store.projects.names() == ["chat", "mail"]


def test_a_reader_sees_all_and_changes_nothing(
    page: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    Workbench(store).new_project("mail", BRIEF)
    Workbench(store).new_project("old", {})
    store.projects.archive("old")
    reader(monkeypatch)
    project_page(page, "mail")
    assert "macro-F1" in html(page)
    assert [*page.text_input, *page.number_input, *page.button] == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_people_and_documents_say_stays_text(page: AppTest, store: Store, attack: str) -> None:
    hostile(store, attack)
    project = Workbench(store).edit_project(
        store.projects.get(attack),
        dict.fromkeys(TEXTS, attack) | {"baseline": 1.0},
    )
    finding = Workbench(store).tag(f"url:{attack}", "dataset", attack, quote="and its end",
                                   project=attack).finding  # fmt: skip
    store.candidates.set(attack, finding.id, "parked", owner=attack, reason=attack, note=attack)
    project_page(page, project.name)
    assert len(page.html) > 5
    check_harmless(page, attack)
