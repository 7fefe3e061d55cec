"""Knows what datasets, models and architectures are called, and where a text calls them so.

It refuses to guess names that stand in no list, and to judge what a mention says.
"""

from __future__ import annotations

import functools
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import ahocorasick

NameKind = Literal["dataset", "pretrained_model", "architecture"]

OWN_LIST = "kb"
"""Source of the list that this project writes itself: checked by hand, so its names count alone."""
TRUSTED = frozenset({OWN_LIST, "team"})
"""Sources that spell names as papers do, so that their case means something."""

_SIZES = r"(?:x*-?large|base|small|tiny|mini|medium|huge|giant|\d+(?:\.\d+)?[BM])"
SIZE = re.compile(rf"[-_ ]{_SIZES}$", re.I)
SIZE_AFTER = re.compile(rf"[-–_ ]?\s?\(?{_SIZES}\b\)?", re.I)
"""The size of a model belongs to its mention; it is not another model."""


@dataclass(frozen=True, slots=True)
class KnownName:
    """A name that is already known, by a list or by the team."""

    name: str
    kind: NameKind
    aliases: tuple[str, ...] = ()
    source: str = "team"  # a package, or "team"
    ordinary: bool = False  # an everyday word too: counts only beside a cue
    licence: str = ""
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class NameHit:
    """Where a text writes a known name."""

    start: int
    end: int
    known: KnownName
    certain: bool  # False: it may be an everyday word, and wants a cue beside it


def names_folder() -> Path:
    """The folder of name lists: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "data" / "names"
    return installed if installed.is_dir() else package.parent / "data" / "names"


def read_names(folder: Path) -> list[KnownName]:
    """Every name of the lists in `folder`; the project's own list first, so that it wins."""
    found: list[KnownName] = []
    for path in sorted(folder.glob("*.json"), key=lambda p: (p.stem != "common", p.stem)):
        listed = json.loads(path.read_text(encoding="utf-8"))
        source = str(listed["source"]["package"])
        for row in listed["names"]:
            fields = {**row, "aliases": tuple(row.get("aliases", ()))}
            found.append(KnownName(**fields, source=source))
    return found


def key(name: str) -> str:
    """The letters and digits of a name in lower case: what its spellings have in common."""
    return "".join(c.lower()[:1] for c in name if c.isalnum())


class NameMatcher:
    """Finds known names in any spelling: hyphen, space, case and line breaks aside.

    Of overlapping names the longest wins, then the first listed. A short acronym must stand in
    its own case.
    """

    def __init__(self, names: Iterable[KnownName]) -> None:
        self._automaton = ahocorasick.Automaton()
        self._entries: dict[str, list[tuple[str, KnownName]]] = {}
        for known in names:
            for alias in (known.name, *known.aliases):
                folded = key(alias)
                if len(folded) < (2 if known.source in TRUSTED else 3):
                    continue
                if known.source not in TRUSTED and self._is_size_of_another(alias):
                    continue
                self._entries.setdefault(folded, []).append((alias, known))
        for folded in self._entries:
            self._automaton.add_word(folded, folded)
        self._automaton.make_automaton()

    def find(self, text: str) -> list[NameHit]:
        """Hits in order of place, none overlapping another."""
        if not self._entries:
            return []
        folded, places = _fold(text)
        hits = []
        for last, entry in self._automaton.iter(folded):
            first = last - len(entry) + 1
            hit = self._hit(text, places[first : last + 1], entry)
            if hit is not None:
                hits.append(hit)
        return _longest(hits)

    def _is_size_of_another(self, alias: str) -> bool:
        sized = SIZE.search(alias)
        return sized is not None and key(alias[: sized.start()]) in self._entries

    def _hit(self, text: str, places: Sequence[int], entry: str) -> NameHit | None:
        start, end = places[0], places[-1] + 1
        if start and text[start - 1].isalnum():
            return None
        sized = SIZE_AFTER.match(text, end)
        if not sized and not re.compile(r"s?(?![^\W_])").match(text, end):
            return None
        if end - start > 2 * len(entry) + 4:
            return None
        gaps = _gaps(places)
        for alias, known in self._entries[entry]:
            if _gaps_fit(text, places, gaps, alias):
                certain = _certainty(text[start:end], alias, known)
                if certain is not None:
                    if sized is not None and known.kind == "pretrained_model":
                        end = sized.end()
                    return NameHit(start, end, known, certain)
        return None


def _fold(text: str) -> tuple[str, list[int]]:
    """The letters and digits of `text` in lower case, and where each stood."""
    parts: list[str] = []
    places: list[int] = []
    for run in re.finditer(r"[^\W_]+", text):
        lowered = run[0].lower()
        if len(lowered) != len(run[0]):
            lowered = "".join(c.lower()[0] for c in run[0])
        parts.append(lowered)
        places.extend(range(run.start(), run.end()))
    return "".join(parts), places


def _gaps(places: Sequence[int]) -> list[int]:
    if places[-1] - places[0] == len(places) - 1:
        return []
    return [i for i in range(1, len(places)) if places[i] - places[i - 1] > 1]


GAP = re.compile(r"[-‐‑–_'’&!]{0,2}\s?|\s{1,2}|\s?[-‐‑–]\s{0,2}|\s?[/.&,]\s?")


def _gaps_fit(text: str, places: Sequence[int], gaps: Sequence[int], alias: str) -> bool:
    """Whether what stands between the letters may stand there.

    A space only where words part, a point only within a number, a slash only where the list has
    one; a hyphen anywhere, since lines end anywhere.
    """
    if not gaps:
        return True
    parts = _parting_places(alias)
    for i in gaps:
        between = text[places[i - 1] + 1 : places[i]]
        if not GAP.fullmatch(between):
            return False
        within_number = text[places[i - 1]].isdigit() and text[places[i]].isdigit()
        if "." in between and (between != "." or not within_number):
            return False
        if any(c in between and c not in alias for c in "/&,"):
            return False
        hyphened = between[0] in "-‐‑" and len(between) <= 2
        if i not in parts and not hyphened:
            return False
        if between == " " and " " not in alias and text[places[i]].islower():
            return False
    return True


@functools.lru_cache(maxsize=16384)
def _parting_places(alias: str) -> frozenset[int]:
    """Counts of letters after which `alias` has a separator, a new hump or turns to digits."""
    found = set()
    count = 0
    before = ""
    for c in alias:
        if c.isalnum():
            apart = (
                (before and not before.isalnum())
                or c.isdigit() != before.isdigit()
                or (c.isupper() and before.islower())
            )
            if count and apart:
                found.add(count)
            count += 1
        before = c
    return frozenset(found)


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def _certainty(found: str, alias: str, known: KnownName) -> bool | None:
    """True: this is the name. False: it wants a cue. None: it is something else.

    Lists of packages are written in lower case or in the spelling of a class, so they say little
    about case; the team and the project's own list write names as papers do.
    """
    trusted = known.source in TRUSTED
    letters, own = _letters(found), _letters(alias)
    capitals = sum(map(str.isupper, letters))
    if own.islower() and trusted:
        return True
    if len(alias.split()) > 2 and trusted:
        return True
    if not capitals:
        return None
    if letters == own and trusted:
        return not known.ordinary
    if len(own) <= 4 and capitals < 2 and not any(map(str.isdigit, letters)):
        return None
    if len(own) <= 4 and trusted:
        return None if letters.lower() != letters and not own.islower() else True
    distinctive = any(map(str.isdigit, letters)) or bool(re.search(r"[a-z][A-Z]", letters))
    parts = re.findall(r"[^\W_]+", found)
    titled = len(parts) > 1 and all(part[0].isupper() or part.isdigit() for part in parts)
    shouted = letters.isupper() and len(letters) >= 4
    if not (distinctive or titled or shouted or trusted):
        return None
    return not known.ordinary


def _longest(hits: Iterable[NameHit]) -> list[NameHit]:
    chosen: list[NameHit] = []
    for hit in sorted(hits, key=lambda h: (h.start, -h.end)):
        if not chosen or hit.start >= chosen[-1].end:
            chosen.append(hit)
        elif hit.end - hit.start > chosen[-1].end - chosen[-1].start:
            chosen[-1] = hit
    return chosen


@functools.cache
def listed_names() -> tuple[KnownName, ...]:
    """The names of the lists that come with the project."""
    return tuple(read_names(names_folder()))


@functools.cache
def listed_matcher() -> NameMatcher:
    """A matcher for the lists that come with the project, built once: 0.1 s."""
    return NameMatcher(listed_names())


def overlaps(spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether any of `spans` (in order, none overlapping another) shares a place with start:end."""
    at = bisect_left(spans, (end, 0))
    return at > 0 and spans[at - 1][1] > start


def matched(text: str, known: Sequence[KnownName]) -> Iterator[NameHit]:
    """Hits of the team's own names and of the lists; where they overlap, the team's win."""
    own = NameMatcher(known).find(text) if known else []
    taken = sorted((hit.start, hit.end) for hit in own)
    yield from own
    for hit in listed_matcher().find(text):
        if not overlaps(taken, hit.start, hit.end):
            yield hit
