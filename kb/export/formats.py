"""The formats that a project leaves in: a table with a row for each, and the one way to call them.

It knows where each is made. What they look like is their own business.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from kb.errors import NotFound
from kb.records import Plan

Files = dict[str, bytes]
"""Relative path, with "/", → content."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format: what it is called on disk, and what makes it from what."""

    name: str  # the file's, or the folder's
    kind: Literal["file", "folder"]
    media_type: str
    function: str  # "module:function" within kb.export
    sentence: str
    made_from: Literal["plan", "state"] = "plan"
    takes: Literal["", "template", "known"] = ""  # a second argument that it may be given

    @property
    def binary(self) -> bool:
        """Whether a terminal would show it as rubbish."""
        text = self.media_type.startswith("text/") or "json" in self.media_type
        return self.kind == "file" and not text


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

FORMATS: dict[str, Format] = {
    "markdown": Format(
        "plan.md", "file", "text/markdown", "plan_markdown:plan_markdown",
        "The plan as Markdown.", takes="template",
    ),
    "html": Format(
        "plan.html", "file", "text/html", "plan_html:plan_html",
        "The plan as a page that stands alone, with its figures.", takes="template",
    ),
    "pdf": Format(
        "plan.pdf", "file", "application/pdf", "pdf:pdf",
        "That page printed; needs a browser or LibreOffice.", takes="template",
    ),
    "docx": Format(
        "plan.docx", "file", _DOCX, "docx_plan:docx_plan",
        "The plan for Word, with headings, tables and notes.",
    ),
    "obsidian": Format(
        "notes", "folder", "text/markdown", "obsidian:obsidian",
        "A folder of linked notes, one for each finding, document, experiment and decision.",
    ),
    "xlsx": Format(
        "tables.xlsx", "file", _XLSX, "xlsx:xlsx",
        "Design choices, datasets, models, evidence and experiments for Excel.",
    ),
    "csv": Format(
        "tables", "folder", "text/csv", "tables_csv:tables_csv",
        "The same tables as CSV files; one of them with --table.",
    ),
    "json": Format(
        "project.json", "file", "application/json", "json_plan:json_plan",
        "All that people wrote and the sources cited, for kb import; has a JSON Schema.",
        made_from="state",
    ),
    "bibtex": Format(
        "references.bib", "file", "text/x-bibtex", "citations:bibtex",
        "Everything cited, as BibTeX.",
    ),
    "ris": Format(
        "references.ris", "file", "text/x-research-info-systems", "citations:ris",
        "Everything cited, for EndNote, Zotero and the like.",
    ),
    "csl": Format(
        "references.json", "file", "application/vnd.citationstyles.csl+json",
        "citations:csl_json", "Everything cited, as CSL-JSON.",
    ),
    "jira": Format(
        "jira.csv", "file", "text/csv", "trackers:jira",
        "Experiments for Jira's CSV import; with --known, issues that are there are changed.",
        takes="known",
    ),
    "github": Format(
        "github-issues.sh", "file", "text/x-shellscript", "trackers:github_script",
        "A script that makes or changes an issue for each experiment with GitHub's gh.",
    ),
    "github-json": Format(
        "github-issues.json", "file", "application/json", "trackers:github_json",
        "The same issues as JSON.",
    ),
    "issues": Format(
        "issues.csv", "file", "text/csv", "trackers:issues_csv",
        "Experiments as CSV for Linear and Notion; with --known, only those not there.",
        takes="known",
    ),
    "madr": Format(
        "decisions", "folder", "text/markdown", "madr:madr",
        "A folder of MADR decision records with an index.",
    ),
    "ical": Format(
        "schedule.ics", "file", "text/calendar", "calendar:calendar",
        "The schedule for calendars.",
    ),
}  # fmt: skip
"""The name that is asked for → the format, in the order in which they are listed."""


class Exports:
    """What one project is exported from, read or worked out when a format first asks for it."""

    def __init__(self, plan: Callable[[], Plan], state: Callable[[], Mapping[str, Any]]) -> None:
        self._plan, self._state = plan, state

    @cached_property
    def plan(self) -> Plan:
        """The project's plan as it stands now."""
        return self._plan()

    @cached_property
    def state(self) -> Mapping[str, Any]:
        """All that people wrote for the project."""
        return self._state()

    def made(
        self, name: str, *, template: str | None = None, known: Mapping[str, str] | None = None
    ) -> Files:
        """The files of a format by their paths: of one that is a file, its name alone.

        `template` is the text of a team's own, `known` what a tracker knows already; a format that
        takes neither ignores them. NotFound lists the formats that exist.
        """
        wanted = format_named(name)
        module, _, function = wanted.function.partition(":")
        make = getattr(importlib.import_module(f"kb.export.{module}"), function)
        source = self.plan if wanted.made_from == "plan" else self.state
        second = {"template": template, "known": known}.get(wanted.takes)
        made = make(source, second) if second is not None else make(source)
        return dict(made) if wanted.kind == "folder" else {wanted.name: made}


def format_named(name: str) -> Format:
    """The format of that name; NotFound lists those that exist."""
    if name not in FORMATS:
        raise NotFound(f"There is no format “{name}”. Formats are: {', '.join(FORMATS)}.")
    return FORMATS[name]
