"""The typed fields of experiments, trial runs, ratings and decisions: what is allowed in them.

Knows types and sentences about them. Stores nothing.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from kb.errors import UsageError
from kb.fields import Fields, Hours, MetricMapping, Text, checked
from kb.records import Choice, Factor, Gain, Rating, Result

Title = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=0)]
Ids = tuple[int, ...]


class GainFields(Fields):
    """A gain as the team expects it, in the unit of the project's metric; positive is better."""

    low: float
    likely: float
    high: float


class ExperimentFields(Fields):
    """A thing to try."""

    title: Title
    hypothesis: Text = ""
    candidates: Ids = ()  # findings
    retraining: bool | None = None
    depends_on: Ids = ()  # experiments
    gain: GainFields | None = None
    gain_reason: Text = ""
    person_hours: Hours | None = None
    gpu_hours: Hours | None = None  # of all runs
    runs: Count | None = None
    run_hours: Hours | None = None  # of one
    threshold: float | None = None
    success: Text = ""
    note: Text = ""


class ResultFields(Fields):
    """What came of an experiment."""

    value: float | None = None
    baseline: float | None = None
    person_hours: Hours | None = None
    gpu_hours: Hours | None = None
    note: Text = ""


class TrialFields(Fields):
    """One trial run."""

    model: Title
    samples: Annotated[int, Field(gt=0)]
    hours: Annotated[float, Field(gt=0)]
    parameters: Annotated[float, Field(gt=0)] | None = None  # millions
    value: float | None = None
    machine: Text = ""
    note: Text = ""


class RatingFields(Fields):
    """What is thought of one of the seven factors of a dataset."""

    factor: Factor
    rating: Rating
    note: Text = ""
    evidence: Ids = ()


class LabelFields(Fields):
    """What is known of labels that are to be made."""

    cost: Annotated[float, Field(ge=0)] | None = None  # of one
    money: Annotated[float, Field(ge=0)] | None = None  # for all, in the same currency
    labels: Count | None = None
    disagreement: Annotated[float, Field(ge=0, le=1)] | None = None
    labels_an_hour: Annotated[float, Field(gt=0)] | None = None  # of one person
    people: Annotated[int, Field(gt=0)] | None = None


class DecisionFields(Fields):
    """What is decided, and why."""

    title: Title
    choice: Choice
    candidates: Ids = ()
    alternatives: Ids = ()
    experiments: Ids = ()
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    context: Text = ""
    consequences: Text = ""
    confirmation: Text = ""
    supersedes: int | None = None


def check_experiment(given: dict[str, Any]) -> dict[str, Any]:
    """An experiment's fields, typed, what is unknown left out; UsageError for what does not fit."""
    typed: dict[str, Any] = checked(ExperimentFields, _known(given), "An experiment")
    if "gain" in typed:
        check_gain(Gain(**typed["gain"]), typed.get("gain_reason", ""))
    return typed


def check_gain(gain: Gain, reason: str) -> None:
    """UsageError for a gain whose numbers are out of order, or that rests on nothing."""
    if not gain.low <= gain.likely <= gain.high:
        raise UsageError(
            f"A gain goes from low over likely to high, and {gain.low:g}, {gain.likely:g}, "
            f"{gain.high:g} does not."
        )
    if not reason.strip():
        raise UsageError("Say what this gain rests on (gain_reason): the team's word stands alone.")


def check_result(given: dict[str, Any], *, at: str, by: str) -> Result:
    """A result, noted `by` a member; UsageError where it neither measures nor says anything."""
    typed: dict[str, Any] = checked(ResultFields, _known(given), "A result")
    if "value" not in typed and not typed.get("note"):
        raise UsageError("Say what came of it: the value that was measured, or a note.")
    return Result(**typed, at=at, by=by)


def check_trial(given: dict[str, Any]) -> dict[str, Any]:
    """A trial run's fields, typed; UsageError for what does not fit."""
    return checked(TrialFields, _known(given), "A trial run")


def check_rating(given: dict[str, Any]) -> dict[str, Any]:
    """A rating's fields, typed; UsageError for what does not fit."""
    return checked(RatingFields, _known(given), "A rating")


def check_labels(given: dict[str, Any]) -> dict[str, Any]:
    """What is known of labels, typed; UsageError for what does not fit."""
    return checked(LabelFields, _known(given), "A labelling plan")


def check_decision(given: dict[str, Any]) -> dict[str, Any]:
    """A decision's fields, typed; UsageError for what does not fit."""
    return checked(DecisionFields, _known(given), "A decision")


def check_mapping(metric: str, factor: float, reason: str) -> dict[str, object]:
    """How a gain on another metric maps to the project's; UsageError for what does not fit."""
    if not metric.strip():
        raise UsageError("Name the metric that is mapped to the project's.")
    return checked(MetricMapping, {"factor": factor, "reason": reason}, "A mapping")


def _known(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
