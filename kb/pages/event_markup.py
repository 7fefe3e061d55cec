"""What has happened as HTML: who did what to which subject, and from which value to which.

It knows the words for it and where a subject is looked at. It draws nothing and knows no widget.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from kb.export import value_text
from kb.pages.markup import escaped, short_key
from kb.records import Event

LONGEST = 300  # characters of a value that are shown: two lines at full width, by eye

SAID = {"at", "by"}  # fields that the event itself says
VERBS = {
    ("added", "document"): "took in",
    ("updated", "document"): "took in another version of",
    ("pinned", "finding"): "pinned a quote to",
    ("unpinned", "finding"): "took a quote back from",
    ("restored", "finding"): "put a quote back to",
    ("merged", "finding"): "merged a finding into",
    ("unmerged", "finding"): "took a merged finding out of",
    ("candidate", "finding"): "considered",
    ("commented", "finding"): "remarked on",
    ("measured", "finding"): "measured the fit of",
    ("measured", "project"): "measured a fit for",
    ("accepted", "suggestion"): "accepted the suggestion",
    ("rejected", "suggestion"): "rejected the suggestion",
    ("reopened", "suggestion"): "reopened the suggestion",
    ("read", "project"): "read for",
    ("decided", "project"): "decided for",
    ("ran", "project"): "ran a trial for",
    ("removed", "project"): "took a trial back from",
    ("changed", "member"): "changed the role of",
    ("password", "member"): "gave another password to",
    ("refitted", "model"): "refitted",
}
"""What was done to what → in words. Whatever is not here is called what it is called."""


def link(page: str, label: str, address: Mapping[str, str]) -> str:
    """A link to another page of ours, that may be opened in another tab."""
    to = escaped(f"{page}?{urlencode(address)}")
    return f'<a href="{to}" target="_self">{escaped(label)}</a>'


def subject(event: Event) -> str:
    """What an event is about, as a link to where it is looked at."""
    name = event.name or short_key(event.subject)
    number = event.subject.partition(":")[2]
    if event.finding is not None:
        return link("findings", name, {"finding": str(event.finding)})
    if event.kind == "document":
        return link("search", name, {"document": event.subject})
    if event.kind == "project":
        return link("project", name, {"project": name})
    if event.kind == "experiment":
        return link("plan", name, {"experiment": number})
    if event.kind == "suggestion":
        return link("findings", name, {"view": "suggestions"})
    views = {"member": "members", "axis": "taxonomy", "model": "model"}
    if event.kind not in views:  # a saved search, which has no page of its own
        return f"“{escaped(name)}”" if name else escaped(event.kind)
    return link("settings", name, {"view": views[event.kind]})


def change(event: Event) -> str:
    """From which value to which; plain text, "" where the event says all."""
    if event.quote:
        return f"“{event.quote}”" + (f": {event.after}" if event.what == "commented" else "")
    if event.what in {"merged", "unmerged", "rated", "read"}:
        return event.after  # before is a number, or the same again
    if event.what == "candidate":
        project, _, status = event.after.rpartition(": ")
        return f"{project}: {event.before} → {status}" if event.before else event.after
    if event.what in {"accepted", "rejected"} or (event.kind, event.what) == ("axis", "added"):
        return ""
    if (event.what, event.kind) == ("added", "experiment"):
        return f"for {event.after.partition(': ')[0]}"
    if event.what == "added" and event.kind not in {"document", "member"}:
        return "" if event.after == event.name else event.after
    before, after = _values(event.before), _values(event.after)
    if after is not None:
        return "; ".join(_step(_plain(name), (before or {}).get(name), after[name])
                         for name in after if name not in SAID)  # fmt: skip
    return " → ".join(filter(None, (event.before if before is None else "", event.after)))


def _values(text: str) -> dict[str, object] | None:
    """The fields that an event tells of; None where it tells a single value."""
    try:
        found = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _step(name: str, before: object, after: object) -> str:
    old, new = _said(before), _said(after)
    return f"{name}: {old} → {new or 'nothing'}" if old else f"{name}: {new or 'nothing'}"


def _said(value: object) -> str:
    """A value of a field; those that are made of others by their parts."""
    if value is None or value == "":
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{_plain(str(k))} {_said(v)}" for k, v in value.items() if v is not None)
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return value_text(value)


def row(event: Event, *, day: bool = False) -> str:
    """One event in a line, with its change in another; with the day of it, or the time alone."""
    verb = VERBS.get((event.what, event.kind), event.what)
    told = change(event)
    cut = told if len(told) <= LONGEST else f"{told[:LONGEST]} …"
    details = f'<p class="kb-meta">{escaped(cut)}</p>' if cut else ""
    at = event.at[: 16 if day else 19].replace("T", " ")
    at = f"{at} UTC" if day else f"{at[11:16]} UTC"
    return (
        f'<li class="kb-event"><p>{escaped(event.who)} {escaped(verb)} {subject(event)} '
        f'<span class="kb-meta">{at}</span></p>{details}</li>'
    )


def history(events: Sequence[Event]) -> str:
    """What was done to one thing, each event with its day."""
    return f'<ul class="kb-events">{"".join(row(event, day=True) for event in events)}</ul>'


def by_day(events: Sequence[Event]) -> str:
    """Events under the days in UTC on which they happened, in the order given."""
    days = itertools.groupby(events, key=lambda event: event.at[:10])
    return "".join(
        f'<h2 class="kb-h2">{day}</h2><ul class="kb-events">{"".join(map(row, found))}</ul>'
        for day, found in days
    )
