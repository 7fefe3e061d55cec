"""Another model for a library that is in use: the old one answers until the new one is complete."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from ingest.reindex import reindex
from ingest.split import split
from kb.cli.main import run as run_kb
from kb.config import Config
from kb.errors import ModelError
from kb.knowledge_base import Engine, KnowledgeBase
from kb.records import Metadata, Model, Parsed, Query
from kb.search.embed import embed_missing
from kb.search.index import file_generation
from tests.conftest import FakeEmbedder
from tests.tiny_models import make

TEXT = "The cat reviews the data. " * 12 + "A dog barks at the loss. " * 12


class OtherEmbedder(FakeEmbedder):
    """Shorter passages and other axes than the fake one."""

    WORDS: ClassVar = ("loss", "dog", "cat")
    name = "other"
    dimension = 4
    max_tokens = 20


def fill(kb: KnowledgeBase, documents: int) -> list[int]:
    """A library of that many documents, split and embedded; the ids of their versions."""
    model, found = kb.model(), []
    for number in range(documents):
        parsed = Parsed(f"Number {number}. {TEXT}", Metadata(title=f"On {number}"))
        with kb.store.transaction():
            _, version_id, _ = kb.store.documents.add_version(
                f"url:https://example.org/{number}", parsed, kind="note", source="web", label="1",
                sha256=f"{number:064x}", media_type="text/plain", raw_bytes=1, fetched_from="",
            )  # fmt: skip
        version = kb.store.documents.version(version_id)
        kb.set_passages(version, model, split(parsed, embedder=kb.embedder()))
        found.append(version_id)
    embed_missing(kb.store, kb.embedder(), model)
    return found


def active(kb: KnowledgeBase) -> Model:
    model = kb.store.settings.active_model()
    assert model is not None
    return model


class Stops:
    """Ctrl-C at the n-th step of one kind."""

    def __init__(self, what: str, after: int) -> None:
        self.what, self.after, self.seen = what, after, 0

    def __call__(self, what: str, count: int) -> None:
        self.seen += what == self.what
        if self.seen > self.after:
            raise KeyboardInterrupt


@pytest.mark.parametrize("stops", [("split", 0), ("split", 3), ("embedded", 0)])
def test_the_old_index_answers_until_the_new_is_complete(
    knowledge_base: KnowledgeBase, config: Config, stops: tuple[str, int]
) -> None:
    kb, other = knowledge_base, OtherEmbedder()
    versions = fill(kb, 6)
    old = active(kb)
    texts = [kb.store.documents.version(i).text for i in versions]
    before = [hits.document.key for hits in kb.search(Query("cat data"))]
    assert before
    with pytest.raises(KeyboardInterrupt):
        reindex(kb, other, show=Stops(*stops))
    assert active(kb) == old
    assert [hits.document.key for hits in kb.search(Query("cat data"))] == before

    told: list[tuple[str, int]] = []
    new = reindex(kb, other, show=lambda what, count: told.append((what, count)))
    assert sum(what == "split" for what, _ in told) < 6  # what was done is not done again
    assert active(kb) == new != old
    assert kb.store.passages.counts(old.id) == (0, 0)
    passages, unembedded = kb.store.passages.counts(new.id)
    assert passages > 6
    assert unembedded == 0
    assert file_generation(kb.store, new) == kb.store.vectors.generation()
    assert [kb.store.documents.version(i).text for i in versions] == texts  # what evidence cites
    engine = Engine(config)
    engine._embedder = other
    with KnowledgeBase(config, engine=engine) as again:
        found = again.search(Query("dog loss", mode="semantic"))
        assert len(found) == 6
        assert "loss" in found[0].hits[0].text
    assert [file.name for file in (config.library / "index").glob("*.faiss")] == [
        kb.store.settings.index_file()
    ]


def test_reindexing_with_the_same_model_changes_nothing(knowledge_base: KnowledgeBase) -> None:
    fill(knowledge_base, 2)
    before = active(knowledge_base), knowledge_base.store.vectors.generation()
    told: list[str] = []
    reindex(knowledge_base, FakeEmbedder(), show=lambda what, _: told.append(what))
    assert told == []
    assert (active(knowledge_base), knowledge_base.store.vectors.generation()) == before


def test_documents_without_text_do_not_stop_it(knowledge_base: KnowledgeBase) -> None:
    fill(knowledge_base, 1)
    with knowledge_base.store.transaction():
        knowledge_base.store.documents.add_version(
            "doi:10.1/x", Parsed("\n \u2003\n"), kind="paper", source="bib", label="1",
            sha256="ff" * 32, media_type="", raw_bytes=0, fetched_from="",
        )  # fmt: skip
    assert reindex(knowledge_base, OtherEmbedder(), show=lambda *_: None).name == "other"


@pytest.mark.model
def test_kb_reindex_with_another_real_model(
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine = Engine(config)
    engine._embedder = FakeEmbedder()
    with KnowledgeBase(config, engine=engine) as kb:
        fill(kb, 3)
    folder = make(tmp_path / "tiny")
    monkeypatch.setenv("KB_CACHE", str(config.cache))
    library = ["--library", str(config.library)]
    assert run_kb([*library, "reindex", "--model", str(folder)]) == 0
    assert f"indexed with {folder} (3 documents split" in capsys.readouterr().out
    assert run_kb([*library, "search", "the cat data"]) == 0
    assert "On 0" in capsys.readouterr().out
    with KnowledgeBase(config) as kb:
        vectors = kb.store.vectors.of_passages(kb.store.passages.of_document(1, active(kb).id))
        assert {len(np.frombuffer(blob, "<f2")) for blob in vectors.values()} == {32}

    running = Engine(config)  # as in the page, which stays open
    with KnowledgeBase(config, engine=running) as kb:
        kb.search(Query("the cat"))
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    with KnowledgeBase(config) as kb, pytest.raises(ModelError, match="Run kb reindex"):
        kb.search(Query("the cat"))
    assert run_kb([*library, "reindex"]) == 0
    with KnowledgeBase(config, engine=running) as kb:
        assert kb.search(Query("the cat"))
