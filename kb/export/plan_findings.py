"""What literature offers a plan: findings with their strength, their quotes, and the works cited.

It knows which quotes stand in the text and which in the appendix. What a team makes of them is the
rest of the report's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kb.export import KIND_NAMES, source, value_text, version, visible
from kb.export.citations import cited_works
from kb.export.findings_markdown import effect_text
from kb.export.report import Block, Heading, Quote, Sentences, Table
from kb.records import (
    Assessment,
    Candidate,
    CandidateStatus,
    Document,
    Evidence,
    FindingKind,
    Plan,
    Supported,
)

QUOTES = 2
"""Of a finding in the text, the first for and the first against; the rest stand in the appendix."""

FIELDS = {
    "gpu_hours": "GPU-hours",
    "max_input": "longest input",
    "person_hours": "person-hours",
    "retraining": "needs retraining",
}
"""Fields of a finding in words, where their own name is none."""

STATUSES: dict[CandidateStatus, str] = {
    "new": "not looked at yet", "shortlisted": "shortlisted", "planned": "planned",
    "trying": "being tried", "adopted": "adopted", "rejected": "rejected", "parked": "parked",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A work that the plan cites."""

    number: int
    text: str  # authors, title, year, venue
    address: str  # "" where it has none


def sources(plan: Plan) -> tuple[Source, ...]:
    """The works that the plan cites, numbered as its quotes refer to them."""
    return tuple(
        Source(number, _work(document), source(document))
        for number, document in enumerate(cited_works(plan).values(), start=1)
    )


class Cite:
    """Quotes as blocks, with the numbers of their works."""

    def __init__(self, plan: Plan) -> None:
        works = cited_works(plan).values()
        self._numbers = {work.id: number for number, work in enumerate(works, start=1)}

    def __call__(self, evidence: Evidence) -> Quote:
        """The quote with its place, what it claims in numbers, and what the team noted."""
        effect = [effect_text(evidence.effect)] if evidence.effect is not None else []
        return Quote(
            visible(evidence.quote),
            cited(evidence),
            self._numbers.get(evidence.document.id),
            (*effect, *([evidence.note] if evidence.note else [])),
            evidence.stance == "against",
        )


def cited(evidence: Evidence) -> str:
    """Authors, title, year, section, page and version of a quote, as plain text."""
    place = [
        f"section “{evidence.section}”" if evidence.section else "",
        f"page {evidence.page}" if evidence.page else "",
        version(evidence),
    ]
    return ", ".join([_work(evidence.document, venue=False), *filter(None, place)])


def _work(document: Document, *, venue: bool = True) -> str:
    meta = document.metadata
    who = f"{', '.join(meta.authors)}: " if meta.authors else ""
    when = f" ({meta.year})" if meta.year else ""
    where = f", {meta.venue}" if venue and meta.venue else ""
    return visible(f"{who}{document.title}{when}{where}")


def choices(plan: Plan, cite: Cite) -> Iterable[Block]:
    """The design choices under their axes, in the order of the workflow."""
    choices = [f for f in plan.findings if f.finding.kind == "design_choice"]
    if not choices:
        return
    yield Heading("What literature offers: design choices")
    axes = {**plan.axes, "": "Other"}
    for axis, name in axes.items():
        known = [f for f in choices if _axis(f, axes) == axis]
        if known:
            yield Heading(name, 3)
        for found in known:
            yield from _finding(plan, found, cite)


def _axis(found: Supported, axes: dict[str, str]) -> str:
    axis = str(found.finding.fields.get("axis", ""))
    return axis if axis in axes else ""


def findings_of(plan: Plan, kind: FindingKind, cite: Cite) -> Iterable[Block]:
    """The findings of a kind under one heading, each with its facts and quotes."""
    some = [f for f in plan.findings if f.finding.kind == kind]
    if some:
        yield Heading(KIND_NAMES[kind][1])
    for found in some:
        yield from _finding(plan, found, cite)


def _finding(plan: Plan, found: Supported, cite: Cite) -> Iterable[Block]:
    finding = found.finding
    yield Heading(finding.name, 4 if finding.kind == "design_choice" else 3)
    facts = {
        "also called": ", ".join(finding.aliases),
        **{
            FIELDS.get(n, spaced(n)): value_text(v)
            for n, v in finding.fields.items()
            if n != "axis"
        },
    }
    about = "; ".join(f"{name}: {value}" for name, value in facts.items() if value)
    ours = [c for c in found.candidates if c.project == plan.project.name]
    status = "".join(f" In this project: {_decided(c)}" for c in ours)
    others = [
        f"{c.project} has it as {_decided(c)}"
        for c in found.candidates
        if c.project != plan.project.name and c.status not in {"new", "shortlisted"}
    ]
    yield Sentences(
        tuple(filter(None, [strength(found) + status, f"{begun(about)}." if about else "",
                            *others, finding.note]))
    )  # fmt: skip
    for evidence in _shown(found):
        yield cite(evidence)


def _decided(candidate: Candidate) -> str:
    reason = f": {candidate.reason.rstrip('.')}" if candidate.reason else ""
    return f"{STATUSES[candidate.status]}{reason}."


def strength(found: Supported) -> str:
    """How much stands behind a finding, in a sentence."""
    if not found.evidence:
        return "No evidence yet."
    works = {e.document.id for e in found.evidence if e.stance == "for"}
    against = {e.document.id for e in found.evidence if e.stance == "against"}
    numbers = {e.document.id for e in found.evidence if e.stance == "for" and e.effect}
    said = f"{count(len(works), 'work')} for it" if works else "Nothing for it"
    said += f", {len(numbers)} of them with numbers" if numbers and len(works) > 1 else ""
    said += ", with numbers" if numbers and len(works) == 1 else ""
    return said + (f"; {len(against)} against it." if against else ".")


def _shown(found: Supported) -> list[Evidence]:
    """The quotes of the text itself: numbers before words, one of each side."""
    kept: list[Evidence] = []
    for stance in ("for", "against"):
        side = [e for e in found.evidence if e.stance == stance]
        kept += sorted(side, key=lambda e: e.effect is None)[: QUOTES // 2]
    return kept


def appendix(plan: Plan, cite: Cite) -> Iterable[Block]:
    """The quotes that the text itself leaves out."""
    rest = [(f, [e for e in f.evidence if e not in _shown(f)]) for f in plan.findings]
    if any(quotes for _, quotes in rest):
        yield Heading("Appendix: more of what the works say")
    for found, quotes in rest:
        if quotes:
            yield Heading(found.finding.name, 3)
        for evidence in quotes:
            yield cite(evidence)


def datasets(plan: Plan, cite: Cite) -> Iterable[Block]:
    """The datasets, each with its measured fit and what the team thinks of the seven factors."""
    known = {each.finding.id: each for each in plan.assessments}
    some = [f for f in plan.findings if f.finding.kind == "dataset"]
    if some:
        yield Heading(KIND_NAMES["dataset"][1])
    for found in some:
        yield from _finding(plan, found, cite)
        if found.finding.id in known:
            yield from _assessment(known[found.finding.id])


def _assessment(about: Assessment) -> Iterable[Block]:
    if about.fit is not None:
        measured = f"Measured on {about.fit.source} and {about.fit.target}: {about.fit.verdict}."
        yield Sentences((measured, *about.fit.sentences))
    rated = [r for r in about.ratings if r.rating != "unknown" or r.note]
    left = [spaced(r.factor) for r in about.ratings if r not in rated]
    if rated:
        rows = tuple((spaced(r.factor).capitalize(), r.rating, r.note) for r in rated)
        yield Table(("Factor", "Rating", "Why"), rows)
    if left:
        said = (
            "None of its seven factors is rated." if not rated else f"Not rated: {', '.join(left)}."
        )
        yield Sentences((said,))


def count(number: int, noun: str) -> str:
    """As “1 work”, “2 works”."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def begun(text: str) -> str:
    """`text` with a capital letter."""
    return text[:1].upper() + text[1:]


def spaced(name: str) -> str:
    """A field's name as words."""
    return name.replace("_", " ")
