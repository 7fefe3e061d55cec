"""Is the verdict from 200 target labels right, and how long does a large pair take?

    python -m benchmarks.dataset_fit pairs [--neutral dropped|mapped|kept] [--seeds N]
    python -m benchmarks.dataset_fit speed [--rows N]
    python -m benchmarks.dataset_fit large
    python -m benchmarks.dataset_fit settings

`pairs`: every ordered pair of four sets of labelled sentences (two of them of one domain), the
verdict from 200 random target labels against the truth from all of them. The truth is the mean gain
of 20 draws of 32 and of 160 labels, tested on all other rows, and the verdict on the whole target.
`speed`: a pair of 10,000 × 10,000 texts with nothing cached, then from the cache, with its memory.
`settings`: macro-F1 by the constants of the head and of how much a target label counts.
`large`: a sample of a CSV of 2 GB, made in a temporary folder.
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from kb.config import read_config
from kb.fit.dataset import DatasetFit, Encoder, Options, fit_dataset
from kb.fit.desk import map_labels
from kb.fit.leakage import find_copies
from kb.fit.learning import Floats, Ints, head, metric_named, scores_of
from kb.fit.tables import Table, read_table
from kb.fit.transfer import SAY
from kb.fit.vectors import VectorCache
from kb.search.embed import Embedder
from kb.search.models import load_embedder
from tests.conftest import shared_folder

SETS = {
    "MR": ("movie_reviews_mr",),
    "SST-2": ("movie_sst2_train", "movie_sst2_dev", "movie_sst2_test"),
    "products": ("product_reviews_cr",),
    "airlines": ("airline_tweets_3class",),
}
NEUTRAL = {"dropped": {"neutral": ""}, "mapped": {"neutral": "positive"}, "kept": {}}
LABELS = 200
DRAWS = 20
SIZES = (32, 160)
EVERYTHING = 50_000


@dataclass(frozen=True, slots=True)
class Gain:
    """A gain and its interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ({self.low:+.3f} to {self.high:+.3f})".replace("-", "−")


def table(folder: Path, name: str) -> Table:
    """All files of a set as one table."""
    parts = [
        read_table(folder / f"{file}.csv", "text", "label", sample=EVERYTHING)
        for file in SETS[name]
    ]
    joined = parts[0]
    for part in parts[1:]:
        joined = replace(
            joined,
            texts=joined.texts + part.texts,
            labels=joined.labels + part.labels,
            rows=joined.rows + part.rows,
        )
    return replace(joined, name=name)


def drawn(whole: Table, count: int, seed: int) -> Table:
    """`count` random rows of a table."""
    rows = np.random.default_rng(seed).permutation(len(whole.texts))[:count]
    return replace(
        whole,
        texts=tuple(whole.texts[row] for row in rows),
        labels=tuple(whole.labels[row] for row in rows),
        rows=len(rows),
    )


def prepared(
    source: Table, target: Table, mapping: dict[str, str], cache: VectorCache
) -> tuple[list[Floats], list[Ints], tuple[str, ...]]:
    """Vectors and classes of source and target, copies left out, and the labels."""
    mapped = map_labels(source, target, mapping)
    vectors = cache.embed(source.texts), cache.embed(target.texts)
    copies = find_copies(source.texts, target.texts, vectors, (mapped.source, mapped.target))
    labels = tuple(sorted({label for label in mapped.target if label}))
    rows = [
        np.array([i for i, label in enumerate(side) if label in labels and not out[i]])
        for side, out in ((mapped.source, copies.source), (mapped.target, copies.target))
    ]
    x = [vectors[side][rows[side]].astype(np.float64) for side in (0, 1)]
    y = [
        np.array([labels.index(str(side[row])) for row in rows[at]])
        for at, side in enumerate((mapped.source, mapped.target))
    ]
    return x, y, labels


def true_gains(
    source: Table, target: Table, mapping: dict[str, str], cache: VectorCache
) -> dict[int, Gain]:
    """The gain in macro-F1 at each of SIZES, over DRAWS draws; by other code than the product's."""
    x, y, labels = prepared(source, target, mapping, cache)
    metric = metric_named("macro-F1", labels)
    dice = np.random.default_rng(99)
    found = {}
    for size in SIZES:
        gains = []
        for _ in range(DRAWS):
            order = dice.permutation(len(x[1]))
            train, test = order[:size], order[size:]
            say = min(SAY, max(1.0, len(x[0]) / size))
            weights = np.r_[np.ones(len(x[0])), np.full(size, say)]
            joined = np.vstack((x[0], x[1][train]))
            both = head(joined, np.r_[y[0], y[1][train]], weights)
            alone = head(x[1][train], y[1][train])
            one = np.ones((1, len(test)), dtype=np.float32)
            values = [
                metric.of(one, y[1][test], scores_of(model, x[1][test], len(labels)))[0]
                for model in (both, alone)
            ]
            gains.append(values[0] - values[1])
        error = 1.96 * float(np.std(gains, ddof=1)) / DRAWS**0.5
        mean = float(np.mean(gains))
        found[size] = Gain(mean, mean - error, mean + error)
    return found


def judged(fit: DatasetFit, truth: dict[int, Gain], whole: DatasetFit) -> str:
    """Whether a verdict from few labels is right; "open" where it asks for more labels."""
    verdict, now = fit.verdict, truth[SIZES[-1]]
    few, worth = truth[SIZES[0]], fit.options.worth
    if verdict.kind == "needs labels":
        return "open"
    if verdict.kind == "helps":
        right = now.mean > 0 and whole.verdict.kind not in {"hurts"}
    elif verdict.kind == "helps until":
        assert fit.transfer is not None
        assert whole.transfer is not None
        crossing, true = fit.transfer.crossing, whole.transfer.crossing
        end = 0 if true is None else true.labels or EVERYTHING
        inside = crossing is not None and crossing.low <= end <= (crossing.high or EVERYTHING)
        right = few.mean > 0 and inside
    elif verdict.kind == "hurts":
        right = now.mean < 0
    else:
        right = now.mean < worth
    return "right" if right else "wrong"


def harmful(fit: DatasetFit, truth: dict[int, Gain], whole: DatasetFit) -> bool:
    """It says that it helps, where all labels show harm."""
    if fit.verdict.kind == "helps":
        return truth[SIZES[-1]].high < 0 or whole.verdict.kind == "hurts"
    return fit.verdict.kind == "helps until" and truth[SIZES[0]].high < 0


def pairs(folder: Path, embedder: Embedder, cache: VectorCache, neutral: str, seeds: int) -> None:
    """The table of the ordered pairs; of variants that change nothing, only "dropped"."""
    tables = {name: table(folder, name) for name in SETS}
    encoder = Encoder(embedder.name, embedder.revision)
    options = Options(mapping=NEUTRAL[neutral])
    tally: dict[str, int] = {}
    covered, harm, total, spent = 0, 0, 0, 0.0
    print(
        f"| source → target ({neutral}) | gain with 32 | gain with 160 | verdict on all "
        f"| verdicts from {LABELS} | |\n|---|---|---|---|---|---|"
    )
    for source_name in SETS:
        for target_name in SETS:
            if source_name == target_name:
                continue
            if neutral != "dropped" and "airlines" not in (source_name, target_name):
                continue
            source, target = drawn(tables[source_name], 10_000, 0), tables[target_name]
            with threadpool_limits(2):
                truth = true_gains(source, target, NEUTRAL[neutral], cache)
            whole = fit_dataset(source, target, cache, encoder, options)
            words, marks = [], []
            for seed in range(seeds):
                few = drawn(target, LABELS, 1000 + seed)
                started = time.perf_counter()
                fit = fit_dataset(source, few, cache, encoder, replace(options, seed=seed))
                spent += time.perf_counter() - started
                total += 1
                words.append(fit.verdict.text)
                marks.append(judged(fit, truth, whole))
                harm += harmful(fit, truth, whole)
                if fit.transfer is not None:
                    gain = fit.transfer.points[-1].gain
                    covered += gain.low <= truth[SIZES[-1]].mean <= gain.high
            for mark in marks:
                tally[mark] = tally.get(mark, 0) + 1
            print(
                f"| {source_name} → {target_name} | {truth[32]} | {truth[160]} "
                f"| {whole.verdict.text} | {'; '.join(words)} | {', '.join(marks)} |",
                flush=True,
            )
    print(
        f"\n{tally.get('right', 0)} right, {tally.get('wrong', 0)} wrong, "
        f"{tally.get('open', 0)} ask for more labels; {harm} say “helps” where all labels show "
        f"harm. The interval of the gain holds the truth in {covered} of {total}. "
        f"{spent / max(total, 1):.1f} s each, embedding not counted."
    )


TRIED = (("MR", "products"), ("products", "MR"), ("MR", "airlines"), ("airlines", "MR"))
LABELS_TRIED = (8, 32, 160, 512, 2048)
PENALTIES = (1.0, 3.0, 10.0, 30.0)
SAYS = (1.0, 5.0, 10.0, 20.0, 1e9)
TEST = 1000


def settings(folder: Path, cache: VectorCache) -> None:
    """Mean macro-F1 over TRIED and three draws, for each value of the two constants."""
    tables = {name: table(folder, name) for name in SETS}
    found: dict[tuple[str, int], list[float]] = {}
    with threadpool_limits(2):
        for names in TRIED:
            x, y, labels = prepared(*(tables[n] for n in names), NEUTRAL["mapped"], cache)
            metric = metric_named("macro-F1", labels)
            dice = np.random.default_rng(5)
            for _ in range(3):
                order = dice.permutation(len(x[1]))
                test = order[-TEST:]

                def score(model: Any, test: Ints = test) -> float:
                    scores = scores_of(model, x[1][test], len(labels))  # noqa: B023
                    one = np.ones((1, len(test)), dtype=np.float32)
                    return float(metric.of(one, y[1][test], scores)[0])  # noqa: B023

                for size in LABELS_TRIED:
                    train = order[:size]
                    for c in PENALTIES:
                        model = LogisticRegression(C=c, class_weight="balanced", max_iter=2000)
                        fitted = model.fit(x[1][train], y[1][train])
                        found.setdefault((f"target alone, C={c:g}", size), []).append(score(fitted))
                    for say in SAYS:
                        weight = min(say, max(1.0, len(x[0]) / size))
                        weights = np.r_[np.ones(len(x[0])), np.full(size, weight)]
                        joined = np.vstack((x[0], x[1][train]))
                        both = head(joined, np.r_[y[0], y[1][train]], weights)
                        name = f"both, a target label counts at most {say:g}"
                        found.setdefault((name, size), []).append(score(both))
    print(f"| | {' | '.join(f'{size} labels' for size in LABELS_TRIED)} |")
    print("|---|" + "---|" * len(LABELS_TRIED))
    for name in dict.fromkeys(name for name, _ in found):
        cells = [f"{np.mean(found[name, size]):.3f}" for size in LABELS_TRIED]
        print(f"| {name} | {' | '.join(cells)} |")


def speed(folder: Path, embedder: Embedder, rows: int) -> None:
    """A large pair, first with nothing cached, then from the cache."""
    tables = {name: table(folder, name) for name in SETS}
    movies = tables["MR"].texts + tables["SST-2"].texts[:4000]
    source = replace(
        tables["MR"], texts=movies, labels=tables["MR"].labels + tables["SST-2"].labels[:4000]
    )
    source = drawn(source, rows, 0)
    target = drawn(tables["airlines"], rows, 0)
    encoder = Encoder(embedder.name, embedder.revision)
    options = Options(mapping=NEUTRAL["mapped"])
    print("| | seconds | of which embed | leakage | distance | transfer | peak MB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("first run", "from the cache"):
            started = time.perf_counter()
            cache = VectorCache(Path(temporary), embedder)
            fit = fit_dataset(source, target, cache, encoder, options)
            spent = time.perf_counter() - started
            steps = [fit.seconds[step] for step in ("embed", "leakage", "distance", "transfer")]
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"| {name} | {spent:.1f} | {' | '.join(map(str, steps))} | {peak:.0f} |")
    print(f"\n{len(source.texts)} × {len(target.texts)} texts: {fit.verdict.text}.")


def large(size: int = 2 * 1024**3) -> None:
    """A CSV of `size` bytes, read as a sample."""
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "large.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["text", "label"])
            row = 0
            while out.tell() < size:
                writer.writerows(
                    (f"row {row + i}: the parcel came late and the box was open", "negative")
                    for i in range(20_000)
                )
                row += 20_000
        started = time.perf_counter()
        found = read_table(file, "text", "label")
        spent = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{found.notes[0]} {spent:.0f} s, {peak:.0f} MB at most.")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("pairs", "speed", "large", "settings"))
    parser.add_argument("--neutral", choices=tuple(NEUTRAL), default="dropped")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--cache", type=Path, help="A folder to keep vectors in.")
    arguments = parser.parse_args()
    if arguments.part == "large":
        large()
        return
    shared = shared_folder()
    if shared is None:
        parser.error("the shared data folder is not here")
    embedder = load_embedder(read_config())
    if arguments.part == "speed":
        speed(shared / "sentiment", embedder, arguments.rows)
        return
    with tempfile.TemporaryDirectory() as temporary:
        cache = VectorCache(arguments.cache or Path(temporary), embedder)
        if arguments.part == "settings":
            settings(shared / "sentiment", cache)
        else:
            pairs(shared / "sentiment", embedder, cache, arguments.neutral, arguments.seeds)


if __name__ == "__main__":
    main()
