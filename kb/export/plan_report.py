"""What a plan says, section by section, in the words of a report: for every form that people read.

It knows which facts matter and in which order. It does not know what the report is written as.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from kb.export import value_text
from kb.export.findings_markdown import effect_text
from kb.export.plan_findings import (
    Cite,
    appendix,
    begun,
    choices,
    cited,
    count,
    datasets,
    findings_of,
    spaced,
)
from kb.export.report import Block, Figure, Heading, Sentences, Table
from kb.export.tables import in_order, measured_gain, names_of, titles_of
from kb.records import (
    Choice,
    Decision,
    Experiment,
    Gain,
    Plan,
    Ranked,
)

CHOSEN: dict[Choice, str] = {"adopt": "Adopt", "park": "Park", "reject": "Reject"}

UNKNOWN = "not known"
MISSING = {
    "asked": "who was asked about metric and baseline",
    "tie": "how the metric moves what the product gains",
    "baseline_is": "what the baseline is",
    "domain": "what our data is",
    "value": "what the product gains",
    "people": "how many people",
}
"""Fields of a brief in words, where their own name is none."""

Sections = dict[str, tuple[Block, ...]]


def sections(plan: Plan) -> Sections:
    """The sections of a plan by name, as they are read; one that has nothing to say is empty."""
    cite = Cite(plan)
    made: dict[str, Iterable[Block]] = {
        "summary": _summary(plan),
        "questions": _listed("To be answered first", plan.questions),
        "brief": _brief(plan),
        "experiments": _experiments(plan),
        "schedule": _schedule(plan),
        "risks": _listed("Risks", plan.risks),
        "deployment": _listed("Deployment", plan.deployment),
        "choices": choices(plan, cite),
        "datasets": datasets(plan, cite),
        "models": findings_of(plan, "pretrained_model", cite),
        "runtime": _runtime(plan),
        "decisions": _decisions(plan),
        "forecasts": _listed("How good our forecasts were", plan.calibration.sentences),
        "arithmetic": _arithmetic(plan),
        "quotes": appendix(plan, cite),
    }
    return {name: tuple(blocks) for name, blocks in made.items()}


# -- what is wanted --------------------------------------------------------------------------------


def _summary(plan: Plan) -> Iterable[Block]:
    brief = plan.project.brief
    objective = str(brief.get("objective") or "")
    said = [begun(objective).rstrip(".") + "."] if objective else []
    if brief.get("metric"):
        now = f"The metric, {brief['metric']}, is at {_amount(plan, brief.get('baseline'))} today"
        now += f" ({brief['baseline_is']})" if brief.get("baseline_is") else ""
        target = brief.get("target")
        said.append(now + (f"; the target is {_amount(plan, target)}." if target else "."))
    first = next((r for r in plan.ranking.ranked if r.gain_per_hour is not None), None)
    if first is not None and first.gain is not None:
        said.append(
            f"Of {count(len(plan.ranking.ranked), 'experiment')} the one to begin with is "
            f"“{first.experiment.title}”: {gain_text(plan, first.gain)} in {_hours(first.hours)}."
        )
    said += plan.schedule.sentences[:1] if plan.schedule is not None else ()
    if plan.questions:
        said.append(
            f"{count(len(plan.questions), 'question')} should be answered before anything starts."
        )
    if said:
        yield Sentences(tuple(said))


def _brief(plan: Plan) -> Iterable[Block]:
    brief = plan.project.brief
    direction = {"higher": "higher is better", "lower": "lower is better"}
    people, hours = brief.get("people"), brief.get("hours_a_week")
    facts = {
        "Objective": brief.get("objective"),
        "What the product gains": brief.get("value"),
        "Measured in": brief.get("value_unit"),
        "Metric": _joined(
            brief.get("metric"), brief.get("unit"), direction[str(brief.get("direction", "higher"))]
        )
        if brief.get("metric")
        else None,
        "How the metric moves the value": brief.get("tie"),
        "What would break that": brief.get("tie_breaks"),
        "Baseline": _joined(_amount(plan, brief.get("baseline")), brief.get("baseline_is"))
        if brief.get("baseline") is not None
        else None,
        "Target": _amount(plan, brief["target"]) if brief.get("target") is not None else None,
        "Smallest gain worth having": _points(plan, float(str(brief["smallest_gain"])))
        if brief.get("smallest_gain") is not None
        else None,
        "Our data": _joined(
            brief.get("domain"),
            f"{brief['training_samples']:,} labelled" if brief.get("training_samples") else None,
        ),
        "Deadline": brief.get("deadline"),
        "People": f"{people}, {hours:g} hours a week each" if people and hours else people,
        "GPUs": _joined(
            f"{brief['gpus']} at once" if brief.get("gpus") is not None else None,
            f"{brief['gpu_hours']:g} hours in all" if brief.get("gpu_hours") is not None else None,
        ),
        "Deployment": _joined(
            brief.get("deployment"),
            f"within {brief['latency_ms']:g} ms" if brief.get("latency_ms") else None,
            brief.get("cadence"),
        ),
        "Asked about metric and baseline": brief.get("asked"),
    }
    rows = tuple((name, value_text(value)) for name, value in facts.items() if value)
    missing = ", ".join(MISSING.get(name, spaced(name)) for name in plan.missing)
    yield Heading("What we want")
    if rows:
        yield Table(("", ""), rows)
    if missing:
        yield Sentences((f"Still to be said: {missing}.",))


def _arithmetic(plan: Plan) -> Iterable[Block]:
    known = [r for r in plan.ranking.ranked if r.estimate.steps or r.estimate.not_comparable]
    if known:
        yield Heading("Appendix: how the gains were worked out from evidence")
    for each in known:
        yield Heading(f"{each.rank}. {each.experiment.title}", 3)
        if each.estimate.steps:
            yield Sentences(each.estimate.steps, listed=True)
        left = tuple(
            f"{effect_text(evidence.effect)} ({cited(evidence)}): {reason}"
            for evidence, reason in each.estimate.not_comparable
            if evidence.effect is not None
        )
        if left:
            yield Sentences(("Not compared:",))
            yield Sentences(left, listed=True)


# -- what to try -----------------------------------------------------------------------------------


def _experiments(plan: Plan) -> Iterable[Block]:
    if not plan.experiments:
        return
    yield Heading("What to try, in which order")
    if plan.ranking.ranked:
        yield Sentences(("The most gain for an hour stands on top; a star marks what no other "
                         "beats in both gain and time.",))  # fmt: skip
        unit = f", {plan.project.gain_unit}" if plan.project.gain_unit else ""
        yield Table(
            ("", "Experiment", f"Expected gain{unit}", "Time", f"Gain an hour{unit}", "First in",
             "Likely rank"),
            tuple(_ranked_row(each) for each in plan.ranking.ranked),
        )  # fmt: skip
        yield from _figures(plan)
        if plan.ranking.sentences:
            yield Sentences(plan.ranking.sentences, listed=True)
    for experiment in in_order(plan):
        yield from _experiment(plan, experiment)


def _ranked_row(each: Ranked) -> tuple[str, ...]:
    low, high = each.ranks
    rate = each.gain_per_hour
    return (
        f"{each.rank}{'*' if each.front else ''}",
        each.experiment.title,
        _spread(each.gain) if each.gain is not None else UNKNOWN,
        _hours(each.hours),
        _signed(rate, digits=2) if rate is not None else UNKNOWN,
        f"{each.first:.0%}".replace("%", " %"),
        f"{low} to {high}" if low != high else f"{low}",
    )


def _figures(plan: Plan) -> Iterable[Block]:
    ranked, unit = plan.ranking.ranked, plan.project.gain_unit
    if any(r.gain is not None and r.hours is not None for r in ranked):
        yield Figure("gain", "Expected gain, from low to high, against time. Numbers are ranks.",
                     _drawn("gain_chart", ranked, unit=unit))  # fmt: skip
    if any(r.estimate.effects for r in ranked):
        yield Figure("effects", "What was reported (ring), what is left of it here (dot), and the "
                     "gain that follows (bar).",
                     _drawn("effects_chart", ranked, unit=unit))  # fmt: skip


def _experiment(plan: Plan, experiment: Experiment) -> Iterable[Block]:
    ranked = next((r for r in plan.ranking.ranked if r.experiment.id == experiment.id), None)
    title = f"{ranked.rank}. {experiment.title}" if ranked else experiment.title
    ended = experiment.status in {"finished", "dropped"}
    yield Heading(f"{title} ({experiment.status})" if ended else title, 3)
    if experiment.hypothesis:
        yield Sentences((experiment.hypothesis,))
    said = {
        "Tries": "; ".join(names_of(plan, experiment.candidates)),
        "Comes after": "; ".join(titles_of(plan, experiment.depends_on)),
        "Training": {True: "needed", False: "not needed", None: ""}[experiment.retraining],
        "Cost": _cost(experiment),
        "Success": _success(plan, experiment),
        **(_expectation(plan, ranked) if ranked is not None else {}),
        "So far": _outcome(plan, experiment),
        "Note": experiment.note,
    }
    yield Sentences(tuple(f"{name}: {text}" for name, text in said.items() if text), listed=True)


def _cost(experiment: Experiment) -> str:
    people, gpus, runs = experiment.person_hours, experiment.gpu_hours, experiment.runs
    each = f" of {_hours(experiment.run_hours)}" if experiment.run_hours else ""
    parts = (
        f"{people:g} person-hours" if people is not None else "",
        f"{gpus:g} GPU-hours" if gpus else "",
        count(runs, "run") + each if runs else "",
    )
    return ", ".join(filter(None, parts)) or UNKNOWN


def _success(plan: Plan, experiment: Experiment) -> str:
    if experiment.threshold is None:
        return experiment.success
    return f"from {_amount(plan, experiment.threshold)} on. {experiment.success}".strip()


def _expectation(plan: Plan, ranked: Ranked) -> dict[str, str]:
    evidence = ranked.estimate
    said = {}
    if ranked.basis == "team" and ranked.gain is not None:
        reason = ranked.experiment.gain_reason
        said["Expected by the team"] = gain_text(plan, ranked.gain) + (f". {reason}" * bool(reason))
    if evidence.gain is not None:
        said["Expected from evidence"] = f"{gain_text(plan, evidence.gain)}. {evidence.method}"
    elif ranked.basis != "team":
        said["Expected"] = "nothing comparable is reported"
    return said


def _outcome(plan: Plan, experiment: Experiment) -> str:
    if experiment.status == "dropped":
        return "given up"
    if experiment.status == "running":
        return "being tried now"
    result = experiment.result
    if result is None:
        return ""
    gain = measured_gain(plan, experiment)
    value = f"measured {_amount(plan, result.value)}" if result.value is not None else "finished"
    by = f" ({_points(plan, gain, signed=True)})" if gain is not None else ""
    took = (
        f", in {_hours(result.person_hours)} of people" if result.person_hours is not None else ""
    )
    return f"{value}{by}{took}. {result.note}".strip()


def _schedule(plan: Plan) -> Iterable[Block]:
    schedule = plan.schedule
    if schedule is None:
        return
    yield Heading("When")
    yield Sentences(schedule.sentences)
    if schedule.slots:
        ranks = {each.experiment.id: each.rank for each in plan.ranking.ranked}
        yield Figure("schedule", "Who works on what until when; below the line what does not fit. "
                     "Numbers are ranks.",
                     _drawn("schedule_chart", schedule, ranks=ranks))  # fmt: skip
        yield Table(
            ("From", "To", "Experiment", "Phase", "People", "GPUs", "Gain"),
            tuple(
                (_day(s.start), _day(s.end), s.title, s.phase, _hours(s.person_hours),
                 _hours(s.gpu_hours) if s.gpu_hours else "–", _points(plan, s.gain, signed=True))
                for s in schedule.slots
            ),
        )  # fmt: skip
    if schedule.left_out:
        yield Sentences(("Does not fit:",))
        yield Sentences(tuple(f"{x.title}: {x.reason}" for x in schedule.left_out), listed=True)


def _runtime(plan: Plan) -> Iterable[Block]:
    if not plan.trials:
        return
    yield Heading("Trial runs")
    metric = str(plan.project.brief.get("metric", ""))
    yield Table(
        ("Model", "Million parameters", "Samples", "Hours", metric,
         "Machine"),
        tuple(
            (t.model, f"{t.parameters:g}" if t.parameters is not None else "", f"{t.samples:,}",
             f"{t.hours:g}", _amount(plan, t.value) if t.value is not None else "", t.machine)
            for t in plan.trials
        ),
    )  # fmt: skip


def _decisions(plan: Plan) -> Iterable[Block]:
    if not plan.decisions:
        return
    yield Heading("Decisions")
    for each in plan.decisions:
        yield from _decision(plan, each)


def _decision(plan: Plan, each: Decision) -> Iterable[Block]:
    yield Heading(f"{each.number}. {each.title}", 3)
    on = names_of(plan, each.candidates)
    instead = names_of(plan, each.alternatives)
    old = f" Superseded by decision {each.superseded_by}." if each.superseded_by else ""
    former = f" It supersedes decision {each.supersedes}." if each.supersedes else ""
    chosen = CHOSEN[each.choice] + (f" {_and(on)}" if on else "")
    chosen += f", instead of {_and(instead)}" if instead else ""
    said = {
        "": f"{chosen}, {each.created_at[:10]}.{former}{old}",
        "Context": each.context,
        "Reason": each.reason,
        "Consequences": each.consequences,
        "Confirmation": each.confirmation,
    }
    yield Sentences(
        tuple(f"{name}: {text}" if name else text for name, text in said.items() if text),
        listed=True,
    )


def _listed(title: str, sentences: Sequence[str]) -> Iterable[Block]:
    if sentences:
        yield Heading(title)
        yield Sentences(tuple(sentences), listed=True)


# -- words and numbers -----------------------------------------------------------------------------


def gain_text(plan: Plan, gain: Gain) -> str:
    """+1.4 points (0 to +2.9)."""
    likely, rest = _spread(gain).split(" ", 1)
    return f"{likely} {plan.project.gain_unit} {rest}".replace("  ", " ")


def _spread(gain: Gain) -> str:
    low, likely, high = (_signed(value) for value in (gain.low, gain.likely, gain.high))
    return f"{likely} ({low} to {high})"


def _amount(plan: Plan, value: object) -> str:
    """A value of the project's metric with its unit."""
    if value is None:
        return UNKNOWN
    return f"{float(str(value)):g} {plan.project.brief.get('unit', '')}".strip()


def _points(plan: Plan, value: float, *, signed: bool = False) -> str:
    unit = plan.project.gain_unit
    unit = unit.removesuffix("s") if value == 1 and unit == "points" and not signed else unit
    return f"{_signed(value) if signed else f'{value:g}'} {unit}".strip()


def _signed(value: float, *, digits: int = 3) -> str:
    shown = f"{value:+.{digits}g}".replace("-", "−")
    return "0" if shown in {"+0", "−0"} else shown


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _hours(hours: float | None) -> str:
    return UNKNOWN if hours is None else f"{hours:g} h"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _joined(*parts: object) -> str | None:
    return ", ".join(value_text(part) for part in parts if part) or None


def _drawn(name: str, *arguments: Any, **options: Any) -> Callable[[], Any]:
    """A drawing that is made when it is asked for: Altair takes half a second to import."""

    def draw() -> Any:
        from kb.export import charts

        return getattr(charts, name)(*arguments, **options)

    return draw
