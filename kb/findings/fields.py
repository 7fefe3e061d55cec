"""The typed fields of findings, effects and project briefs: what is allowed, and what is missing.

Knows types and sentences about them. Stores nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from kb.errors import UsageError
from kb.fields import Fields, Hours, MetricMapping, Text, checked
from kb.records import Effect, FindingKind


class DesignChoice(Fields):
    """A way of doing something."""

    axis: Text = ""
    retraining: bool | None = None  # does trying it need a training?
    preconditions: Text = ""
    person_hours: Hours | None = None
    gpu_hours: Hours | None = None


class Dataset(Fields):
    """Data that others have collected."""

    task: Text = ""
    language: Text = ""
    size: Text = ""  # with its unit: "50,000 reviews"
    labels: Text = ""
    licence: Text = ""
    access: Text = ""  # how to get it
    collected_from: Text = ""
    labelled_by: Text = ""


class PretrainedModel(Fields):
    """Weights that others have trained."""

    architecture: Text = ""
    parameters: Text = ""
    pretrained_on: Text = ""
    licence: Text = ""
    access: Text = ""
    max_input: Text = ""
    languages: Text = ""


class Brief(Fields):
    """What a project wants. Metric and baseline come first: a gain without them means nothing."""

    metric: Text = ""  # of the model: "macro-F1"
    direction: Literal["higher", "lower"] = "higher"
    unit: Text = ""  # of the metric: "%", "points"
    baseline: float | None = None
    baseline_is: Text = ""  # majority class, rules, today's model
    target: float | None = None
    smallest_gain: float | None = Field(default=None, ge=0)
    objective: Text = ""
    value: Text = ""  # what the product gains, in words
    value_unit: Text = ""
    review_start: date | None = None
    review_days: Annotated[float, Field(gt=0)] | None = None  # working days
    deadline: date | None = None  # of the experiments
    people: Annotated[int, Field(ge=0)] | None = None
    hours_a_week: Hours | None = None  # of each of them
    gpu_hours: Hours | None = None  # in all, until the deadline
    gpus: Annotated[int, Field(ge=0)] | None = None  # that run at once
    training_samples: Annotated[int, Field(ge=0)] | None = None  # of our own, with labels
    domain: Text = ""  # of our data: "customer-service e-mail"
    tie: Text = ""  # how the model metric moves what the product gains
    tie_evidence: Text = ""
    tie_breaks: Text = ""  # what would break it
    asked: Text = ""  # who was asked about metric and baseline
    deployment: Literal["", "real time", "batch"] = ""
    latency_ms: Annotated[float, Field(gt=0)] | None = None
    cadence: Text = ""  # of a batch: "nightly"
    mappings: dict[str, MetricMapping] = Field(default_factory=dict)  # other metric → ours

    @field_validator("review_start", "deadline", mode="before")
    @classmethod
    def _empty_is_unknown(cls, value: Any) -> Any:
        return value or None


KINDS: dict[FindingKind, type[Fields]] = {
    "design_choice": DesignChoice,
    "dataset": Dataset,
    "pretrained_model": PretrainedModel,
}
ASKED_FIRST = ("metric", "unit", "baseline", "baseline_is")
ASKED = (
    *ASKED_FIRST, "objective", "value", "target", "smallest_gain", "review_start", "review_days",
    "deadline", "people", "hours_a_week", "deployment", "domain", "tie", "asked",
)  # fmt: skip


def check_fields(kind: FindingKind, given: dict[str, Any]) -> dict[str, object]:
    """`given` typed, what is unknown left out; UsageError names what does not fit."""
    return checked(KINDS[kind], given, f"A {kind.replace('_', ' ')}")


def check_brief(given: dict[str, Any]) -> dict[str, object]:
    """A project's brief, typed, what is unknown left out; UsageError names what does not fit."""
    brief = checked(Brief, given, "A project")
    if brief.get("deployment") != "real time" and "latency_ms" in brief:
        raise UsageError("A latency limit goes with deployment “real time”.")
    start, end = brief.get("review_start"), brief.get("deadline")
    if start and end and str(end) < str(start):
        raise UsageError(f"The deadline {end} lies before the review's start {start}.")
    return brief


def missing(brief: dict[str, object]) -> list[str]:
    """What a brief should say and does not, metric and baseline first."""
    return [name for name in ASKED if brief.get(name) in (None, "")]


def check_effect(given: dict[str, Any]) -> Effect:
    """An effect; UsageError where its metric, unit or numbers are missing."""
    effect = Effect(**given)
    for name in ("metric", "unit"):
        if not getattr(effect, name).strip():
            raise UsageError(f"The effect's {name} is missing: a number that is compared has one.")
    if effect.difference is None and effect.value is None:
        raise UsageError("An effect needs a value, with a baseline where one is stated, or a gain.")
    return effect
