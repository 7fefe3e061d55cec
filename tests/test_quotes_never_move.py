from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.pipeline import ingest
from ingest.reindex import reindex
from ingest.source import Options
from kb.config import Config
from kb.knowledge_base import Engine, KnowledgeBase
from tests.conftest import FakeEmbedder

SENTENCES = [
    "A cat sleeps on the mat.",
    "Each review has a sentiment of its own.",
    "The loss of a model falls with data.",
    "An email is written to get something done.",
    "Dogs bark at the mailman, and he at them.",
]


class Shorter(FakeEmbedder):
    """Another model: it takes less, so that everything is split anew."""

    name = "shorter"
    max_tokens = 14


step = st.one_of(
    st.tuples(st.just("write"), st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=8)),
    st.tuples(st.just("tag"), st.integers(0, 99)),
    st.tuples(st.sampled_from(["again", "remove", "restore", "reindex"]), st.none()),
)


@given(st.lists(step, min_size=3, max_size=9))
@settings(max_examples=10, deadline=None)
def test_whatever_happens_to_a_document_its_quotes_stay(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        config = Config(home / "library", home / "cache", home / "state", member="tester")
        note = home / "note.md"
        note.write_text("# Note\n\n" + " ".join(SENTENCES), encoding="utf-8")
        engine = Engine(config)
        engine._embedder = FakeEmbedder()
        with KnowledgeBase(config, engine=engine) as kb:
            ingest(kb, [str(note)], Options())
            [document] = kb.store.documents.all()
            for what, value in steps:
                _do(kb, engine, note, document.key, what, value)
                _check(kb)


def _do(kb: KnowledgeBase, engine: Engine, note: Path, key: str, what: str, value: object) -> None:
    match what, value:
        case "write", list(sentences):
            note.write_text("# Note\n\n" + "\n".join(sentences), encoding="utf-8")
            ingest(kb, [str(note)], Options())
        case "tag", int(number):
            text = kb.version_of(key).text
            here = [s for s in SENTENCES if s in text.replace("\n", " ")]
            if here:
                quote = here[number % len(here)]
                kb.workbench.tag(key, "dataset", f"Finding {number % 3}", quote=quote)
        case "again", _:
            ingest(kb, [str(note)], Options(refresh=True))
        case "remove", _:
            kb.store.documents.remove(key)
        case "restore", _:
            kb.store.documents.restore(key)
        case "reindex", _:
            other = FakeEmbedder() if isinstance(engine._embedder, Shorter) else Shorter()
            reindex(kb, other, show=lambda what, count: None)
            engine._embedder = other


def _check(kb: KnowledgeBase) -> None:
    for each in kb.store.findings.all_evidence():
        version = kb.store.documents.version(each.version_id)
        assert version.text[each.start : each.end] == each.quote
        assert version.sha256 == each.sha256
    assert all(verdict.stands for verdict in kb.workbench.verify())
