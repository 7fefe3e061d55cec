"""The vector index: exact search in FAISS over what the store holds. The only home of faiss.

It is a cache. The file's name says which generation of the store's vectors it holds, so that one
`os.replace` puts both in place; what came later is read from the store, and a file that cannot be
right (missing, damaged, ahead of the database, of other vectors) is built anew.

How passages are filtered or ranked beyond the cosine is not known here.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np

from kb.records import Model
from kb.search.embed import Vectors, from_blobs
from kb.store import Store
from kb.store.vectors import Generation

log = logging.getLogger(__name__)

SMALL = 50_000
"""Vectors up to which the whole file is written after any change: 38 MB at 384 dimensions."""
REWRITE_SHARE = 0.05
"""Of a larger index that may be new or dropped before its file is written again."""

_NAME = re.compile(r"m(?P<model>\d+)-(?P<added>\d+)-(?P<dropped>\d+)-(?P<crc>[0-9a-f]{8})\.faiss")


class VectorIndex(Protocol):
    """Passages by nearness of their vectors."""

    def search(
        self, vector: Vectors, k: int, *, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` nearest passages as (id, cosine), best first, ties by id; `only` among these."""
        ...

    def __len__(self) -> int:
        """How many vectors are searched."""
        ...


@dataclass(frozen=True, slots=True)
class _State:
    """One moment of an index. Never changed: a search in another thread keeps the one it began."""

    generation: Generation
    base: Any  # as in the file
    recent: Any  # added since
    dropped: frozenset[int]  # ids in `base` or `recent` that are gone

    @property
    def changes(self) -> int:
        return int(self.recent.ntotal) + len(self.dropped)


class FaissIndex:
    """Exact search by inner product over float16 vectors. Thread-safe."""

    def __init__(self, model: Model, folder: Path) -> None:
        """An index without vectors; `refresh` brings it up to the store."""
        self._model = model
        self._folder = folder
        self._lock = threading.Lock()
        self._state = _State(
            Generation(), _empty(model.dimension), _empty(model.dimension), frozenset()
        )

    def __len__(self) -> int:
        """How many vectors are searched."""
        state = self._state
        return int(state.base.ntotal + state.recent.ntotal) - len(state.dropped)

    @property
    def generation(self) -> Generation:
        """What the index answers for."""
        return self._state.generation

    def search(
        self, vector: Vectors, k: int, *, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """The `k` nearest passages as (id, cosine), best first, ties by id; `only` among these.

        Fewer than `k` where there are fewer. Raises ValueError for a vector of another dimension,
        or one that is not finite.
        """
        if vector.shape != (self._model.dimension,):
            raise ValueError(
                f"A vector of shape {vector.shape} is no query to an index of dimension "
                f"{self._model.dimension}."
            )
        if not np.isfinite(vector).all():
            raise ValueError("A query vector must be finite.")
        state = self._state
        selector, keep = _selector(only, state.dropped)
        found: list[tuple[int, float]] = []
        for part in (state.base, state.recent):
            most = min(k, int(part.ntotal))
            if most and (only is None or len(only)):
                parameters = faiss.SearchParameters(sel=selector) if selector else None
                scores, ids = part.search(vector[None, :], most, params=parameters)
                found += [
                    (int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i != -1
                ]
        del keep  # faiss selectors borrow: the one inside must live until here
        found.sort(key=lambda row: (-row[1], row[0]))
        return found[:k]

    def refresh(self, store: Store) -> None:
        """Take in what the store's vectors have gained and lost; nothing to do is cheap."""
        with self._lock:
            now = store.vectors.generation()
            if now != self._state.generation:
                self._state = self._caught_up(self._state, store, now)
                self._write_if_due(store)

    def _caught_up(self, state: _State, store: Store, now: Generation) -> _State:
        recent = faiss.clone_index(state.recent)
        for rows in store.vectors.added_since(state.generation, now, self._model.id):
            ids = np.array([passage_id for passage_id, _ in rows], dtype=np.int64)
            recent.add_with_ids(from_blobs([v for _, v in rows], self._model.dimension), ids)
        held = {*_ids(state.base), *_ids(recent)} if now.dropped != state.generation.dropped else ()
        gone = set(store.vectors.dropped_since(state.generation)) & set(held)
        return _State(now, state.base, recent, state.dropped | gone)

    # -- the file ------------------------------------------------------------------------------

    def load(self, store: Store) -> None:
        """Begin from the newest file that can be right, where there is one."""
        now = store.vectors.generation()
        files = [(g, file) for g, file in _files(self._folder, self._model.id) if g <= now]
        for generation, file in sorted(files, reverse=True):
            if generation.dropped > now.dropped or not _fits(file, store, generation):
                continue
            try:
                base = faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)
            except RuntimeError as error:
                log.warning("The index file %s cannot be read and is built anew: %s", file, error)
                continue
            if base.d == self._model.dimension:
                self._state = _State(generation, base, _empty(base.d), frozenset())
                return

    def _write_if_due(self, store: Store) -> None:
        state = self._state
        if state.changes and (len(self) <= SMALL or state.changes > REWRITE_SHARE * len(self)):
            merged = _merged(state, self._model.dimension)
            self._state = _State(
                state.generation, merged, _empty(self._model.dimension), frozenset()
            )
            try:
                self._write(store)
            except OSError as error:  # a read-only or full disk: the cache stays in memory
                log.warning("The index could not be written to %s: %s", self._folder, error)

    def _write(self, store: Store) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        state = self._state
        target = self._folder / _name(self._model.id, state.generation, store)
        handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
        os.close(handle)
        try:
            faiss.write_index(state.base, temporary)
            Path(temporary).replace(target)
        except RuntimeError as error:  # faiss reports a full disk so
            raise OSError(str(error)) from error
        finally:
            Path(temporary).unlink(missing_ok=True)
        for generation, file in _files(self._folder, self._model.id):
            if generation < state.generation:
                file.unlink(missing_ok=True)


def open_index(store: Store, model: Model, folder: Path) -> FaissIndex:
    """The index of `model`'s vectors in `store`, from its file in `folder` and what came later."""
    index = FaissIndex(model, folder)
    index.load(store)
    index.refresh(store)
    return index


def file_generation(folder: Path, model: Model) -> Generation:
    """The generation of the newest index file; the zero generation where there is none."""
    return max((generation for generation, _ in _files(folder, model.id)), default=Generation())


def _empty(dimension: int) -> Any:
    # float16 halves the memory and is the faster: 6.7 ms against 11 at 100,000 × 384, same answers.
    scalar = faiss.ScalarQuantizer.QT_fp16
    return faiss.IndexIDMap2(
        faiss.IndexScalarQuantizer(dimension, scalar, faiss.METRIC_INNER_PRODUCT)
    )


def _ids(index: Any) -> list[int]:
    ids: list[int] = faiss.vector_to_array(index.id_map).tolist()
    return ids


def _merged(state: _State, dimension: int) -> Any:
    """A new index of everything in `state` that is not dropped."""
    merged = _empty(dimension)
    gone = np.fromiter(state.dropped, dtype=np.int64)
    for part in (state.base, state.recent):
        if part.ntotal:
            ids = faiss.vector_to_array(part.id_map)
            keep = np.flatnonzero(~np.isin(ids, gone))
            for rows in np.array_split(keep, max(1, len(keep) // 10_000)):
                if len(rows):
                    merged.add_with_ids(part.index.reconstruct_batch(rows), ids[rows])
    return merged


def _selector(only: Sequence[int] | None, dropped: frozenset[int]) -> tuple[Any, Any]:
    """A FAISS selector for these ids, None for all, and what it borrows and must be kept alive."""
    if only is not None:
        wanted = [i for i in only if i not in dropped] if dropped else list(only)
        ids = np.array(wanted, dtype=np.int64)
        return faiss.IDSelectorBatch(ids), ids
    if dropped:
        inner = faiss.IDSelectorBatch(np.fromiter(dropped, dtype=np.int64))
        return faiss.IDSelectorNot(inner), inner
    return None, None


def _name(model_id: int, generation: Generation, store: Store) -> str:
    crc = _checksum(store, generation) or 0
    return f"m{model_id}-{generation.added}-{generation.dropped}-{crc:08x}.faiss"


def _files(folder: Path, model_id: int) -> list[tuple[Generation, Path]]:
    found = []
    for file in folder.glob("*.faiss"):
        match = _NAME.fullmatch(file.name)
        if match and int(match["model"]) == model_id:
            found.append((Generation(int(match["added"]), int(match["dropped"])), file))
    return found


def _checksum(store: Store, generation: Generation) -> int | None:
    """Of the last vector that a generation holds; None where that has been dropped since."""
    blob = store.vectors.blob(generation.added)
    return zlib.crc32(blob) if blob is not None else None


def _fits(file: Path, store: Store, generation: Generation) -> bool:
    """Whether a file can be of this database: not so for one of another history, as after a
    restored backup."""
    match = _NAME.fullmatch(file.name)
    crc = _checksum(store, generation)
    return match is not None and (crc is None or crc == int(match["crc"], 16))
