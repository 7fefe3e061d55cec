"""What can be said of two sets before anything is measured: sizes, labels, balance, language.

It maps labels and counts; whether a mapping means the same on both sides only people know.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.fit.tables import Table

LANGUAGE_TEXTS = 500  # joined to tell the language
LANGUAGE_BYTES = 100_000
LANGUAGE_SURE = 0.75
"""Coherence from which a language is named: of the four sets in benchmarks/dataset_fit.py English
has 0.81 to 0.96, words put together at random have less."""


@dataclass(frozen=True, slots=True)
class Side:
    """One set as it lies on the desk."""

    name: str
    rows: int  # in the file
    texts: int  # looked at
    labelled: int
    labels: tuple[tuple[str, int], ...]  # the commonest first, before mapping
    language: str  # "" where it cannot be told
    words: tuple[int, int, int]  # of a text: one in ten has fewer, median, one in ten has more


@dataclass(frozen=True, slots=True)
class Desk:
    """Both sets, and how their labels meet."""

    source: Side
    target: Side
    mapping: tuple[tuple[str, str], ...]  # label of the source → of the target, as applied
    unmapped: tuple[tuple[str, int], ...]  # labels of the source that the target does not have
    missing: tuple[str, ...]  # labels of the target that the source does not have
    facts: tuple[tuple[str, str], ...]  # licence, origin, … that the finding states
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mapped:
    """The labels of both sets after mapping; None where a row takes no part in the training."""

    source: tuple[str | None, ...]
    target: tuple[str | None, ...]
    mapping: tuple[tuple[str, str], ...]
    unmapped: tuple[tuple[str, int], ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def map_labels(source: Table, target: Table, given: Mapping[str, str]) -> Mapped:
    """Apply `given`, then join what differs only in capitals; "" leaves a label out.

    A mapping holds for both sets: “neutral=” leaves it out of source and target alike.
    """
    own = Counter(given.get(label, label) for label in target.labels if label is not None)
    own.pop("", None)
    by_case = {label.casefold(): label for label in own}
    notes = [
        f"--map {label}: neither set has that label."
        for label in given
        if label not in source.counts and label not in target.counts
    ]

    def into(label: str | None) -> str | None:
        if label is None or (given.get(label, label) == ""):
            return None
        found = given.get(label, label)
        return found if found in own else by_case.get(found.casefold(), found)

    mapped = [into(label) for label in source.labels]
    mapping = sorted(
        {(a, b) for a, b in zip(source.labels, mapped, strict=True) if a and b in own and a != b}
    )
    unmapped = Counter(label for label in mapped if label is not None and label not in own)
    there = set(mapped)
    return Mapped(
        source=tuple(label if label in own else None for label in mapped),
        target=tuple(into(label) for label in target.labels),
        mapping=tuple((str(a), str(b)) for a, b in mapping),
        unmapped=tuple(unmapped.most_common()) if own else (),
        missing=tuple(sorted(label for label in own if label not in there)),
        notes=tuple(notes),
    )


def look(
    source: Table, target: Table, mapped: Mapped, facts: Mapping[str, str] | None = None
) -> Desk:
    """What lies on the desk, with a sentence on everything that should be known of it."""
    sides = side_of(source), side_of(target)
    return Desk(
        sides[0],
        sides[1],
        mapped.mapping,
        mapped.unmapped,
        mapped.missing,
        tuple((facts or {}).items()),
        (*source.notes, *target.notes, *mapped.notes, *_sentences(sides, mapped, facts)),
    )


def side_of(table: Table) -> Side:
    """A set by itself."""
    lengths = sorted(len(text.split()) for text in table.texts)
    tenth = len(lengths) // 10
    return Side(
        name=table.name,
        rows=table.rows,
        texts=len(table.texts),
        labelled=sum(table.counts.values()),
        labels=tuple(table.counts.most_common()),
        language=_language(table.texts),
        words=(lengths[tenth], int(statistics.median(lengths)), lengths[-1 - tenth]),
    )


def _language(texts: Sequence[str]) -> str:
    """By the letters' frequencies in many texts at once: one short text tells nothing."""
    from charset_normalizer import from_bytes

    step = max(1, len(texts) // LANGUAGE_TEXTS)
    joined = "\n".join(texts[::step]).encode("utf-8", "replace")[:LANGUAGE_BYTES]
    best = from_bytes(joined.decode("utf-8", "ignore").encode(), cp_isolation=["utf_8"]).best()
    if best is None or best.language == "Unknown" or best.coherence < LANGUAGE_SURE:
        return ""
    return best.language


def _sentences(
    sides: tuple[Side, Side], mapped: Mapped, facts: Mapping[str, str] | None
) -> list[str]:
    source, target = sides
    found = []
    if mapped.unmapped:
        named = ", ".join(f"“{label}” ({count:,})" for label, count in mapped.unmapped)
        found.append(
            f"Labels of {source.name} that {target.name} does not have: {named}. Their rows were "
            "left out of the training; say what they mean with --map LABEL=TARGET_LABEL."
        )
    if mapped.missing:
        named = ", ".join(f"“{label}”" for label in mapped.missing)
        found.append(
            f"Labels of {target.name} that {source.name} does not have: {named}. The source can "
            "teach nothing about them."
        )
    if source.language and target.language and source.language != target.language:
        found.append(
            f"{source.name} seems to be in {source.language}, {target.name} in {target.language}."
        )
    shares = [_shares(labels) for labels in (mapped.source, mapped.target)]
    for label in sorted(shares[0].keys() & shares[1].keys()):
        ratio = shares[0][label] / shares[1][label]
        if not 1 / 2 <= ratio <= 2:
            found.append(
                f"“{label}” is {shares[0][label]:.0%} of the source and {shares[1][label]:.0%} of "
                "the target: the balance differs."
            )
    if facts is not None and not facts.get("licence"):
        found.append("The finding states no licence: look for it before you train on the data.")
    return found


def _shares(labels: Sequence[str | None]) -> dict[str, float]:
    counts = Counter(label for label in labels if label is not None)
    total = sum(counts.values())
    return {label: count / total for label, count in counts.items()}
