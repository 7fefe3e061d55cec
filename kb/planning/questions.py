"""What a plan must ask before it is believed, and what may go wrong with it, as sentences.

Knows briefs, experiments and what the evidence says. It answers nothing and stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kb.records import Assessment, Calibration, Experiment, Ranked, Supported

NAMED = 3
"""Experiments or datasets that a sentence names before it counts the rest."""
OVERRUN = 1.25
"""Ratio of hours taken to hours planned from which a plan is warned: a quarter more."""

_TIME = {
    "deadline": "the deadline",
    "people": "how many people work on it",
    "hours_a_week": "their hours a week",
}


def questions(
    brief: Mapping[str, object],
    experiments: Sequence[Experiment],
    ranked: Sequence[Ranked],
    assessments: Sequence[Assessment],
    *,
    lacking: Sequence[str],
) -> tuple[str, ...]:
    """What to answer first, the most pressing first.

    `experiments` are all of the project, `ranked` those that are planned or running; `assessments`
    those of datasets that are neither rejected nor parked; `lacking` are the fields of the brief
    without which there is no schedule.
    """
    return (
        *_of_the_metric(brief),
        *_of_the_tie(brief),
        *_of_the_time(lacking),
        *_of_experiments(experiments, ranked),
        *_of_data(assessments),
        *_of_the_use(brief),
    )


def _of_the_metric(brief: Mapping[str, object]) -> list[str]:
    """Is there a metric, and a baseline, and who was asked?"""
    metric = str(brief.get("metric") or "the model's metric")
    found = []
    if not brief.get("metric"):
        found.append("Which metric of the model counts? Without one, no reported gain is ours.")
    if not brief.get("unit"):
        found.append(f"In which unit is {metric} given? A number that is compared has one.")
    if brief.get("baseline") is None:
        found.append(f"What does {metric} reach today? A gain over an unknown baseline is a hope.")
    elif not brief.get("baseline_is"):
        found.append(
            f"Whose is the baseline of {brief['baseline']:g}: the majority class, rules, or "
            "today's model?"
        )
    if not brief.get("asked"):
        found.append(f"Who was asked whether {metric} and its baseline are the right ones?")
    return found


def _of_the_tie(brief: Mapping[str, object]) -> list[str]:
    """Is the model's metric tied to what the product gains?"""
    metric = str(brief.get("metric") or "the model's metric")
    value = str(brief.get("value") or "")
    found = []
    if not value:
        found.append("What does the product gain, in words and in a unit?")
    gained = f"“{value}”" if value else "what the product gains"
    if not brief.get("tie"):
        found.append(f"How does {metric} move {gained}? Nothing ties the two yet.")
    else:
        if not brief.get("tie_evidence"):
            found.append(f"What shows that {metric} moves {gained}? So far it is assumed.")
        if not brief.get("tie_breaks"):
            found.append(f"What would break the tie between {metric} and {gained}?")
    return found


def _of_the_use(brief: Mapping[str, object]) -> list[str]:
    """How much is enough, and how will it be used?"""
    metric = str(brief.get("metric") or "the model's metric")
    found = []
    if brief.get("smallest_gain") is None:
        found.append(f"Which is the smallest gain of {metric} that is worth having?")
    if not brief.get("deployment"):
        found.append("Will it answer in real time or in batches? Nobody has said.")
    return found


def _of_the_time(lacking: Sequence[str]) -> list[str]:
    if not lacking:
        return []
    names = _joined(_TIME.get(name, name) for name in lacking)
    return [f"There is no schedule before the brief says {names}."]


def _of_experiments(experiments: Sequence[Experiment], ranked: Sequence[Ranked]) -> list[str]:
    by_id = {each.id: each for each in experiments}
    open_ = [each.experiment for each in ranked]
    asked = (
        ("How many hours will {} take?", [e for e in open_ if e.hours is None]),
        (
            "What gain do you expect of {}? No evidence says so on this metric.",
            [each.experiment for each in ranked if each.gain is None],
        ),
        ("Is a training needed for {}?", [e for e in open_ if e.retraining is None]),
        (
            "From which value on is {} a success?",
            [e for e in open_ if e.threshold is None and not e.success],
        ),
    )
    found = [text.format(_named(e.title for e in which)) for text, which in asked if which]
    for each in open_:
        dropped = [by_id[i].title for i in each.depends_on if by_id[i].status == "dropped"]
        if dropped:
            found.append(f"“{each.title}” waits for {_named(dropped)}, dropped: does it still?")
    if not experiments:
        found.insert(0, "What is to be tried? There is no experiment yet.")
    return found


def _of_data(assessments: Sequence[Assessment]) -> list[str]:
    """Datasets of which nobody has looked at the licence, or at anything."""
    found = []
    unrated = [a.finding.name for a in assessments if all(_unknown(a))]
    if unrated:
        found.append(f"Who has looked at {_named(unrated)}? None of the seven factors is rated.")
    unsure = [
        each.finding.name
        for each in assessments
        if each.finding.name not in unrated and "source" in _unknown_factors(each)
    ]
    if unsure:
        found.append(f"May we use {_named(unsure)}? Source and licence are not rated.")
    return found


def _unknown(assessment: Assessment) -> list[bool]:
    return [rating.rating == "unknown" for rating in assessment.ratings]


def _unknown_factors(assessment: Assessment) -> set[str]:
    return {rating.factor for rating in assessment.ratings if rating.rating == "unknown"}


# -- risks -----------------------------------------------------------------------------------------


def risks(
    brief: Mapping[str, object],
    findings: Sequence[Supported],
    ranked: Sequence[Ranked],
    assessments: Sequence[Assessment],
    calibration: Calibration,
) -> tuple[str, ...]:
    """What may go wrong, as far as the records show it.

    `findings` and `assessments` are those that the project neither rejected nor parked.
    """
    return (
        *_broken_tie(brief),
        *_thin_evidence(findings),
        *_risky_gains(ranked, str(brief.get("unit") or "of the metric")),
        *_poor_data(assessments),
        *_licences(findings),
        *_late(calibration),
    )


def _broken_tie(brief: Mapping[str, object]) -> list[str]:
    if not brief.get("tie_breaks"):
        return []
    metric = brief.get("metric") or "the model's metric"
    return [
        f"A better {metric} helps nobody if this happens: {_sentence(str(brief['tie_breaks']))}"
    ]


def _thin_evidence(findings: Sequence[Supported]) -> list[str]:
    found = []
    for each in findings:
        if each.against:
            quotes = "quote speaks" if each.against == 1 else "quotes speak"
            found.append(f"“{each.finding.name}”: {each.against} {quotes} against it.")
    return found


def _risky_gains(ranked: Sequence[Ranked], unit: str) -> list[str]:
    found = []
    for row in ranked:
        works = {effect.evidence.document.id for effect in row.estimate.effects}
        if row.basis == "evidence" and len(works) == 1:
            found.append(f"The gain of “{row.experiment.title}” rests on a single work.")
        if row.gain is not None and row.gain.low < 0:
            found.append(
                f"“{row.experiment.title}” may do harm: one time in ten it costs more than "
                f"{-row.gain.low:g} {unit}."
            )
    return found


def _poor_data(assessments: Sequence[Assessment]) -> list[str]:
    found = []
    for each in assessments:
        for rating in each.ratings:
            if rating.rating == "poor":
                why = f": {_sentence(rating.note)}" if rating.note else "."
                factor = rating.factor.replace("_", " ")
                found.append(f"“{each.finding.name}”: its {factor} is rated poor{why}")
        if each.fit is not None and each.fit.verdict.startswith(("hurts", "no evidence")):
            said = each.fit.sentences[0] if each.fit.sentences else _sentence(each.fit.verdict)
            found.append(f"“{each.finding.name}” was measured on our data: {said}")
    return found


def _licences(findings: Sequence[Supported]) -> list[str]:
    unknown = [
        each.finding.name
        for each in findings
        if each.finding.kind != "design_choice" and not each.finding.fields.get("licence")
    ]
    if not unknown:
        return []
    verb = "is" if len(unknown) == 1 else "are"
    noun = "licence" if len(unknown) == 1 else "licences"
    return [f"The {noun} of {_named(unknown)} {verb} not known."]


def _late(calibration: Calibration) -> list[str]:
    ratio = calibration.hours_ratio
    if ratio is None or ratio < OVERRUN:
        return []
    return [f"Finished experiments took {ratio:.2g} times as long as planned."]


def _named(names: Iterable[str]) -> str:
    """“A”, “B” and 3 more."""
    quoted = [f"“{name}”" for name in names]
    if len(quoted) > NAMED + 1:
        quoted = [*quoted[:NAMED], f"{len(quoted) - NAMED} more"]
    return _joined(quoted)


def _joined(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
