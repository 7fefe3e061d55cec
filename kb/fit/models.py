"""Which pretrained encoder suits our data? A table and encoders in, a report out.

Each encoder's vectors get the same linear head, the baseline the same on words; what the figures
mean is the verdict's business. It knows no library that computes vectors and keeps nothing.
"""

from __future__ import annotations

import logging
import os
import pickle
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from kb.errors import KbError
from kb.fit import model_verdict as rules
from kb.fit.dataset import LIBRARIES, Clock, Options, Progress, Say
from kb.fit.desk import Side, map_labels, side_of
from kb.fit.leakage import given_away, repeated
from kb.fit.learning import (
    Floats,
    Ints,
    Metric,
    head,
    metric_named,
    scaled,
    scores_of,
    words_model,
)
from kb.fit.model_verdict import Choice, Entry, Failed, Measured
from kb.fit.resampling import FOLDS, Figure, Report, Resampled, band, figure, folds, run_all, within
from kb.fit.scores import h_score, log_me
from kb.fit.speed import Read, Speed, measure_speed
from kb.fit.tables import Table
from kb.fit.vectors import VectorCache, embed_whole
from kb.fit.verdict import article
from kb.search.embed import Embedder, Vectors

log = logging.getLogger(__name__)

FORMAT = 1  # of the report; raised when a field changes its meaning
BASELINE = "TF-IDF"
TIMED = 500  # texts of the target that are read to tell the speed, at most
DIGITS = 6  # of the cheap estimates that are kept


@dataclass(frozen=True, slots=True)
class Encoders:
    """Where encoders come from. Both parts can be pickled: another process loads them again."""

    load: Callable[[str], Embedder]  # any exception is the reason why one cannot be tried
    disk_bytes: Callable[[str], int]  # of its files


@dataclass(frozen=True, slots=True)
class Claim:
    """What a work in the library says of a model."""

    finding: int
    name: str  # as the finding calls it
    stance: str
    effect: dict[str, Any] | None  # the fields of an Effect
    quote: str
    document: str  # its title
    key: str
    page: int | None


@dataclass(frozen=True, slots=True)
class ModelFit:
    """The whole report. But for times and claims, the same input and versions give the same."""

    format: int
    hypothesis: str
    target: str
    target_sha256: str
    models: tuple[str, ...]  # as asked for
    options: Options
    latency_ms: float | None  # limit of the project
    desk: Side
    notes: tuple[str, ...]  # on the reading of the target
    metric: str
    labels: tuple[str, ...]
    rows: int  # labelled texts that were compared on
    floor: Figure | None  # always the commonest label; None: nothing could be trained
    entries: tuple[Entry, ...]  # the best first, the baseline last; empty: could not be trained
    failed: tuple[Failed, ...]
    speed: dict[str, Speed]
    claims: dict[str, tuple[Claim, ...]]
    verdict: Choice
    versions: dict[str, str]
    machine: str
    seconds: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        found = asdict(self)
        found["options"]["mapping"] = dict(self.options.mapping)
        found["verdict"]["text"] = self.verdict.text
        return found


def hypothesis(models: Sequence[str], target: str, metric: str, worth: float) -> str:
    """What is put to the test, before anything is measured."""
    which = models[0] if len(models) == 1 else f"at least one of {', '.join(models)}"
    return (
        f"A linear model on the vectors of {which} reaches {article(metric)} on {target} that is "
        f"at least {worth:g} above that of {BASELINE} with a linear model."
    )


def fit_models(
    target: Table,
    models: Sequence[str],
    encoders: Encoders,
    library: Path,
    options: Options,
    *,
    latency_ms: float | None = None,
    claims: Callable[[str], tuple[Claim, ...]] = lambda name: (),
    say: Say = lambda sentence: None,
    progress: Progress = lambda what, done, total: None,
) -> ModelFit:
    """Measure which of `models` suits `target`; every draw comes from `options.seed`.

    Vectors are remembered in the folder `library`. An encoder that cannot be loaded or embeds
    nothing is among `failed`. UsageError for a metric that is not known.
    """
    names = short_names(models)
    rows = _labelled(target, options.mapping)
    metric = metric_named(options.metric, rows.labels or ("",))
    stated = hypothesis(tuple(names.values()), target.name, metric.name, options.worth)
    say(f"Hypothesis: {stated}")
    early = _cannot_tell(rows)
    clock = Clock()
    trying = _Trying(target.texts, rows.texts if early is None else (), encoders, library)
    with clock("encoders"):
        for model, name in names.items():
            say(f"{name}: loading, embedding and timing it …")
            trying.add(model, name, progress)
    floor: Figure | None = None
    entries: tuple[Entry, ...] = ()
    if early is None:
        with clock("comparison"):
            trying.add_baseline(rows)
            floor, entries = _compared(trying, rows, metric, options.seed, latency_ms, progress)
    measured = Measured(
        metric.name, len(rows.texts), entries, trying.speed, latency_ms, options.worth
    )
    verdict = early or rules.choose(measured, trying.failed)
    return ModelFit(
        format=FORMAT,
        hypothesis=stated,
        target=target.name,
        target_sha256=target.sha256,
        models=tuple(models),
        options=options,
        latency_ms=latency_ms,
        desk=side_of(target),
        notes=(*target.notes, *rows.notes),
        metric=metric.name,
        labels=rows.labels,
        rows=len(rows.texts),
        floor=floor,
        entries=entries,
        failed=tuple(trying.failed),
        speed=trying.speed,
        claims={name: found for model, name in names.items() if (found := claims(model))},
        verdict=verdict,
        versions={"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        machine=f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores",
        seconds=clock.seconds,
    )


def short_names(models: Sequence[str]) -> dict[str, str]:
    """What each model is called in the report: of a path its last part, where that is enough."""
    models = tuple(dict.fromkeys(models))
    last = {model: Path(model).name or model for model in models}
    often = Counter([BASELINE, *last.values()])
    return {model: last[model] if often[last[model]] == 1 else model for model in models}


# -- the rows --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rows:
    """The labelled texts that are compared on, none of them twice."""

    texts: tuple[str, ...]
    classes: Ints
    labels: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def of_rows(self) -> list[str]:
        """The label of each text."""
        return [self.labels[each] for each in self.classes]

    @property
    def counts(self) -> Counter[str]:
        """How many texts have each label."""
        return Counter(self.of_rows)


def _cannot_tell(rows: _Rows) -> Choice | None:
    """The verdict where comparing would be for nothing."""
    early = rules.cannot_tell(rows.counts)
    if early is None and (away := given_away(rows.texts, rows.of_rows)) is not None:
        return rules.leaks(away.word, away.label)
    return early


def _labelled(target: Table, mapping: Mapping[str, str]) -> _Rows:
    mapped = map_labels(target, target, mapping)
    again = repeated(target.texts)
    kept = [at for at, label in enumerate(mapped.target) if label is not None and not again[at]]
    labels = tuple(sorted({str(mapped.target[at]) for at in kept}))
    number = {label: at for at, label in enumerate(labels)}
    notes = list(mapped.notes)
    if again.any():
        notes.append(f"{int(again.sum()):,} texts of {target.name} repeat another: left out.")
    return _Rows(
        tuple(target.texts[at] for at in kept),
        np.array([number[str(mapped.target[at])] for at in kept], dtype=np.int64),
        labels,
        tuple(notes),
    )


# -- the encoders ----------------------------------------------------------------------------------


class _Trying:
    """Loads, embeds and times one encoder after the other; only vectors and figures stay."""

    def __init__(
        self, timed: Sequence[str], texts: Sequence[str], encoders: Encoders, library: Path
    ) -> None:
        """`timed` are texts to tell the speed on, `texts` those to embed: none to only time."""
        step = -(-len(timed) // TIMED)
        self.timed = timed[::step]
        self.vectors: dict[str, Vectors] = {}
        self.revisions: dict[str, str] = {}
        self.speed: dict[str, Speed] = {}
        self.failed: list[Failed] = []
        self._texts = texts
        self._encoders = encoders
        self._library = library

    def add(self, model: str, name: str, progress: Progress) -> None:
        """Try `model`; what goes wrong is kept as its reason."""
        try:
            embedder = self._encoders.load(model)
            same = [n for n, revision in self.revisions.items() if revision == embedder.revision]
            if same:
                self.failed.append(Failed(name, f"It has the same files as {same[0]}."))
                return
            vectors = VectorCache(self._library, embedder).embed(
                self._texts, report=partial(progress, f"embedding with {name}")
            )
            revision = embedder.revision
            del embedder  # the other process has one of its own
            speed = measure_speed(partial(make_reader, self._encoders, model), self.timed)
        except KbError as error:
            self.failed.append(Failed(name, str(error)))
        except Exception as error:  # of a library that loads what others have made
            log.debug("%s cannot be tried", model, exc_info=True)
            self.failed.append(Failed(name, f"{type(error).__name__}: {error}"))
        else:
            self.vectors[name], self.revisions[name], self.speed[name] = vectors, revision, speed

    def add_baseline(self, rows: _Rows) -> None:
        """Time the baseline, trained on all rows."""
        make = partial(make_baseline, rows.texts, rows.classes)
        self.speed[BASELINE] = measure_speed(make, self.timed)

    def may_lead(self, name: str, limit_ms: float | None) -> bool:
        """Whether an encoder may be the best: one within the limit, where there is any."""
        within_limit = [
            each for each in self.vectors if limit_ms is None or self.speed[each].p95_ms <= limit_ms
        ]
        return not within_limit or name in within_limit


def make_reader(encoders: Encoders, model: str) -> tuple[Read, int]:
    """Called in another process: what embeds texts with `model`, and its bytes on disk."""
    return partial(embed_whole, encoders.load(model)), encoders.disk_bytes(model)


def make_baseline(texts: Sequence[str], classes: Ints) -> tuple[Read, int]:
    """Called in another process: the baseline trained on all rows, and its bytes."""
    model = words_model().fit(texts, classes)
    return model.predict_proba, len(pickle.dumps(model))


# -- the comparison --------------------------------------------------------------------------------


def _compared(
    trying: _Trying,
    rows: _Rows,
    metric: Metric,
    seed: int,
    limit_ms: float | None,
    progress: Progress,
) -> tuple[Figure, tuple[Entry, ...]]:
    """The floor, and the encoders, the best first, with the baseline last."""
    drawn = folds(rows.classes, seed)
    scores, cheap = _trained(trying.vectors, rows, drawn, partial(progress, "training"))
    resampled = Resampled(rows.classes, drawn, seed)
    reached = {name: resampled.of(metric, each) for name, each in scores.items()}
    auc = metric_named("AUC", rows.labels)
    always = np.zeros((*drawn.shape, len(rows.labels)))
    always[..., np.bincount(rows.classes).argmax()] = 1.0
    aucs = _at_once({name: resampled.of(auc, each) for name, each in scores.items()})
    gains = _at_once({n: reached[n] - reached[BASELINE] for n in trying.vectors})
    order = sorted(trying.vectors, key=lambda name: (-reached[name][0], name))
    first = next((name for name in order if trying.may_lead(name, limit_ms)), None)
    behind = _at_once({n: reached[str(first)] - reached[n] for n in order if n != first})
    entries = tuple(
        Entry(
            name=name,
            revision=trying.revisions.get(name, ""),
            dimension=trying.vectors[name].shape[1] if name in trying.vectors else 0,
            score=figure(reached[name]),
            auc=aucs[name],
            gain=gains.get(name),
            behind=behind.get(name),
            log_me=cheap[name][0] if name in cheap else None,
            h_score=cheap[name][1] if name in cheap else None,
        )
        for name in [*order, BASELINE]
    )
    return figure(resampled.of(metric, always)), entries


def _trained(
    vectors: Mapping[str, Vectors], rows: _Rows, drawn: Ints, report: Report
) -> tuple[dict[str, Floats], dict[str, tuple[float, float]]]:
    """For each name the scores (repeats, n, classes) of held-out rows, and LogME and H-score."""
    scores = {name: np.zeros((*drawn.shape, len(rows.labels))) for name in (*vectors, BASELINE)}
    cheap: dict[str, tuple[float, float]] = {}
    jobs: list[Callable[[], None]] = [
        partial(_estimate, name, each, rows.classes, cheap) for name, each in vectors.items()
    ]
    for repeat, of_rows in enumerate(drawn):
        for fold in range(FOLDS):
            train, test = np.flatnonzero(of_rows != fold), np.flatnonzero(of_rows == fold)
            jobs.append(partial(_words, rows, train, test, scores[BASELINE][repeat]))
            jobs += [
                partial(_fit, each, rows, train, test, scores[name][repeat])
                for name, each in vectors.items()
            ]
    run_all(jobs, report)
    return scores, cheap


def _at_once(values: dict[str, Floats]) -> dict[str, Figure]:
    """Each value, the first, with an interval; the intervals hold for all of them together."""
    if not values:
        return {}
    width = band(list(values.values()))
    return {name: Figure(float(each[0]), *within(each, width)) for name, each in values.items()}


def _estimate(
    name: str, vectors: Vectors, classes: Ints, found: dict[str, tuple[float, float]]
) -> None:
    x = vectors.astype(np.float64)
    found[name] = round(log_me(x, classes), DIGITS), round(h_score(x, classes), DIGITS)


def _fit(vectors: Vectors, rows: _Rows, train: Ints, test: Ints, into: Floats) -> None:
    """Train the head on `train` rows of the vectors and fill the `test` rows of `into`."""
    x, held_out = scaled(vectors[train].astype(np.float64), vectors[test].astype(np.float64))
    into[test] = scores_of(head(x, rows.classes[train]), held_out, len(rows.labels))


def _words(rows: _Rows, train: Ints, test: Ints, into: Floats) -> None:
    """The same on words, which are counted and weighed on the `train` rows alone."""
    model = words_model().fit([rows.texts[at] for at in train], rows.classes[train])
    into[test] = scores_of(model, [rows.texts[at] for at in test], len(rows.labels))
