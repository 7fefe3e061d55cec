"""Home: the projects, what is new since one was here, and what waits for somebody.

It knows widgets, and the way from an empty library to the first hit. What is new or waits, `kb`
says.
"""

from __future__ import annotations

import streamlit as st

from kb.knowledge_base import KnowledgeBase
from kb.pages import adding, event_markup, planned, session
from kb.pages.markup import box, escaped
from kb.pages.place import PLACE, of_evidence
from kb.records import Event, Glance

# What only the address of a question or of a place in a document holds.
ASKED = ("q", "mode", "kind", "since", "source", "tag", "references", "k", *PLACE)
NEWS = 8  # events shown; the page Activity has them all
QUOTES = 5  # stale quotes that are named before they are counted
LOOKED_AT = 500  # events among which news of others are sought
MISSING = 4  # fields of a brief that are named before they are counted
PROJECTS = 6  # whose plans are asked for questions: each is ranked for that
# Questions that the sample library answers.
EXAMPLES = (
    "how many labels are enough to fine-tune?",
    "when does borrowed data help?",
    "which baseline should we beat first?",
)


def main() -> None:
    """Draw the page, or send on who has followed a link to a question or a document."""
    _send_on()
    with session.sentences(), session.library() as kb:
        if kb.store.documents.counts()["documents"] == 0:
            _welcome(kb)
            return
        _ask()
        adding.activity(kb)
        _first_steps(kb)
        projects, waiting = st.columns([3, 2], gap="large")
        with projects:
            _projects(kb.workbench.glances())
        with waiting:
            _waiting(kb)
            _news(kb)


def _send_on() -> None:
    """To the page Search, which had this address once; not twice, so that “back” leads away."""
    address = {name: st.query_params.get_all(name) for name in st.query_params}
    if not any(name in ASKED for name in address):
        return
    if st.session_state.get("sent-on") == address:
        st.query_params.clear()
        return
    st.session_state["sent-on"] = address
    st.switch_page(session.PAGES / "search.py", query_params=address)


# -- first use -----------------------------------------------------------------------------------


def _welcome(kb: KnowledgeBase) -> None:
    if session.may("editor"):
        adding.welcome(kb)
    else:
        st.html('<h2 class="kb-h1">An empty library</h2>')
        st.html(box("Nothing has been taken in yet. Ask an editor to begin.", "note"))


def _ask() -> None:
    with (
        st.form("home-ask", border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small", wrap=False),
    ):
        asked = st.text_input("Question", placeholder="What do you want to know?",
                              label_visibility="collapsed", key="home-question")  # fmt: skip
        sent = st.form_submit_button("Search", type="primary")
    if sent and asked.strip():
        _search(asked.strip())


def _search(question: str) -> None:
    st.switch_page(session.PAGES / "search.py", query_params={"q": question})


def _first_steps(kb: KnowledgeBase) -> None:
    """What to do next, until a team has asked, tagged, and said what its project wants."""
    findings = kb.store.findings.any()
    if not session.may("editor") or (findings and kb.store.projects.names()):
        return
    with st.container(border=True, key="first-steps"):
        if findings:
            st.html('<h2 class="kb-h2">Next: say what your project wants</h2>'
                    "<p>A metric and a baseline turn findings into a plan.</p>")  # fmt: skip
            st.page_link(session.PAGES / "project.py", label="Begin a project",
                         icon=":material/flag:")  # fmt: skip
            return
        st.html('<h2 class="kb-h2">Next: ask your first question</h2><p>Each answer is a passage '
                "with its page. Press <em>Tag</em> at one that saves you work.</p>")  # fmt: skip
        for example in EXAMPLES:
            if st.button(example, type="tertiary", icon=":material/search:"):
                _search(example)


# -- projects ------------------------------------------------------------------------------------


def _projects(found: list[Glance]) -> None:
    st.html('<h2 class="kb-h2">Projects</h2>')
    if not found:
        st.html(box("No project yet. One says what is wanted, and how much time there is.", "note"))
        if session.may("editor"):
            st.page_link(session.PAGES / "project.py", label="Begin a project",
                         icon=":material/add:")  # fmt: skip
    for each in found:
        with st.container(border=True, gap="xsmall", key=f"project-{each.project.id}"):
            name = each.project.name
            st.html(
                f'<h3 class="kb-h3">{event_markup.link("project", name, {"project": name})}</h3>'
                f'<p class="kb-meta">{escaped(_read(each))}</p>'
            )
            if each.time_box:
                st.progress(min(each.hours / each.time_box, 1.0), text=_spent(each))
            if each.missing:
                st.html(f'<p class="kb-meta">{escaped(_lacking(each))}</p>')


def _read(glance: Glance) -> str:
    if not glance.documents:
        return "No documents yet."
    return f"{glance.done} of {glance.documents} documents read or excluded"


def _spent(glance: Glance) -> str:
    ends = f", until {glance.ends}" if glance.ends else ""
    over = " Used up: stop, or set more aside." if glance.hours >= (glance.time_box or 0) else ""
    return f"{glance.hours:.1f} of {glance.time_box:g} hours of reading{ends}.{over}"


def _lacking(glance: Glance) -> str:
    names = [name.replace("_", " ") for name in glance.missing]
    more = f" and {len(names) - MISSING} more" if len(names) > MISSING else ""
    return f"Missing from the brief: {', '.join(names[:MISSING])}{more}."


# -- what waits, and what is new -----------------------------------------------------------------


def _waiting(kb: KnowledgeBase) -> None:
    st.html('<h2 class="kb-h2">What waits</h2>')
    suggestions = sum(each.open for each in kb.workbench.acceptance())
    failed = kb.store.locators.counts().get("failed", 0)
    stale = kb.workbench.stale()
    asked = [(name, planned.questions(kb, name)) for name in kb.store.projects.names()[:PROJECTS]]
    questions = [(name, found) for name, found in asked if found]
    if suggestions:
        st.page_link(session.PAGES / "findings.py", query_params={"view": "suggestions"},
                     label=_count(suggestions, "suggestion to decide", "suggestions to decide"),
                     icon=":material/lightbulb:")  # fmt: skip
    if failed:
        st.page_link(session.PAGES / "library.py", icon=":material/error:",
                     label=_count(failed, "failed ingest", "failed ingests"))  # fmt: skip
    if stale:
        said = _count(len(stale), "quote is", "quotes are")
        rows = [
            "<li>"
            + event_markup.link("search", f"“{each.quote[:80]}” in {each.document.title}",
                                of_evidence(each))
            + "</li>"
            for each in stale[:QUOTES]
        ]  # fmt: skip
        st.html(f"<p>{said} not in the newest version of the work:</p>"
                f'<ul class="kb-events">{"".join(rows)}</ul>')  # fmt: skip
    if questions:
        rows = [
            f"<li><p>{event_markup.link('plan', name, {'project': name})}: "
            f"{_count(len(found), 'question', 'questions')}</p>"
            f'<p class="kb-meta">{escaped(found[0])}</p></li>'
            for name, found in questions
        ]
        st.html(f'<p>Open questions on plans:</p><ul class="kb-events">{"".join(rows)}</ul>')
    if not (suggestions or failed or stale or questions):
        st.html(box("Nothing waits for you.", "good"))


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _news(kb: KnowledgeBase) -> None:
    since = session.last_visit()
    st.html('<h2 class="kb-h2">New since you were here</h2>')
    if not since:
        st.caption("This is your first visit. Next time you see here what others have done.")
    else:
        found = kb.store.events.find(since=since, limit=LOOKED_AT)
        news = [event for event in found if _is_news(kb, event)]
        if news:
            rows = "".join(event_markup.row(event, day=True) for event in news[:NEWS])
            st.html(f'<ul class="kb-events">{rows}</ul>')
            if len(news) > NEWS:
                st.caption(f"and {len(news) - NEWS:,} more")
            st.button("I have seen this", icon=":material/done_all:", key="seen",
                      on_click=session.catch_up)  # fmt: skip
        else:
            st.caption(f"Nothing since {since[:16].replace('T', ' ')} UTC.")
    st.page_link(session.PAGES / "activity.py", label="All activity", icon=":material/history:")


def _is_news(kb: KnowledgeBase, event: Event) -> bool:
    """What others have done; and documents, which a scheduled ingest takes in under one's name."""
    return event.who != kb.store.events.member or event.kind == "document"


if __name__ == "__main__":
    main()
