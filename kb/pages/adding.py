"""Taking literature in from the page: the form, the welcome, and what is being taken in now.

It knows what people type and upload. The work itself is done by another process, which this one
only starts and watches through the knowledge base.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from kb.errors import UsageError
from kb.knowledge_base import KnowledgeBase
from kb.pages import markup, session
from kb.records import Ingest

WATCH_SECONDS = 1.0  # between two looks while something is being taken in
IDLE_SECONDS = 5.0  # between two looks for what others have started
RECENT = timedelta(hours=1)  # for how long a session that has not seen it is told of a good end
RECENT_PROBLEM = timedelta(days=1)  # and of one with documents that could not be taken in


def welcome(kb: KnowledgeBase) -> None:
    """What an empty library shows: three ways to begin."""
    with st.container(key="welcome", width=760):
        st.html(
            '<h2 class="kb-h1">An empty library</h2><p class="kb-lead">Take in what your team '
            "reads: papers, blog posts, notes. Then ask, and get passages with their pages.</p>"
        )
        activity(kb)
        if not any(ingest.active for ingest in kb.ingests()):
            st.html('<h2 class="kb-h2">Look around first</h2>')
            if st.button("Take in the sample library", type="primary", icon=":material/school:"):
                kb.start_ingest(sample=True)
                st.rerun()
            st.html('<h2 class="kb-h2">Or begin with your own</h2>')
            form(kb)


def form(kb: KnowledgeBase) -> None:
    """Ids, addresses and files to take in. Cleared once the ingest has begun: none starts twice."""
    state = st.session_state
    turn = state.setdefault("add_turn", 0)
    with st.form(f"add-{turn}"):
        text = st.text_area(
            "arXiv ids and addresses, one a line",
            key=f"add-text-{turn}",
            placeholder="1706.03762\nhttps://example.org/a-blog-post",
            height=100,
        )
        files = st.file_uploader(
            "Files: PDF, Markdown, text, HTML, BibTeX, RIS, CSL-JSON",
            type=list(kb.upload_suffixes),
            accept_multiple_files=True,
            max_upload_size=max(1, kb.config.fetch_bytes // 1024**2),
            key=f"add-files-{turn}",
        )
        project = st.selectbox(
            "Project (optional)",
            kb.store.projects.names(),
            index=None,
            accept_new_options=True,
            placeholder="none; type a name to begin one",
            key=f"add-project-{turn}",
        )
        begin = st.form_submit_button("Take in", type="primary", icon=":material/add:")
    if begin:
        try:
            locators = kb.read_locators(text)
            locators += [kb.save_upload(file.name, file.getvalue()) for file in files]
            kb.start_ingest(locators, project=(project or "").strip() or None)
        except UsageError as error:
            st.html(markup.box(str(error)))
            return
        state["add_turn"] = turn + 1
        st.toast("Taking it in. You can go on working; this goes on by itself.")
        st.rerun()


def activity(kb: KnowledgeBase, *, quiet: bool = False, link: bool = True) -> None:
    """What is being taken in now, kept up to date, and how the last ingest ended.

    When one begins or ends, the whole page is drawn again. Not where it is `quiet`, for a page on
    which people read or write: there only what went wrong is said, and only when they act, since
    Streamlit may lose a click on a form that meets a look at what is new (1 of 14 at four looks a
    second). `link`: to the library, where it is said why.
    """
    if quiet:
        _watch(quiet, link)
        return
    ingests = kb.ingests()
    st.session_state["ingests"] = _states(ingests)
    busy = any(ingest.active for ingest in ingests)
    st.fragment(_watch, run_every=WATCH_SECONDS if busy else IDLE_SECONDS)(quiet, link)


def _states(ingests: list[Ingest]) -> list[tuple[int, str, str]]:
    return [(ingest.pid, ingest.started_at, ingest.state) for ingest in ingests[:5]]


def _watch(quiet: bool, link: bool) -> None:
    with session.sentences(), session.library() as kb:
        ingests = kb.ingests()
        if not quiet and _states(ingests) != st.session_state.get("ingests"):
            st.rerun(scope="app")  # one has begun or ended: the rest of the page has changed too
        active = [ingest for ingest in ingests if ingest.active]
        watched: set[str] = st.session_state.setdefault("watched-ingests", set())
        watched.update(_name(ingest) for ingest in active)
        if not active:
            _ended(kb, ingests, quiet, link)
        elif not quiet:
            for ingest in active:
                _progress(ingest)


def _name(ingest: Ingest) -> str:
    return f"{ingest.pid} {ingest.started_at}"


def _progress(ingest: Ingest) -> None:
    share = ingest.done / ingest.total if ingest.total else 0.0
    figures = f"{ingest.done} of {ingest.total}" if ingest.total else "getting ready"
    with st.container(border=True, gap="xsmall"):
        st.progress(min(share, 1.0), text=f"Taking in: {figures}")
        doing = "embedding" if ingest.total and ingest.done >= ingest.total else ingest.doing
        st.html(f'<p class="kb-meta kb-doing">{markup.escaped(doing[:200]) or "&nbsp;"}</p>')


def _ended(kb: KnowledgeBase, ingests: list[Ingest], quiet: bool, link: bool) -> None:
    left = kb.store.locators.counts().get("queued", 0)
    last = ingests[0] if ingests else None
    if last and last.state == "failed" and not _is_dismissed(last):
        _told(
            last, f"The last ingest ended early: {last.reason or 'see its log.'}", "problem", link
        )
    if left or (last and last.state == "interrupted"):
        what = f"{left} still to be taken in" if left else "its last passages to be embedded"
        st.html(markup.box(f"An ingest was interrupted, with {what}. Nothing is half in.", "note"))
        if st.button("Go on", icon=":material/play_arrow:", type="primary", key="go-on"):
            kb.start_ingest(retry=True)
            st.rerun(scope="app")
    elif last and last.state == "finished" and not _is_dismissed(last):
        failed = sum(each.at >= last.started_at for each in kb.store.locators.all("failed"))
        if failed and _is_news(last, RECENT_PROBLEM):
            many = f"{failed} of what it named" if failed > 1 else "one of what it named"
            _told(
                last, f"The last ingest has finished; {many} could not be taken in.", "note", link
            )
        elif not failed and not quiet and _is_news(last, RECENT):
            _told(last, "The last ingest has finished.", "good", False)


def _told(ingest: Ingest, sentence: str, tone: str, link: bool) -> None:
    """Say how an ingest ended, until that is dismissed in this session."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="ingest-news"):
        st.html(markup.box(sentence, tone))
        if link:
            st.page_link(session.PAGES / "library.py", label="See the library",
                         icon=":material/library_books:")  # fmt: skip
        st.button("Dismiss", icon=":material/close:", type="tertiary", key="dismiss-ingest",
                  on_click=_dismiss, args=(_name(ingest),))  # fmt: skip


def _dismiss(name: str) -> None:
    st.session_state.setdefault("dismissed-ingests", set()).add(name)


def _is_dismissed(ingest: Ingest) -> bool:
    return _name(ingest) in st.session_state.get("dismissed-ingests", set())


def _is_news(ingest: Ingest, recent: timedelta) -> bool:
    """Whether this session has seen it at work, or it has ended in recent time."""
    age = datetime.now(UTC) - datetime.fromisoformat(ingest.ended_at or ingest.started_at)
    return age < recent or _name(ingest) in st.session_state.get("watched-ingests", set())
