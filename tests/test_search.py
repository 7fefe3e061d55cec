from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from kb.errors import NotFound, UsageError
from kb.records import Metadata, Model, Parsed, PassageSpan, Query
from kb.search.embed import Embedder
from kb.search.search import Searcher
from kb.store import Store
from tests.conftest import FakeEmbedder


class ArrayIndex:
    """The vectors of a store in one array: an index whose answers can be checked by eye."""

    def __init__(self, store: Store, model: Model) -> None:
        ids = store.passages.matching(Query("x", include_references=True), model.id)
        blobs = store.vectors.of_passages(ids)
        self.ids = [i for i in ids if i in blobs]
        self.rows = [np.frombuffer(blobs[i], "<f2").astype(np.float32) for i in self.ids]

    def search(
        self, vector: np.ndarray, k: int, *, only: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        pairs = [
            (i, float(row @ vector))
            for i, row in zip(self.ids, self.rows, strict=True)
            if only is None or i in set(only)
        ]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:k]


class Library:
    """A store that documents are written into sentence by sentence: each line is a passage."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.embedder = FakeEmbedder()
        self.model = store.settings.ensure_model("fake", "1", self.embedder.dimension, 32)

    def add(
        self, key: str, text: str, *, references: bool = False, embed: bool = True, **known: object
    ) -> None:
        metadata = Metadata(**{"title": key, **known})  # type: ignore[arg-type]
        sha256 = f"{hash((key, text)) & (2**64 - 1):064x}"
        document_id, version_id, _ = self.store.documents.add_version(
            key, Parsed(text, metadata), kind="paper", source="pdf", label="1", sha256=sha256,
            media_type="text/plain", raw_bytes=len(text), fetched_from="",
        )  # fmt: skip
        spans, start = [], 0
        for line in text.splitlines(keepends=True):
            end = start + len(line.rstrip("\n"))
            role = "references" if references and start else "body"
            spans.append(PassageSpan(start, end, "", role, None, None))
            start += len(line)
        self.add_spans(document_id, version_id, spans, text, embed=embed)

    def add_spans(
        self,
        document_id: int,
        version_id: int,
        spans: list[PassageSpan],
        text: str,
        *,
        embed: bool = True,
    ) -> None:
        title = self.store.documents.by_ids([document_id])[document_id].title
        self.store.passages.replace(
            document_id, version_id, self.model.id, spans, title=title, text=text
        )
        if embed:
            ids = self.store.passages.of_document(document_id, self.model.id)
            vectors = self.embedder.embed_documents([text[s.start : s.end] for s in spans])
            blobs = [vector.astype("<f2").tobytes() for vector in vectors]
            self.store.vectors.add(list(zip(ids, blobs, strict=True)))

    def searcher(self, embedder: Callable[[], Embedder] | None = None) -> Searcher:
        return Searcher(
            self.store,
            self.model,
            embedder=embedder or (lambda: self.embedder),
            index=lambda: ArrayIndex(self.store, self.model),
        )

    def keys(self, text: str, **query: object) -> list[str]:
        found = self.searcher().search(Query(text, **query))  # type: ignore[arg-type]
        return [group.document.key for group in found]


@pytest.fixture
def library(store: Store) -> Library:
    library = Library(store)
    library.add("url:cats", "A cat sat on the mat.\nThe cat purred at the window.", tags=("pets",))
    library.add("url:dogs", "A dog barked.\nDogs and cats seldom agree.", published="2021")
    library.add("url:mail", "Customers write an email in anger.", published="2015")
    return library


@pytest.mark.parametrize("mode", ["hybrid", "semantic", "lexical"])
def test_the_work_that_answers_comes_first(library: Library, mode: str) -> None:
    assert library.keys("cat", mode=mode)[0] == "url:cats"
    assert library.keys("angry email", mode=mode)[0] == "url:mail"


def test_hits_are_grouped_and_carry_exact_text_and_marks(library: Library) -> None:
    group = library.searcher().search(Query("cats purring"))[0]
    assert group.document.key == "url:cats"
    texts = [hit.text for hit in group.hits]
    assert sorted(texts) == ["A cat sat on the mat.", "The cat purred at the window."]
    assert texts[0] == "The cat purred at the window."
    assert [texts[0][a:b] for a, b in group.hits[0].marks] == ["cat", "purred"]
    version = library.store.documents.version(group.document.version_id)
    assert all(version.text[hit.start : hit.end] == hit.text for hit in group.hits)
    assert group.score == group.hits[0].score == max(hit.score for hit in group.hits)


def test_lexical_mode_asks_for_no_encoder_and_no_index(library: Library) -> None:
    def never() -> Embedder:
        raise AssertionError("the encoder was loaded")

    searcher = Searcher(library.store, library.model, embedder=never, index=never)  # type: ignore[arg-type]
    found = searcher.search(Query("cat", mode="lexical"))
    assert [group.document.key for group in found] == ["url:cats", "url:dogs"]
    assert found[0].hits[0].semantic is None
    assert found[0].hits[0].lexical is not None


def test_a_passage_without_a_vector_is_found_by_its_words(library: Library) -> None:
    library.add("url:new", "A zebra crossed.", embed=False)
    found = library.searcher().search(Query("zebra"))
    assert found[0].document.key == "url:new"
    assert found[0].hits[0].semantic is None
    assert "url:new" not in library.keys("zebra", mode="semantic")


def test_a_library_without_any_vector_answers_by_words(store: Store) -> None:
    library = Library(store)
    library.add("url:new", "A zebra crossed.", embed=False)
    assert library.keys("zebra") == ["url:new"]


def test_filters_narrow_all_modes(library: Library) -> None:
    for mode in ("hybrid", "semantic", "lexical"):
        assert library.keys("cat", mode=mode, tags=("pets",)) == ["url:cats"]
        assert library.keys("cat dog email", mode=mode, since=2020) == ["url:dogs"]
        assert library.keys("cat dog email", mode=mode, document="url:mail") == ["url:mail"]


def test_a_selective_filter_finds_what_lies_beyond_the_depth(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.search.search.DEPTH", 1)
    for number in range(20):
        library.add(f"url:more{number}", "cat cat cat")
    assert library.keys("cat", mode="semantic", k=1, document="url:mail") == ["url:mail"]


def test_depth_grows_until_enough_works_are_found(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.search.search.DEPTH", 2)
    library.add("url:long", "\n".join(f"cat cat {number}" for number in range(30)))
    assert len(library.keys("cat", k=4)) == 4


def test_references_are_left_out_unless_asked_for(library: Library) -> None:
    library.add("url:cited", "Nothing here.\nSmith, The giraffe.", references=True)
    assert "url:cited" not in library.keys("giraffe", mode="lexical")
    assert library.keys("giraffe", mode="lexical", include_references=True) == ["url:cited"]


def test_removed_works_are_never_found(library: Library) -> None:
    library.store.documents.remove("url:cats")
    for mode in ("hybrid", "semantic", "lexical"):
        assert "url:cats" not in library.keys("cat", mode=mode)
    with pytest.raises(NotFound, match="kb documents restore url:cats"):
        library.keys("cat", document="url:cats")


def test_copies_of_one_work_are_one_answer(library: Library) -> None:
    for key in ("arxiv:2101.00001", "sha256:aa"):
        library.add(key, "The walrus cat slept.", title="W", identifiers=("doi:10.1/x",))
    found = library.searcher().search(Query("walrus cat"))
    assert found[0].document.key == "arxiv:2101.00001"
    assert found[0].also == ("sha256:aa",)
    assert "sha256:aa" not in [group.document.key for group in found]


def test_overlapping_passages_are_shown_once(library: Library) -> None:
    text = "The okapi cat ate. The okapi cat slept. The okapi cat left."
    library.add("url:okapi", text)
    document = library.store.documents.by_key("url:okapi")
    spans = [PassageSpan(a, b, "", "body", None, None) for a, b in [(0, 39), (0, 38), (40, 59)]]
    with library.store.transaction():
        library.add_spans(document.id, document.version_id, spans, text)
    hits = library.searcher().search(Query("okapi cat"))[0].hits
    assert sorted((hit.start, hit.end) for hit in hits) in (
        [(0, 39), (40, 59)],
        [(0, 38), (40, 59)],
    )


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_question_is_an_error(library: Library, text: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        library.keys(text)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "cat AND",
        "NEAR(",
        "c++ *",
        "col:cat",
        "🙂🙂",
        "a\0b",
        "' or 1=1 --",
        "猫 と 犬",
        "{}^-",
    ],
)
def test_any_text_is_a_question(library: Library, text: str) -> None:
    for mode in ("hybrid", "semantic", "lexical"):
        library.keys(text, mode=mode)
    assert library.keys(text + " purred")[0] == "url:cats"


def test_what_does_not_exist_is_said_with_what_does(library: Library) -> None:
    cats = library.store.documents.by_key("url:cats")
    library.store.projects.add_document("triage", cats.id)
    assert library.keys("cat", project="triage") == ["url:cats"]
    with pytest.raises(NotFound, match="Projects: triage"):
        library.keys("cat", project="traige")
    with pytest.raises(NotFound, match="Tags: pets"):
        library.keys("cat", tags=("pests",))
    with pytest.raises(NotFound, match="Sources: pdf"):
        library.keys("cat", sources=("web",))
    with pytest.raises(NotFound, match="url:cats"):
        library.keys("cat", document="url:cat")
    with pytest.raises(UsageError, match="at least 1"):
        library.keys("cat", k=0)


def test_similar_leaves_out_the_work_itself_and_its_copies(library: Library) -> None:
    library.add("url:kittens", "A small cat.\nAnother cat and a dog.")
    library.add("sha256:cats", "A cat sat on the mat.", identifiers=("doi:10.1/cats",))
    library.store._connection.run(
        "insert into identifiers select id, 'doi:10.1/cats' from documents where key = 'url:cats'"
    )
    found = library.searcher().similar("url:cats", k=2)
    assert [group.document.key for group in found] == ["url:kittens", "url:dogs"]
    assert found[0].score > found[1].score


def test_similar_works_before_anything_is_embedded(library: Library) -> None:
    library.add("url:dogpaper", "text", embed=False, title="dog dog")
    found = library.searcher().similar("url:dogpaper")
    assert found[0].document.key == "url:dogs"
