"""Several sources for one target: ranked by what they add, alone and mixed two by two.

Each is measured by the one entrance; nothing is measured here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from kb.errors import UsageError
from kb.fit.dataset import DatasetFit
from kb.fit.resampling import Figure
from kb.fit.tables import Table

MIXED = 3
"""Sources, the best ones, that are mixed two by two: more would be measured for little."""


@dataclass(frozen=True, slots=True)
class Place:
    """A source at its place."""

    rank: int
    source: str
    verdict: str
    reached: Figure | None  # with it and all target labels; None: could not be measured
    gain: Figure | None
    alone: Figure | None  # without any target label


@dataclass(frozen=True, slots=True)
class Ranking:
    """Sources and mixtures, the most useful first, and how sure that order is."""

    target: str
    metric: str
    labels: int  # of the target, with which it was measured
    places: tuple[Place, ...]
    sentences: tuple[str, ...]


def rank_sources(
    sources: Sequence[Table], measure: Callable[[Table], DatasetFit]
) -> tuple[Ranking, tuple[DatasetFit, ...]]:
    """The ranking, and the report of each single source in the order given.

    `measure` is asked for each source and for each mixture of two of the best MIXED.
    """
    if len({table.sha256 for table in sources}) < len(sources):
        raise UsageError("Two of the sources are the same file: name each once.")
    singles = tuple(measure(table) for table in sources)
    order = sorted(range(len(singles)), key=lambda at: _key(singles[at]))
    best = [sources[at] for at in order if singles[at].transfer is not None][:MIXED]
    mixtures = [measure(mixed(a, b)) for a, b in combinations(best, 2)]
    ranked = sorted([*singles, *mixtures], key=_key)
    places = tuple(_place(rank, each) for rank, each in enumerate(ranked, start=1))
    first = ranked[0]
    return (
        Ranking(
            target=first.target,
            metric=first.options.metric,
            labels=first.transfer.points[-1].labels if first.transfer else 0,
            places=places,
            sentences=tuple(_sentences(places, {each.source for each in mixtures})),
        ),
        singles,
    )


def mixed(first: Table, second: Table) -> Table:
    """Both tables as one source."""
    both = f"{first.sha256}+{second.sha256}".encode()
    return replace(
        first,
        name=f"{first.name} + {second.name}",
        sha256=hashlib.sha256(both).hexdigest(),
        texts=first.texts + second.texts,
        labels=first.labels + second.labels,
        rows=first.rows + second.rows,
        empty=first.empty + second.empty,
        notes=first.notes + second.notes,
    )


def _key(fit: DatasetFit) -> tuple[bool, float, str]:
    """The largest gain with all labels first; what could not be measured last."""
    if fit.transfer is None:
        return True, 0.0, fit.source
    return False, -fit.transfer.points[-1].gain.value, fit.source


def _place(rank: int, fit: DatasetFit) -> Place:
    if fit.transfer is None:
        return Place(rank, fit.source, fit.verdict.text, None, None, None)
    last, none = fit.transfer.points[-1], fit.transfer.points[0]
    return Place(rank, fit.source, fit.verdict.text, last.both, last.gain, none.both)


def _sentences(places: Sequence[Place], mixtures: set[str]) -> list[str]:
    found = []
    measured = [place for place in places if place.gain is not None]
    if len(measured) > 1 and measured[0].gain and measured[1].gain:
        if measured[0].gain.low <= measured[1].gain.high:
            found.append(
                f"The order of {measured[0].source} and {measured[1].source} is not sure: their "
                "intervals overlap."
            )
        else:
            found.append(f"{measured[0].source} is ahead for sure.")
    singles = [place for place in measured if place.source not in mixtures]
    blends = [place for place in measured if place.source in mixtures]
    if singles and blends and blends[0].gain and singles[0].gain:
        better = blends[0].gain.value - singles[0].gain.value
        found.append(
            f"The best mixture, {blends[0].source}, has a gain {abs(better):.3f} "
            f"{'above' if better > 0 else 'below'} that of the best single source."
        )
    if measured and measured[0].gain and measured[0].gain.high < 0:
        found.append("All of them hurt.")
    return found
