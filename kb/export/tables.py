"""A plan as plain tables: design choices, datasets, models, evidence and experiments.

It knows rows and columns, with numbers as numbers. It does not know files, nor what a spreadsheet
would make of a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from kb.export import KIND_NAMES, source, value_text, version
from kb.records import (
    FACTORS,
    Assessment,
    Candidate,
    Evidence,
    Experiment,
    FindingKind,
    Plan,
    Ranked,
    Slot,
    Supported,
)

Cell = str | int | float | date | None  # a truth value is "yes" or "no"

QUOTE_COLUMNS = (
    "stance", "quote", "title", "authors", "year", "section", "page", "version", "source",
    "metric", "unit", "baseline", "value", "gain", "measured on", "scale", "reported by",
    "remark", "tagged by", "tagged on",
)  # fmt: skip
"""What stands beside each quote, in the order of `quote_cells`."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; every row has a cell for each column."""

    name: str  # "Design choices"
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(plan: Plan) -> tuple[Table, ...]:
    """The tables of a plan, those without rows too: three of findings, evidence, experiments."""
    choices, datasets, models = (_findings(plan, kind) for kind in KIND_NAMES)
    return (choices, datasets, models, _evidence(plan), _experiments(plan))


def quote_cells(evidence: Evidence) -> tuple[Cell, ...]:
    """A quote with its work, its place and what it claims, one cell for each QUOTE_COLUMNS."""
    document, effect = evidence.document, evidence.effect
    place: tuple[Cell, ...] = (
        evidence.stance, evidence.quote, document.title, "; ".join(document.metadata.authors),
        document.metadata.year, evidence.section, evidence.page, version(evidence),
        source(document),
    )  # fmt: skip
    claim: tuple[Cell, ...] = (None,) * 8
    if effect is not None:
        claim = (
            effect.metric, effect.unit, effect.baseline, effect.value, effect.difference,
            effect.dataset, effect.scale, effect.reported_by,
        )  # fmt: skip
    return (*place, *claim, evidence.note, evidence.created_by, evidence.created_at[:10])


# -- findings ----------------------------------------------------------------------------------


def _findings(plan: Plan, kind: FindingKind) -> Table:
    found = [each for each in plan.findings if each.finding.kind == kind]
    fields = list(dict.fromkeys(name for each in found for name in each.finding.fields))
    rated = kind == "dataset"
    columns = (
        "name", "other names", "tags", *(name.replace("_", " ") for name in fields),
        "status", "owner", "reason", "quotes for", "quotes against",
        *(_factor_columns() if rated else ()), "note",
    )  # fmt: skip
    assessed = {each.finding.id: each for each in plan.assessments}
    rows = []
    for each in found:
        finding = each.finding
        candidate = _candidate(plan, each)
        state = (candidate.status, candidate.owner, candidate.reason) if candidate else ("",) * 3
        rows.append((
            finding.name, "; ".join(finding.aliases), "; ".join(finding.tags),
            *(_field(plan, finding.fields.get(name), name) for name in fields),
            *state, len(each.evidence) - each.against, each.against,
            *(_factor_cells(assessed.get(finding.id)) if rated else ()), finding.note,
        ))  # fmt: skip
    return Table(KIND_NAMES[kind][1], columns, tuple(rows))


def _candidate(plan: Plan, each: Supported) -> Candidate | None:
    return next((c for c in each.candidates if c.project == plan.project.name), None)


def _field(plan: Plan, value: object, name: str) -> Cell:
    if value is None:
        return None
    if name == "axis":
        return plan.axes.get(str(value), str(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return value_text(value)


def _factor_columns() -> tuple[str, ...]:
    names = (factor.replace("_", " ") for factor in FACTORS)
    return (
        *(column for name in names for column in (f"{name} rated", f"{name} note")),
        "measured fit",
    )


def _factor_cells(assessment: Assessment | None) -> Iterable[Cell]:
    ratings = {r.factor: r for r in assessment.ratings} if assessment else {}
    for factor in FACTORS:
        rating = ratings.get(factor)
        yield from (rating.rating, rating.note) if rating else ("unknown", "")
    yield assessment.fit.verdict if assessment and assessment.fit else None


# -- evidence ----------------------------------------------------------------------------------


def _evidence(plan: Plan) -> Table:
    rows = [
        (each.finding.name, KIND_NAMES[each.finding.kind][0].lower(), *quote_cells(evidence))
        for each in plan.findings
        for evidence in each.evidence
    ]
    return Table("Evidence", ("finding", "kind", *QUOTE_COLUMNS), tuple(rows))


# -- experiments -------------------------------------------------------------------------------


EXPERIMENT_COLUMNS = (
    "rank", "title", "status", "hypothesis", "tries", "retraining", "depends on",
    "gain low", "gain likely", "gain high", "unit", "gain from", "person hours", "GPU hours",
    "runs", "hours a run", "hours", "gain per hour", "first in", "on the front", "phase", "starts",
    "ends", "threshold", "success", "measured", "measured gain", "person hours taken",
    "GPU hours taken", "outcome", "note",
)  # fmt: skip


def _experiments(plan: Plan) -> Table:
    ranked = {each.experiment.id: each for each in plan.ranking.ranked}
    slots = {slot.experiment: slot for slot in plan.schedule.slots} if plan.schedule else {}
    rows = tuple(
        (
            ranked[e.id].rank if e.id in ranked else None,
            *_about(plan, e),
            *_gain_cells(plan, e, ranked.get(e.id)),
            *_cost_cells(e, ranked.get(e.id)),
            *_slot_cells(slots.get(e.id)),
            e.threshold,
            e.success,
            *_result_cells(plan, e),
            e.note,
        )
        for e in in_order(plan)
    )
    return Table("Experiments", EXPERIMENT_COLUMNS, rows)


def _about(plan: Plan, e: Experiment) -> tuple[Cell, ...]:
    tries, needs = names_of(plan, e.candidates), titles_of(plan, e.depends_on)
    return (e.title, e.status, e.hypothesis, "; ".join(tries), yes_no(e.retraining),
            "; ".join(needs))  # fmt: skip


def _gain_cells(plan: Plan, e: Experiment, ranked: Ranked | None) -> tuple[Cell, ...]:
    gain = ranked.gain if ranked else e.gain
    basis = ranked.basis if ranked else ("team" if e.gain else None)
    numbers = (gain.low, gain.likely, gain.high) if gain else (None,) * 3
    return (*numbers, str(plan.project.brief.get("unit") or "") if gain else None, basis)


def _cost_cells(e: Experiment, ranked: Ranked | None) -> tuple[Cell, ...]:
    costs = (e.person_hours, e.gpu_hours, e.runs, e.run_hours, e.hours)
    if ranked is None:
        return (*costs, None, None, None)
    return (*costs, ranked.gain_per_hour, ranked.first, yes_no(ranked.front))


def _slot_cells(slot: Slot | None) -> tuple[Cell, ...]:
    return (slot.phase, slot.start, slot.end) if slot else (None, None, None)


def _result_cells(plan: Plan, e: Experiment) -> tuple[Cell, ...]:
    if e.result is None:
        return (None,) * 5
    taken = (e.result.person_hours, e.result.gpu_hours)
    return (e.result.value, measured_gain(plan, e), *taken, e.result.note)


# -- what other formats ask too ----------------------------------------------------------------


def in_order(plan: Plan) -> list[Experiment]:
    """The experiments as they are ranked, then those without a rank by number."""
    first = [each.experiment for each in plan.ranking.ranked]
    known = {experiment.id for experiment in first}
    return [*first, *(e for e in plan.experiments if e.id not in known)]


def tried(plan: Plan, ids: Sequence[int]) -> list[Supported]:
    """The findings of these ids in their order, each once; merged ones as what they went into."""
    by_id = {i: each for each in plan.findings for i in (each.finding.id, *each.finding.merged)}
    found = {by_id[i].finding.id: by_id[i] for i in ids if i in by_id}
    return list(found.values())


def names_of(plan: Plan, ids: Sequence[int]) -> list[str]:
    """The names of the findings of these ids."""
    return [each.finding.name for each in tried(plan, ids)]


def titles_of(plan: Plan, ids: Sequence[int]) -> list[str]:
    """The titles of experiments, in the order of their ids."""
    titles = {experiment.id: experiment.title for experiment in plan.experiments}
    return [titles[i] for i in ids if i in titles]


def measured_gain(plan: Plan, experiment: Experiment) -> float | None:
    """What a finished experiment has gained, in the metric's unit; positive is better."""
    result = experiment.result
    if result is None or result.value is None:
        return None
    before = result.baseline if result.baseline is not None else plan.project.brief.get("baseline")
    if not isinstance(before, int | float):
        return None
    change = result.value - before
    return -change if plan.project.brief.get("direction") == "lower" else change


def yes_no(value: bool | None) -> str | None:
    """A truth value in words; None stays unknown."""
    return None if value is None else "yes" if value else "no"
