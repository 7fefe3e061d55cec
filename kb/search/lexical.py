"""Free text to a safe FTS5 expression, and where a passage matches it.

Knows the expression's grammar and which words carry nothing. It refuses to know SQL, and never
passes a character of the question on as an operator.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from kb.search.stop_words import STOP_WORDS

WEIGHTS = (1.0, 1.0, 1.0)
"""BM25 weights of title, section and body: benchmarks/retrieval.py --weights."""

MAX_TERMS = 64
"""Terms of an expression, repeats counted: what a question has at most; of a pasted page the most
telling are kept. Fewer lose quality on CISI's long questions, more gain none: 0002-fusion.md."""

CONSIDERED = 128
"""Distinct words whose rarity is looked up; each costs a count in the database."""

EVERYWHERE = math.log(2)
"""Rarity of a word in half of the passages. FTS5 gives it no weight from there on, and spends most
of its time on it."""

MAX_REPEATS = 4  # of one word: a question that repeats a word is about it, a paste proves nothing
MAX_CHARACTERS = 10_000  # of a question that are read at all
MAX_WORD = 64  # characters; what is longer is no word anybody searches for

Rarity = Callable[[str], float]
"""How telling a term is: log(passages / passages with it), and 0 where none has it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An OR of terms: FTS5 strings, quoted already, each as often as the question has it."""

    terms: tuple[str, ...]
    marked: tuple[str, ...]  # distinct; those too that are not searched for

    @property
    def match(self) -> str:
        """The expression to rank by: a repeated word counts again."""
        return " OR ".join(self.terms)

    @property
    def marking(self) -> str:
        """The expression to mark by."""
        return " OR ".join(self.marked)


def expression(text: str, rarity: Rarity, *, large: bool = False) -> Expression | None:
    """The words of `text` worth looking for, or None where it has none.

    In a `large` library words that stand everywhere are only marked, where there are others.
    """
    words = tokens(text[:MAX_CHARACTERS])
    kept = [word for word in words if is_telling(word)]
    repeats = {
        _quoted(word): min(number, MAX_REPEATS)
        for word, number in Counter(kept or words).most_common(CONSIDERED)
    }
    if not repeats:
        return None
    chosen = _most_telling(repeats, rarity, EVERYWHERE if large else -1.0)
    terms = tuple(term for term, number in chosen.items() for _ in range(number))
    return Expression(terms, tuple(repeats)[:MAX_TERMS])


def _most_telling(repeats: dict[str, int], rarity: Rarity, above: float) -> dict[str, int]:
    """The terms rarer than `above`, as many as fit into MAX_TERMS by frequency times rarity.

    Of all terms, where none is rarer.
    """
    if above < 0 and sum(repeats.values()) <= MAX_TERMS:
        return repeats
    rare = {term: rarity(term) for term in repeats}
    telling = [term for term in repeats if rare[term] > above] or list(repeats)
    chosen: dict[str, int] = {}
    room = MAX_TERMS
    for term in sorted(telling, key=lambda t: -repeats[t] * rare[t]):
        if room:
            chosen[term] = min(repeats[term], room)
            room -= chosen[term]
    return chosen


def tokens(text: str) -> list[str]:
    """The words of `text` in order, in lower case, cut where FTS5's unicode61 cuts.

    Marks stay with their letter. A run of Chinese, Japanese or Korean characters is one word.
    """
    normal = unicodedata.normalize("NFC", text).lower()
    separated = "".join(c if _in_word(c) else " " for c in normal)
    return [word[:MAX_WORD] for word in separated.split()]


def _in_word(character: str) -> bool:
    if character.isascii():
        return character.isalnum()
    return unicodedata.category(character)[0] in "LNM" or unicodedata.category(character) == "Co"


def is_telling(word: str) -> bool:
    """Whether a token is worth looking for by itself: no stop word, and no lone letter."""
    return word not in STOP_WORDS and not _is_letter(word)


def _is_letter(word: str) -> bool:
    """A lone Latin letter: what is left of “t-SNE”, “C++” or “Tom's”."""
    return len(word) == 1 and word.isascii() and word.isalpha()


def _quoted(word: str) -> str:
    """`word` as an FTS5 string; a prefix where the script puts no spaces between words."""
    return f'"{word}" *' if _is_unspaced(word) else f'"{word}"'


def _is_unspaced(word: str) -> bool:
    """Han, kana, Thai, Lao, Khmer or Burmese: FTS5 takes a whole clause for one token."""
    return any(
        "\u0e00" <= c <= "\u0eff"
        or "\u1000" <= c <= "\u109f"
        or "\u1780" <= c <= "\u17ff"
        or "\u3040" <= c <= "\u30ff"
        or "\u3400" <= c <= "\u9fff"
        or "\U00020000" <= c <= "\U0003ffff"
        for c in word
    )


def marks(text: str, highlighted: str, before: str, after: str) -> tuple[tuple[int, int], ...]:
    """Where `highlighted`, which is `text` with `before` and `after` around matches, has matches.

    Offsets into `text`, end exclusive, in order. Empty where the two are not the same text.
    """
    found: list[tuple[int, int]] = []
    position = 0
    pieces = highlighted.split(before)
    position = len(pieces[0])
    for piece in pieces[1:]:
        word, _, rest = piece.partition(after)
        found.append((position, position + len(word)))
        position += len(word) + len(rest)
    plain = highlighted.replace(before, "").replace(after, "")
    if plain != text:
        return ()
    assert all(a[1] <= b[0] for a, b in pairwise(found))
    return tuple(found)
