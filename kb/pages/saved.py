"""Saved searches on the Search page: keep a question, ask it again, and see what is new since.

It knows widgets and the session. What is kept for whom, and since when, the store says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from kb.errors import KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import forms, session
from kb.pages.markup import box, escaped
from kb.records import Document, DocumentHits, Query, SavedSearch

LISTED = 12  # saved searches before the rest are unfolded


def offer(query: Query) -> None:
    """Draw the way to keep the question that was asked."""
    if not session.may("editor"):
        return
    form = forms.begun("saving-search", query, None)
    with (
        st.popover("Save this search", icon=":material/bookmark_add:", type="tertiary",
                   key="save-search"),
        st.form(form.key("form"), border=False),
    ):  # fmt: skip
        name = st.text_input("Name", key=form.key("name"), max_chars=100)
        shared = st.checkbox("For all members", key=form.key("shared"))
        wanted = st.form_submit_button("Save", icon=":material/save:")
    if not wanted:
        return
    try:
        with session.library() as kb:
            kept = kb.store.saved_searches.save(name, query, shared=shared)
    except KbError as error:
        st.html(box(str(error)))
    else:
        forms.finish(form, f"Saved as “{kept.name}”. It waits where a search begins.")


def show(kb: KnowledgeBase, *, open_: Callable[[Query], None]) -> None:
    """Draw the saved searches; `open_` moves to one's question."""
    found = kb.store.saved_searches.all()
    if not found:
        return
    st.html('<h2 class="kb-h2">Saved searches</h2>')
    for each in found[:LISTED]:
        _row(each, open_)
    if found[LISTED:]:
        with st.expander(f"{len(found) - LISTED} more", type="compact"):
            for each in found[LISTED:]:
                _row(each, open_)


def _row(each: SavedSearch, open_: Callable[[Query], None]) -> None:
    with st.container(key=f"saved-{each.id}", gap=None):
        st.html(f'<h3 class="kb-h3">{escaped(each.name)}</h3>'
                f'<p class="kb-meta">{escaped(told(each))}</p>')  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button("Ask again", key=f"run-{each.id}", type="tertiary", icon=":material/search:",
                      on_click=_run, args=(each, open_))  # fmt: skip
            if session.may("editor"):
                st.button("Remove", key=f"forget-{each.id}", type="tertiary",
                          icon=":material/delete:", on_click=_remove,
                          args=(each.name,))  # fmt: skip


def told(each: SavedSearch) -> str:
    """What a saved search asks, whose it is, and whether asking again may pay; plain text."""
    pieces = [f"“{each.query.text}”", f"shared by {each.created_by}" if each.shared else ""]
    if each.last_run:
        works = "1 document" if each.added == 1 else f"{each.added:,} documents"
        since = each.last_run[:16].replace("T", " ")
        pieces.append(f"{works if each.added else 'nothing'} taken in since {since} UTC")
    return " · ".join(filter(None, pieces))


def _run(each: SavedSearch, open_: Callable[[Query], None]) -> None:
    st.session_state["saved-run"] = each
    open_(each.query)
    with session.sentences(), session.library() as kb:
        kb.store.saved_searches.note_run(each.id)


def _remove(name: str) -> None:
    with session.sentences(), session.library() as kb:
        kb.store.saved_searches.remove(name)
        forms.say(f"The saved search “{name}” is removed.")


def _since() -> str:
    """When the saved search that is shown was asked before; "" where none is."""
    run: SavedSearch | None = st.session_state.get("saved-run")
    asked: Query | None = st.session_state.get("asked")
    return run.last_run if run and asked and run.query.text == asked.text else ""


def news(found: Sequence[DocumentHits]) -> str:
    """How many works are new since the saved search was asked before, as HTML; "" for no such."""
    since = _since()
    if not since:
        return ""
    count = sum(group.document.added_at > since for group in found)
    return f" · {count} new since {escaped(since[:16].replace('T', ' '))} UTC"


def mark(document: Document) -> str:
    """A word on a work that is new since the saved search was asked before."""
    since = _since()
    new = bool(since) and document.added_at > since
    return '<p class="kb-meta"><span class="kb-chip">new</span></p>' if new else ""
