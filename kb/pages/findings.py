"""Findings: what the team has found, filtered, downloaded, and one of them with all its evidence.

It knows widgets. Filtering, checking and merging are one call each to the knowledge base.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import streamlit as st

from kb.errors import NotFound
from kb.export import KIND_NAMES
from kb.export.findings_csv import findings_csv
from kb.export.findings_markdown import findings_markdown
from kb.knowledge_base import KnowledgeBase
from kb.pages import board, filters, finding, forms, session, suggestions
from kb.pages.markup import box
from kb.records import Finding, Supported

ROWS = 12  # of the table before it scrolls
ROW_PIXELS = 35  # Streamlit's own height of a row and of the header


def main() -> None:
    """Draw the page."""
    with session.sentences(), session.library() as kb:
        number = st.query_params.get("finding", "")
        if number:
            finding.show(kb, _finding(kb, number), leave=_leave)
        else:
            _several(kb, _view(kb))
    suggestions.form()


def _several(kb: KnowledgeBase, view: str) -> None:
    if view == "suggestions":
        suggestions.show(kb)
    elif not kb.store.findings.any():
        _welcome(kb)
    elif view == "board":
        forms.forget("finding")
        board.show(kb)
    else:
        _all(kb)


def _view(kb: KnowledgeBase) -> str:
    """Draw the choice between what the team has found and what the machine proposes."""
    waiting = sum(each.open for each in kb.workbench.acceptance())
    names = {
        "findings": "Findings",
        "board": "Board",
        "suggestions": f"Suggestions waiting ({waiting})" if waiting else "Suggestions",
    }
    wanted = st.query_params.get("view", "")
    st.session_state["view"] = shown = wanted if wanted in names else "findings"
    st.segmented_control(
        "Show", list(names), key="view", required=True, on_change=_change_view,
        format_func=lambda view: names[view], label_visibility="collapsed",
    )  # fmt: skip
    return shown


def _change_view() -> None:
    st.query_params.from_dict({"view": st.session_state["view"]})


def _finding(kb: KnowledgeBase, number: str) -> Finding:
    if not number.isdecimal() or len(number) > 12:
        raise NotFound("This address names no finding. Open the page Findings to see them all.")
    return kb.store.findings.get(int(number))


def _leave() -> None:
    st.query_params.from_dict({})


def _welcome(kb: KnowledgeBase) -> None:
    st.html(
        '<h2 class="kb-h1">No findings yet</h2><p class="kb-lead">A finding is a design choice, a '
        "dataset or a pretrained model that saves your team work, with the words that say so. "
        "Search, press <em>Tag</em> at a passage, and cut it down to those words; or choose "
        "<em>Suggestions</em> above, and let kb propose them.</p>"
    )
    empty = kb.store.documents.counts()["documents"] == 0
    label = "Take in something to read" if empty else "Search"
    icon = ":material/add:" if empty else ":material/search:"
    if st.button(label, type="primary", icon=icon, key="begin"):
        st.switch_page(session.PAGES / "search.py")


def _all(kb: KnowledgeBase) -> None:
    forms.forget("finding")
    chosen = _filters(kb)
    found = kb.store.candidates.supported(kb.workbench.findings(**chosen))
    if not found:
        st.html(box("No finding satisfies all of these filters. Take one away.", "note"))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        noun = "finding" if len(found) == 1 else "findings"
        count = f"{len(found):,} {noun}. Select one to see its evidence."
        st.html(f'<p class="kb-count" role="status">{count}</p>', width="content")
        _downloads(found, chosen.get("project"))
    selected = _table(found)
    if selected is not None:
        st.query_params.from_dict({"finding": str(selected.id)})
        st.rerun()


def _filters(kb: KnowledgeBase) -> dict[str, Any]:
    """Draw the filters; those that are set, as `Workbench.findings` takes them."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input("Filter", key="findings-text", type="search", width=215,
                             placeholder="names, fields, quotes")  # fmt: skip
        given = filters.draw(kb, ("kind", "axis", "tag", "project", "status"), on="findings")
    return given | ({"text": text.strip()} if text.strip() else {})


def _downloads(found: Sequence[Supported], project: str | None) -> None:
    title = f"Findings of {project}" if project else "Findings"
    st.download_button("Markdown", findings_markdown(found, title=title), "findings.md",
                       "text/markdown", icon=":material/download:", key="as-markdown",
                       on_click="ignore")  # fmt: skip
    st.download_button("CSV", findings_csv(found), "findings.csv", "text/csv",
                       icon=":material/download:", key="as-csv", on_click="ignore")  # fmt: skip


def _table(found: Sequence[Supported]) -> Finding | None:
    """Draw the findings as a table; the one that is selected."""
    rows: list[dict[str, Any]] = [
        {
            "Name": each.finding.name,
            "Kind": KIND_NAMES[each.finding.kind][0],
            "Axis": each.finding.fields.get("axis", ""),
            "For": len(each.evidence) - each.against,
            "Against": each.against,
            "Tags": ", ".join(each.finding.tags),
            "Projects": "; ".join(f"{c.project}: {c.status}" for c in each.candidates),
            "Changed": each.finding.updated_at[:10],
            "By": each.finding.updated_by,
        }
        for each in found
    ]
    # A selection is a row's position: another set of rows must not inherit it.
    ids = hashlib.sha256(repr([each.finding.id for each in found]).encode()).hexdigest()[:12]
    small = st.column_config.Column(width="small")
    event = st.dataframe(
        rows,
        key=f"findings-{ids}",
        hide_index=True,
        height=ROW_PIXELS * (min(len(rows), ROWS) + 1) + 2,
        on_select="rerun",
        selection_mode="single-row",
        column_config={"For": small, "Against": small, "Changed": small, "By": small},
        placeholder="",
        alt="The findings of the library",
    )
    selected = event["selection"]["rows"]
    return found[selected[0]].finding if selected else None


if __name__ == "__main__":
    main()
