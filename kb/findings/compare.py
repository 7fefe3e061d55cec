"""Works beside findings, and axes beside tasks: who says what, and where nothing was read yet.

Pure. It knows findings with their evidence, and no store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kb.findings.taxonomy import Axis
from kb.records import Document, Evidence, Finding, Supported
from kb.store.findings import plain_name


@dataclass(frozen=True, slots=True)
class Row:
    """A work, and what it says on each finding of the matrix."""

    document: Document
    cells: tuple[tuple[Evidence, ...], ...]  # one for each column, those for before those against


@dataclass(frozen=True, slots=True)
class Matrix:
    """Works beside findings."""

    findings: tuple[Finding, ...]  # the columns
    rows: tuple[Row, ...]
    more_findings: int  # that have evidence and no column
    more_works: int  # that speak of a column's finding and have no row


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which design choices were found on which axis, for which task."""

    axes: tuple[Axis, ...]
    tasks: tuple[str, ...]  # that most works are about first
    cells: Mapping[tuple[str, str], tuple[Finding, ...]]  # by axis id and task; "": task not known
    more_tasks: int  # that have no column
    without_axis: int  # design choices that stand on none

    @property
    def filled(self) -> int:
        """Cells of an axis and a known task that hold something."""
        return sum(task != "" for _, task in self.cells)


def matrix(found: Sequence[Supported], *, columns: int, rows: int) -> Matrix:
    """At most `columns` findings, those that most works speak of first, and `rows` works.

    The works that speak of most of these findings come first, of equals the newest.
    """
    works = {each.finding.id: {e.document.id for e in each.evidence} for each in found}
    cited = sorted(
        (each for each in found if each.evidence), key=lambda each: -len(works[each.finding.id])
    )
    chosen = cited[:columns]
    documents = {e.document.id: e.document for each in chosen for e in each.evidence}
    spoken = Counter(number for each in chosen for number in works[each.finding.id])
    order = sorted(
        documents.values(), key=lambda d: (-spoken[d.id], -(d.metadata.year or 0), d.title)
    )
    return Matrix(
        findings=tuple(each.finding for each in chosen),
        rows=tuple(
            Row(document, tuple(_said(each, document) for each in chosen))
            for document in order[:rows]
        ),
        more_findings=len(cited) - len(chosen),
        more_works=max(0, len(order) - rows),
    )


def _said(each: Supported, document: Document) -> tuple[Evidence, ...]:
    here = (e for e in each.evidence if e.document.id == document.id)
    return tuple(sorted(here, key=lambda e: e.stance == "against"))


def coverage(
    choices: Sequence[Supported],
    datasets: Sequence[Supported],
    axes: Sequence[Axis],
    *,
    tasks: int,
) -> Coverage:
    """Where design choices stand, for at most `tasks` tasks.

    A quote is about the task of the dataset that its effect was measured on; else about those of
    the datasets that its work is quoted for.
    """
    by_name, by_work = _tasks(datasets)
    weight = Counter(task for found in by_work.values() for task in found)
    known = sorted(dict.fromkeys([*weight, *by_name.values()]), key=lambda task: -weight[task])
    cells: dict[tuple[str, str], dict[int, Finding]] = {}
    homeless = 0
    ids = {axis.id for axis in axes}
    for each in choices:
        axis = str(each.finding.fields.get("axis") or "")
        if not axis:
            homeless += 1
        elif axis in ids:
            for task in _about(each.evidence, by_name, by_work):
                if task == "" or task in known[:tasks]:
                    cells.setdefault((axis, task), {})[each.finding.id] = each.finding
    return Coverage(
        axes=tuple(axes),
        tasks=tuple(known[:tasks]),
        cells={place: tuple(found.values()) for place, found in cells.items()},
        more_tasks=max(0, len(known) - tasks),
        without_axis=homeless,
    )


def _tasks(datasets: Sequence[Supported]) -> tuple[dict[str, str], dict[int, set[str]]]:
    """Tasks by the plain names of datasets, and by the ids of works that are quoted for one."""
    spelt: dict[str, str] = {}  # two spellings of a task are one
    by_name: dict[str, str] = {}
    by_work: dict[int, set[str]] = {}
    for each in datasets:
        given = " ".join(str(each.finding.fields.get("task") or "").split())
        if not plain_name(given):
            continue
        task = spelt.setdefault(plain_name(given), given)
        for name in (each.finding.name, *each.finding.aliases):
            by_name[plain_name(name)] = task
        for evidence in each.evidence:
            by_work.setdefault(evidence.document.id, set()).add(task)
    return by_name, by_work


def _about(
    evidence: Iterable[Evidence], by_name: Mapping[str, str], by_work: Mapping[int, set[str]]
) -> set[str]:
    """The tasks that quotes are about; {""} where no task is known."""
    found: set[str] = set()
    for each in evidence:
        measured = by_name.get(plain_name(each.effect.dataset)) if each.effect else None
        found |= {measured} if measured else by_work.get(each.document.id, set())
    return found or {""}
