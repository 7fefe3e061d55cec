"""Measures the sentence head on sentences and suggestions of real papers that were judged by hand.

It holds judgements, not texts: a sentence is a paper, offsets and a digest. Nothing is trained.

    python -m benchmarks.choice_sentences [--shared DIR] [--refit]

choice_sentences.tsv: does a sentence state a design choice, and on which axes (the first is the
main one)? `random` were drawn from all sentences of the 56 papers, `likely` from those that hold
set words or say what the authors did. choice_suggestions.tsv: of the first ten design choices of a
paper, by rules alone and with the head, in one shuffled list: does the sentence say that the
authors chose or tried this, under a name that makes sense? The `development` part was in view when
constants were chosen and sentences written, the `test` part was drawn and judged afterwards. One
reader judged everything.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.from_pdf import parse_pdf
from kb.config import read_config
from kb.findings.choices import COMMITTED, choices
from kb.findings.feedback import PENALTY
from kb.findings.sentence_head import (
    Reading,
    SentenceHead,
    SentenceReader,
    fit,
    sentence_vectors,
    shipped_head,
)
from kb.findings.suggest import Suggestion, suggest
from kb.findings.taxonomy import guess_axis
from kb.records import Section
from kb.search.models import load_embedder

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence and the axes of the choice it states; none where it states none."""

    paper: str
    text: str
    part: str  # "development", "test"
    sample: str
    axes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A parsed paper."""

    text: str
    sections: tuple[Section, ...]


def digest(text: str) -> str:
    """Twelve hex digits of a text with its white space made single."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:12]


def read_papers(shared: Path) -> dict[str, Paper]:
    """The 56 papers by name of their files."""
    papers = {}
    for file in sorted((shared / "arxiv" / "pdfs").glob("*.pdf")):
        parsed = parse_pdf(file.read_bytes())
        papers[file.stem] = Paper(parsed.text, tuple(parsed.sections))
    return papers


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a table of judgements."""
    with (HERE / name).open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened, delimiter="\t"))


def judged_sentences(papers: dict[str, Paper]) -> Iterator[Judged]:
    """Those whose text still stands where it was judged."""
    for row in rows("choice_sentences.tsv"):
        text = papers[row["paper"]].text[int(row["start"]) : int(row["end"])]
        if digest(text) == row["digest"]:
            axes = tuple(axis for axis in row["axes"].split(",") if axis)
            yield Judged(row["paper"], text, row["set"], row["sample"], axes)


def area(right: Sequence[bool], scores: Sequence[float]) -> float:
    """Area under the ROC curve: how often a right one has the higher score, ties half."""
    good = np.array([s for s, r in zip(scores, right, strict=True) if r])
    bad = np.array([s for s, r in zip(scores, right, strict=True) if not r])
    above = (good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2
    return float(above)


def by_rules(text: str) -> float:
    """What rules see: set words, and that the authors did it."""
    return 1.2 * bool(COMMITTED.search(text)) + 1.2 * bool(list(choices(text, (0, len(text)))))


def table(judged: Sequence[Judged], readings: Sequence[Reading]) -> Iterator[str]:
    """Both tables of sentences, in Markdown."""
    yield "| sentences | of them state a choice | rules | head | both |"
    yield "|---|---|---|---|---|"
    for part in ("development", "test"):
        for sample in ("random", "likely"):
            here = [
                (j, r)
                for j, r in zip(judged, readings, strict=True)
                if (j.part, j.sample) == (part, sample)
            ]
            right = [bool(j.axes) for j, _ in here]
            rules = [by_rules(j.text) for j, _ in here]
            head = [r.odds for _, r in here]
            both = [a + b for a, b in zip(rules, head, strict=True)]
            areas = " | ".join(f"{area(right, scores):.2f}" for scores in (rules, head, both))
            yield f"| {part}, {sample} ({len(here)}) | {sum(right)} | {areas} |"
    yield ""
    yield "| choices | cues: main axis / any of them | head alone | both |"
    yield "|---|---|---|---|"
    for part in ("development", "test"):
        stated = [
            (j, r) for j, r in zip(judged, readings, strict=True) if j.part == part and j.axes
        ]
        cued = [(guess_axis(j.text) or [("", 0.0)])[0][0] for j, _ in stated]
        head = [max(r.axes, key=lambda axis: r.axes[axis]) for _, r in stated]
        both = [r.best_axes(j.text)[0][0] for j, r in stated]
        cells = []
        for said in (cued, head, both):
            main_axis = sum(a == j.axes[0] for a, (j, _) in zip(said, stated, strict=True))
            any_axis = sum(a in j.axes for a, (j, _) in zip(said, stated, strict=True))
            cells.append(f"{main_axis / len(stated):.2f} / {any_axis / len(stated):.2f}")
        yield f"| {part} ({len(stated)}) | {' | '.join(cells)} |"


Ways = dict[str, Callable[[Paper], list[Suggestion]]]


def first_ten(papers: dict[str, Paper], reader: SentenceReader) -> Iterator[str]:
    """How many of the first ten design choices of the judged papers are right, in Markdown."""
    known: dict[tuple[str, int, str, str], bool] = {}
    parts: dict[str, set[str]] = defaultdict(set)
    for row in rows("choice_suggestions.tsv"):
        place = row["paper"], int(row["start"]), row["digest"], row["name"]
        known[place] = row["right"] == "1"
        parts[row["set"]].add(row["paper"])
    ways: Ways = {
        "rules": lambda paper: suggest(paper.text, paper.sections),
        "with the head": lambda paper: suggest(paper.text, paper.sections, read=reader.read),
    }
    yield "| papers | | suggested | right | not judged | papers with 8 of 10 | s a paper |"
    yield "|---|---|---|---|---|---|---|"
    for part, names in parts.items():
        for way, suggested in ways.items():
            began = time.perf_counter()
            found = {name: _choices_of(suggested(papers[name])) for name in sorted(names)}
            seconds = (time.perf_counter() - began) / len(names)
            verdicts = {
                name: [known.get(_place(name, papers[name], s)) for s in first]
                for name, first in found.items()
            }
            everything = [v for each in verdicts.values() for v in each]
            well = sum(each.count(True) >= 0.8 * len(each) for each in verdicts.values())
            judged = len(everything) - everything.count(None)
            yield (
                f"| {part} ({len(names)}) | {way} | {len(everything)} | {everything.count(True)} "
                f"({everything.count(True) / max(judged, 1):.0%}) | {everything.count(None)} "
                f"| {well} | {seconds:.2f} |"
            )


def _choices_of(found: Iterable[Suggestion]) -> list[Suggestion]:
    return [each for each in found if each.kind == "design_choice"][:10]


def _place(name: str, paper: Paper, one: Suggestion) -> tuple[str, int, str, str]:
    return name, one.start, digest(paper.text[one.start : one.end]), digest(one.name)


TEAMS = 12
"""Simulated teams: each has judged some papers' sentences, and the rest forecast how it does."""


def refits(judged: Sequence[Judged], head: SentenceHead, vectors: np.ndarray) -> Iterator[str]:
    """Surprise in nats on sentences not yet judged, by number of decisions and penalty."""
    names = sorted({each.paper for each in judged})
    stated = np.array([bool(each.axes) for each in judged])
    penalties = (1.0, PENALTY, 10.0)
    yield "| decisions | shipped | " + " | ".join(f"penalty {p:g}" for p in penalties) + " |"
    yield "|---" * (len(penalties) + 2) + "|"
    for count in (20, 40, 80, 160):
        surprises: dict[float, list[float]] = defaultdict(list)
        for team in range(TEAMS):
            order = np.random.default_rng(team).permutation(names)
            ranked = [i for n in order for i, each in enumerate(judged) if each.paper == n]
            seen, rest = ranked[:count], ranked[count:]
            surprises[0].append(_surprise(head.choice, vectors[rest], stated[rest]))
            for penalty in penalties:
                moved = fit(vectors[seen], stated[seen], penalty=penalty, prior=head.choice)
                surprises[penalty].append(_surprise(moved, vectors[rest], stated[rest]))
        cells = " | ".join(f"{np.mean(each):.3f}" for each in surprises.values())
        yield f"| {count} | {cells} |"


def _surprise(weights: np.ndarray, vectors: np.ndarray, stated: np.ndarray) -> float:
    odds = vectors @ weights[:-1] + weights[-1]
    return float(np.logaddexp(0.0, np.where(stated, -odds, odds)).mean())


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure the sentence head on real papers.")
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--refit", action="store_true", help="simulate teams that refit it")
    arguments = parser.parse_args()
    if not (arguments.shared / "arxiv").is_dir():
        print(f"{arguments.shared} has no folder 'arxiv'; name it with --shared.", file=sys.stderr)
        return 1
    papers = read_papers(arguments.shared)
    judged = list(judged_sentences(papers))
    encoder = load_embedder(read_config())
    reader = SentenceReader(shipped_head(), encoder)
    if arguments.refit:
        vectors = sentence_vectors(encoder, [each.text for each in judged])
        print("\n".join(refits(judged, reader.head, vectors)))
        return 0
    print("\n".join(table(judged, reader.read([each.text for each in judged]))))
    print()
    print("\n".join(first_ten(papers, reader)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
