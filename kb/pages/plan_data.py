"""The datasets that a project considers, each by its seven factors, and a plan for labels.

It knows lists and forms. What a factor may be, and what labels can show, the planner says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from kb.errors import KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import finding_markup, forms, place, plan_markup, session
from kb.pages.markup import box, escaped
from kb.records import FACTORS, RATINGS, Assessment, Evidence, Factor

FACTOR_NAMES: dict[Factor, str] = {
    "size": "Size of the data",
    "compute": "Compute that it needs",
    "resources": "Resources that we have for it",
    "documentation": "Quality of its documentation",
    "cleanliness": "Cleanliness",
    "source": "Source, with its risks: availability, upkeep, legality, licence, limits",
    "ground_truth": "Ground truth: are there labels, by whom, at which cost",
}
SHORT: dict[Factor, str] = {
    each: "Source" if each == "source" else FACTOR_NAMES[each].partition(":")[0] for each in FACTORS
}
LABELS: dict[str, str] = {
    "labels": "Labels to be made, if that is settled",
    "money": "Money for labels",
    "cost": "Cost of one label",
    "labels_an_hour": "Labels that one person makes an hour",
    "people": "People, in place of the brief's",
    "disagreement": "Share of items that only one of two models gets right",
}
COUNTS = {"labels", "people"}


def show(kb: KnowledgeBase, project: str) -> None:
    """Draw the view."""
    found = kb.planner.assessments(project)
    st.html(f'<h3 class="kb-h2">Datasets that are considered ({len(found)})</h3>')
    if not found:
        st.html(box("No dataset is a candidate of this project. Tag one where you read of it, and "
                    "name the project.", "note"))  # fmt: skip
    chosen = found[0] if len(found) == 1 else _choose(project, found)
    if chosen is not None:
        _dataset(kb, project, chosen)
    st.html('<h3 class="kb-h2">Labels of our own</h3>')
    _labels(kb, project)


def _choose(project: str, found: Sequence[Assessment]) -> Assessment | None:
    """Draw all datasets in a table, and the choice of one of them."""
    if not found:
        return None
    with st.expander("All of them as a table", icon=":material/table:"):
        rows: list[dict[str, Any]] = [
            {"Dataset": each.finding.name}
            | {SHORT[rated.factor]: rated.rating for rated in each.ratings}
            | {"Measured": each.fit.verdict if each.fit else ""}
            for each in found
        ]
        st.dataframe(rows, hide_index=True, placeholder="", alt="The datasets and their ratings")
    names = {each.finding.id: each.finding.name for each in found}
    chosen = st.selectbox("Dataset", list(names), format_func=lambda number: names[number],
                          key=f"dataset-{project}-{len(names)}")  # fmt: skip
    return next((each for each in found if each.finding.id == chosen), None)


def _dataset(kb: KnowledgeBase, project: str, found: Assessment) -> None:
    finding = found.finding
    evidence = {each.id: each for each in kb.store.findings.evidence(finding.id)}
    with st.container(key=f"dataset-{finding.id}", gap="small"):
        st.html(f'<h4 class="kb-h3">{escaped(finding.name)}</h4>' + plan_markup.factors(
            [(SHORT[each.factor], each) for each in found.ratings]))  # fmt: skip
        if found.fit is not None:
            st.html(f"<p><strong>Measured: {escaped(found.fit.verdict)}</strong></p>"
                    + plan_markup.sentences(found.fit.sentences))  # fmt: skip
        cited = {i for each in found.ratings for i in each.evidence}
        _cited([each for each in evidence.values() if each.id in cited])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if session.may("editor"):
                with st.popover("Rate a factor", icon=":material/star_rate:",
                                key=f"rate-{finding.id}"):  # fmt: skip
                    _rate(kb, project, found, evidence)
            if st.button("See the evidence", type="tertiary", key=f"see-{finding.id}",
                         icon=":material/arrow_forward:"):  # fmt: skip
                session.open_finding(finding.id)


def _cited(found: Sequence[Evidence]) -> None:
    """Draw the quotes that ratings rest on."""
    for each in found:
        with st.container(key=f"cited-{each.id}", gap="xsmall"):
            st.html(finding_markup.evidence(each))
            label = f"Open page {each.page}" if each.page else "Open in the text"
            if st.button(label, type="tertiary", icon=":material/article:",
                         key=f"open-{each.id}"):  # fmt: skip
                session.open_place(place.of_evidence(each), back="data")


def _rate(
    kb: KnowledgeBase, project: str, found: Assessment, evidence: dict[int, Evidence]
) -> None:
    finding = found.finding
    now = {each.factor: each for each in found.ratings}
    factor: Factor = st.selectbox("Factor", FACTORS, key=f"factor-{finding.id}",
                                  format_func=FACTOR_NAMES.__getitem__)  # fmt: skip
    form = forms.begun("rating", (project, finding.id, factor), now[factor])
    with st.form(form.key("form"), border=False):
        rating = st.selectbox("Rating", RATINGS, index=RATINGS.index(form.first.rating),
                              key=form.key("rating"))  # fmt: skip
        note = st.text_area("Why", form.first.note, key=form.key("note"), height=80, max_chars=2000)
        quotes: list[int] = st.multiselect(
            "Quotes that show it", list(evidence),
            [i for i in form.first.evidence if i in evidence], key=form.key("evidence"),
            format_func=lambda i: evidence[i].quote[:80] if i in evidence else "",
            placeholder="choose them" if evidence else "it has none", disabled=not evidence,
        )  # fmt: skip
        save = st.form_submit_button("Save the rating", icon=":material/save:")
    if not save:
        return
    try:
        kb.planner.rate(project, finding.id, factor, rating, note=note, evidence=quotes)
    except KbError as error:
        forms.refused(form, error, now[factor])
    else:
        forms.finish(form, "Rated.")


def _labels(kb: KnowledgeBase, project: str) -> None:
    """Draw what labels would cost and show, answered as it is typed."""
    st.html('<p class="kb-meta">How many labels, at which cost, and how small a gain a test set of '
            "them could show. Baseline and smallest gain are the brief's.</p>")  # fmt: skip
    given: dict[str, Any] = {}
    for name, column in forms.side_by_side(3, LABELS):
        with column:
            label, key = LABELS[name], f"labels-{name}-{project}"
            if name in COUNTS:
                given[name] = st.number_input(label, 1, None, None, key=key)
            else:
                most = 1.0 if name == "disagreement" else None
                given[name] = st.number_input(label, 0.0, most, None, key=key, format="%g",
                                              step=0.05 if most else 1.0)  # fmt: skip
    known = {name: value for name, value in given.items() if value is not None}
    if known:
        try:
            st.html(plan_markup.sentences(kb.planner.labelling(project, known).sentences))
        except KbError as error:
            st.html(box(str(error)))
