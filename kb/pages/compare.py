"""Compare: which work says what on which finding, and where on the map nothing was found yet.

It knows widgets. What stands in a cell, `kb.findings.compare` says.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from kb.export import KIND_NAMES
from kb.findings import compare
from kb.knowledge_base import KnowledgeBase
from kb.pages import compare_markup, filters, session
from kb.pages.markup import box
from kb.records import FINDING_KINDS, Supported

VIEWS = {"works": "Works and findings", "map": "Axes and tasks"}
COLUMNS, ROWS = 6, 30  # of the matrix at first: what a screen 1440 wide holds, and two of them high
TASKS = 6  # columns of the map


def main() -> None:
    """Draw the page."""
    with session.sentences(), session.library() as kb:
        if not kb.store.findings.any():
            _welcome()
            return
        view = st.segmented_control(
            "Show", list(VIEWS), key="compare-view", default="works", required=True,
            format_func=VIEWS.__getitem__, label_visibility="collapsed", bind="query-params",
        )  # fmt: skip
        if view == "map":
            _map(kb)
        else:
            _works(kb)


def _welcome() -> None:
    st.html(
        '<h2 class="kb-h1">Nothing to compare yet</h2><p class="kb-lead">Once quotes of several '
        "works are tagged, they stand here side by side: who says what on which design choice, "
        "dataset or model, and on which axes nothing was found for your task.</p>"
    )
    st.page_link(session.PAGES / "search.py", label="Search, and tag what you find",
                 icon=":material/search:")  # fmt: skip


def _works(kb: KnowledgeBase) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        kind = st.selectbox(
            "What", FINDING_KINDS, key="compare-kind", width=190, bind="query-params",
            format_func=lambda kind: KIND_NAMES[kind][1],
        )  # fmt: skip
        chosen = filters.draw(
            kb, ("project", "axis", "tag") if kind == "design_choice" else ("project", "tag"),
            on="compare",
        )  # fmt: skip
        columns = st.select_slider("Findings side by side", (3, COLUMNS, 12, 24), COLUMNS,
                                   key="compare-columns", width=200)  # fmt: skip
    rows = st.session_state.get("compare-rows", ROWS)
    found = compare.matrix(_supported(kb, kind=kind, **chosen), columns=columns, rows=rows)
    if not found.rows:
        st.html(box("No quote stands behind what these filters leave. Take one away, or search "
                    "and tag.", "note"))  # fmt: skip
        return
    works = "1 work" if len(found.rows) == 1 else f"{len(found.rows)} works"
    left = f", {found.more_findings:,} more are cited less" if found.more_findings else ""
    st.html(
        f'<p class="kb-count" role="status">{len(found.findings)} '
        f"{KIND_NAMES[kind][len(found.findings) > 1].lower()} in {works}{left}. "
        "Unfold a cell to read the quotes.</p>" + compare_markup.matrix(found)
    )
    if found.more_works and st.button(f"{found.more_works:,} more works",
                                      icon=":material/expand_more:", key="more-works"):  # fmt: skip
        st.session_state["compare-rows"] = rows + ROWS
        st.rerun()


def _map(kb: KnowledgeBase) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = filters.draw(kb, ("project", "axis", "tag"), on="compare")
    of_project = {"project": chosen["project"]} if "project" in chosen else {}
    axes = [a for a in kb.workbench.axes() if a.id == chosen.get("axis", a.id)]
    found = compare.coverage(
        _supported(kb, kind="design_choice", **chosen),
        _supported(kb, kind="dataset", **of_project),
        axes,
        tasks=TASKS,
    )
    if not found.tasks:
        st.html(box("No task is known: fill in the task of a dataset on its page, and the map "
                    "shows what was found for it.", "note"))  # fmt: skip
    whole = len(found.axes) * len(found.tasks)
    told = f"{found.filled} of {whole} places hold a design choice. " if whole else ""
    told += "Search leads to what may be missing. " if whole > found.filled else ""
    if found.more_tasks:
        told += f"{found.more_tasks} tasks of fewer works have no column. "
    if found.without_axis:
        told += f"{found.without_axis} design choices stand on no axis."
    st.html(f'<p class="kb-count" role="status">{told}</p>' + compare_markup.coverage(found))
    st.html(
        '<p class="kb-meta">A quote counts for the task of the dataset that its effect was '
        "measured on, else for those of the datasets that its work is quoted for.</p>"
    )


def _supported(kb: KnowledgeBase, **chosen: Any) -> list[Supported]:
    return kb.store.candidates.supported(kb.workbench.findings(**chosen))


if __name__ == "__main__":
    main()
