from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kb.errors import LibraryError, NotFound
from kb.records import Line, Metadata, Outcome, Page, Parsed, PassageSpan, Query, Section
from kb.store import Store
from kb.store.connection import SCHEMA_VERSION
from kb.store.schema import VERSION
from kb.store.vectors import Generation

TEXT = "Cats purr. Dogs bark at the mailman."
PARSED = Parsed(
    TEXT,
    Metadata(
        title="On cats and dogs", authors=("Ada Author",), published="2019-03", tags=("pets",)
    ),
    pages=(Page("i", 0, 11), Page("ii", 11, 36)),
    sections=(Section("Sounds", 1, 0, 36),),
    lines=(Line(0, 10, 1, (1.0, 2.0, 3.0, 4.26)),),
)
SPANS = [
    PassageSpan(0, 10, "Sounds", "body", 1, 1),
    PassageSpan(11, 36, "Sounds", "references", 2, 2),
]


def add(
    store: Store,
    key: str = "arxiv:1901.00001",
    *,
    label: str = "v1",
    sha256: str = "aa",
    parsed: Parsed = PARSED,
) -> tuple[int, int, bool]:
    with store.transaction():
        model = store.settings.ensure_model("fake", "1", 3, 32)
        document_id, version_id, current = store.documents.add_version(
            key, parsed, kind="paper", source="arxiv", label=label, sha256=sha256,
            media_type="application/pdf", raw_bytes=5, fetched_from="",
        )  # fmt: skip
        if current:
            store.passages.replace(
                document_id, version_id, model.id, SPANS,
                title=parsed.metadata.title, text=parsed.text,
            )  # fmt: skip
    return document_id, version_id, current


def test_a_document_comes_back_as_it_went_in(store: Store) -> None:
    document_id, version_id, current = add(store)
    assert current
    document = store.documents.by_key("arxiv:1901.00001")
    assert (document.id, document.version_id, document.version_label) == (document_id, 1, "v1")
    assert document.metadata == replace(
        PARSED.metadata,
        identifiers=("arxiv:1901.00001", "sha256:aa", "title:on cats and dogs|author"),
    )
    version = store.documents.version(version_id)
    assert (version.text, version.pages, version.sections) == (
        TEXT,
        PARSED.pages,
        PARSED.sections,
    )
    assert store.documents.lines(version_id) == (Line(0, 10, 1, (1.0, 2.0, 3.0, 4.3)),)


def test_the_schema_version_is_the_number_of_steps(store: Store) -> None:
    assert SCHEMA_VERSION == VERSION
    file = sqlite3.connect(store.file)
    assert file.execute("pragma user_version").fetchone() == (VERSION,)
    assert file.execute("pragma journal_mode").fetchone() == ("wal",)
    file.close()


def test_a_library_from_the_future_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    file = sqlite3.connect(tmp_path / "kb.sqlite")
    file.execute(f"pragma user_version = {VERSION + 1}")
    file.close()
    with pytest.raises(LibraryError, match="newer kb"):
        Store(tmp_path)


def test_what_is_no_library_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "kb.sqlite").write_text("this is a shopping list, and a long one at that" * 20)
    with pytest.raises(LibraryError, match="cannot be opened"):
        Store(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="Name another folder"):
        Store(tmp_path / "file")


def test_two_processes_may_create_a_library_at_once(tmp_path: Path) -> None:
    code = f"from kb.store import Store; from pathlib import Path; Store(Path({str(tmp_path)!r}))"
    both = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(2)
    ]
    assert [(p.communicate()[1], p.returncode) for p in both] == [(b"", 0)] * 2


def test_an_older_numbered_version_is_kept_and_does_not_become_current(store: Store) -> None:
    add(store, label="v2", sha256="bb")
    older = replace(PARSED, text="Old text.", metadata=replace(PARSED.metadata, title="Old"))
    assert add(store, label="v1", sha256="cc", parsed=older)[2] is False
    document = store.documents.by_key("arxiv:1901.00001")
    assert (document.version_label, document.title) == ("v2", "On cats and dogs")
    assert [v.label for v in store.documents.versions(document.id)] == ["v2", "v1"]
    assert add(store, label="v10", sha256="dd")[2] is True


def test_a_new_version_takes_the_passages_of_the_old_with_it(store: Store) -> None:
    add(store)
    store.vectors.add([(1, b"x"), (2, b"y")])
    add(store, label="v2", sha256="bb")
    assert [p.id for p in store.passages.unembedded(1, 10)] == [3, 4]  # ids are never used again
    assert store.vectors.dropped_since(Generation()) == [1, 2]
    assert store.passages.lexical("purr", Query("purr"), 1, 10)[0][0] == 3
    assert store.documents.version(1).text == TEXT  # what evidence may cite stays


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def interrupted() -> None:
        with store.transaction():
            add(store)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert store.documents.all() == []
    assert store.passages.match_count("purr") == 0
    add(store)
    assert len(store.documents.all()) == 1


def test_filters(store: Store) -> None:
    document_id, *_ = add(store)
    store.projects.add_document("mail", document_id)

    def ids(**fields: object) -> list[int]:
        query = replace(Query("x"), **fields)  # type: ignore[arg-type]
        found = store.passages.matching(query, 1)
        assert store.passages.keep_matching([1, 2, 99], query, 1) == set(found)
        return found

    assert ids() == [1]
    assert ids(include_references=True) == [1, 2]
    assert ids(kinds=("paper",), since=2019, sources=("arxiv",), tags=("pets",)) == [1]
    assert ids(project="mail", document="arxiv:1901.00001") == [1]
    for wrong in (
        {"kinds": ("blog",)},
        {"since": 2020},
        {"sources": ("web",)},
        {"tags": ("pets", "x")},
        {"project": "other"},
        {"document": "arxiv:1"},
    ):
        assert ids(**wrong) == []
    store.documents.remove("arxiv:1901.00001")
    assert ids() == []
    assert store.passages.lexical("purr", Query("purr"), 1, 10) == []
    store.documents.restore("arxiv:1901.00001")
    assert ids() == [1]


def test_removing_and_restoring_leave_a_trace(store: Store) -> None:
    add(store)
    store.documents.remove("arxiv:1901.00001")
    assert store.documents.all() == []
    assert [d.key for d in store.documents.all(removed=True)] == ["arxiv:1901.00001"]
    store.documents.remove("arxiv:1901.00001")  # twice is once
    store.documents.restore("arxiv:1901.00001")
    events = store.events.of("arxiv:1901.00001")
    assert [(e["what"], e["who"]) for e in events] == [
        ("added", "tester"),
        ("removed", "tester"),
        ("restored", "tester"),
    ]


def test_a_wrong_key_is_answered_with_near_ones(store: Store) -> None:
    add(store)
    with pytest.raises(NotFound, match=r"Near it: arxiv:1901\.00001"):
        store.documents.by_key("arxiv:1901.0001")
    with pytest.raises(NotFound, match="kb documents list"):
        store.documents.by_key("zzz")


def test_the_beginning_of_a_hash_is_enough_where_it_is_one(store: Store) -> None:
    add(store, f"sha256:{'ab' * 32}", sha256="ab" * 32)
    add(store, f"sha256:{'ab' * 31}cd", sha256="cd")
    assert store.documents.by_key(f"sha256:{'ab' * 31}c").key.endswith("cd")
    for unclear in ("sha256:abababab", "sha256:ababab", "sha256:ab*babab"):
        with pytest.raises(NotFound):
            store.documents.by_key(unclear)


def test_the_same_work_is_recognised_and_not_merged(store: Store) -> None:
    add(store)
    as_file = replace(PARSED, metadata=replace(PARSED.metadata, title="On Cats & Dogs"))
    add(store, "sha256:bb", sha256="bb", parsed=as_file)  # “&” is not “and”
    assert store.documents.duplicates() == []
    shouted = replace(PARSED, metadata=replace(PARSED.metadata, title="ON CATS, AND DOGS"))
    add(store, "sha256:cc", sha256="cc", parsed=shouted)
    [(why, documents)] = store.documents.duplicates()
    assert why == "title:on cats and dogs|author"
    assert [d.key for d in documents] == ["arxiv:1901.00001", "sha256:cc"]
    assert store.documents.same_work([1]) == {1: [(3, "sha256:cc")]}
    store.documents.remove("sha256:cc")
    assert store.documents.duplicates() == []


def test_vectors_have_a_generation(store: Store) -> None:
    add(store)
    start = store.vectors.generation()
    assert store.vectors.add([(1, b"x"), (2, b"y"), (77, b"of a passage that has gone")]) == 2
    assert store.vectors.add([(1, b"again")]) == 0
    now = store.vectors.generation()
    assert list(store.vectors.added_since(start, now, 1, batch=1)) == [[(1, b"x")], [(2, b"y")]]
    assert list(store.vectors.added_since(now, now, 1)) == []
    assert store.vectors.of_passages([2, 5]) == {2: b"y"}
    assert store.passages.counts(1) == (2, 0)


def test_locators_are_written_down_before_and_after(store: Store) -> None:
    run = store.locators.start_run(2)
    store.locators.queue(["a", "b"], run, '{"x": 1}')
    assert store.locators.unfinished() == [("a", '{"x": 1}'), ("b", '{"x": 1}')]
    document_id, *_ = add(store)
    store.locators.finish(Outcome("a", "added", "arxiv"), document_id)
    store.locators.finish(
        Outcome("b", "failed", "arxiv", stage="fetch", reason="No answer.", retry=True)
    )
    assert store.locators.done("a") == "arxiv:1901.00001"
    assert store.locators.done("b") is None
    assert store.locators.unfinished() == [("b", '{"x": 1}')]
    [failed] = store.locators.all("failed")
    assert (failed.locator, failed.reason, failed.attempts) == ("b", "No answer.", 1)
    store.locators.finish(replace(failed, retry=False))
    assert store.locators.all("failed")[0].attempts == 2
    assert store.locators.unfinished() == []
    assert store.locators.counts() == {"added": 1, "failed": 1}
    store.locators.report(run, total=2, done=1, doing="parsing")
    assert store.locators.runs()[0].doing == "parsing"
    store.locators.end_run(run)
    assert store.locators.runs()[0].finished_at


def test_a_writer_waits_for_another(store: Store) -> None:
    """`begin immediate` with a busy timeout: the second waits instead of failing."""
    add(store)
    errors: list[Exception] = []

    def write() -> None:
        try:
            with Store(store.library, member="other") as second:
                second.documents.remove("arxiv:1901.00001")
        except Exception as error:
            errors.append(error)

    with store.transaction():
        store.events.add("read", "x")
        thread = threading.Thread(target=write)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()
    assert not errors
    assert store.documents.by_key("arxiv:1901.00001").removed_at


def test_raw_files_are_kept_by_content(store: Store) -> None:
    name = store.raw_files.put(b"hello")
    assert store.raw_files.put(b"hello") == name
    assert store.raw_files.get(name) == b"hello"
    assert store.raw_files.total_bytes() == 5
    store.raw_files.path(name).write_bytes(b"hullo")
    with pytest.raises(LibraryError, match="damaged"):
        store.raw_files.get(name)
    store.raw_files.path(name).unlink()
    with pytest.raises(LibraryError, match="missing"):
        store.raw_files.get(name)


def test_another_model_gets_passages_of_its_own(store: Store) -> None:
    document_id, version_id, _ = add(store)
    other = store.settings.ensure_model("other", "1", 4, 16)
    active = store.settings.active_model()
    assert active is not None
    assert active.name == "fake"
    assert store.passages.versions_without(other.id, 10) == [version_id]
    with store.transaction():
        store.passages.replace(document_id, version_id, other.id, SPANS, title="", text=TEXT)
    assert store.passages.versions_without(other.id, 10) == []
    assert store.passages.matching(Query("x"), active.id) == [1]
    store.settings.activate(other)
    assert store.settings.active_model() == other
    assert store.passages.matching(Query("x"), active.id) == []
    assert store.passages.matching(Query("x"), other.id) == [3]
    assert store.passages.match_count("purr") == 1
