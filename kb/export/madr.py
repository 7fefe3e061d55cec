"""Decisions as a folder of MADR 4 records (https://adr.github.io/madr/) with an index.

It knows the form of a record and how records point to each other. What led to a decision stands in
the plan.
"""

from __future__ import annotations

import json
import re
import unicodedata

from kb.export import visible
from kb.export.findings_markdown import cited, escaped
from kb.export.tables import measured_gain, tried
from kb.records import Choice, Decision, Evidence, Experiment, Plan, Supported

STATUS: dict[Choice, str] = {"adopt": "accepted", "park": "parked", "reject": "rejected"}
_OUTCOME: dict[Choice, str] = {
    "adopt": "Chosen option", "park": "Parked for now", "reject": "Rejected",
}  # fmt: skip


def madr(plan: Plan) -> dict[str, bytes]:
    """A file for each decision ("0001-title.md"), and README.md with all of them in a table."""
    names = {decision.number: _file_name(decision) for decision in plan.decisions}
    records = {
        names[decision.number]: "\n".join(_record(plan, decision, names)).encode()
        for decision in plan.decisions
    }
    return {"README.md": "\n".join(_index(plan, names)).encode(), **records}


def _file_name(decision: Decision) -> str:
    decomposed = unicodedata.normalize("NFKD", decision.title).casefold()
    words = re.findall(r"[a-z0-9]+", decomposed.encode("ascii", "ignore").decode())
    slug = "-".join(words)[:60].strip("-")
    return f"{decision.number:04d}-{slug or 'decision'}.md"


def _index(plan: Plan, names: dict[int, str]) -> list[str]:
    lines = [f"# Decisions of {escaped(plan.project.name)}", ""]
    if not plan.decisions:
        return [*lines, "None yet.", ""]
    lines += ["| No. | decision | status | date |", "| ---: | --- | --- | --- |"]
    for each in plan.decisions:
        title = f"[{escaped(each.title)}]({names[each.number]})"
        lines.append(f"| {each.number} | {title} | {_status(each)} | {each.created_at[:10]} |")
    return [*lines, ""]


def _status(decision: Decision) -> str:
    if decision.superseded_by is not None:
        return f"superseded by ADR-{decision.superseded_by:04d}"
    return STATUS[decision.choice]


def _record(plan: Plan, decision: Decision, names: dict[int, str]) -> list[str]:
    options = tried(plan, decision.candidates)
    others = [o for o in tried(plan, decision.alternatives) if o not in options]
    return [
        "---",
        f'status: "{_status(decision)}"',
        f"date: {decision.created_at[:10]}",
        f"decision-makers: {json.dumps(visible(decision.created_by), ensure_ascii=False)}",
        "---",
        f"# {escaped(decision.title)}",
        "",
        *_section("## Context and Problem Statement", decision.context),
        *_drivers(plan),
        "## Considered Options",
        "",
        *([f"* {escaped(each.finding.name)}" for each in (*options, *others)] or ["* None named."]),
        "",
        *_outcome(decision, options),
        *_section("### Consequences", decision.consequences),
        *_confirmation(plan, decision),
        *_pros_and_cons([*options, *others]),
        *_more(decision, names),
    ]


def _section(heading: str, text: str) -> list[str]:
    return [heading, "", escaped(text), ""] if visible(text) else []


def _drivers(plan: Plan) -> list[str]:
    brief = plan.project.brief
    unit = str(brief.get("unit") or "")
    drivers = {
        "the objective": brief.get("objective"),
        "what the product gains": brief.get("value"),
        "the model metric": brief.get("metric"),
        "the baseline": _with_unit(brief.get("baseline"), unit),
        "the target": _with_unit(brief.get("target"), unit),
        "the smallest gain worth having": _with_unit(brief.get("smallest_gain"), unit),
    }
    lines = [f"* {name}: {escaped(str(value))}" for name, value in drivers.items() if value]
    return ["## Decision Drivers", "", *lines, ""] if lines else []


def _with_unit(value: object, unit: str) -> str:
    return f"{value:g} {unit}".strip() if isinstance(value, int | float) else ""


def _outcome(decision: Decision, options: list[Supported]) -> list[str]:
    names = ", ".join(f"“{escaped(each.finding.name)}”" for each in options)
    what = f"{_OUTCOME[decision.choice]}: {names or escaped(decision.title)}"
    why = f", because: {escaped(decision.reason)}" if visible(decision.reason) else "."
    return ["## Decision Outcome", "", what + why, ""]


def _confirmation(plan: Plan, decision: Decision) -> list[str]:
    by_id = {each.id: each for each in plan.experiments}
    checks = [_check(plan, by_id[i]) for i in decision.experiments if i in by_id]
    text = [escaped(decision.confirmation), ""] if visible(decision.confirmation) else []
    if not text and not checks:
        return []
    return ["### Confirmation", "", *text, *checks, *([""] if checks else [])]


def _check(plan: Plan, experiment: Experiment) -> str:
    """An experiment, what it has to reach, and what it has reached."""
    brief = plan.project.brief
    unit, metric = str(brief.get("unit") or ""), str(brief.get("metric") or "the metric")
    line = f"* Experiment “{escaped(experiment.title)}” ({experiment.status})"
    if experiment.success:
        line += f": {escaped(experiment.success)}"
    if experiment.threshold is not None:
        line += f" Threshold: {escaped(metric)} {_with_unit(experiment.threshold, escaped(unit))}."
    if experiment.result and experiment.result.value is not None:
        line += f" Measured: {_with_unit(experiment.result.value, escaped(unit))}"
        gain = measured_gain(plan, experiment)
        line += f" (gain {gain:+.4g})." if gain is not None else "."
    return line


def _pros_and_cons(options: list[Supported]) -> list[str]:
    lines: list[str] = []
    for each in options:
        lines += [f"### {escaped(each.finding.name)}", ""]
        lines += [_argument(evidence) for evidence in each.evidence] or ["No evidence."]
        lines.append("")
    return ["## Pros and Cons of the Options", "", *lines] if lines else []


def _argument(evidence: Evidence) -> str:
    verdict = "Good" if evidence.stance == "for" else "Bad"
    return f"* {verdict}, because “{escaped(evidence.quote)}” — {cited(evidence)}"


def _more(decision: Decision, names: dict[int, str]) -> list[str]:
    links = {"Supersedes": decision.supersedes, "Superseded by": decision.superseded_by}
    lines = [
        f"* {how} [ADR-{number:04d}]({names[number]})."
        for how, number in links.items()
        if number is not None and number in names
    ]
    return ["## More Information", "", *lines, ""] if lines else []
