from __future__ import annotations

import csv
import io

import pytest
from streamlit.testing.v1 import AppTest

from kb.findings.workbench import Workbench
from kb.records import Finding
from kb.store import Store
from tests.test_pages import ATTACKS, ask, check_harmless, hostile, html, page, select
from tests.test_store import add

__all__ = ["page"]  # the fixture

KEY = "arxiv:1901.00001"


def findings_page(page: AppTest, finding: Finding | None = None) -> AppTest:
    page.run()
    page.switch_page("kb/pages/findings.py")
    if finding is not None:
        page.query_params["finding"] = str(finding.id)
    return page.run()


def tagged(
    store: Store, name: str = "Barking", quote: str = "Dogs bark at the mailman."
) -> Finding:
    return Workbench(store).tag(KEY, "dataset", name, quote=quote).finding


def press(page: AppTest, label: str) -> AppTest:
    """The last button of that name: of “Tag”, the one in the form."""
    for box in page.selectbox:  # AppTest sends back only what is among the options
        if box.value is not None and box.format_func(box.value) not in box.options:
            box.options.append(str(box.value))
    return [b for b in page.button if b.label == label][-1].click().run()


def key(page: AppTest, name: str) -> str:
    """The key of the form's widget of that name, in its latest turn."""
    form = page.session_state["tagging"]
    return str(form.key(name))


def begin(page: AppTest, store: Store) -> AppTest:
    add(store)
    ask(page, "cats purr")
    return next(b for b in page.button if b.label == "Tag").click().run()


def fill(page: AppTest, **values: object) -> None:
    """Fill in the form, by the names of its widgets."""
    for name, value in values.items():
        widgets = [*page.text_area, *page.text_input, *page.selectbox, *page.multiselect,
                   *page.segmented_control]  # fmt: skip
        (widget,) = [widget for widget in widgets if widget.key == key(page, name)]
        widget.set_value(value)  # type: ignore[arg-type]


# -- tagging -------------------------------------------------------------------------------------


def test_a_hit_is_tagged_in_one_form(page: AppTest, store: Store) -> None:
    begin(page, store)
    assert page.text_area(key=key(page, "quote")).value == "Cats purr."
    fill(page, name="Purring aloud", quote="Cats purr. Dogs", axis="training", tags=["calm"],
         project="Mail", metric="calm", value="63.5", baseline="61", unit="points")  # fmt: skip
    press(page, "Tag")
    assert "tagging" not in page.session_state
    shown = html(page)
    assert (
        "New: design choice “Purring aloud” is pinned to On cats and dogs (Sounds · page 1)"
        in shown
    )
    (finding,) = store.findings.all()
    assert (finding.name, finding.kind, finding.tags) == (
        "Purring aloud",
        "design_choice",
        ("calm",),
    )
    assert finding.fields == {"axis": "training"}
    (evidence,) = store.findings.evidence(finding.id)
    assert (evidence.quote, evidence.page, evidence.stance) == ("Cats purr. Dogs", 1, "for")
    assert evidence.effect is not None
    assert evidence.effect.difference == 2.5
    assert [c.status for c in store.candidates.of_project("Mail")] == ["new"]
    press(page, "See the finding")
    assert page.query_params["finding"] == str(finding.id)
    assert "Speaks for it (1)" in html(page)


def test_nothing_is_lost_where_the_quote_does_not_stand(page: AppTest, store: Store) -> None:
    begin(page, store)
    page.segmented_control(key=key(page, "kind")).set_value("dataset").run()
    fill(
        page,
        name="Barks",
        quote="Dogs bark at a mailman.",
        tags=["pets"],
        stance="against",
        project="New one",
    )
    press(page, "Tag")
    assert "The quote does not stand in the text. The closest place" in html(page)
    assert store.findings.all() == []
    assert store.projects.names() == []
    assert page.session_state[key(page, "name")] == "Barks"
    assert page.session_state[key(page, "tags")] == ["pets"]
    press(page, "Take the closest place")
    assert page.text_area(key=key(page, "quote")).value == "Dogs bark at the mailman."
    press(page, "Tag")
    (finding,) = store.findings.all(project="New one")
    (evidence,) = store.findings.evidence(finding.id)
    assert (evidence.stance, evidence.quote) == ("against", "Dogs bark at the mailman.")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"quote": "Cats"}, "too short to tell one place from another"),
        ({"name": ""}, "A finding needs a name"),
        ({"metric": "F1", "value": "many", "unit": "%"}, "“many” is no number"),
        ({"metric": "F1", "value": "2"}, "unit is missing: a number that is compared has one"),
    ],
)
def test_what_does_not_fit_is_a_sentence_and_nothing_is_written(
    page: AppTest, store: Store, given: dict[str, str], sentence: str
) -> None:
    begin(page, store)
    full = {"quote": "Cats purr. Dogs", "name": "Purring"} | given
    fill(page, **full)
    press(page, "Tag")
    assert sentence in html(page)
    assert store.findings.all() == []
    assert page.text_area(key=key(page, "quote")).value == full["quote"]


def test_the_same_words_again_are_one_evidence(page: AppTest, store: Store) -> None:
    begin(page, store)
    fill(page, name="Purring", quote="Cats purr. Dogs")
    press(page, "Tag")
    next(b for b in page.button if b.label == "Tag").click().run()
    assert page.selectbox(key=key(page, "known-design_choice")).options == ["Purring"]
    fill(page, **{"known-design_choice": "Purring"}, quote="Cats purr. Dogs")
    press(page, "Tag")
    assert "design choice “Purring” is pinned" in html(page)
    (finding,) = store.findings.all()
    assert len(store.findings.evidence(finding.id)) == 1


def test_a_passage_is_tagged_where_it_is_read(page: AppTest, store: Store) -> None:
    add(store)
    for name, value in {"document": KEY, "start": "11", "end": "36"}.items():
        page.query_params[name] = value
    page.run()
    press(page, "Tag")
    assert page.text_area(key=key(page, "quote")).value == "Dogs bark at the mailman."
    fill(page, name="Barking")
    press(page, "Tag")
    assert "is pinned to On cats and dogs (Sounds · page 2)" in html(page)


# -- all findings --------------------------------------------------------------------------------


def test_an_empty_page_says_what_to_do(page: AppTest, store: Store) -> None:
    findings_page(page)
    assert "No findings yet" in html(page)
    assert page.button(key="begin").label == "Take in something to read"
    add(store)
    page.run()
    assert page.button(key="begin").label == "Search"


def test_findings_are_filtered_and_downloaded(page: AppTest, store: Store) -> None:
    add(store)
    work = Workbench(store)
    work.new_project("Mail", {})
    tagged(store)
    work.tag(KEY, "design_choice", "Purring", quote="Cats purr. Dogs", project="Mail",
             tags=["calm"], fields={"axis": "training"})  # fmt: skip
    findings_page(page)
    table = page.dataframe[0].value
    assert list(table["Name"]) == ["Barking", "Purring"]
    assert list(table["Projects"]) == ["", "Mail: new"]
    assert [d.label for d in page.download_button] == ["Markdown", "CSV"]
    for name, value in (("kind", "design_choice"), ("axis", "training"), ("tag", "calm"),
                        ("project", "Mail"), ("status", "new")):  # fmt: skip
        page.selectbox(key=f"findings-{name}").set_value(value).run()
        assert list(page.dataframe[0].value["Name"]) == ["Purring"]
        page.selectbox(key=f"findings-{name}").set_value(None).run()
    page.text_input(key="findings-text").set_value("mailman").run()
    assert list(page.dataframe[0].value["Name"]) == ["Barking"]
    page.text_input(key="findings-text").set_value("walrus").run()
    assert "No finding satisfies all of these filters" in html(page)
    page.text_input(key="findings-text").set_value("").run()
    select(page, 1)
    assert "Speaks for it (1)" in html(page)
    page.button(key="back").click().run()
    assert len(page.dataframe[0].value) == 2


def test_filters_outlive_a_look_at_a_finding_and_stand_in_the_address(
    page: AppTest, store: Store
) -> None:
    add(store)
    tagged(store)
    findings_page(page)
    page.selectbox(key="findings-kind").set_value("dataset").run()
    select(page, 0)
    assert "Speaks for it (1)" in html(page)
    page.button(key="back").click().run()
    assert page.query_params["findings-kind"] == "Datasets"
    assert page.selectbox(key="findings-kind").value == "dataset"


def test_what_is_downloaded_is_what_is_filtered(page: AppTest, store: Store) -> None:
    from kb.export.findings_csv import findings_csv

    add(store)
    tagged(store)
    (row,) = csv.DictReader(
        io.StringIO(
            findings_csv(store.candidates.supported(store.findings.all())).decode("utf-8-sig")
        )
    )
    assert (row["quote"], row["page"]) == ("Dogs bark at the mailman.", "2")


# -- one finding ---------------------------------------------------------------------------------


def test_evidence_opens_at_its_place(page: AppTest, store: Store) -> None:
    add(store)
    finding = tagged(store)
    findings_page(page, finding)
    for part in ("“Dogs bark at the mailman.”", "On cats and dogs (Ada Author, 2019)",
                 "Sounds · page 2", "tester"):  # fmt: skip
        assert part in html(page)
    press(page, "Open page 2")
    assert (page.query_params["document"], page.query_params["start"]) == (KEY, "11")


def test_what_is_edited_is_kept_where_somebody_was_faster(page: AppTest, store: Store) -> None:
    add(store)
    finding = tagged(store)
    findings_page(page, finding)
    name = next(t for t in page.text_input if t.label == "Name")
    licence = next(t for t in page.text_input if t.label == "Licence")
    with Store(store.library, member="other") as others:
        Workbench(others).edit_finding(finding, fields={"licence": "MIT", "size": "9 barks"})
    name.set_value("Barks")
    licence.set_value("CC0")
    press(page, "Save")
    assert "has been changed by other meanwhile" in html(page)
    assert next(t for t in page.text_input if t.label == "Name").value == "Barks"
    assert store.findings.get(finding.id).fields["licence"] == "MIT"
    press(page, "I have looked at it: mine may be saved")
    press(page, "Save")
    now = store.findings.get(finding.id)
    assert (now.name, now.fields) == ("Barks", {"licence": "CC0", "size": "9 barks"})
    assert "Saved." in html(page)


def test_a_field_that_does_not_fit_is_a_sentence(page: AppTest, store: Store) -> None:
    finding = store.findings.add("design_choice", "Purring", fields={"gpu_hours": 1.5})
    findings_page(page, finding)
    hours = next(t for t in page.text_input if t.label == "Gpu hours")
    assert hours.value == "1.5"
    hours.set_value("many")
    press(page, "Save")
    assert "A design choice&#x27;s gpu_hours does not fit" in html(page)
    next(t for t in page.text_input if t.label == "Gpu hours").set_value("")
    press(page, "Save")
    assert store.findings.get(finding.id).fields == {}


def test_near_equal_names_are_offered_and_a_merge_is_undone(page: AppTest, store: Store) -> None:
    add(store)
    kept = tagged(store, "SST-2")
    other = tagged(store, "SST 2 data", "Cats purr. Dogs bark")
    store.findings.edit(other.id, 1, aliases=["sst-02"])
    findings_page(page, kept)
    assert "Nearly the same name: “SST 2 data”" in html(page)
    page.button(key="merge").click().run()
    assert store.findings.get(other.id).id == kept.id
    assert "Speaks for it (2)" in html(page)
    assert "“SST 2 data” was merged into this one" in html(page)
    page.button(key=f"unmerge-{other.id}").click().run()
    assert store.findings.get(other.id).name == "SST 2 data"
    assert "Speaks for it (1)" in html(page)


def test_a_status_is_set_and_two_do_not_overwrite_each_other(page: AppTest, store: Store) -> None:
    add(store)
    finding = tagged(store)
    store.projects.add("Mail")
    findings_page(page, finding)
    status = next(s for s in page.selectbox if s.label == "Status")
    status.set_value("rejected")
    press(page, "Save the status")
    assert "Say why it is rejected" in html(page)
    next(t for t in page.text_input if t.label == "Reason").set_value("no licence")
    with Store(store.library, member="other") as others:
        others.candidates.set("Mail", finding.id, "shortlisted")
    press(page, "Save the status")
    assert "since other changed it meanwhile" in html(page)
    assert next(t for t in page.text_input if t.label == "Reason").value == "no licence"
    press(page, "I have looked at it: mine may be saved")
    press(page, "Save the status")
    (candidate,) = store.candidates.of_finding(finding.id)
    assert (candidate.status, candidate.reason) == ("rejected", "no licence")


def test_comments_and_history_are_shown(page: AppTest, store: Store) -> None:
    add(store)
    finding = tagged(store)
    findings_page(page, finding)
    press(page, "Comment")
    assert "A comment needs words." in html(page)
    next(t for t in page.text_area if t.label.startswith("What should")).set_value("Ask the vet.")
    press(page, "Comment")
    assert [c.text for c in store.candidates.comments(f"finding:{finding.id}")] == ["Ask the vet."]
    assert html(page).count("Ask the vet.") == 2  # as a comment and in the history


def test_quotes_and_candidates_are_remarked_on(page: AppTest, store: Store) -> None:
    add(store)
    finding = tagged(store)
    store.projects.add("Mail")
    candidate = store.candidates.set("Mail", finding.id)
    (evidence,) = store.findings.evidence(finding.id)
    findings_page(page, finding)
    for label, subject in (("Comment on this quote", f"evidence:{evidence.id}"),
                           ("Comment on this candidate", f"candidate:{candidate.id}")):  # fmt: skip
        area = next(t for t in page.text_area if t.label == label)
        area.set_value(f"On {subject}.")
        form = str(area.key).removesuffix("-text")
        next(b for b in page.button if b.label == "Comment" and b.form_id == form).click().run()
        assert [c.text for c in store.candidates.comments(subject)] == [f"On {subject}."]
        assert f"On {subject}." in html(page)
        assert next(t for t in page.text_area if t.label == label).value == ""


def test_a_quote_is_removed_and_brought_back(page: AppTest, store: Store) -> None:
    add(store)
    finding = tagged(store)
    (evidence,) = store.findings.evidence(finding.id)
    findings_page(page, finding)
    page.button(key=f"remove-{evidence.id}").click().run()
    assert "Removed: “Dogs bark at the mailman.”. It stays on record below." in html(page)
    assert store.findings.evidence(finding.id) == []
    page.button(key="undo-remove").click().run()
    assert store.findings.evidence(finding.id) == [evidence]
    assert "Removed:" not in html(page)
    page.button(key=f"remove-{evidence.id}").click().run()
    page.button(key=f"restore-{evidence.id}").click().run()
    assert "Speaks for it (1)" in html(page)
    assert f"evidence:{evidence.id}" not in html(page)  # the history names quotes by their words


def test_a_quote_that_speaks_of_something_else_by_now_is_not_removed(
    page: AppTest, store: Store
) -> None:
    add(store)
    finding = tagged(store)
    tagged(store, quote="Cats purr. Dogs bark")
    first, _ = store.findings.evidence(finding.id)
    findings_page(page, finding)
    with Store(store.library, member="other") as others:
        others.findings.split(finding.id, [first.id], "Mail")
    page.button(key=f"remove-{first.id}").click().run()
    assert "This quote speaks of “Mail” now." in html(page)
    assert len(store.findings.all_evidence()) == 2


def test_chosen_quotes_found_a_finding_of_their_own(page: AppTest, store: Store) -> None:
    add(store)
    finding = tagged(store)
    tagged(store, quote="Cats purr. Dogs bark")
    dogs, cats = store.findings.evidence(finding.id)
    findings_page(page, finding)
    press(page, "Split off")
    assert "Choose the quotes that speak of something else." in html(page)
    name = next(t for t in page.text_input if t.label == "Name of the new finding")
    name.set_value("Purring")
    next(c for c in page.checkbox if c.label == "Quote 2").check()
    with Store(store.library, member="other") as others:
        Workbench(others).edit_finding(finding, note="Two things.")
    press(page, "Split off")
    assert "has been changed by other meanwhile" in html(page)
    assert next(c for c in page.checkbox if c.label == "Quote 2").value
    press(page, "I have looked at it: mine may be saved")
    press(page, "Split off")
    assert "Split off: “Purring”." in html(page)
    assert store.findings.evidence(finding.id) == [dogs]
    (new,) = store.findings.named("Purring")
    assert [e.id for e in store.findings.evidence(new.id)] == [cats.id]
    press(page, "See it")
    assert page.query_params["finding"] == str(new.id)


@pytest.mark.parametrize("number", ["99", "x", "9" * 30])
def test_an_address_of_nothing_is_a_sentence(page: AppTest, store: Store, number: str) -> None:
    page.run()
    page.switch_page("kb/pages/findings.py")
    page.query_params["finding"] = number
    page.run()
    assert "no finding" in html(page)
    assert not page.exception


# -- nothing that people or documents write is ever interpreted ----------------------------------


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_written_stays_text(page: AppTest, store: Store, attack: str) -> None:
    hostile(store, attack)
    work = Workbench(store)
    name = f"name {attack}"
    finding = work.tag(
        f"url:{attack}", "design_choice", name, quote=f"attack {attack}", note=attack,
        tags=[attack], fields={"preconditions": attack},
        effect={"metric": attack, "unit": attack, "value": 1, "dataset": attack},
    ).finding  # fmt: skip
    store.findings.add("design_choice", f"{name}s")
    store.candidates.set(attack, finding.id, "rejected", owner=attack, reason=attack, note=attack)
    candidate = store.candidates.of_finding(finding.id)[0]
    evidence = store.findings.evidence(finding.id)[0]
    for subject in (f"finding:{finding.id}", f"evidence:{evidence.id}",
                    f"candidate:{candidate.id}"):  # fmt: skip
        store.candidates.comment(subject, attack)
    again = work.tag(f"url:{attack}", "design_choice", name, quote=f"{attack} and its").evidence
    store.findings.remove_evidence(again.id)
    work.tag(f"url:{attack}", "design_choice", name, quote="and its end. ")
    findings_page(page)
    check_harmless(page, attack)
    findings_page(page, finding)
    check_harmless(page, attack)
    assert "Speaks for it (2)" in html(page)
    assert "went wrong" not in html(page)
    page.switch_page("kb/pages/search.py")
    del page.query_params["finding"]
    ask(page, "attack")
    next(b for b in page.button if b.label == "Tag").click().run()
    fill(page, name=name)
    press(page, "Tag")
    check_harmless(page, attack)
