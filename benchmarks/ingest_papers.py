"""The main job on real papers: ingest by arXiv id through a loopback server, timed by stage.

    python -m benchmarks.ingest_papers [--papers N] [--shared DIR] [--keep DIR]

Prints what was added, what came out right, papers a minute, where the time went, and the whole as a
ratio to embedding the same passages alone, measured in the same run. Nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ingest.pipeline import Report, ingest
from ingest.source import Options
from kb.config import Config, read_config
from kb.knowledge_base import KnowledgeBase
from kb.records import Document
from kb.search.embed import heading
from tests.arxiv_server import ArxivServer, shared_papers
from tests.conftest import shared_folder

SAMPLE = 40  # passages whose page is checked against the PDF


@dataclass(frozen=True, slots=True)
class Paper:
    """What is known of one PDF before it is ingested."""

    arxiv_id: str
    file: Path
    title: str
    abstract: str


def papers(shared: Path) -> list[Paper]:
    """The papers of the shared folder, with the metadata that is known."""
    found = []
    for line in (shared / "arxiv" / "pdfs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        known = row["metadata"] or {}
        found.append(
            Paper(
                row["arxiv_id"],
                shared / "arxiv" / row["file"],
                known.get("title") or "",
                known.get("abstract") or "",
            )
        )
    return found


def words(text: str) -> list[str]:
    """Words for a comparison that ignores case, punctuation and hyphens."""
    return re.findall(r"[a-z0-9]+", text.lower().replace("-", ""))


def pages_right(kb: KnowledgeBase, documents: list[Document], sample: int) -> tuple[int, int]:
    """How many of a sample of passages stand on the page they name, by pypdf's reading of it."""
    from pypdf import PdfReader

    dice = random.Random(0)
    right = checked = 0
    while checked < sample:
        document = dice.choice(documents)
        model = kb.model()
        ids = kb.store.passages.of_document(document.id, model.id)
        row = next(iter(kb.store.passages.by_ids([dice.choice(ids)]).values()))
        if row.page is None:
            checked += 1
            continue
        version = kb.store.documents.version(document.version_id)
        reader = PdfReader(kb.store.raw_files.path(version.sha256))
        here = version.text[row.start : min(row.end, version.pages[row.page - 1].end)]
        own = words(here)[:12]
        on_page = "".join(words(reader.pages[row.page - 1].extract_text()))
        hits = sum(word in on_page for word in own)
        right += hits >= 0.75 * len(own)
        checked += 1
    return right, checked


def embed_alone(kb: KnowledgeBase) -> float:
    """Seconds to embed all passages again, with nothing else running."""
    model, embedder = kb.model(), kb.embedder()
    rows = []
    for document in kb.store.documents.all():
        rows += kb.store.passages.by_ids(
            kb.store.passages.of_document(document.id, model.id)
        ).values()
    texts = [heading(embedder, row.title, row.section) + row.text for row in rows]
    started = time.perf_counter()
    embedder.embed_documents(texts)
    return time.perf_counter() - started


def timed(kb: KnowledgeBase, ids: list[str]) -> tuple[Report, float]:
    """One ingest and its wall time in seconds."""
    started = time.perf_counter()
    report = ingest(kb, ids, Options())
    return report, time.perf_counter() - started


def main() -> None:
    """Run and print."""
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--papers", type=int, default=1000)
    parser.add_argument("--shared", type=Path, default=shared_folder())
    parser.add_argument("--keep", type=Path, help="folder of the new library, which stays")
    arguments = parser.parse_args()
    known = papers(arguments.shared)[: arguments.papers]
    with (
        tempfile.TemporaryDirectory() as folder,
        ArxivServer(shared_papers(arguments.shared)) as server,
    ):
        config = Config(
            library=arguments.keep or Path(folder) / "library",
            cache=read_config().cache,
            state=Path(folder) / "state",
            arxiv_pause=0.0,
            allow_addresses=("127.0.0.1/32",),
            arxiv_api=server.api,
            arxiv_pdf=server.pdf,
        )
        with KnowledgeBase(config) as kb:
            kb.embedder()  # exported and loaded before the clock starts
            report, seconds = timed(kb, [paper.arxiv_id for paper in known])
            _, again = timed(kb, [paper.arxiv_id for paper in known])
            documents = kb.store.documents.all()
            by_id = {document.key: document for document in documents}
            alone = embed_alone(kb)
            titles = abstracts = sections = references = 0
            for paper in known:
                document = by_id[f"arxiv:{paper.arxiv_id}"]
                version = kb.store.documents.version(document.version_id)
                if paper.title:
                    titles += words(document.title) == words(paper.title)
                    abstracts += words(document.metadata.abstract) == words(paper.abstract)
                sections += sum(bool(section.title) for section in version.sections) >= 3
                references += any(section.role == "references" for section in version.sections)
            right, checked = pages_right(kb, documents, SAMPLE)
            status = kb.status()
    with_metadata = sum(bool(paper.title) for paper in known)
    print(f"| papers | {len(known)} |\n|---|---|")
    print(f"| added | {sum(o.status == 'added' for o in report.outcomes)} |")
    print(f"| title right (of those with metadata) | {titles} of {with_metadata} |")
    print(f"| abstract right | {abstracts} of {with_metadata} |")
    print(f"| at least three sections found | {sections} |")
    print(f"| references recognised | {references} |")
    print(f"| passages | {status.passages} |")
    print(f"| page right, of a sample | {right} of {checked} |")
    print(f"| seconds | {seconds:.1f} ({len(known) / seconds * 60:.0f} papers a minute) |")
    print(f"| seconds embedding alone | {alone:.1f} (the whole is {seconds / alone:.2f} times) |")
    for stage, spent in report.seconds.items():
        print(f"| of which {stage}, overlapping | {spent:.1f} |")
    print(f"| seconds of a second run | {again:.1f} |")
    for outcome in report.outcomes:
        if outcome.status != "added":
            print(f"\n{outcome.locator}: {outcome.status}, {outcome.reason}")


if __name__ == "__main__":
    main()
