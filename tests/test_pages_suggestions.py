from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from kb.findings.workbench import Workbench
from kb.records import Effect, Metadata, Parsed, Section, Suggestion
from kb.store import Store
from kb.store.suggestions import Proposal
from tests.test_pages import ATTACKS, check_harmless, hostile, html, page
from tests.test_pages_findings import KEY, press
from tests.test_store import add

__all__ = ["page"]  # the fixture

BARKING = Proposal("dataset", "Dogs", 11, 36, 0.9, "name list (kb)")
PURRING = Proposal("design_choice", "Purring", 0, 15, 0.5, "pattern", axis="training",
                   effect=Effect("F1", "%", gain=1.5))  # fmt: skip


def propose(store: Store) -> list[Suggestion]:
    document_id, version_id, _ = add(store)
    store.suggestions.replace(document_id, version_id, [BARKING, PURRING])
    return store.suggestions.all()


def suggestions_page(page: AppTest) -> AppTest:
    page.run()
    page.switch_page("kb/pages/findings.py")
    page.query_params["view"] = "suggestions"
    return page.run()


def read(page: AppTest, key: str = KEY, **place: str) -> AppTest:
    for name, value in {"document": key, **place}.items():
        page.query_params[name] = value
    return page.run()


def waiting(page: AppTest) -> list[str]:
    return [b.key.removeprefix("accept-") for b in page.button if b.label == "Accept" and b.key]


# -- across documents ----------------------------------------------------------------------------


def test_what_is_proposed_says_what_why_and_where(page: AppTest, store: Store) -> None:
    first, second = propose(store)
    suggestions_page(page)
    assert waiting(page) == [str(first.id), str(second.id)]  # the best first
    shown = html(page)
    for part in (
        "Dataset <span class=\"kb-chip\">suggested</span>", "score 0.90 · name list (kb)",
        "<mark>Dogs</mark> bark at the mailman.", '<span class="kb-context">Cats purr. </span>',
        "On cats and dogs (Ada Author, 2019) · Sounds · page 2",
        "Design choice · training", "F1",
    ):  # fmt: skip
        assert part in shown
    assert store.findings.all() == []
    assert "Accepted by the team" not in shown  # nothing is decided yet
    page.button(key=f"place-{first.id}").click().run()
    address = page.query_params
    assert (address["document"], address["page"], address["start"]) == (KEY, "2", "11")
    press(page, "Back to the suggestions")
    assert '<h1 class="kb-hidden">Findings</h1>' in html(page)


def test_filters_leave_what_satisfies_them(page: AppTest, store: Store) -> None:
    first, second = propose(store)
    store.projects.add("Mail")
    suggestions_page(page)
    page.selectbox(key="suggestions-kind").set_value("design_choice").run()
    assert waiting(page) == [str(second.id)]
    page.selectbox(key="suggestions-project").set_value("Mail").run()
    assert waiting(page) == []
    assert "Nothing waits for you here" in html(page)
    store.projects.add_document("Mail", first.document.id)
    page.run()
    assert waiting(page) == [str(second.id)]


def test_accepting_makes_evidence_and_is_counted(page: AppTest, store: Store) -> None:
    first, second = propose(store)
    suggestions_page(page)
    page.button(key=f"accept-{first.id}").click().run()
    (finding,) = store.findings.all()
    assert (finding.name, finding.kind) == ("Dogs", "dataset")
    (evidence,) = store.findings.evidence(finding.id)
    assert (evidence.quote, evidence.page) == ("Dogs bark at the mailman.", 2)
    page.button(key=f"reject-{second.id}").click().run()
    assert "of what it has decided: 1 of 2 (50%); design choices 0 of 1 (0%), datasets 1 of 1" in (
        html(page)
    )
    page.segmented_control(key="suggestions-state").set_value("accepted").run()
    assert "accepted by " in html(page)
    assert waiting(page) == []
    page.button(key=f"see-{first.id}").click().run()
    assert page.query_params["finding"] == str(finding.id)


def test_the_way_to_what_was_accepted(page: AppTest, store: Store) -> None:
    first, _ = propose(store)
    suggestions_page(page)
    page.button(key=f"accept-{first.id}").click().run()
    assert "Accepted: dataset “Dogs”." in html(page)
    press(page, "See the finding")
    assert "Speaks for it (1)" in html(page)


def test_a_rejection_is_undone_at_once_or_later(page: AppTest, store: Store) -> None:
    first, second = propose(store)
    suggestions_page(page)
    page.button(key=f"reject-{first.id}").click().run()
    assert "Rejected: “Dogs”." in html(page)
    page.checkbox(key=f"pick-{second.id}").check().run()  # anything else that is clicked
    page.button(key="undo-reject").click().run()
    assert waiting(page) == [str(first.id), str(second.id)]
    page.button(key=f"reject-{first.id}").click().run()
    page.segmented_control(key="suggestions-state").set_value("rejected").run()
    assert "rejected by " in html(page)
    page.button(key=f"reopen-{first.id}").click().run()
    assert "“Dogs” waits again." in html(page)
    assert store.suggestions.get(first.id).status == "open"


def test_several_are_decided_at_once_for_a_project(page: AppTest, store: Store) -> None:
    propose(store)
    store.projects.add("Mail")
    suggestions_page(page)
    page.selectbox(key="suggest-project").set_value("Mail").run()
    page.button(key="choose").click().run()
    press(page, "Accept 2")
    assert "Accepted: 2 findings: “Dogs”, “Purring”, for Mail." in html(page)
    assert [c.finding.name for c in store.candidates.of_project("Mail")] == ["Dogs", "Purring"]
    assert waiting(page) == []


def test_the_second_of_two_is_told_and_the_others_are_decided(page: AppTest, store: Store) -> None:
    first, second = propose(store)
    suggestions_page(page)
    page.button(key="choose").click().run()
    with Store(store.library, member="other") as others:
        others.suggestions.decide(first.id, "rejected")
    press(page, "Accept 2")
    shown = html(page)
    assert "“Dogs” was rejected by other already" in shown
    assert "Accepted: design choice “Purring”." in shown
    assert store.suggestions.get(first.id).decided_by == "other"
    assert [f.name for f in store.findings.all()] == ["Purring"]
    assert store.suggestions.get(second.id).status == "accepted"


# -- editing before accepting --------------------------------------------------------------------


def edit(page: AppTest, suggestion: Suggestion, **values: object) -> None:
    page.button(key=f"edit-{suggestion.id}").click().run()
    form = page.session_state["suggesting"]
    for name, value in values.items():
        widgets = [*page.text_input, *page.selectbox, *page.segmented_control]
        (widget,) = [each for each in widgets if each.key == form.key(name)]
        widget.set_value(value)
        if name == "kind":
            page.run()


def test_name_kind_axis_and_project_are_changed_first(page: AppTest, store: Store) -> None:
    first, second = propose(store)
    store.projects.add("Mail")
    suggestions_page(page)
    edit(page, first, kind="design_choice", name="Barking aloud", axis="loss", project="Mail")
    press(page, "Accept")
    (finding,) = store.findings.all()
    assert (finding.kind, finding.name) == ("design_choice", "Barking aloud")
    assert finding.fields == {"axis": "loss"}
    assert [c.finding.name for c in store.candidates.of_project("Mail")] == ["Barking aloud"]
    edit(page, second, **{"known-design_choice": "Barking aloud"})
    press(page, "Accept")
    assert [len(store.findings.evidence(f.id)) for f in store.findings.all()] == [2]
    assert "suggesting" not in page.session_state


def test_what_was_typed_stays_where_somebody_was_faster(page: AppTest, store: Store) -> None:
    first, _ = propose(store)
    suggestions_page(page)
    edit(page, first, name="")
    press(page, "Accept")
    assert "A finding needs a name" in html(page)
    form = page.session_state["suggesting"]
    page.text_input(key=form.key("name")).set_value("Barks")
    with Store(store.library, member="other") as others:
        others.suggestions.decide(first.id, "rejected")
    press(page, "Accept")
    assert "“Dogs” was rejected by other already" in html(page)
    assert page.text_input(key=form.key("name")).value == "Barks"
    assert store.findings.all() == []
    with Store(store.library, member="other") as others:
        others.suggestions.reopen(first.id)
    press(page, "Accept")
    assert [f.name for f in store.findings.all()] == ["Barks"]


# -- beside a document ---------------------------------------------------------------------------


def test_a_document_shows_its_own_beside_it_those_of_the_page_first(
    page: AppTest, store: Store
) -> None:
    first, second = propose(store)
    add(store, "arxiv:2001.00001", sha256="bb")
    page.query_params["page"] = "1"
    read(page)
    assert "Suggestions (2)" in html(page)
    assert waiting(page) == [str(second.id), str(first.id)]
    page.button(key=f"place-{first.id}").click().run()
    assert page.query_params["page"] == "2"
    assert waiting(page) == [str(first.id), str(second.id)]
    page.button(key=f"accept-{first.id}").click().run()
    assert "Accepted: dataset “Dogs”." in html(page)
    assert waiting(page) == [str(second.id)]
    read(page, "arxiv:2001.00001", start="0")
    assert waiting(page) == []
    assert "Accepted: dataset" not in html(page)


def test_suggest_reads_the_document(page: AppTest, store: Store) -> None:
    text = "We fine-tune BERT on the IMDB dataset with a learning rate of 2e-5."
    parsed = Parsed(text, Metadata(title="Films"), sections=(Section("", 1, 0, len(text)),))
    add(store, KEY, parsed=parsed)
    read(page)
    assert "Nothing becomes a finding until somebody accepts it." in html(page)
    page.button(key="suggest").click().run()
    assert "suggestions in “Films”." in html(page)
    names = {s.name for s in store.suggestions.all()}
    assert {"IMDB", "BERT"} <= names
    page.button(key="suggest").click().run()
    assert {s.name for s in store.suggestions.all()} == names
    for each in store.suggestions.all():
        store.suggestions.decide(each.id, "rejected")
    page.button(key="suggest").click().run()
    assert "Nothing is proposed in “Films”." in html(page)
    assert "Nothing more is proposed" in html(page)


def test_a_document_is_chosen_to_suggest_in(page: AppTest, store: Store) -> None:
    text = "We fine-tune BERT on the IMDB dataset."
    add(store, KEY, parsed=Parsed(text, Metadata(title="Films")))
    suggestions_page(page)
    page.selectbox(key="suggest-document").set_value(KEY).run()
    page.button(key="suggest").click().run()
    assert "in “Films”." in html(page)
    assert waiting(page)


def test_no_suggestions_stand_beside_an_earlier_version(page: AppTest, store: Store) -> None:
    first, _ = propose(store)
    add(store, label="v2", sha256="bb")
    read(page, version="1")
    assert waiting(page) == []
    suggestions_page(page)
    assert "from v1, which is not the latest" in html(page)
    assert str(first.id) in waiting(page)


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_proposed_stays_text(page: AppTest, store: Store, attack: str) -> None:
    hostile(store, attack)
    document = store.documents.by_key(f"url:{attack}")
    end = store.documents.version(document.version_id).text.index(" and its end")
    store.suggestions.replace(
        document.id, document.version_id,
        [Proposal("dataset", f"name {attack}", 0, end, 0.5, attack,
                  effect=Effect(attack, attack, gain=1.0))],
    )  # fmt: skip
    (each,) = store.suggestions.all()
    suggestions_page(page)
    check_harmless(page, attack)
    page.button(key=f"edit-{each.id}").click().run()
    check_harmless(page, attack)
    page.session_state["suggesting"] = None
    page.button(key=f"reject-{each.id}").click().run()
    check_harmless(page, attack)
    page.button(key="undo-reject").click().run()
    page.button(key=f"accept-{each.id}").click().run()
    check_harmless(page, attack)
    assert Workbench(store).acceptance()[1].accepted == 1
    page.switch_page("kb/pages/search.py")
    read(page, f"url:{attack}")
    check_harmless(page, attack)
