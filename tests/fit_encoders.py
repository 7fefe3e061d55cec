"""Encoders made for the tests, and texts that only some of them can tell apart."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np

from kb.errors import ModelError
from kb.fit.models import Encoders
from tests.fit_texts import FILLER, MAILS, WordEmbedder

LETTERS = list("abdegiklmnoprstu")
JOY, WOE = (
    ["".join(word) for word in np.random.default_rng(seed).choice(LETTERS, (400, 6))]
    for seed in (11, 12)
)
"""Words of each feeling, so many that a test has most of them once, and alike in nothing."""


def feelings(count: int, *, seed: int, clear: float = 0.85) -> list[tuple[str, str]]:
    """(text, label) pairs: the label shows in a few of many words, and, seldom, does not."""
    dice = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        label = str(dice.choice(["negative", "positive"]))
        words = [*dice.choice(MAILS, 3), *dice.choice(FILLER, 4)]
        for _ in range(3):
            own = (label == "positive") == (dice.random() < clear)
            words.append(dice.choice(JOY if own else WOE))
        dice.shuffle(words)
        rows.append((" ".join(map(str, words)), label))
    return rows


_JOY, _WOE = frozenset(JOY), frozenset(WOE)


class FeelingEmbedder(WordEmbedder):
    """Knows joy and woe; of `blur` comes the rest of a vector, which tells nothing."""

    def __init__(self, name: str, *, blur: float = 0.3, seconds: float = 0.0) -> None:
        super().__init__()
        self.name = self.revision = name
        self._blur = blur
        self._seconds = seconds

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        time.sleep(self._seconds * len(texts))
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> np.ndarray:
        vector = self.embed_query(text) * self._blur
        vector[0] += len(_JOY.intersection(text.split())) / 3
        vector[1] += len(_WOE.intersection(text.split())) / 3
        return vector / np.linalg.norm(vector)


class Dying(FeelingEmbedder):
    """Embeds here, and ends the process where it is timed."""

    def __init__(self) -> None:
        super().__init__("dying")
        if _is_child():
            os._exit(3)


def load(name: str) -> WordEmbedder:
    """The encoder of that name."""
    made = {
        "knows": lambda: FeelingEmbedder("knows"),
        "folder/knows": lambda: FeelingEmbedder("knows"),
        "blurred": lambda: FeelingEmbedder("blurred", blur=1.0),
        "near": lambda: FeelingEmbedder("near", blur=0.31),
        "slow": lambda: FeelingEmbedder("slow", seconds=0.03),
        "words": WordEmbedder,
        "stops": lambda: WordEmbedder(stop_after=300),
        "dying": Dying,
    }
    if name == "odd":
        raise TypeError("no tokenizer")
    if name not in made:
        raise ModelError(f"{name} holds no model.")
    return made[name]()


def disk_bytes(name: str) -> int:
    """As many megabytes as the name has letters."""
    return len(name) * 1024**2


ENCODERS = Encoders(load, disk_bytes)


def _is_child() -> bool:
    from multiprocessing import parent_process

    return parent_process() is not None
