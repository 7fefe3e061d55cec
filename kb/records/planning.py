"""What follows from findings: experiments with their gains and costs, plans, and decisions.

A gain is in the unit of its project's metric and counts upwards whichever way the metric points:
positive is better. Hours are hours of work or of running time, never of the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from kb.records.findings import Candidate, Evidence, Finding, Project

ExperimentStatus = Literal["planned", "running", "finished", "dropped"]
Basis = Literal["team", "evidence"]
Factor = Literal[
    "size", "compute", "resources", "documentation", "cleanliness", "source", "ground_truth"
]
Rating = Literal["good", "fair", "poor", "unknown"]
Choice = Literal["adopt", "park", "reject"]
Phase = Literal["training", "last stretch"]

EXPERIMENT_STATUSES: tuple[ExperimentStatus, ...] = ("planned", "running", "finished", "dropped")
FACTORS: tuple[Factor, ...] = (
    "size", "compute", "resources", "documentation", "cleanliness", "source", "ground_truth",
)  # fmt: skip
RATINGS: tuple[Rating, ...] = ("good", "fair", "poor", "unknown")
CHOICES: tuple[Choice, ...] = ("adopt", "park", "reject")


# -- experiments -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gain:
    """A gain that is expected: one in ten lies below `low`, one in ten above `high`."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was expected of an experiment when it was started. Never changes."""

    gain: Gain | None
    basis: Basis | None
    evidence_gain: Gain | None
    person_hours: float | None
    gpu_hours: float | None
    at: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an experiment."""

    value: float | None = None  # of the project's metric, as measured
    baseline: float | None = None  # measured beside it; None: the brief's
    person_hours: float | None = None
    gpu_hours: float | None = None
    note: str = ""
    at: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """A thing to try."""

    id: int
    project: str
    title: str
    hypothesis: str
    candidates: tuple[int, ...]  # ids of the findings it tries
    retraining: bool | None  # None: unknown
    depends_on: tuple[int, ...]  # ids of experiments
    gain: Gain | None  # the team's own; None: the evidence's is used
    gain_reason: str  # why the team overrules the evidence
    person_hours: float | None
    gpu_hours: float | None  # of all runs
    runs: int | None  # training runs
    run_hours: float | None  # running time of one
    threshold: float | None  # value of the project's metric from which it has succeeded
    success: str  # how that is decided, in words
    status: ExperimentStatus
    forecast: Forecast | None
    result: Result | None
    note: str
    revision: int
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str
    uid: str = ""  # the same in every library it is brought to

    @property
    def hours(self) -> float | None:
        """Hours until it is done: people's work, then its runs; None where neither is known.

        Runs wait for each other; where only GPU hours are known, they run on one GPU.
        """
        running = self.runs * self.run_hours if self.runs and self.run_hours else self.gpu_hours
        if self.person_hours is None and running is None:
            return None
        return (self.person_hours or 0.0) + (running or 0.0)


# -- what the evidence lets us expect --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Discount:
    """Why a reported effect counts for less here."""

    name: str  # "domain", "data size", "source", "same group", "age", "evidence against"
    factor: float  # 0 to 1
    why: str


@dataclass(frozen=True, slots=True)
class WeighedEffect:
    """A reported effect on the project's metric, and what is left of it."""

    evidence: Evidence
    reported: float  # in the project's unit, positive is better
    discounts: tuple[Discount, ...]
    expected: float  # after all discounts; never further from nothing than reported
    weight: float  # share in the combined gain, 0 to 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the evidence of an experiment's candidates lets us expect, with its arithmetic."""

    gain: Gain | None  # None: nothing comparable is reported
    method: str  # a sentence that names it and its source
    effects: tuple[WeighedEffect, ...]
    not_comparable: tuple[tuple[Evidence, str], ...]  # with the reason
    steps: tuple[str, ...]  # the arithmetic, line by line


@dataclass(frozen=True, slots=True)
class Swap:
    """Two neighbours in the ranking that often change places."""

    upper: int  # experiment ids
    lower: int
    share: float  # of draws in which they do
    advice: str  # what would separate them


@dataclass(frozen=True, slots=True)
class Ranked:
    """An experiment at its place."""

    experiment: Experiment
    rank: int  # from 1
    estimate: Estimate
    gain: Gain | None  # what counts: the team's, else the evidence's
    basis: Basis | None
    hours: float | None
    gain_per_hour: float | None  # None: gain or hours unknown; such stand last
    expected: float | None  # mean of the gain's distribution
    front: bool  # no other has more gain in less time
    first: float  # share of draws in which it is first
    ranks: tuple[int, int]  # it is between these ranks in nine of ten draws


@dataclass(frozen=True, slots=True)
class Ranking:
    """The experiments of a project in order, and how sure that order is."""

    ranked: tuple[Ranked, ...]
    swaps: tuple[Swap, ...]
    draws: int
    sentences: tuple[str, ...]


# -- the schedule ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left until the deadline."""

    start: date
    deadline: date | None
    working_days: int
    people: int
    hours_a_day: float  # of each of them
    gpu_hours: float | None  # None: not limited
    gpus: int  # that run at once; 0: none


@dataclass(frozen=True, slots=True)
class Slot:
    """When an experiment is worked on. Both days belong to it."""

    experiment: int
    title: str
    phase: Phase
    start: date
    end: date
    start_hour: float  # working hours from the schedule's beginning
    end_hour: float
    person_hours: float
    gpu_hours: float
    gain: float  # what it adds to the goal


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An experiment that does not fit, and why."""

    experiment: int
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """The experiments that fit into what is left, the training ones first."""

    budget: Budget
    slots: tuple[Slot, ...]
    left_out: tuple[LeftOut, ...]  # the next best first
    last_stretch: date | None  # from here on nothing trains
    gain: float
    person_hours: float
    gpu_hours: float
    optimal: bool  # proven
    sentences: tuple[str, ...]  # what fits, the cut line, what more time would add


# -- trial runs, data and its labels ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial run: how long it took at that size, and what it reached."""

    id: int
    project: str
    model: str
    parameters: float | None  # millions
    samples: int
    hours: float
    value: float | None  # of the project's metric
    machine: str
    note: str
    created_at: str
    created_by: str


@dataclass(frozen=True, slots=True)
class FactorRating:
    """What the team thinks of one of the seven factors of a dataset."""

    factor: Factor
    rating: Rating
    note: str
    evidence: tuple[int, ...]  # ids
    updated_at: str
    updated_by: str


@dataclass(frozen=True, slots=True)
class Fit:
    """A measured answer to: does it suit our data? It never changes; measure again for a new one.

    `body` is the whole report as JSON, in the words of `kb.fit`.
    """

    id: int
    project: str  # "" where it was measured for none
    finding: int | None
    kind: Literal["dataset", "model"]
    source: str  # what was tried: a file's name, a model's
    source_sha256: str
    target: str  # a file's name
    target_sha256: str
    verdict: str
    sentences: tuple[str, ...]
    body: dict[str, Any]
    created_at: str
    created_by: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known about a dataset for a project."""

    finding: Finding
    ratings: tuple[FactorRating, ...]  # all seven, "unknown" where nobody has said
    fit: Fit | None  # the latest


# -- decisions -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and why. It never changes: another one supersedes it."""

    id: int
    project: str
    number: int  # within the project, from 1
    title: str
    choice: Choice
    candidates: tuple[int, ...]  # ids of the findings it is about
    alternatives: tuple[int, ...]  # of those that were considered beside them
    experiments: tuple[int, ...]  # that confirm it
    context: str
    reason: str
    consequences: str
    confirmation: str
    supersedes: int | None  # number
    superseded_by: int | None
    created_at: str
    created_by: str
    uid: str = ""


# -- all of it -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Supported:
    """A finding with all that it rests on, oldest first, and what projects make of it."""

    finding: Finding
    evidence: tuple[Evidence, ...]
    candidates: tuple[Candidate, ...]

    @property
    def against(self) -> int:
        """How many of the evidences speak against it."""
        return sum(evidence.stance == "against" for evidence in self.evidence)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How good the forecasts of finished experiments were."""

    finished: int  # with a forecast and a measured value
    inside: float | None  # share of results between low and high; 0.8 is right
    bias: float | None  # mean of measured less likely gain
    hours_ratio: float | None  # median of hours taken over hours planned
    by: tuple[tuple[str, str, int, float], ...]  # "axis"/"source"/"member", name, count, bias
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A project from brief to decisions: what every export is made from."""

    project: Project
    missing: tuple[str, ...]  # fields of the brief
    questions: tuple[str, ...]  # to be answered first, the most pressing first
    findings: tuple[Supported, ...]  # the project's candidates, by kind and name
    axes: dict[str, str]  # id → name, in the order of the workflow
    ranking: Ranking
    experiments: tuple[Experiment, ...]  # all of them, by number
    schedule: Schedule | None  # None: the brief does not say how much time there is
    assessments: tuple[Assessment, ...]
    trials: tuple[Trial, ...]
    decisions: tuple[Decision, ...]
    calibration: Calibration
    risks: tuple[str, ...]
    deployment: tuple[str, ...]  # what follows from real time or batch, in sentences
    made_at: str
