"""Any sentence-transformers model, and its export to ONNX. The only home of torch.

Slow to import: used to export a model and to check the export, and for models that cannot be
exported.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kb.errors import ModelError
from kb.search.embed import Vectors, encodable

if TYPE_CHECKING:
    from kb.search.models import Exported

POOLINGS = ("mean", "cls")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars, warnings and chatter of the libraries while they load or export."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


def _load(folder: str) -> Any:
    with _quiet():
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(folder, device="cpu", local_files_only=True)
        except Exception as error:
            raise ModelError(
                f"The model in {folder} cannot be loaded by sentence-transformers: {error}"
            ) from error


def describe(folder: Path) -> dict[str, Any]:
    """dimension, max_tokens, query_prompt and document_prompt of the model in `folder`."""
    model = _load(str(folder))
    prompts = model.prompts or {}
    query, document = prompts.get("query") or "", prompts.get("document") or ""
    tokenizer = model.tokenizer
    special = tokenizer.num_special_tokens_to_add()
    longest = model.max_seq_length or tokenizer.model_max_length
    taken = max(len(tokenizer.tokenize(prompt)) for prompt in (query, document, ""))
    return {
        "dimension": model.get_embedding_dimension(),
        "max_tokens": int(longest) - special - taken,
        "query_prompt": query,
        "document_prompt": document,
    }


def export_onnx(folder: Path, target: Path) -> None:
    """Write model.onnx (tokens → rows of length 1), weights.bin and tokenizer.json to `target`.

    Pooling and normalisation are in the graph. Raises ModelError for modules that it does not know.
    """
    import torch

    from kb.search.onnx_embedder import save_optimised

    model = _load(str(folder))
    encoder, pooling = _modules(model)

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            states = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
            if pooling == "cls":
                pooled = states[:, 0]
            else:
                mask = attention_mask.unsqueeze(-1).to(states.dtype)
                pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, p=2, dim=1)

    tokens = model.tokenizer(["one text", "and another, longer text"], padding=True)
    example = tuple(torch.tensor(tokens[name]) for name in ("input_ids", "attention_mask"))
    rows, width = torch.export.Dim("rows"), torch.export.Dim("width", max=int(model.max_seq_length))
    plain = target / "plain.onnx"
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            Encoder().eval(),
            example,
            str(plain),
            dynamo=True,
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_shapes=({0: rows, 1: width}, {0: rows, 1: width}),
            external_data=True,
        )
    save_optimised(plain, target)
    for file in target.glob("plain.*"):
        file.unlink()
    shutil.copyfile(_tokenizer_file(model, folder), target / "tokenizer.json")


def _modules(model: Any) -> tuple[Any, str]:
    """The transformer and how its states are pooled; ModelError for anything else."""
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    first, *others = list(model)
    if not isinstance(first, Transformer) or not others or not isinstance(others[0], Pooling):
        raise ModelError("it is not a transformer with pooling")
    pooling_module = others[0]
    pooling = pooling_module.pooling_mode
    if pooling not in POOLINGS or not all(isinstance(m, Normalize) for m in others[1:]):
        raise ModelError(f"its modules ({pooling} pooling and others) are not known to the export")
    if not pooling_module.include_prompt and any((model.prompts or {}).values()):
        raise ModelError("it leaves its prompts out of the pooling")
    return first.auto_model, pooling


def _tokenizer_file(model: Any, folder: Path) -> Path:
    file = folder / "tokenizer.json"
    if not file.is_file() or not getattr(model.tokenizer, "is_fast", False):
        raise ModelError("it has no tokenizer.json")
    return file


class TransformersEmbedder:
    """An `Embedder` on sentence-transformers."""

    def __init__(self, folder: str, exported: Exported) -> None:
        self._model = _load(folder)
        self._exported = exported
        self.name = exported.name
        self.revision = exported.revision
        self.dimension = exported.dimension
        self.max_tokens = exported.max_tokens

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """(start, end) character offsets of each token, in order, uncut."""
        found = self._model.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False,
            verbose=False,
        )  # fmt: skip
        return [(start, end) for start, end in found["offset_mapping"]]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), d). ValueError for a text of more than max_tokens."""
        for text in texts:
            if len(self.token_spans(text)) > self.max_tokens:
                raise ValueError(f"A text is longer than {self.name} takes: “{text[:40]}…”.")
        return self._encode([self._exported.document_prompt + text for text in texts])

    def embed_query(self, text: str) -> Vectors:
        """(d,). A question longer than the encoder takes is cut at its end."""
        vector: Vectors = self._encode([self._exported.query_prompt + encodable(text)])[0]
        return vector

    def _encode(self, texts: list[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        vectors: Vectors = self._model.encode(
            texts, normalize_embeddings=True, show_progress_bar=False, batch_size=8, prompt=""
        )
        return vectors.astype(np.float32)
