"""Locator → raw bytes → version → passages → store: one ingest, from start to end.

Four stages overlap: a thread fetches, worker processes parse, this thread splits and writes, and a
thread embeds. They share queues and a stop flag; everything else lives in the store, so whatever
is cut off is found there by the next run.

    fetch ──raws──▶ parse ──results──▶ split, write ──passages in the store──▶ embed

How to fetch or parse anything is the sources' business.
"""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ingest.fetch import Fetcher
from ingest.parser_pool import ParserPool
from ingest.source import (
    Done,
    Failed,
    FetchContext,
    Fetched,
    Found,
    Known,
    Options,
    Raw,
    Source,
)
from ingest.sources import source_for
from ingest.split import split
from kb.config import Config
from kb.errors import KbError, ParseFailure, UsageError
from kb.knowledge_base import KnowledgeBase
from kb.records import Outcome, OutcomeStatus, Parsed, short_key
from kb.search.embed import embed_missing
from kb.store import Store

log = logging.getLogger(__name__)

QUEUED_RAWS = 8  # fetched files waiting for a parser: bounds memory at 8 × fetch_bytes
REPORT_SECONDS = 0.3  # between two progress reports into the store


@dataclass(slots=True)
class Progress:
    """How far an ingest has come. The same object is changed and shown again."""

    total: int = 0  # locators
    done: int = 0
    doing: str = ""
    written: int = 0  # passages written in this run
    embedded: int = 0  # passages embedded in this run


@dataclass(frozen=True, slots=True)
class Report:
    """How an ingest ended: every locator's outcome, and where the time went."""

    outcomes: tuple[Outcome, ...]
    embedded: int
    stopped: bool
    seconds: dict[str, float] = field(default_factory=dict)  # by stage; stages overlap

    @property
    def failures(self) -> int:
        """How many locators failed."""
        return sum(outcome.status == "failed" for outcome in self.outcomes)


Show = Callable[[Progress], None]


class Stopped(Exception):
    """The user asked to stop."""


def ingest(
    kb: KnowledgeBase,
    locators: Sequence[str],
    options: Options,
    *,
    project: str | None = None,
    show: Show = lambda progress: None,
) -> Report:
    """Take in `locators` and embed what is not embedded yet. Ctrl-C ends it after this document.

    Each locator is written down first, and ends as added, unchanged, updated or failed.
    """
    return _Ingest(kb, options, project, show).run(list(dict.fromkeys(locators)))


class _Ingest:
    """One run. Its threads meet in three queues' worth of state and nowhere else."""

    def __init__(
        self, kb: KnowledgeBase, options: Options, project: str | None, show: Show
    ) -> None:
        self.kb = kb
        self.options = options
        self.project = project
        self.show = show
        self.config: Config = kb.config
        self.store: Store = kb.store
        self.progress = Progress()
        self.pool = ParserPool(
            self.config.parse_workers, self.config.parse_seconds, self.config.parse_bytes
        )
        self.fetcher = Fetcher(self.config, say=self._say, pause=self._pause)
        self.outcomes: list[Outcome] = []
        self.lists: list[Done] = []  # folders, feeds, …: locators that only led to others
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.stop = threading.Event()
        self.written = threading.Event()  # something may wait for its vector
        self.all_written = threading.Event()
        self.raws: queue.Queue[Raw | None] = queue.Queue(QUEUED_RAWS)
        self.results: queue.Queue[tuple[Raw, Parsed | ParseFailure] | Fetched | None] = (
            queue.Queue()
        )
        self.failure: BaseException | None = None  # of a thread: a bug, raised again at the end
        self._reported = 0.0

    def run(self, locators: list[str]) -> Report:
        self.embedder = self.kb.embedder()
        self.model = self.kb.model()
        self.progress.total = len(locators)
        run_id = self.store.locators.start_run(len(locators))
        saved = json.dumps({"options": asdict(self.options), "project": self.project})
        self.store.locators.queue(locators, run_id, saved)
        threads = [
            threading.Thread(target=self._guard, args=(stage, *arguments), name=stage.__name__)
            for stage, *arguments in (
                (self._fetch, locators, run_id, saved),
                (self._parse,),
                (self._embed,),
            )
        ]
        for thread in threads:
            thread.start()
        try:
            self._write_all(run_id)
            self._finish_lists()
            self.all_written.set()
            self.written.set()
            self._wait_for(threads, run_id)
        except KeyboardInterrupt:
            self._say("stopping")
        finally:
            stopped = not self.all_written.is_set() or any(t.is_alive() for t in threads)
            if stopped:
                self.stop.set()
                self.pool.close()  # a file that is being parsed is given up
            self.written.set()
            for thread in threads:
                thread.join()
            why = "stopped" if stopped else ""
            self.store.locators.end_run(run_id, repr(self.failure) if self.failure else why)
        if self.failure:
            raise self.failure
        if not stopped and self.progress.embedded:
            self.kb.engine.index(self.store, self.model)  # brings the file up to date
        return Report(tuple(self.outcomes), self.progress.embedded, stopped, dict(self.seconds))

    def _guard(self, stage: Callable[..., None], *arguments: object) -> None:
        """Run a thread's stage; an exception there stops all and is raised again at the end.

        What goes wrong while everything is being stopped is part of stopping.
        """
        try:
            stage(*arguments)
        except Stopped:
            pass
        except BaseException as error:
            if not self.stop.is_set():
                self.failure = error
            self.stop.set()

    # -- fetch: a thread with a store of its own -----------------------------------------------

    def _fetch(self, locators: list[str], run_id: int, saved: str) -> None:
        try:
            with Store(self.config.library, member=self.config.member) as store:
                pending: list[str] = list(locators)
                seen = set(pending)
                while pending:
                    found: list[str] = []
                    for source, batch in self._by_source(pending):
                        for item in self._fetched(source, batch, store):
                            new = item.locator not in seen
                            seen.add(item.locator)
                            self.progress.total += new
                            if not isinstance(item, Found):
                                self._pass_on(item)
                            elif new:
                                found.append(item.locator)
                    store.locators.queue(found, run_id, saved)
                    pending = found
        finally:
            self.fetcher.close()
            self._put(self.raws, None)

    def _by_source(self, locators: Sequence[str]) -> Iterator[tuple[Source, list[str]]]:
        batches: dict[str, tuple[Source, list[str]]] = {}
        for locator in locators:
            try:
                source = source_for(locator)
            except UsageError as error:
                self._pass_on(Failed(locator, str(error)))
            else:
                batches.setdefault(source.name, (source, []))[1].append(locator)
        yield from batches.values()

    def _fetched(self, source: Source, batch: list[str], store: Store) -> Iterator[Fetched]:
        """What `source` yields for `batch`, with what the library has taken out of the Raws."""
        context = FetchContext(
            config=self.config,
            fetcher=self.fetcher,
            options=self.options,
            in_library=store.documents.has,
            say=self._say,
            pause=self._pause,
        )
        open_locators = set(batch)
        items = source.fetch(batch, context)
        while True:
            self._check_stop()
            started = time.perf_counter()
            try:
                item = next(items, None)
            except (Stopped, KeyboardInterrupt) as error:
                raise Stopped from error
            except Exception as error:  # a bug in one source must not take the others down
                log.exception("%s failed while fetching", source.name)
                for locator in batch:
                    if locator in open_locators:
                        yield Failed(locator, f"The {source.name} source broke: {error!r}.", True)
                return
            finally:
                self.seconds["fetch"] += time.perf_counter() - started
            if item is None:
                break
            open_locators.discard(item.locator)
            if isinstance(item, Raw):
                sha256 = hashlib.sha256(item.content).hexdigest()
                if store.documents.has_content(item.key, sha256):
                    store.raw_files.put(item.content)  # where its file is gone, it is back
                    yield Known(item.locator, item.key, "unchanged")
                    continue
            yield item
        for locator in batch:
            if locator in open_locators:
                yield Failed(locator, f"The {source.name} source did not say how this ended.")

    def _pass_on(self, item: Fetched) -> None:
        if isinstance(item, Raw):
            self._put(self.raws, item)
        else:
            self.results.put(item)

    def _put(self, where: queue.Queue[Raw | None], item: Raw | None) -> None:
        while not self.stop.is_set():
            with suppress(queue.Full):
                where.put(item, timeout=0.2)
                return

    # -- parse: a thread that feeds worker processes -------------------------------------------

    def _parse(self) -> None:
        try:
            with self.pool:
                for raw, parsed in self.pool.map(self._raws()):
                    self.results.put((raw, parsed))
                    self._check_stop()
        finally:
            self.results.put(None)

    def _raws(self) -> Iterator[Raw]:
        while not self.stop.is_set():
            with suppress(queue.Empty):
                raw = self.raws.get(timeout=0.2)
                if raw is None:
                    return
                yield raw

    # -- split and write: the thread that called -----------------------------------------------

    def _write_all(self, run_id: int) -> None:
        while True:
            self._report(run_id)
            with suppress(queue.Empty):
                item = self.results.get(timeout=0.1)
                if item is None:
                    if self.stop.is_set():
                        raise KeyboardInterrupt
                    return
                self._finish(item)
                self.progress.done += 1
                self._report(run_id)

    def _finish(self, item: tuple[Raw, Parsed | ParseFailure] | Fetched) -> None:
        match item:
            case (Raw() as raw, Parsed() as parsed):
                outcome = self._write(raw, parsed)
            case (Raw() as raw, failure):
                outcome = Outcome(
                    raw.locator, "failed", source=raw.source, stage="parse",
                    reason=str(failure), retry=failure.retry,
                )  # fmt: skip
                self.store.locators.finish(outcome)
            case Known():
                outcome = self._note_known(item)
            case Failed():
                outcome = Outcome(
                    item.locator, "failed", source=_source_name(item.locator), stage=item.stage,
                    reason=item.reason, retry=item.retry,
                )  # fmt: skip
                self.store.locators.finish(outcome)
            case Done():  # once all that it led to is written: a crash before that reads it again
                self.lists.append(item)
                return
            case _:
                raise AssertionError(item)
        self.outcomes.append(outcome)

    def _finish_lists(self) -> None:
        for item in self.lists:
            source = _source_name(item.locator)
            outcome = Outcome(item.locator, "unchanged", source, reason=item.reason)
            self.store.locators.finish(outcome)
            self.outcomes.append(outcome)

    def _note_known(self, item: Known) -> Outcome:
        document = self.store.documents.by_key(item.key)
        reason = item.reason
        if document.removed_at:
            reason = f"in the library, but removed: kb documents restore {document.key}"
        outcome = Outcome(
            item.locator, "unchanged", document.source, document.key, document.title, reason=reason
        )
        with self.store.transaction():
            self.store.locators.finish(outcome, document.id)
            if self.project:
                self.store.projects.add_document(self.project, document.id)
        return outcome

    def _write(self, raw: Raw, parsed: Parsed) -> Outcome:
        """One document, one transaction: its version, its passages and the locator's outcome."""
        started = time.perf_counter()
        if not parsed.metadata.title:
            name = Path(raw.locator.split("#")[0]).stem or raw.locator
            parsed = replace(parsed, metadata=replace(parsed.metadata, title=name))
        title = parsed.metadata.title
        spans = split(parsed, embedder=self.embedder)
        self.seconds["split"] += time.perf_counter() - started
        started = time.perf_counter()
        sha256 = self.store.raw_files.put(raw.content)
        with self.store.transaction():
            if self.store.documents.has_content(raw.key, sha256):  # two locators of one work
                return self._note_known(Known(raw.locator, raw.key, "unchanged"))
            status: OutcomeStatus = "updated" if self.store.documents.has(raw.key) else "added"
            document_id, version_id, current = self.store.documents.add_version(
                raw.key, parsed, kind=raw.kind, source=raw.source, label=raw.label, sha256=sha256,
                media_type=raw.media_type, raw_bytes=len(raw.content), fetched_from=raw.url,
            )  # fmt: skip
            if current:
                self.store.passages.replace(
                    document_id, version_id, self.model.id, spans, title=title, text=parsed.text
                )
            if self.project:
                self.store.projects.add_document(self.project, document_id)
            same = self.store.documents.same_work([document_id]).get(document_id, [])
            reason = (
                f"the same work as {', '.join(short_key(key) for _, key in same)}" if same else ""
            )
            outcome = Outcome(raw.locator, status, raw.source, raw.key, title, reason=reason)
            self.store.locators.finish(outcome, document_id)
        self.seconds["write"] += time.perf_counter() - started
        self.progress.written += len(spans)
        self.written.set()
        return outcome

    # -- embed: a thread with a store of its own -----------------------------------------------

    def _embed(self) -> None:
        with Store(self.config.library, member=self.config.member) as store:
            while not self.stop.is_set():
                last = self.all_written.is_set()
                self.written.clear()
                started = time.perf_counter()
                embed_missing(
                    store, self.embedder, self.model, report=self._embedded, stop=self.stop.is_set
                )
                self.seconds["embed"] += time.perf_counter() - started
                if last:
                    return
                self.written.wait()

    def _embedded(self, count: int) -> None:
        self.progress.embedded += count

    # -- what the threads share ----------------------------------------------------------------

    def _wait_for(self, threads: Sequence[threading.Thread], run_id: int) -> None:
        while any(thread.is_alive() for thread in threads):
            self.progress.doing = "embedding"
            self._report(run_id)
            time.sleep(0.1)

    def _report(self, run_id: int) -> None:
        self.show(self.progress)
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self._reported = time.monotonic()
            now = self.progress
            self.store.locators.report(run_id, total=now.total, done=now.done, doing=now.doing)

    def _say(self, doing: str) -> None:
        self.progress.doing = doing

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise Stopped

    def _pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise KeyboardInterrupt


def _source_name(locator: str) -> str:
    try:
        return source_for(locator).name
    except KbError:
        return ""
