"""A plan's experiments as issues: for Jira, for GitHub, and as a table that Linear and Notion take.

Each issue carries the experiment's stable id, so that exporting again changes issues and doubles
none. It knows how each tracker reads text. It calls none of them.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kb.errors import UsageError
from kb.export import visible
from kb.export.findings_csv import harmless
from kb.export.findings_markdown import cited, effect_text, escaped
from kb.export.tables import in_order, measured_gain, titles_of, tried
from kb.records import Evidence, Experiment, Plan

LABEL = "kb-experiment"
LONGEST_BODY = 60_000  # characters; GitHub takes 65,536, Jira half of that: see LONGEST_JIRA
LONGEST_JIRA = 32_000  # characters; Jira takes 32,767 unless its admin says otherwise
LONGEST_TITLE = 250  # characters; GitHub takes 256, Jira 255
_MARKER = re.compile(r"\bkb-([0-9a-f]{16,64})\b")
_KEY_COLUMNS = ("issue key", "key", "id", "identifier")

Known = Mapping[str, str]
"""The stable id of an experiment → the key of its issue in the tracker."""


@dataclass(frozen=True, slots=True)
class _Issue:
    """An experiment as an issue, before it takes a tracker's form."""

    uid: str
    title: str
    state: str  # "todo", "doing", "done", "dropped"
    facts: tuple[tuple[str, str], ...]  # what is said of it: heading, plain text
    quotes: tuple[Evidence, ...]
    labels: tuple[str, ...]
    due: date | None
    person_hours: float | None


_STATES = {"planned": "todo", "running": "doing", "finished": "done", "dropped": "dropped"}


def known_issues(content: bytes) -> dict[str, str]:
    """What a tracker's own CSV export tells: stable id → issue key, for issues made from a plan.

    UsageError where it has no column with keys.
    """
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline="")))
    head = [name.strip().lower() for name in rows[0]] if rows else []
    column = next((head.index(name) for name in _KEY_COLUMNS if name in head), None)
    if column is None:
        raise UsageError(
            "This is no export of a tracker's issues: it has no column Issue key, Key or ID. "
            "Export the issues as CSV with all fields."
        )
    found: dict[str, str] = {}
    for row in rows[1:]:
        marker = _MARKER.search("\n".join(row))
        if marker and len(row) > column and row[column].strip():
            found.setdefault(marker[1], row[column].strip())
    return found


# -- Jira --------------------------------------------------------------------------------------


def jira(plan: Plan, known: Known | None = None) -> bytes:
    """CSV for Jira's importer. Rows of issues that are `known` carry their key, and change those.

    Map “Issue Key” to the issue's key; dates are yyyy-MM-dd, the estimate is in seconds.
    """
    keys = known or {}
    head = ["Issue Key"] if keys else []
    head += ["Summary", "Issue Type", "Description", "Labels", "Labels", "Due Date",
             "Original Estimate"]  # fmt: skip
    rows = []
    for issue in _issues(plan):
        rows.append([
            *([keys.get(issue.uid, "")] if keys else []),
            harmless(issue.title), "Task", _body(issue, _JIRA, LONGEST_JIRA),
            LABEL, f"kb-{issue.uid}", issue.due.isoformat() if issue.due else "",
            "" if issue.person_hours is None else str(round(issue.person_hours * 3600)),
        ])  # fmt: skip
    return _csv([head, *rows])


def _jira_text(text: str) -> str:
    """Plain text in Jira's wiki markup."""
    shown = re.sub(r"([\\{}\[\]|*_^~!])", r"\\\1", visible(text))
    return re.sub(r"(?<!\S)([-+?#])", r"\\\1", shown)


def _jira_quote(evidence: Evidence) -> str:
    document = evidence.document
    year = f" ({document.metadata.year})" if document.metadata.year else ""
    authors = f"{', '.join(document.metadata.authors)}: " if document.metadata.authors else ""
    place = [
        f"section “{evidence.section}”" if evidence.section else "",
        f"page {evidence.page}" if evidence.page else "",
        document.metadata.url,
    ]
    where = ", ".join(filter(None, (f"{authors}{document.title}{year}", *place)))
    against = "Against it: " if evidence.stance == "against" else ""
    return f"{{quote}}{against}“{_jira_text(evidence.quote)}” — {_jira_text(where)}{{quote}}"


# -- Linear, Notion ----------------------------------------------------------------------------

_TABLE_STATUS = {"todo": "Todo", "doing": "In Progress", "done": "Done", "dropped": "Canceled"}


def issues_csv(plan: Plan, known: Known | None = None) -> bytes:
    """CSV for the importers of Linear and Notion; both only add, so `known` ones are left out."""
    head = ["Title", "Description", "Status", "Labels", "Estimate", "Due Date", "ID"]
    rows = [
        [
            harmless(issue.title), _body(issue, _MARKDOWN), _TABLE_STATUS[issue.state],
            ", ".join(issue.labels),
            "" if issue.person_hours is None else f"{issue.person_hours:g}",
            issue.due.isoformat() if issue.due else "", f"kb-{issue.uid}",
        ]
        for issue in _issues(plan)
        if issue.uid not in (known or {})
    ]  # fmt: skip
    return _csv([head, *rows])


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


# -- GitHub ------------------------------------------------------------------------------------

_GITHUB_STATES = {
    "todo": ("open", None), "doing": ("open", None), "done": ("closed", "completed"),
    "dropped": ("closed", "not_planned"),
}  # fmt: skip

_SCRIPT = """\
#!/usr/bin/env bash
# Brings the experiments of a plan into the issues of the GitHub repository that you are in, or of
# GH_REPO=owner/name. Run it again after each export: an issue is found by the id in its first line
# and changed; none is made twice.
set -euo pipefail

gh label create {label} --force --description 'An experiment of the plan' >/dev/null
known=$(gh issue list --label {label} --state all --limit 100000 --json number,state,body --jq \\
  '.[] | select(.body | test("^<!-- kb-[0-9a-f]+ -->")) |
  "\\(.body | capture("^<!-- kb-(?<id>[0-9a-f]+) -->").id) \\(.number) \\(.state)"')

put() {{ # id, title, body, open or closed, reason
  local number state
  read -r number state < <(awk -v id="$1" '$1 == id {{ print $2, $3; exit }}' <<<"$known") || true
  if [ -z "${{number:-}}" ]; then
    number=$(printf '%s' "$3" | gh issue create --title "$2" --label {label} --body-file -)
    number=${{number##*/}} state=OPEN
  else
    printf '%s' "$3" | gh issue edit "$number" --title "$2" --body-file - >/dev/null
  fi
  if [ "$4" = closed ] && [ "$state" = OPEN ]; then
    gh issue close "$number" --reason "$5" >/dev/null
  fi
  printf '#%s %s\\n' "$number" "$2"
}}

"""


def github_script(plan: Plan) -> bytes:
    """A Bash script that makes or changes an issue for each experiment with GitHub's `gh`."""
    calls = []
    for issue in _issues(plan):
        state, reason = _GITHUB_STATES[issue.state]
        words = (issue.uid, issue.title, _github_body(issue), state,
                 (reason or "").replace("_", " "))  # fmt: skip
        calls.append("put " + " ".join(shlex.quote(word) for word in words))
    return (_SCRIPT.format(label=LABEL) + "\n".join([*calls, ""])).encode()


def github_json(plan: Plan) -> bytes:
    """The issues as JSON, in the words of GitHub's API, each with its stable id."""
    issues = [
        {
            "id": f"kb-{issue.uid}", "title": issue.title, "body": _github_body(issue),
            "labels": list(issue.labels), "state": _GITHUB_STATES[issue.state][0],
            "state_reason": _GITHUB_STATES[issue.state][1],
        }
        for issue in _issues(plan)
    ]  # fmt: skip
    return (json.dumps({"issues": issues}, ensure_ascii=False, indent=2) + "\n").encode()


def _github_body(issue: _Issue) -> str:
    return f"<!-- kb-{issue.uid} -->\n{_body(issue, _MARKDOWN)}"


# -- what an issue says ------------------------------------------------------------------------


def _issues(plan: Plan) -> list[_Issue]:
    due = {slot.experiment: slot.end for slot in plan.schedule.slots} if plan.schedule else {}
    return [_issue(plan, each, due.get(each.id)) for each in in_order(plan)]


def _issue(plan: Plan, experiment: Experiment, due: date | None) -> _Issue:
    findings = tried(plan, experiment.candidates)
    training = {True: ("training",), False: ("no-training",), None: ()}[experiment.retraining]
    facts = {
        "Hypothesis": experiment.hypothesis,
        "What it tries": ", ".join(each.finding.name for each in findings),
        "Expected gain": _expected(plan, experiment),
        "Cost": _cost(experiment),
        "How success is decided": _success(plan, experiment),
        "Waits for": ", ".join(titles_of(plan, experiment.depends_on)),
        "Outcome": _outcome(plan, experiment),
        "Note": experiment.note,
    }
    title = visible(experiment.title) or "Experiment without a title"
    return _Issue(
        uid=experiment.uid,
        title=title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…",
        state=_STATES[experiment.status],
        facts=tuple((name, text) for name, text in facts.items() if visible(text)),
        quotes=tuple(evidence for each in findings for evidence in each.evidence),
        labels=(LABEL, *training),
        due=due,
        person_hours=experiment.person_hours,
    )


def _expected(plan: Plan, experiment: Experiment) -> str:
    ranked = next((r for r in plan.ranking.ranked if r.experiment.id == experiment.id), None)
    gain = ranked.gain if ranked else experiment.gain
    if gain is None:
        return ""
    brief = plan.project.brief
    text = f"{gain.likely:.3g} {brief.get('unit') or ''} of {brief.get('metric') or 'the metric'}"
    text += f", between {gain.low:.3g} and {gain.high:.3g} in four of five cases"
    if ranked is None:
        return text
    whose = {"team": "the team's own", "evidence": "from the evidence", None: ""}[ranked.basis]
    return f"{text} ({whose}); rank {ranked.rank} of {len(plan.ranking.ranked)}"


def _cost(experiment: Experiment) -> str:
    parts = {
        "hours of work": experiment.person_hours,
        "GPU-hours": experiment.gpu_hours,
        "training runs": experiment.runs,
        "hours a run": experiment.run_hours,
    }
    return ", ".join(f"{value:g} {name}" for name, value in parts.items() if value is not None)


def _success(plan: Plan, experiment: Experiment) -> str:
    if experiment.threshold is None:
        return experiment.success
    brief = plan.project.brief
    base = brief.get("baseline")
    text = f"{brief.get('metric') or 'The metric'} from {experiment.threshold:g}"
    text += f" {brief.get('unit') or ''}".rstrip()
    text += f" (baseline {base:g})" if isinstance(base, int | float) else ""
    return f"{text}. {experiment.success}".strip()


def _outcome(plan: Plan, experiment: Experiment) -> str:
    result = experiment.result
    if result is None:
        return ""
    gain = measured_gain(plan, experiment)
    parts = [
        f"measured {result.value:g}" if result.value is not None else "",
        f"a gain of {gain:+.3g}" if gain is not None else "",
        f"{result.person_hours:g} hours of work" if result.person_hours is not None else "",
        f"{result.gpu_hours:g} GPU-hours" if result.gpu_hours is not None else "",
        result.note,
    ]
    return ", ".join(filter(None, parts))


# -- bodies ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Markup:
    """How a tracker writes what an issue says."""

    heading: str
    text: Callable[[str], str]
    quote: Callable[[Evidence], str]


def _markdown_text(text: str) -> str:
    """Markdown that shows the text, calls nobody (@name) and links no issue (#1)."""
    return re.sub(r"\\([@#])", r"\1&#8203;", escaped(text))


def _markdown_quote(evidence: Evidence) -> str:
    against = "Against it: " if evidence.stance == "against" else ""
    lines = [f"> {against}“{escaped(evidence.quote)}”", f"> — {cited(evidence)}"]
    if evidence.effect is not None:
        lines.append(f"> Effect: {escaped(effect_text(evidence.effect))}")
    return re.sub(r"\\([@#])", r"\1&#8203;", "\n>\n".join(lines))


_MARKDOWN = _Markup("### ", _markdown_text, _markdown_quote)
_JIRA = _Markup("h3. ", _jira_text, _jira_quote)


def _body(issue: _Issue, markup: _Markup, longest: int = LONGEST_BODY) -> str:
    """What is said of the experiment, then its quotes: as many as fit, and how many do not."""
    parts = [f"{markup.heading}{name}\n{markup.text(text)}" for name, text in issue.facts]
    room = longest - 200
    parts = [part if len(part) <= room else f"{part[:room]}…" for part in parts]
    if issue.quotes:
        parts.append(f"{markup.heading}What the literature says")
    used, left_out = sum(len(part) + 2 for part in parts), 0
    for evidence in issue.quotes:
        quote = markup.quote(evidence)
        used += len(quote) + 2
        if used > room:
            left_out += 1
        else:
            parts.append(quote)
    if left_out:
        parts.append(f"{left_out} more quotes do not fit here: they stand in the plan.")
    return "\n\n".join(parts)
