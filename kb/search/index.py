"""The vector index: exact search in FAISS over what the store holds. The only home of faiss.

It is a cache. The store names the one file that is its own; the name says which generation of the
vectors the file holds, and the checksum of its content. What came later is read from the store. A
file that is missing, damaged or of another history (a backup may have been restored) is not the one
named, and is built anew.

How passages are filtered or ranked beyond the cosine is not known here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np
from numpy.typing import NDArray

from kb.records import Model
from kb.search.embed import Vectors, from_blobs
from kb.store import Store
from kb.store.connection import WriteRefused
from kb.store.vectors import Generation

log = logging.getLogger(__name__)

SMALL = 50_000
"""Vectors up to which the whole file is written after any change: 38 MB at 384 dimensions."""
REWRITE_SHARE = 0.05
"""Of a larger index that may be new or dropped before its file is written again."""

ORPHANED = 3600.0
"""Seconds after which a file that is not the library's own is nobody's unfinished work."""

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

    def __len__(self) -> int:
        return int(self.base.ntotal + self.recent.ntotal) - len(self.dropped)

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
        self._state = _new(Generation(), _empty(model.dimension))

    def __len__(self) -> int:
        """How many vectors are searched."""
        return len(self._state)

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
        if k < 1 or (only is not None and not len(only)):
            return []
        state = self._state
        selector, borrowed = _selector(only, state.dropped)
        found: list[tuple[int, float]] = []
        for part in (state.base, state.recent):
            if part.ntotal:
                found += _nearest(part, vector, k, selector)
        del borrowed  # it must live until here
        found.sort(key=lambda row: (-row[1], row[0]))
        return found[:k]

    # -- keeping up ------------------------------------------------------------------------------

    def refresh(self, store: Store) -> None:
        """Take in what the store's vectors have gained and lost; nothing to do is cheap.

        Writes the file where that is due. Where it cannot be written, that is a warning: the index
        answers from memory, and the next process reads the vectors again.
        """
        with self._lock:
            now, held = store.vectors.generation(), self._state.generation
            if now == held:
                return
            if now.added < held.added or now.dropped < held.dropped:  # a backup was restored
                self._state = _new(Generation(), _empty(self._model.dimension))
            state = self._caught_up(self._state, store, now)
            if state.changes and (
                len(state) <= SMALL or state.changes > REWRITE_SHARE * len(state)
            ):
                state = _new(now, _merged(state))
                try:
                    self._write(state, store)
                except (OSError, RuntimeError, *WriteRefused) as error:  # faiss: RuntimeError
                    log.warning("The index could not be written to %s: %s", self._folder, error)
            self._state = state

    def _caught_up(self, state: _State, store: Store, now: Generation) -> _State:
        recent = faiss.clone_index(state.recent)
        for rows in store.vectors.added_since(state.generation, now, self._model.id):
            ids = np.array([passage_id for passage_id, _ in rows], dtype=np.int64)
            recent.add_with_ids(from_blobs([v for _, v in rows], self._model.dimension), ids)
        gone = store.vectors.dropped_since(state.generation)
        held = (_among(gone, _ids(part)) for part in (state.base, recent) if gone)
        return _State(now, state.base, recent, state.dropped.union(*held))

    # -- the file --------------------------------------------------------------------------------

    def load(self, store: Store) -> None:
        """Begin from the file that the store names, where it is as it was written."""
        name = store.settings.index_file()
        generation = _holds(name, self._model.id)
        if generation == Generation():
            return
        file = self._folder / name
        try:
            if not name.endswith(f"-{_checksum(file):08x}.faiss"):
                log.warning("The index file %s is damaged and is built anew.", file)
                return
            base = faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)
        except (OSError, RuntimeError) as error:
            log.info("The index file %s cannot be read and is built anew: %s", file, error)
            return
        self._state = _new(generation, base)

    def _write(self, state: _State, store: Store) -> None:
        """Write the file, then put it in place and name it in the store in one transaction."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._folder, suffix=".part")
        os.close(handle)
        part, generation = Path(temporary), state.generation
        try:
            faiss.write_index(state.base, temporary)
            _sync(part)
            own = f"m{self._model.id}-{generation.added}-{generation.dropped}-{_checksum(part):08x}"
            own += ".faiss"
            with store.transaction():  # two processes put theirs in place one after the other
                former = store.settings.index_file()
                if _holds(former, self._model.id).number > generation.number:
                    return  # another process was ahead
                part.replace(self._folder / own)
                store.settings.set_index_file(own)
        finally:
            part.unlink(missing_ok=True)
        self._tidy(own, former)

    def _tidy(self, own: str, former: str) -> None:
        """Remove the file that `own` follows, and what a crash has left."""
        for file in self._folder.iterdir():
            if file.name != own and file.suffix in {".faiss", ".part"}:
                with contextlib.suppress(OSError):  # another process was faster
                    if file.name == former or time.time() - file.stat().st_mtime > ORPHANED:
                        file.unlink()


def open_index(store: Store, model: Model, folder: Path) -> FaissIndex:
    """The index of `model`'s vectors in `store`, from its file in `folder` and what came later."""
    index = FaissIndex(model, folder)
    index.load(store)
    index.refresh(store)
    return index


def file_generation(store: Store, model: Model) -> Generation:
    """The generation that the library's index file holds; the zero generation without a file."""
    return _holds(store.settings.index_file(), model.id)


def _new(generation: Generation, base: Any) -> _State:
    return _State(generation, base, _empty(base.d), frozenset())


def _empty(dimension: int) -> Any:
    # float16 halves the memory and is the faster: 6.7 ms against 11 at 100,000 × 384, same answers.
    # IndexIDMap2 would build a map from ids to rows each time it is opened.
    scalar = faiss.ScalarQuantizer.QT_fp16
    return faiss.IndexIDMap(
        faiss.IndexScalarQuantizer(dimension, scalar, faiss.METRIC_INNER_PRODUCT)
    )


def _ids(index: Any) -> NDArray[np.int64]:
    """(n,) ids by row."""
    ids: NDArray[np.int64] = faiss.vector_to_array(index.id_map)
    return ids


def _among(some: list[int], ids: NDArray[np.int64]) -> list[int]:
    """Those of `some` that are in `ids`."""
    rows = np.array(some, dtype=np.int64)
    found: list[int] = rows[np.isin(rows, ids)].tolist()
    return found


def _nearest(index: Any, vector: Vectors, k: int, selector: Any) -> list[tuple[int, float]]:
    """The `k` nearest as (id, cosine) in no order, and all that tie with the last of them.

    FAISS keeps any of those that tie: asked for more until the tie ends, the choice is ours.
    """
    parameters = faiss.SearchParameters()
    if selector:
        parameters.sel = selector
    most = min(k + 1, int(index.ntotal))
    while True:
        scores, ids = index.search(vector[None, :], most, params=parameters)
        ended = ids[0][-1] == -1 or most <= k or scores[0][-1] < scores[0][k - 1]
        if ended or most == index.ntotal:
            return [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i != -1]
        most = min(4 * most, int(index.ntotal))


def _merged(state: _State) -> Any:
    """One index of everything in `state` that is not dropped."""
    if not state.base.ntotal and not state.dropped:
        return state.recent
    merged = _empty(state.base.d)
    gone = np.fromiter(state.dropped, dtype=np.int64)
    for part in (state.base, state.recent):
        ids = _ids(part)
        keep = np.flatnonzero(~np.isin(ids, gone))
        for start in range(0, len(keep), 10_000):  # bounds memory: they are float32 in between
            rows = keep[start : start + 10_000]
            merged.add_with_ids(part.index.reconstruct_batch(rows), ids[rows])
    return merged


def _selector(only: Sequence[int] | None, dropped: frozenset[int]) -> tuple[Any, Any]:
    """A FAISS selector for these ids, None for all, and what it borrows and must be kept alive."""
    if only is not None:
        wanted = [i for i in only if i not in dropped] if dropped else only
        ids = np.array(wanted, dtype=np.int64)
        return faiss.IDSelectorBatch(ids), ids
    if dropped:
        inner = faiss.IDSelectorBatch(np.fromiter(dropped, dtype=np.int64))
        return faiss.IDSelectorNot(inner), inner
    return None, None


def _holds(name: str, model_id: int) -> Generation:
    """The generation in an index file's name; the zero generation where it is of another model."""
    match = _NAME.fullmatch(name)
    if match is None or int(match["model"]) != model_id:
        return Generation()
    return Generation(int(match["added"]), int(match["dropped"]))


def _sync(file: Path) -> None:
    """Have the file on the disk before the database names it."""
    with file.open("rb+") as content:
        os.fsync(content.fileno())


def _checksum(file: Path) -> int:
    """CRC-32 of a file. 25 ms for 50,000 × 384: less than the first search takes to read it in."""
    crc = 0
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            crc = zlib.crc32(block, crc)
    return crc
