"""Knows how a team's own decisions move the sentence head, and whether they should.

It refuses to move it far from the shipped one, on few decisions, or where cross-validation speaks
against it; the shipped head is never changed.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from kb.errors import UsageError
from kb.findings.sentence_head import (
    UNHEARD,
    Encoder,
    Floats,
    SentenceHead,
    SentenceReader,
    fit,
    read_head,
    sentence_vectors,
    shipped_head,
)
from kb.store import Store

FEWEST = 20
"""Decisions a refit wants: the fewest with which simulated teams were tried, and there forecasts
got better (python -m benchmarks.choice_sentences --refit)."""
FEWEST_EACH = 5
"""… of them taken up, and turned down; and with an axis, of which the axis head wants as many."""
PENALTY = 5.0
"""On the distance to the shipped head: of 1, 5 and 10, 5 and 10 helped from the fewest decisions
on, and 1 did harm there (same)."""
FOLDS = 5

Head = TypeVar("Head")


@dataclass(frozen=True, slots=True)
class Decision:
    """What people said of a sentence."""

    text: str
    stated: bool  # a design choice is in it
    axis: str = ""  # of what is in it; "" where nobody said


@dataclass(frozen=True, slots=True)
class Score:
    """Of one head on decisions it was not fitted to."""

    right: float  # share right
    surprise: float  # mean negative log-likelihood, in nats: lower is better


@dataclass(frozen=True, slots=True)
class Change:
    """One of the two heads before and after, cross-validated; kept where it forecasts better."""

    examples: int
    before: Score
    after: Score

    @property
    def kept(self) -> bool:
        """Whether the refitted head is used."""
        return self.after.surprise < self.before.surprise


@dataclass(frozen=True, slots=True)
class Refit:
    """What a refit did."""

    taken_up: int
    turned_down: int
    choice: Change
    axis: Change | None  # None: too few decisions with an axis
    new_axes: tuple[str, ...] = ()  # a team's own that the head has learned


# -- which head ----------------------------------------------------------------------------------


def head_for(stored: str, revision: str) -> SentenceHead | None:
    """The library's own head where it has one for that encoder, else the shipped one, else None."""
    try:
        own = read_head(stored) if stored else None
    except (ValueError, KeyError, TypeError):  # written by another release
        own = None
    for head in (own, shipped_head()):
        if head is not None and head.revision == revision:
            return head
    return None


def reader_for(stored: str, encoder: Encoder) -> SentenceReader | None:
    """The head with its encoder; None where there is none for that encoder."""
    head = head_for(stored, encoder.revision)
    return SentenceReader(head, encoder) if head else None


# -- what people decided -------------------------------------------------------------------------


def decisions(store: Store) -> list[Decision]:
    """Sentences that the team has taken up as design choices, or turned down, each once.

    Taken up are the quotes of all evidence of design choices, however it came about; turned down
    the rejected suggestions of that kind whose sentence nobody took up otherwise.
    """
    found: dict[str, Decision] = {}
    for finding in store.findings.all(kind="design_choice"):
        axis = str(finding.fields.get("axis") or "")
        for evidence in store.findings.evidence(finding.id):
            text = " ".join(evidence.quote.split())
            found.setdefault(text, Decision(text, True, axis))
    for suggestion in store.suggestions.all("rejected", kind="design_choice"):
        text = " ".join(suggestion.quote.split())
        if not any(text in taken or taken in text for taken, d in found.items() if d.stated):
            found.setdefault(text, Decision(text, False))
    return list(found.values())


# -- refitting -----------------------------------------------------------------------------------


def refit(store: Store, encoder: Encoder) -> Refit:
    """Move the shipped head towards the team's decisions, and keep in the library what helps.

    UsageError where decisions are too few, or there is no head for the library's encoder.
    """
    shipped = shipped_head()
    if shipped.revision != encoder.revision:
        raise UsageError(
            "The sentence head that comes with kb was trained for another encoder than this "
            "library's, so there is nothing to refit: design choices are suggested by rules alone."
        )
    made = sorted(decisions(store), key=_shuffled)
    taken_up = sum(each.stated for each in made)
    turned_down = len(made) - taken_up
    if len(made) < FEWEST or min(taken_up, turned_down) < FEWEST_EACH:
        raise UsageError(
            f"A refit wants {FEWEST} decisions on design choices, at least {FEWEST_EACH} taken up "
            f"and {FEWEST_EACH} turned down; there are {taken_up} and {turned_down}. Accept and "
            "reject more suggestions: kb suggest DOCUMENT."
        )
    vectors = sentence_vectors(encoder, [each.text for each in made])
    stated = [each.stated for each in made]
    choice, change = _choice(shipped.choice, vectors, stated)
    with_axis = [i for i, each in enumerate(made) if each.axis]
    axes, axis_change = dict(shipped.axes), None
    new_axes: tuple[str, ...] = ()
    if len(with_axis) >= FEWEST_EACH:
        named = [made[i].axis for i in with_axis]
        moved, axis_change = _axes(axes, vectors[with_axis], named)
        if axis_change.kept:
            new_axes = tuple(sorted(moved.keys() - axes.keys()))
            axes = moved
    if change.kept or (axis_change is not None and axis_change.kept):
        head = SentenceHead(shipped.revision, choice if change.kept else shipped.choice, axes)
        store.suggestions.set_head(head.as_json(), f"{len(made)} decisions")
    elif store.suggestions.head():  # what an earlier refit kept no longer forecasts better
        store.suggestions.set_head("", f"{len(made)} decisions speak for the shipped one")
    return Refit(taken_up, turned_down, change, axis_change, new_axes)


def _shuffled(decision: Decision) -> str:
    """An order that has nothing to do with when or where a decision was made, always the same."""
    return hashlib.sha256(decision.text.encode()).hexdigest()


def _choice(
    shipped: Floats, vectors: NDArray[np.float32], stated: Sequence[bool]
) -> tuple[Floats, Change]:
    def fitted(rows: Sequence[int]) -> Floats:
        return fit(vectors[rows], [stated[i] for i in rows], penalty=PENALTY, prior=shipped)

    def chance(head: Floats, row: int) -> float:
        return _sigmoid(float(vectors[row].astype(np.float64) @ head[:-1] + head[-1]))

    def scored(row: int, head: Floats) -> tuple[bool, float]:
        stands = chance(head, row)
        return (stands > 0.5) == stated[row], stands if stated[row] else 1 - stands

    return fitted(range(len(stated))), _crossed(len(stated), shipped, fitted, scored)


def _axes(
    shipped: dict[str, Floats], vectors: NDArray[np.float32], named: Sequence[str]
) -> tuple[dict[str, Floats], Change]:
    counts = Counter(named)
    unknown = np.zeros(vectors.shape[1] + 1)
    unknown[-1] = UNHEARD  # log-odds of a rare thing are its log-probability
    priors = shipped | {
        axis: unknown
        for axis, count in counts.items()
        if axis not in shipped and count >= FEWEST_EACH
    }

    def fitted(rows: Sequence[int]) -> dict[str, Floats]:
        return {
            axis: fit(vectors[rows], [named[i] == axis for i in rows], penalty=PENALTY, prior=prior)
            for axis, prior in priors.items()
        }

    def scored(row: int, heads: dict[str, Floats]) -> tuple[bool, float]:
        scores = SentenceHead("", np.zeros(0), heads).axis_scores(vectors[row : row + 1])[0]
        whole = sum(math.exp(score) for score in scores.values())
        share = math.exp(scores.get(named[row], UNHEARD)) / whole
        return max(scores, key=lambda axis: scores[axis]) == named[row], min(share, 1.0)

    return fitted(range(len(named))), _crossed(len(named), shipped, fitted, scored)


def _crossed(
    count: int,
    shipped: Head,
    fitted: Callable[[Sequence[int]], Head],
    scored: Callable[[int, Head], tuple[bool, float]],
) -> Change:
    """Both heads on each row, the refitted one without the fold that holds it."""
    before, after = [], []
    for fold in range(FOLDS):
        head = fitted([i for i in range(count) if i % FOLDS != fold])
        for row in range(fold, count, FOLDS):
            before.append(scored(row, shipped))
            after.append(scored(row, head))
    return Change(count, _score(before), _score(after))


def _score(rows: Sequence[tuple[bool, float]]) -> Score:
    right = sum(is_right for is_right, _ in rows) / len(rows)
    return Score(right, -sum(math.log(max(chance, 1e-9)) for _, chance in rows) / len(rows))


def _sigmoid(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -500 else 0.0
