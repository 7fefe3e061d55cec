from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from kb.export import KIND_NAMES
from kb.findings.compare import coverage, matrix
from kb.findings.workbench import Workbench
from kb.records import Supported
from kb.store import Store
from tests.test_pages import ATTACKS, hostile, html, page, parsed_html
from tests.test_pages_findings import KEY
from tests.test_store import add

__all__ = ["page"]  # the fixture

OTHER = "arxiv:1901.00002"


@pytest.fixture
def work(store: Store) -> Workbench:
    """Two works: both speak of purring, one of them against it; one of barking, with an effect."""
    add(store)
    add(store, OTHER, sha256="bb")
    work = Workbench(store)
    work.new_project("Mail", {})
    work.tag(KEY, "design_choice", "Purring", quote="Cats purr. Dogs", fields={"axis": "training"},
             project="Mail")  # fmt: skip
    work.tag(OTHER, "design_choice", "Purring", quote="Cats purr. Dogs", stance="against")
    work.tag(OTHER, "design_choice", "Barking", quote="Dogs bark at the mailman.",
             fields={"axis": "loss"},
             effect={"metric": "F1", "unit": "points", "gain": 2, "dataset": "Barks"})  # fmt: skip
    return work


def supported(store: Store, kind: str) -> list[Supported]:
    return store.candidates.supported(Workbench(store).findings(kind=kind))  # type: ignore[arg-type]


# -- works beside findings -----------------------------------------------------------------------


def test_a_cell_holds_the_quotes_of_a_work_on_a_finding(work: Workbench, store: Store) -> None:
    found = matrix(supported(store, "design_choice"), columns=5, rows=5)
    assert [f.name for f in found.findings] == ["Purring", "Barking"]  # most works first
    assert [row.document.key for row in found.rows] == [OTHER, KEY]  # most findings first
    stances = [[[e.stance for e in cell] for cell in row.cells] for row in found.rows]
    assert stances == [[["against"], ["for"]], [["for"], []]]
    assert (found.more_findings, found.more_works) == (0, 0)


def test_what_has_no_column_and_no_row_is_counted(work: Workbench, store: Store) -> None:
    store.findings.add("design_choice", "Unheard of")
    found = matrix(supported(store, "design_choice"), columns=1, rows=1)
    assert ([f.name for f in found.findings], found.more_findings) == (["Purring"], 1)
    assert (len(found.rows), found.more_works) == (1, 1)
    assert matrix([], columns=3, rows=3).rows == ()


# -- axes beside tasks ---------------------------------------------------------------------------


def test_a_choice_is_about_the_task_of_what_it_was_measured_on(
    work: Workbench, store: Store
) -> None:
    work.tag(KEY, "dataset", "Purrs", quote="Dogs bark at the mailman.",
             fields={"task": "Mood of cats"})  # fmt: skip
    barks = store.findings.add("dataset", "Barks", fields={"task": "mood of  dogs"})
    found = coverage(
        supported(store, "design_choice"), supported(store, "dataset"), work.axes(), tasks=9
    )
    assert found.tasks == ("Mood of cats", "mood of dogs")
    cells = {place: [f.name for f in here] for place, here in found.cells.items()}
    assert cells == {
        ("loss", "mood of dogs"): ["Barking"],  # by its effect
        ("training", "Mood of cats"): ["Purring"],  # by its work
    }  # fmt: skip
    assert found.filled == 2
    store.findings.edit(barks.id, 1, fields={"task": "MOOD of cats"})
    again = coverage(
        supported(store, "design_choice"), supported(store, "dataset"), work.axes(), tasks=9
    )
    assert len(again.tasks) == 1  # two spellings are one task


def test_tasks_without_a_column_and_choices_without_an_axis_are_counted(
    work: Workbench, store: Store
) -> None:
    store.findings.add("design_choice", "Homeless")
    for name, task in (("A", "one"), ("B", "two")):
        store.findings.add("dataset", name, fields={"task": task})
    found = coverage(
        supported(store, "design_choice"), supported(store, "dataset"), work.axes(), tasks=1
    )
    assert (len(found.tasks), found.more_tasks, found.without_axis) == (1, 1, 1)


# -- the page ------------------------------------------------------------------------------------


def compare_page(page: AppTest, **address: str) -> AppTest:
    page.run()
    page.switch_page("kb/pages/compare.py")
    for name, value in address.items():
        page.query_params[f"compare-{name}"] = value
    return page.run()


def test_an_empty_page_says_what_to_do(page: AppTest, store: Store) -> None:
    add(store)
    compare_page(page)
    assert "Nothing to compare yet" in html(page)


def test_the_matrix_shows_quotes_with_their_places(page: AppTest, work: Workbench) -> None:
    compare_page(page)
    shown = html(page)
    assert "2 design choices in 2 works." in shown
    for part in ('<summary><span class="kb-stance-against">1 against</span></summary>',
                 "“Dogs bark at the mailman.”", "F1: +2 points, on Barks",
                 "Sounds · page 2"):  # fmt: skip
        assert part in shown
    page.selectbox(key="compare-axis").set_value("loss").run()
    assert "1 design choice in 1 work." in html(page)
    page.selectbox(key="compare-axis").set_value(None).run()
    page.selectbox(key="compare-project").set_value("Mail").run()
    assert "Barking" not in html(page)
    page.selectbox(key="compare-kind").set_value("dataset").run()
    assert "No quote stands behind what these filters leave" in html(page)


def test_an_empty_place_on_the_map_leads_to_a_search(
    page: AppTest, work: Workbench, store: Store
) -> None:
    compare_page(page, view=KIND_NAMES["dataset"][1])  # a view that does not exist does no harm
    page.segmented_control(key="compare-view").set_value("map").run()
    assert "No task is known" in html(page)
    store.findings.add("dataset", "Barks", fields={"task": "Mood of dogs"})
    page.run()
    shown = html(page)
    assert "1 of 18 places hold a design choice." in shown
    assert 'href="search?q=Augmentation+for+Mood+of+dogs"' in shown
    assert "1 choice</summary>" in shown


@pytest.mark.parametrize("attack", ATTACKS)
def test_names_and_quotes_are_shown_and_nothing_else(
    page: AppTest, store: Store, attack: str
) -> None:
    hostile(store, attack)
    work = Workbench(store)
    work.tag(f"url:{attack}", "design_choice", f"{attack} choice", quote="attack " + attack[:12],
             fields={"axis": "loss"}, tags=[attack], project=attack)  # fmt: skip
    work.tag(f"url:{attack}", "dataset", f"{attack} data", quote="attack " + attack[:12],
             fields={"task": f"task {attack}"})  # fmt: skip
    compare_page(page)
    assert "1 design choice in 1 work." in html(page)
    harmless(page, attack)
    page.segmented_control(key="compare-view").set_value("map").run()
    assert "1 of 18 places hold" in html(page)
    harmless(page, attack)


def harmless(page: AppTest, attack: str) -> None:
    """What is ours alone: a table with links within the page."""
    assert not page.exception
    for block in page.html:
        if "<style" not in block.value[:8]:
            tags = parsed_html(block.value)
            assert not tags.seen & {"script", "img", "svg", "style", "iframe"}
            assert not any(name.startswith("on") for name in tags.attributes)
            assert all(link.startswith(("http", "search?", "findings?")) for link in tags.links)
    assert not any(attack in w.label for w in (*page.button, *page.expander))
