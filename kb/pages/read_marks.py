"""What is known of an open document's words: its evidence and open suggestions, marked and listed.

It knows places and looks. What the quotes are evidence of, the store says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from kb.knowledge_base import KnowledgeBase
from kb.pages import markup, place, session
from kb.records import Document, Evidence, Mark, Version, page_at

Marks = list[tuple[Mark, tuple[int, int]]]

FIRST = 8  # rows of evidence shown before more are asked for, as of suggestions
NAMES: dict[Mark, str] = {
    "passage": "the passage", "for": "evidence for", "against": "evidence against",
    "suggestion": "suggested, not decided",
}  # fmt: skip
SIGNS = {"for": "+", "against": "−"}


@dataclass(frozen=True, slots=True)
class Known:
    """The evidence that cites a document, in order of place, and all that is marked in a version.

    `names` are those of the findings, by the id under which each evidence was tagged.
    """

    evidence: Sequence[Evidence]
    names: dict[int, str]
    marks: Marks


def known(
    kb: KnowledgeBase, document: Document, version: Version, passage: tuple[int, int]
) -> Known:
    """All that is known of a version's words; `passage` is what it was opened at."""
    evidence = kb.store.findings.evidence_in(document.id)
    names = {}
    if evidence:
        for finding in kb.workbench.findings(document=document.key):
            names.update(dict.fromkeys((finding.id, *finding.merged), finding.name))
    open_ = kb.store.suggestions.of_document(document.id)
    marks: Marks = [("suggestion", (s.start, s.end)) for s in open_ if s.version_id == version.id]
    marks += [(e.stance, (e.start, e.end)) for e in evidence if e.version_id == version.id]
    if passage[1] > passage[0]:
        marks.append(("passage", passage))
    return Known(evidence, names, marks)


def within(marks: Marks, span: tuple[int, int]) -> Marks:
    """Those that stand at least partly in a stretch."""
    return [(kind, (a, b)) for kind, (a, b) in marks if a < span[1] and b > span[0]]


def legend(marks: Marks) -> None:
    """What the marks in sight mean; nothing where there are none but the passage's."""
    kinds = [kind for kind in markup.MARK_TAGS if any(each == kind for each, _ in marks)]
    if kinds in ([], ["passage"]):
        return
    words = "".join(f"<span>{_swatch(kind)}</span>" for kind in kinds)
    st.html(f'<p class="kb-legend"><span>Marked:</span>{words}</p>')


def _swatch(kind: Mark) -> str:
    span = (0, len(NAMES[kind]))
    return markup.painted(NAMES[kind], [(markup.MARK_TAGS[kind], [span])], span)


def beside(found: Known, document: Document, version: Version, span: tuple[int, int]) -> None:
    """The evidence in an open document, that in the open stretch first, with the way to each."""
    if not found.evidence:
        return
    here = [e for e in found.evidence if e.version_id == version.id
            and e.start < span[1] and e.end > span[0]]  # fmt: skip
    ordered = [*here, *(e for e in found.evidence if e not in here)]
    state = f"evidence-shown-{document.id}"
    shown = ordered[: st.session_state.get(state, FIRST)]
    with st.container(key="evidence-list", gap="small"):
        st.html(f'<h3 class="kb-h2">Evidence ({len(ordered)})</h3>')
        for each in shown:
            _row(found, each, version, here=each in here)
        if len(shown) < len(ordered):
            st.button(f"Show more ({len(ordered) - len(shown)} left)", key="evidence-more",
                      icon=":material/expand_more:", type="tertiary", on_click=_show,
                      args=(state, len(shown) + FIRST))  # fmt: skip


def _row(found: Known, each: Evidence, version: Version, *, here: bool) -> None:
    other = "" if each.version_id == version.id else f" in {each.version_label}"
    where = "here" if here else f"{each.section}{other}".strip()
    kind = NAMES[each.stance]
    name = found.names.get(each.finding_id, "a finding")
    with st.container(key=f"evidence-{each.id}", gap="xsmall"):
        st.html(
            f'<div class="kb-hit kb-{each.stance}"><p class="kb-place">{SIGNS[each.stance]} {kind}'
            f' <span class="kb-meta">{markup.escaped(where)}</span></p>'
            f'<p class="kb-name">{markup.escaped(name)}</p>'
            f'<p class="kb-passage">{markup.snippet(each.quote, [], 160)}</p></div>'
        )
        page = each.page if other else page_at(version.pages, each.start)
        with st.container(horizontal=True, gap="small"):
            st.button(f"Page {page}" if page else "In the text", key=f"to-evidence-{each.id}",
                      icon=":material/my_location:", type="tertiary", on_click=place.go,
                      args=(place.of_evidence(each),))  # fmt: skip
            if st.button("Finding", key=f"finding-of-{each.id}", icon=":material/arrow_forward:",
                         type="tertiary"):  # fmt: skip
                session.open_finding(each.finding_id)


def _show(state: str, count: int) -> None:
    st.session_state[state] = count
