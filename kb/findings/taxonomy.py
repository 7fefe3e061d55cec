"""The axes along which teams choose: what each is, and which one a sentence seems to be about.
It knows no findings and no store; a team's own axes are handed in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

__all__ = ["Axis", "Retraining", "axes", "cues_in", "guess_axis", "read_axes"]

Retraining = Literal["always", "usually", "rarely", "never"]

STRONG = 3.0  # a cue that nearly names the axis outweighs two that only point to it
WEAK = 1.0
DOUBT = 1.0  # one weak cue alone: 0.5, one strong one: 0.75, and never 1


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of design choices; cues are as in `data/taxonomy/axes.toml`."""

    id: str  # lower case, words joined by hyphens
    name: str
    definition: str  # one sentence
    retraining: Retraining  # does trying a choice on it need a model to be trained again
    examples: tuple[str, ...] = ()
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()


@cache
def axes() -> tuple[Axis, ...]:
    """The axes that come with kb, in the order of the workflow."""
    return read_axes(_axes_file())


def read_axes(file: Path) -> tuple[Axis, ...]:
    """The axes of a file like `data/taxonomy/axes.toml`; ValueError where one is not whole."""
    with file.open("rb") as opened:
        given = tomllib.load(opened)["axis"]
    return tuple(_axis(each) for each in given)


def guess_axis(text: str, extra: Sequence[Axis] = ()) -> list[tuple[str, float]]:
    """Axis ids that a sentence may be about with scores between 0 and 1, best first; [] if none.

    An axis scores the weight of its cues in the text (strong 3, weak 1), divided by the weight of
    all cues found plus 1. `extra` are a team's own axes; one with a known id replaces that one.
    """
    weights = {
        axis: sum(weight for _, weight in cues)
        for axis, cues in _found(text, _joined(extra)).items()
    }
    whole = sum(weights.values()) + DOUBT
    return sorted(((axis, weight / whole) for axis, weight in weights.items()), key=_best_first)


def cues_in(text: str, extra: Sequence[Axis] = ()) -> dict[str, tuple[str, ...]]:
    """Why `guess_axis` says so: for each axis the words of the text that point to it, in order."""
    found = _found(text, _joined(extra))
    return {axis: tuple(words for words, _ in cues) for axis, cues in found.items()}


def _best_first(guess: tuple[str, float]) -> float:
    return -guess[1]  # equal scores stay in the order of the workflow


def _axes_file() -> Path:
    """In the installed package, else in the source tree."""
    inside = Path(__file__).resolve().parent.parent
    installed = inside / "data" / "taxonomy" / "axes.toml"
    return installed if installed.is_file() else inside.parent / "data" / "taxonomy" / "axes.toml"


def _axis(given: dict[str, Any]) -> Axis:
    if given["retraining"] not in get_args(Retraining):
        raise ValueError(f"axis {given['id']}: retraining is one of {get_args(Retraining)}")
    lists = {name: tuple(given[name]) for name in ("examples", "strong", "weak")}
    return Axis(given["id"], given["name"], given["definition"], given["retraining"], **lists)


def _joined(extra: Sequence[Axis]) -> tuple[Axis, ...]:
    """The axes of kb and the team's own, the latter in place of one with the same id."""
    return tuple({axis.id: axis for axis in (*axes(), *extra)}.values())


def _found(text: str, among: tuple[Axis, ...]) -> dict[str, list[tuple[str, float]]]:
    """For each axis that has cues in the text: their words and weights, in the order of the text.

    Where cues overlap the longest counts (“label smoothing” is not a label); each word once.
    """
    matches = [
        (match.start(), match.end(), axis, weight)
        for axis, weight, pattern in _patterns(among)
        for match in pattern.finditer(text)
    ]
    matches.sort(key=lambda match: (match[0] - match[1], -match[3], match[0]))
    kept: list[tuple[int, int, str, float]] = []
    for match in matches:
        if all(match[1] <= other[0] or other[1] <= match[0] for other in kept):
            kept.append(match)
    found: dict[str, list[tuple[str, float]]] = {axis.id: [] for axis in among}
    for start, end, axis, weight in sorted(kept):
        if text[start:end].lower() not in (words.lower() for words, _ in found[axis]):
            found[axis].append((text[start:end], weight))
    return {axis: cues for axis, cues in found.items() if cues}


@cache
def _patterns(among: tuple[Axis, ...]) -> tuple[tuple[str, float, re.Pattern[str]], ...]:
    """One pattern for the strong and one for the weak cues of each axis that has some."""
    return tuple(
        (axis.id, weight, _pattern(cues))
        for axis in among
        for cues, weight in ((axis.strong, STRONG), (axis.weak, WEAK))
        if cues
    )


def _pattern(cues: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the cues as whole words, longest first."""
    longest_first = sorted(cues, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(_cue, longest_first))})", re.IGNORECASE)


def _cue(cue: str) -> str:
    stem = cue.removesuffix("*")
    words = r"[\s-]*".join(re.escape(word) for word in re.split(r"[\s-]+", stem))
    return words + (r"\w*" if cue.endswith("*") else r"s?\b")
