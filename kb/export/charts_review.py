"""The figure of a review: how many new findings each ten documents brought.

It knows what is drawn. It does not know when to stop reading.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from kb.export.charts import TRAINING, Chart


def saturation_chart(curve: Sequence[int], *, window: int, read: int) -> Chart:
    """New findings for each `window` documents, in the order of reading; the last may be fewer."""
    rows = [
        {"read": f"{at * window + 1}–{min((at + 1) * window, read)}", "findings": findings}
        for at, findings in enumerate(curve)
    ]
    x = alt.X("read:N", sort=None, title="documents read", axis=alt.Axis(labelAngle=0))
    y = alt.Y("findings:Q", title="new findings", axis=alt.Axis(tickMinStep=1))
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=y)
    bars = base.mark_bar(color=TRAINING, cornerRadius=2, width=28)
    counts = base.mark_text(dy=-8).encode(text="findings:Q")
    return alt.LayerChart(layer=[bars, counts]).properties(height=180)
