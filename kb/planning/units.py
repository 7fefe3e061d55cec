"""Which metrics are the same under other names, and what a reported number is in a project's unit.

Never guesses: a number that could mean two things is not comparable, and says which two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kb.records import Effect

__all__ = ["NotComparable", "Scale", "difference", "metric_key", "scale_of", "why_other"]

Size = Literal["percent", "fraction", "time", "own"]
Unit = Literal["%", "points", "fraction", "relative", "time", "none", "other"]

_ALIASES: tuple[tuple[str, str], ...] = (
    # as papers write them → one word each, in this order
    (r"(macro|micro|weighted) averaged?", r"\1"),
    (r"area under (the )?(precision recall|pr) curve|pr auc|auc pr|auprc", "auprc"),
    (r"area under (the )?(roc |receiver operating characteristic )?curve|roc auc|auc roc|auroc|auc",
     "auroc"),
    (r"mean average precision", "map"),
    (r"average precision", "ap"),
    (r"mean reciprocal rank", "mrr"),
    (r"matthews correlation( coefficient)?|matthews corr", "mcc"),
    (r"intersection over union", "iou"),
    (r"root mean squared? error", "rmse"),
    (r"mean squared? error", "mse"),
    (r"mean absolute error", "mae"),
    (r"word error rates?", "wer"),
    (r"character error rates?", "cer"),
    (r"equal error rates?", "eer"),
    (r"error rates?|errors?", "error"),
    (r"exact match(es)?", "em"),
    (r"top 1 (accuracy|accuracies|acc)|accuracy|accuracies|acc", "accuracy"),
    (r"(f|f1|f 1) ?(scores?|measures?)|f 1", "f1"),
    (r"perplexities|ppl", "perplexity"),
)  # fmt: skip
_NO_MEANING = frozenset(
    # words that say where or how often it was measured, not what
    [
        "average",
        "averaged",
        "mean",
        "overall",
        "test",
        "dev",
        "development",
        "validation",
        "val",
        "eval",
        "held",
        "out",
        "heldout",
        "set",
        "score",
        "scores",
        "metric",
        "metrics",
        "measure",
        "the",
        "of",
    ]
)
_AVERAGES = frozenset({"macro", "micro", "weighted", "balanced", "binary"})
_ERRORS = frozenset({"error", "wer", "cer", "eer"})
_UNBOUNDED = frozenset({"perplexity", "rmse", "mse", "mae", "loss", "latency", "time", "speed"})
_MS = {"µs": 0.001, "us": 0.001, "ms": 1.0, "s": 1e3, "min": 6e4, "h": 3.6e6}
_TIMES = {
    "microseconds": "µs", "milliseconds": "ms", "millisecond": "ms", "msec": "ms", "sec": "s",
    "secs": "s", "second": "s", "seconds": "s", "minutes": "min", "minute": "min", "hours": "h",
    "hour": "h",
}  # fmt: skip
_ABSOLUTE = re.compile(r"\b(absolute|percentage[\s-]points?|points?|pp|pts?)\b", re.I)
_RELATIVE = re.compile(r"\b(relative(ly)?|rel\.)", re.I)


class NotComparable(ValueError):
    """The message says why a reported number is not a gain on the project's metric."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What numbers of a metric count in."""

    size: Size
    unit: str  # in words: "points", "ms"
    inferred: str = ""  # why it is not what the unit says; "" where it is

    def from_common(self, amount: float) -> float:
        """An amount in points, milliseconds or the metric's own unit, in this scale."""
        if self.size == "fraction":
            return amount / 100
        return amount / _MS[self.unit] if self.size == "time" else amount

    def to_common(self, amount: float) -> float:
        """The other way."""
        if self.size == "fraction":
            return amount * 100
        return amount * _MS[self.unit] if self.size == "time" else amount


def metric_key(name: str) -> frozenset[str]:
    """The words that make a metric what it is: the same for "macro F1" and "F1 (macro-averaged)".

    What it was measured on ("test accuracy", "accuracy on SST-2") does not count; which average
    and which class does.
    """
    plain = " ".join(re.findall(r"[a-z0-9µ]+", name.casefold().replace("@", " at ")))
    plain = re.sub(r"\bon .*", "", plain) or plain
    for pattern, word in _ALIASES:
        plain = re.sub(rf"\b(?:{pattern})\b", word, plain)
    words = set(plain.split())
    return frozenset(words - _NO_MEANING or words)


def why_other(name: str, ours: str) -> str:
    """Why `name` is not the project's metric `ours`, in a sentence."""
    theirs, own = metric_key(name), metric_key(ours)
    if theirs - _AVERAGES == own - _AVERAGES:
        return f"“{name}” is averaged otherwise than “{ours}”, or does not say how."
    return f"“{name}” is another metric than “{ours}”."


def scale_of(metric: str, unit: str, values: Sequence[float | None] = ()) -> Scale:
    """The scale of a metric's numbers, from its unit, and from known `values` where they deny it.

    Values between 0 and 1 of a metric that ends at 100 % are fractions, but of an error rate,
    which may well be below one per cent.
    """
    kind, word = _read_unit(unit, metric)
    known = [value for value in values if value is not None]
    if kind == "time":
        return Scale("time", word)
    if kind == "other" or metric_key(metric) & _UNBOUNDED:
        return Scale("own", word if kind == "other" else "")
    if kind == "fraction":
        if any(abs(value) > 1 for value in known):
            return Scale("percent", "points", "numbers above 1 are read as per cent")
        return Scale("fraction", "fraction of 1")
    if known and all(0 < value <= 1 for value in known) and not metric_key(metric) & _ERRORS:
        return Scale("fraction", "fraction of 1", "numbers up to 1 are read as fractions")
    return Scale("percent", "points")


def difference(effect: Effect, quote: str, ours: Scale) -> tuple[float, tuple[str, ...]]:
    """The reported difference in points, milliseconds or the metric's own unit, and what was done.

    `ours` is the scale it will be compared in. NotComparable says what stands in the way.
    """
    stated = [effect.value, effect.baseline, effect.gain]
    if any(number is not None and not math.isfinite(number) for number in stated):
        raise NotComparable("Its number is not finite.")
    if effect.difference is None:
        raise NotComparable("It says what was reached, but not from where: no baseline, no gain.")
    if effect.value is not None and effect.baseline is not None:
        return _between(effect, effect.value, effect.baseline, ours)
    return _alone(effect, quote, ours)


def _between(
    effect: Effect, value: float, baseline: float, ours: Scale
) -> tuple[float, tuple[str, ...]]:
    theirs = scale_of(effect.metric, effect.unit, (value, baseline))
    _check_size(theirs, ours, effect)
    changed = theirs.to_common(value) - theirs.to_common(baseline)
    return changed, _said(theirs, ours)


def _alone(effect: Effect, quote: str, ours: Scale) -> tuple[float, tuple[str, ...]]:
    """A difference that is stated without the numbers it lies between."""
    gain = effect.difference or 0.0
    kind = _meant(_read_unit(effect.unit, effect.metric)[0], quote)
    if kind == "relative":
        return _of_baseline(effect, gain, ours)
    theirs = scale_of(effect.metric, effect.unit)
    if theirs.size == "percent" and kind in {"%", "none"}:
        raise NotComparable(
            f"A gain of {gain:g} {effect.unit} may mean points or a share of the baseline: state "
            "value and baseline, or the unit “points”."
        )
    if theirs.size == "own" and kind == "%":
        raise NotComparable(f"{gain:g} % of “{effect.metric}” is a share of an unstated baseline.")
    _check_size(theirs, ours, effect)
    return theirs.to_common(gain), _said(theirs, ours)


def _of_baseline(effect: Effect, gain: float, ours: Scale) -> tuple[float, tuple[str, ...]]:
    if effect.baseline is None or _read_unit(effect.unit, effect.metric)[1] == "times":
        raise NotComparable(
            f"A relative gain ({gain:g} {effect.unit}) is not one in points while its baseline is "
            "not stated."
        )
    theirs = scale_of(effect.metric, "", (effect.baseline,))
    _check_size(theirs, ours, effect)
    changed = theirs.to_common(gain / 100 * effect.baseline)
    return changed, (f"{gain:g} % relative of {effect.baseline:g}", *_said(theirs, ours))


def _said(theirs: Scale, ours: Scale) -> tuple[str, ...]:
    if theirs.inferred:
        return (theirs.inferred,)
    if theirs.size == ours.size and theirs.unit == ours.unit:
        return ()
    return (f"converted from {theirs.unit}",) if theirs.size != "own" else ()


def _check_size(theirs: Scale, ours: Scale, effect: Effect) -> None:
    percent = {"percent", "fraction"}
    same = theirs.size == ours.size or {theirs.size, ours.size} <= percent
    if not same or (theirs.size == "own" and theirs.unit != ours.unit):
        ours_in = ours.unit or "its own unit"
        raise NotComparable(f"“{effect.unit}” cannot be converted: ours is in {ours_in}.")


def _meant(kind: Unit, quote: str) -> Unit:
    """What "%" means, where the quote says so in words."""
    if kind != "%":
        return kind
    absolute, relative = _ABSOLUTE.search(quote), _RELATIVE.search(quote)
    if bool(absolute) == bool(relative):
        return "%"
    return "points" if absolute else "relative"


def _read_unit(unit: str, metric: str) -> tuple[Unit, str]:
    """The kind of a unit, and its word."""
    text = " ".join(unit.casefold().replace(".", " ").split())
    if re.search(r"\brel(ative)?\b|of (the )?baseline", text):
        return "relative", text
    if re.fullmatch(r"x|×|fold|times|-fold", text):
        return "relative", "times"
    word = _TIMES.get(text, text)
    if word in _MS:
        return "time", word
    if re.search(r"\b(points?|pp|ppts?|pts?|absolute|abs)\b|%p", text):
        return "points", text
    if text in {"%", "percent", "per cent", "pct", "in %"}:
        return "%", text
    if re.fullmatch(r"fractions?|ratio|proportion|share|decimal|(0|zero) ?(-|–|to) ?(1|one)", text):
        return "fraction", text
    if text in {"", "-", "none", "score"}:
        return "none", text
    return ("points" if metric_key(text) <= metric_key(metric) else "other"), text
