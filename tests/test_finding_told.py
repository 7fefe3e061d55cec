from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

from kb.export.charts_page import reported
from kb.findings.fields import missing
from kb.findings.workbench import Workbench
from kb.planning.planner import Planner
from kb.records import Finding
from kb.store import Store
from tests.test_pages import html, page
from tests.test_pages_findings import KEY, findings_page
from tests.test_store import add

__all__ = ["page"]  # the fixture


def measured(store: Store, metric: str = "F1", stance: str = "for", **effect: object) -> Finding:
    given = {"metric": metric, "unit": "points", **effect}
    quote = {"for": "Cats purr. Dogs", "against": "Dogs bark at the mailman."}[stance]
    work = Workbench(store)
    return work.tag(KEY, "design_choice", "Purring", quote=quote, stance=stance,  # type: ignore[arg-type]
                    effect=given).finding  # fmt: skip


def test_differences_are_plotted_the_largest_first(store: Store) -> None:
    add(store)
    measured(store, gain=1.5, dataset="Barks")
    finding = measured(store, stance="against", gain=-0.5)
    evidence = store.findings.evidence(finding.id)
    chart = reported(list(reversed(evidence)))
    assert chart is not None
    spec = json.dumps(chart.to_dict())
    assert spec.index("On cats and dogs (2019), on Barks") < spec.index('"by": -0.5')
    assert "difference in F1, points" in spec


def test_what_states_no_difference_is_not_plotted(store: Store) -> None:
    add(store)
    finding = measured(store, value=91.0)
    assert reported(store.findings.evidence(finding.id)) is None


def test_effects_on_two_metrics_are_two_figures_and_one_table(page: AppTest, store: Store) -> None:
    add(store)
    measured(store, gain=1.5)
    finding = measured(store, "calm", stance="against", value=60, baseline=62)
    findings_page(page, finding)
    assert "Reported effects" in html(page)
    assert len(page.get("vega_lite_chart")) == 2
    table = next(d.value for d in page.dataframe if "Difference" in d.value)
    assert list(table["Difference"]) == [1.5, -2]
    assert list(table["Speaks"]) == ["for", "against"]


def test_who_has_tried_it_is_told_with_the_outcome(page: AppTest, store: Store) -> None:
    add(store)
    finding = measured(store, gain=1.5)
    store.projects.add("Mail", {"metric": "F1", "unit": "points", "baseline": 60.0})
    planner = Planner(store, [], missing=missing)
    begun = planner.new("Mail", {"title": "Purr aloud", "candidates": [finding.id]})
    planner.finish(planner.start(begun), {"value": 62.5, "note": "quieter than hoped"})
    assert [e.id for e in store.experiments.of_finding(finding.id)] == [begun.id]
    findings_page(page, finding)
    assert "Tried in experiments" in html(page)
    assert "Mail · finished · 62.5 points, " in html(page)
    assert "quieter than hoped" in html(page)


def test_the_history_is_told_in_words(page: AppTest, store: Store) -> None:
    add(store)
    finding = measured(store, gain=1.5)
    other = store.findings.add("design_choice", "Something else")
    Workbench(store).edit_finding(finding, fields={"axis": "loss", "person_hours": 4.0})
    findings_page(page, finding)
    shown = html(page)
    assert "axis loss, person hours 4" in shown
    assert "{&quot;" not in shown
    assert "pinned a quote to" in shown
    assert "Something else" not in shown.split("kb-events")[-1]
    assert [e.what for e in store.events.find(finding=other.id)] == ["added"]
