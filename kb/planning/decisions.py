"""Deciding: what a decision says, from brief and experiments, and what follows for findings.

It knows the words and the statuses. What led to a decision, and how it is shown, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kb.errors import UsageError
from kb.planning import fields as checks
from kb.records import CandidateStatus, Choice, Decision, Experiment, Project
from kb.store import Store

STATUS: dict[Choice, CandidateStatus] = {
    "adopt": "adopted",
    "park": "parked",
    "reject": "rejected",
}
"""What a decision makes of its candidates."""


def decide(store: Store, project: str, given: dict[str, Any]) -> Decision:
    """Adopt, park or reject candidates, and say why. Their status follows at once.

    One that supersedes another is about the same candidates unless it names its own; what it
    leaves out goes back to what other decisions say. Context and confirmation, where not given, are
    written from the brief and the experiments as they are today. UsageError where no finding is
    named or a field does not fit.
    """
    typed = checks.check_decision(given)
    with store.transaction():
        found = store.projects.get(project)
        old = None
        if typed.get("supersedes") is not None:
            old = store.decisions.get(project, typed["supersedes"])
            for name in ("candidates", "alternatives", "experiments"):
                typed.setdefault(name, getattr(old, name))
        if not typed.get("candidates"):
            raise UsageError("Name the findings that this decides on.")
        typed.setdefault("context", _context(found))
        if "confirmation" not in typed:
            confirming = [store.experiments.get(i) for i in typed.get("experiments", ())]
            typed["confirmation"] = " ".join(_confirms(e, found.brief) for e in confirming)
        made = store.decisions.add(project, typed.pop("title"), typed.pop("choice"), **typed)
        _restate(store, project, {*made.candidates, *(old.candidates if old else ())}, made)
    return made


def _restate(store: Store, project: str, finding_ids: Iterable[int], made: Decision) -> None:
    """Give each finding the status that the latest decision on it says, if any still does."""
    standing = [d for d in store.decisions.of_project(project) if d.superseded_by is None]
    for finding_id in sorted(finding_ids):
        on_it = [each for each in standing if finding_id in each.candidates]
        status: CandidateStatus
        if on_it:
            status = STATUS[on_it[-1].choice]
            reason = f"Decision {on_it[-1].number}: {on_it[-1].reason}"
        else:
            status = "shortlisted"
            reason = f"Decision {made.supersedes} was superseded by decision {made.number}."
        store.candidates.set(project, finding_id, status, reason=reason)


def _context(project: Project) -> str:
    """Why there is something to decide, from the brief."""
    brief = project.brief
    unit = f" {brief['unit']}" if brief.get("unit") else ""
    found = [f"Objective: {brief['objective']}."] if brief.get("objective") else []
    if brief.get("metric") and brief.get("baseline") is not None:
        source = f" ({brief['baseline_is']})" if brief.get("baseline_is") else ""
        target = f", the target {brief['target']:g}{unit}" if brief.get("target") else ""
        found.append(f"{brief['metric']} is at {brief['baseline']:g}{unit} today{source}{target}.")
    return " ".join(found)


def _confirms(experiment: Experiment, brief: Mapping[str, object]) -> str:
    """How the experiment decides, and what it has measured."""
    unit = f" {brief['unit']}" if brief.get("unit") else ""
    rule = f" {experiment.success.rstrip('.')}." if experiment.success else ""
    if experiment.threshold is not None:
        way = "at most" if brief.get("direction") == "lower" else "at least"
        metric = brief.get("metric") or "The metric"
        rule = f" {metric} of {way} {experiment.threshold:g}{unit}.{rule}"
    measured = ""
    if experiment.result is not None and experiment.result.value is not None:
        measured = f" Measured: {experiment.result.value:g}{unit}."
    return f"“{experiment.title}”:{rule or ' no threshold was set.'}{measured}"
