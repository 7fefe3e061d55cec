"""Where a quote stands in a text, to the character, whatever line breaks and typesetting did to it.
It knows no store, version or page: a text and a quote go in, offsets come out.

Two passages are the same when their *skeletons* are: white space left out (but between two digits
it counts, “1 2” is not “12”), dashes between letters left out (“trans- fer” over a line end is
“transfer”, “fine-tuning” is “finetuning”), other dashes and quotation marks of one form,
ligatures and accents taken apart, invisible characters gone. Upper and lower case stay different.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from kb.errors import UsageError

__all__ = ["Near", "Pinned", "QuoteNotFound", "moved", "nearest", "pin", "still_stands"]

FEWEST_WORDS = 3  # a quote of fewer words and fewer characters stands nearly anywhere
FEWEST_CHARACTERS = 12
LONGEST_COMPARED = 5_000  # characters of a quote that `nearest` looks at; pinning has no limit
LONGEST_END = 200  # characters of each end of a quote that are aligned: rapidfuzz is cubic in it
GRAM = 5  # characters that must agree for a place to count as near; survives a slip in most words
# places that are aligned: of 60 altered quotes of 60 characters in 2 million, 3 places find 56, 12
# find 58, in the same time; of 40 characters 39 and 46; from 150 on one place finds all
WINDOWS = 12
SHOWN = 300  # characters of the closest place that a message shows

DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
QUOTES = "'\"`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2032\u2033\u00ab\u00bb\uff02"
# soft hyphen, zero-width characters, and what PDF readers leave at a hyphenated line end
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\ufffe\uffff\x02"
EXPANDED = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
    "\u2026": "...",
}
_BLANK = re.escape(INVISIBLE)
_DASH = re.escape(DASHES)
_DASH_AFTER = re.compile(rf"[\s{_BLANK}]*[{_DASH}]+")
_DASH_BEFORE = re.compile(rf"[{_DASH}]+[\s{_BLANK}]*\Z")
_ENDS = re.compile(rf"\A[\s{_BLANK}]+|[\s{_BLANK}]+\Z")
_REACH = 40  # characters looked at beyond a place, for its dash or the rest of its word

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pinned:
    """A place in a text: `text` is exactly `text[start:end]` of it, offsets in characters."""

    start: int
    end: int
    text: str
    others: int = 0  # how many more places the quote stands at


class Near(NamedTuple):
    """A place that is like a quote: offsets in characters, likeness from 0 to 1, case aside."""

    start: int
    end: int
    ratio: float


NOWHERE = Near(0, 0, 0.0)


class QuoteNotFound(UsageError):
    """The quote does not stand in the text; `near` is the closest place and `text` its words."""

    def __init__(self, near: Near, text: str) -> None:
        """`text` is empty, and the ratio of `near` 0, where nothing is like the quote."""
        super().__init__(_not_found(near, text))
        self.near = near
        self.text = text


@dataclass(frozen=True, slots=True)
class _Skeleton:
    """The characters that count, each with the characters of the text that it stands for."""

    text: str
    first: Ints  # (n,) offset of the first character that this one stands for
    end: Ints  # (n,) offset after the last one
    combining: Flags  # (n,) marks that belong to the character before


def pin(text: str, quote: str, *, near: tuple[int, int] | None = None) -> Pinned:
    """The place where `quote` stands in `text`.

    Of several places it is the one inside or nearest to the span `near`, then one that begins and
    ends with whole words, then the first. UsageError where the quote is too short to tell one place
    from another, QuoteNotFound (with the closest place) where it does not stand in the text.
    """
    wanted = _checked(quote)
    places = _places(text, quote)
    if not places:
        place = nearest(text, wanted)
        raise QuoteNotFound(place, text[place.start : place.end])
    low, high = near if near is not None else (0, len(text))

    def rank(place: tuple[int, int]) -> tuple[int, bool, int]:
        start, end = place
        return max(low - start, end - high, 0), not _whole_words(text, start, end), start

    start, end = min(places, key=rank)
    return Pinned(start, end, text[start:end], others=len(places) - 1)


def still_stands(text: str, start: int, end: int, quote: str) -> bool:
    """Whether exactly `text[start:end]` is the quote, white space and typesetting aside."""
    if not 0 <= start < end <= len(text):
        return False
    wanted = _skeleton(quote).text
    return wanted != "" and _skeleton(text[start:end]).text == wanted


def moved(text: str, quote: str, start: int) -> Pinned | None:
    """Where the same words stand in another version, nearest to the old offset `start`.

    None where they do not stand there as whole words: “trained on a” has not moved to “trained on
    all”, nor “by 2” to “by 2.5”.
    """
    places = [place for place in _places(text, quote) if _whole_words(text, *place)]
    if not places:
        return None
    begin, end = min(places, key=lambda place: (abs(place[0] - start), place[0]))
    return Pinned(begin, end, text[begin:end], others=len(places) - 1)


def nearest(text: str, quote: str) -> Near:
    """The place most like `quote`, in whole words; case does not count. (0, 0, 0.0) if none is.

    Places are found by the runs of five characters they share with the quote, rare runs counting
    more, and the best few are aligned. Of a quote longer than 5,000 characters the rest is ignored.
    """
    skeleton = _skeleton(text)
    lowered = _lower(skeleton.text)
    wanted = _lower(_skeleton(quote).text)[:LONGEST_COMPARED]
    if not lowered or not wanted:
        return NOWHERE
    at = lowered.find(wanted)
    found = [(1.0, at, at + len(wanted))] if at >= 0 else _alike(lowered, wanted)
    if not found:
        return NOWHERE
    ratio, low, high = max(found, key=lambda place: (place[0], -place[1]))
    start, end = _to_whole_words(text, int(skeleton.first[low]), int(skeleton.end[high - 1]))
    return Near(start, end, ratio)


# Finding what is the same


def _checked(quote: str) -> str:
    """The quote without white space at its ends; UsageError where it is too short."""
    trimmed = _ENDS.sub("", quote)
    words = trimmed.split()
    short = len(words) < FEWEST_WORDS and len(" ".join(words)) < FEWEST_CHARACTERS
    if short or not any(character.isalnum() for character in trimmed):
        raise UsageError(
            f"The quote {trimmed!r} is too short to tell one place from another: "
            f"give at least {FEWEST_WORDS} words or {FEWEST_CHARACTERS} characters of the text."
        )
    return trimmed


def _places(text: str, quote: str) -> list[tuple[int, int]]:
    """Every place where the quote's skeleton stands in the text's, in order of offset."""
    trimmed = _ENDS.sub("", quote)
    wanted = _skeleton(trimmed).text
    if not wanted:
        return []
    skeleton = _skeleton(text)
    places = []
    at = skeleton.text.find(wanted)
    while at >= 0:
        last = at + len(wanted) - 1
        if _whole_characters(skeleton, at, last):
            start, end = int(skeleton.first[at]), int(skeleton.end[last])
            places.append(_with_dashes(text, start, end, trimmed))
        at = skeleton.text.find(wanted, at + 1)
    return places


def _whole_characters(skeleton: _Skeleton, at: int, last: int) -> bool:
    """Whether a match cuts no ligature in two and takes no letter without its accent."""
    return not (_one_letter(skeleton, at) or _one_letter(skeleton, last + 1))


def _one_letter(skeleton: _Skeleton, at: int) -> bool:
    """Whether the characters before and at `at` come from one letter of the text."""
    first, end = skeleton.first, skeleton.end
    if not 0 < at < len(first):
        return False
    beside = first[at] == end[at - 1]
    return bool(first[at] == first[at - 1] or (beside and skeleton.combining[at]))


def _with_dashes(text: str, start: int, end: int, quote: str) -> tuple[int, int]:
    """The place, wider by a dash at its ends where the quote has one that the skeleton lost."""
    if quote[0] in DASHES and text[start] not in DASHES:
        low = max(0, start - _REACH)
        before = _DASH_BEFORE.search(text[low:start])
        start = low + before.start() if before else start
    if quote[-1] in DASHES and text[end - 1] not in DASHES:
        after = _DASH_AFTER.match(text, end, end + _REACH)
        end = after.end() if after else end
    return start, end


def _whole_words(text: str, start: int, end: int) -> bool:
    """Whether a place neither begins nor ends inside a word or a number."""
    cut_before = _joined(text[max(0, start - 2) : start][::-1], text[start])
    return not cut_before and not _joined(text[end : end + 2], text[end - 1])


def _joined(outside: str, inside: str) -> bool:
    """Whether the character `inside` goes on in the one or two characters beyond it."""
    if not outside or not inside.isalnum():
        return False
    if outside[0].isalnum():
        return True
    return inside.isdigit() and outside[0] in ".," and outside[1:].isdigit()


# Finding what is like it


def _alike(text: str, quote: str) -> list[tuple[float, int, int]]:
    """The likely places of a quote between skeletons: likeness, first and end."""
    places = []
    for low, high in _windows(text, quote):
        window = text[low:high]
        for start, end in _aligned(window, quote):
            start, end = _trimmed(window, start, end, quote)
            ratio = Indel.normalized_similarity(quote, window[start:end])
            places.append((ratio, low + start, low + end))
    return places


def _windows(text: str, quote: str) -> list[tuple[int, int]]:
    """The few stretches of the text, up to twice a quote long, that share most with it.

    Each run of characters that both have votes for where the quote would begin.
    """
    grams, begins = np.unique(_grams(quote), return_index=True)
    if not len(grams):
        return []
    runs = _grams(text)
    slots = np.minimum(np.searchsorted(grams, runs), len(grams) - 1)
    shared = np.flatnonzero(grams[slots] == runs)
    if not len(shared):
        return []
    slots = slots[shared]
    weights = 1 / np.bincount(slots)[slots]
    size = max(16, len(quote) // 4)
    votes = np.bincount((shared - begins[slots] + len(quote)) // size, weights=weights)
    votes = np.append(votes, 0) + np.append(0, votes)  # slot i: beginnings in i - 1 and i
    best = np.argsort(-votes, kind="stable")[:WINDOWS]
    edges = [(int(slot) - 1) * size - len(quote) for slot in best if votes[slot] > 0]
    return [(max(0, low - size), max(0, low) + 3 * size + len(quote)) for low in edges]


def _grams(text: str) -> npt.NDArray[np.uint64]:
    """A number for each run of GRAM characters; in 64 bits no two runs share one but by a freak."""
    codes = _codes(text).astype(np.uint64)
    count = max(0, len(codes) - GRAM + 1)
    grams = np.zeros(count, dtype=np.uint64)
    for shift in range(GRAM):
        grams = grams * np.uint64(0x9E3779B97F4A7C15) + codes[shift : shift + count]
    return grams


def _aligned(window: str, quote: str) -> list[tuple[int, int]]:
    """Where the quote may begin and end in a window: from its two halves, and as one where short.

    The halves find a place that has grown or shrunk in the middle.
    """
    half = min(LONGEST_END, (len(quote) + 1) // 2)
    head = fuzz.partial_ratio_alignment(quote[:half], window)
    tail = fuzz.partial_ratio_alignment(quote[-half:], window)
    places = []
    if head and tail and head.dest_start < tail.dest_end <= head.dest_start + 2 * len(quote):
        places.append((head.dest_start, tail.dest_end))
    if len(quote) <= 2 * LONGEST_END:
        whole = fuzz.partial_ratio_alignment(quote, window)
        if whole and whole.dest_start < whole.dest_end:
            places.append((whole.dest_start, whole.dest_end))
    return places


def _trimmed(window: str, start: int, end: int, quote: str) -> tuple[int, int]:
    """The place without what was only added at its ends: an alignment is as long as the quote."""
    steps = list(Indel.opcodes(quote, window[start:end]))
    if len(steps) > 1 and steps[0].tag == "insert" and steps[1].tag == "equal":
        start += steps[0].dest_end
    if len(steps) > 1 and steps[-1].tag == "insert" and steps[-2].tag == "equal":
        end -= steps[-1].dest_end - steps[-1].dest_start
    return start, end


def _to_whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The place, wider by the rest of the words that it cuts."""
    for _ in range(_REACH):
        if start > 0 and _joined(text[max(0, start - 2) : start][::-1], text[start]):
            start -= 1
        if end < len(text) and _joined(text[end : end + 2], text[end - 1]):
            end += 1
    return start, end


def _lower(skeleton: str) -> str:
    """In lower case, and of the same length: what would become two characters stays."""
    forms = {}
    for character in set(skeleton):
        lowered = character.lower()
        if lowered != character and len(lowered) == 1:
            forms[ord(character)] = lowered
    return skeleton.translate(forms)


def _not_found(near: Near, text: str) -> str:
    if not text:
        return (
            "The quote does not stand in the text, and nothing in it is like the quote: "
            "copy the words from the document itself, or look for them in another version."
        )
    words = " ".join(text.split())
    shown = words if len(words) <= SHOWN else f"{words[:SHOWN]} …"
    likeness = (
        "the same but for upper and lower case, or for a letter cut in two"
        if near.ratio == 1.0
        else f"{min(near.ratio, 0.99):.0%} alike"
    )
    return (
        f"The quote does not stand in the text. The closest place ({likeness}, characters "
        f"{near.start} to {near.end}) reads: “{shown}”. Quote that instead if it is what you mean."
    )


# Skeletons


def _skeleton(text: str) -> _Skeleton:
    """Reduce a text to what counts, in time linear in it (2 million characters: 0.3 s)."""
    table = _one_form(text)
    lengths = np.ones(len(text), dtype=np.int64)
    codes = _codes(text)
    for code, form in table.items():
        if len(form) != 1:
            lengths[codes == code] = len(form)
    first = np.repeat(np.arange(len(text), dtype=np.int64), lengths)
    codes = _codes(text.translate(table))
    kept = _without_white_space(codes)
    codes, first, end = codes[kept], first[kept], first[kept] + 1
    codes, first, end = _runs_as_one(codes, first, end)
    kept = ~_between_letters(codes)
    codes, first, end = codes[kept], first[kept], end[kept]
    combining = _is(codes, _is_combining)
    return _Skeleton(_string(codes), first, end, combining)


def _one_form(text: str) -> dict[int, str]:
    """What each character of the text that needs it is to be read as."""
    forms = {}
    for character in set(text):
        form = _form(character)
        if form != character:
            forms[ord(character)] = form
    return forms


def _form(character: str) -> str:
    if character in INVISIBLE:
        return ""
    if character in DASHES:
        return "-"
    if character in QUOTES:
        return "'"
    if character.isspace():
        return " "
    return EXPANDED.get(character) or unicodedata.normalize("NFD", character)


def _without_white_space(codes: Codes) -> Flags:
    """Which characters stay: all but white space, of which one stays between two digits."""
    kept: Flags = codes != ord(" ")
    solid = np.flatnonzero(kept)
    digit = _is(codes, str.isdigit)[solid]
    gap = np.diff(solid) > 1
    between = np.flatnonzero(gap & digit[:-1] & digit[1:])
    kept[solid[between] + 1] = True
    return kept


def _runs_as_one(codes: Codes, first: Ints, end: Ints) -> tuple[Codes, Ints, Ints]:
    """Take “--” for one dash and two single quotation marks for one."""
    same = np.zeros(len(codes), dtype=np.bool_)
    same[1:] = (codes[1:] == codes[:-1]) & ((codes[1:] == ord("-")) | (codes[1:] == ord("'")))
    heads = np.flatnonzero(~same)
    tails = np.append(heads[1:], len(codes)) - 1
    return codes[heads], first[heads], end[tails] if len(heads) else end


def _between_letters(codes: Codes) -> Flags:
    """The dashes that have no digit or sign beside them; the ends of the text count as letters."""
    letter = np.ones(len(codes) + 2, dtype=np.bool_)
    letter[1:-1] = _is(codes, _is_letter)
    found: Flags = (codes == ord("-")) & letter[:-2] & letter[2:]
    return found


def _is_letter(character: str) -> bool:
    return character.isalpha() or _is_combining(character)


def _is_combining(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _is(codes: Codes, test: Callable[[str], bool]) -> Flags:
    """Which characters pass `test`, asked once for each that occurs."""
    occurring = np.flatnonzero(np.bincount(codes))
    passes = np.zeros(int(occurring[-1]) + 1 if len(occurring) else 0, dtype=np.bool_)
    for code in occurring.tolist():
        passes[code] = test(chr(code))
    found: Flags = passes[codes]
    return found


def _codes(text: str) -> Codes:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _string(codes: Codes) -> str:
    return codes.tobytes().decode("utf-32-le", "surrogatepass")
