"""Trains the heads that tell datasets' and models' names by their sentences, and writes weights.

It refuses data whose licence does not allow shipping what is learned from it: TDMSci (Apache-2.0,
datasets) and SciERC (Apache-2.0, methods) are all it reads. scikit-learn is needed here only.

    python data/names/learned/train.py FOLDER_OF_TDMSCI FOLDER_OF_SCIERC
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_fscore_support
from sklearn.model_selection import cross_val_score

from kb.findings.learned import features
from kb.findings.patterns import chains, cues, name_spans

HERE = Path(__file__).resolve().parent
STRENGTHS = (0.1, 0.3, 1.0)
"""Inverses of the penalty; the best F1 in cross-validation on the training part is taken."""


SMALLEST = 0.05
"""Weights below it are left out: they move no score and make up most of the file."""


Marked = tuple[str, list[tuple[int, int]]]
"""A sentence and the spans of what is to be found in it."""


def tdmsci(path: Path) -> Iterator[Marked]:
    """The sentences of a TDMSci file with their datasets."""
    rows: list[tuple[str, int, str]] = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if line.strip():
            word, offset, tag = line.split("\t")[:3]
            rows.append((word, int(offset), tag))
        elif rows:
            yield as_printed(rows)
            rows = []


def as_printed(rows: list[tuple[str, int, str]]) -> Marked:
    """A sentence's text and the spans of its datasets."""
    text, spans, inside = "", [], False
    for word, offset, tag in rows:
        start = offset - rows[0][1]
        text = text[:start].ljust(start) + word
        if tag == "B-DATASET":
            spans.append((start, start + len(word)))
        elif tag == "I-DATASET" and inside:
            spans[-1] = (spans[-1][0], start + len(word))
        inside = tag.endswith("-DATASET")
    return text, spans


def scierc(path: Path) -> Iterator[Marked]:
    """The sentences of a SciERC file with their methods; tokens joined nearly as printed."""
    text, spans, inside = "", [], False
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in [*lines, ""]:
            fields = line.split()
            if not fields or fields[0] == "-DOCSTART-":
                if text:
                    yield text, spans
                text, spans, inside = "", [], False
                continue
            word, tag = fields[0], fields[-1]
            text += " " if text and word not in ",.;:!?)]%" and text[-1] not in "([" else ""
            is_method = tag.endswith("-Method")
            if is_method and inside and not tag.startswith("B-"):
                spans[-1] = (spans[-1][0], len(text) + len(word))
            elif is_method:
                spans.append((len(text), len(text) + len(word)))
            inside = is_method
            text += word


def examples(marked: Iterable[Marked]) -> tuple[list[dict[str, int]], list[bool]]:
    """Features of every name-shaped stretch, and whether it overlaps a marked span."""
    seen: list[dict[str, int]] = []
    right: list[bool] = []
    for text, gold in marked:
        whole = (0, len(text))
        for chain in chains(text, name_spans(text, *whole)):
            shared = cues(text, chain[0].start, chain[-1].end, whole)
            for name in chain:
                own = shared | cues(text, name.start, name.end, whole)
                seen.append(dict.fromkeys(features(text, name, whole, own), 1))
                right.append(any(name.start < e and s < name.end for s, e in gold))
    return seen, right


def untrained(strength: float) -> LogisticRegression:
    """A head with an L2 penalty: an L1 penalty kept fewer weights and told less elsewhere."""
    return LogisticRegression(C=strength, max_iter=2000)


def _crossed(head: LogisticRegression, rows: np.ndarray, right: list[bool]) -> float:
    return float(cross_val_score(head, rows, right, cv=5, scoring="f1").mean())


def train(title: str, file: str, training: Iterable[Marked], test: Iterable[Marked]) -> None:
    """Train one head, print its scores on the test part, write its weights."""
    seen, right = examples(training)
    test_seen, test_right = examples(test)
    vectorizer = DictVectorizer(sparse=False)
    rows, test_rows = vectorizer.fit_transform(seen), vectorizer.transform(test_seen)
    print(f"{title}: {len(right)} names, {sum(right)} right; ", end="")
    print(f"test {len(test_right)}, {sum(test_right)}")
    head = max(map(untrained, STRENGTHS), key=lambda one: _crossed(one, rows, right))
    head.fit(rows, right)
    precision, recall, f1, _ = precision_recall_fscore_support(
        test_right, head.predict(test_rows), average="binary"
    )
    print(f"{head}: test precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")
    weights = {
        name: round(float(weight), 2)
        for name, weight in zip(vectorizer.feature_names_, head.coef_[0], strict=True)
        if abs(weight) >= SMALLEST
    }
    written = {"bias": round(float(head.intercept_[0]), 3), "weights": weights}
    text = json.dumps(written, ensure_ascii=False, indent=0, sort_keys=True)
    (HERE / file).write_text(text + "\n", encoding="utf-8")


def main() -> int:
    """Train both heads."""
    parser = argparse.ArgumentParser(description="Train the heads for names.")
    parser.add_argument("tdmsci", type=Path)
    parser.add_argument("scierc", type=Path)
    folders = parser.parse_args()
    train(
        "datasets",
        "head.json",
        tdmsci(folders.tdmsci / "train_1500_v2.conll"),
        tdmsci(folders.tdmsci / "test_500_v2.conll"),
    )
    parts = [folders.scierc / f"{part}.conll.gz" for part in ("train", "dev")]
    train(
        "methods",
        "model_head.json",
        (each for part in parts for each in scierc(part)),
        scierc(folders.scierc / "test.conll.gz"),
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
