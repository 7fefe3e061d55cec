"""Passages, and the lexical postings that belong to them.

A passage holds offsets only: its text is always cut from the version's text, so the two cannot
disagree. Each model has passages of its own, since each takes texts of another length.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kb.records import PassageSpan, Query
from kb.store.connection import Connection

_FROM = "from passages p join documents d on d.id = p.document_id "


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A stored passage with its text."""

    id: int
    document_id: int
    version_id: int
    start: int
    end: int
    section: str
    role: str
    page: int | None
    page_end: int | None
    page_label: str
    title: str
    text: str


class Passages:
    """The tables `passages` and `passages_fts`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def replace(
        self,
        document_id: int,
        version_id: int,
        model_id: int,
        spans: Sequence[PassageSpan],
        *,
        title: str,
        text: str,
    ) -> None:
        """Make `spans` of `text` the document's passages for that model.

        Call inside a transaction. Passages of the document's earlier versions for the same model
        go, and their vectors with them.
        """
        self._db.run(
            "delete from passages where document_id = ? and model_id = ?", document_id, model_id
        )
        for ordinal, span in enumerate(spans):
            passage_id = self._db.insert(
                "passages",
                document_id=document_id, version_id=version_id, model_id=model_id,
                ordinal=ordinal, start=span.start, end=span.end, section=span.section,
                role=span.role, page=span.page, page_end=span.page_end,
            )  # fmt: skip
            self._db.run(
                "insert into passages_fts (rowid, title, section, body) values (?, ?, ?, ?)",
                passage_id, title, span.section, text[span.start : span.end],
            )  # fmt: skip

    def mend_words(self) -> int:
        """Put back what the full-text index has lost of passages; how many that were."""
        with self._db.transaction():
            mended = self._db.run(
                "insert into passages_fts (rowid, title, section, body) "
                "select p.id, d.title, p.section, substr(v.text, p.start + 1, p.end - p.start) "
                "from passages p join versions v on v.id = p.version_id "
                "join documents d on d.id = p.document_id "
                "where p.id not in (select id from passages_fts_docsize)"
            )
        return mended.rowcount

    def versions_without(self, model_id: int, limit: int, *, after: int = 0) -> list[int]:
        """Ids of current versions that have no passages for that model, in order, from beyond
        `after`. A version without text never has any.
        """
        rows = self._db.all(
            "select v.id from documents d join versions v on v.id = d.current_version_id "
            "where trim(v.text) <> '' and v.id > ? and not exists (select 1 from passages "
            "where version_id = v.id and model_id = ?) order by v.id limit ?",
            after, model_id, limit,
        )  # fmt: skip
        return [row["id"] for row in rows]

    def unembedded(self, model_id: int, limit: int, *, after: int = 0) -> list[PassageRow]:
        """Passages of that model without a vector, in order of id, from beyond `after`."""
        ids = self._db.all(
            "select p.id from passages p left join vectors v on v.passage_id = p.id "
            "where v.id is null and p.model_id = ? and p.id > ? order by p.id limit ?",
            model_id, after, limit,
        )  # fmt: skip
        return list(self.by_ids(row["id"] for row in ids).values())

    def counts(self, model_id: int) -> tuple[int, int]:
        """How many passages that model has, and how many of them have no vector."""
        row = self._db.one(
            "select count(*) as passages, count(*) - count(v.id) as unembedded "
            "from passages p left join vectors v on v.passage_id = p.id where p.model_id = ?",
            model_id,
        )
        return row["passages"], row["unembedded"]

    def by_ids(self, ids: Iterable[int]) -> dict[int, PassageRow]:
        """Passages by id, in order of id; ids that do not exist are missing."""
        rows = self._db.all(
            "select p.*, d.title, v.pages, substr(v.text, p.start + 1, p.end - p.start) as text "
            + _FROM
            + "join versions v on v.id = p.version_id "
            "where p.id in (select value from json_each(?)) order by p.id",
            json.dumps(list(ids)),
        )
        return {row["id"]: _passage(row) for row in rows}

    def places(self, ids: Iterable[int]) -> dict[int, tuple[int, int, int]]:
        """(document id, start, end) of each passage that exists: cheaper than with its text."""
        rows = self._db.all(
            "select id, document_id, start, end from passages "
            "where id in (select value from json_each(?))",
            json.dumps(list(ids)),
        )
        return {row["id"]: (row["document_id"], row["start"], row["end"]) for row in rows}

    def of_document(self, document_id: int, model_id: int) -> list[int]:
        """Ids of a document's passages, in reading order."""
        rows = self._db.all(
            "select id from passages where document_id = ? and model_id = ? order by ordinal",
            document_id, model_id,
        )  # fmt: skip
        return [row["id"] for row in rows]

    # -- searching -------------------------------------------------------------------------------

    def matching(self, query: Query, model_id: int) -> list[int]:
        """Ids of all passages that satisfy the query's filters, in order."""
        condition, values = _filter(query)
        rows = self._db.all(
            f"select p.id {_FROM} where p.model_id = ? and {condition} order by p.id",
            model_id, *values,
        )  # fmt: skip
        return [row["id"] for row in rows]

    def keep_matching(self, ids: Sequence[int], query: Query, model_id: int) -> set[int]:
        """Those of `ids` that satisfy the query's filters. Cheaper than `matching` for few ids."""
        condition, values = _filter(query)
        rows = self._db.all(
            "select p.id from json_each(?) as wanted cross join passages p on p.id = wanted.value "
            f"join documents d on d.id = p.document_id where p.model_id = ? and {condition}",
            json.dumps(list(ids)), model_id, *values,
        )  # fmt: skip
        return {row["id"] for row in rows}

    def lexical(
        self,
        match: str,
        query: Query,
        model_id: int,
        limit: int,
        *,
        weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> list[tuple[int, float]]:
        """Passages that an FTS5 expression matches within the filters: (id, BM25), best first.

        BM25 is turned so that higher is better; `weights` are those of title, section and body.
        """
        condition, values = _filter(query)
        title, section, body = (float(weight) for weight in weights)
        rows = self._db.all(
            f"select p.id, -bm25(passages_fts, {title}, {section}, {body}) as score "
            "from passages_fts cross join passages p on p.id = passages_fts.rowid "
            "join documents d on d.id = p.document_id "
            f"where passages_fts match ? and p.model_id = ? and {condition} "
            f"order by bm25(passages_fts, {title}, {section}, {body}) limit ?",
            match, model_id, *values, limit,
        )  # fmt: skip
        return [(row["id"], row["score"]) for row in rows]

    def highlighted(
        self, match: str, ids: Sequence[int], *, before: str, after: str
    ) -> dict[int, str]:
        """The texts of those of `ids` that the expression matches, marked around each match."""
        rows = self._db.all(
            "select f.rowid as id, highlight(passages_fts, 2, ?, ?) as text "
            "from json_each(?) as wanted cross join passages_fts f "
            "where f.rowid = wanted.value and passages_fts match ?",
            before, after, json.dumps(list(ids)), match,
        )  # fmt: skip
        return {row["id"]: row["text"] for row in rows}

    def number(self) -> int:
        """How many passages there are, over all models: as many as FTS5 counts. At no cost."""
        return int(self._db.one("select count(*) as n from passages")["n"])

    def match_count(self, match: str) -> int:
        """In how many passages an FTS5 expression matches, filters aside."""
        row = self._db.one(
            "select count(*) as n from passages_fts where passages_fts match ?", match
        )
        return int(row["n"])


def _filter(query: Query) -> tuple[str, list[object]]:
    """The query's filters as an SQL condition over p (passages) and d (documents)."""
    conditions = ["d.removed_at is null"]
    values: list[object] = []

    def require(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    if not query.include_references:
        require("p.role <> 'references'")
    if query.kinds:
        require("d.kind in (select value from json_each(?))", json.dumps(query.kinds))
    if query.sources:
        require("d.source in (select value from json_each(?))", json.dumps(query.sources))
    if query.since is not None:
        require("d.year >= ?", query.since)
    for tag in query.tags:
        require("d.id in (select document_id from document_tags where tag = ?)", tag)
    if query.project is not None:
        require(
            "d.id in (select document_id from project_documents pd "
            "join projects on projects.id = pd.project_id where projects.name = ?)",
            query.project,
        )
    if query.document is not None:
        require("d.key = ?", query.document)
    return " and ".join(conditions), values


def _passage(row: sqlite3.Row) -> PassageRow:
    pages = json.loads(row["pages"]) if row["page"] is not None else []
    return PassageRow(
        id=row["id"],
        document_id=row["document_id"],
        version_id=row["version_id"],
        start=row["start"],
        end=row["end"],
        section=row["section"],
        role=row["role"],
        page=row["page"],
        page_end=row["page_end"],
        page_label=pages[row["page"] - 1][0] if pages else "",
        title=row["title"],
        text=row["text"],
    )
