"""One finding: its fields, all evidence for and against, and what people make of it.

It knows forms that lose nothing: what was typed stays where somebody else was faster. What may be
changed, and whether it has been meanwhile, the knowledge base says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import shorten
from typing import Any

import streamlit as st

from kb.errors import KbError, UsageError
from kb.findings.fields import KINDS
from kb.knowledge_base import KnowledgeBase
from kb.pages import finding_markup, finding_told, forms, place, session
from kb.pages.markup import box, escaped
from kb.records import CANDIDATE_STATUSES, STANCES, Candidate, Evidence, Finding

HEADINGS = {"for": "Speaks for it", "against": "Speaks against it"}
YES_OR_NO = {True: "yes", False: "no"}


def show(kb: KnowledgeBase, finding: Finding, *, leave: Callable[[], None]) -> None:
    """Draw the finding. `leave` goes back to all of them."""
    st.button("All findings", icon=":material/arrow_back:", type="tertiary", key="back",
              on_click=leave)  # fmt: skip
    st.html(finding_markup.title(finding) + finding_markup.about(finding))
    if st.session_state.pop("saved", None) == finding.id:
        st.html(box("Saved.", "good"))
    _split_off(finding)
    candidates = kb.store.candidates.of_finding(finding.id)
    evidence = kb.store.findings.evidence(finding.id)
    removed = kb.store.findings.removed_evidence(finding.id)
    near = kb.workbench.near_equal(finding)
    quotes, people = st.columns([3, 2], gap="large")
    with quotes:
        _removed_news(finding, removed)
        finding_told.effects(evidence)
        _evidence(kb, finding, evidence)
        _removed(removed)
    with people:
        _candidates(kb, finding, candidates)
        finding_told.tried(kb, finding)
        _comments(kb, finding)
    if session.may("editor"):
        with st.expander("Edit", icon=":material/edit:"):
            _edit(kb, finding)
        with st.expander("Merge", icon=":material/merge:", expanded=bool(near)):
            _merge(kb, finding, near)
        if len(evidence) > 1:
            with st.expander("Split", icon=":material/call_split:"):
                _split(kb, finding, evidence)
    with st.expander("History", icon=":material/history:"):
        finding_told.history(kb, finding)


# -- evidence ------------------------------------------------------------------------------------


def _evidence(kb: KnowledgeBase, finding: Finding, found: list[Evidence]) -> None:
    if not found:
        st.html(box("No evidence yet. Search, and tag the words that speak for it.", "note"))
    for stance in STANCES:
        of_stance = [each for each in found if each.stance == stance]
        if of_stance:
            st.html(f'<h3 class="kb-h2">{HEADINGS[stance]} ({len(of_stance)})</h3>')
        for each in of_stance:
            with st.container(key=f"evidence-{each.id}", gap="xsmall"):
                comments = kb.store.candidates.comments(f"evidence:{each.id}")
                st.html(finding_markup.evidence(each) + finding_markup.comments(comments))
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    label = f"Open page {each.page}" if each.page else "Open in the text"
                    if st.button(label, type="tertiary", icon=":material/article:",
                                 key=f"open-{each.id}"):  # fmt: skip
                        session.open_place(place.of_evidence(each), back=f"finding-{finding.id}")
                    _remark(kb, finding, f"evidence:{each.id}", "Comment on this quote")
                    if session.may("editor"):
                        st.button("Remove", type="tertiary", icon=":material/delete:",
                                  key=f"remove-{each.id}", on_click=_remove,
                                  args=(finding.id, each.id))  # fmt: skip


def _remove(finding_id: int, evidence_id: int) -> None:
    with session.library() as kb:
        try:
            kb.store.findings.remove_evidence(evidence_id, of=finding_id)
            st.session_state["removed-evidence"] = (finding_id, evidence_id, "")
        except KbError as error:
            st.session_state["removed-evidence"] = (finding_id, evidence_id, str(error))


def _restore(evidence_id: int) -> None:
    st.session_state.pop("removed-evidence", None)
    with session.sentences(), session.library() as kb:
        kb.store.findings.restore_evidence(evidence_id)


def _removed_news(finding: Finding, removed: list[Evidence]) -> None:
    """Say what the last removal has come to, and offer to undo it."""
    of, number, problem = st.session_state.get("removed-evidence", (None, None, ""))
    if of != finding.id:
        return
    if problem:
        st.html(box(problem))
    for each in removed:
        if each.id == number:
            with st.container(
                horizontal=True, vertical_alignment="center", key="undo-bar", wrap=False
            ):
                words = shorten(each.quote, 80, placeholder=" …")
                st.html(box(f"Removed: “{words}”. It stays on record below.", "note"))
                st.button("Undo", icon=":material/undo:", key="undo-remove", on_click=_restore,
                          args=(each.id,))  # fmt: skip


def _removed(found: list[Evidence]) -> None:
    if not found:
        return
    with st.expander(f"Removed quotes ({len(found)})", icon=":material/delete:"):
        for each in found:
            with st.container(key=f"removed-{each.id}", gap="xsmall"):
                st.html(finding_markup.evidence(each))
                if session.may("editor"):
                    st.button(
                        "Restore", type="tertiary", icon=":material/undo:",
                        key=f"restore-{each.id}", on_click=_restore, args=(each.id,),
                    )  # fmt: skip


def _finish(form: forms.Form, finding: Finding) -> None:
    """Forget the form, and say beside the finding that it is saved."""
    st.session_state["saved"] = finding.id
    forms.finish(form)


# -- editing -------------------------------------------------------------------------------------


def _edit(kb: KnowledgeBase, finding: Finding) -> None:
    form = forms.begun("finding edit", finding.id, finding)
    first: Finding = form.first
    key = f"edit-{form.turn}"
    with st.form(key, border=False):
        name = st.text_input("Name", first.name, key=f"{key}-name")
        aliases = st.text_area("Other names, one a line", "\n".join(first.aliases),
                               key=f"{key}-aliases", height=80)  # fmt: skip
        tags = st.multiselect("Tags", sorted({*session.finding_tags(kb), *first.tags}), first.tags,
                              key=f"{key}-tags", accept_new_options=True)  # fmt: skip
        fields = _fields(first, session.axes(kb), key)
        note = st.text_area("Note", first.note, key=f"{key}-note", height=80)
        save = st.form_submit_button("Save", type="primary", icon=":material/save:")
    if not save:
        return
    changes: dict[str, Any] = {
        "name": name if name != first.name else None,
        "aliases": _new(aliases.splitlines(), first.aliases),
        "tags": _new(tags, first.tags),
        "note": note if note != first.note else None,
        "fields": {n: v for n, v in fields.items() if v != first.fields.get(n)} or None,
    }
    try:
        kb.workbench.edit_finding(form.seen, **changes)
    except KbError as error:
        forms.refused(form, error, finding)
    else:
        _finish(form, finding)


def _new(given: list[str], old: tuple[str, ...]) -> list[str] | None:
    """What was given, where it is something else than before."""
    kept = [each.strip() for each in given if each.strip()]
    return kept if kept != list(old) else None


def _fields(finding: Finding, axes: dict[str, str], key: str) -> dict[str, Any]:
    """Draw the fields of the finding's kind; None for what is empty."""
    given: dict[str, Any] = {}
    columns = st.columns(2)
    for number, name in enumerate(KINDS[finding.kind].model_fields):
        label, old = name.replace("_", " ").capitalize(), finding.fields.get(name)
        with columns[number % 2]:
            if name == "retraining":
                given[name] = st.selectbox(
                    "Does trying it need a training?", list(YES_OR_NO), key=f"{key}-{name}",
                    index=None if old is None else list(YES_OR_NO).index(bool(old)),
                    format_func=YES_OR_NO.__getitem__, placeholder="unknown",
                )  # fmt: skip
            elif name == "axis":
                given[name] = st.selectbox(
                    label, list(axes), index=list(axes).index(str(old)) if old in axes else None,
                    format_func=lambda axis: axes[axis], key=f"{key}-{name}", placeholder="none",
                )  # fmt: skip
            else:
                shown = f"{old:g}" if isinstance(old, float) else str(old or "")
                typed = st.text_input(label, shown, key=f"{key}-{name}")
                given[name] = old if typed == shown else typed.strip() or None
    return given


# -- merging -------------------------------------------------------------------------------------


def _merge(kb: KnowledgeBase, finding: Finding, near: list[Finding]) -> None:
    for merged in finding.merged:
        with st.container(horizontal=True, vertical_alignment="center", key=f"merged-{merged}"):
            name = kb.store.events.of(f"finding:{merged}")[0]["after"]  # what it was added as
            st.html(f"<p>“{escaped(name)}” was merged into this one.</p>", width="content")
            st.button("Undo", icon=":material/undo:", key=f"unmerge-{merged}",
                      on_click=_unmerge, args=(merged,))  # fmt: skip
    others = {other.id: other for other in [*near, *kb.workbench.findings(kind=finding.kind)]}
    others.pop(finding.id, None)
    if not others:
        st.html(box("There is no other finding of this kind to merge with.", "note"))
        return
    hint = "Nearly the same name: " + ", ".join(f"“{other.name}”" for other in near)
    if near:
        st.html(box(hint, "note"))
    chosen = st.selectbox(
        "Another name of the same thing", list(others), index=0 if near else None,
        format_func=lambda number: others[number].name, key=f"merge-{finding.id}-{len(others)}",
        placeholder="all evidence of both is kept; it can be undone",
    )  # fmt: skip
    st.button("Merge into this one", icon=":material/merge:", key="merge", disabled=chosen is None,
              on_click=_merge_now, args=(finding.id, chosen))  # fmt: skip


def _merge_now(kept: int, other: int) -> None:
    forms.forget("finding")  # what they began from has other names now
    with session.sentences(), session.library() as kb:
        kb.store.findings.merge(kept, other)


def _unmerge(merged: int) -> None:
    forms.forget("finding")
    with session.sentences(), session.library() as kb:
        kb.store.findings.unmerge(merged)


# -- splitting -----------------------------------------------------------------------------------


def _split(kb: KnowledgeBase, finding: Finding, found: list[Evidence]) -> None:
    form = forms.begun("finding split", finding.id, finding)
    key = f"split-{form.turn}"
    with st.form(key, border=False):
        st.html("<p>Which of the quotes speak of something else? They become the evidence of a "
                "finding of its own. Merging the two undoes it.</p>")  # fmt: skip
        chosen = []
        for number, each in enumerate(found, start=1):
            with st.container(horizontal=True, vertical_alignment="top", gap="small", wrap=False):
                if st.checkbox(f"Quote {number}", key=f"{key}-{each.id}", width="content"):
                    chosen.append(each.id)
                st.html(f'<p class="kb-passage">“{escaped(each.quote)}”</p>')
        name = st.text_input("Name of the new finding", key=f"{key}-name")
        wanted = st.form_submit_button("Split off", icon=":material/call_split:")
    if not wanted:
        return
    try:
        if not chosen:
            raise UsageError("Choose the quotes that speak of something else.")
        if len(chosen) == len(found):
            raise UsageError("Leave a quote where it is; to rename a finding, edit it.")
        new = kb.store.findings.split(finding.id, chosen, name, revision=form.seen.revision)
    except KbError as error:
        forms.refused(form, error, finding)
    else:
        st.session_state["split-off"] = (finding.id, new.id, new.name)
        forms.finish(form)


def _split_off(finding: Finding) -> None:
    """Say what the last split has made, with the way there."""
    of, number, name = st.session_state.get("split-off", (None, None, ""))
    if of != finding.id:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="split-bar"):
        st.html(box(f"Split off: “{name}”.", "good"))
        if st.button("See it", icon=":material/arrow_forward:", key="see-split"):
            del st.session_state["split-off"]
            session.open_finding(number)


# -- candidates and comments ---------------------------------------------------------------------


def _candidates(kb: KnowledgeBase, finding: Finding, found: list[Candidate]) -> None:
    st.html('<h3 class="kb-h2">In projects</h3>')
    for each in found:
        with st.container(key=f"candidate-{each.id}", gap="xsmall"):
            comments = kb.store.candidates.comments(f"candidate:{each.id}")
            st.html(finding_markup.candidates([each]) + finding_markup.comments(comments))
            _remark(kb, finding, f"candidate:{each.id}", "Comment on this candidate")
    if not session.may("editor"):
        return
    projects = kb.store.projects.names()
    if not projects:
        st.html(box("There is no project yet. Begin one where you tag, or with kb project new "
                    "NAME.", "note"))  # fmt: skip
        return
    only = 0 if len(projects) == 1 else None
    project = st.selectbox("Project", projects, index=only, key=f"deciding-{finding.id}",
                           placeholder="choose one to set its status")  # fmt: skip
    if project:
        _decide(kb, finding, project, {candidate.project: candidate for candidate in found})


def _decide(
    kb: KnowledgeBase, finding: Finding, project: str, found: Mapping[str, Candidate]
) -> None:
    now = found.get(project)
    form = forms.begun("finding decide", (finding.id, project), now)
    first: Candidate | None = form.first
    key = f"decide-{form.turn}"
    with st.form(key, border=False):
        left, right = st.columns(2)
        status = left.selectbox(
            "Status", CANDIDATE_STATUSES, key=f"{key}-status",
            index=CANDIDATE_STATUSES.index(first.status) if first else 0,
        )  # fmt: skip
        owner = right.text_input("Owner", first.owner if first else "", key=f"{key}-owner")
        reason = st.text_input("Reason", first.reason if first else "", key=f"{key}-reason")
        note = st.text_input("Note", first.note if first else "", key=f"{key}-note")
        save = st.form_submit_button("Save the status", icon=":material/save:")
    if not save:
        return
    seen: Candidate | None = form.seen
    try:
        kb.store.candidates.set(
            project, finding.id, status, revision=seen.revision if seen else 0,
            owner=owner.strip(), reason=reason.strip(), note=note.strip(),
        )  # fmt: skip
    except KbError as error:
        forms.refused(form, error, now)
    else:
        _finish(form, finding)


def _comments(kb: KnowledgeBase, finding: Finding) -> None:
    comments = kb.store.candidates.comments(f"finding:{finding.id}")
    st.html('<h3 class="kb-h2">Comments</h3>' + finding_markup.comments(comments))
    if session.may("editor"):
        _comment(kb, finding, f"finding:{finding.id}", "What should others know?")


def _remark(kb: KnowledgeBase, finding: Finding, subject: str, label: str) -> None:
    """The way to remark on a quote or a candidate, folded up."""
    if not session.may("editor"):
        return
    with st.popover("Comment", icon=":material/add_comment:", type="tertiary",
                    key=f"remark-{subject}"):  # fmt: skip
        _comment(kb, finding, subject, label)


def _comment(kb: KnowledgeBase, finding: Finding, subject: str, label: str) -> None:
    form = forms.begun(f"finding comment {subject}", finding.id, None)
    key = f"comment-{form.turn}"
    with st.form(key, border=False):
        text = st.text_area(label, key=f"{key}-text", height=80)
        send = st.form_submit_button("Comment", icon=":material/add_comment:")
    if not send:
        return
    try:
        kb.store.candidates.comment(subject, text)
    except KbError as error:
        st.html(box(str(error)))
    else:
        _finish(form, finding)
