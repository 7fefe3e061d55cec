"""What every page needs first: configuration, shared engine, open library, errors as sentences.

It knows how the page was started. It knows nothing of what a page shows.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import streamlit as st

from kb.accounts import COOKIE, Accounts
from kb.config import Config, read_config
from kb.errors import KbError
from kb.knowledge_base import Engine, KnowledgeBase
from kb.pages import forms, markup
from kb.records import Member, Role

log = logging.getLogger(__name__)

PAGES = Path(__file__).parent  # where the page files lie
_STYLE = PAGES / "style.css"
NOTED_SECONDS = 300.0  # between two notes that a member is here: a write, and a wait for others'


def _given() -> argparse.Namespace:
    """What the page was started with: `streamlit run app.py -- --library PATH`, or `kb app`."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--team", action="store_true")
    parser.add_argument("--oidc")  # then a provider keeps the passwords
    return parser.parse_known_args(sys.argv[1:])[0]


def config() -> Config:
    """The configuration, for the library that the page was started with."""
    return read_config(_given().library)


def member() -> Member | None:
    """Who is signed in on a team's page, with the role they have now; None on one's own.

    Whoever is signed in no longer sees only the way back in.
    """
    if not _given().team:
        return None
    found = Accounts(config().library).member_of(st.context.cookies.get(COOKIE, ""))
    if found is None:
        st.html('<p>You are signed out. <a href="/sign-in" target="_self">Sign in</a></p>')
        st.stop()
    return found


def may(role: Role) -> bool:
    """Whether the member may do what `role` may: what to offer. `kb` itself refuses the rest."""
    signed_in = member()
    return signed_in is None or signed_in.may(role)


def project(kb: KnowledgeBase) -> str | None:
    """The project that pages are about, chosen once for all of them and named in the address.

    None, with a word on how to begin, where the library has none.
    """
    names = [each.name for each in kb.store.projects.all()]
    if not names:
        st.html(markup.box("There is no project yet.", "note"))
        if may("editor"):
            st.page_link(PAGES / "project.py", label="Begin one", icon=":material/add:")
        return None
    asked = st.query_params.get("project") or active_project()
    index = names.index(asked) if asked in names else 0
    chosen: str = st.selectbox("Project", names, index=index, key=f"project-choice-{asked}")
    activate(chosen)
    if st.query_params.get("project") != chosen:
        st.query_params["project"] = chosen
    return chosen


def active_project() -> str | None:
    """The project chosen last, on whichever page; None before any was."""
    chosen: str | None = st.session_state.get("active-project")
    return chosen


def activate(project: str | None) -> None:
    """Let this be the project that pages are about; None forgets the choice."""
    st.session_state["active-project"] = project


def last_visit() -> str:
    """When the member was here before this visit, noted every few minutes; "" the first time."""
    noted: tuple[float, str] | None = st.session_state.get("visit")
    if noted is None or time.monotonic() - noted[0] > NOTED_SECONDS:
        before = ""
        with suppress(KbError), _own_notes() as kb:  # what cannot be opened the page itself tells
            before = kb.store.visits.note(_visitor())
        st.session_state["visit"] = noted = (time.monotonic(), before)
    return noted[1]


def catch_up() -> None:
    """Let all that has happened until now be known to the member."""
    with sentences(), _own_notes() as kb:
        kb.store.visits.catch_up(_visitor())
    st.session_state.pop("visit", None)


def _visitor() -> str:
    signed_in = member()
    return signed_in.name if signed_in else config().member


def _own_notes() -> KnowledgeBase:
    """The library for what the page itself writes down of a visit, whoever the visitor is."""
    now = config()
    return KnowledgeBase(now, engine=_engine(str(now.library), now))


def show_member() -> None:
    """Who is signed in on a team's page, and the ways out; nothing on one's own."""
    signed_in = member()
    if signed_in is not None:
        st.html(markup.signed_in(signed_in, password=not _given().oidc), width="content")


@st.cache_resource(show_spinner=False)
def _engine(library: str, _config: Config) -> Engine:
    return Engine(_config, say=log.info)


@contextmanager
def library() -> Iterator[KnowledgeBase]:
    """The library, opened for this run alone; model and index are shared by all sessions."""
    now = config()
    with KnowledgeBase(now, engine=_engine(str(now.library), now), member=member()) as kb:
        yield kb


@contextmanager
def sentences() -> Iterator[None]:
    """Show what goes wrong inside as a sentence; what is a bug goes to the log, with an id."""
    try:
        yield
    except KbError as error:
        st.html(markup.box(str(error)))
    except Exception:
        name = uuid.uuid4().hex[:8]
        log.exception("Error %s on the page", name)
        st.html(
            markup.box(
                f"Something went wrong that should not. Reload the page; if it comes back, report "
                f"it with what the terminal of kb app shows for {name}."
            )
        )


def style() -> None:
    """The style sheet that the pieces of `markup` are made for."""
    st.html(_STYLE)


Address = dict[str, str | list[str]]


def question() -> Address:
    """The address of the last question of this session; it outlives a visit to other pages."""
    return dict(st.session_state.get("question-address", {}))


def keep_question(address: Address) -> None:
    """Let this be the last question."""
    st.session_state["question-address"] = address


def open_finding(finding_id: int) -> None:
    """Leave this page for a finding's."""
    forms.forget("finding")
    st.switch_page(PAGES / "findings.py", query_params={"finding": str(finding_id)})


def open_place(place: dict[str, str], *, back: str) -> None:
    """Leave this page for a document at a place, as `kb.pages.place` writes it.

    `back` is where the reader leads back to, one of `kb.pages.place.ORIGINS`.
    """
    st.switch_page(PAGES / "search.py", query_params={**question(), **place, "from": back})


def begin_project(kb: KnowledgeBase, name: str | None) -> None:
    """Let there be a project of that name, where one is named at all."""
    if name is not None and name not in kb.store.projects.names():
        kb.workbench.new_project(name, {})


def finding_tags(kb: KnowledgeBase) -> list[str]:
    """The tags that findings have, in order."""
    return sorted({tag for finding in kb.workbench.findings() for tag in finding.tags})


def axes(kb: KnowledgeBase) -> dict[str, str]:
    """The axes of design choices, those of kb first, each with what it is called."""
    return {axis.id: axis.name for axis in kb.workbench.axes()}
