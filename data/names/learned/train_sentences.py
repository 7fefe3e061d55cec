"""Trains the sentence head and writes its weights: states a design choice? on which axis?

It reads the project's own sentences (sentences.txt) and those of TDMSci that are judged here by
number (Apache-2.0), and refuses everything else.

    python data/names/learned/train_sentences.py FOLDER_OF_TDMSCI
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from kb.config import read_config
from kb.findings.sentence_head import Floats, SentenceHead, fit, sentence_vectors
from kb.findings.taxonomy import axes
from kb.search.models import load_embedder

HERE = Path(__file__).resolve().parent
CHOICE_PENALTY, AXIS_PENALTY = 0.3, 0.1
"""Of 0.03 to 3: best on the development sentences of benchmarks/choice_sentences.py, both flat."""
TDMSCI_WEIGHT = 0.5
"""Of a TDMSci sentence beside one of ours: all are of one field, and few state a choice."""
FOLDS = 5

STATED = {
    6: "retrieval", 170: "evaluation", 287: "evaluation", 364: "representation", 464: "transfer",
    499: "data-collection", 904: "features", 940: "transfer", 1116: "features", 1189: "transfer",
    1270: "evaluation", 1348: "evaluation", 1450: "evaluation", 1485: "features",
    1486: "evaluation",
}  # fmt: skip
"""Sentences of TDMSci's training part, by number from 0, that state a choice, and the axis."""
NOT_STATED = (
    9, 24, 27, 34, 40, 46, 62, 67, 68, 76, 89, 100, 104, 118, 128, 129, 131, 143, 164, 174, 183,
    185, 194, 198, 218, 220, 221, 222, 228, 232, 238, 247, 258, 276, 280, 284, 291, 304, 307,
    314, 316, 324, 329, 340, 348, 352, 388, 393, 397, 404, 410, 425, 428, 432, 450, 458, 461,
    474, 479, 480, 506, 521, 529, 546, 582, 585, 591, 605, 611, 892, 900, 911, 913, 927, 928,
    932, 934, 965, 969, 993, 998, 999, 1000, 1013, 1018, 1019, 1021, 1027, 1029, 1034, 1037,
    1039, 1044, 1053, 1065, 1066, 1076, 1079, 1081, 1089, 1105, 1141, 1154, 1155, 1165, 1173,
    1174, 1185, 1190, 1196, 1205, 1229, 1230, 1231, 1237, 1239, 1242, 1252, 1264, 1277, 1314,
    1318, 1326, 1330, 1341, 1345, 1346, 1353, 1357, 1358, 1413, 1415, 1435, 1436, 1437, 1443,
    1444, 1465, 1468, 1473, 1476, 1492,
)  # fmt: skip
"""… and those that state none. Both were judged by one reader, doubtful ones left out."""

Example = tuple[str, str, float]
"""Sentence, axis or "", weight."""


def own_examples(file: Path) -> list[Example]:
    """The project's own sentences."""
    found: list[Example] = []
    axis = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            axis = line[1:-1].replace("none", "")
        elif line and not line.startswith("#"):
            found.append((line, axis, 1.0))
    return found


def tdmsci_examples(file: Path) -> list[Example]:
    """The judged sentences of TDMSci, joined as printed."""
    texts = [_as_printed(block) for block in file.read_text(encoding="utf-8").split("\n\n")]
    texts = [text for text in texts if text]
    judged = STATED | dict.fromkeys(NOT_STATED, "")
    return [(texts[number], axis, TDMSCI_WEIGHT) for number, axis in sorted(judged.items())]


def _as_printed(block: str) -> str:
    rows = [line.split("\t") for line in block.splitlines() if line.strip()]
    text = ""
    for word, offset, *_ in rows:
        text = text.ljust(int(offset) - int(rows[0][1])) + word
    return " ".join(text.split())


def trained(examples: list[Example], vectors: np.ndarray, revision: str) -> SentenceHead:
    """Both heads, the axes each against all others on the sentences that state a choice."""
    weights = [weight for _, _, weight in examples]
    choice = fit(
        vectors, [bool(axis) for _, axis, _ in examples], penalty=CHOICE_PENALTY, weights=weights
    )
    stated = [i for i, (_, axis, _) in enumerate(examples) if axis]
    by_axis: dict[str, Floats] = {
        axis.id: fit(
            vectors[stated], [examples[i][1] == axis.id for i in stated], penalty=AXIS_PENALTY
        )
        for axis in axes()
    }
    return SentenceHead(revision, choice, by_axis)


def crossed(examples: list[Example], vectors: np.ndarray) -> tuple[float, float]:
    """Share right of (choice or none, axis of choices) in cross-validation over the examples."""
    right, axis_right, stated = 0, 0, 0
    for fold in range(FOLDS):
        test = [i for i in range(len(examples)) if i % FOLDS == fold]
        rest = [i for i in range(len(examples)) if i % FOLDS != fold]
        head = trained([examples[i] for i in rest], vectors[rest], "")
        odds, by_axis = head.choice_odds(vectors[test]), head.axis_scores(vectors[test])
        for i, said, scores in zip(test, odds, by_axis, strict=True):
            axis = examples[i][1]
            right += (said > 0) == bool(axis)
            stated += bool(axis)
            axis_right += bool(axis) and max(scores, key=lambda a: scores[a]) == axis
    return right / len(examples), axis_right / stated


def main() -> int:
    """Train, print the cross-validated scores, write the weights."""
    parser = argparse.ArgumentParser(description="Train the sentence head.")
    parser.add_argument("tdmsci", type=Path)
    folder = parser.parse_args().tdmsci
    examples = own_examples(HERE / "sentences.txt")
    examples += tdmsci_examples(folder / "train_1500_v2.conll")
    encoder = load_embedder(read_config())
    vectors = sentence_vectors(encoder, [text for text, _, _ in examples])
    print(f"{len(examples)} sentences, {sum(bool(a) for _, a, _ in examples)} state a choice")
    right, axis_right = crossed(examples, vectors)
    print(f"cross-validated, share right: choice {right:.3f}, axis {axis_right:.3f}")
    head = trained(examples, vectors, encoder.revision)
    (HERE / "sentence_head.json").write_text(head.as_json(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
