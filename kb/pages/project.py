"""A project: what it wants, how far its review has come, what to read next, what it considers.

It knows widgets. Checking, counting and ranking are one call each to the knowledge base.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kb.errors import KbError
from kb.export import KIND_NAMES
from kb.export.charts_review import saturation_chart
from kb.findings.progress import WINDOW, Progress
from kb.knowledge_base import KnowledgeBase
from kb.pages import figure, forms, planned, project_form, project_markup, session
from kb.pages.markup import box, escaped, short_key
from kb.records import CANDIDATE_STATUSES, Candidate, Project

NEXT = 8  # documents to read next that are shown at first: a screen of them
SHOWN = 12  # candidates of a status that are shown at first


def main() -> None:
    """Draw the page."""
    with session.sentences(), session.library() as kb:
        forms.news()
        if kb.store.projects.names():
            name = session.project(kb)
            if name is not None:
                _show(kb, kb.store.projects.get(name))
        else:
            _welcome(kb)
        _archived(kb)


def _welcome(kb: KnowledgeBase) -> None:
    st.html(
        '<h2 class="kb-h1">No project yet</h2><p class="kb-lead">A project says what your team '
        "wants to reach and from where: a metric and its baseline. Findings become its "
        "candidates, candidates its experiments, and these a plan.</p>"
    )
    if session.may("editor"):
        _new(kb)


def _new(kb: KnowledgeBase) -> None:
    made = project_form.new(kb)
    if made is not None:
        session.activate(made)
        st.query_params.from_dict({"project": made})
        st.rerun()


def _show(kb: KnowledgeBase, project: Project) -> None:
    st.html(project_markup.head(project))
    st.html(project_markup.missing(kb.workbench.missing(project)))
    if session.may("editor"):
        with st.expander("Edit the brief", icon=":material/edit:"):
            project_form.edit(kb, project)
    ties, spend = st.columns([3, 2], gap="large")
    with ties:
        st.html('<h3 class="kb-h2">From the metric to what the product gains</h3>'
                + project_markup.tie(project.brief))  # fmt: skip
    with spend:
        st.html('<h3 class="kb-h2">What there is to spend, and for what use</h3>'
                + project_markup.means(project.brief))  # fmt: skip
        st.page_link(session.PAGES / "plan.py", label="Open the plan", icon=":material/route:",
                     query_params={"project": project.name})  # fmt: skip
    _review(kb, project)
    _candidates(kb.store.candidates.of_project(project.name))
    if session.may("editor"):
        _more(kb, project)


# -- the review ----------------------------------------------------------------------------------


def _review(kb: KnowledgeBase, project: Project) -> None:
    progress = kb.workbench.progress(project.name)
    readings = kb.store.projects.readings(project.name)
    st.html('<h3 class="kb-h2">The review</h3>' + project_markup.gauge(progress))
    if not readings:
        st.html(box("No document belongs to this project yet: add some for it in the library, or "
                    "note in the reader that you read one for it.", "note"))  # fmt: skip
        return
    told, unread = st.columns(2, gap="large")
    with told:
        st.html(project_markup.review(progress))
        _curve(progress)
        st.html('<h4 class="kb-h3">Who reads</h4>' + project_markup.readers(readings))
    with unread:
        _next(kb, project)


def _curve(progress: Progress) -> None:
    if not progress.curve:
        return
    st.html(f'<h4 class="kb-h3">New findings for each {WINDOW} documents read</h4>')
    chart = saturation_chart(progress.curve, window=WINDOW, read=progress.read)
    counts = ", ".join(map(str, progress.curve))
    figure.draw(chart, alt=f"New findings in the order of reading: {counts}")
    st.html(f'<p class="kb-meta">In figures, in the order of reading: {counts}.</p>')


def _next(kb: KnowledgeBase, project: Project) -> None:
    st.html('<h4 class="kb-h3">Read next, by expected use</h4>')
    order = planned.reading_order(kb, project.name)
    if not order:
        st.html(box("Nothing is left to read.", "good"))
        return
    count = len(order) if st.session_state.get("read-next-all") else NEXT
    for number, (key, title, score) in enumerate(order[:count], start=1):
        with st.container(key=f"next-{number}", gap="xsmall"):
            st.html(f'<div class="kb-hit"><p class="kb-name">{number}. {escaped(title)}</p>'
                    f'<p class="kb-meta">{escaped(short_key(key))} · expected use {score:.2f}</p>'
                    "</div>")  # fmt: skip
            if st.button(f"Read no. {number}", key=f"read-{number}", type="tertiary",
                         icon=":material/article:"):  # fmt: skip
                session.open_place({"document": key}, back="project")
    if len(order) > count:
        st.button(f"Show all {len(order)}", key="more-next", type="tertiary",
                  icon=":material/expand_more:", on_click=_all_next)  # fmt: skip


def _all_next() -> None:
    st.session_state["read-next-all"] = True


# -- candidates ----------------------------------------------------------------------------------


def _candidates(found: Sequence[Candidate]) -> None:
    st.html(f'<h3 class="kb-h2">Candidates ({len(found)})</h3>')
    if not found:
        st.html(box("No finding is a candidate yet: tag what you read for this project, or set a "
                    "finding's status on its page.", "note"))  # fmt: skip
        return
    counts = {s: sum(each.status == s for each in found) for s in CANDIDATE_STATUSES}
    present = [status for status in CANDIDATE_STATUSES if counts[status]]
    status = st.segmented_control(
        "Status", present, default=present[0], required=True, key=f"status-{'-'.join(present)}",
        format_func=lambda status: f"{status.capitalize()} ({counts[status]})",
    )  # fmt: skip
    chosen = [each for each in found if each.status == status]
    for each in chosen[:SHOWN]:
        _candidate(each)
    if len(chosen) > SHOWN:
        st.html(f'<p class="kb-meta">And {len(chosen) - SHOWN} more.</p>')
        if st.button("See them among the findings", type="tertiary", key="all-candidates",
                     icon=":material/bookmarks:"):  # fmt: skip
            st.switch_page(session.PAGES / "findings.py")


def _candidate(each: Candidate) -> None:
    line = " · ".join(filter(None, (
        KIND_NAMES[each.finding.kind][0], f"owner: {each.owner}" if each.owner else "",
        each.reason, each.note,
    )))  # fmt: skip
    with st.container(key=f"candidate-{each.id}", gap="xsmall"):
        st.html(f'<div class="kb-hit"><p class="kb-name">{escaped(each.finding.name)}</p>'
                f'<p class="kb-meta">{escaped(line)}</p></div>')  # fmt: skip
        if st.button("See the evidence", key=f"see-{each.id}", type="tertiary",
                     icon=":material/arrow_forward:"):  # fmt: skip
            session.open_finding(each.finding.id)


# -- beginning another, putting one away ---------------------------------------------------------


def _more(kb: KnowledgeBase, project: Project) -> None:
    with st.expander("New project", icon=":material/add:"):
        _new(kb)
    with st.expander("Clone", icon=":material/content_copy:"):
        _clone(kb, project)
    with st.expander("Archive", icon=":material/archive:"):
        st.html("<p>An archived project is out of sight. Nothing is deleted, and it can be "
                "reopened.</p>")  # fmt: skip
        st.button("Archive this project", icon=":material/archive:", key="archive",
                  on_click=_archive, args=(project.name, True))  # fmt: skip


def _clone(kb: KnowledgeBase, project: Project) -> None:
    form = forms.begun("clone", project.name, None)
    with st.form(form.key("form"), border=False):
        st.html("<p>A new project with the same brief, documents and candidates, all of them new "
                "to it.</p>")  # fmt: skip
        name = st.text_input("Name of the clone", key=form.key("name"), max_chars=80)
        wanted = st.form_submit_button("Clone", icon=":material/content_copy:")
    if not wanted:
        return
    try:
        made = kb.workbench.clone_project(project.name, name)
    except KbError as error:
        forms.refused(form, error, None)
        return
    forms.close(form, f"“{made.name}” has begun, as a clone of “{project.name}”.")
    st.query_params.from_dict({"project": made.name})
    st.rerun()


def _archived(kb: KnowledgeBase) -> None:
    archived = kb.store.projects.all(archived=True)
    if not archived:
        return
    with st.expander(f"Archived projects ({len(archived)})", icon=":material/archive:"):
        for each in archived:
            with st.container(horizontal=True, vertical_alignment="center", key=f"old-{each.id}"):
                st.html(f"<p>{escaped(each.name)}</p>", width="content")
                if session.may("editor"):
                    st.button("Reopen", key=f"reopen-{each.id}", type="tertiary",
                              icon=":material/unarchive:", on_click=_archive,
                              args=(each.name, False))  # fmt: skip


def _archive(name: str, archived: bool) -> None:
    with session.sentences(), session.library() as kb:
        kb.store.projects.archive(name, archived=archived)
        if archived:
            st.query_params.from_dict({})
            session.activate(None)
        forms.say(f"{'Archived' if archived else 'Reopened'} “{name}”.")


if __name__ == "__main__":
    main()
