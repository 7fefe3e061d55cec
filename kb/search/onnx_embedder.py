"""An exported encoder on ONNX Runtime with `tokenizers`: what every search and ingest runs on.

Knows tokens, batches and vectors. It imports no torch, and knows nothing of where models come from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

from kb.search.embed import Vectors, encodable

if TYPE_CHECKING:
    from kb.search.models import Exported

BATCH_TOKENS = 512
"""Tokens of a batch, padding included. Of 128 to 8192 on two cores, 512 has the best median and is
within 2 % of the best single round; 8192 is a quarter slower (benchmarks/embedding.py)."""


class OnnxEmbedder:
    """An `Embedder`. Thread-safe."""

    def __init__(
        self, folder: Path, exported: Exported, *, threads: int, batch_tokens: int = BATCH_TOKENS
    ) -> None:
        """`folder` holds model.onnx, weights.bin and tokenizer.json; `threads` 0 is one a core."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or len(_cores())
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Threads that spin while they wait gain 3 % alone; on shared cores they fell to less than
        # half (benchmarks/embedding.py), and the parsers share them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The file was optimised when it was exported; doing it again would cost each start.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._exported = exported
        self.name = exported.name
        self.revision = exported.revision
        self.dimension = exported.dimension
        self.max_tokens = exported.max_tokens
        self._batch_tokens = batch_tokens
        special = len(self._tokenizer.encode("").ids)
        self._longest = exported.max_tokens + special + self._count(exported.document_prompt)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """(start, end) character offsets of each token, in order, uncut."""
        spans: list[tuple[int, int]] = self._tokenizer.encode(
            text, add_special_tokens=False
        ).offsets
        return spans

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), d). ValueError for a text of more than max_tokens."""
        encodings = self._tokenizer.encode_batch(
            [self._exported.document_prompt + text for text in texts]
        )
        for text, encoding in zip(texts, encodings, strict=True):
            if len(encoding.ids) > self._longest:
                raise ValueError(
                    f"A text of {len(encoding.ids)} tokens is longer than the {self._longest} "
                    f"that {self.name} takes: “{text[:40]}…”."
                )
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for rows in self._batches(encodings):
            vectors[rows] = self._run([encodings[row] for row in rows])
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """(d,). A question longer than the encoder takes is cut at its end."""
        text = encodable(text)
        tokenizer_cut = self._tokenizer.encode(self._exported.query_prompt + text)
        if len(tokenizer_cut.ids) > self._longest:
            cut = self.token_spans(text)[self.max_tokens - 8][0]  # room for a word cut in two
            tokenizer_cut = self._tokenizer.encode(self._exported.query_prompt + text[:cut])
            tokenizer_cut.truncate(self._longest)
        vector: Vectors = self._run([tokenizer_cut])[0]
        return vector

    def _count(self, text: str) -> int:
        return len(self.token_spans(text)) if text else 0

    def _batches(self, encodings: Sequence[Encoding]) -> Iterator[list[int]]:
        """Rows by length, the longest first, so many that padded they fit the token budget."""
        order = sorted(range(len(encodings)), key=lambda row: -len(encodings[row].ids))
        batch: list[int] = []
        for row in order:
            if batch and (len(batch) + 1) * len(encodings[batch[0]].ids) > self._batch_tokens:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _run(self, encodings: Sequence[Encoding]) -> Vectors:
        width = max(len(encoding.ids) for encoding in encodings)
        ids = np.zeros((len(encodings), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        vectors: Vectors = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        if not np.isfinite(vectors).all():
            raise ValueError(f"{self.name} gave a vector that is not finite.")
        return vectors


def save_optimised(plain: Path, folder: Path) -> None:
    """Write the graph of `plain` to `folder` as model.onnx, optimised once for every start.

    The weights are a file of their own, weights.bin, because ONNX Runtime maps that into memory:
    it opens in 40 ms, not 110.
    """
    external = "session.optimized_model_external_initializers_"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "model.onnx")
    options.add_session_config_entry(external + "file_name", "weights.bin")
    options.add_session_config_entry(external + "min_size_in_bytes", "1024")
    onnxruntime.InferenceSession(str(plain), options, providers=["CPUExecutionProvider"])


def _cores() -> set[int]:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))
