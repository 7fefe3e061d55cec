"""Is a shortlist of models from few labels right, and on what choices does it rest?

    python -m benchmarks.models shortlist [--labels N] [--seeds N]
    python -m benchmarks.models heads
    python -m benchmarks.models words
    python -m benchmarks.models repeat

The models are the built-in encoder, its first three layers, its first one, and the same with random
weights: made in a temporary folder, since model hubs are out of reach.
`shortlist`: the verdict from few labels of three sets of labelled sentences against the truth: the
mean of 20 trainings on as many labels as a fold has, tested on all other rows. What is advised is
right where it is within 0.02 of the best, and a model only where it is above TF-IDF.
`heads`, `words`: macro-F1 of other heads and of other baselines. `repeat`: the encoder, timed ten
times.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline, make_union
from threadpoolctl import threadpool_limits

from benchmarks.dataset_fit import drawn, table
from kb.config import DEFAULT_MODEL, read_config
from kb.fit.dataset import Options
from kb.fit.learning import TOKENS, scaled, words_model
from kb.fit.model_verdict import Choice
from kb.fit.models import BASELINE, Encoders, fit_models, make_reader, short_names
from kb.fit.speed import measure_speed
from kb.fit.tables import Table
from kb.fit.vectors import VectorCache
from kb.search.models import disk_bytes, find_model, load_embedder
from tests.conftest import shared_folder

SETS = ("MR", "products", "airlines")
DRAWS = 20
TESTED = 3000  # rows that the truth is taken from, at most
WORTH = 0.02


def made_models(folder: Path) -> list[str]:
    """The built-in encoder and three that are less than it."""
    from sentence_transformers import SentenceTransformer
    from torch import manual_seed, nn

    found = [DEFAULT_MODEL]
    for name, layers in (("three-layers", 3), ("one-layer", 1), ("random", 6)):
        model = SentenceTransformer(str(find_model(DEFAULT_MODEL)), device="cpu")
        encoder: Any = model[0].auto_model
        encoder.encoder.layer = nn.ModuleList(list(encoder.encoder.layer)[:layers])
        encoder.config.num_hidden_layers = layers
        if name == "random":
            manual_seed(0)
            for weights in encoder.encoder.parameters():
                if weights.dim() > 1:
                    nn.init.normal_(weights, std=0.02)
        model.save(str(folder / name))
        found.append(str(folder / name))
    return found


def cross_validated(
    make: Callable[[], Any], x: Any, y: np.ndarray, *, scale: bool = False
) -> float:
    """Macro-F1, the mean of five folds."""
    values = []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(y, y):
        parts = [x[rows] if scale else [x[row] for row in rows] for rows in (train, test)]
        if scale:
            parts = list(scaled(*parts))
        model = make().fit(parts[0], y[train])
        values.append(f1_score(y[test], model.predict(parts[1]), average="macro"))
    return float(np.mean(values))


def linear(c: float) -> LogisticRegression:
    return LogisticRegression(C=c, class_weight="balanced", max_iter=2000)


def heads(tables: dict[str, Table], encoders: Encoders, models: Sequence[str], work: Path) -> None:
    """Heads on the vectors as they are, and moved and scaled, with C = 1, 3, 10."""
    print(
        "| labels | model | as they are, C=1 | scaled, C=1 | C=3 | C=10 |\n"
        "|---|---|---|---|---|---|"
    )
    for labels, seeds in ((200, 3), (1000, 1)):
        for model in models:
            cache = VectorCache(work, encoders.load(model))
            values: list[list[float]] = []
            for whole in tables.values():
                for seed in range(seeds):
                    few = drawn(whole, labels, seed)
                    x, y = cache.embed(few.texts).astype(np.float64), np.array(few.labels)
                    plain = cross_validated(partial(linear, 1.0), list(x), y)
                    values.append(
                        [plain]
                        + [
                            cross_validated(partial(linear, c), x, y, scale=True)
                            for c in (1.0, 3.0, 10.0)
                        ]
                    )
            cells = " | ".join(f"{value:.3f}" for value in np.mean(values, axis=0))
            print(f"| {labels} | {Path(model).name} | {cells} |", flush=True)


def words(tables: dict[str, Table]) -> None:
    """Baselines: what is counted, and C."""

    def counted(pairs: int) -> TfidfVectorizer:
        return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, pairs), token_pattern=TOKENS)

    def letters() -> TfidfVectorizer:
        return TfidfVectorizer(sublinear_tf=True, ngram_range=(2, 5), analyzer="char_wb")

    kinds: dict[str, Callable[[], Any]] = {
        "words": lambda: counted(1),
        "words and pairs": lambda: counted(2),
        "letters": letters,
        "words and letters": lambda: make_union(counted(1), letters()),
        "words, pairs and letters": lambda: make_union(counted(2), letters()),
    }
    print("| labels | counted | C=1 | C=3 | C=10 |\n|---|---|---|---|---|")
    for labels, seeds in ((200, 3), (1000, 1), (2000, 1)):
        for name, kind in kinds.items():
            row = []
            for c in (1.0, 3.0, 10.0):
                values = [
                    cross_validated(
                        lambda kind=kind, c=c: make_pipeline(kind(), linear(c)),
                        few.texts, np.array(few.labels),
                    )
                    for whole in tables.values() for seed in range(seeds)
                    for few in [drawn(whole, labels, seed)]
                ]  # fmt: skip
                row.append(f"{np.mean(values):.3f}")
            print(f"| {labels} | {name} | {' | '.join(row)} |", flush=True)


def shortlist(
    tables: dict[str, Table],
    encoders: Encoders,
    models: Sequence[str],
    work: Path,
    *,
    labels: int,
    seeds: int,
) -> None:
    """Verdicts from few labels against the order with many."""
    tally = {"right": 0, "wrong": 0, "open": 0}
    agreed: list[bool] = []
    print("| set | true macro-F1 | verdicts | |\n|---|---|---|---|")
    for name, whole in tables.items():
        truth = true_scores(drawn(whole, TESTED, 99), encoders, models, work, labels * 4 // 5)
        told, marks = [], []
        for seed in range(seeds):
            few = fit_models(drawn(whole, labels, seed), models, encoders, work, Options(seed=seed))
            told.append(few.verdict.text)
            marks.append(judged(few.verdict, truth))
            tally[marks[-1]] += 1
            for estimate in ("log_me", "h_score"):
                picks = max(few.entries[:-1], key=lambda each: float(getattr(each, estimate)))
                agreed.append(picks.name == few.entries[0].name)
        scores = ", ".join(f"{each} {value:.3f}" for each, value in truth.items())
        print(f"| {name} | {scores} | {'; '.join(told)} | {', '.join(marks)} |", flush=True)
    print(
        f"\nWith {labels} labels {tally['right']} right, {tally['wrong']} wrong, "
        f"{tally['open']} ask for more. LogME and the H-score put first what the trained "
        f"head puts first in {sum(agreed)} of {len(agreed)}."
    )


def true_scores(
    whole: Table, encoders: Encoders, models: Sequence[str], work: Path, labels: int
) -> dict[str, float]:
    """Macro-F1 of each with `labels` labels; by other code than the product's."""
    y = np.array(whole.labels)
    vectors: dict[str, Any] = {
        short: VectorCache(work, encoders.load(model)).embed(whole.texts).astype(np.float64)
        for model, short in short_names(models).items()
    }
    values: dict[str, list[float]] = {name: [] for name in (*vectors, BASELINE)}
    dice = np.random.default_rng(7)
    for _ in range(DRAWS):
        order = dice.permutation(len(y))
        train, test = order[:labels], order[labels:]
        for name, each in vectors.items():
            x, held_out = scaled(each[train], each[test])
            said = linear(1.0).fit(x, y[train]).predict(held_out)
            values[name].append(f1_score(y[test], said, average="macro"))
        model = words_model().fit([whole.texts[row] for row in train], y[train])
        said = model.predict([whole.texts[row] for row in test])
        values[BASELINE].append(f1_score(y[test], said, average="macro"))
    return {name: float(np.mean(each)) for name, each in values.items()}


def judged(verdict: Choice, truth: dict[str, float]) -> str:
    """Whether a verdict is right; "open" where it asks for more labels."""
    if verdict.kind == "needs labels":
        return "open"
    advised = truth.get(verdict.name, 0.0)
    right = advised >= max(truth.values()) - WORTH
    if verdict.kind == "worth it":
        right = right and advised > truth[BASELINE]
    return "right" if right else "wrong"


def repeat(whole: Table, encoders: Encoders) -> None:
    """How much the timing of one encoder differs between runs."""
    encoders.load(DEFAULT_MODEL)  # made ready here, so that it is only read there
    make = partial(make_reader, encoders, DEFAULT_MODEL)
    found = [measure_speed(make, whole.texts[:500]) for _ in range(10)]
    for name in ("p50_ms", "p95_ms", "texts_per_second", "memory_mb"):
        values = sorted(float(getattr(each, name)) for each in found)
        print(f"{name}: {values[0]:g} to {values[-1]:g}, {values[-1] / values[0]:.2f} times")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("shortlist", "heads", "words", "repeat"))
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    shared = shared_folder()
    if shared is None:
        parser.error("the shared data folder is not here")
    warnings.simplefilter("ignore")
    tables = {name: table(shared / "sentiment", name) for name in SETS}
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(2):
        work = Path(temporary)
        config = replace(read_config(), cache=work / "cache")
        encoders = Encoders(partial(load_embedder, config), disk_bytes)
        if arguments.part == "words":
            words(tables)
        elif arguments.part == "repeat":
            repeat(tables["airlines"], encoders)
        elif arguments.part == "heads":
            heads(tables, encoders, made_models(work), work)
        else:
            shortlist(
                tables, encoders, made_models(work), work,
                labels=arguments.labels, seeds=arguments.seeds,
            )  # fmt: skip


if __name__ == "__main__":
    main()
