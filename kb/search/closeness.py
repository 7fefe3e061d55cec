"""Whether a search has found anything close to its question, or only the least distant.

Pure. It knows an answer's cosines and marks, and no ranking: the order of hits is not its business.
"""

from __future__ import annotations

from collections.abc import Sequence

from kb.records import DocumentHits, Hit
from kb.search.lexical import is_telling, tokens

CLOSE = 0.35
"""Cosine of question and passage from which MiniLM finds them close. Of 200 questions to their own
collection none stays below it, of 600 put to another collection 72 % do (benchmarks/closeness.py).
"""


def is_close(question: str, found: Sequence[DocumentHits]) -> bool:
    """Whether any hit is close to `question` in meaning, or has every telling word of it.

    True also for hits that were not compared by meaning: words alone were asked for.
    """
    hits = [hit for group in found for hit in group.hits]
    cosines = [hit.semantic for hit in hits if hit.semantic is not None]
    if not cosines or max(cosines) >= CLOSE:
        return True
    telling = {word for word in tokens(question) if is_telling(word)}
    return bool(telling) and any(len(_marked(hit)) >= len(telling) for hit in hits)


def _marked(hit: Hit) -> set[str]:
    """The different words that are marked in a hit; two forms of one count as two."""
    return {hit.text[start:end].lower() for start, end in hit.marks}
