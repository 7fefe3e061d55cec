"""A plan as one Markdown file, for a wiki or a repository: CommonMark with GitHub's tables.

The schedule is drawn as Mermaid, which GitHub, GitLab and Obsidian show as a picture. What a plan
says is `plan_report`'s business.
"""

from __future__ import annotations

import re

from kb.export import visible
from kb.export.findings_markdown import escaped
from kb.export.plan_findings import sources
from kb.export.plan_report import sections
from kb.export.report import Figure, markdown_lines
from kb.export.templates import filled
from kb.records import Plan

_MERMAID = re.compile(r"[^\w \-.,/()+&']")  # what Mermaid's grammar leaves alone in a task's name


def plan_markdown(plan: Plan, template: str | None = None) -> bytes:
    """The plan in Markdown, by our template or the text of a team's own."""

    def draw(figure: Figure) -> list[str]:
        return _gantt(plan) if figure.name == "schedule" else []

    texts = {
        name: "\n".join(line for block in blocks for line in markdown_lines(block, draw))
        for name, blocks in sections(plan).items()
    }
    cited = "\n".join(
        f"{each.number}. {escaped(each.text)}"
        + (f" {_address(each.address)}" if each.address else "")
        for each in sources(plan)
    )
    text = filled("plan.md", plan, texts, cited, template=template)
    return (re.sub(r"\n{3,}", "\n\n", text).strip() + "\n").encode()


def _address(address: str) -> str:
    safe = re.fullmatch(r"https?://[^\s<>]+", address)
    return f"<{address}>" if safe else escaped(address)


def _gantt(plan: Plan) -> list[str]:
    assert plan.schedule is not None
    ranks = {each.experiment.id: each.rank for each in plan.ranking.ranked}
    lines = ["```mermaid", "gantt", "    dateFormat YYYY-MM-DD", "    axisFormat %d %b"]
    for phase in ("training", "last stretch"):
        slots = [slot for slot in plan.schedule.slots if slot.phase == phase]
        if slots:
            lines.append(f"    section {phase.capitalize()}")
        for slot in slots:
            name = " ".join(_MERMAID.sub(" ", visible(slot.title)).split())[:60]
            days = (slot.end - slot.start).days + 1
            # A number leads: a name that is a word of Mermaid's, such as click, would be obeyed.
            lines.append(
                f"    {ranks.get(slot.experiment, 0)}. {name} :{slot.start.isoformat()}, {days}d"
            )
    return [*lines, "```", ""]
