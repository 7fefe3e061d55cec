"""Index the library with another model, while the old index answers. Resumable: what is left to do
is a query.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest.split import split
from kb.knowledge_base import KnowledgeBase
from kb.records import Model, Parsed
from kb.search.embed import Embedder, embed_missing

CHUNK = 50  # versions looked up at a time: their texts are in memory together


def reindex(kb: KnowledgeBase, embedder: Embedder, *, show: Callable[[str, int], None]) -> Model:
    """Split and embed every document for `embedder`, then make it the library's model.

    `show(what, count)` is told of each step: "mended" passages that the full-text index had lost,
    "split" documents, "embedded" passages. Stopped at any
    moment, the old model stays active and the next call goes on where this one was.
    """
    store = kb.store
    model = kb.register(embedder)
    if mended := store.passages.mend_words():
        show("mended", mended)
    last = 0  # not asked for again: a version of white space alone has no passages afterwards
    while versions := store.passages.versions_without(model.id, CHUNK, after=last):
        last = versions[-1]
        for version_id in versions:
            version = store.documents.version(version_id)
            document = store.documents.by_ids([version.document_id])[version.document_id]
            parsed = Parsed(version.text, document.metadata, version.pages, version.sections)
            kb.set_passages(version, model, split(parsed, embedder=embedder))
            show("split", 1)
    embed_missing(store, embedder, model, report=lambda count: show("embedded", count))
    store.settings.activate(model)
    kb.engine.index(store, model)
    return model
