"""Which encoder is worth its time, by rules that docs/fit.md states: the first that applies.

It sees what was measured and nothing else: neither texts nor vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kb.fit import verdict as of_datasets
from kb.fit.resampling import Figure
from kb.fit.speed import Speed
from kb.fit.verdict import article, more_labels, shown, signed

Kind = Literal["worth it", "not worth it", "needs labels", "no evidence", "too slow", "none loaded"]

FASTER = 2.0
"""Times as fast as the best that an encoder as good must be to be advised in its place: ten runs of
one encoder beside other work differed by up to 1.9 (benchmarks/models.py repeat)."""
FINE_TUNING = (
    "These are frozen vectors with a linear head: fine-tuning an encoder on your labels may reach "
    "more, and in another order."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What one encoder's vectors, or the baseline's words, are good for."""

    name: str
    revision: str  # "" of the baseline
    dimension: int
    score: Figure  # cross-validated, on the metric
    auc: Figure  # 0.5 is chance; its interval holds for all entries together, as those below
    gain: Figure | None  # over the baseline, of the same rows and draws; None: is the baseline
    behind: Figure | None  # the best encoder less this one; None of the best and the baseline
    log_me: float | None
    h_score: float | None


@dataclass(frozen=True, slots=True)
class Failed:
    """An encoder that could not be tried."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer, with what it rests on and what would change it."""

    kind: Kind
    name: str  # what is advised; "" where nothing can be
    labels: int | None  # how many more are needed
    rule: str  # which of the rules in docs/fit.md
    sentences: tuple[str, ...]
    would_change: tuple[str, ...]

    @property
    def text(self) -> str:
        """The verdict in a few words."""
        return {
            "worth it": f"{self.name} is worth its time",
            "not worth it": f"none is worth its time beside {self.name}",
            "needs labels": f"needs about {self.labels or 0:,} more labels to tell",
            "no evidence": "no evidence that any of them helps",
            "too slow": "none is fast enough",
            "none loaded": "none could be loaded",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class Measured:
    """All that a choice rests on; the baseline is the last of the entries."""

    metric: str
    rows: int  # labelled
    entries: tuple[Entry, ...]  # the best first
    speeds: Mapping[str, Speed]
    limit_ms: float | None
    worth: float  # smallest gain that counts

    @property
    def baseline(self) -> Entry:
        """What is to be beaten."""
        return self.entries[-1]

    @property
    def encoders(self) -> tuple[Entry, ...]:
        """The best first."""
        return self.entries[:-1]

    def allowed(self, name: str) -> bool:
        """Whether it answers within the limit, in 95 of 100 cases."""
        return self.limit_ms is None or self.speeds[name].p95_ms <= self.limit_ms


def cannot_tell(counts: Mapping[str, int]) -> Choice | None:
    """The choice where nothing can be trained, as for datasets; None where it can.

    `counts` are the labelled rows of each class.
    """
    found = of_datasets.cannot_tell(counts, shared=len(counts))
    if found is None:
        return None
    sentences = found.sentences
    if found.rule == "unlabelled":
        sentences = (
            "The target has no labels, so nothing can be said about which encoder suits it; only "
            "how fast each of them is.",
        )
    return Choice("needs labels", "", found.labels, found.rule, sentences, found.would_change)


def leaks(word: str, label: str) -> Choice:
    """The choice where the word `word` gives the label away."""
    found = of_datasets.leaks("target", word, label)
    return Choice("no evidence", "", None, found.rule, found.sentences, found.would_change)


def choose(found: Measured, failed: Sequence[Failed] = ()) -> Choice:
    """The choice on what was measured; `failed` are encoders that could not be."""
    if all(each.auc.low <= 0.5 for each in found.entries):
        return _not_learnable(found)
    if not found.encoders:
        return _none_loaded(found, failed)
    allowed = [each for each in found.encoders if found.allowed(each.name)]
    if not allowed:
        return _too_slow(found)
    best = allowed[0]
    assert best.gain is not None
    sentences = (
        _reached(best, found),
        *_others(best, found),
        *_estimates(found.encoders),
        _cost(best, found),
    )
    if best.gain.low > 0 and best.gain.value >= found.worth:
        return _worth(best, found, sentences)
    if all(each.gain is not None and each.gain.high < found.worth for each in allowed):
        return _not_worth(found, sentences)
    more = more_labels(found.rows, best.gain, found.worth)
    return Choice(
        "needs labels",
        "",
        more,
        "interval too wide",
        (
            *sentences,
            f"That interval allows for a gain worth having ({found.worth:g}) as well as for none.",
        ),
        (
            f"Label about {more:,} more texts of the target, drawn at random: the interval narrows "
            "with the root of their number.",
            FINE_TUNING,
        ),
    )


def _none_loaded(found: Measured, failed: Sequence[Failed]) -> Choice:
    return Choice(
        "none loaded",
        found.baseline.name,
        None,
        "none loaded",
        (
            f"{found.baseline.name} with a linear model reaches {article(found.metric)} of "
            f"{shown(found.baseline.score)} on {found.rows:,} labelled texts.",
            *(f"{each.name} could not be tried: {each.reason}" for each in failed),
        ),
        ("Folders that hold a sentence-transformers model each, or names of models in the cache.",),
    )


def _worth(best: Entry, found: Measured, sentences: tuple[str, ...]) -> Choice:
    """The best, or the fastest that is as good and much faster."""
    own = found.speeds[best.name].p50_ms
    as_good = [
        each
        for each in found.encoders
        if each.behind is not None
        and each.behind.high < found.worth
        and each.gain is not None
        and each.gain.low > 0
        and found.allowed(each.name)
        and own >= FASTER * found.speeds[each.name].p50_ms
    ]
    more = (
        f"Many more labels: {found.baseline.name} gains more from them than frozen vectors do.",
        f"A smallest gain worth having other than {found.worth:g} (--gain), or a limit for the "
        "latency (--latency-ms).",
        FINE_TUNING,
    )
    if not as_good:
        return Choice("worth it", best.name, None, "worth it", sentences, more)
    fastest = min(as_good, key=lambda each: found.speeds[each.name].p50_ms)
    speed = found.speeds[fastest.name].p50_ms
    assert fastest.behind is not None
    return Choice(
        "worth it",
        fastest.name,
        None,
        "as good and faster",
        (
            *sentences,
            f"{fastest.name} is as good for your purpose: it is behind by less than "
            f"{found.worth:g} for sure ({signed(fastest.behind)}), and {own / speed:.1f} times as "
            "fast.",
        ),
        more,
    )


def _not_worth(found: Measured, sentences: tuple[str, ...]) -> Choice:
    return Choice(
        "not worth it",
        found.baseline.name,
        None,
        "no gain worth having",
        (
            f"A gain of {found.worth:g} or more over {found.baseline.name} is ruled out for every "
            "encoder.",
            *sentences,
        ),
        ("A smaller gain that is worth having (--gain), or other encoders.", FINE_TUNING),
    )


def _too_slow(found: Measured) -> Choice:
    fastest = min(found.encoders, key=lambda each: found.speeds[each.name].p95_ms)
    best = found.encoders[0]
    return Choice(
        "too slow",
        found.baseline.name,
        None,
        "too slow",
        (
            f"No encoder answers within {found.limit_ms:g} ms here. The fastest, {fastest.name}, "
            f"takes {found.speeds[fastest.name].p95_ms:g} ms for 95 of 100 texts.",
            _reached(best, found),
        ),
        (
            "A smaller encoder, a faster machine, shorter texts, or a limit that is less tight "
            "(--latency-ms).",
        ),
    )


def _not_learnable(found: Measured) -> Choice:
    best = found.entries[0]
    return Choice(
        "no evidence",
        "",
        None,
        "labels cannot be learned",
        (
            "The target's labels cannot be told from its texts better than by chance, by any "
            f"encoder or by words: AUC {shown(best.auc)} at best (0.5 is chance).",
        ),
        of_datasets.LOOK_AT_LABELS,
    )


# -- sentences -------------------------------------------------------------------------------------


def _reached(entry: Entry, found: Measured) -> str:
    assert entry.gain is not None
    return (
        f"On {found.rows:,} labelled texts {entry.name} reaches {article(found.metric)} of "
        f"{shown(entry.score)}, {found.baseline.name} with a linear model "
        f"{shown(found.baseline.score)}: {signed(entry.gain)}."
    )


def _others(best: Entry, found: Measured) -> list[str]:
    """Which encoders are surely behind the best, which within the noise, which too slow."""
    sentences = []
    noise = [e for e in found.encoders if e.behind and e.behind.low <= 0 and found.allowed(e.name)]
    surely = [e for e in found.encoders if e.behind and e.behind.low > 0]
    if noise:
        listed = "; ".join(f"{each.name} {_behind(each)}" for each in noise)
        sentences.append(f"Within the noise of {best.name}: {listed}.")
    if surely:
        listed = "; ".join(f"{each.name} {_behind(each)}" for each in surely)
        sentences.append(f"Surely behind {best.name}: {listed}.")
    useless = [e for e in found.encoders if e.gain and e.gain.high < 0]
    if useless:
        listed = ", ".join(each.name for each in useless)
        sentences.append(f"Surely worse than {found.baseline.name}: {listed}.")
    for each in found.encoders:
        if not found.allowed(each.name):
            sentences.append(
                f"{each.name} is too slow: {found.speeds[each.name].p95_ms:g} ms for 95 of 100 "
                f"texts, and the limit is {found.limit_ms:g}."
            )
    return sentences


def _behind(entry: Entry) -> str:
    assert entry.behind is not None
    return signed(Figure(-entry.behind.value, -entry.behind.high, -entry.behind.low))


def _estimates(encoders: Sequence[Entry]) -> list[str]:
    """Whether the cheap estimates would have said the same."""
    if len(encoders) < 2:
        return []
    none = float("-inf")
    picks = {
        "LogME": max(encoders, key=lambda each: none if each.log_me is None else each.log_me).name,
        "H-score": max(encoders, key=lambda each: each.h_score or 0.0).name,
    }
    first = encoders[0].name
    if set(picks.values()) == {first}:
        return [f"LogME and H-score, which train nothing, put {first} first as well."]
    told = ", ".join(f"{name} puts {pick} first" for name, pick in picks.items())
    return [f"The cheap estimates disagree with the trained head, which counts: {told}."]


def _cost(best: Entry, found: Measured) -> str:
    speed, base = found.speeds[best.name], found.speeds[found.baseline.name]
    memory = f", and takes {speed.memory_mb:.0f} MB of memory" if speed.memory_mb else ""
    limit = f" (the limit is {found.limit_ms:g})" if found.limit_ms is not None else ""
    return (
        f"Here {best.name} reads {speed.texts_per_second:,.0f} texts a second, answers one in "
        f"{speed.p50_ms:g} ms and 95 of 100 within {speed.p95_ms:g}{limit}{memory}; "
        f"{found.baseline.name} reads {base.texts_per_second:,.0f} a second."
    )
