"""The vector index against a search by hand, over everything that can befall a cache."""

from __future__ import annotations

import multiprocessing
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.records import Metadata, Model, Parsed, PassageSpan
from kb.search import index as module
from kb.search.embed import from_blobs, to_blob
from kb.search.index import FaissIndex, file_generation, open_index
from kb.store import Store
from kb.store.vectors import Generation

D = 16


def model_of(store: Store, name: str = "made") -> Model:
    return store.settings.ensure_model(name, "1", D, 32)


def vectors(seed: int, n: int, dimension: int = D) -> np.ndarray:
    """Rows of length 1, every fifth of them the same one: ties."""
    found = np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)
    found[::5] = np.eye(dimension, dtype=np.float32)[0]
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def ingest(store: Store, seed: int, n: int = 20, *, model: Model | None = None) -> list[int]:
    """A document of `n` passages with vectors; the ids of its passages."""
    model = model or model_of(store)
    text = "x" * n
    key = f"url:https://example.org/{seed}"
    with store.transaction():
        document_id, version_id, _ = store.documents.add_version(
            key, Parsed(text, Metadata(title=str(seed))), kind="note", source="web", label="1",
            sha256=f"{seed:064x}", media_type="text/plain", raw_bytes=n, fetched_from="",
        )  # fmt: skip
        store.passages.replace(
            document_id, version_id, model.id,
            [PassageSpan(i, i + 1, "", "body", None, None) for i in range(n)],
            title="", text=text,
        )  # fmt: skip
    ids = store.passages.of_document(document_id, model.id)
    rows = [to_blob(row) for row in vectors(seed, n)]
    store.vectors.add(list(zip(ids, rows, strict=True)))
    return ids


def drop(store: Store, seed: int) -> None:
    """The document of that seed loses its passages, as by a newer version."""
    model = model_of(store)
    document = store.documents.by_key(f"url:https://example.org/{seed}")
    with store.transaction():
        store.passages.replace(
            document.id, document.version_id, model.id, [], title="", text=""
        )  # fmt: skip


def by_hand(
    store: Store, model: Model, query: np.ndarray, k: int, only: Sequence[int] | None = None
) -> list[tuple[int, float]]:
    rows = [
        row
        for batch in store.vectors.added_since(Generation(), store.vectors.generation(), model.id)
        for row in batch
        if only is None or row[0] in only
    ]
    if not rows:
        return []
    held = from_blobs([blob for _, blob in rows], model.dimension).astype(np.float16)
    scores = held.astype(np.float32) @ query
    found = [(i, float(s)) for (i, _), s in zip(rows, scores, strict=True)]
    return sorted(found, key=lambda row: (-round(row[1], 6), row[0]))[:k]


def agree(
    index: FaissIndex, store: Store, *, k: int = 10, only: Sequence[int] | None = None
) -> None:
    """The same ids in the same order as by hand, for a query with many ties and for others."""
    model = model_of(store)
    for query in (np.eye(D, dtype=np.float32)[0], *vectors(99, 4)[1:]):
        found = index.search(query, k, only=only)
        expected = by_hand(store, model, query, k, only)
        assert [i for i, _ in found] == [i for i, _ in expected]
        assert [s for _, s in found] == pytest.approx([s for _, s in expected], abs=1e-6)


@pytest.fixture
def folder(store: Store) -> Path:
    return store.library / "index"


def opened(store: Store, folder: Path) -> FaissIndex:
    return open_index(store, model_of(store), folder)


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_it_answers_as_a_search_by_hand(store: Store, folder: Path) -> None:
    ids = ingest(store, 1, 200)
    index = opened(store, folder)
    assert len(index) == 200
    for k in (1, 3, 10, 41, 200, 1000):
        agree(index, store, k=k)
    for only in ([], ids[:1], ids[3:50:2], [*ids[:5], 10**9], [10**9]):
        agree(index, store, only=only)
        agree(index, store, k=1000, only=only)


def test_ties_go_by_id_at_the_cut_too(store: Store, folder: Path) -> None:
    ids = ingest(store, 1, 500)
    index = opened(store, folder)
    tied = ids[::5]
    for k in (1, 7, 99):
        found = index.search(np.eye(D, dtype=np.float32)[0], k)
        assert [i for i, _ in found] == tied[:k]


def test_no_vectors_no_hits(store: Store, folder: Path) -> None:
    index = opened(store, folder)
    assert len(index) == 0
    assert index.search(vectors(1, 2)[1], 10) == []
    assert not folder.exists()


@pytest.mark.parametrize("shape", [(D + 1,), (1, D), (0,)])
def test_a_query_of_another_shape_is_refused(store: Store, folder: Path, shape: Any) -> None:
    with pytest.raises(ValueError, match="is no query to an index of dimension 16"):
        opened(store, folder).search(np.ones(shape, dtype=np.float32), 3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_query_that_is_not_finite_is_refused(store: Store, folder: Path, value: float) -> None:
    query = np.eye(D, dtype=np.float32)[0]
    query[3] = value
    with pytest.raises(ValueError, match="must be finite"):
        opened(store, folder).search(query, 3)


def test_what_comes_and_goes_is_taken_in(store: Store, folder: Path) -> None:
    ingest(store, 1)
    index = opened(store, folder)
    ingest(store, 2)
    index.refresh(store)
    assert (len(index), index.generation) == (40, store.vectors.generation())
    agree(index, store, k=100)
    drop(store, 1)
    ingest(store, 3)
    index.refresh(store)
    assert len(index) == 40
    agree(index, store, k=100)
    again = opened(store, folder)
    assert again.generation == index.generation
    agree(again, store, k=100)
    assert len(files(folder)) == 1


def test_refreshing_stops_at_the_generation_it_names(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(store, 1)
    index = opened(store, folder)
    ingest(store, 2)
    then = store.vectors.generation()
    ingest(store, 3)  # comes between asking for the generation and reading the vectors
    with monkeypatch.context() as patch:
        patch.setattr(store.vectors, "generation", lambda: then)
        index.refresh(store)
    index.refresh(store)
    assert len(index) == 60
    agree(index, store, k=100)


def test_it_starts_from_its_file(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(store, 1)
    opened(store, folder)
    assert file_generation(store, model_of(store)) == store.vectors.generation()

    def nothing_is_read(*_: object) -> None:
        raise AssertionError("the vectors were read from the store")

    monkeypatch.setattr(store.vectors, "added_since", nothing_is_read)
    index = FaissIndex(model_of(store), folder)
    index.load(store)
    index.refresh(store)
    assert len(index) == 20


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def turned(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x55
    file.write_bytes(content)


def replaced_by_text(file: Path) -> None:
    file.write_text("not an index at all", encoding="utf-8")


def replaced_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "harm", [Path.unlink, truncated, emptied, turned, replaced_by_text, replaced_by_a_folder]
)
def test_a_damaged_file_is_built_anew(store: Store, folder: Path, harm: Any) -> None:
    ingest(store, 1)
    opened(store, folder)
    harm(folder / store.settings.index_file())
    index = opened(store, folder)
    agree(index, store, k=100)
    ingest(store, 2)
    agree(opened(store, folder), store, k=100)


def test_the_file_of_another_model_is_not_taken(store: Store, folder: Path) -> None:
    ingest(store, 1)
    opened(store, folder)
    other = store.settings.ensure_model("wider", "1", 2 * D, 32)
    wide = open_index(store, other, folder)
    assert len(wide) == 0
    assert wide.search(np.ones(2 * D, dtype=np.float32), 3) == []
    assert file_generation(store, other) == Generation()
    agree(opened(store, folder), store)


def backed_up(store: Store, to: Path) -> None:
    store._connection.raw.execute("vacuum into ?", (str(to),))


def restored(store: Store, backup: Path) -> Store:
    library = store.library
    store.close()
    for file in library.glob("kb.sqlite*"):
        file.unlink()
    shutil.copyfile(backup, library / "kb.sqlite")
    return Store(library)


def more(store: Store) -> None:
    """Two documents come and an old one goes."""
    ingest(store, 2)
    ingest(store, 3)
    drop(store, 1)


def other_things(store: Store) -> None:
    """As many come and go, so that the generations are alike; the last to come is the same."""
    ingest(store, 4)
    ingest(store, 3)
    drop(store, 4)


@pytest.mark.parametrize("since", [lambda store: None, more, other_things])
def test_after_a_backup_is_restored_the_answers_are_right(
    store: Store, folder: Path, tmp_path: Path, since: Any
) -> None:
    ingest(store, 1)
    opened(store, folder)
    backed_up(store, tmp_path / "backup.sqlite")
    running = opened(store, folder)
    more(store)
    running.refresh(store)  # its file is ahead of the backup
    with restored(store, tmp_path / "backup.sqlite") as old:
        since(old)
        agree(opened(old, folder), old, k=100)
        agree(opened(old, folder), old, k=100)


def test_an_index_in_memory_survives_a_restored_backup(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    ingest(store, 1)
    backed_up(store, tmp_path / "backup.sqlite")
    running = opened(store, folder)
    ingest(store, 2)
    running.refresh(store)
    with restored(store, tmp_path / "backup.sqlite") as old:
        running.refresh(old)
        assert len(running) == 20
        agree(running, old, k=100)


def test_a_large_index_is_not_written_again_for_little(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SMALL", 50)
    ingest(store, 1, 60)
    ingest(store, 2, 40)
    ingest(store, 5, 2)
    opened(store, folder)
    written = files(folder)
    ingest(store, 3, 3)
    index = opened(store, folder)
    assert files(folder) == written
    agree(index, store, k=1000)
    drop(store, 5)
    index.refresh(store)
    assert files(folder) == written
    agree(index, store, k=1000)
    agree(opened(store, folder), store, k=1000)
    ingest(store, 4, 10)  # now more than a twentieth is new
    index.refresh(store)
    assert files(folder) != written
    assert file_generation(store, model_of(store)) == store.vectors.generation()
    agree(opened(store, folder), store, k=1000)


def test_a_crash_while_writing_leaves_no_wrong_file(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(store, 1)
    opened(store, folder)
    before = files(folder)
    ingest(store, 2)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store.settings, "set_index_file", killed)  # after the file, before its name
        with pytest.raises(KeyboardInterrupt):
            opened(store, folder)
    (folder / "tmp123.part").write_bytes(b"half of an index")
    assert store.settings.index_file() == before[0]
    agree(opened(store, folder), store, k=100)
    monkeypatch.setattr(module, "ORPHANED", -1.0)
    ingest(store, 3)
    agree(opened(store, folder), store, k=100)
    assert files(folder) == [store.settings.index_file()]


def test_where_nothing_can_be_written_it_stays_in_memory(
    store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ingest(store, 1)
    folder.write_text("a file where the folder should be", encoding="utf-8")
    index = opened(store, folder)
    agree(index, store)
    assert "could not be written" in caplog.text
    ingest(store, 2)
    index.refresh(store)
    agree(index, store, k=100)


def refresh_often(library: Path, seed: int, failures: Any) -> None:
    try:
        with Store(library) as store:
            index = opened(store, library / "index")
            for step in range(12):
                ingest(store, 100 * seed + step, 7)
                index.refresh(store)
                opened(store, library / "index")
            index.refresh(store)
            ids = [i for i, _ in index.search(np.eye(D, dtype=np.float32)[0], 10_000)]
            assert len(ids) == len(set(ids)) == len(index)
    except BaseException as error:
        failures.put(repr(error))
        raise


def test_two_processes_may_write_at_once(store: Store, folder: Path) -> None:
    ingest(store, 1)
    context = multiprocessing.get_context("spawn")
    failures = context.Queue()
    processes = [
        context.Process(target=refresh_often, args=(store.library, seed, failures))
        for seed in (1, 2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0], failures.get(timeout=5)
    index = opened(store, folder)
    assert len(index) == 20 + 2 * 12 * 7
    agree(index, store, k=1000)


def test_searches_go_on_while_another_thread_refreshes(store: Store, folder: Path) -> None:
    ingest(store, 1, 50)
    index = opened(store, folder)
    stop, failures = threading.Event(), []

    def search() -> None:
        query = np.eye(D, dtype=np.float32)[0]
        while not stop.is_set():
            ids = [i for i, _ in index.search(query, 10)]
            if len(set(ids)) != 10 or -1 in ids:
                failures.append(ids)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for step in range(2, 30):
        ingest(store, step)
        if step % 3 == 0:
            drop(store, step - 1)
        index.refresh(store)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    agree(index, store, k=1000)
