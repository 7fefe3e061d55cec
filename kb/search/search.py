"""A query to passages, grouped by the work they stand in.

Knows how candidates are found, filtered, joined and grouped. It knows no SQL, no vector library
and no encoder: those are handed in, the encoder as a call that is made only when needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kb.errors import NotFound, UsageError
from kb.records import KINDS, MODES, Document, DocumentHits, Hit, Model, Query
from kb.search.embed import from_blobs
from kb.search.fuse import fuse, towards_best
from kb.search.lexical import WEIGHTS, Expression, expression, marks
from kb.search.relevance import relevance
from kb.store import Store

if TYPE_CHECKING:
    from kb.search.embed import Embedder, Vectors
    from kb.search.index import VectorIndex

DEPTH = 200
"""Candidate passages taken from each side: benchmarks/retrieval.py."""

LARGE = 20_000  # passages from which on common words cost more time than anything else

PASSAGES_KEPT = 10  # of one document
BEFORE, AFTER = "\x02", "\x03"  # around a match; no parser lets these characters through


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage with its scores, before anything of it is read."""

    passage_id: int
    score: float
    semantic: float | None = None
    lexical: float | None = None


class Searcher:
    """Search in one library with one model. Belongs to the thread of its store."""

    def __init__(
        self,
        store: Store,
        model: Model,
        *,
        embedder: Callable[[], Embedder],
        index: Callable[[], VectorIndex],
    ) -> None:
        """`embedder` and `index` are called when vectors are needed, never in lexical mode."""
        self._store = store
        self._model = model
        self._embedder = embedder
        self._index = index

    def search(self, query: Query) -> list[DocumentHits]:
        """The `query.k` documents that answer best, best first, each with its best passages.

        Raises UsageError for an empty question and for filters that name what cannot be, NotFound
        for a document that is not here.
        """
        query = self._checked(query)
        large = self._store.passages.number() > LARGE
        words = expression(query.text, self._rarity, large=large)
        vector = None if query.mode == "lexical" else self._embedder().embed_query(query.text)
        depth = max(DEPTH, 4 * query.k)
        while True:
            candidates, exhausted = self._candidates(query, words, vector, depth)
            places = self._store.passages.places([c.passage_id for c in candidates])
            found = self._grouped(candidates, places, query.k, words)
            if exhausted or len(found) >= query.k:
                return found
            depth *= 4

    def similar(self, key: str, *, k: int = 10) -> list[DocumentHits]:
        """The `k` works nearest to the one of that key, best first; itself and its copies not.

        Near is the cosine of the means of the works' passages, references left out.
        """
        document = self._store.documents.by_key(key)
        same = self._store.documents.same_work([document.id]).get(document.id, [])
        own = {document.id, *(other for other, _ in same)}
        mean = self._means([document.id]).get(document.id)
        if mean is None:
            mean = self._embedder().embed_query(f"{document.title}\n{document.metadata.abstract}")
        query = Query(document.title, k=k, mode="semantic")
        depth = max(DEPTH, 20 * k)
        while True:
            near, exhausted = self._nearest(mean, query, depth)
            places = self._store.passages.places(near)
            near = {i: c for i, c in near.items() if i in places and places[i][0] not in own}
            others = list(dict.fromkeys(places[i][0] for i in near))
            if exhausted or len(others) >= 2 * k:  # some may be copies of others
                break
            depth *= 4
        means = self._means(others[: 4 * k])
        scores = {i: float(vector @ mean) for i, vector in means.items()}
        candidates = [
            Candidate(i, scores[places[i][0]], semantic=cosine)
            for i, cosine in near.items()
            if places[i][0] in scores
        ]
        candidates.sort(key=lambda c: (-c.score, -(c.semantic or 0.0), c.passage_id))
        return self._grouped(candidates, places, k, None)

    def promising(
        self, useful: Sequence[int], useless: Sequence[int], left: Sequence[int]
    ) -> list[tuple[int, float]]:
        """The documents of `left` with their expected use, the most promising first.

        `useful` and `useless` are ids of documents that the team has tagged in, and that it has
        excluded or read in vain. Documents without vectors come last, with score 0.
        """
        means = self._means([*useful, *useless, *left])

        def vectors(ids: Sequence[int]) -> Vectors:
            rows = [means[i] for i in ids if i in means]
            return np.stack(rows) if rows else np.zeros((0, self._model.dimension), np.float32)

        scores = relevance(vectors(useful), vectors(useless), vectors(left))
        found = dict(zip((i for i in left if i in means), scores, strict=True))
        ranked = [(i, float(found.get(i, 0.0))) for i in left]
        return sorted(ranked, key=lambda row: (row[0] not in found, -row[1], row[0]))

    # -- candidates ------------------------------------------------------------------------------

    def _candidates(
        self, query: Query, words: Expression | None, vector: Vectors | None, depth: int
    ) -> tuple[list[Candidate], bool]:
        """Passages best first, and whether there are no more than these."""
        near: dict[int, float] = {}
        all_near = True
        if vector is not None:
            near, all_near = self._nearest(vector, query, depth)
        if query.mode == "semantic":
            return [Candidate(i, cosine, cosine) for i, cosine in near.items()], all_near
        matched = self._matched(words, query, depth)
        exhausted = all_near and len(matched) < depth
        if vector is None:
            return [Candidate(i, bm25, None, bm25) for i, bm25 in matched.items()], exhausted
        return self._fused(vector, near, matched), exhausted

    def _fused(
        self, vector: Vectors, near: dict[int, float], matched: dict[int, float]
    ) -> list[Candidate]:
        """Both sides joined, best first: scored, then scored again nearer to what came out best."""
        ids = list(dict.fromkeys([*near, *matched]))
        vectors = self._vectors(ids)
        lexical = np.array([matched.get(i, 0.0) for i in ids])
        cosines = (vectors @ vector).astype(np.float64)
        moved = towards_best(vector, vectors, fuse(cosines, lexical))
        scores = fuse((vectors @ moved).astype(np.float64), lexical)
        candidates = [
            Candidate(i, float(score), None if np.isnan(cosine) else float(cosine), matched.get(i))
            for i, score, cosine in zip(ids, scores, cosines, strict=True)
        ]
        return sorted(candidates, key=lambda c: (-c.score, c.passage_id))

    def _vectors(self, ids: Sequence[int]) -> Vectors:
        """(n, d) in the order of `ids`; a row of NaN where a passage has no vector yet."""
        rows = np.full((len(ids), self._model.dimension), np.nan, dtype=np.float32)
        blobs = self._store.vectors.of_passages(ids)
        known = [row for row, passage_id in enumerate(ids) if passage_id in blobs]
        rows[known] = from_blobs([blobs[ids[row]] for row in known], self._model.dimension)
        return rows

    def _nearest(self, vector: Vectors, query: Query, depth: int) -> tuple[dict[int, float], bool]:
        """Passages within the filters by cosine, best first, and whether these are all.

        Twice the depth is searched and then filtered; only where too few are left is the filter
        worked out for the whole library.
        """
        index = self._index()
        found = index.search(vector, 2 * depth)
        kept = self._store.passages.keep_matching([i for i, _ in found], query, self._model.id)
        hits = [(i, cosine) for i, cosine in found if i in kept][:depth]
        if len(hits) < depth and len(found) == 2 * depth:
            allowed = self._store.passages.matching(query, self._model.id)
            hits = index.search(vector, depth, only=allowed)
        return dict(hits), len(hits) < depth

    def _matched(self, words: Expression | None, query: Query, depth: int) -> dict[int, float]:
        if words is None:
            return {}
        return dict(
            self._store.passages.lexical(words.match, query, self._model.id, depth, weights=WEIGHTS)
        )

    def _rarity(self, term: str) -> float:
        """How telling a term is, see `lexical.Rarity`."""
        count = self._store.passages.match_count(term)
        return math.log(self._store.passages.number() / count) if count else 0.0

    def _means(self, document_ids: Sequence[int]) -> dict[int, Vectors]:
        """The mean direction of each document's passages, where it has vectors."""
        means: dict[int, Vectors] = {}
        for document_id in document_ids:
            ids = self._store.passages.of_document(document_id, self._model.id)
            kept = self._store.passages.keep_matching(ids, Query(""), self._model.id)
            vectors = self._vectors(sorted(kept) or ids)
            vectors = vectors[~np.isnan(vectors).any(axis=1)]
            if len(vectors):
                mean = vectors.mean(axis=0)
                means[document_id] = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return means

    # -- what the user sees ----------------------------------------------------------------------

    def _grouped(
        self,
        candidates: Sequence[Candidate],
        places: dict[int, tuple[int, int, int]],
        k: int,
        words: Expression | None,
    ) -> list[DocumentHits]:
        """The first `k` works of the ranking, copies of one work under the best placed of them."""
        by_document: dict[int, list[Candidate]] = {}
        for candidate in candidates:
            if candidate.passage_id in places:  # else it went while we searched
                by_document.setdefault(places[candidate.passage_id][0], []).append(candidate)
        same = self._store.documents.same_work(list(by_document))
        chosen: dict[int, list[Candidate]] = {}
        copies: set[int] = set()
        for document_id, group in by_document.items():
            if document_id not in copies and len(chosen) < k:
                chosen[document_id] = _without_overlap(group, places)[:PASSAGES_KEPT]
                copies.update(other for other, _ in same.get(document_id, []))
        documents = self._store.documents.by_ids(chosen)
        hits = self._hits([c for group in chosen.values() for c in group], documents, words)
        return [
            DocumentHits(
                documents[document_id],
                tuple(hits[c.passage_id] for c in group if c.passage_id in hits),
                tuple(key for _, key in same.get(document_id, [])),
            )
            for document_id, group in chosen.items()
            if document_id in documents and any(c.passage_id in hits for c in group)
        ]

    def _hits(
        self,
        candidates: Sequence[Candidate],
        documents: dict[int, Document],
        words: Expression | None,
    ) -> dict[int, Hit]:
        ids = [c.passage_id for c in candidates]
        rows = self._store.passages.by_ids(ids)
        marked = (
            self._store.passages.highlighted(words.marking, ids, before=BEFORE, after=AFTER)
            if words
            else {}
        )
        hits = {}
        for candidate in candidates:
            row = rows.get(candidate.passage_id)
            if row is None or row.document_id not in documents:
                continue
            hits[row.id] = Hit(
                passage_id=row.id,
                document=documents[row.document_id],
                start=row.start,
                end=row.end,
                section=row.section,
                page=row.page,
                page_end=row.page_end,
                page_label=row.page_label,
                text=row.text,
                marks=marks(row.text, marked.get(row.id, ""), BEFORE, AFTER),
                score=candidate.score,
                semantic=candidate.semantic,
                lexical=candidate.lexical,
            )
        return hits

    # -- the question ----------------------------------------------------------------------------

    def _checked(self, query: Query) -> Query:
        """The query with its document's own key; an error where it cannot be answered."""
        if not query.text.strip():
            raise UsageError("The question is empty. Ask in words, for example: kb search dropout.")
        if query.k < 1:
            raise UsageError(f"-k is the number of documents wanted, at least 1, not {query.k}.")
        _require([query.mode], MODES, "search mode", "Modes")
        _require(query.kinds, KINDS, "kind", "Kinds")
        if query.sources:
            _require(query.sources, self._store.documents.sources(), "source", "Sources")
        if query.tags:
            _require(query.tags, self._store.documents.tags(), "tag", "Tags")
        if query.project is not None:
            _require([query.project], self._store.projects.names(), "project", "Projects")
        if query.document is None:
            return query
        document = self._store.documents.by_key(query.document)
        if document.removed_at:
            raise NotFound(
                f"{document.key} was removed from this library. "
                f"To search it again: kb documents restore {document.key}."
            )
        return replace(query, document=document.key)


def _require(given: Sequence[str], known: Sequence[str], what: str, plural: str) -> None:
    for name in given:
        if name not in known:
            listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
            raise NotFound(
                f"There is no {what} “{name}” in this library. {plural}: {listed or 'none yet'}."
            )


def _without_overlap(
    group: Sequence[Candidate], places: dict[int, tuple[int, int, int]]
) -> list[Candidate]:
    """The candidates less those that mostly repeat the text of a better one."""
    kept: list[Candidate] = []
    for candidate in group:
        _, start, end = places[candidate.passage_id]
        shared = max(
            (
                min(end, places[other.passage_id][2]) - max(start, places[other.passage_id][1])
                for other in kept
            ),
            default=0,
        )
        if 2 * shared <= end - start:
            kept.append(candidate)
    return kept
