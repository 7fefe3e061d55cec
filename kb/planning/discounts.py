"""Why a gain that others report counts for less in this project, factor by factor.

Knows one report and the project it is judged for; refuses to know how reports are combined.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from kb.errors import UsageError
from kb.records import Discount, Document, Evidence, plain_words, title_identifier

__all__ = ["Discounts", "Likeness", "groups", "samples_in"]

Likeness = Callable[[str, str], float]  # of a reported dataset and our domain, 0 to 1

MOST_YEARS = 10  # older is not doubted further: what is still cited then has been tried
MOST_TENFOLDS = 3.0  # a thousandfold; beyond it the sizes no longer say how different they are


@dataclass(frozen=True, slots=True)
class Discounts:
    """What is left of a reported gain: 1 all of it, 0 nothing.

    The defaults are judgements, not measurements: that reported gains shrink when they are tried
    again elsewhere is known (Yang et al., SIGIR 2019, doi:10.1145/3331184.3331340), by how much
    here is not. `kb.planning.calibration.refit` replaces them by what finished experiments show.
    """

    domain_far: float = 0.5  # a domain as unlike ours as can be; one like ours counts in full
    domain_unknown: float = 0.7
    size_tenfold: float = 0.85  # for each tenfold between their training data and ours
    size_unknown: float = 0.9
    peer_reviewed: float = 0.9
    preprint: float = 0.8
    blog: float = 0.65  # posts and notes
    vendor: float = 0.5  # reported by who sells it
    age_year: float = 0.97  # for each year, of at most ten
    age_unknown: float = 0.9
    against: float = 0.75  # for each group that speaks against it without a number of its own

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) <= 1:
                raise UsageError(f"The discount {field.name} is a factor between 0 and 1.")


def domain(dataset: str, ours: str, known: Discounts, likeness: Likeness | None) -> Discount:
    """The distance of the reported dataset from our domain.

    Without `likeness` words are compared, and then no shared word means unknown, not far: the name
    of a dataset ("SST-2") seldom says what is in it.
    """
    theirs, own = _words(dataset), _words(ours)
    if not theirs or not own:
        whose = "what it was measured on" if not theirs else "our domain"
        return Discount("domain", known.domain_unknown, f"{whose} is not stated")
    if likeness is not None:
        near = min(1.0, max(0.0, likeness(dataset, ours)))
        factor = known.domain_far + (1 - known.domain_far) * near
        return Discount(
            "domain", factor, f"“{dataset}” is {100 * near:.0f} % like ours by its meaning"
        )
    shared = theirs & own
    if not shared:
        why = f"“{dataset}” shares no word with our domain: how far it is, is unknown"
        return Discount("domain", known.domain_unknown, why)
    near = len(shared) / min(len(theirs), len(own))
    factor = known.domain_unknown + (1 - known.domain_unknown) * near
    words = ", ".join(sorted(shared))
    return Discount("domain", factor, f"“{dataset}” shares words with our domain: {words}")


def data_size(scale: str, ours: int | None, known: Discounts) -> Discount:
    """The distance of their number of training samples from ours, in either direction."""
    theirs = samples_in(scale)
    if not theirs or not ours:
        whose = "how much data it was trained on" if not theirs else "how much data we have"
        return Discount("data size", known.size_unknown, f"{whose} is not stated")
    tenfolds = min(MOST_TENFOLDS, abs(math.log10(theirs / ours)))
    why = f"{theirs:,.0f} samples there, {ours:,} here"
    return Discount("data size", known.size_tenfold**tenfolds, why)


def source(evidence: Evidence, known: Discounts) -> Discount:
    """Who says so. What a third party measured loses half of the discount of its kind."""
    document = evidence.document
    by = evidence.effect.reported_by.casefold() if evidence.effect else ""
    if re.search(r"\b(vendor|compan(y|ies)|maker|manufacturer|provider|seller|marketing)", by):
        return Discount("source", known.vendor, "reported by who offers it")
    if document.kind != "paper":
        factor, what = known.blog, f"a {document.kind}"
    elif _reviewed(document):
        factor, what = known.peer_reviewed, f"published in {document.metadata.venue}"
    else:
        factor, what = known.preprint, "a preprint, or no venue is known"
    if re.search(r"\b(third[ -]part|independent|replicat|reproduc)", by):
        return Discount("source", (1 + factor) / 2, f"{what}, measured by a third party")
    return Discount("source", factor, what)


def age(published: int | None, now: int | None, known: Discounts) -> Discount:
    """The years since it was published."""
    if published is None or now is None:
        return Discount("age", known.age_unknown, "its year is not known")
    years = min(MOST_YEARS, max(0, now - published))
    return Discount("age", known.age_year**years, f"of {published}")


def against(count: int, known: Discounts) -> Discount:
    """What speaks against it without a number that could be averaged."""
    who = "one group speaks" if count == 1 else f"{count} groups speak"
    return Discount("evidence against", known.against**count, f"{who} against it")


def samples_in(scale: str) -> float | None:
    """How many samples a phrase like "12k labelled e-mails, 110M parameters" speaks of."""
    for pattern in (_COUNT_OF, _NAMED_COUNT):
        found = pattern.search(scale)
        if found:
            number = float(found["number"].replace(",", "").replace(" ", ""))
            return number * _TIMES[(found["times"] or "").casefold()] or None
    return None


def groups(evidence: Sequence[Evidence]) -> list[list[int]]:
    """Positions of those that share a document or an author, in order of their first.

    Sharing is passed on: two that each share an author with a third are one group.
    """
    parent = list(range(len(evidence)))

    def root(at: int) -> int:
        while parent[at] != at:
            at = parent[at]
        return at

    by_mark: dict[str, int] = {}
    by_last_name: dict[str, list[tuple[int, list[str]]]] = {}
    for at, each in enumerate(evidence):
        same = [by_mark.setdefault(mark, at) for mark in _marks(each.document)]
        for last, given in filter(None, map(_author, each.document.metadata.authors)):
            namesakes = by_last_name.setdefault(last, [])
            same += [other for other, theirs in namesakes if _one_person(given, theirs)]
            namesakes.append((at, given))
        for other in same:
            first, second = sorted((root(at), root(other)))
            parent[second] = first
    members: dict[int, list[int]] = {}
    for at in range(len(evidence)):
        members.setdefault(root(at), []).append(at)
    return list(members.values())


_TIMES = {"": 1.0, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
_NUMBER = (
    r"(?P<number>\d{1,3}(?:[, ]\d{3})+|\d+(?:\.\d+)?)"
    r"\s?(?P<times>k|thousand|m|million|bn|billion)?\b"
)
_NOUN = (
    r"(?:samples?|examples?|sentences?|reviews?|e-?mails?|documents?|images?|pairs?|instances?"
    r"|messages?|tickets?|records?|rows?|utterances?|quer(?:y|ies)|questions?|tweets?|articles?"
    r"|texts?|posts?|comments?|labels?|annotations?|conversations?|dialogues?|items?|shots?)"
)
_COUNT_OF = re.compile(rf"(?<![\w.,]){_NUMBER}[\s-]+(?:[\w/-]+\s+){{0,3}}?{_NOUN}\b", re.I)
_NAMED_COUNT = re.compile(rf"\bn\s*=\s*{_NUMBER}", re.I)
_PREPRINTS = re.compile(
    r"arxiv|corr\b|ssrn|biorxiv|techrxiv|openreview|preprint|submitted|under review", re.I
)
_LITTLE_WORDS = frozenset(
    ("a", "an", "and", "by", "data", "dataset", "for", "from", "in", "of", "on", "or", "our", "set",
     "the", "their", "to", "with")
)  # fmt: skip


def _reviewed(document: Document) -> bool:
    venue = document.metadata.venue
    return bool(venue.strip()) and not _PREPRINTS.search(venue)


def _words(text: str) -> frozenset[str]:
    """Words that carry meaning, without hyphens and plural: "Customer-service e-mails"."""
    words = plain_words(re.sub(r"\be-mail", "email", text, flags=re.IGNORECASE))
    stems = (word.removesuffix("s") if len(word) > 3 else word for word in words)
    return frozenset(stem for stem in stems if stem not in _LITTLE_WORDS)


def _marks(document: Document) -> list[str]:
    """What two reports of one group may have in common besides an author."""
    known = document.metadata
    marks = [f"document {document.id}"]
    work = title_identifier(known.title, known.authors)
    if work:
        marks.append(work)
    if document.kind != "paper" and not known.authors and known.venue.strip():
        marks.append(f"site {known.venue.casefold()}")
    return marks


def _author(name: str) -> tuple[str, list[str]] | None:
    """The last name and the given ones, plain; None where there is no name."""
    last, comma, given = name.partition(",")
    if not comma:
        given, _, last = name.strip().rpartition(" ")
    plain = " ".join(plain_words(last))
    return (plain, plain_words(given)) if plain else None


def _one_person(given: list[str], theirs: list[str]) -> bool:
    """Whether given names under one last name agree as far as both write them out."""
    pairs = zip(given, theirs, strict=False)
    return all(a == b or (min(len(a), len(b)) == 1 and a[0] == b[0]) for a, b in pairs)
