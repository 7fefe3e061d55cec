from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb.fit.vectors import WRITTEN, VectorCache
from kb.search.embed import Embedder
from tests.fit_texts import MAILS, WordEmbedder, sentences

TEXTS = [text for text, _ in sentences(600, MAILS, seed=1)]


def test_a_second_look_embeds_nothing_and_gives_the_same_digits(tmp_path: Path) -> None:
    first = VectorCache(tmp_path, WordEmbedder()).embed(TEXTS)
    again = WordEmbedder()
    seen: list[tuple[int, int]] = []
    second = VectorCache(tmp_path, again).embed(
        TEXTS[::-1], report=lambda done, all_: seen.append((done, all_))
    )
    assert again.embedded == 0
    assert seen == [(600, 600)]
    assert np.array_equal(first, second[::-1])
    assert np.allclose(first, WordEmbedder().embed_documents(TEXTS), atol=1e-3)
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)


def test_what_was_embedded_before_a_stop_is_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        VectorCache(tmp_path, WordEmbedder(stop_after=WRITTEN + 10)).embed(TEXTS)
    rest = WordEmbedder()
    found = VectorCache(tmp_path, rest).embed(TEXTS)
    assert rest.embedded == len(TEXTS) - WRITTEN
    assert np.array_equal(found, VectorCache(tmp_path / "new", WordEmbedder()).embed(TEXTS))


def test_a_record_cut_short_is_overwritten(tmp_path: Path) -> None:
    whole = VectorCache(tmp_path, WordEmbedder()).embed(TEXTS[:300])
    file = next((tmp_path / "fit").glob("vectors-*.bin"))
    file.write_bytes(file.read_bytes()[:-7])
    rest = WordEmbedder()
    found = VectorCache(tmp_path, rest).embed(TEXTS[:301])
    assert rest.embedded == 2
    assert np.array_equal(found[:300], whole)
    last = WordEmbedder()
    VectorCache(tmp_path, last).embed(TEXTS[:301])
    assert last.embedded == 0


def test_a_text_is_embedded_once_however_often_it_stands_there(tmp_path: Path) -> None:
    embedder = WordEmbedder()
    found = VectorCache(tmp_path, embedder).embed(["a parcel", "late", "a parcel"])
    assert embedder.embedded == 2
    assert np.array_equal(found[0], found[2])


def test_another_revision_has_vectors_of_its_own(tmp_path: Path) -> None:
    VectorCache(tmp_path, WordEmbedder()).embed(["a parcel"])
    other = WordEmbedder()
    other.revision = "2"
    VectorCache(tmp_path, other).embed(["a parcel"])
    assert other.embedded == 1


def test_a_long_text_is_read_in_stretches_and_no_text_gives_no_rows(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, WordEmbedder())
    start, end = "invoice " * 60, "refund " * 60
    both = cache.embed([start, end, start + end, "\ud800 lone"])
    middle = both[0] + both[1]
    assert float(both[2] @ middle / np.linalg.norm(middle)) > 0.95
    assert cache.embed([]).shape == (0, WordEmbedder.dimension)


@pytest.mark.model
def test_the_real_encoder_takes_texts_of_any_length(
    tmp_path: Path, real_embedder: Embedder
) -> None:
    texts = ["pneumonoultramicroscopic " * 400, "né à Köln, 日本語 " * 300, "short"]
    found = VectorCache(tmp_path, real_embedder).embed(texts)
    assert found.shape == (3, real_embedder.dimension)
    assert np.isfinite(found).all()
