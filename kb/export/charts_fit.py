"""Figures of a measured fit: of a dataset its curves, map and confusion; of models their ranks.

Knows the report's plain dict and what is drawn of it; how it becomes SVG or PNG is `charts`' work.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt

from kb.export import visible
from kb.export.charts import GREY, LAST, TRAINING, WIDTH, Chart

LABEL = 24  # characters of a label shown on an axis
SOURCE, TARGET = LAST, TRAINING  # told apart when printed in grey, too
MODELS = alt.Scale(domain=["model", "baseline"], range=[SOURCE, TARGET])


def curves_chart(transfer: dict[str, Any]) -> Chart:
    """The metric by number of target labels, with and without the source, with its intervals.

    The dashed lines are what is reached without any target label.
    """
    names = {"both": "with the source", "target": "without the source"}
    rows = [
        {"labels": point["labels"], "which": names[which], **point[which]}
        for point in transfer["points"] if point["labels"]
        for which in names
    ]  # fmt: skip
    first = transfer["points"][0]
    lines = [
        {"value": first["both"]["value"], "which": names["both"]},
        {"value": first["target"]["value"], "which": names["target"]},
    ]
    color = alt.Color(
        "which:N",
        scale=alt.Scale(domain=list(names.values()), range=[SOURCE, TARGET]),
        legend=alt.Legend(title=None, orient="top"),
    )
    y = alt.Y("value:Q", title=transfer["metric"], scale=alt.Scale(zero=False))
    base = _chart(rows).encode(x=_sizes(rows), color=color)
    return _layers(
        base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(point=True, strokeWidth=2).encode(y=y),
        _chart(lines).mark_rule(strokeDash=[5, 4]).encode(y=y, color=color),
        height=260,
    )


def gain_by_labels_chart(transfer: dict[str, Any], worth: float) -> Chart:
    """What the source adds, by number of target labels; dashed: the smallest gain that counts."""
    rows = [
        {"labels": point["labels"], **point["gain"]}
        for point in transfer["points"] if point["labels"]
    ]  # fmt: skip
    y = alt.Y("value:Q", title=f"gain in {transfer['metric']}")
    base = _chart(rows).encode(x=_sizes(rows))
    return _layers(
        _chart([{"value": 0.0}]).mark_rule(strokeWidth=1).encode(y=y),
        _chart([{"value": worth}]).mark_rule(strokeDash=[5, 4], color=GREY).encode(y=y),
        base.mark_rule(strokeWidth=2, color=SOURCE).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_circle(size=80, color=SOURCE, opacity=1).encode(y=y),
        height=200,
    )


def map_chart(found: dict[str, Any], names: tuple[str, str]) -> Chart:
    """Both sets on the plane of their two largest principal components, with their density."""
    left, right, bottom, top = found["edges"]
    sets = [("source", visible(names[0])[:40] or "source"), ("target", visible(names[1])[:40])]
    scale = alt.Scale(domain=[name for _, name in sets], range=[SOURCE, TARGET])
    color = alt.Color("which:N", scale=scale, legend=alt.Legend(title=None, orient="top"))
    axis = alt.Axis(labels=False, ticks=False, grid=False, title=None)
    cells, points = [], []
    for which, name in sets:
        density = found[f"{which}_density"]
        width, height = (right - left) / len(density[0]), (top - bottom) / len(density)
        most = max(max(row) for row in density) or 1
        cells += [
            {"x": left + column * width, "x2": left + (column + 1) * width,
             "y": bottom + line * height, "y2": bottom + (line + 1) * height,
             "which": name, "share": 0.6 * count / most}
            for line, row in enumerate(density) for column, count in enumerate(row) if count
        ]  # fmt: skip
        points += [{"x": x, "y": y, "which": name} for x, y in found[which]]
    x = alt.X("x:Q", axis=axis, scale=alt.Scale(domain=[left, right]))
    y = alt.Y("y:Q", axis=axis, scale=alt.Scale(domain=[bottom, top]))
    opacity = alt.Opacity("share:Q", scale=None, legend=None)
    return _layers(
        _chart(cells).mark_rect().encode(x=x, x2="x2", y=y, y2="y2", color=color, opacity=opacity),
        _chart(points).mark_circle(size=10, opacity=0.5).encode(x=x, y=y, color=color),
        height=320,
    )


def confusion_chart(confusion: list[list[float]], labels: list[str]) -> Chart:
    """Rows of truth, columns of what was said; shares of each row, and target texts in figures."""
    names = [f"{at}. {visible(label)[:LABEL]}" for at, label in enumerate(labels, start=1)]
    rows = [
        {"is": names[i], "said": names[j], "share": count / (sum(row) or 1), "texts": round(count)}
        for i, row in enumerate(confusion) for j, count in enumerate(row)
    ]  # fmt: skip
    x = alt.X("said:N", sort=names, title="told", axis=alt.Axis(labelAngle=0, orient="top"))
    y = alt.Y("is:N", sort=names, title="is")
    opacity = alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.05, 0.9]), legend=None)
    base = _chart(rows).encode(x=x, y=y)
    return _layers(
        base.mark_rect(color=TARGET).encode(opacity=opacity),
        base.mark_text(fontSize=13).encode(text="texts:Q"),
        height=44 * len(labels),
    )


def models_chart(entries: list[dict[str, Any]], metric: str, floor: dict[str, float]) -> Chart:
    """What each model reaches, the best first, with its interval; the last is the baseline.

    The dashed line is `floor`, what always saying the commonest label reaches.
    """
    names = _numbered(entries)
    rows = [
        {"model": name, "which": "baseline" if each is entries[-1] else "model", **each["score"]}
        for name, each in zip(names, entries, strict=True)
    ]
    x = alt.X("value:Q", title=metric, scale=alt.Scale(zero=False))
    y = alt.Y("model:N", sort=names, title=None, axis=alt.Axis(labelLimit=300, ticks=False))
    color = alt.Color("which:N", scale=MODELS, legend=None)
    base = _chart(rows).encode(y=y, color=color)
    return _layers(
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q"),
        base.mark_circle(size=90, opacity=1).encode(x=x),
        _chart([floor]).mark_rule(strokeDash=[5, 4], color=GREY).encode(x=x),
        height=30 * len(names),
    )


def cost_chart(
    entries: list[dict[str, Any]],
    speed: dict[str, dict[str, float]],
    metric: str,
    limit_ms: float | None,
) -> Chart:
    """What each reaches, by the milliseconds for 95 of 100 texts; dashed: the limit."""
    rows = [
        {"model": name, "ms": speed[each["name"]]["p95_ms"],
         "which": "baseline" if each is entries[-1] else "model", **each["score"]}
        for name, each in zip(_numbered(entries), entries, strict=True)
    ]  # fmt: skip
    x = alt.X(
        "ms:Q",
        title="ms for 95 of 100 texts",
        scale=alt.Scale(type="log", nice=True, padding=40),
        axis=alt.Axis(grid=False, labelOverlap=True, format="~g"),
    )
    y = alt.Y("value:Q", title=metric, scale=alt.Scale(zero=False))
    color = alt.Color("which:N", scale=MODELS, legend=None)
    base = _chart(rows).encode(x=x)
    layers = [
        base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q"), y2="high:Q", color=color),
        base.mark_circle(size=90, opacity=1).encode(y=y, color=color),
        base.mark_text(align="left", dx=8, dy=-6).encode(y=y, text="model:N"),
    ]
    if limit_ms is not None:
        layers.append(_chart([{"ms": limit_ms}]).mark_rule(strokeDash=[5, 4]).encode(x=x))
    return _layers(*layers, height=260)


def _numbered(entries: list[dict[str, Any]]) -> list[str]:
    """A label for each, numbered, since two rows of one name would be drawn as one."""
    return [f"{at}. {visible(each['name'])[:40]}" for at, each in enumerate(entries, start=1)]


def _sizes(rows: list[dict[str, Any]]) -> alt.X:
    """Numbers of labels on a logarithmic axis, each doubling at its place."""
    ticks = sorted({row["labels"] for row in rows})
    return alt.X(
        "labels:Q",
        title="target labels",
        scale=alt.Scale(type="log", base=2, nice=False),
        axis=alt.Axis(values=ticks, grid=False, labelOverlap=True, format="d"),
    )


def _chart(rows: Iterable[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(rows)))


def _layers(*layers: alt.Chart, height: int) -> Chart:
    return alt.LayerChart(layer=list(layers), width=WIDTH, height=height)
