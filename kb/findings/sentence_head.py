"""Knows two linear heads on sentence vectors: is a design choice stated, and on which axis?

It refuses another encoder than the one it was trained with, and to know where its examples came
from (README.md beside its weights and `kb.findings.feedback` do).
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kb.findings.names import names_folder
from kb.findings.taxonomy import Axis, guess_axis

Floats = NDArray[np.float64]

CUE_SHARE = 3.0
"""Nats that a cue's score (0 to 1) adds to an axis' log-probability. Of 0, 3 and 5 the best
on the development sentences (benchmarks/choice_sentences.py)."""
UNHEARD = math.log(0.05)
"""Log-probability of an axis that the head knows nothing of, a team's own: one in twenty."""
BIAS_SHARE = 0.01
"""Of the penalty on the other weights where nothing is known before; a prior's bias is kept like
its weights, else few examples turn axes off that they happen not to show."""
STEPS = 30
"""Newton steps at most; fits end after about eight."""


class Encoder(Protocol):
    """What the head needs of an encoder: see `kb.search.embed.Embedder`."""

    @property
    def revision(self) -> str:
        """Changes whenever its vectors would."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens a text may have."""
        ...

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Where each token stands."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), d), rows of length 1."""
        ...


@dataclass(frozen=True, slots=True)
class SentenceHead:
    """Weights of both heads, the bias last: each (d + 1,)."""

    revision: str  # of the encoder
    choice: Floats
    axes: Mapping[str, Floats]

    def choice_odds(self, vectors: NDArray[np.float32]) -> Floats:
        """(n,) log-odds that the sentences state a design choice."""
        return _with_one(vectors) @ self.choice

    def axis_scores(self, vectors: NDArray[np.float32]) -> list[dict[str, float]]:
        """For each sentence the log-probability of each axis, one against all others."""
        weights = np.array(list(self.axes.values()))
        odds = _with_one(vectors) @ weights.T
        return [
            dict(zip(self.axes, row.tolist(), strict=True)) for row in -np.logaddexp(0.0, -odds)
        ]

    def as_json(self) -> str:
        """Text that `read_head` reads again; weights to three decimals."""
        rows = {"choice": self.choice, **{f"axis {k}": v for k, v in self.axes.items()}}
        lines = [f'"{key}": {json.dumps([round(w, 3) for w in v.tolist()])}' for key, v in
                 rows.items()]  # fmt: skip
        return f'{{\n"revision": "{self.revision}",\n' + ",\n".join(lines) + "\n}\n"


def read_head(text: str) -> SentenceHead:
    """A head from its text; ValueError or KeyError where it is none."""
    given = json.loads(text)
    axes = {k[5:]: np.array(v) for k, v in given.items() if k.startswith("axis ")}
    return SentenceHead(given["revision"], np.array(given["choice"]), axes)


@functools.cache
def shipped_head() -> SentenceHead:
    """The head that comes with kb: data/names/learned/sentence_head.json."""
    file = names_folder() / "learned" / "sentence_head.json"
    return read_head(file.read_text(encoding="utf-8"))


def sentence_vectors(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """(n, d) vectors of sentences as they are trained on: white space single, the longest cut."""
    return encoder.embed_documents([_as_encoded(encoder, text) for text in texts])


def _as_encoded(encoder: Encoder, text: str) -> str:
    text = " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
    spans = encoder.token_spans(text)
    if len(spans) <= encoder.max_tokens:
        return text
    return text[: spans[max(encoder.max_tokens - 8, 1)][0]]  # room for a word cut in two


# -- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """What the head says of one sentence."""

    odds: float  # log-odds that it states a design choice
    axes: Mapping[str, float]  # log-probabilities

    def best_axes(self, text: str, extra: Sequence[Axis] = ()) -> list[tuple[str, float]]:
        """Axis ids by head and cues together, with shares that sum to 1, the best first."""
        cues = dict(guess_axis(text, extra))
        ids = dict.fromkeys((*self.axes, *cues))
        nats = {a: self.axes.get(a, UNHEARD) + CUE_SHARE * cues.get(a, 0.0) for a in ids}
        highest = max(nats.values())
        shares = {a: math.exp(n - highest) for a, n in nats.items()}
        whole = sum(shares.values())
        ranked = sorted(shares.items(), key=lambda pair: -pair[1])
        return [(axis, share / whole) for axis, share in ranked]


@dataclass(frozen=True, slots=True)
class SentenceReader:
    """A head together with its encoder."""

    head: SentenceHead
    encoder: Encoder

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """What the head says of each text, in order."""
        if not texts:
            return []
        vectors = sentence_vectors(self.encoder, texts)
        odds = self.head.choice_odds(vectors).tolist()
        return [Reading(o, a) for o, a in zip(odds, self.head.axis_scores(vectors), strict=True)]


# -- fitting -------------------------------------------------------------------------------------


def fit(
    vectors: NDArray[np.float32],
    right: Sequence[bool],
    *,
    penalty: float,
    prior: Floats | None = None,
    weights: Sequence[float] | None = None,
) -> Floats:
    """(d + 1,) weights of a logistic regression, drawn towards `prior` (else towards 0).

    The penalty is half of `penalty` times the squared distance to the prior. By Newton's method:
    a thousand examples take milliseconds.
    """
    rows, wanted = _with_one(vectors), np.asarray(right, dtype=np.float64)
    counts = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)
    centre: Floats = np.zeros(rows.shape[1]) if prior is None else prior
    strength = np.full(rows.shape[1], penalty)
    strength[-1] *= BIAS_SHARE if prior is None else 1.0

    def cost(at: Floats) -> float:
        surprise = np.logaddexp(0.0, np.where(wanted > 0, -1.0, 1.0) * (rows @ at))
        return float(counts @ surprise + strength @ (at - centre) ** 2 / 2)

    found = centre.copy()
    now = cost(found)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-(rows @ found)))
        slope = rows.T @ (counts * (chance - wanted)) + strength * (found - centre)
        bend = (rows * (counts * chance * (1 - chance))[:, None]).T @ rows + np.diag(strength)
        step = np.linalg.solve(bend, slope)
        while (lower := cost(found - step)) > now and np.abs(step).max() > 1e-5:
            step /= 2  # too far: the curve is flat where the prior is sure
        if np.abs(step).max() <= 1e-5:
            break
        found, now = found - step, lower
    return found


def _with_one(vectors: NDArray[np.float32]) -> Floats:
    return np.hstack([vectors.astype(np.float64), np.ones((len(vectors), 1))])
