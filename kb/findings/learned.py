"""Knows how to read the learned heads: how much a name looks like a dataset's, or a model's.

It refuses to train (data/names/learned/train.py does) and to know where its weights came from
(README.md beside them does).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator

from kb.findings.names import names_folder
from kb.findings.patterns import NameSpan
from kb.findings.sentences import Span

REACH = 4
"""Words to either side that are looked at; only the nearest one's place is told apart."""


def features(text: str, name: NameSpan, sentence: Span, cues: Iterable[str]) -> Iterator[str]:
    """What the head sees of a name: its shape and ends, the words beside it, the cues."""
    written = re.sub(r"\d", "0", text[name.start : name.end])
    yield f"shape={name.shape}"
    yield f"words={min(len(written.split()), 5)}"
    yield f"end={written[-3:]}"
    yield f"end={written[-2:]}"
    yield f"begin={written[:2]}"
    last = re.split(r"[\s-]", written)[-1]
    yield f"last={last.lower()}"
    yield from (f"cue={cue}" for cue in cues)
    before = _words(text[max(sentence[0], name.start - 60) : name.start])[::-1]
    after = _words(text[name.end : min(sentence[1], name.end + 60)])
    for side, words in (("before", before), ("after", after)):
        yield from (f"next {side}={word}" for word in words[:1])
        yield from (f"{side}={word}" for word in words[1:REACH])


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", re.sub(r"\d", "0", text.lower()))


@functools.cache
def _head(file: str) -> tuple[float, dict[str, float]]:
    path = names_folder() / "learned" / file
    read = json.loads(path.read_text(encoding="utf-8"))
    return float(read["bias"]), {str(k): float(v) for k, v in read["weights"].items()}


def dataset_odds(seen: Iterable[str]) -> float:
    """Log-odds that the name is a dataset's, by the features of one mention."""
    return _odds("head.json", seen)


def model_odds(seen: Iterable[str]) -> float:
    """Log-odds that the name is a method's, as models and architectures are."""
    return _odds("model_head.json", seen)


def _odds(file: str, seen: Iterable[str]) -> float:
    bias, weights = _head(file)
    return bias + sum(weights.get(feature, 0.0) for feature in set(seen))
