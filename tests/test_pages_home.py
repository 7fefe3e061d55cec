from __future__ import annotations

import sqlite3

import pytest
from streamlit.testing.v1 import AppTest

from kb.findings.workbench import Workbench
from kb.pages import event_markup, session
from kb.pages.event_markup import change
from kb.records import Event, Member, Outcome
from kb.store import Store
from tests.test_pages import ATTACKS, check_harmless, hostile, html, page
from tests.test_store import PARSED, add

__all__ = ["page"]  # the fixture

KEY = "arxiv:1901.00001"


@pytest.fixture(autouse=True)
def _tester(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is at the page is who writes to the `store` of the tests."""
    monkeypatch.setenv("KB_MEMBER", "tester")


def at(page: AppTest, name: str, **address: str) -> AppTest:
    page.run()
    page.switch_page(f"kb/pages/{name}.py")
    for key, value in address.items():
        page.query_params[key] = value
    return page.run()


def as_member(monkeypatch: pytest.MonkeyPatch, name: str, role: str) -> None:
    monkeypatch.setattr(session, "member", lambda: Member(name, role))  # type: ignore[arg-type]


def press(page: AppTest, label: str) -> AppTest:
    return next(b for b in page.button if b.label == label).click().run()


# -- home ----------------------------------------------------------------------------------------


def test_an_old_link_to_a_question_still_leads_to_its_answer(page: AppTest, store: Store) -> None:
    add(store)
    page.query_params["q"], page.query_params["mode"] = "cats purr", "lexical"
    page.run()
    assert "<mark>Cats</mark> <mark>purr</mark>" in html(page)
    assert page.query_params["q"] == "cats purr"


def test_home_leads_to_the_first_hit_and_on(page: AppTest, store: Store) -> None:
    assert "An empty library" in html(page.run())
    add(store)
    assert "Next: ask your first question" in html(page.run())
    Workbench(store).tag(KEY, "dataset", "Mail", quote="Dogs bark at the mailman.")
    assert "Next: say what your project wants" in html(page.run())
    store.projects.add("mail")
    assert "Next:" not in html(page.run())
    (asked,) = [t for t in page.text_input if t.label == "Question"]
    asked.set_value("mailman")
    press(page, "Search")
    assert page.query_params["q"] == "mailman"


def test_projects_are_shown_with_their_time_and_what_is_missing(
    page: AppTest, store: Store
) -> None:
    document_id, _, _ = add(store)
    Workbench(store).new_project("mail", {"review_days": 5, "people": 1, "hours_a_week": 40})
    store.projects.read("mail", document_id, "read", minutes=90)
    shown = html(page.run())
    assert "1 of 1 documents read or excluded" in shown
    assert "Missing from the brief: metric, unit, baseline, baseline is and" in shown
    assert '<a href="project?project=mail" target="_self">mail</a>' in shown
    assert '<a href="plan?project=mail" target="_self">mail</a>: ' in shown


def test_what_waits_is_said(page: AppTest, store: Store) -> None:
    add(store)
    assert "Nothing waits for you." in html(page.run())
    Workbench(store).tag(KEY, "dataset", "Cats", quote="Cats purr. Dogs bark")
    add(store, label="v2", sha256="bb", parsed=type(PARSED)("Cats meow.", PARSED.metadata))
    store.locators.finish(Outcome("doi:1", "failed", stage="fetch", reason="gone"))
    shown = html(page.run())
    assert "1 quote is not in the newest version" in shown
    assert 'href="search?document=arxiv%3A1901.00001&amp;version=1' in shown
    assert "Nothing waits for you." not in shown
    labels = [link.proto.label for link in page.get("page_link")]
    assert "1 failed ingest" in labels


def test_news_is_what_others_have_done_since(page: AppTest, store: Store) -> None:
    add(store)
    assert "first visit" in page.run().caption[0].value
    with Store(store.library, member="Ana") as other:
        other.findings.add("dataset", "IMDB")
    store.findings.add("dataset", "Own work")
    file = sqlite3.connect(store.file)
    with file:
        file.execute("update visits set seen_at = '2020-01-01T00:00:00.000000+00:00'")
    file.close()
    fresh = AppTest.from_file(page._script_path, default_timeout=30).run()
    shown = html(fresh)
    assert "Ana added" in shown
    assert "On cats and dogs" in shown
    assert "Own work" not in shown
    press(fresh, "I have seen this")
    assert "Ana added" not in html(fresh)


def test_a_reader_is_offered_nothing_to_write(
    page: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_member(monkeypatch, "Rea", "reader")
    assert "Ask an editor to begin" in html(page.run())
    add(store)
    assert "Next:" not in html(page.run())
    assert store.visits.note("Rea") == ""  # the visit of a reader is noted too
    at(page, "settings", view="taxonomy")
    assert [b.label for b in page.button if b.label == "Add"] == []
    at(page, "settings", view="members")
    assert "looked after by admins" in html(page)
    assert not page.text_input


# -- activity ------------------------------------------------------------------------------------


def test_activity_is_filtered_from_the_address_and_by_hand(page: AppTest, store: Store) -> None:
    add(store)
    finding = store.findings.add("dataset", "IMDB")
    store.projects.add("mail")
    at(page, "activity", kind="finding", project="nothing")
    assert "1 event, newest first" in html(page)
    assert f'<a href="findings?finding={finding.id}" target="_self">IMDB</a>' in html(page)
    assert page.selectbox(key="activity-project").value is None
    page.selectbox(key="activity-kind").set_value("project").run()
    assert "tester added" in html(page)
    assert "IMDB" not in html(page)
    assert page.query_params["kind"] == "project"
    at(page, "activity", **{"from": "2019-01-01", "to": "2019-01-02", "kind": ""})
    assert "Nothing has happened that fits" in html(page)


@pytest.mark.parametrize(
    ("what", "kind", "before", "after", "said"),
    [
        ("changed", "project", '{"metric": null}', '{"metric": "F1"}', "metric: F1"),
        ("changed", "finding", '{"note": "a"}', '{"note": ""}', "note: a → nothing"),
        ("changed", "finding", '{"tags": ["a"]}', '{"tags": ["a", "b"]}', "tags: a → a, b"),
        ("changed", "member", "reader", "editor", "reader → editor"),
        ("candidate", "finding", "new", "mail: planned", "mail: new → planned"),
        ("candidate", "finding", "", "mail: new", "mail: new"),
        ("added", "experiment", "", "mail: Try it", "for mail"),
        ("added", "finding", "", "Old name", "Old name"),
        ("finished", "experiment", "running", '{"at": "x", "value": 3.5}', "value: 3.5"),
        ("merged", "finding", "5", "SST", "SST"),
        ("commented", "finding", "", "{not json", "{not json"),
    ],
)
def test_a_change_is_told_for_people(
    what: str, kind: str, before: str, after: str, said: str
) -> None:
    event = Event(1, "2026-01-02T03:04:05", "Ana", what, "x:1", before, after, kind, "Name")  # type: ignore[arg-type]
    assert change(event) == said


def test_a_long_change_is_cut_where_one_sees_it() -> None:
    event = Event(1, "2026-01-02T03:04:05", "Ana", "changed", "finding:1", "", "x" * 999,
                  "finding", "N", 1)  # fmt: skip
    assert f"{'x' * event_markup.LONGEST} …" in event_markup.row(event)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("where", ["home", "activity"])
def test_hostile_names_stay_text(page: AppTest, store: Store, attack: str, where: str) -> None:
    hostile(store, attack)
    with Store(store.library, member=attack.replace("\n", " ")) as other:
        finding = other.findings.add("dataset", attack)
        other.candidates.comment(f"finding:{finding.id}", attack)
        other.visits.note("tester")
    file = sqlite3.connect(store.file)
    with file:
        file.execute("update visits set seen_at = '2020-01-01T00:00:00.000000+00:00'")
    file.close()
    if where == "home":
        page.run()
    else:
        at(page, "activity")
    check_harmless(page, attack)
    assert not page.markdown


# -- settings ------------------------------------------------------------------------------------


def test_health_is_shown_and_looked_at(page: AppTest, store: Store) -> None:
    at(page, "settings")
    assert "<dt>Documents</dt><dd>0 (0 versions, 0 removed)</dd>" in html(page)
    press(page, "Look now")
    assert "Database: sound, by SQLite" in html(page)
    assert not page.exception


def test_an_axis_is_added_once_and_what_is_wrong_is_kept(page: AppTest, store: Store) -> None:
    at(page, "settings", view="taxonomy")
    page.text_input[0].set_value("Data Mix")
    page.text_area[0].set_value("Which data in which shares.")
    press(page, "Add")
    assert "lower case" in html(page)
    assert page.text_area[0].value == "Which data in which shares."
    page.text_input[0].set_value("data-mix")
    press(page, "Add")
    assert "The axis “data-mix” is there for everybody." in html(page)
    assert [each["id"] for each in store.axes.all()] == ["data-mix"]
    page.text_input[0].set_value("data-mix")
    page.text_area[0].set_value("Something else.")
    press(page, "Add")
    assert "There is an axis “data-mix” already" in html(page)


def test_members_are_added_and_changed(page: AppTest, store: Store) -> None:
    at(page, "settings", view="members")
    for name in ("Ana", "Ed"):
        page.text_input[-2].set_value(name)
        page.text_input[-1].set_value("short" if name == "Ed" else "long enough 1")
        press(page, "Add")
    assert "A password has 10 to" in html(page)
    page.text_input[-1].set_value("long enough 2")
    press(page, "Add")
    assert [(m.name, m.role) for m in store.members.all()] == [("Ana", "admin"), ("Ed", "editor")]
    old = store.members.password("Ana")
    page.text_input[0].set_value("long enough 3")
    press(page, "Put in place, and sign out everywhere")
    assert store.members.password("Ana") not in {"", old}
    press(page, "Let in no more")
    assert "is the only admin" in html(page)
    page.selectbox(key="settings-member").set_value("Ed").run()
    press(page, "Let in no more")
    assert "“Ed” may not sign in any more." in html(page)
    assert not store.members.get("Ed").may("reader")


def test_members_are_refused_to_who_is_no_admin(
    page: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.members.add("Ed", "editor")
    at(page, "settings", view="members")
    as_member(monkeypatch, "Ed", "editor")  # loses the role while the form is open
    press(page, "Let in no more")
    assert "this takes an admin" in html(page)
    assert store.members.get("Ed").may("editor")


def test_the_model_is_named(page: AppTest, store: Store) -> None:
    add(store)
    at(page, "settings", view="model")
    assert "<dt>Name</dt><dd>fake</dd>" in html(page)
