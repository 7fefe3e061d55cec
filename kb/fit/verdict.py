"""From figures to a verdict, by rules that docs/fit.md states in words: the first that applies.

It sees what was measured and nothing else: neither texts nor vectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kb.fit.resampling import Figure
from kb.fit.transfer import Transfer

Kind = Literal["helps", "helps until", "no evidence", "hurts", "needs labels"]

LEAST_ROWS = 40
"""Labelled target rows below which nothing is trained: eight to test on in each of five folds."""
LEAST_OF_CLASS = 8
"""Rows of its rarest class: fewer leave some training sets and tests without it."""
ENOUGH = 200
"""Labels that a first look should have (benchmarks/dataset_fit.py counts how often they tell)."""
MOST = 10_000  # labels beyond which it is only said that more would be needed
LOOK_AT_LABELS = (
    "Look at twenty labelled texts of the target: labels that were shuffled, or moved by a row, "
    "look like this.",
    "A label that needs more than the text (a customer's history, say) cannot be learned from it.",
)
FAR = 4  # times the labels at hand: an end that far off is not foretold


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, with what it rests on and what would change it."""

    kind: Kind
    labels: int | None  # until about how many, or how many more are needed
    rule: str  # which of the rules in docs/fit.md
    sentences: tuple[str, ...]
    would_change: tuple[str, ...]

    @property
    def text(self) -> str:
        """The verdict in the words of the issue: "helps until about 110 labels"."""
        count = f"{self.labels:,}" if self.labels else "more"
        return {
            "helps": "helps",
            "helps until": f"helps until about {count} labels",
            "no evidence": "no evidence that it helps",
            "hurts": "hurts",
            "needs labels": f"needs about {count} more labels to tell"
            if self.labels
            else "needs labels to tell",
        }[self.kind]


def cannot_tell(counts: Mapping[str, int], *, shared: int) -> Verdict | None:
    """The verdict where nothing can be trained; None where it can.

    `counts` are the labelled target rows of each class, `shared` how many of the classes the
    source has.
    """
    total = sum(counts.values())
    if not total:
        return _needs(
            ENOUGH,
            "unlabelled",
            "The target has no labels, so nothing can be said about what the source would add; "
            "only how alike the texts are.",
            f"Label about {ENOUGH} texts of the target, drawn at random, and measure again.",
        )
    if len(counts) == 1:
        only = next(iter(counts))
        return _needs(
            max(ENOUGH - total, LEAST_ROWS),
            "one class",
            f"All {total:,} labelled texts of the target have the one label “{only}”: there is "
            "nothing to tell apart.",
            "Label texts of the other classes too, drawn at random from all that come in.",
        )
    rarest = min(counts, key=lambda label: counts[label])
    if total < LEAST_ROWS or counts[rarest] < LEAST_OF_CLASS:
        few = (
            f"The target has {total} labelled texts, and {counts[rarest]} of its rarest label "
            f"“{rarest}”. Below {LEAST_ROWS} texts, or {LEAST_OF_CLASS} of a label, any figure "
            "would be chance."
        )
        by_class = math.ceil(total * LEAST_OF_CLASS / counts[rarest]) - total
        more = max(by_class, ENOUGH - total)
        advice = (
            f"Label about {more:,} more texts of the target, drawn at random; or leave the rare "
            f'label out (--map "{rarest}=").'
        )
        return _needs(more, "too few", few, advice)
    if not shared:
        return Verdict(
            "no evidence",
            None,
            "no shared label",
            (
                "The source has none of the target's labels "
                f"({', '.join(f'“{label}”' for label in counts)}): nothing it knows can be used.",
            ),
            ("Say which of its labels mean the same: --map SOURCE_LABEL=TARGET_LABEL.",),
        )
    return None


def leaks(which: str, word: str, label: str) -> Verdict:
    """The verdict where the word `word` gives the label away in `which` set."""
    return Verdict(
        "no evidence",
        None,
        "label in the text",
        (
            f"In the {which} the word “{word}” gives the label “{label}” away: it stands in nearly "
            "all texts with that label and in hardly any other. Whatever would be measured here, "
            "it is how well that word can be found.",
        ),
        (f"Take “{word}” and its like out of the texts of the {which}, and measure again.",),
    )


def decide(transfer: Transfer, *, worth: float) -> Verdict:
    """The verdict on measured curves; `worth` is the smallest gain that counts."""
    last = transfer.points[-1]
    gain = last.gain
    at_last = (
        f"With {last.labels:,} target labels, {transfer.metric} is {shown(last.target)} without "
        f"the source and {shown(last.both)} with it: {signed(gain)}."
    )
    without = (
        f"Without any target label, the source alone reaches {shown(transfer.points[0].both)}; "
        f"always saying the commonest label, {shown(transfer.floor)}."
    )
    if transfer.learnable.low <= 0.5 and transfer.source_learnable.low <= 0.5:
        return _not_learnable(transfer, at_last)
    sure = [p.labels for p in transfer.points[1:] if p.band[0] > 0]
    harmed = [p.labels for p in transfer.points[1:] if p.band[1] < 0]
    if gain.high < 0:
        return _hurts(transfer, (at_last, without), sure)
    if gain.low > 0 or sure:
        return _helps(
            transfer, (at_last, without), worth, last.labels if gain.low > 0 else sure[-1]
        )
    if gain.high < worth or harmed:
        return _no_evidence(transfer, (at_last, without), worth, harmed)
    return _needs(
        more_labels(transfer.target_rows, gain, worth),
        "interval too wide",
        at_last,
        f"That interval allows for a gain worth having ({worth:g}) as well as for none. "
        f"It narrows with the root of the number of labels.",
        sentences=(without,),
    )


def more_labels(rows: int, gain: Figure, worth: float) -> int:
    """How many labels beside `rows` would narrow the interval of `gain` to itself, or to `worth`.

    At least a fifth more: fewer would hardly move it.
    """
    half = (gain.high - gain.low) / 2
    more = _two_digits(rows * ((half / max(abs(gain.value), worth)) ** 2 - 1))
    return min(max(more, rows // 5), MOST)


def article(metric: str) -> str:
    """A metric with its article: “an accuracy”, “a macro-F1”."""
    return f"{'an' if metric[:1].lower() in 'aeiou' else 'a'} {metric}"


def shown(figure: Figure) -> str:
    """0.742 (0.69 to 0.79)."""
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def signed(figure: Figure) -> str:
    """+0.031 (−0.01 to +0.07), with a true minus."""
    return f"{_sign(figure.value)} ({_sign(figure.low)} to {_sign(figure.high)})"


def _sign(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _helps(transfer: Transfer, measured: tuple[str, ...], worth: float, surely: int) -> Verdict:
    """It helps somewhere for sure: up to where?"""
    last, crossing = transfer.points[-1], transfer.crossing
    if crossing is None:
        return _no_evidence(transfer, measured, worth, [])
    seen = f"The source surely helps with {surely:,} target labels."
    if crossing.labels == 0 or crossing.labels > FAR * last.labels:
        if last.gain.low <= 0:
            return _needs(
                more_labels(transfer.target_rows, last.gain, worth),
                "helps few, unclear for all",
                seen,
                f"Whether it still does with all {transfer.target_rows:,} cannot be told yet.",
                sentences=measured,
            )
        return Verdict(
            "helps",
            None,
            "helps",
            (*measured, f"The gain shows no end within {FAR} times the labels at hand."),
            (
                f"Far more target labels than the {transfer.target_rows:,} at hand: every source "
                "adds less and less beside them.",
            ),
        )
    until = _between(crossing.low, crossing.high)
    return Verdict(
        "helps until",
        crossing.labels,
        "helps until",
        (
            seen,
            f"From about {crossing.labels:,} labels on ({until}) it adds less than {worth:g}.",
            *measured,
        ),
        (
            "If you will have fewer target labels than that, use it; with more, label your own "
            "data instead.",
            f"A smallest gain worth having other than {worth:g} (--gain) moves that number.",
        ),
    )


def _between(low: int, high: int) -> str:
    if not high:
        return f"at least {low:,}; no end can be ruled out" if low else "no bound can be given"
    return f"between {low:,} and {high:,}" if low else f"at most {high:,}"


def _hurts(transfer: Transfer, measured: tuple[str, ...], sure: list[int]) -> Verdict:
    lost = transfer.classes[0]
    if sure:
        measured = (*measured, f"With {sure[-1]:,} target labels or fewer it would surely help.")
    return Verdict(
        "hurts",
        None,
        "hurts",
        (
            *measured,
            f"Worst off is “{lost.label}”: recall {shown(lost.recall)} with the source, "
            f"{shown(lost.recall_target)} without.",
        ),
        (
            "A mapping of labels that means the same on both sides (--map), or a part of the "
            "source that is more like the target.",
        ),
    )


def _no_evidence(
    transfer: Transfer, measured: tuple[str, ...], worth: float, harmed: list[int]
) -> Verdict:
    reason = (
        f"It surely harms with {harmed[-1]:,} labels, and surely helps with none."
        if harmed
        else f"A gain of {worth:g} or more is ruled out with all labels at hand."
    )
    return Verdict(
        "no evidence",
        None,
        "no gain worth having",
        (reason, *measured),
        (
            "A smaller gain that is worth having (--gain), or another source.",
            "If you had no target labels at all, the source alone would be better than nothing."
            if transfer.points[0].gain.low > 0
            else "Labels that mean the same on both sides (--map).",
        ),
    )


def _not_learnable(transfer: Transfer, at_last: str) -> Verdict:
    return Verdict(
        "no evidence",
        None,
        "labels cannot be learned",
        (
            "The target's labels cannot be told from its texts better than by chance: AUC "
            f"{shown(transfer.learnable)} with its own labels, {shown(transfer.source_learnable)} "
            "with the source's (0.5 is chance).",
            at_last,
        ),
        LOOK_AT_LABELS,
    )


def _needs(
    labels: int, rule: str, first: str, advice: str, *, sentences: tuple[str, ...] = ()
) -> Verdict:
    return Verdict("needs labels", labels, rule, (first, *sentences), (advice,))


def _two_digits(number: float) -> int:
    return int(float(f"{max(number, 0):.2g}"))
