"""The one place where the parts are put together: a library, its model and its index.

Command line, page and ingest go through here. It decides nothing about how to search, split or
parse; it only hands the right parts to each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from kb.config import Config
from kb.errors import ModelError, NotFound
from kb.records import (
    Document,
    DocumentHits,
    Ingest,
    IngestState,
    Keep,
    Mark,
    Member,
    Model,
    PassageSpan,
    Query,
    Status,
    Taken,
    Version,
)
from kb.store import Store

if TYPE_CHECKING:
    from kb.findings.workbench import Workbench
    from kb.planning.planner import Planner
    from kb.search.embed import Embedder
    from kb.search.index import FaissIndex
    from kb.search.search import Searcher
    from kb.store.exchange import State
    from kb.store.locators import Run

Say = Callable[[str], None]


def _silent(_: str) -> None:
    """Tell nobody."""


class Engine:
    """The encoder and the vector index, loaded when first needed and shared by all threads."""

    def __init__(self, config: Config, *, say: Say = _silent) -> None:
        self.config = config
        self._say = say
        self._lock = threading.RLock()
        self._embedder: Embedder | None = None
        self._index: tuple[int, FaissIndex] | None = None

    def embedder(self, store: Store) -> Embedder:
        """The encoder of the library's active model, or of the configured one in a new library.

        Raises ModelError where it cannot be had, or is no longer what the library was built with.
        """
        with self._lock:
            active = store.settings.active_model()
            held = self._embedder
            wanted = (active.name, active.revision) if active else None
            if held is None or (wanted and (held.name, held.revision) != wanted):
                from kb.search.models import load_embedder

                name = active.name if active else self.config.model
                held = self._embedder = load_embedder(self.config, name, say=self._say)
            if active and held.revision != active.revision:
                raise ModelError(
                    f"The model “{active.name}” is not the one that this library was indexed with "
                    f"(revision {held.revision}, not {active.revision}). "
                    "Run kb reindex to index the library with it."
                )
            return held

    def index(self, store: Store, model: Model) -> FaissIndex:
        """The index of `model`'s vectors, brought up to what the store holds now."""
        from kb.search.index import open_index

        with self._lock:
            if self._index is None or self._index[0] != model.id:
                folder = self.config.library / "index"
                self._index = (model.id, open_index(store, model, folder))
            index = self._index[1]
        index.refresh(store)
        return index


class KnowledgeBase:
    """A library opened by one thread. Threads may share an `Engine`, never a KnowledgeBase."""

    def __init__(
        self,
        config: Config,
        *,
        engine: Engine | None = None,
        say: Say = _silent,
        member: Member | None = None,
    ) -> None:
        """Open the library as `member`; without one, as whoever may open its files: an admin."""
        self.config = replace(config, member=member.name) if member else config
        role = member.role if member else "admin"
        self.store = Store(config.library, member=self.config.member, role=role)
        self.engine = engine or Engine(config, say=say)

    # -- search ----------------------------------------------------------------------------------

    def search(self, query: Query) -> list[DocumentHits]:
        """The passages that answer `query`, grouped by document, best first."""
        searcher = self._searcher()
        return searcher.search(query) if searcher else []

    def is_close(self, query: Query, found: Sequence[DocumentHits]) -> bool:
        """Whether what was found is close to the question, or only less far than the rest."""
        from kb.search.closeness import is_close

        return is_close(query.text, found)

    def similar(self, key: str, k: int = 10) -> list[DocumentHits]:
        """Works like the one of that key, best first, without itself."""
        self.store.documents.by_key(key)  # NotFound before the model is loaded
        searcher = self._searcher()
        return searcher.similar(key, k=k) if searcher else []

    def _searcher(self) -> Searcher | None:
        from kb.search.search import Searcher

        model = self.store.settings.active_model()
        if model is None:  # nothing was ever taken in
            return None
        return Searcher(
            self.store,
            model,
            embedder=lambda: self.engine.embedder(self.store),
            index=lambda: self.engine.index(self.store, model),
        )

    # -- writing ---------------------------------------------------------------------------------

    def embedder(self) -> Embedder:
        """The encoder, to split and embed with."""
        return self.engine.embedder(self.store)

    def model(self) -> Model:
        """The active model's row, created with the encoder's figures in a new library."""
        return self.store.settings.active_model() or self.register(self.embedder())

    def register(self, embedder: Embedder) -> Model:
        """The row of an encoder, which becomes active only in a library that has none."""
        return self.store.settings.ensure_model(
            embedder.name, embedder.revision, embedder.dimension, embedder.max_tokens
        )

    def set_passages(self, version: Version, model: Model, spans: Sequence[PassageSpan]) -> None:
        """Make `spans` the passages of a version for `model`."""
        with self.store.transaction():
            document = self.store.documents.by_ids([version.document_id])[version.document_id]
            self.store.passages.replace(
                document.id,
                version.id,
                model.id,
                spans,
                title=document.metadata.title,
                text=version.text,
            )

    # -- reading ---------------------------------------------------------------------------------

    def version_of(self, key: str, version_id: int | None = None) -> Version:
        """The current version of a document with its text, or the one of that id."""
        document = self.store.documents.by_key(key)
        version = self.store.documents.version(version_id or document.version_id)
        if version.document_id != document.id:
            raise NotFound(f"{key} has no version {version_id} in this library.")
        return version

    def page_image(
        self,
        key: str,
        page: int,
        *,
        marks: Sequence[tuple[Mark, tuple[int, int]]] = (),
        version_id: int | None = None,
        width: int = 900,
    ) -> bytes:
        """A page of a document as PNG, the lines of the text in `marks` highlighted.

        `marks` hold offsets into the text of that version, which is the current one unless given.
        Raises NotFound where there is no such page.
        """
        from kb.page_image import draw_page

        version = self.version_of(key, version_id)
        if version.media_type != "application/pdf" or not 1 <= page <= len(version.pages):
            have = f"It has pages 1 to {len(version.pages)}." if version.pages else "It has none."
            raise NotFound(f"{key} has no page {page}. {have}")
        lines = [line for line in self.store.documents.lines(version.id) if line.page == page]
        boxes = [
            (kind, line.box)
            for kind, (start, end) in marks
            for line in lines
            if line.start < end and line.end > start
        ]
        content = self.store.raw_files.get(version.sha256)
        return draw_page(content, page, marks=boxes, width=width)

    # -- findings and projects -------------------------------------------------------------------

    @property
    def workbench(self) -> Workbench:
        """Projects and findings: what people make of what they read."""
        from kb.findings.workbench import Workbench  # pydantic: searching must start fast

        return Workbench(self.store, lambda: self.engine.embedder(self.store))

    @property
    def planner(self) -> Planner:
        """Experiments, plans and decisions: what people make of their findings."""
        from kb.findings.fields import missing
        from kb.planning.planner import Planner

        axes = [(axis.id, axis.name, axis.retraining) for axis in self.workbench.axes()]
        return Planner(self.store, axes, missing=missing)

    # -- projects between libraries --------------------------------------------------------------

    def state(self, project: str) -> State:
        """All that people wrote for a project, and the sources it cites; see `kb.store.exchange`.

        NotFound where there is no such project.
        """
        return self.store.exchange.state(self.store.projects.get(project).name)

    def take_in(
        self,
        state: State,
        *,
        raw: Iterable[bytes] = (),
        name: str = "",
        keep: Keep | None = None,
    ) -> Taken:
        """Bring in a project that another library has exported; see `kb.store.arrival`.

        `raw` are the bytes of its sources, as far as they are there. UsageError for fields that
        people could not have filled in here, before anything is written.
        """
        from kb.findings.fields import check_brief, check_fields
        from kb.planning.fields import check_experiment

        check_brief(state["project"]["brief"])
        for finding in state["findings"]:
            check_fields(finding["kind"], finding["fields"])
        for experiment in state["experiments"]:
            check_experiment({"title": experiment["title"], **experiment["fields"]})
        for content in raw:
            self.store.raw_files.put(content)
        return self.store.arrival.take(state, name=name, keep=keep)

    def reading_order(self, project: str) -> list[tuple[Document, float]]:
        """The project's unread documents by expected use, the most promising first."""
        useful, useless, left = self.workbench.uses(project)
        searcher = self._searcher()
        ranked = searcher.promising(useful, useless, left) if searcher else []
        documents = self.store.documents.by_ids(left)
        return [(documents[i], score) for i, score in ranked]

    # -- ingest in the background ----------------------------------------------------------------

    def start_ingest(
        self,
        locators: Sequence[str] = (),
        *,
        project: str | None = None,
        retry: bool = False,
        sample: bool = False,
    ) -> None:
        """Start an ingest in a process of its own; see `kb.background.start_ingest`."""
        from kb.background import start_ingest

        self.store.events.require("editor")
        start_ingest(self.config, locators, project=project, retry=retry, sample=sample)

    def read_locators(self, text: str) -> list[str]:
        """The ids and addresses in what was typed, one a line; UsageError for anything else."""
        from kb.background import read_locators

        return read_locators(text)

    @property
    def upload_suffixes(self) -> tuple[str, ...]:
        """The kinds of files that can be uploaded, as ".pdf"."""
        from kb.background import UPLOAD_SUFFIXES

        return UPLOAD_SUFFIXES

    def save_upload(self, name: str, content: bytes) -> str:
        """Keep an uploaded file in the library's folder; its path is the locator to take in."""
        from kb.background import save_upload

        self.store.events.require("editor")
        return str(save_upload(self.config, name, content))

    def ingests(self) -> list[Ingest]:
        """The latest ingests, newest first: those at work, and how the others ended."""
        from kb.background import is_alive, jobs

        runs = self.store.locators.runs()
        found = [_ingest_of(run, is_alive(run.pid, run.started_at)) for run in runs]
        for job in jobs(self.config.library):
            if any(run.pid == job.pid and run.started_at >= job.started_at for run in runs):
                continue  # its run tells more
            if job.alive:
                found.append(Ingest("starting", job.pid, job.started_at, doing=job.last_words))
            elif not runs or job.started_at > runs[0].started_at:  # ended before it had begun
                found.append(Ingest("failed", job.pid, job.started_at, reason=job.last_words))
        return sorted(found, key=lambda ingest: ingest.started_at, reverse=True)

    def status(self) -> Status:
        """The library in figures."""
        store = self.store
        counts = store.documents.counts()
        states = store.locators.counts()
        model = store.settings.active_model()
        passages, unembedded = store.passages.counts(model.id) if model else (0, 0)
        folder = self.config.library / "index"
        generation = store.vectors.generation()
        if model:
            from kb.search.index import file_generation

            indexed = file_generation(store, model)
        else:
            indexed = generation
        return Status(
            path=str(self.config.library),
            documents=counts["documents"],
            removed=counts["removed"],
            versions=counts["versions"],
            passages=passages,
            unembedded=unembedded,
            queued=states.get("queued", 0),
            failed=states.get("failed", 0),
            model=f"{model.name} ({model.revision[:12]})" if model else "none yet",
            index_generation=generation.number,
            index_current=indexed == generation,
            database_bytes=store.file.stat().st_size,
            raw_bytes=store.raw_files.total_bytes(),
            index_bytes=sum(p.stat().st_size for p in folder.glob("*") if p.is_file()),
        )

    def close(self) -> None:
        """Close the store; the engine stays for others."""
        self.store.close()

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _ingest_of(run: Run, alive: bool) -> Ingest:
    state: IngestState
    if run.finished_at is None:
        state = "running" if alive else "interrupted"
    elif run.failure == "stopped":
        state = "interrupted"
    else:
        state = "failed" if run.failure else "finished"
    return Ingest(
        state, run.pid, run.started_at, run.total, run.done, run.doing,
        reason=run.failure, ended_at=run.finished_at or "",
    )  # fmt: skip
