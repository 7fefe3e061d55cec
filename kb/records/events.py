"""What has happened in a library, and what waits there for somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kb.records.findings import Project

EventKind = Literal[
    "document", "finding", "suggestion", "project", "experiment", "axis", "member", "model",
    "search",
]  # fmt: skip

EVENT_KINDS: tuple[EventKind, ...] = (
    "document", "finding", "suggestion", "project", "experiment", "axis", "member", "model",
    "search",
)  # fmt: skip
"""What an event is about. A remark, a quote and a candidate count as their finding."""


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what, when, from which value to which. Never changes."""

    id: int
    at: str
    who: str
    what: str  # "added", "changed", "pinned"
    subject: str  # a document's key, "finding:3", "project:mail"
    before: str
    after: str
    kind: EventKind
    name: str = ""  # of the subject, as it is called today; "" where it has none
    finding: int | None = None  # id, where it is about one
    quote: str = ""  # of the evidence that it is about


@dataclass(frozen=True, slots=True)
class Glance:
    """A project as it is seen beside others."""

    project: Project
    documents: int
    done: int  # documents read or excluded
    hours: float  # spent on reading
    time_box: float | None  # hours set aside for it; None: the brief does not say
    ends: str  # day on which that is over; "" where the brief does not say
    missing: tuple[str, ...]  # fields of the brief
