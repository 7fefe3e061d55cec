"""What reported effects let a project expect of an experiment, with the arithmetic line by line.

Pure: evidence in, an estimate out. It refuses to mix metrics, to guess what a number means, and to
hold a loss for smaller than it was reported. docs/planning.md gives the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kb.planning import discounts as why
from kb.planning.combine import combine, signed
from kb.planning.discounts import Discounts, Likeness, groups
from kb.planning.units import NotComparable, Scale, difference, metric_key, scale_of, why_other
from kb.records import Discount, Estimate, Evidence, Gain, WeighedEffect

__all__ = ["Discounts", "Likeness", "Setting", "estimate", "votes"]


@dataclass(frozen=True, slots=True)
class Setting:
    """What effects are judged for: the project's metric and data.

    `mappings` are the team's: name of another metric → (by how much ours changes when that one
    rises by one point or unit, negative where they move against each other; reason).
    """

    metric: str
    direction: Literal["higher", "lower"] = "higher"
    unit: str = ""
    baseline: float | None = None
    domain: str = ""
    training_samples: int | None = None
    year: int | None = None  # now
    mappings: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    discounts: Discounts = field(default_factory=Discounts)

    @property
    def scale(self) -> Scale:
        """What the project's numbers count in."""
        return scale_of(self.metric, self.unit, (self.baseline,))


def estimate(
    evidence: Sequence[Evidence], setting: Setting, *, likeness: Likeness | None = None
) -> Estimate:
    """The gain to expect, from all evidence of an experiment's candidates in any order.

    `likeness` tells how near a reported dataset is to our domain, 0 to 1; without it words are
    compared. The gain is in the project's unit, None where nothing comparable is reported.
    """
    once = {each.id: each for each in evidence}.values()
    reports, others = _read(once, setting)
    silent = _silent_against(once, reports)
    doubted = [_doubted(report, setting, silent, likeness) for report in reports]
    shares = groups([report.evidence for report in reports])
    combined = combine([[(reports[at].gain, doubted[at][0]) for at in group] for group in shares])
    effects: list[WeighedEffect] = []
    for at, (report, (left, reasons)) in enumerate(zip(reports, doubted, strict=True)):
        group = next(group for group in shares if at in group)
        if len(group) > 1:
            reasons = (*reasons, _shared_vote(at, group))
        weight = combined.weight / len(group)
        effects.append(WeighedEffect(report.evidence, report.gain, reasons, left, weight))
    gain, bound = _within_room(combined.gain, setting)
    steps = (
        *_opening(setting),
        *(line for at, each in enumerate(effects) for line in _lines(at, each, reports[at].notes)),
        *_vote_lines(effects, shares),
        *combined.lines,
        *bound,
    )
    return Estimate(gain, combined.method, tuple(effects), tuple(others), steps)


def votes(known: Estimate) -> int:
    """How many independent groups an estimate rests on."""
    shared = (
        math.prod(d.factor for d in effect.discounts if d.name == "same group")
        for effect in known.effects
    )
    return round(math.fsum(shared))


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Report:
    """A comparable effect, as a gain in the project's unit."""

    evidence: Evidence
    gain: float
    notes: tuple[str, ...]  # what was done to the number, and what to check


def _read(
    evidence: Collection[Evidence], setting: Setting
) -> tuple[list[_Report], list[tuple[Evidence, str]]]:
    """The comparable effects, and the others with the reason."""
    reports, others = [], []
    for each in evidence:
        if each.effect is None:
            continue
        try:
            reports.append(_report(each, setting))
        except NotComparable as reason:
            others.append((each, str(reason)))
    return reports, others


def _report(evidence: Evidence, setting: Setting) -> _Report:
    effect = evidence.effect
    assert effect is not None
    ours = setting.scale
    if metric_key(effect.metric) == metric_key(setting.metric):
        changed, notes = difference(effect, evidence.quote, ours)
    else:
        factor, reason = _mapping(effect.metric, setting)
        theirs = scale_of(effect.metric, effect.unit, (effect.value, effect.baseline))
        changed, notes = difference(effect, evidence.quote, theirs)
        notes = (*notes, f"{changed:+.4g} × {factor:g}, as the team maps it: {reason}")
        changed *= factor
    gain = ours.from_common(changed if setting.direction == "higher" else -changed) + 0.0
    if gain * (1 if evidence.stance == "for" else -1) < 0:
        notes = (*notes, f"speaks {evidence.stance} it, yet the number says otherwise: check it")
    return _Report(evidence, gain, notes)


def _mapping(metric: str, setting: Setting) -> tuple[float, str]:
    if not setting.metric.strip():
        raise NotComparable("The project has not said what its metric is.")
    for name, mapping in setting.mappings.items():
        if metric_key(name) == metric_key(metric):
            return mapping
    raise NotComparable(why_other(metric, setting.metric))


def _silent_against(evidence: Collection[Evidence], reports: Sequence[_Report]) -> int:
    """Groups that speak against it and have no loss of their own in the average."""
    counted = {report.evidence.id for report in reports if report.gain <= 0}
    silent = [e for e in evidence if e.stance == "against" and e.id not in counted]
    return len(groups(silent))


# -- doubting ----------------------------------------------------------------------------------


def _doubted(
    report: _Report, setting: Setting, silent: int, likeness: Likeness | None
) -> tuple[float, tuple[Discount, ...]]:
    """What is left of a gain, and why. A loss is taken as reported."""
    if report.gain <= 0:
        return report.gain, ()
    effect, known = report.evidence.effect, setting.discounts
    assert effect is not None
    reasons = [
        why.domain(effect.dataset, setting.domain, known, likeness),
        why.data_size(effect.scale, setting.training_samples, known),
        why.source(report.evidence, known),
        why.age(report.evidence.document.metadata.year, setting.year, known),
    ]
    if silent:
        reasons.append(why.against(silent, known))
    left = report.gain * math.prod(reason.factor for reason in reasons)
    room = _room(setting)
    if left > room:
        text = f"our baseline of {setting.baseline:g} leaves {room:.4g}"
        reasons.append(Discount("room left", room / left, text))
        left = room
    return left, tuple(reasons)


def _shared_vote(at: int, group: Sequence[int]) -> Discount:
    others = ", ".join(f"[{other + 1}]" for other in group if other != at)
    return Discount("same group", 1 / len(group), f"shares one vote with {others}, not the amount")


def _room(setting: Setting) -> float:
    """How far the baseline is from the best value there is; infinite where none is known."""
    scale, baseline = setting.scale, setting.baseline
    best = {"percent": 100.0, "fraction": 1.0, "time": math.inf, "own": math.inf}[scale.size]
    if baseline is None or scale.size == "own" or not 0 <= baseline <= best:
        return math.inf
    return baseline if setting.direction == "lower" else best - baseline


def _within_room(gain: Gain | None, setting: Setting) -> tuple[Gain | None, tuple[str, ...]]:
    room = _room(setting)
    if gain is None or gain.high <= room:
        return gain, ()
    line = f"Our baseline of {setting.baseline:g} leaves no more than {room:.4g}."
    return Gain(min(gain.low, room), min(gain.likely, room), room), (line,)


# -- writing it down ---------------------------------------------------------------------------


def _opening(setting: Setting) -> tuple[str, ...]:
    scale = setting.scale
    unit = scale.unit or setting.unit or "its own unit"
    baseline = "unknown" if setting.baseline is None else f"{setting.baseline:g}"
    line = (
        f"Gains are in {setting.metric}, {unit}; {setting.direction} is better, and a gain counts "
        f"upwards. Our baseline: {baseline}."
    )
    return (line, f"Of our numbers: {scale.inferred}.") if scale.inferred else (line,)


def _lines(at: int, effect: WeighedEffect, notes: Sequence[str]) -> list[str]:
    """One report: what it says, and what is left of it."""
    lines = [f"[{at + 1}] {_place(effect.evidence)}: {_claim(effect.evidence)}"]
    lines += [f"    Note: {note}." for note in notes]
    if effect.reported <= 0:
        return [*lines, f"    {signed(effect.reported)}, no discount: a loss stands as reported."]
    factors = [reason for reason in effect.discounts if reason.name != "same group"]
    lines += [f"    × {each.factor:.4g} {each.name}: {each.why}" for each in factors]
    product = " × ".join([signed(effect.reported), *(f"{each.factor:.4g}" for each in factors)])
    return [*lines, f"    {product} = {signed(effect.expected)}"]


def _place(evidence: Evidence) -> str:
    year = evidence.document.metadata.year
    page = f", p. {evidence.page}" if evidence.page else ""
    return f"“{evidence.document.title}”{f' ({year})' if year else ''}{page}"


def _claim(evidence: Evidence) -> str:
    effect = evidence.effect
    assert effect is not None
    on = f" on {effect.dataset}" if effect.dataset else ""
    if effect.value is not None and effect.baseline is not None:
        said = f"from {effect.baseline:g} to {effect.value:g}"
    else:
        said = f"by {effect.difference:+g}"
    return f"{effect.metric} {said} {effect.unit}{on}"


def _vote_lines(effects: Sequence[WeighedEffect], shares: Sequence[Sequence[int]]) -> list[str]:
    """What reports of one group come to, where several share a vote."""
    lines = []
    for group in shares:
        if len(group) > 1:
            names = ", ".join(f"[{at + 1}]" for at in group)
            sums = " ".join(signed(effects[at].expected) for at in group)
            mean = math.fsum(effects[at].expected for at in group) / len(group)
            lines.append(
                f"{names} are of one group and share a vote: ({sums}) / {len(group)} = "
                f"{signed(mean)}"
            )
    return lines
