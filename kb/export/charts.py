"""Three figures of a plan: the schedule, gain against time, and the effects behind the gains.

It knows what is drawn, and how it becomes SVG or PNG on this machine. It does not know the page or
the document that shows it, and fetches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt
import vl_convert

from kb.export import visible
from kb.records import Ranked, Schedule, WeighedEffect

Chart = alt.Chart | alt.LayerChart | alt.FacetChart

MOST_ROWS = 40  # of a figure: as many as a printed page holds at this height of a row
ROW = 24  # pixels
WIDTH = 520  # pixels without the labels: with them a page of A4 is filled
INK = "currentColor"  # of a figure within HTML: that of the text around it
TRAINING, LAST, GREY = "#2f7fbf", "#d9822b", "#8a8f98"  # told apart when printed in grey, too


def schedule_chart(schedule: Schedule, *, ranks: Mapping[int, int] | None = None) -> Chart | None:
    """When each experiment is worked on, and below the cut line those that do not fit.

    Numbers are `ranks` by experiment, else count the rows. None where nothing is scheduled. The
    first MOST_ROWS experiments are drawn.
    """
    if not schedule.slots:
        return None
    bars = _slot_rows(schedule, ranks or {})
    out = _left_out_rows(schedule, ranks or {}, start=len(bars) + 1)
    labels = [row["label"] for row in (*bars, *out)]
    y = alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=300, ticks=False))
    x = alt.X("from:T", title=None, scale=alt.Scale(type="utc"), axis=_days(schedule))
    phases = alt.Scale(domain=["training", "last stretch"], range=[TRAINING, LAST])
    color = alt.Color("phase:N", scale=phases, legend=alt.Legend(title=None, orient="top"))
    layers: list[alt.Chart] = [
        _chart(bars).mark_bar(height=13, cornerRadius=2).encode(y=y, x=x, x2="to:T", color=color),
        *_day_lines(schedule),
    ]
    if out:
        layers.append(
            _chart(out)
            .mark_text(align="left", dx=2, limit=WIDTH, fontStyle="italic")
            .encode(y=y, x=x, text="why:N")
        )
        cut = alt.Y("label:N", sort=labels, title=None, bandPosition=0)
        layers.append(_chart(out[:1]).mark_rule(strokeWidth=2, color=LAST).encode(y=cut))
    return alt.layer(*layers).properties(width=WIDTH, height={"step": ROW})


def gain_chart(ranked: Sequence[Ranked], *, unit: str) -> Chart | None:
    """Expected gain, low to high, against hours; numbers are ranks, the line is the Pareto front.

    None where no experiment has both. The first MOST_ROWS of those that have are drawn.
    """
    rows = [
        {"rank": str(each.rank), "hours": each.hours, "low": each.gain.low,
         "likely": each.gain.likely, "high": each.gain.high, "front": each.front}
        for each in ranked if each.gain is not None and each.hours is not None
    ][:MOST_ROWS]  # fmt: skip
    if not rows:
        return None
    x = alt.X("hours:Q", title="hours until it is done", axis=alt.Axis(grid=False))
    y = alt.Y("likely:Q", title=f"expected gain, {visible(unit) or 'in the unit of the metric'}")
    color = alt.condition("datum.front", alt.value(TRAINING), alt.value(GREY))
    front = [row for row in rows if row["front"]]
    base = _chart(rows).encode(x=x)
    layers = [
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q", color=color),
        _chart(front).mark_line(color=TRAINING, strokeDash=[4, 3]).encode(x=x, y=y),
        base.mark_circle(size=90, opacity=1).encode(y=y, color=color),
        base.mark_text(dx=9, dy=-8, fontWeight="bold").encode(y=y, text="rank:N"),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=260)


def effects_chart(ranked: Sequence[Ranked], *, unit: str) -> Chart | None:
    """A forest plot: under each experiment's gain the reports it rests on, before and after.

    A ring is what was reported, a dot what is left of it, a bar the gain from low to high.
    None where no effect is comparable. The first MOST_ROWS rows are drawn.
    """
    rows = [row for each in ranked if each.estimate.effects for row in _forest_rows(each)]
    rows = rows[:MOST_ROWS]
    if not rows:
        return None
    labels = [row["label"] for row in rows]
    y = alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=320, ticks=False))
    title = f"gain, {visible(unit) or 'in the unit of the metric'}"
    bars = [row for row in rows if "low" in row]
    reports = [row for row in rows if "reported" in row]
    zero = _chart([{"zero": 0}]).mark_rule(strokeDash=[2, 2]).encode(x=alt.X("zero:Q", title=title))
    layers: list[alt.Chart] = [zero]
    if bars:
        bar = _chart(bars).encode(y=y)
        layers.append(bar.mark_rule(strokeWidth=5, color=TRAINING).encode(x="low:Q", x2="high:Q"))
        layers.append(bar.mark_tick(thickness=3, size=16).encode(x="likely:Q"))
    if reports:
        report = _chart(reports).encode(y=y)
        layers.append(report.mark_rule(color=GREY).encode(x="expected:Q", x2="reported:Q"))
        layers.append(report.mark_point(color=GREY, size=60).encode(x="reported:Q"))
        layers.append(report.mark_circle(color=LAST, size=60, opacity=1).encode(x="expected:Q"))
    return alt.layer(*layers).properties(width=WIDTH, height={"step": ROW})


def to_svg(chart: Chart, *, prefix: str) -> str:
    """The figure as an `<svg>` for HTML, in the colour of the text around it.

    `prefix` goes before its ids, so that two figures of one page do not share any.
    """
    svg: str = vl_convert.vegalite_to_svg(
        chart.to_dict(), config=_config(INK), allowed_base_urls=[]
    )
    svg = re.sub(r'\b(id="|url\(#)', rf"\g<1>{prefix}-", svg)
    size = r' width="([\d.]+)" height="[\d.]+"'  # the view box stays, so it shrinks with the page
    return re.sub(size, r' style="max-width:\1px"', svg, count=1)


def to_png(chart: Chart, *, scale: float = 2.0) -> bytes:
    """The figure as PNG in black on white; at scale 1 a pixel is one of the figure's."""
    png: bytes = vl_convert.vegalite_to_png(
        chart.to_dict(),
        config=_config("#1c1e21", background="white"),
        scale=scale,
        allowed_base_urls=[],
    )
    return png


def _chart(rows: Iterable[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=list(rows)))  # type: ignore[no-untyped-call]


def _slot_rows(schedule: Schedule, ranks: Mapping[int, int]) -> list[dict[str, Any]]:
    return [
        {"label": _label(ranks.get(slot.experiment, number), slot.title),
         "from": slot.start.isoformat(),
         "to": (slot.end + timedelta(days=1)).isoformat(), "phase": slot.phase}
        for number, slot in enumerate(schedule.slots[:MOST_ROWS], start=1)
    ]  # fmt: skip


def _left_out_rows(
    schedule: Schedule, ranks: Mapping[int, int], *, start: int
) -> list[dict[str, Any]]:
    room = max(0, min(5, MOST_ROWS - start + 1))
    return [
        {"label": _label(ranks.get(left.experiment, number), left.title),
         "from": schedule.budget.start.isoformat(),
         "why": f"does not fit: {visible(left.reason)}"}
        for number, left in enumerate(schedule.left_out[:room], start=start)
    ]  # fmt: skip


def _day_lines(schedule: Schedule) -> list[alt.Chart]:
    """Lines where the last stretch begins and where the deadline ends."""
    days: list[date] = []
    if schedule.last_stretch is not None:
        days.append(schedule.last_stretch)
    if schedule.budget.deadline is not None:
        days.append(schedule.budget.deadline + timedelta(days=1))
    if not days:
        return []
    line = _chart({"from": day.isoformat()} for day in days)
    return [line.mark_rule(strokeDash=[5, 4], strokeWidth=1).encode(x="from:T")]


def _days(schedule: Schedule) -> alt.Axis:
    return alt.Axis(format="%-d %b", labelOverlap=True, tickCount=8, orient="top", grid=True)


def _forest_rows(each: Ranked) -> list[dict[str, Any]]:
    head: dict[str, Any] = {"label": _label(each.rank, each.experiment.title)}
    gain = each.estimate.gain
    if gain is not None:
        head |= {"low": gain.low, "likely": gain.likely, "high": gain.high}
    return [
        head,
        *(
            {"label": f"{each.rank}.{n} {_reporter(weighed)}", "reported": weighed.reported,
             "expected": weighed.expected}
            for n, weighed in enumerate(each.estimate.effects, start=1)
        ),
    ]  # fmt: skip


def _reporter(weighed: WeighedEffect) -> str:
    document = weighed.evidence.document
    year = f" ({document.metadata.year})" if document.metadata.year else ""
    return visible(document.title)[:80] + year


def _label(number: int, title: str) -> str:
    """Numbered, since two rows of one name would be drawn as one."""
    return f"{number}. {visible(title)[:120]}"


def _config(ink: str, *, background: str | None = None) -> dict[str, Any]:
    return {
        "background": background,
        "aria": False,
        "font": "Liberation Sans, Arial, Helvetica, sans-serif",
        "view": {"stroke": None},
        "axis": {
            "labelColor": ink, "titleColor": ink, "tickColor": ink, "domainColor": ink,
            "gridColor": ink, "gridOpacity": 0.15, "labelFontSize": 12, "titleFontSize": 12,
            "titleFontWeight": "normal", "labelPadding": 6,
        },
        "legend": {"labelColor": ink, "titleColor": ink, "labelFontSize": 12},
        "text": {"color": ink, "fontSize": 12},
        "rule": {"color": ink},
        "tick": {"color": ink},
    }  # fmt: skip
