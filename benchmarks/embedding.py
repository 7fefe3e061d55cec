"""How fast passages are embedded: token budgets of a batch, against sentence-transformers.

    python -m benchmarks.embedding [--passages N] [--rounds N] [--collection DIR] [--threads N]

The same real passages of mixed length in every row, the rows taken in turn, in another order each
round; the median and the fastest of the rounds (what else the machine does only ever slows one
down), and the least cosine to the vectors of sentence-transformers' defaults.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.beir import read_collection
from ingest.split import split
from kb.config import read_config
from kb.records import Metadata, Parsed
from kb.search.embed import Embedder, Vectors, heading
from kb.search.models import find_model, load_embedder
from kb.search.onnx_embedder import BATCH_TOKENS, OnnxEmbedder
from tests.conftest import shared_folder

BUDGETS = (128, 256, 512, 1024, 2048, 4096, 8192)
Run = Callable[[], Vectors]


def passages(folder: Path, embedder: Embedder, count: int) -> list[str]:
    """`count` passages of a collection, drawn with a fixed seed, with their headings."""
    documents = list(read_collection(folder).documents)
    random.Random(0).shuffle(documents)
    found: list[str] = []
    for _, title, text in documents:
        parsed = Parsed(text, Metadata(title=title))
        head = heading(embedder, title, "")
        found += [head + text[s.start : s.end] for s in split(parsed, embedder=embedder)]
        if len(found) >= count:
            break
    return found[:count]


def ours(embedder: OnnxEmbedder, texts: list[str], budget: int) -> Run:
    def run() -> Vectors:
        embedder._batch_tokens = budget
        return embedder.embed_documents(texts)

    return run


def spinning(embedder: OnnxEmbedder, texts: list[str], threads: int) -> Run:
    """As ours, with threads that spin while they wait, as is ONNX Runtime's default."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        embedder._session._model_path, options, providers=["CPUExecutionProvider"]
    )

    def run() -> Vectors:
        usual, embedder._session = embedder._session, session
        embedder._batch_tokens = BATCH_TOKENS
        try:
            return embedder.embed_documents(texts)
        finally:
            embedder._session = usual

    return run


def theirs(folder: Path, texts: list[str], size: int, threads: int) -> Run:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def run() -> Vectors:
        vectors: Vectors = model.encode(
            texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    return run


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--collection", type=Path)
    arguments = parser.parse_args()
    folder = arguments.collection
    if folder is None:
        shared = shared_folder()
        if shared is None:
            parser.error("the shared data folder is not here: name a collection")
        folder = shared / "retrieval" / "scifact"
    config = read_config()
    embedder = load_embedder(config)
    assert isinstance(embedder, OnnxEmbedder)
    texts = passages(folder, embedder, arguments.passages)
    tokens = sum(len(embedder.token_spans(text)) + 2 for text in texts)
    model = find_model(config.model)
    runs: dict[str, Run] = {
        "sentence-transformers, batch 32 (default)": theirs(model, texts, 32, arguments.threads),
        "sentence-transformers, batch 8": theirs(model, texts, 8, arguments.threads),
        **{f"kb, {budget} tokens a batch": ours(embedder, texts, budget) for budget in BUDGETS},
        f"kb, {BATCH_TOKENS} tokens, spinning": spinning(embedder, texts, arguments.threads),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    vectors: dict[str, Vectors] = {}
    dice = random.Random(1)
    for _ in range(arguments.rounds):
        for name, run in dice.sample(list(runs.items()), len(runs)):
            started = time.perf_counter()
            vectors[name] = run()
            seconds[name].append(time.perf_counter() - started)
    first = next(iter(runs))
    print(f"{len(texts)} passages, {tokens} tokens, {arguments.rounds} rounds\n")
    print("| | tokens/s, median | fastest | of the default | least cosine |\n|---|---|---|---|---|")
    base = min(seconds[first])
    for name, spent in seconds.items():
        cosine = float(np.min((vectors[name] * vectors[first]).sum(axis=1)))
        print(
            f"| {name} | {tokens / statistics.median(spent):,.0f} | {tokens / min(spent):,.0f} | "
            f"{base / min(spent):.2f} | {cosine:.6f} |"
        )


if __name__ == "__main__":
    main()
