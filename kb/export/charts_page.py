"""Figures for a column of any width on light or dark ground: labels stand above the bars.

It knows what is drawn. It does not know the page that shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt

from kb.export import visible
from kb.export.charts import LAST, MOST_ROWS, TRAINING, Chart
from kb.records import Effect, Evidence, Schedule

ROW = 44  # pixels: a label above its bar
LABEL = 310  # pixels: what a phone of 390 has for a label
INK = {False: "#31333f", True: "#fafafa"}  # Streamlit's own text on light and dark ground


def gantt(schedule: Schedule) -> Chart | None:
    """When each experiment is worked on, and below the cut line those that do not fit.

    None where nothing is scheduled. The first MOST_ROWS experiments are drawn.
    """
    if not schedule.slots:
        return None
    bars: list[dict[str, Any]] = [
        {"row": number, "label": visible(slot.title), "from": slot.start.isoformat(),
         "to": (slot.end + timedelta(days=1)).isoformat(), "phase": slot.phase}
        for number, slot in enumerate(schedule.slots[:MOST_ROWS])
    ]  # fmt: skip
    out: list[dict[str, Any]] = [
        {"row": len(bars) + number, "label": visible(left.title), "why": visible(left.reason)}
        for number, left in enumerate(schedule.left_out[: MOST_ROWS - len(bars)])
    ]
    rows = alt.Y("row:O", axis=None, scale=alt.Scale(domain=[r["row"] for r in (*bars, *out)]))
    axis = alt.Axis(format="%-d %b", labelOverlap=True, tickCount=6, orient="top")
    days = alt.X("from:T", title=None, scale=alt.Scale(type="utc"), axis=axis)
    phases = alt.Scale(domain=["training", "last stretch"], range=[TRAINING, LAST])
    legend = alt.Legend(title=None, orient="top")
    layers: list[alt.Chart] = [
        _chart(bars).mark_bar(height=14, cornerRadius=2, yOffset=9).encode(
            y=rows, x=days, x2="to:T", color=alt.Color("phase:N", scale=phases, legend=legend)
        ),
        _labels([*bars, *out], rows, text="label", above=True),
    ]  # fmt: skip
    edges = [schedule.last_stretch, _after(schedule.budget.deadline)]
    lines = [{"from": day.isoformat()} for day in edges if day is not None]
    if lines:
        layers.append(_chart(lines).mark_rule(strokeDash=[5, 4]).encode(x="from:T"))
    if out:
        layers.append(_labels(out, rows, text="why", above=False))
        cut = alt.Y("row:O", axis=None, bandPosition=0)
        layers.append(_chart(out[:1]).mark_rule(strokeWidth=2, color=LAST).encode(y=cut))
    return alt.LayerChart(layer=layers).properties(height=alt.Step(ROW))


def reported(found: Sequence[Evidence]) -> Chart | None:
    """A forest plot of what quotes report: a dot for each difference, the line is no change.

    All must be on one metric in one unit: others are not compared. None where nobody states a
    difference. The first MOST_ROWS are drawn, the largest first.
    """
    effects = [(e, e.effect) for e in found if e.effect and e.effect.difference is not None]
    if not effects:
        return None
    effects.sort(key=lambda pair: -(pair[1].difference or 0.0))
    metric, unit = effects[0][1].metric, effects[0][1].difference_unit
    rows: list[dict[str, Any]] = [
        {"row": number, "label": _report(each, effect), "by": effect.difference, "none": 0,
         "stance": each.stance}
        for number, (each, effect) in enumerate(effects[:MOST_ROWS])
    ]  # fmt: skip
    y = alt.Y("row:O", axis=None)
    x = alt.X("by:Q", title=visible(f"difference in {metric}, {unit}"))
    stances = alt.Scale(domain=["for", "against"], range=[TRAINING, LAST])
    color = alt.Color("stance:N", scale=stances, legend=alt.Legend(title=None, orient="top"))
    shapes = alt.Scale(domain=["for", "against"], range=["circle", "diamond"])
    shape = alt.Shape("stance:N", scale=shapes, legend=None)
    base = _chart(rows).encode(y=y)
    layers = [
        _chart([{"none": 0}]).mark_rule(strokeDash=[2, 2]).encode(x=alt.X("none:Q")),
        base.mark_rule(strokeWidth=2, yOffset=9).encode(x=x, x2="none:Q"),
        base.mark_point(filled=True, size=90, opacity=1, yOffset=9).encode(
            x=x, color=color, shape=shape
        ),
        _labels(rows, y, text="label", above=True),
    ]
    return alt.LayerChart(layer=layers).properties(height=alt.Step(ROW))


def _report(found: Evidence, effect: Effect) -> str:
    """Who reports it, and on which data."""
    year = f" ({found.document.metadata.year})" if found.document.metadata.year else ""
    where = f", on {effect.dataset}" if effect.dataset else ""
    return f"{visible(found.document.title)[:60]}{year}{visible(where)[:40]}"


def on_ground(chart: Chart, *, dark: bool) -> Chart:
    """The figure with its own words and lines in the ink of a light or a dark page."""
    ink = INK[dark]
    inked: Chart = chart.configure_text(color=ink).configure_rule(color=ink)
    return inked


def _labels(rows: list[dict[str, Any]], y: alt.Y, *, text: str, above: bool) -> alt.Chart:
    style = "normal" if above else "italic"
    mark = _chart(rows).mark_text(align="left", dx=2, dy=-9 if above else 8, limit=LABEL,
                                  fontStyle=style, fontSize=12)  # fmt: skip
    drawn: alt.Chart = mark.encode(y=y, x=alt.value(0), text=f"{text}:N")
    return drawn


def _after(day: date | None) -> date | None:
    return None if day is None else day + timedelta(days=1)


def _chart(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))
