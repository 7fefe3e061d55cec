"""Experiments, their numbers and what they rest on as HTML; escaped by `kb.pages.markup`.

It knows how they look and in which words a number is explained. It knows no widget.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kb.pages.finding_markup import by, cited
from kb.pages.markup import escaped, facts
from kb.records import (
    Basis,
    Calibration,
    Decision,
    Evidence,
    Experiment,
    FactorRating,
    Gain,
    Project,
    Ranked,
    Schedule,
    Swap,
    WeighedEffect,
)

BASES: dict[Basis | None, str] = {
    "team": "the team's own", "evidence": "from the evidence", None: "",
}  # fmt: skip
CHOICES = {"adopt": "Adopted", "park": "Parked", "reject": "Rejected"}


def gain_text(gain: Gain | None, unit: str) -> str:
    """+1.5 points (0 to +3); plain text."""
    if gain is None:
        return "unknown"
    return f"{signed(gain.likely, unit)} ({signed(gain.low)} to {signed(gain.high)})"


def signed(value: float, unit: str = "") -> str:
    """+1.5 points; 0 without a sign. Plain text."""
    return f"{value:+.3g} {unit}".strip() if abs(value) >= 5e-4 else f"0 {unit}".strip()


def questions(found: Sequence[str]) -> str:
    """What to answer first; "" where nothing is open."""
    if not found:
        return ""
    rows = "".join(f"<li>{escaped(each)}</li>" for each in found)
    return (
        '<div class="kb-box kb-note" role="status"><strong>To be answered first</strong>'
        f'<ul class="kb-sentences">{rows}</ul></div>'
    )


def sentences(found: Iterable[str]) -> str:
    """Sentences, one below the other; "" for none."""
    rows = "".join(f"<li>{escaped(each)}</li>" for each in found)
    return f'<ul class="kb-sentences">{rows}</ul>' if rows else ""


# -- the order -----------------------------------------------------------------------------------


def ranked(each: Ranked, unit: str) -> str:
    """An experiment at its place: what to expect, in how long, and how sure its place is."""
    per_hour = signed(each.gain_per_hour, unit) if each.gain_per_hour is not None else ""
    chips = (
        each.experiment.status if each.experiment.status != "planned" else "",
        "none has more in less time" if each.front else "",
    )
    chip = "".join(f'<span class="kb-chip">{escaped(text)}</span>' for text in chips if text)
    rows = (
        (f"Gain {gain_text(each.gain, unit)}", BASES[each.basis]),
        (hours_text(each.hours), f"{per_hour} an hour" if per_hour else ""),
        (f"first in {each.first:.0%} of draws", _places(each)),
    )
    lines = "".join(
        f'<p class="kb-meta">{escaped(" · ".join(filter(None, row)))}</p>' for row in rows
    )
    return (
        f'<div class="kb-hit"><p class="kb-name">{each.rank}. {escaped(each.experiment.title)}'
        f"{chip}</p>{lines}</div>"
    )


def _places(each: Ranked) -> str:
    low, high = each.ranks
    where = f"rank {low}" if low == high else f"ranks {low} to {high}"
    return f"{where} in nine of ten"


def hours_text(hours: float | None) -> str:
    """5 hours; plain text."""
    if hours is None:
        return "hours unknown"
    return f"{hours:.3g} hour{'s' if hours != 1 else ''}"


def swaps(found: Sequence[Swap], ranked: Sequence[Ranked]) -> list[str]:
    """Which neighbours often change places, and what would separate them; plain text."""
    places = {each.experiment.id: each for each in ranked}
    told = []
    for each in found:
        upper, lower = places[each.upper], places[each.lower]
        told.append(
            f"Ranks {upper.rank} and {lower.rank} (“{upper.experiment.title}” and "
            f"“{lower.experiment.title}”) swap in {each.share:.0%} of draws: {each.advice}"
        )
    return told


def closed(found: Experiment, project: Project) -> str:
    """An experiment that is finished or was dropped, with what came of it."""
    forecast = found.forecast.gain if found.forecast else None
    meta = " · ".join(filter(None, (
        f"expected {gain_text(forecast, project.gain_unit)}" if forecast else "",
        outcome(found, str(project.brief.get("unit") or "")),
    )))  # fmt: skip
    return (
        f'<div class="kb-hit"><p class="kb-name">{escaped(found.title)}'
        f'<span class="kb-chip">{found.status}</span></p><p class="kb-meta">{escaped(meta)}</p>'
        "</div>"
    )


# -- one experiment ------------------------------------------------------------------------------


def title(found: Experiment) -> str:
    """Its name, state and hypothesis, as the heading of its page."""
    hypothesis = f'<p class="kb-lead">{escaped(found.hypothesis)}</p>' if found.hypothesis else ""
    return (
        f'<p class="kb-meta">Experiment {found.id} · {found.status}</p>'
        f'<h2 class="kb-h1">{escaped(found.title)}</h2>{hypothesis}'
    )


def numbers(each: Ranked, swapping: Sequence[str], unit: str) -> str:
    """Every number of its place in the order, with how it comes about."""
    found, gain = each.experiment, each.gain
    per_hour = ""
    if each.gain_per_hour is not None and gain is not None and each.hours is not None:
        per_hour = (
            f"{signed(each.gain_per_hour, unit)} = {signed(gain.likely)} likely in "
            f"{hours_text(each.hours)}"
        )
    expected = ""
    if each.expected is not None and gain is not None:
        expected = (
            f"{signed(each.expected, unit)} = {gain.likely:.3g} + 0.311 × ({gain.high:.3g} + "
            f"{gain.low:.3g} − 2 × {gain.likely:.3g}), the mean of its distribution"
        )
    front = "nothing open has more gain in less time" if each.front else ""
    rows = {
        "Gain": f"{gain_text(gain, unit)}" + (f", {BASES[each.basis]}" if each.basis else ""),
        "Why that": found.gain_reason if each.basis == "team" else "",
        "By the evidence": gain_text(each.estimate.gain, unit),
        "Hours": _sum(each),
        "Gain an hour": per_hour,
        "Expected value": expected,
        "Place": f"{each.rank}; {_places(each)} of draws, first in {each.first:.0%}",
        "How sure": " ".join(swapping),
        "Front": front,
    }
    return facts({name: escaped(value) for name, value in rows.items()})


def _sum(each: Ranked) -> str:
    """Its hours as the sum that they are."""
    found = each.experiment
    people = f"{found.person_hours:g} of people" if found.person_hours is not None else ""
    running = f"{found.gpu_hours:g} of one GPU" if found.gpu_hours else ""
    if found.runs and found.run_hours:
        running = f"{found.runs} × {found.run_hours:g} of runs"
    parts = " + ".join(filter(None, (people, running)))
    return f"{hours_text(each.hours)} = {parts}" if parts else hours_text(each.hours)


def costs(found: Experiment) -> str:
    """What it takes of people and machines; plain text."""
    runs = ""
    if found.runs and found.run_hours:
        times = "run" if found.runs == 1 else "runs"
        runs = f"{found.runs} {times} of {found.run_hours:g} hours"
    pieces = (
        f"{found.person_hours:g} hours of people" if found.person_hours is not None else "",
        runs,
        f"{found.gpu_hours:g} GPU hours" if found.gpu_hours is not None else "",
    )
    return ", ".join(filter(None, pieces)) or "not stated"


def about(found: Experiment, names: Mapping[str, str], project: Project) -> str:
    """What else is known of it. `names` are "tries" and "waits for", in words."""
    brief = project.brief
    unit = str(brief.get("unit") or "")
    limit = "at most" if brief.get("direction") == "lower" else "at least"
    success = f"{limit} {found.threshold:g} {unit}" if found.threshold is not None else ""
    rows = {
        "Tries": names["tries"],
        "Waits for": names["waits for"],
        "Retraining": {True: "yes", False: "no", None: ""}[found.retraining],
        "Takes": costs(found),
        "A success": "; ".join(filter(None, (success.strip(), found.success))),
        "Was expected": gain_text(found.forecast.gain, project.gain_unit) if found.forecast else "",
        "Outcome": outcome(found, unit),
        "Note": found.note,
        "Planned": by(found.created_by, found.created_at),
    }
    return facts({name: escaped(value) for name, value in rows.items()})


def outcome(found: Experiment, unit: str) -> str:
    """What came of it; "" while nothing has. Plain text."""
    result = found.result
    if result is None:
        return ""
    pieces = (
        f"{result.value:g} {unit}".strip() if result.value is not None else "",
        f"over {result.baseline:g}" if result.baseline is not None else "",
        f"{result.person_hours:g} hours of people" if result.person_hours is not None else "",
        f"{result.gpu_hours:g} GPU hours" if result.gpu_hours is not None else "",
        result.note,
    )
    return ", ".join(filter(None, pieces))


def arithmetic(method: str, steps: Sequence[str]) -> str:
    """How the gain comes about, line by line."""
    lines = "".join(f"<li>{escaped(step)}</li>" for step in steps)
    return f'<p>{escaped(method)}</p><ol class="kb-steps">{lines}</ol>'


def weighed(effect: WeighedEffect, number: int, unit: str) -> str:
    """A report behind a gain: its quote, what it reported, what is left, and its weight."""
    line = (
        f"[{number}] reported {signed(effect.reported, unit)}, here expected "
        f"{signed(effect.expected, unit)}, weighs {effect.weight:.0%}"
    )
    return _quote(effect.evidence, line)


def not_comparable(evidence: Evidence, reason: str) -> str:
    """A report that does not count, and why."""
    return _quote(evidence, f"Does not count: {reason}")


def _quote(evidence: Evidence, line: str) -> str:
    return (
        f'<div class="kb-hit kb-{evidence.stance}"><p class="kb-effect">{escaped(line)}</p>'
        f'<p class="kb-passage">“{escaped(evidence.quote)}”</p>'
        f'<p class="kb-meta">{escaped(cited(evidence))}</p></div>'
    )


# -- schedule and decisions ----------------------------------------------------------------------


def budget(schedule: Schedule) -> str:
    """What there is to spend, on a line."""
    left = schedule.budget
    until = f" to {left.deadline}" if left.deadline else ""
    pieces = (
        f"{left.start}{until}",
        f"{left.working_days} working days",
        f"{left.people} {'person' if left.people == 1 else 'people'} at {left.hours_a_day:g} hours "
        "a day",
        f"{left.gpu_hours:g} GPU hours" if left.gpu_hours is not None else "",
    )
    return f'<p class="kb-meta">{escaped(" · ".join(filter(None, pieces)))}</p>'


def decision(each: Decision) -> str:
    """A decision in a list: its number, title, choice and reason."""
    later = f"superseded by decision {each.superseded_by}" if each.superseded_by else ""
    chip = f'<span class="kb-chip">{later}</span>' if later else ""
    meta = f"{CHOICES[each.choice]} · {by(each.created_by, each.created_at)}"
    return (
        f'<div class="kb-hit"><p class="kb-name">{each.number}. {escaped(each.title)}{chip}</p>'
        f'<p>{escaped(each.reason)}</p><p class="kb-meta">{escaped(meta)}</p></div>'
    )


def against(schedule: Schedule, usual: Schedule) -> str:
    """What the sliders change against what the brief says."""
    more, gain = len(schedule.slots) - len(usual.slots), schedule.gain - usual.gain
    if not more and abs(gain) < 5e-4:
        said = "the same experiments fit"
    else:
        count = f"{abs(more)} {'more' if more > 0 else 'fewer'} fit, " if more else ""
        said = f"{count}{signed(gain)} of gain if gains add up"
    return f'<p class="kb-effect">Against what the brief says: {escaped(said)}.</p>'


# -- data and calibration ------------------------------------------------------------------------


def factors(rated: Sequence[tuple[str, FactorRating]]) -> str:
    """The factors of a dataset, each with its rating and why."""
    rows = {}
    for name, each in rated:
        cited = len(each.evidence)
        more = " · ".join(filter(None, (
            each.note, f"{cited} quote{'s' if cited != 1 else ''}" if cited else "",
            by(each.updated_by, each.updated_at) if each.updated_at else "",
        )))  # fmt: skip
        rows[name] = (
            f'<span class="kb-rating kb-{each.rating}">{each.rating}</span> '
            f'<span class="kb-meta">{escaped(more)}</span>'
        )
    return facts(rows)


def calibration(found: Calibration) -> str:
    """How good the forecasts were, in figures."""
    inside = f"{found.inside:.0%}; 80 % is right" if found.inside is not None else ""
    hours = found.hours_ratio
    rows = {
        "Finished": f"{found.finished} with a forecast and a measured value",
        "Inside the range": inside,
        "Measured less expected": signed(found.bias) if found.bias is not None else "",
        "Hours taken": f"{hours:.2g} times as planned, in the middle" if hours is not None else "",
    }
    return facts({name: escaped(value) for name, value in rows.items()})
