"""Tagging: from words on the page to evidence of a finding, in one form.

It knows what people say of a quote. Where the quote stands, and whether it stands at all, the
workbench says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from kb.errors import KbError
from kb.export import KIND_NAMES
from kb.findings.evidence import Tagged
from kb.findings.pin import QuoteNotFound
from kb.knowledge_base import KnowledgeBase
from kb.pages import finding_markup, markup, session
from kb.records import FINDING_KINDS, STANCES, FindingKind, Stance

STANCE_NAMES: dict[Stance, str] = {"for": "speaks for it", "against": "speaks against it"}
TYPED = "none; for a new one type it, then Enter"
EFFECT = {  # field → label and an example
    "metric": ("Metric", "macro-F1"),
    "baseline": ("From", "61.0"),
    "value": ("To", "63.5"),
    "unit": ("Unit", "points"),
    "dataset": ("On dataset", "SST-2"),
}


@dataclass(frozen=True, slots=True)
class _Form:
    """One opening of the form. Its widgets' keys hold `turn`: another opening starts afresh."""

    turn: int
    hit: str  # "#12", or a document's key
    at: str  # where on the page its button stands

    def key(self, name: str) -> str:
        return f"tag-{name}-{self.turn}"


def offer(hit: str, text: str, *, at: str) -> None:
    """Draw the button that opens the form on `text`. `hit` is "#12" or a document's key.

    `at` tells this button from the others on the page.
    """
    st.button("Tag", key=f"tag-{at}", type="tertiary", icon=":material/bookmark_add:",
              on_click=_begin, args=(hit, text, at))  # fmt: skip


def done(at: str) -> None:
    """Say where the last quote from there was pinned, with the way to its finding."""
    tagged: Tagged | None = st.session_state.get("tagged", {}).get(at)
    if tagged is None:
        return
    evidence = tagged.evidence
    where = finding_markup.where(evidence) or "the text"
    more = f" The same words stand in {tagged.elsewhere} more places." if tagged.elsewhere else ""
    st.html(
        markup.box(
            f"{'New: ' if tagged.new else ''}{KIND_NAMES[tagged.finding.kind][0].lower()} "
            f"“{tagged.finding.name}” is pinned to {evidence.document.title} ({where}).{more}",
            "good",
        )
    )
    if st.button("See the finding", key=f"tagged-{evidence.id}", type="tertiary",
                 icon=":material/arrow_forward:"):  # fmt: skip
        session.open_finding(tagged.finding.id)


def form() -> None:
    """Draw the form where a button has opened it."""
    begun: _Form | None = st.session_state.get("tagging")
    if begun is not None:
        st.dialog("Tag a finding", width="large", on_dismiss=_end)(_dialog)(begun)


def _begin(hit: str, text: str, at: str) -> None:
    state = st.session_state
    state["tag-turn"] = state.get("tag-turn", 0) + 1
    state["tagging"] = begun = _Form(state["tag-turn"], hit, at)
    state[begun.key("quote")] = " ".join(text.split())
    state[begun.key("kind")] = state.get("tag-last-kind", FINDING_KINDS[0])
    state[begun.key("project")] = state.get("tag-last-project")


def _end() -> None:
    st.session_state.pop("tagging", None)


def _dialog(begun: _Form) -> None:
    with session.sentences(), session.library() as kb:
        kind: FindingKind = st.segmented_control(
            "What is it?", FINDING_KINDS, format_func=lambda kind: KIND_NAMES[kind][0],
            key=begun.key("kind"), required=True,
        ) or FINDING_KINDS[0]  # fmt: skip
        with st.form(begun.key("form"), border=False):
            given = _widgets(kb, begun, kind)
            wanted = st.form_submit_button("Tag", type="primary", icon=":material/bookmark_add:")
        if wanted and st.session_state.get("tagging") == begun:  # a second click finds it gone
            _submit(kb, begun, kind, given)


def _widgets(kb: KnowledgeBase, begun: _Form, kind: FindingKind) -> dict[str, Any]:
    """The form's fields, by the names that `Workbench.tag` has for them."""
    quote = st.text_area("Quote: cut it down to the words that say so", key=begun.key("quote"),
                         height=130)  # fmt: skip
    left, right = st.columns(2)
    with left:
        name = _name(kb, begun, kind)
        tags = st.multiselect("Tags", session.finding_tags(kb), key=begun.key("tags"),
                              accept_new_options=True, placeholder=TYPED)  # fmt: skip
    with right:
        chosen = axis(kb, begun.key("axis")) if kind == "design_choice" else ""
        wanted = project(kb, begun.key("project"))
    stance = st.segmented_control(
        "The quote", STANCES, format_func=lambda stance: STANCE_NAMES[stance],
        key=begun.key("stance"), default="for", required=True,
    )  # fmt: skip
    with st.expander("What it claims in numbers"):
        columns = st.columns(len(EFFECT))
        effect = {
            field: column.text_input(label, key=begun.key(field), placeholder=example).strip()
            for column, (field, (label, example)) in zip(columns, EFFECT.items(), strict=True)
        }
    return {
        "quote": quote,
        "name": name,
        "fields": {"axis": chosen} if chosen else {},
        "tags": tags,
        "project": wanted,
        "stance": stance or "for",
        "effect": {field: value for field, value in effect.items() if value} or None,
    }


def _name(kb: KnowledgeBase, begun: _Form, kind: FindingKind) -> str:
    """The name that was typed, or that of a known finding: one cannot lose what is typed."""
    typed = st.text_input("Name", key=begun.key("name"), placeholder="as its authors call it")
    known = [finding.name for finding in kb.workbench.findings(kind=kind)]
    if not known:
        return typed.strip()
    chosen = st.selectbox("or more evidence for", known, index=None, key=begun.key(f"known-{kind}"),
                          placeholder="a known finding")  # fmt: skip
    return typed.strip() or chosen or ""


def axis(kb: KnowledgeBase, key: str) -> str:
    """Draw the choice of an axis; "" where none is chosen."""
    axes = session.axes(kb)
    chosen = st.selectbox("Axis", list(axes), format_func=lambda axis: axes[axis], index=None,
                          key=key, placeholder="where in the work it belongs")  # fmt: skip
    return chosen or ""


def project(kb: KnowledgeBase, key: str, *, label: str = "Candidate of project") -> str | None:
    """Draw the choice of a project, or the name of a new one; it outlives a change of page."""
    chosen = st.selectbox(label, kb.store.projects.names(), index=None, key=key,
                          accept_new_options=True, placeholder=TYPED,
                          persist_state="session")  # fmt: skip
    return (chosen or "").strip() or None


def _submit(kb: KnowledgeBase, begun: _Form, kind: FindingKind, given: dict[str, Any]) -> None:
    state = st.session_state
    project = given["project"]
    try:
        with kb.store.transaction():
            session.begin_project(kb, project)
            tagged = kb.workbench.tag(begun.hit, kind, given.pop("name"), **given)
    except QuoteNotFound as error:
        st.html(markup.box(str(error)))
        if error.text:
            st.button("Take the closest place", icon=":material/my_location:", on_click=_take,
                      args=(begun, error.text), key=begun.key("closest"))  # fmt: skip
        return
    except KbError as error:
        st.html(markup.box(str(error)))
        return
    state["tagged"] = {begun.at: tagged}
    state["tag-last-kind"], state["tag-last-project"] = kind, project
    _end()
    st.rerun()


def _take(begun: _Form, text: str) -> None:
    st.session_state[begun.key("quote")] = " ".join(text.split())
