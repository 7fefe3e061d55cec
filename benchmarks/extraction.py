"""Measures suggestions against annotated papers: precision, recall and F1 on unique names.

It ships nothing of those papers, and trains nothing on them.

    python -m benchmarks.extraction [--data FOLDER] [--errors PART]

A paper's gold names are its annotated names, each once (case, hyphens and articles aside). A
suggestion is right in the *exact* sense when its name or one of its spellings is a gold name, and
in the *overlap* sense when one holds the other as whole words ("SQuAD" and "SQuAD 2.0"). A gold
name is found when a right suggestion of that sense points to it. Counts are summed over papers.

SciER marks methods of every kind ("attention", "fine-tuning"), so that only precision says
something of models there.

Last results: benchmarks/README.md.

Weights were set while reading errors on GSAP-NER in both folds, so its figures are those of a
development set; errors on SciER were not read, but the share of the learned heads was chosen with
its score in view.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kb.findings.names import listed_matcher
from kb.findings.suggest import Suggestion, suggest

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@dataclass(slots=True)
class Paper:
    """One annotated text: its gold names by label."""

    name: str
    part: str
    text: str
    gold: dict[str, set[str]]


def gsap_papers(data: Path) -> list[Paper]:
    """GSAP-NER's shared papers, their units joined as paragraphs."""
    papers: dict[str, Paper] = {}
    with gzip.open(data / "extraction/gsap_ner/share_folds_0-1.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            name = row["id"].split(".txt")[0]
            part = f"GSAP-NER fold {row['fold']}"
            paper = papers.setdefault(name, Paper(name, part, "", defaultdict(set)))
            paper.text += row["text"] + "\n\n"
            for span in row["spans"]:
                paper.gold[span["label"]].add(span["text"])
    return list(papers.values())


def scier_papers(data: Path) -> list[Paper]:
    """SciER's development papers, their sentences joined and the tokens' spaces taken out."""
    papers: dict[str, Paper] = {}
    with gzip.open(data / "extraction/scier/LLM/dev.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            paper = papers.setdefault(
                row["doc_id"], Paper(row["doc_id"], "SciER dev", "", defaultdict(set))
            )
            paper.text += untokenised(row["sentence"]) + "\n\n"
            for name, label in row["ner"]:
                paper.gold[label].add(untokenised(name))
    return list(papers.values())


def untokenised(text: str) -> str:
    """Text as it was printed: no space before a comma, inside brackets or around a hyphen."""
    text = re.sub(r"\s+([,.;:!?)\]%])", r"\1", text)
    text = re.sub(r"([(\[])\s+", r"\1", text)
    return re.sub(r"(?<=\w)\s-\s(?=\w)", "-", text)


def words(name: str) -> tuple[str, ...]:
    """A name's words in lower case, without articles, plural and possessive endings."""
    found = re.findall(r"[a-z]+|\d+", re.sub(r"['’]s\b", "", name).lower())
    return tuple(re.sub(r"(?<=\w\w)s$", "", w) for w in found if w not in {"the", "a", "an"})


def exact(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """The same letters and digits."""
    return "".join(one) == "".join(other)


def overlapping(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """One holds the other as whole words in a row."""
    short, long = sorted((one, other), key=len)
    if exact(one, other):
        return True
    return any(long[i : i + len(short)] == short for i in range(len(long) - len(short) + 1))


@dataclass(slots=True)
class Counts:
    """Right and all suggestions, found and all gold names."""

    right: int = 0
    suggested: int = 0
    found: int = 0
    gold: int = 0

    def figures(self) -> tuple[float, float, float]:
        """Precision, recall, F1."""
        precision = self.right / self.suggested if self.suggested else 0.0
        recall = self.found / self.gold if self.gold else 0.0
        both = precision + recall
        return precision, recall, 2 * precision * recall / both if both else 0.0


Same = Callable[[tuple[str, ...], tuple[str, ...]], bool]


def spellings(suggestion: Suggestion) -> list[tuple[str, ...]]:
    """Every spelling of a suggested name, as words."""
    return [w for s in (suggestion.name, *suggestion.aliases) if (w := words(s))]


def count(suggested: list[Suggestion], gold: Iterable[str], same: Same, counts: Counts) -> None:
    """Add one paper's counts."""
    wanted = {w for name in gold if (w := words(name))}
    offered = [spellings(s) for s in suggested]
    counts.suggested += len(offered)
    counts.gold += len(wanted)
    counts.right += sum(any(same(w, g) for w in s for g in wanted) for s in offered)
    counts.found += sum(any(same(w, g) for s in offered for w in s) for g in wanted)


def is_dataset(suggestion: Suggestion) -> bool:
    """Whether a suggestion answers to the gold datasets."""
    return suggestion.kind == "dataset"


def is_model(suggestion: Suggestion) -> bool:
    """Whether a suggestion answers to the gold models and architectures."""
    named = suggestion.axis == "architecture" and suggestion.why.startswith("name list")
    return suggestion.kind == "pretrained_model" or named


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: which suggestions against which labels."""

    title: str
    takes: Callable[[Suggestion], bool]
    labels: tuple[str, ...]


GSAP_LINES = (
    Line("datasets", is_dataset, ("Dataset",)),
    Line("models and architectures", is_model, ("MLModel", "ModelArchitecture")),
    Line("models", lambda s: s.kind == "pretrained_model", ("MLModel",)),
)
SCIER_LINES = (
    Line("datasets", is_dataset, ("Dataset",)),
    Line("models and architectures, as methods", is_model, ("Method",)),
)


@dataclass(slots=True)
class Result:
    """What one part of the data showed."""

    papers: int = 0
    seconds: float = 0.0
    exact: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    overlap: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    top: Counts = field(default_factory=Counts)


def measure(papers: Iterable[Paper], lines: tuple[Line, ...]) -> Result:
    """Suggest for every paper and count."""
    listed_matcher()
    result = Result()
    for paper in papers:
        began = time.perf_counter()
        suggested = suggest(paper.text)
        result.seconds += time.perf_counter() - began
        result.papers += 1
        for line in lines:
            gold = set().union(*(paper.gold[label] for label in line.labels))
            chosen = [s for s in suggested if line.takes(s)]
            count(chosen, gold, exact, result.exact[line.title])
            count(chosen, gold, overlapping, result.overlap[line.title])
        _count_top(paper, suggested, lines, result.top)
    return result


def _count_top(
    paper: Paper, suggested: list[Suggestion], lines: tuple[Line, ...], counts: Counts
) -> None:
    """The first ten named suggestions of a paper: how many are right by overlap."""
    named = [s for s in suggested if is_dataset(s) or is_model(s)][:10]
    for line in lines[:2]:
        gold = set().union(*(paper.gold[label] for label in line.labels))
        count([s for s in named if line.takes(s)], gold, overlapping, counts)


def table(results: dict[str, Result]) -> str:
    """The Markdown table."""
    rows = [
        "| papers | what | gold | suggested | overlap P / R / F1 | exact P / R / F1 |",
        "|---|---|---|---|---|---|",
    ]
    for part, result in results.items():
        for title, overlap in result.overlap.items():
            figures = " / ".join(f"{f:.2f}" for f in overlap.figures())
            strict = " / ".join(f"{f:.2f}" for f in result.exact[title].figures())
            rows.append(
                f"| {part} ({result.papers}) | {title} | {overlap.gold} | {overlap.suggested} "
                f"| {figures} | {strict} |"
            )
    rows.append("")
    for part, result in results.items():
        rows.append(
            f"{part}: of the first ten suggestions of a paper {result.top.right} of "
            f"{result.top.suggested} are right; {result.seconds / result.papers:.2f} s a paper."
        )
    return "\n".join(rows)


def errors(paper: Paper, lines: tuple[Line, ...]) -> str:
    """What was wrong and what was missed in one paper, for a person to read."""
    out = [f"## {paper.name}"]
    suggested = suggest(paper.text)
    for line in lines[:2]:
        gold = set().union(*(paper.gold[label] for label in line.labels))
        wanted = {words(g): g for g in gold}
        chosen = [s for s in suggested if line.takes(s)]
        wrong = [
            f"{s.name} ({s.score:.2f}, {s.mentions}, {s.why})"
            for s in chosen
            if not any(overlapping(w, g) for w in spellings(s) for g in wanted if g)
        ]
        missed = [
            name
            for g, name in wanted.items()
            if g and not any(overlapping(w, g) for s in chosen for w in spellings(s))
        ]
        out.append(f"{line.title}: wrong: {'; '.join(wrong)}\n   missed: {'; '.join(missed)}")
    return "\n".join(out)


def main() -> int:
    """Print the table, or the errors of papers."""
    parser = argparse.ArgumentParser(description="Measure suggestions on annotated papers.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--errors", metavar="PART", help="list errors of parts that hold PART")
    arguments = parser.parse_args()
    if not (arguments.data / "extraction").is_dir():
        print(f"{arguments.data} has no folder 'extraction'; name it with --data.", file=sys.stderr)
        return 1
    parts: dict[str, tuple[list[Paper], tuple[Line, ...]]] = {}
    gsap = gsap_papers(arguments.data)
    for part in sorted({p.part for p in gsap}):
        parts[part] = ([p for p in gsap if p.part == part], GSAP_LINES)
    parts["GSAP-NER"] = (gsap, GSAP_LINES)
    parts["SciER dev"] = (scier_papers(arguments.data), SCIER_LINES)
    if arguments.errors:
        for part, (papers, lines) in parts.items():
            if arguments.errors == part:
                print("\n".join(errors(paper, lines) for paper in papers))
        return 0
    print(table({part: measure(papers, lines) for part, (papers, lines) in parts.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
