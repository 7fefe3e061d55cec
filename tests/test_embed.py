"""The encoder as everything else sees it: measured texts in, rows of length 1 out."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from kb.records import Parsed
from kb.search.embed import Embedder, embed_missing, encodable, from_blobs, to_blob
from kb.search.onnx_embedder import OnnxEmbedder
from kb.store import Store
from tests.conftest import FakeEmbedder
from tests.test_store import add

WORDS = [
    "review",
    "loss",
    "e-mail",
    "customer",
    "transformer",
    "0.5",
    "Straße",
    "数据",
    "🙂",
    "(x)",
]


def mixed(count: int) -> list[str]:
    """Texts of 1 to 120 words, in no order."""
    dice = random.Random(1)
    return [" ".join(dice.choices(WORDS, k=dice.choice([1, 3, 10, 40, 120]))) for _ in range(count)]


def test_stored_vectors_come_back_within_half_precision() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 24)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    back = from_blobs([to_blob(row) for row in rows], 24)
    assert back.dtype == np.float32
    assert (back * rows).sum(axis=1).min() > 0.999999
    assert np.allclose(np.linalg.norm(back, axis=1), 1)
    assert len(to_blob(rows[0])) == 48
    assert from_blobs([], 24).shape == (0, 24)
    assert from_blobs([to_blob(np.zeros(24, dtype=np.float32))], 24).tolist() == [[0.0] * 24]


def test_what_no_encoding_can_write_is_replaced() -> None:
    assert encodable("caf\udce9 🙂\x00") == "caf? 🙂\x00"


def test_embedding_goes_on_where_it_was_stopped(store: Store) -> None:
    for number in range(3):
        parsed = Parsed(f"Cats purr. {number} dogs bark at the mailman.")
        add(store, f"arxiv:1901.0000{number}", sha256=str(number), parsed=parsed)
    model = store.settings.active_model()
    assert model is not None
    told: list[int] = []
    assert embed_missing(store, FakeEmbedder(), model, stop=lambda: True) == 0
    assert store.passages.counts(model.id) == (6, 6)
    assert embed_missing(store, FakeEmbedder(), model, report=told.append) == 6
    assert (told, store.passages.counts(model.id)) == ([6], (6, 0))
    assert embed_missing(store, FakeEmbedder(), model) == 0


@pytest.mark.model
def test_rows_are_of_length_one_and_nothing_gives_an_empty_table(real_embedder: Embedder) -> None:
    vectors = real_embedder.embed_documents(["x", "", "\x00", "🙂", "word " * 254])
    assert (vectors.shape, vectors.dtype) == ((5, real_embedder.dimension), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert real_embedder.embed_documents([]).shape == (0, real_embedder.dimension)


@pytest.mark.model
def test_a_text_gets_the_same_vector_in_any_company(real_embedder: Embedder) -> None:
    assert isinstance(real_embedder, OnnxEmbedder)
    texts = mixed(40)
    whole = real_embedder.embed_documents(texts)
    turned = real_embedder.embed_documents(texts[::-1])[::-1]
    alone = np.concatenate([real_embedder.embed_documents([text]) for text in texts])
    assert (whole * turned).sum(axis=1).min() > 0.999999
    assert (whole * alone).sum(axis=1).min() > 0.999999
    queries = np.stack([real_embedder.embed_query(text) for text in texts])  # it has no prompts
    assert np.allclose(queries, alone, atol=1e-6)


@pytest.mark.model
def test_a_text_that_would_be_cut_is_refused(real_embedder: Embedder) -> None:
    assert real_embedder.max_tokens == 254
    assert len(real_embedder.token_spans("word " * 254)) == 254
    with pytest.raises(ValueError, match="A text of 257 tokens is longer than the 256"):
        real_embedder.embed_documents(["short", "word " * 255])


@pytest.mark.model
@pytest.mark.parametrize(
    "text",
    [
     "", " \n", "\x00" * 50, "🙂 " * 5000, "x" * 10_000, "word " * 2000, "漢" * 5000,
     "\udcff\ud83d", "é\u0301" * 4000, "a" * 99 + " " + "supercalifragilistic" * 400],
)  # fmt: skip
def test_any_question_has_a_vector(real_embedder: Embedder, text: str) -> None:
    vector = real_embedder.embed_query(text)
    assert vector.shape == (real_embedder.dimension,)
    assert np.isclose(np.linalg.norm(vector), 1)


@pytest.mark.model
def test_a_long_question_is_cut_at_its_end(real_embedder: Embedder) -> None:
    start = "does a movie review help to sort customer e-mails " * 20
    long = real_embedder.embed_query(start + "unrelated " * 3000)
    short = real_embedder.embed_documents([start.strip()])[0]
    assert long @ short > 0.99


@pytest.mark.model
def test_token_spans_are_the_places_of_the_tokens(real_embedder: Embedder) -> None:
    text = "Tokens of  a naïve\nStraße: 3.5 🙂"
    spans = real_embedder.token_spans(text)
    assert list(spans) == sorted(spans)
    assert [text[a:b] for a, b in spans][:5] == ["Token", "s", "of", "a", "naïve"]
    covered = {i for a, b in spans for i in range(a, b)}
    assert all(i in covered or text[i].isspace() for i in range(len(text)))


@pytest.mark.model
def test_threads_may_share_an_encoder(real_embedder: Embedder) -> None:
    texts = mixed(12)
    expected = real_embedder.embed_documents(texts)
    wrong: list[float] = []

    def embed() -> None:
        for _ in range(3):
            cosine = (real_embedder.embed_documents(texts) * expected).sum(axis=1).min()
            if not cosine > 0.999999:
                wrong.append(float(cosine))

    threads = [threading.Thread(target=embed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
