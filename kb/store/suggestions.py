"""What the machine proposed for each document, and what people made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from kb.errors import Conflict, NotFound
from kb.records import (
    FINDING_KINDS,
    Acceptance,
    Effect,
    FindingKind,
    Suggestion,
    SuggestionStatus,
)
from kb.store.connection import Connection, now
from kb.store.documents import Documents
from kb.store.events import Events
from kb.store.findings import plain_name


@dataclass(frozen=True, slots=True)
class Proposal:
    """A suggestion before it is stored."""

    kind: FindingKind
    name: str
    start: int
    end: int
    score: float
    why: str
    axis: str = ""
    effect: Effect | None = None


class Suggestions:
    """The table `suggestions`."""

    def __init__(self, connection: Connection, events: Events, documents: Documents) -> None:
        self._db = connection
        self._events = events
        self._documents = documents

    def replace(self, document_id: int, version_id: int, proposals: Sequence[Proposal]) -> None:
        """Make `proposals` the document's open suggestions; decided ones stay as they are.

        Of two of one name the first counts. One that was open already keeps its number, so that
        whoever is looking at it can still decide it.
        """
        given: dict[tuple[str, str], Proposal] = {}
        for each in proposals:
            given.setdefault((each.kind, plain_name(each.name)), each)
        with self._db.transaction():
            open_ = self._db.all(
                "select id, kind, plain from suggestions where document_id = ? and status = 'open'",
                document_id,
            )
            for row in open_:
                if (row["kind"], row["plain"]) not in given:
                    self._db.run("delete from suggestions where id = ?", row["id"])
            for (kind, plain), each in given.items():
                effect = json.dumps(asdict(each.effect)) if each.effect else ""
                self._db.run(
                    "insert into suggestions (document_id, version_id, kind, name, plain, start, "
                    "end, score, why, axis, effect, status) "
                    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open') "
                    "on conflict (document_id, kind, plain) do update set "
                    "version_id = excluded.version_id, name = excluded.name, "
                    "start = excluded.start, end = excluded.end, score = excluded.score, "
                    "why = excluded.why, axis = excluded.axis, effect = excluded.effect "
                    "where status = 'open'",
                    document_id, version_id, kind, each.name, plain,
                    each.start, each.end, each.score, each.why, each.axis, effect,
                )  # fmt: skip

    def rejected(self, kind: FindingKind, name: str) -> int:
        """In how many documents people have rejected that name."""
        row = self._db.one(
            "select count(*) as n from suggestions where kind = ? and plain = ? "
            "and status = 'rejected'",
            kind, plain_name(name),
        )  # fmt: skip
        return int(row["n"])

    def get(self, suggestion_id: int) -> Suggestion:
        """One suggestion; NotFound where there is none."""
        found = self._read("s.id = ?", suggestion_id)
        if not found:
            raise NotFound(f"There is no suggestion {suggestion_id}. See kb suggest DOCUMENT.")
        return found[0]

    def of_document(self, document_id: int, status: SuggestionStatus = "open") -> list[Suggestion]:
        """The document's suggestions of that status, the best first."""
        return self._read("s.document_id = ? and s.status = ?", document_id, status)

    def all(
        self,
        status: SuggestionStatus = "open",
        *,
        kind: FindingKind | None = None,
        project: str | None = None,
    ) -> list[Suggestion]:
        """All suggestions of that status, of that kind and in the project's documents if given.

        The best come first. What was removed from the library is left out.
        """
        return self._read(
            "s.status = ? and d.removed_at is null and (? is null or s.kind = ?) "
            "and (? is null or exists (select 1 from project_documents m "
            "join projects p on p.id = m.project_id "
            "where m.document_id = s.document_id and p.name = ?))",
            status, kind, kind, project, project,
        )  # fmt: skip

    def acceptance(self) -> list[Acceptance]:
        """What people made of the suggestions so far, kind by kind."""
        rows = self._db.all("select kind, status, count(*) as n from suggestions group by 1, 2")
        counts = {(row["kind"], row["status"]): int(row["n"]) for row in rows}
        return [
            Acceptance(
                kind,
                counts.get((kind, "open"), 0),
                counts.get((kind, "accepted"), 0),
                counts.get((kind, "rejected"), 0),
            )
            for kind in FINDING_KINDS
        ]

    def decide(
        self, suggestion_id: int, status: SuggestionStatus, evidence_id: int | None = None
    ) -> Suggestion:
        """Note what a person made of an open suggestion; Conflict where another was faster."""
        with self._db.transaction():
            old = self.get(suggestion_id)
            if old.status != "open":
                raise Conflict(
                    f"“{old.name}” was {old.status} by {old.decided_by} already. "
                    "A rejected suggestion can be opened again."
                )
            self._db.run(
                "update suggestions set status = ?, evidence_id = ?, decided_at = ?, "
                "decided_by = ? where id = ?",
                status, evidence_id, now(), self._events.member, suggestion_id,
            )  # fmt: skip
            self._events.add(status, f"suggestion:{suggestion_id}", after=f"{old.kind} {old.name}")
        return self.get(suggestion_id)

    def reopen(self, suggestion_id: int) -> Suggestion:
        """Take a rejection back. Conflict where it is not, or no longer, rejected."""
        with self._db.transaction():
            old = self.get(suggestion_id)
            if old.status != "rejected":
                what = "waits for a decision already" if old.status == "open" else "was accepted"
                raise Conflict(f"“{old.name}” {what}: there is no rejection to take back.")
            self._db.run(
                "update suggestions set status = 'open', decided_at = null, decided_by = null "
                "where id = ?",
                suggestion_id,
            )
            self._events.add(
                "reopened", f"suggestion:{suggestion_id}", after=f"{old.kind} {old.name}"
            )
        return self.get(suggestion_id)

    # -- the sentence head that decisions have refitted ------------------------------------------

    def head(self) -> str:
        """The library's own sentence head as text; "" where the shipped one is in use."""
        row = self._db.maybe("select value from settings where key = 'sentence_head'")
        return row["value"] if row else ""

    def set_head(self, text: str, why: str) -> None:
        """Keep a sentence head of the library's own, or with "" none, and note `why`."""
        with self._db.transaction():
            self._db.run(
                "insert into settings (key, value) values ('sentence_head', ?) "
                "on conflict (key) do update set value = excluded.value",
                text,
            )
            self._events.add("refitted" if text else "reset", "sentence head", after=why)

    def _read(self, condition: str, *values: object) -> list[Suggestion]:
        rows = self._db.all(
            "select s.*, substr(v.text, s.start + 1, s.end - s.start) as quote from suggestions s "
            "join versions v on v.id = s.version_id join documents d on d.id = s.document_id "
            f"where {condition} order by s.score desc, s.id",
            *values,
        )
        documents = self._documents.by_ids({row["document_id"] for row in rows})
        return [
            Suggestion(
                id=row["id"],
                document=documents[row["document_id"]],
                version_id=row["version_id"],
                kind=row["kind"],
                name=row["name"],
                start=row["start"],
                end=row["end"],
                quote=row["quote"],
                score=row["score"],
                why=row["why"],
                axis=row["axis"],
                effect=Effect(**json.loads(row["effect"])) if row["effect"] else None,
                status=row["status"],
                evidence_id=row["evidence_id"],
                decided_at=row["decided_at"] or "",
                decided_by=row["decided_by"] or "",
            )
            for row in rows
        ]
