"""Findings, their names and tags, and the evidence they rest on.

A finding that was merged into another keeps its row and its evidence; what it was merged into
answers for both. Undoing a merge is forgetting that pointer.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from kb.errors import Conflict, NotFound, UsageError
from kb.records import Effect, Evidence, Finding, FindingKind, Stance
from kb.store.changes import changes, expect, json_text
from kb.store.connection import Connection, now
from kb.store.documents import Documents
from kb.store.events import Events

_TOLD = ("name", "fields", "note", "aliases", "tags")
"""What an event tells of a change."""


def plain_name(name: str) -> str:
    """A name as it is compared: without case, accents, spaces, hyphens and the like."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[\W_]+", "", decomposed)


class Findings:
    """The tables `findings`, `finding_names`, `finding_tags` and `evidence`."""

    def __init__(self, connection: Connection, events: Events, documents: Documents) -> None:
        self._db = connection
        self._events = events
        self._documents = documents

    # -- findings --------------------------------------------------------------------------------

    def get(self, finding_id: int) -> Finding:
        """The finding of that id, or what it was merged into; NotFound where there is none."""
        found = self._read("f.id = (select coalesce(merged_into, id) from findings where id = ?)",
                           finding_id)  # fmt: skip
        if not found:
            raise NotFound(f"There is no finding {finding_id}. See kb findings list.")
        return found[0]

    def named(self, name: str, kind: FindingKind | None = None) -> list[Finding]:
        """Findings of that name or alias, spelling aside."""
        return self._read(
            "f.id in (select coalesce(g.merged_into, g.id) from finding_names n "
            "join findings g on g.id = n.finding_id where n.plain = ?) "
            "and (? is null or f.kind = ?)",
            plain_name(name), kind, kind,
        )  # fmt: skip

    def all(
        self,
        *,
        kind: FindingKind | None = None,
        tag: str | None = None,
        project: str | None = None,
        status: str | None = None,
        document: str | None = None,
        member: str | None = None,
    ) -> list[Finding]:
        """The findings in order of kind and name, merged ones within what they went into."""
        conditions, values = ["f.merged_into is null"], []
        for condition, value in (
            ("f.kind = ?", kind),
            ("exists (select 1 from finding_tags t where t.finding_id = f.id and t.tag = ?)", tag),
            (
                "exists (select 1 from candidates c join projects p on p.id = c.project_id "
                "where c.finding_id = f.id and p.name = ?)",
                project,
            ),
            ("exists (select 1 from candidates c where c.finding_id = f.id and c.status = ?)",
             status),
            (
                "exists (select 1 from evidence e join documents d on d.id = e.document_id "
                "join findings g on g.id = e.finding_id "
                "where coalesce(g.merged_into, g.id) = f.id and e.removed_at is null "
                "and d.key = ?)",
                document,
            ),
            (
                "(f.created_by = ?1 or exists (select 1 from evidence e "
                "where e.finding_id = f.id and e.created_by = ?1))".replace("?1", "?"),
                member,
            ),
        ):  # fmt: skip
            if value is not None:
                conditions.append(condition)
                values += [value] * condition.count("?")
        return self._read(" and ".join(conditions), *values)

    def any(self) -> bool:
        """Whether there is a finding at all."""
        return self._db.maybe("select 1 from findings limit 1") is not None

    def _read(self, condition: str, *values: object) -> list[Finding]:
        rows = self._db.all(
            "select f.*, "
            "(select json_group_array(distinct n.name) from finding_names n join findings g "
            " on g.id = n.finding_id where coalesce(g.merged_into, g.id) = f.id) as names, "
            "(select json_group_array(distinct t.tag) from finding_tags t join findings g "
            " on g.id = t.finding_id where coalesce(g.merged_into, g.id) = f.id) as tags, "
            "(select json_group_array(g.id) from findings g where g.merged_into = f.id) as merged "
            f"from findings f where {condition} order by f.kind, f.name collate nocase, f.id",
            *values,
        )
        return [_finding(row) for row in rows]

    def add(
        self,
        kind: FindingKind,
        name: str,
        *,
        fields: dict[str, object] | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
        note: str = "",
    ) -> Finding:
        """A new finding. UsageError where its kind has one of that name already."""
        name = " ".join(name.split())
        if not plain_name(name):
            raise UsageError("A finding needs a name with letters or digits.")
        with self._db.transaction():
            if same := self.named(name, kind):
                raise UsageError(
                    f"There is a {kind} “{same[0].name}” already: finding {same[0].id}."
                )
            time, who = now(), self._events.member
            finding_id = self._db.insert(
                "findings", kind=kind, name=name, fields=json_text(fields or {}), note=note,
                revision=1, created_at=time, created_by=who, updated_at=time, updated_by=who,
            )  # fmt: skip
            self._set_names(finding_id, [name, *aliases])
            self._set_tags(finding_id, tags)
            self._events.add("added", f"finding:{finding_id}", after=name)
        return self.get(finding_id)

    def edit(
        self,
        finding_id: int,
        revision: int,
        *,
        name: str | None = None,
        fields: dict[str, object] | None = None,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        note: str | None = None,
    ) -> Finding:
        """Change what is given. Conflict where it is no longer at `revision`."""
        with self._db.transaction():
            old = self.get(finding_id)
            subject = f"finding:{old.id}"
            expect(self._events, old.revision, revision, subject=subject, name=old.name)
            self._db.run(
                "update findings set name = ?, fields = ?, note = ?, revision = revision + 1, "
                "updated_at = ?, updated_by = ? where id = ?",
                old.name if name is None else name,
                json_text(old.fields if fields is None else fields),
                old.note if note is None else note,
                now(), self._events.member, old.id,
            )  # fmt: skip
            if name is not None or aliases is not None:
                kept = old.aliases if aliases is None else aliases
                others = self._names_of_merged(old.id)
                self._set_names(old.id, [name or old.name, *(n for n in kept if n not in others)])
            if tags is not None:
                self._set_tags(old.id, tags)
            new = self.get(old.id)
            before, after = changes(old, new, _TOLD)
            if after:
                self._events.add("changed", f"finding:{old.id}", before=before, after=after)
        return new

    def _set_names(self, finding_id: int, names: Iterable[str]) -> None:
        self._db.run("delete from finding_names where finding_id = ?", finding_id)
        for name in dict.fromkeys(" ".join(name.split()) for name in names):
            if plain_name(name):
                self._db.run(
                    "insert into finding_names values (?, ?, ?)", finding_id, name, plain_name(name)
                )

    def _names_of_merged(self, finding_id: int) -> set[str]:
        """Names that a finding answers to only because of a merge; undoing it takes them away."""
        rows = self._db.all(
            "select n.name from finding_names n join findings g on g.id = n.finding_id "
            "where g.merged_into = ?",
            finding_id,
        )
        return {row["name"] for row in rows}

    def _set_tags(self, finding_id: int, tags: Iterable[str]) -> None:
        self._db.run("delete from finding_tags where finding_id = ?", finding_id)
        for tag in dict.fromkeys(tag.strip() for tag in tags if tag.strip()):
            self._db.run("insert into finding_tags values (?, ?)", finding_id, tag)

    # -- merging ---------------------------------------------------------------------------------

    def merge(self, kept_id: int, other_id: int) -> Finding:
        """Let `other` be another name of `kept`: all names, tags and evidence are kept."""
        with self._db.transaction():
            kept, other = self.get(kept_id), self.get(other_id)
            if kept.id == other.id:
                raise UsageError(f"“{kept.name}” and “{other.name}” are one finding already.")
            if kept.kind != other.kind:
                raise UsageError(
                    f"“{kept.name}” is a {kept.kind} and “{other.name}” a {other.kind}: findings "
                    "of two kinds are not merged."
                )
            self._db.run(
                "update findings set merged_into = ? where id = ? or merged_into = ?",
                kept.id, other.id, other.id,
            )  # fmt: skip
            self._events.add("merged", f"finding:{kept.id}", before=f"{other.id}", after=other.name)
        return self.get(kept.id)

    def unmerge(self, other_id: int) -> Finding:
        """Undo the merge of `other`: it stands by itself again, with its own evidence."""
        with self._db.transaction():
            row = self._db.maybe("select name, merged_into from findings where id = ?", other_id)
            if row is None or row["merged_into"] is None:
                raise UsageError(f"Finding {other_id} is not merged into another.")
            self._db.run("update findings set merged_into = null where id = ?", other_id)
            self._events.add(
                "unmerged", f"finding:{row['merged_into']}", before=f"{other_id}", after=row["name"]
            )
        return self.get(other_id)

    def split(
        self,
        finding_id: int,
        evidence_ids: Sequence[int],
        name: str,
        *,
        revision: int | None = None,
    ) -> Finding:
        """A new finding of the same kind that takes over these evidences.

        Conflict where `revision` is given and the finding is no longer at it.
        """
        with self._db.transaction():
            old = self.get(finding_id)
            if revision is not None:
                subject = f"finding:{old.id}"
                expect(self._events, old.revision, revision, subject=subject, name=old.name)
            own = {evidence.id for evidence in self.evidence(old.id)}
            if not evidence_ids or not set(evidence_ids) <= own:
                raise UsageError(
                    f"Name evidence of “{old.name}”: it has {', '.join(map(str, sorted(own)))}."
                )
            new = self.add(old.kind, name, fields=dict(old.fields))
            self._db.run(
                "update evidence set finding_id = ? "
                "where id in (select value from json_each(?))",
                new.id, json.dumps(list(evidence_ids)),
            )  # fmt: skip
            self._events.add("split", f"finding:{old.id}", before=old.name, after=new.name)
        return new

    # -- evidence --------------------------------------------------------------------------------

    def pin(
        self,
        finding_id: int,
        version_id: int,
        start: int,
        end: int,
        *,
        quote: str,
        section: str = "",
        page: int | None = None,
        stance: Stance = "for",
        effect: Effect | None = None,
        note: str = "",
    ) -> Evidence:
        """Keep a quote as evidence of a finding. The same quote again gives the first back."""
        with self._db.transaction():
            finding = self.get(finding_id)
            version = self._db.one(
                "select document_id, sha256 from versions where id = ?", version_id
            )
            same = self._db.maybe(
                "select id from evidence where finding_id = ? and version_id = ? and start = ? "
                "and end = ? and stance = ? and removed_at is null",
                finding.id, version_id, start, end, stance,
            )  # fmt: skip
            if same:
                return self.one_evidence(same["id"])
            evidence_id = self._db.insert(
                "evidence", finding_id=finding.id, document_id=version["document_id"],
                version_id=version_id, sha256=version["sha256"], start=start, end=end, page=page,
                section=section, quote=quote, stance=stance,
                effect=json_text(asdict(effect)) if effect else "", note=note, created_at=now(),
                created_by=self._events.member,
            )  # fmt: skip
            self._events.add("pinned", f"finding:{finding.id}", after=f"evidence:{evidence_id}")
        return self.one_evidence(evidence_id)

    def evidence(self, finding_id: int) -> list[Evidence]:
        """The evidence of a finding and of what was merged into it, oldest first."""
        return self._evidence(
            "e.finding_id in (select id from findings where id = ? or merged_into = ?)",
            finding_id, finding_id,
        )  # fmt: skip

    def evidence_in(self, document_id: int) -> list[Evidence]:
        """All evidence that cites a document, in order of place."""
        return self._evidence("e.document_id = ?", document_id)

    def all_evidence(self) -> list[Evidence]:
        """All evidence of the library, oldest first."""
        return self._evidence("1")

    def superseded_evidence(self) -> list[Evidence]:
        """Evidence that cites another version than the newest of its document, oldest first."""
        return self._evidence(
            "exists (select 1 from documents d where d.id = e.document_id "
            "and d.current_version_id <> e.version_id and d.removed_at is null)"
        )

    def one_evidence(self, evidence_id: int) -> Evidence:
        """One evidence; NotFound where there is none."""
        found = self._evidence("e.id = ?", evidence_id)
        if not found:
            raise NotFound(f"There is no evidence {evidence_id}. See kb findings show.")
        return found[0]

    def remove_evidence(self, evidence_id: int, *, of: int | None = None) -> Evidence:
        """Take an evidence back. Its row stays for the record.

        Conflict where `of` is given and the evidence no longer speaks of that finding.
        """
        with self._db.transaction():
            evidence = self.one_evidence(evidence_id)
            finding = self.get(evidence.finding_id)
            if of is not None and finding.id != of:
                raise Conflict(f"This quote speaks of “{finding.name}” now. Look at it there.")
            self._db.run("update evidence set removed_at = ? where id = ?", now(), evidence_id)
            self._events.add("unpinned", f"finding:{finding.id}", before=f"evidence:{evidence_id}")
        return evidence

    def restore_evidence(self, evidence_id: int) -> Evidence:
        """Undo the removal of an evidence. NotFound where it is not removed.

        Where the same quote has been pinned again meanwhile, that one is given back.
        """
        with self._db.transaction():
            found = self._evidence("e.id = ?", evidence_id, removed=True)
            if not found:
                raise NotFound(f"Evidence {evidence_id} is not among what was removed.")
            old = found[0]
            for each in self.evidence(self.get(old.finding_id).id):
                if (each.version_id, each.start, each.end, each.stance) == (
                    old.version_id, old.start, old.end, old.stance,
                ):  # fmt: skip
                    return each
            self._db.run("update evidence set removed_at = null where id = ?", evidence_id)
            self._events.add(
                "restored", f"finding:{self.get(old.finding_id).id}",
                after=f"evidence:{evidence_id}",
            )  # fmt: skip
        return self.one_evidence(evidence_id)

    def removed_evidence(self, finding_id: int) -> list[Evidence]:
        """What was taken back of a finding's evidence, oldest first."""
        return self._evidence(
            "e.finding_id in (select id from findings where id = ? or merged_into = ?)",
            finding_id, finding_id, removed=True,
        )  # fmt: skip

    def _evidence(self, condition: str, *values: object, removed: bool = False) -> list[Evidence]:
        state = "is not null" if removed else "is null"
        rows = self._db.all(
            "select e.*, v.label from evidence e join versions v on v.id = e.version_id "
            f"where e.removed_at {state} and {condition} order by e.id",
            *values,
        )
        documents = self._documents.by_ids({row["document_id"] for row in rows})
        return [
            Evidence(
                id=row["id"], finding_id=row["finding_id"], document=documents[row["document_id"]],
                version_id=row["version_id"], version_label=row["label"], sha256=row["sha256"],
                start=row["start"], end=row["end"], page=row["page"], section=row["section"],
                quote=row["quote"], stance=row["stance"],
                effect=Effect(**json.loads(row["effect"])) if row["effect"] else None,
                note=row["note"], created_at=row["created_at"], created_by=row["created_by"],
                uid=row["uid"],
            )
            for row in rows
        ]  # fmt: skip


def _finding(row: sqlite3.Row) -> Finding:
    return Finding(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        fields=json.loads(row["fields"]),
        note=row["note"],
        aliases=tuple(name for name in json.loads(row["names"]) if name != row["name"]),
        tags=tuple(json.loads(row["tags"])),
        revision=row["revision"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
        merged=tuple(json.loads(row["merged"])),
        uid=row["uid"],
    )
