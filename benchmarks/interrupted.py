"""Ingest of real papers, interrupted at random moments by Ctrl-C and by kill -9, then resumed.

    python -m benchmarks.interrupted [--papers N] [--times N] [--seed N]

Prints each interruption and what the library held after it; ends with what is missing or double.
Exit code 1 where anything is. Nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.ingest_papers import papers
from kb.config import Config, read_config
from kb.knowledge_base import KnowledgeBase
from tests.arxiv_server import ArxivServer, shared_papers
from tests.conftest import shared_folder


def state(config: Config) -> str:
    """The library in a few words; also proves that it opens."""
    with KnowledgeBase(config) as kb:
        now = kb.status()
    return (
        f"{now.documents} documents, {now.passages} passages, {now.unembedded} unembedded, "
        f"{now.queued} queued"
    )


def wrong(config: Config, expected: int) -> list[str]:
    """What is missing or double."""
    found = []
    with KnowledgeBase(config) as kb:
        documents = kb.store.documents.all()
        model = kb.model()
        now = kb.status()
        if len(documents) != expected:
            found.append(f"{len(documents)} documents instead of {expected}")
        if now.versions != len(documents):
            found.append(f"{now.versions} versions of {len(documents)} documents")
        if now.unembedded or now.queued or now.failed:
            found.append(f"left over: {now}")
        for document in documents:
            ids = kb.store.passages.of_document(document.id, model.id)
            spans = [(p.start, p.end) for p in kb.store.passages.by_ids(ids).values()]
            if not spans or len(set(spans)) != len(spans):
                found.append(f"{document.key}: {len(spans)} passages, {len(set(spans))} distinct")
        index = kb.engine.index(kb.store, model)
        if len(index) != now.passages:
            found.append(f"{len(index)} vectors in the index for {now.passages} passages")
    return found


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--papers", type=int, default=20)
    parser.add_argument("--times", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=12.0, help="seconds before a signal")
    parser.add_argument("--shared", type=Path, default=shared_folder())
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    ids = [paper.arxiv_id for paper in papers(arguments.shared)][: arguments.papers]
    with (
        tempfile.TemporaryDirectory() as folder,
        ArxivServer(shared_papers(arguments.shared)) as server,
    ):
        library = Path(folder) / "library"
        settings = {
            "KB_LIBRARY": str(library),
            "KB_STATE": str(Path(folder) / "state"),
            "KB_ARXIV_API": server.api,
            "KB_ARXIV_PDF": server.pdf,
            "KB_ARXIV_PAUSE": "0",
            "KB_ALLOW_ADDRESSES": "127.0.0.1/32",
        }
        environment = os.environ | settings
        config = read_config(library, environment)
        command = [sys.executable, "-m", "kb.cli.main", "ingest"]
        first = subprocess.Popen([*command, *ids], env=environment, stderr=subprocess.DEVNULL)
        runs = first
        for _ in range(arguments.times):
            what = dice.choice([signal.SIGINT, signal.SIGKILL])
            delay = dice.uniform(0.5, arguments.longest)
            time.sleep(delay)
            runs.send_signal(what)
            code = runs.wait(timeout=120)
            print(f"{what.name} after {delay:.1f} s, exit code {code}: {state(config)}", flush=True)
            runs = subprocess.Popen([*command, "--retry"], env=environment)
        runs.wait(timeout=1200)
        subprocess.run([*command, *ids], env=environment, check=False)
        print(f"At the end: {state(config)}")
        problems = wrong(config, len(ids))
    print("\n".join(problems) or "Nothing is missing or double.")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
