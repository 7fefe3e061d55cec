"""What is told of a finding: effects as a figure, who has tried it with what outcome, its history.

It knows how it is laid out. What was reported, measured and done, the knowledge base says.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kb.export.charts_page import reported
from kb.knowledge_base import KnowledgeBase
from kb.pages import event_markup, figure, finding_markup, plan_markup
from kb.pages.event_markup import link
from kb.pages.markup import escaped
from kb.records import Evidence, Finding

MANY = 50  # events shown of one finding


def effects(found: Sequence[Evidence]) -> None:
    """Draw what the quotes report, a figure for each metric and unit, with the table of all."""
    by_metric: dict[tuple[str, str], list[Evidence]] = {}
    for each in found:
        if each.effect:
            key = (each.effect.metric.casefold(), each.effect.difference_unit)
            by_metric.setdefault(key, []).append(each)
    if not by_metric:
        return
    st.html('<h3 class="kb-h2">Reported effects</h3>')
    for (metric, unit), reports in by_metric.items():
        chart = reported(reports)
        if chart is not None:
            count = sum(e.effect is not None and e.effect.difference is not None for e in reports)
            figure.draw(chart, alt=f"{count} reported differences in {metric}, {unit}")
    with st.expander("As a table", type="compact"):
        st.dataframe([_cells(e) for group in by_metric.values() for e in group], hide_index=True)


def _cells(each: Evidence) -> dict[str, object]:
    effect = each.effect
    assert effect is not None  # chosen so
    return {
        "Work": finding_markup.work(each.document),
        "Metric": effect.metric,
        "Unit": effect.unit,
        "Before": effect.baseline,
        "After": effect.value,
        "Difference": effect.difference,
        "On": effect.dataset,
        "Scale": effect.scale,
        "Reported by": effect.reported_by,
        "Speaks": each.stance,
    }


def tried(kb: KnowledgeBase, finding: Finding) -> None:
    """Draw which projects have tried it, and what came of it."""
    found = kb.store.experiments.of_finding(finding.id)
    if not found:
        return
    units = {p.name: str(p.brief.get("unit") or "") for archived in (False, True)
             for p in kb.store.projects.all(archived=archived)}  # fmt: skip
    rows = []
    for each in found:
        outcome = plan_markup.outcome(each, units.get(each.project, ""))
        to = link("plan", each.title, {"project": each.project, "experiment": str(each.id)})
        said = " · ".join(filter(None, (each.project, each.status, outcome)))
        rows.append(f'<li><p>{to}</p><p class="kb-meta">{escaped(said)}</p></li>')
    st.html(
        f'<h3 class="kb-h2">Tried in experiments</h3><ul class="kb-events">{"".join(rows)}</ul>'
    )


def history(kb: KnowledgeBase, finding: Finding) -> None:
    """Draw what was done to it, the latest first."""
    st.html(event_markup.history(kb.store.events.find(finding=finding.id, limit=MANY)))
