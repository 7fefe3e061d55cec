from __future__ import annotations

import sqlite3

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from kb.cli.main import cli
from kb.config import Config
from kb.errors import Forbidden, NotFound, UsageError
from kb.records import Query
from kb.store import Store
from tests.test_pages import ATTACKS, ask, check_harmless, html, page
from tests.test_store import add

__all__ = ["page"]  # the fixture

QUERY = Query("cats purr", mode="lexical", kinds=("paper",), tags=("cs.CL", "pets"), since=2017)


def backdate(store: Store) -> None:
    """Let all searches have been asked long ago."""
    file = sqlite3.connect(store.file)
    file.execute("update saved_search_runs set at = '2001-02-03T04:05:06+00:00'")
    file.commit()
    file.close()


def test_a_search_is_kept_with_all_of_its_filters(store: Store) -> None:
    kept = store.saved_searches.save("  Purring   cats ", QUERY)
    assert (kept.name, kept.query, kept.shared) == ("Purring cats", QUERY, False)
    assert store.saved_searches.named("purring CATS") == kept
    assert store.events.find(kind="search")[0].name == "Purring cats"


def test_a_name_is_not_given_twice_and_needs_words(store: Store) -> None:
    store.saved_searches.save("Purring", QUERY)
    with pytest.raises(UsageError, match="already"):
        store.saved_searches.save("purring", Query("dogs"))
    for name, query in ((" ", QUERY), ("Cats", Query(" "))):
        with pytest.raises(UsageError, match="needs a question"):
            store.saved_searches.save(name, query)
    assert [each.query for each in store.saved_searches.all()] == [QUERY]


def test_own_searches_are_ones_own_and_shared_ones_everybodys(store: Store) -> None:
    store.saved_searches.save("Mine", QUERY)
    store.saved_searches.save("Ours", Query("dogs"), shared=True)
    with Store(store.library, member="other", role="editor") as others:
        assert [each.name for each in others.saved_searches.all()] == ["Ours"]
        with pytest.raises(NotFound, match="There are: Ours"):
            others.saved_searches.named("Mine")
        with pytest.raises(Forbidden, match="Ask an admin"):
            others.saved_searches.remove("Ours")
        others.saved_searches.save("Mine", Query("dogs bark"))
    assert store.saved_searches.named("Mine").query == QUERY
    assert store.saved_searches.remove("Ours").shared
    assert [each.name for each in store.saved_searches.all()] == ["Mine"]


def test_what_is_new_counts_from_each_members_last_time(store: Store) -> None:
    store.saved_searches.save("Ours", QUERY, shared=True)
    backdate(store)
    add(store)
    assert store.saved_searches.named("Ours").added == 1
    with Store(store.library, member="other") as others:
        assert others.saved_searches.named("Ours").last_run == ""
        others.saved_searches.note_run(others.saved_searches.named("Ours").id)
        assert others.saved_searches.named("Ours").last_run > "2001"
    assert store.saved_searches.named("Ours").added == 1
    store.saved_searches.note_run(store.saved_searches.named("Ours").id)
    assert store.saved_searches.named("Ours").added == 0


def test_a_reader_asks_but_leaves_no_note(store: Store) -> None:
    store.saved_searches.save("Ours", QUERY, shared=True)
    with Store(store.library, member="guest", role="reader") as guest:
        guest.saved_searches.note_run(guest.saved_searches.named("Ours").id)
        assert guest.saved_searches.named("Ours").last_run == ""


# -- the command line ----------------------------------------------------------------------------


def run(config: Config, *arguments: str) -> str:
    result = CliRunner().invoke(cli, ["search", *arguments], obj=config, catch_exceptions=True)
    return result.output if result.exception is None else f"{result.output}{result.exception}"


def test_the_command_keeps_lists_asks_again_and_forgets(config: Config, store: Store) -> None:
    assert "No search is saved yet" in run(config, "--list")
    assert "empty" in run(config, "cats", "purr", "--mode", "lexical", "--save", "Purring")
    assert "Purring  cats purr (own, 0 documents since " in run(config, "--list")
    assert '"mode": "lexical"' in run(config, "--list", "--json")
    backdate(store)
    assert "0 of 0 new since 2001-02-03 04:05 UTC." in run(config, "--saved", "purring")
    assert "2001" not in run(config, "--saved", "purring")
    assert "Forgotten: Purring." in run(config, "--forget", "Purring")
    assert "There is none yet" in run(config, "--saved", "Purring")


@pytest.mark.parametrize(
    "arguments",
    [(), ("cats", "--saved", "x"), ("--list", "--forget", "x"), ("--list", "--save", "x"),
     ("cats", "--shared")],
)  # fmt: skip
def test_a_command_that_asks_for_two_things_is_refused(
    config: Config, arguments: tuple[str, ...]
) -> None:
    assert "Usage:" in run(config, *arguments)


# -- the page ------------------------------------------------------------------------------------


def search_page(page: AppTest) -> AppTest:
    page.run()
    page.switch_page("kb/pages/search.py")
    return page.run()


def test_a_search_is_saved_asked_again_and_removed_on_the_page(page: AppTest, store: Store) -> None:
    add(store)
    search_page(page)
    ask(page, "cats purr")
    next(b for b in page.button if b.label == "Save").click().run()
    assert "A search is saved under a name" in html(page)
    next(t for t in page.text_input if t.label == "Name").set_value("Purring")
    next(c for c in page.checkbox if c.label == "For all members").check()
    next(b for b in page.button if b.label == "Save").click().run()
    assert "Saved as “Purring”." in html(page)
    assert "new since" not in html(page)
    backdate(store)
    del page.query_params["q"]
    page.run()
    (kept,) = store.saved_searches.all()
    assert "1 document taken in since 2001-02-03 04:05 UTC" in html(page)
    page.button(key=f"run-{kept.id}").click().run()
    assert (page.query_params["q"], page.query_params["mode"]) == ("cats purr", "lexical")
    assert "1 new since 2001-02-03 04:05 UTC" in html(page)
    assert '<span class="kb-chip">new</span>' in html(page)
    ask(page, "dogs")
    assert "new since" not in html(page)
    del page.query_params["q"]
    page.run()
    page.button(key=f"forget-{kept.id}").click().run()
    assert store.saved_searches.all() == []
    assert "The saved search “Purring” is removed." in html(page)


def test_what_is_far_from_the_question_is_said_to_be(
    page: AppTest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store)
    search_page(page)
    ask(page, "cats purr")
    assert "None of these is close" not in html(page)
    monkeypatch.setattr("kb.search.closeness.is_close", lambda question, found: False)
    page.run()
    assert "None of these is close to the question" in html(page)
    assert "<mark>Cats</mark>" in html(page)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_saved_search_shows_its_words_and_nothing_else(
    page: AppTest, store: Store, attack: str
) -> None:
    add(store)
    store.saved_searches.save(attack, Query(attack), shared=True)
    search_page(page)
    check_harmless(page, attack)
    assert "Saved searches" in html(page)
