"""Two libraries that hold one project: who has changed a row since they parted, and how to say so.

It knows rows and events as they stand in a file. It reads and writes nothing.
"""

from __future__ import annotations

from kb.store.exchange import CANDIDATES, EVIDENCE, FINDINGS, PROJECTS, TRIALS, Kind, Row

Told = tuple[str, ...]  # an event's values


class History:
    """What two libraries have told since they parted: an event that both tell lies before that."""

    def __init__(self, ours: list[Row], theirs: list[Row], project_uid: str) -> None:
        known = {_values(event) for event in ours}
        told = {_values(event) for event in theirs}
        self.new = [event for event in theirs if _values(event) not in known]
        self._ours = [event for event in ours if _values(event) not in told]
        self._project = f"project:{project_uid}"

    def changed(self, kind: Kind, row: Row, mine: Row) -> tuple[bool, bool]:
        """Whether they, and whether we, have changed this row since."""
        theirs, ours = (
            any(self._is_about(event, kind, row, mine) for event in events)
            for events in (self.new, self._ours)
        )
        return theirs, ours

    def _is_about(self, event: Row, kind: Kind, row: Row, mine: Row) -> bool:
        what, uid = event["what"], row["uid"]
        own: bool = event["subject"] == f"{kind.noun}:{uid}"
        if kind is FINDINGS:
            merged = what in ("merged", "unmerged") and event["before"] == uid
            remerged = merged and row["merged_into"] != mine["merged_into"]
            return remerged or (own and what in ("changed", "split"))
        if kind is EVIDENCE:
            told = f"evidence:{uid}" in (event["before"], event["after"])
            return _of_finding(event, row, "split") or (told and what in ("unpinned", "restored"))
        if kind is CANDIDATES:
            ours = str(event["after"]).startswith(f"{self._project}: ")
            return ours and _of_finding(event, row, "candidate")
        if kind is TRIALS:
            return what == "removed" and str(event["before"]).startswith(f"trial:{uid} ")
        if kind is PROJECTS:
            return own and what in ("changed", "archived", "reopened")
        return own and what != "added"


def _of_finding(event: Row, row: Row, what: str) -> bool:
    """Whether an event says `what` of the finding that a row speaks of."""
    return bool(event["subject"] == f"finding:{row['finding']}" and event["what"] == what)


def _values(event: Row) -> Told:
    return tuple(event[name] for name in ("at", "who", "what", "subject", "before", "after"))


_NOT_CONTENT = {
    "uid",
    "revision",
    *(f"{w}_{x}" for w in ("created", "updated") for x in ("at", "by")),
}


def content(row: Row) -> Row:
    """What people have written in a row, without when and by whom."""
    return {name: value for name, value in row.items() if name not in _NOT_CONTENT}


def told(kind: Kind, row: Row, mine: Row) -> str:
    """A sentence on a row that both sides have changed."""
    name = mine.get("name") or mine.get("title") or mine.get("quote") or mine.get("model") or ""
    differing = [each for each, value in content(row).items() if mine.get(each) != value]
    who = " and ".join(
        dict.fromkeys(each["updated_by"] for each in (mine, row) if each.get("updated_by"))
    )
    by = f" by {who}" if who else ""
    shown = f" “{str(name)[:60]}”" if name else ""
    return (
        f"The {kind.noun}{shown} was changed{by} in both libraries "
        f"({', '.join(each.replace('_', ' ') for each in differing)})."
    )
