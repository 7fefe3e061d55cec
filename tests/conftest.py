from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from kb.config import Config, read_config
from kb.knowledge_base import Engine, KnowledgeBase
from kb.search.embed import Embedder
from kb.search.models import load_embedder
from kb.store import Store

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """The folder of real data that is not part of the project, where there is one."""
    folder = Path(os.environ.get("KB_SHARED_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if folder is None:
        pytest.skip("the shared data folder is not here (KB_SHARED_DATA)")
    return folder


@pytest.fixture(autouse=True)
def _main_stays() -> Iterator[None]:
    """Streamlit's AppTest puts the page in place of the program that runs; a process that is
    started later would run the page.
    """
    kept = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = kept


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A configuration whose every folder is the test's own."""
    return Config(
        library=tmp_path / "library",
        cache=tmp_path / "cache",
        state=tmp_path / "state",
        member="tester",
        allow_addresses=("127.0.0.1/32",),
        arxiv_pause=0.0,
    )


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    with Store(config.library, member=config.member) as store:
        yield store


class FakeEmbedder:
    """Vectors that can be computed by eye: one axis for each of a few words, counted."""

    WORDS = ("cat", "dog", "email", "review", "sentiment", "loss", "data", "model")
    name = "fake"
    revision = "1"
    dimension = len(WORDS) + 1
    max_tokens = 32

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        import re

        return [found.span() for found in re.finditer(r"\w+|[^\w\s]", text)]

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            if len(self.token_spans(text)) > self.max_tokens:
                raise ValueError("longer than the encoder takes")
            vectors[row] = self._vector(text)
        return vectors

    def embed_query(self, text: str) -> np.ndarray:
        return self._vector(text)

    def _vector(self, text: str) -> np.ndarray:
        words = text.lower().split()
        counts = [sum(w.startswith(word) for w in words) for word in self.WORDS]
        vector = np.array([*counts, 0.1], dtype=np.float32)
        return vector / np.linalg.norm(vector)


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def knowledge_base(config: Config, embedder: FakeEmbedder) -> Iterator[KnowledgeBase]:
    """A library whose encoder is the fake one."""
    engine = Engine(config)
    engine._embedder = embedder
    with KnowledgeBase(config, engine=engine) as kb:
        yield kb


@pytest.fixture(scope="session")
def real_embedder() -> Embedder:
    """The default encoder, from the user's own cache: exported there once."""
    return load_embedder(read_config())
