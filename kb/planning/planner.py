"""From findings to a plan: experiments, their order, when each is done, and what was decided.

The one entrance to this room for command line and page. Widgets and printing are theirs; tables are
the store's, and the arithmetic stands in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from kb.errors import UsageError
from kb.planning import fields as checks
from kb.planning.budget import budget, lacking
from kb.planning.decisions import decide
from kb.planning.deployment import deployment
from kb.planning.questions import questions, risks
from kb.records import (
    CANDIDATE_STATUSES,
    FACTORS,
    Assessment,
    Basis,
    Calibration,
    CandidateStatus,
    Decision,
    Estimate,
    Evidence,
    Experiment,
    FactorRating,
    Finding,
    Forecast,
    Gain,
    Plan,
    Project,
    Ranking,
    Result,
    Schedule,
    Supported,
    Trial,
)
from kb.store import Store

if TYPE_CHECKING:
    from kb.planning.effects import Discounts, Setting
    from kb.planning.labelling import LabellingPlan
    from kb.planning.ladder import Ladder

Missing = Callable[[dict[str, object]], list[str]]

SOLVING = 5.0  # seconds that a schedule may take


class Planner:
    """Experiments, plans and decisions of one library. Belongs to the thread of its store."""

    def __init__(
        self, store: Store, axes: Sequence[tuple[str, str, str]], *, missing: Missing
    ) -> None:
        """`axes` are id, name and retraining of each; `missing` says what a brief lacks."""
        self._store = store
        self._axes = axes
        self._missing = missing

    # -- experiments -----------------------------------------------------------------------------

    def new(self, project: str, given: dict[str, Any]) -> Experiment:
        """A new experiment. What its candidates say of retraining and hours is taken over.

        Its findings become candidates of the project, planned. UsageError for fields that do not
        fit and for a circle of experiments that wait for each other.
        """
        with self._store.transaction():
            typed = checks.check_experiment(given)
            typed = {**self._of_candidates(typed.get("candidates", [])), **typed}
            made = self._store.experiments.add(
                project, typed.pop("title"), _kept(typed), **_linked(typed)
            )
            self._advance(made, "planned")
        return made

    def edit(self, experiment: Experiment, changes: dict[str, Any]) -> Experiment:
        """Change what is given; None clears. Conflict where it has changed since it was read."""
        with self._store.transaction():
            typed = checks.check_experiment({**_given(experiment), **changes})
            edited = self._store.experiments.edit(
                experiment.id,
                experiment.revision,
                title=typed.pop("title"),
                fields=_kept(typed),
                **{"candidates": (), "depends_on": (), **_linked(typed)},
            )
            if edited.status in {"planned", "running"}:
                self._advance(edited, "planned")
        return edited

    def overrule(self, experiment: Experiment, gain: Gain | None, reason: str = "") -> Experiment:
        """Put the team's gain before the evidence's, with a reason; None takes it back.

        Both stay to be seen.
        """
        if gain is None:
            return self.edit(experiment, {"gain": None, "gain_reason": None})
        return self.edit(experiment, {"gain": asdict(gain), "gain_reason": reason})

    def start(self, experiment: Experiment, *, today: date | None = None) -> Experiment:
        """Begin it: what is expected of it now is kept, to be compared with what comes."""
        self._require(experiment, "planned", "dropped")
        gain, basis, estimate = self._expected(experiment, today)
        forecast = Forecast(
            gain=gain,
            basis=basis,
            evidence_gain=estimate.gain,
            person_hours=experiment.person_hours,
            gpu_hours=_gpu_hours(experiment),
            at=_now(),
        )
        with self._store.transaction():
            started = self._store.experiments.move(
                experiment.id, experiment.revision, "running", forecast=forecast
            )
            self._advance(started, "trying")
        return started

    def finish(self, experiment: Experiment, given: dict[str, Any]) -> Experiment:
        """Say what came of it; again, to correct that."""
        self._require(experiment, "running", "finished")
        result = checks.check_result(given, at=_now(), by=self._store.events.member)
        return self._store.experiments.move(
            experiment.id, experiment.revision, "finished", result=result
        )

    def drop(self, experiment: Experiment, reason: str) -> Experiment:
        """Give it up, and say why. `start` takes it up again."""
        self._require(experiment, "planned", "running")
        if not reason.strip():
            raise UsageError("Say why it is dropped: the next project will ask.")
        result = Result(note=reason.strip(), at=_now(), by=self._store.events.member)
        return self._store.experiments.move(
            experiment.id, experiment.revision, "dropped", result=result
        )

    def _require(self, experiment: Experiment, *statuses: str) -> None:
        if experiment.status not in statuses:
            hints = {
                "planned": "Start it first, so that what is expected of it is kept",
                "running": "It is running: finish or drop it",
                "finished": "It is finished: plan another one",
                "dropped": "It was dropped: start it to take it up again",
            }
            raise UsageError(f"“{experiment.title}”: {hints[experiment.status]}.")

    def _of_candidates(self, ids: Iterable[int]) -> dict[str, Any]:
        """Retraining and hours as the candidates' own fields and axes say, where all of them do."""
        found = [self._store.findings.get(each) for each in ids]
        given: dict[str, Any] = {}
        needs = [self._retraining(each) for each in found]
        if True in needs:
            given["retraining"] = True
        elif needs and None not in needs:
            given["retraining"] = False
        for name in ("person_hours", "gpu_hours"):
            hours = [each.fields.get(name) for each in found]
            if hours and None not in hours:
                given[name] = sum(float(str(each)) for each in hours)
        return given

    def _retraining(self, finding: Finding) -> bool | None:
        stated = finding.fields.get("retraining")
        if isinstance(stated, bool):
            return stated
        axes = {axis: retraining for axis, _, retraining in self._axes}
        return {"always": True, "never": False}.get(axes.get(str(finding.fields.get("axis")), ""))

    def _advance(self, experiment: Experiment, status: CandidateStatus) -> None:
        """Let the experiment's findings be candidates that have come as far as `status`."""
        earlier = CANDIDATE_STATUSES[: CANDIDATE_STATUSES.index(status)]
        for finding_id in experiment.candidates:
            have = {c.project: c.status for c in self._store.candidates.of_finding(finding_id)}
            if have.get(experiment.project, "new") in earlier:
                self._store.candidates.set(experiment.project, finding_id, status)

    # -- what to expect, and in which order ------------------------------------------------------

    def explain(self, experiment_id: int, *, today: date | None = None) -> Estimate:
        """What the evidence of an experiment's candidates lets us expect, with its arithmetic."""
        return self._estimate(self._store.experiments.get(experiment_id), today)

    def rank(self, project: str, *, today: date | None = None) -> Ranking:
        """The experiments that are planned or running, in order, and how sure that order is."""
        from kb.planning.effects import estimate
        from kb.planning.rank import rank

        found = self._store.projects.get(project)
        open_ = [e for e in self._store.experiments.of_project(project) if _is_open(e)]
        cited = self._evidence_of(open_)
        setting = self._setting(found, today)
        pairs = [
            (each, estimate([e for i in each.candidates for e in cited[i]], setting))
            for each in open_
        ]
        return rank(pairs)

    def map_metric(
        self, project: str, metric: str, factor: float | None, reason: str = ""
    ) -> Project:
        """State what a gain on another metric is worth on the project's own; None takes it back.

        One point of `metric` counts as `factor` points. UsageError without a reason.
        """
        with self._store.transaction():
            found = self._store.projects.get(project)
            kept = dict(_mapping(found.brief.get("mappings")))
            kept.pop(metric.strip(), None)
            if factor is not None:
                kept[metric.strip()] = checks.check_mapping(metric, factor, reason)
            brief = {name: value for name, value in found.brief.items() if name != "mappings"}
            return self._store.projects.edit(
                project, found.revision, brief | ({"mappings": kept} if kept else {})
            )

    def _estimate(self, experiment: Experiment, today: date | None) -> Estimate:
        from kb.planning.effects import estimate

        project = self._store.projects.get(experiment.project)
        cited = self._evidence_of([experiment])
        evidence = [each for i in experiment.candidates for each in cited[i]]
        return estimate(evidence, self._setting(project, today))

    def _expected(
        self, experiment: Experiment, today: date | None
    ) -> tuple[Gain | None, Basis | None, Estimate]:
        """What counts: the team's gain, else the evidence's."""
        estimate = self._estimate(experiment, today)
        if experiment.gain is not None:
            return experiment.gain, "team", estimate
        return estimate.gain, "evidence" if estimate.gain else None, estimate

    def _evidence_of(self, experiments: Sequence[Experiment]) -> dict[int, Sequence[Evidence]]:
        """The evidence of each finding that the experiments try."""
        ids = {finding_id for each in experiments for finding_id in each.candidates}
        return {finding_id: self._store.findings.evidence(finding_id) for finding_id in ids}

    def _setting(
        self, project: Project, today: date | None, discounts: Discounts | None = None
    ) -> Setting:
        """What effects are judged for; with the library's discounts, unless others are given."""
        from kb.planning.effects import Setting

        brief = project.brief
        return Setting(
            metric=str(brief.get("metric") or ""),
            direction="lower" if brief.get("direction") == "lower" else "higher",
            unit=str(brief.get("unit") or ""),
            baseline=_number(brief.get("baseline")),
            domain=str(brief.get("domain") or ""),
            training_samples=_count(brief.get("training_samples")),
            year=(today or date.today()).year,
            mappings={
                metric: (float(each["factor"]), str(each["reason"]))
                for metric, each in _mapping(brief.get("mappings")).items()
            },
            discounts=discounts or self._discounts(today),
        )

    def _discounts(self, today: date | None) -> Discounts:
        """As documented, or refitted where enough experiments of this library are finished."""
        from kb.planning.calibration import REFIT_AT, refit
        from kb.planning.effects import Discounts, estimate

        finished, known = self._finished(None), Discounts()
        if len(finished) < REFIT_AT:
            return known
        cited = self._evidence_of([each for _, each in finished])
        settings = {p.name: self._setting(p, today, known) for p, _ in finished}
        pairs = [
            (each, estimate([e for i in each.candidates for e in cited[i]], settings[p.name]))
            for p, each in finished
        ]
        return refit(pairs, known) or known

    # -- the schedule ----------------------------------------------------------------------------

    def schedule(
        self,
        project: str,
        *,
        today: date | None = None,
        days: int | None = None,
        people: int | None = None,
        gpus: int | None = None,
        ranking: Ranking | None = None,
        seconds: float = SOLVING,
    ) -> Schedule | None:
        """What fits into what is left; None where the brief does not say how much that is.

        `days` (working days), `people` and `gpus` stand before the brief's.
        """
        from kb.planning.schedule import schedule

        brief = self._store.projects.get(project).brief
        left = budget(brief, today=today or date.today(), days=days, people=people, gpus=gpus)
        if left is None:
            return None
        experiments = self._store.experiments.of_project(project)
        return schedule(
            (ranking or self.rank(project, today=today)).ranked,
            left,
            finished={each.id for each in experiments if each.status == "finished"},
            seconds=seconds,
        )

    # -- trial runs ------------------------------------------------------------------------------

    def add_trial(self, project: str, given: dict[str, Any]) -> Trial:
        """Keep a trial run; UsageError for fields that do not fit."""
        typed = checks.check_trial(given)
        return self._store.trials.add(project, typed.pop("model"), **typed)

    def remove_trial(self, trial_id: int) -> Trial:
        """Take a trial run back."""
        return self._store.trials.remove(trial_id)

    def trials(self, project: str) -> list[Trial]:
        """The project's trial runs, oldest first."""
        return self._store.trials.of_project(project)

    def ladder(self, project: str) -> Ladder:
        """How runtime and metric grow with size, and the largest size with which all fits."""
        from kb.planning.ladder import ladder

        brief = self._store.projects.get(project).brief
        experiments = self._store.experiments.of_project(project)
        return ladder(
            self.trials(project),
            [each for each in experiments if _is_open(each)],
            gpu_hours=_number(brief.get("gpu_hours")),
            direction="lower" if brief.get("direction") == "lower" else "higher",
        )

    # -- data ------------------------------------------------------------------------------------

    def rate(
        self,
        project: str,
        finding_id: int,
        factor: str,
        rating: str,
        *,
        note: str = "",
        evidence: Sequence[int] = (),
    ) -> FactorRating:
        """Rate one of the seven factors of a dataset; UsageError for what is no dataset."""
        finding = self._store.findings.get(finding_id)
        if finding.kind != "dataset":
            kind = finding.kind.replace("_", " ")
            raise UsageError(f"“{finding.name}” is a {kind}: the seven factors are of datasets.")
        typed = checks.check_rating(
            {"factor": factor, "rating": rating, "note": note, "evidence": list(evidence)}
        )
        return self._store.factor_ratings.set(project, finding.id, **typed)

    def assessments(self, project: str) -> list[Assessment]:
        """What is known of each dataset that the project considers, by name."""
        ids = {each.finding.id for each in self._store.candidates.of_project(project)}
        datasets = self._store.findings.all(kind="dataset")
        return self._assessments(project, [each for each in datasets if each.id in ids])

    def _assessments(self, project: str, findings: Iterable[Finding]) -> list[Assessment]:
        ratings = self._store.factor_ratings.of_project(project)
        fits = {}
        for fit in reversed(self._store.fits.all(project=project)):  # the newest is set last
            if fit.kind == "dataset" and fit.finding is not None:
                fits[fit.finding] = fit
        return [
            Assessment(
                finding,
                tuple(
                    ratings.get(finding.id, {}).get(factor)
                    or FactorRating(factor, "unknown", "", (), "", "")
                    for factor in FACTORS
                ),
                fits.get(finding.id),
            )
            for finding in findings
            if finding.kind == "dataset"
        ]

    def labelling(self, project: str, given: dict[str, Any]) -> LabellingPlan:
        """What labels cost and how small a gain they could show, as far as it is known.

        `given` holds fields of `LabelFields`; people, baseline and smallest gain are the brief's.
        """
        from kb.planning.labelling import Wish, labelling, wished

        brief = self._store.projects.get(project).brief
        people = _count(brief.get("people")) or 1
        return labelling(wished(brief, Wish(**{"people": people, **checks.check_labels(given)})))

    def _supported(self, project: str) -> list[Supported]:
        """The findings that the project considers, by kind and name, with their evidence."""
        ids = {each.finding.id for each in self._store.candidates.of_project(project)}
        findings = [each for each in self._store.findings.all() if each.id in ids]
        return self._store.candidates.supported(findings)

    # -- decisions -------------------------------------------------------------------------------

    def decide(self, project: str, given: dict[str, Any]) -> Decision:
        """Adopt, park or reject candidates, and say why. Their status follows at once.

        One that supersedes another is about the same candidates unless it names its own; what it
        leaves out goes back to what other decisions say. Context and confirmation, where not given,
        are written from the brief and the experiments as they are today.
        """
        return decide(self._store, project, given)

    def decisions(self, project: str) -> list[Decision]:
        """The project's decisions by number, those that were superseded too."""
        return self._store.decisions.of_project(project)

    # -- calibration -----------------------------------------------------------------------------

    def calibration(self, project: str | None = None) -> Calibration:
        """How good the forecasts of finished experiments were, of one project or of all.

        Of all, biases are told for projects that share metric and unit only.
        """
        from kb.planning.calibration import calibrate

        finished = self._finished(project)
        labels = {each.id: self._labels(each) for _, each in finished}
        found = calibrate(
            [each for _, each in finished], direction="higher", baseline=None, labels=labels
        )
        if len({(p.brief.get("metric"), p.brief.get("unit")) for p, _ in finished}) < 2:
            return found
        return replace(
            found,
            bias=None,
            by=(),
            sentences=(
                "The projects measure in different metrics: ask one of them how far its forecasts "
                "were off.",
            ),
        )

    def _finished(self, project: str | None) -> list[tuple[Project, Experiment]]:
        """All that are finished, of one project or of all.

        Their results have the baseline beside them and count upwards, whatever the metric does.
        """
        store = self._store
        if project is None:
            projects = [*store.projects.all(), *store.projects.all(archived=True)]
        else:
            projects = [store.projects.get(project)]
        by_name = {each.name: each for each in projects}
        return [
            (by_name[each.project], _upwards(each, by_name[each.project].brief))
            for each in store.experiments.all()
            if each.status == "finished" and each.project in by_name
        ]

    def _labels(self, experiment: Experiment) -> list[tuple[str, str]]:
        """What a forecast's error may depend on: axis, kind of document, and who planned it."""
        labels = {("member", experiment.created_by)}
        for finding_id in experiment.candidates:
            axis = self._store.findings.get(finding_id).fields.get("axis")
            labels |= {("axis", str(axis))} if axis else set()
            for evidence in self._store.findings.evidence(finding_id):
                labels.add(("source", evidence.document.kind))
        return sorted(labels)

    # -- all of it -------------------------------------------------------------------------------

    def questions(
        self, project: str, *, today: date | None = None, ranking: Ranking | None = None
    ) -> tuple[str, ...]:
        """What to answer before the plan is believed, the most pressing first."""
        considered = self._considered(project)
        return self._questions(
            self._store.projects.get(project),
            ranking or self.rank(project, today=today),
            [each for each in self.assessments(project) if each.finding.id in considered],
        )

    def _considered(self, project: str) -> set[int]:
        """Ids of the findings that the project has neither rejected nor parked."""
        candidates = self._store.candidates.of_project(project)
        return {each.finding.id for each in candidates if each.status not in {"rejected", "parked"}}

    def _questions(
        self, project: Project, ranking: Ranking, assessments: Sequence[Assessment]
    ) -> tuple[str, ...]:
        return questions(
            project.brief,
            self._store.experiments.of_project(project.name),
            ranking.ranked,
            assessments,
            lacking=lacking(project.brief),
        )

    def plan(
        self,
        project: str,
        *,
        today: date | None = None,
        days: int | None = None,
        people: int | None = None,
        gpus: int | None = None,
        seconds: float = SOLVING,
    ) -> Plan:
        """The project from brief to decisions, as it stands now."""
        found = self._store.projects.get(project)
        findings = self._supported(project)
        considered = self._considered(project)
        open_findings = [each for each in findings if each.finding.id in considered]
        assessments = self._assessments(project, [each.finding for each in findings])
        open_assessments = [each for each in assessments if each.finding.id in considered]
        ranking = self.rank(project, today=today)
        calibration = self.calibration(project)
        return Plan(
            project=found,
            missing=tuple(self._missing(found.brief)),
            questions=self._questions(found, ranking, open_assessments),
            findings=tuple(findings),
            axes={axis: name for axis, name, _ in self._axes},
            ranking=ranking,
            experiments=tuple(self._store.experiments.of_project(project)),
            schedule=self.schedule(
                project,
                today=today,
                days=days,
                people=people,
                gpus=gpus,
                ranking=ranking,
                seconds=seconds,
            ),
            assessments=tuple(assessments),
            trials=tuple(self.trials(project)),
            decisions=tuple(self.decisions(project)),
            calibration=calibration,
            risks=risks(found.brief, open_findings, ranking.ranked, open_assessments, calibration),
            deployment=deployment(found.brief, open_findings),
            made_at=_now(),
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _is_open(experiment: Experiment) -> bool:
    return experiment.status in {"planned", "running"}


def _gpu_hours(experiment: Experiment) -> float | None:
    if experiment.gpu_hours is None and experiment.runs and experiment.run_hours:
        return experiment.runs * experiment.run_hours
    return experiment.gpu_hours


def _given(experiment: Experiment) -> dict[str, Any]:
    """The fields of an experiment as `check_experiment` takes them."""
    names = checks.ExperimentFields.model_fields
    return {name: value for name, value in asdict(experiment).items() if name in names}


def _kept(typed: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in typed.items() if k not in {"title", "candidates", "depends_on"}}


def _linked(typed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: typed[name] for name in ("candidates", "depends_on") if name in typed}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _upwards(experiment: Experiment, brief: Mapping[str, object]) -> Experiment:
    """The experiment with its result beside its baseline, both counted so that more is better."""
    result = experiment.result
    if result is None or result.value is None:
        return experiment
    baseline = _number(brief.get("baseline")) if result.baseline is None else result.baseline
    sign = -1.0 if brief.get("direction") == "lower" else 1.0
    beside = None if baseline is None else sign * baseline
    return replace(experiment, result=replace(result, value=sign * result.value, baseline=beside))
