"""Figures on the page, in the ink of its light or dark ground.

It knows the ground. What is drawn, `kb.export` says.
"""

from __future__ import annotations

import streamlit as st

from kb.export.charts import Chart
from kb.export.charts_page import on_ground


def draw(chart: Chart, *, alt: str) -> None:
    """Draw a figure over the whole width; `alt` is what it shows, for those who cannot see it."""
    dark = st.context.theme.type == "dark"
    st.altair_chart(on_ground(chart, dark=dark), width="stretch", alt=alt)
