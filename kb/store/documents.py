"""Documents and their versions: what the library holds."""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace

from kb.errors import NotFound
from kb.records import (
    Document,
    Kind,
    Line,
    Metadata,
    Page,
    Parsed,
    Section,
    Version,
    title_identifier,
)
from kb.store.connection import Connection, now
from kb.store.events import Events

_SELECT = (
    "select d.*, v.label as version_label, "
    "(select json_group_array(tag) from document_tags where document_id = d.id) as tags, "
    "(select json_group_array(value) from identifiers where document_id = d.id) as identifiers "
    "from documents d join versions v on v.id = d.current_version_id "
)


class Documents:
    """The tables `documents`, `document_tags`, `identifiers` and `versions`."""

    def __init__(self, connection: Connection, events: Events) -> None:
        self._db = connection
        self._events = events

    # -- reading ---------------------------------------------------------------------------------

    def by_key(self, key: str) -> Document:
        """The document of that key or identifier, removed ones too; NotFound names near keys.

        Of a `sha256:` key the beginning is enough, from 8 digits on, where only one begins so.
        """
        row = self._db.maybe(_SELECT + "where d.key = ?", key) or self._db.maybe(
            _SELECT + "where d.id in (select document_id from identifiers where value = ?)"
            " order by d.removed_at is not null, d.id",
            key.lower(),
        )
        if row is None and re.fullmatch(r"sha256:[0-9a-f]{8,63}", key):
            begun = self._db.all(_SELECT + "where d.key glob ? limit 2", f"{key}*")
            row = begun[0] if len(begun) == 1 else None
        if row is None:
            from rapidfuzz import process  # only here: searching must start fast

            keys = [row["key"] for row in self._db.all("select key from documents")]
            near = [match[0] for match in process.extract(key, keys, limit=3, score_cutoff=60)]
            hint = f"Near it: {', '.join(near)}." if near else "See kb documents list."
            raise NotFound(f"There is no document “{key}” in this library. {hint}")
        return _document(row)

    def by_ids(self, ids: Iterable[int]) -> dict[int, Document]:
        """Documents by id; ids that do not exist are missing from the answer."""
        rows = self._db.all(
            _SELECT + "where d.id in (select value from json_each(?))", json.dumps(list(ids))
        )
        return {row["id"]: _document(row) for row in rows}

    def all(self, *, removed: bool = False, project: str | None = None) -> list[Document]:
        """The documents in order of title; or those that were removed."""
        sql = _SELECT + f"where d.removed_at is {'not ' if removed else ''}null "
        values: list[str] = []
        if project is not None:
            sql += (
                "and d.id in (select document_id from project_documents pd "
                "join projects p on p.id = pd.project_id where p.name = ?) "
            )
            values.append(project)
        rows = self._db.all(sql + "order by d.title collate nocase, d.id", *values)
        return [_document(row) for row in rows]

    def has(self, key: str, label: str | None = None) -> bool:
        """Whether a document of that key is here, in that version where a label is given."""
        return (
            self._db.maybe(
                "select 1 from documents d join versions v on v.document_id = d.id "
                "where d.key = ? and (? is null or v.label = ?) limit 1",
                key,
                label,
                label,
            )
            is not None
        )

    def has_content(self, key: str, sha256: str) -> bool:
        """Whether exactly these bytes are a version of that document."""
        return (
            self._db.maybe(
                "select 1 from documents d join versions v on v.document_id = d.id "
                "where d.key = ? and v.sha256 = ? limit 1",
                key,
                sha256,
            )
            is not None
        )

    def version(self, version_id: int) -> Version:
        """A version with its text, pages and sections; NotFound where there is none."""
        row = self._db.maybe("select * from versions where id = ?", version_id)
        if row is None:
            raise NotFound(f"There is no version {version_id} in this library.")
        return _version(row)

    def versions(self, document_id: int) -> list[Version]:
        """All versions of a document, oldest first."""
        rows = self._db.all("select * from versions where document_id = ? order by id", document_id)
        return [_version(row) for row in rows]

    def lines(self, version_id: int) -> tuple[Line, ...]:
        """The printed lines of a version with their boxes; empty where it has no pages."""
        row = self._db.maybe("select lines from versions where id = ?", version_id)
        if row is None or not row["lines"]:
            return ()
        return tuple(
            Line(start, end, page, (box[0], box[1], box[2], box[3]))
            for start, end, page, *box in json.loads(zlib.decompress(row["lines"]))
        )

    def same_work(self, document_ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
        """For each id, the other documents (id, key) that share an identifier, removed ones not."""
        rows = self._db.all(
            "select distinct a.document_id as id, d.id as other, d.key from identifiers a "
            "join identifiers b on b.value = a.value and b.document_id <> a.document_id "
            "join documents d on d.id = b.document_id and d.removed_at is null "
            "where a.document_id in (select value from json_each(?)) order by d.id",
            json.dumps(list(document_ids)),
        )
        found: dict[int, list[tuple[int, str]]] = {}
        for row in rows:
            found.setdefault(row["id"], []).append((row["other"], row["key"]))
        return found

    def duplicates(self) -> list[tuple[str, list[Document]]]:
        """Groups of documents that share an identifier: (the identifiers, the documents)."""
        rows = self._db.all(
            "select i.value, json_group_array(i.document_id) as ids from identifiers i "
            "join documents d on d.id = i.document_id and d.removed_at is null "
            "group by i.value having count(*) > 1 order by i.value"
        )
        groups: dict[tuple[int, ...], list[str]] = {}
        for row in rows:
            groups.setdefault(tuple(sorted(json.loads(row["ids"]))), []).append(row["value"])
        documents = self.by_ids({i for ids in groups for i in ids})
        return [(", ".join(names), [documents[i] for i in ids]) for ids, names in groups.items()]

    def tags(self) -> list[str]:
        """All tags of documents, the most used first."""
        rows = self._db.all(
            "select tag from document_tags group by tag order by count(*) desc, tag collate nocase"
        )
        return [row["tag"] for row in rows]

    def sources(self) -> list[str]:
        """The names of the sources that documents came through, in order."""
        return [row["source"] for row in self._db.all(
            "select distinct source from documents order by source"
        )]  # fmt: skip

    def counts(self) -> dict[str, int]:
        """documents, removed, versions."""
        row = self._db.one(
            "select count(*) filter (where removed_at is null) as documents, "
            "count(*) filter (where removed_at is not null) as removed, "
            "(select count(*) from versions) as versions from documents"
        )
        return dict(row)

    # -- writing ---------------------------------------------------------------------------------

    def add_version(
        self,
        key: str,
        parsed: Parsed,
        *,
        kind: Kind,
        source: str,
        label: str,
        sha256: str,
        media_type: str,
        raw_bytes: int,
        fetched_from: str,
    ) -> tuple[int, int, bool]:
        """Store a version, and its document where that is new. Call inside a transaction.

        Returns the document's id, the version's id and whether the version became the current one:
        an older numbered version (v1 after v5) is kept, and does not replace the newer.
        """
        time = now()
        row = self._db.maybe("select * from documents where key = ?", key)
        metadata = _with_identifiers(parsed.metadata, key, sha256, kind)
        if row is None:
            document_id = self._db.insert(
                "documents",
                key=key,
                kind=kind,
                source=source,
                added_at=time,
                added_by=self._events.member,
                **_columns(metadata),
            )
        else:
            document_id = row["id"]
        version_id = self._db.insert(
            "versions",
            document_id=document_id,
            label=label,
            sha256=sha256,
            media_type=media_type,
            raw_bytes=raw_bytes,
            text=parsed.text,
            pages=json.dumps([astuple(page) for page in parsed.pages]),
            sections=json.dumps([astuple(section) for section in parsed.sections]),
            lines=_packed(parsed.lines),
            fetched_at=time,
            fetched_from=fetched_from,
        )
        current = row is None or not self._is_older(label, row["current_version_id"])
        if current:
            columns = _columns(metadata) | {"current_version_id": version_id, "source": source}
            changes = ", ".join(f"{name} = ?" for name in columns)
            self._db.run(
                f"update documents set {changes} where id = ?", *columns.values(), document_id
            )
        for tag in metadata.tags:
            self._db.run(
                "insert into document_tags values (?, ?) on conflict do nothing", document_id, tag
            )
        for value in metadata.identifiers:
            self._db.run(
                "insert into identifiers values (?, ?) on conflict do nothing", document_id, value
            )
        self._events.add("added" if row is None else "updated", key, after=label)
        return document_id, version_id, current

    def _is_older(self, label: str, current_version_id: int) -> bool:
        row = self._db.one("select label from versions where id = ?", current_version_id)
        old, new = (re.fullmatch(r"v(\d+)", text) for text in (row["label"], label))
        return bool(old and new and int(new[1]) < int(old[1]))

    def remove(self, key: str) -> Document:
        """Take a document out of search at once; everything about it is kept."""
        return self._set_removed(key, "removed", now())

    def restore(self, key: str) -> Document:
        """Undo `remove`."""
        return self._set_removed(key, "restored", None)

    def _set_removed(self, key: str, what: str, time: str | None) -> Document:
        with self._db.transaction():
            document = self.by_key(key)
            if (document.removed_at is None) != (time is None):
                self._db.run(
                    "update documents set removed_at = ?, removed_by = ? where id = ?",
                    time,
                    self._events.member if time else None,
                    document.id,
                )
                self._events.add(what, document.key)
        return replace(document, removed_at=time)


def _with_identifiers(metadata: Metadata, key: str, sha256: str, kind: Kind) -> Metadata:
    """`metadata` with every identifier that could tell the same work elsewhere.

    A note may bear the title of the paper it is about, and is not that paper.
    """
    scheme = key.split(":", 1)[0]
    own = [f"sha256:{sha256}"] + ([key.lower()] if scheme in {"arxiv", "doi"} else [])
    title = title_identifier(metadata.title, metadata.authors)
    if title and kind != "note":
        own.append(title)
    joined = dict.fromkeys([*(value.lower() for value in metadata.identifiers), *own])
    return replace(metadata, identifiers=tuple(joined))


def _columns(metadata: Metadata) -> dict[str, object]:
    return {
        "title": metadata.title,
        "authors": json.dumps(metadata.authors, ensure_ascii=False),
        "published": metadata.published,
        "year": metadata.year,
        "abstract": metadata.abstract,
        "venue": metadata.venue,
        "url": metadata.url,
        "language": metadata.language,
    }


def _document(row: sqlite3.Row) -> Document:
    return Document(
        id=row["id"],
        key=row["key"],
        kind=row["kind"],
        source=row["source"],
        metadata=Metadata(
            title=row["title"],
            authors=tuple(json.loads(row["authors"])),
            published=row["published"],
            abstract=row["abstract"],
            venue=row["venue"],
            url=row["url"],
            language=row["language"],
            tags=tuple(json.loads(row["tags"])),
            identifiers=tuple(json.loads(row["identifiers"])),
        ),
        added_at=row["added_at"],
        version_id=row["current_version_id"],
        version_label=row["version_label"],
        removed_at=row["removed_at"],
    )


def _version(row: sqlite3.Row) -> Version:
    return Version(
        id=row["id"],
        document_id=row["document_id"],
        label=row["label"],
        sha256=row["sha256"],
        media_type=row["media_type"],
        text=row["text"],
        pages=tuple(Page(*page) for page in json.loads(row["pages"])),
        sections=tuple(Section(*section) for section in json.loads(row["sections"])),
        fetched_at=row["fetched_at"],
    )


def _packed(lines: Sequence[Line]) -> bytes:
    """Lines as compressed JSON, boxes to a tenth of a point: about 15 bytes a line."""
    if not lines:
        return b""
    rows = [[x.start, x.end, x.page, *(round(side, 1) for side in x.box)] for x in lines]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode())
