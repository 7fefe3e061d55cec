"""Small random sentence-transformers models, made where a test needs one of another kind."""

from __future__ import annotations

import string
import warnings
from pathlib import Path

WORDS = ("cat", "dog", "review", "query", "document", "passage", "the", "data", "##s", ":", ".")


def make(
    folder: Path, *, pooling: str = "cls", dense: bool = False, seed: int = 0, prompts: bool = True
) -> Path:
    """A two-layer BERT of 32 numbers a vector and 32 tokens a text, saved to `folder`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer
        from transformers import BertConfig, BertModel, BertTokenizerFast

        torch.manual_seed(seed)
        plain = folder.parent / f"{folder.name}-plain"
        plain.mkdir(parents=True)
        letters = [*string.ascii_lowercase, *string.digits]
        pieces = [*WORDS, *letters, *(f"##{letter}" for letter in letters)]
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]
        (plain / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
        BertTokenizerFast(str(plain / "vocab.txt")).save_pretrained(str(plain))
        shape = BertConfig(
            vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=64, initializer_range=0.5,
        )  # fmt: skip
        BertModel(shape).eval().save_pretrained(str(plain))
        modules = [Transformer(str(plain), max_seq_length=32), Pooling(32, pooling)]
        if dense:
            modules.append(Dense(32, 16))
        given = {"query": "query: ", "document": "passage: the document: "} if prompts else None
        model = SentenceTransformer(modules=modules, device="cpu", prompts=given)
        model.save(str(folder))
    return folder
