"""Does this dataset suit our data? The one entrance: two tables in, a report out.

It puts the steps in order and times them. It neither reads files nor keeps anything, and what the
figures mean is the verdict's business.
"""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np

from kb.errors import UsageError
from kb.fit import verdict as rules
from kb.fit.desk import Desk, Mapped, look, map_labels
from kb.fit.distance import Distance, measure_distance
from kb.fit.leakage import Copies, Leakage, find_copies
from kb.fit.learning import Metric, metric_named
from kb.fit.tables import Table
from kb.fit.transfer import Sides, Transfer, measure_transfer
from kb.fit.vectors import VectorCache
from kb.fit.verdict import Verdict
from kb.search.embed import Vectors

FORMAT = 1  # of the report; raised when a field changes its meaning
WORTH = 0.02
"""Smallest gain that counts where the project's brief states none: two points of a metric."""
MOST_LABELS = 200
"""Labels of the target, at most: the largest sets of intents have some 150, and a column of free
text would be fitted for hours."""
LIBRARIES = ("numpy", "scipy", "scikit-learn", "onnxruntime", "tokenizers")

Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]  # what is done, steps done, steps in all


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked, apart from the two sets."""

    mapping: Mapping[str, str] = field(default_factory=dict)  # label → label; "" leaves it out
    metric: str = "macro-F1"
    worth: float = WORTH
    seed: int = 0
    facts: Mapping[str, str] | None = None  # of the source: licence, origin; None: no finding


@dataclass(frozen=True, slots=True)
class Encoder:
    """Whose vectors were used."""

    name: str
    revision: str


@dataclass(frozen=True, slots=True)
class DatasetFit:
    """The whole report. `seconds` apart, the same files, options and versions give the same."""

    format: int
    hypothesis: str
    source: str
    source_sha256: str
    target: str
    target_sha256: str
    options: Options
    desk: Desk
    leakage: Leakage
    distance: Distance
    transfer: Transfer | None  # None: nothing could be trained
    verdict: Verdict
    encoder: Encoder
    versions: dict[str, str]
    seconds: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        found = asdict(self)
        found["options"]["mapping"] = dict(self.options.mapping)
        found["verdict"]["text"] = self.verdict.text
        return found


def hypothesis(source: str, target: str, metric: str, worth: float) -> str:
    """What is put to the test, before anything is measured."""
    return (
        f"Training on {source} beside our own labels raises {metric} on {target} by at least "
        f"{worth:g}."
    )


def fit_dataset(
    source: Table,
    target: Table,
    cache: VectorCache,
    encoder: Encoder,
    options: Options = Options(),
    *,
    say: Say = lambda sentence: None,
    progress: Progress = lambda what, done, total: None,
) -> DatasetFit:
    """Measure whether `source` helps on `target`; every draw comes from `options.seed`.

    Tells `say` the hypothesis first. UsageError for a metric that is not known, and for labels of
    more than MOST_LABELS kinds.
    """
    mapped = map_labels(source, target, options.mapping)
    counts = Counter(label for label in mapped.target if label is not None)
    labels = tuple(sorted(counts))
    if len(labels) > MOST_LABELS:
        raise UsageError(
            f"The labels of {target.name} are of {len(labels):,} kinds, as “{labels[0][:40]}”. Is "
            "that the column of labels (--label, --target-label)?"
        )
    metric = metric_named(options.metric, labels or ("",))
    stated = hypothesis(source.name, target.name, metric.name, options.worth)
    say(f"Hypothesis: {stated}")
    clock = Clock()
    with clock("desk"):
        desk = look(source, target, mapped, options.facts)
    with clock("embed"):
        vectors = _embedded(source, target, cache, progress)
    with clock("leakage"):
        known = (mapped.source if counts else source.labels, mapped.target)
        copies = find_copies(source.texts, target.texts, vectors, known)
    with clock("distance"):
        distance = measure_distance((source.texts, target.texts), vectors, seed=options.seed)
    with clock("transfer"):
        transfer, verdict = _answer(mapped, target, vectors, copies, metric, options, progress)
    return DatasetFit(
        format=FORMAT,
        hypothesis=stated,
        source=source.name,
        source_sha256=source.sha256,
        target=target.name,
        target_sha256=target.sha256,
        options=options,
        desk=desk,
        leakage=copies.leakage,
        distance=distance,
        transfer=transfer,
        verdict=verdict,
        encoder=encoder,
        versions={"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        seconds=clock.seconds,
    )


def _embedded(
    source: Table, target: Table, cache: VectorCache, progress: Progress
) -> tuple[Vectors, Vectors]:
    """The vectors of both, embedded in one go."""
    both = cache.embed(
        [*source.texts, *target.texts], report=lambda done, all_: progress("embedding", done, all_)
    )
    return both[: len(source.texts)], both[len(source.texts) :]


def _answer(
    mapped: Mapped,
    target: Table,
    vectors: tuple[Vectors, Vectors],
    copies: Copies,
    metric: Metric,
    options: Options,
    progress: Progress,
) -> tuple[Transfer | None, Verdict]:
    """Train where that can be done, and decide."""
    own = [row for row, each in enumerate(mapped.target) if each and not copies.target[row]]
    theirs = [row for row, each in enumerate(mapped.source) if each and not copies.source[row]]
    counts = Counter(str(mapped.target[row]) for row in own)
    shared = {mapped.source[row] for row in theirs} & counts.keys()
    early = rules.cannot_tell(counts, shared=len(shared))
    for which, away in (
        ("target", copies.leakage.target_given_away),
        ("source", copies.leakage.source_given_away),
    ):
        if early is None and away is not None:
            early = rules.leaks(which, away.word, away.label)
    if early is not None:
        return None, early
    labels = tuple(sorted(counts))
    number = {label: at for at, label in enumerate(labels)}
    theirs = [row for row in theirs if mapped.source[row] in number]
    sides = Sides(
        source=vectors[0][theirs].astype(np.float64),
        source_classes=np.array([number[str(mapped.source[row])] for row in theirs]),
        target=vectors[1][own].astype(np.float64),
        target_classes=np.array([number[str(mapped.target[row])] for row in own]),
        labels=labels,
    )
    transfer = measure_transfer(
        sides,
        metric,
        texts=[target.texts[row] for row in own],
        worth=options.worth,
        seed=options.seed,
        report=lambda done, total: progress("training", done, total),
    )
    return transfer, rules.decide(transfer, worth=options.worth)


class Clock:
    """How long each step took, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time what is done within as that step."""
        started = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - started, 2)
