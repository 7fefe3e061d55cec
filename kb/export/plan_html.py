"""A plan as one HTML file that stands alone: no script, nothing fetched, for screen and paper."""

from __future__ import annotations

import html
import re

from kb.export import visible
from kb.export.plan_findings import sources
from kb.export.plan_report import sections
from kb.export.report import html_page, html_part
from kb.export.templates import filled
from kb.records import Plan


def plan_html(plan: Plan, template: str | None = None) -> bytes:
    """The plan in HTML, by our template or the text of a team's own: the page's body."""
    texts = {name: "\n".join(map(html_part, blocks)) for name, blocks in sections(plan).items()}
    cited = "\n".join(
        f'<li id="source-{each.number}">{html.escape(each.text)}{_link(each.address)}</li>'
        for each in sources(plan)
    )
    body = filled("plan.html", plan, texts, f"<ol>{cited}</ol>" if cited else "",
                  template=template, html=True)  # fmt: skip
    return html_page(body, visible(plan.project.name))


def _link(address: str) -> str:
    shown = html.escape(visible(address))
    if re.fullmatch(r"https?://[^\s\"'<>]+", address):
        return f' <a href="{shown}" rel="noreferrer">{shown}</a>'
    return f" {shown}" if shown else ""
