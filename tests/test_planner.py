from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kb.errors import Conflict, NotFound, UsageError
from kb.knowledge_base import KnowledgeBase
from kb.planning.planner import Planner
from kb.records import FACTORS, Effect, Evidence, Experiment, Gain
from kb.store import Store
from tests.test_store import TEXT, add

TODAY = date(2026, 11, 24)  # a Tuesday
BRIEF = {
    "metric": "macro-F1", "unit": "points", "baseline": 70, "baseline_is": "word counts",
    "objective": "Sort e-mails by tone", "value": "fewer late answers", "tie": "angry ones first",
    "tie_evidence": "a week by hand", "tie_breaks": "Nobody reads the queue", "asked": "support",
    "smallest_gain": 1, "deadline": "2026-12-08", "people": 1, "hours_a_week": 40,
    "gpu_hours": 40, "gpus": 1, "deployment": "batch", "cadence": "nightly",
}  # fmt: skip
RESTARTS, FREEZING, IMDB, SMALL = 1, 2, 3, 4


@pytest.fixture
def kb(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """The project “mail” with two choices, a dataset and a model that literature offers."""
    store = knowledge_base.store
    knowledge_base.workbench.new_project("mail", BRIEF)
    for kind, name, fields in (
        ("design_choice", "Warm restarts", {"axis": "schedule", "person_hours": 4.0}),
        ("design_choice", "Threshold for each class", {"retraining": False}),
        ("dataset", "IMDB", {}),
        ("pretrained_model", "DistilBERT", {"licence": "Apache-2.0"}),
    ):
        finding = store.findings.add(kind, name, fields=fields)  # type: ignore[arg-type]
        store.candidates.set("mail", finding.id)
    add(store)
    return knowledge_base


def cite(
    store: Store, finding: int, *, at: int = 0, effect: Effect | None = None, **given: Any
) -> Evidence:
    """Words of the one document as evidence; another place for each `at`."""
    version = store.documents.by_key("arxiv:1901.00001").version_id
    quote = TEXT[at : at + 10]
    return store.findings.pin(finding, version, at, at + 10, quote=quote, effect=effect, **given)


def gain(points: float, metric: str = "macro-F1") -> Effect:
    return Effect(metric, "points", gain=points)


@pytest.fixture
def planner(kb: KnowledgeBase) -> Planner:
    return kb.planner


def planned(planner: Planner, title: str = "Try", **given: Any) -> Experiment:
    return planner.new("mail", {"title": title, **given})


def status(kb: KnowledgeBase, finding: int) -> str:
    return next(c.status for c in kb.store.candidates.of_finding(finding) if c.project == "mail")


# -- experiments -----------------------------------------------------------------------------------


def test_an_experiment_takes_over_what_its_candidates_say(kb: KnowledgeBase) -> None:
    planner = kb.planner
    alone = planned(planner, candidates=[RESTARTS])
    assert (alone.person_hours, alone.status) == (4.0, "planned")
    assert status(kb, RESTARTS) == "planned"
    assert planned(planner, candidates=[FREEZING]).retraining is False
    both = planned(planner, candidates=[RESTARTS, FREEZING])
    assert both.person_hours is None  # of one of them it is not known
    assert planned(planner, candidates=[FREEZING], retraining=True).retraining is True
    assert status(kb, IMDB) == "new"


def test_an_axis_says_whether_its_choices_need_a_training(kb: KnowledgeBase) -> None:
    found = kb.store.findings.add("design_choice", "Bigger", fields={"axis": "ours"})
    for says, expected in (("always", True), ("never", False), ("usually", None)):
        planner = Planner(kb.store, [("ours", "Ours", says)], missing=lambda brief: [])
        assert planned(planner, candidates=[found.id]).retraining is expected


def test_an_experiment_makes_its_findings_candidates(kb: KnowledgeBase) -> None:
    other = kb.store.findings.add("dataset", "SST-2")
    kb.store.candidates.set("mail", IMDB, "rejected", reason="other tone")
    planned(kb.planner, candidates=[other.id, IMDB])
    assert (status(kb, other.id), status(kb, IMDB)) == ("planned", "rejected")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"title": " "}, "experiment's title is missing"),
        ({"colour": "red"}, "has no field “colour”. Its fields are: title"),
        ({"runs": "many"}, "runs does not fit"),
        ({"gain": {"low": 2, "likely": 1, "high": 3}, "gain_reason": "x"}, "2, 1, 3 does not"),
        ({"gain": {"low": 0, "likely": 1, "high": 3}}, "Say what this gain rests on"),
        ({"gain": {"low": 0, "likely": 1}, "gain_reason": "x"}, "gain.high is missing"),
        ({"person_hours": float("nan")}, "person_hours does not fit"),
    ],
)
def test_what_does_not_fit_leaves_nothing_behind(
    kb: KnowledgeBase, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        planned(kb.planner, candidates=[IMDB], **given)
    with pytest.raises(NotFound, match="no finding 99"):
        planned(kb.planner, candidates=[IMDB, 99])
    assert kb.store.experiments.all() == []
    assert status(kb, IMDB) == "new"


def test_an_edit_keeps_what_it_does_not_name(planner: Planner) -> None:
    first = planned(planner, "First")
    made = planned(
        planner, candidates=[IMDB], depends_on=[first.id], person_hours=4, note="careful",
        gain={"low": -1, "likely": 2, "high": 3}, gain_reason="a trial",
    )  # fmt: skip
    edited = planner.edit(made, {"person_hours": None, "runs": "3"})
    assert (edited.person_hours, edited.runs, edited.note) == (None, 3, "careful")
    assert (edited.candidates, edited.depends_on) == ((IMDB,), (first.id,))
    assert edited.gain == Gain(-1, 2, 3)
    with pytest.raises(Conflict, match="“Try” has been changed by tester"):
        planner.edit(made, {"runs": 4})
    assert planner.edit(edited, {"candidates": [], "depends_on": []}).candidates == ()


# -- what to expect --------------------------------------------------------------------------------


def test_evidence_on_the_metric_becomes_a_gain_and_other_metrics_do_not(kb: KnowledgeBase) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0))
    accuracy = cite(kb.store, RESTARTS, at=11, effect=gain(9.0, "accuracy"))
    found = kb.planner.explain(planned(kb.planner, candidates=[RESTARTS]).id, today=TODAY)
    [effect] = found.effects
    assert effect.reported == 4.0
    assert 0 < effect.expected < 4.0
    assert found.gain is not None
    assert found.gain.low < found.gain.likely <= 4.0
    assert [each.id for each, _ in found.not_comparable] == [accuracy.id]


def test_a_stated_mapping_makes_another_metric_comparable(kb: KnowledgeBase) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0, "accuracy"))
    made = planned(kb.planner, candidates=[RESTARTS])
    assert kb.planner.explain(made.id).gain is None
    project = kb.planner.map_metric("mail", "accuracy", 0.5, "as in our last three models")
    assert project.brief["mappings"] == {
        "accuracy": {"factor": 0.5, "reason": "as in our last three models"}
    }
    [effect] = kb.planner.explain(made.id).effects
    assert effect.reported == 2.0
    event = kb.store.events.of("project:mail")[-1]
    assert (event["what"], "accuracy" in event["after"]) == ("changed", True)
    with pytest.raises(UsageError, match="mapping's reason is missing"):
        kb.planner.map_metric("mail", "accuracy", 0.5)
    # Editing the brief, as page and command line do, keeps it.
    edited = kb.workbench.edit_project(kb.store.projects.get("mail"), {"target": "75"})
    assert edited.brief["mappings"] == project.brief["mappings"]
    assert "mappings" not in kb.planner.map_metric("mail", "accuracy", None).brief
    assert kb.planner.explain(made.id).gain is None


def test_the_team_overrules_and_both_numbers_stay(kb: KnowledgeBase) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0))
    made = planned(kb.planner, candidates=[RESTARTS])
    with pytest.raises(UsageError, match="Say what this gain rests on"):
        kb.planner.overrule(made, Gain(0, 1, 2))
    made = kb.planner.overrule(made, Gain(0, 0.5, 1), "our mails are short")
    [row] = kb.planner.rank("mail", today=TODAY).ranked
    assert (row.gain, row.basis) == (Gain(0, 0.5, 1), "team")
    assert row.estimate.gain == kb.planner.explain(made.id, today=TODAY).gain != row.gain
    made = kb.planner.overrule(made, None)
    assert (made.gain, made.gain_reason) == (None, "")
    assert kb.planner.rank("mail", today=TODAY).ranked[0].basis == "evidence"


def test_merged_evidence_counts_for_what_it_went_into(kb: KnowledgeBase) -> None:
    other = kb.store.findings.add("design_choice", "SGDR")
    cite(kb.store, other.id, effect=gain(4.0))
    made = planned(kb.planner, candidates=[RESTARTS])
    assert kb.planner.explain(made.id).gain is None
    kb.store.findings.merge(RESTARTS, other.id)
    assert kb.planner.explain(made.id).gain is not None


def test_only_what_is_open_is_ranked(planner: Planner) -> None:
    ours = {"gain_reason": "a trial", "person_hours": 4}
    slow = planned(planner, "Slow", gain={"low": 0, "likely": 1, "high": 2}, **ours)
    fast = planned(planner, "Fast", gain={"low": 0, "likely": 3, "high": 4}, **ours)
    done = planner.finish(planner.start(planned(planner, "Done")), {"value": 71})
    gone = planner.drop(planned(planner, "Gone"), "no time")
    running = planner.start(planned(planner, "Unknown"))
    ranked = planner.rank("mail").ranked
    assert [row.experiment.id for row in ranked] == [fast.id, slow.id, running.id]
    assert ranked[0].gain_per_hour == pytest.approx(0.75)
    assert {done.id, gone.id}.isdisjoint(row.experiment.id for row in ranked)


# -- from start to outcome -------------------------------------------------------------------------


def test_what_was_expected_is_kept_when_it_starts(kb: KnowledgeBase) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0))
    made = planned(kb.planner, candidates=[RESTARTS], runs=3, run_hours=2, retraining=True)
    evidence = kb.planner.explain(made.id, today=TODAY).gain
    started = kb.planner.start(made, today=TODAY)
    assert started.forecast is not None
    assert (started.forecast.gain, started.forecast.basis) == (evidence, "evidence")
    assert (started.forecast.person_hours, started.forecast.gpu_hours) == (4.0, 6.0)
    assert status(kb, RESTARTS) == "trying"
    changed = kb.planner.overrule(started, Gain(5, 6, 7), "too late")
    assert changed.forecast == started.forecast
    finished = kb.planner.finish(changed, {"value": 71.5, "person_hours": 9, "note": ""})
    assert finished.result is not None
    assert (finished.result.value, finished.result.by, finished.status) == (
        71.5,
        "tester",
        "finished",
    )
    corrected = kb.planner.finish(finished, {"value": 71.0})
    assert corrected.result is not None
    assert (corrected.result.value, corrected.forecast) == (71.0, started.forecast)


def test_steps_out_of_order_are_refused_with_the_right_one(planner: Planner) -> None:
    made = planned(planner)
    with pytest.raises(UsageError, match="Start it first"):
        planner.finish(made, {"value": 71})
    with pytest.raises(UsageError, match="Say why it is dropped"):
        planner.drop(made, " ")
    started = planner.start(made)
    with pytest.raises(UsageError, match="It is running: finish or drop it"):
        planner.start(started)
    with pytest.raises(UsageError, match="Say what came of it"):
        planner.finish(started, {"person_hours": 3})
    with pytest.raises(UsageError, match="no field “colour”"):
        planner.finish(started, {"colour": "red"})
    dropped = planner.drop(started, "no time")
    assert dropped.result is not None
    assert dropped.result.note == "no time"
    again = planner.start(dropped)
    assert (again.status, again.forecast, again.result) == ("running", started.forecast, None)
    with pytest.raises(UsageError, match="It is finished: plan another one"):
        planner.drop(planner.finish(again, {"note": "nothing"}), "late")


def test_calibration_compares_forecasts_with_outcomes(kb: KnowledgeBase) -> None:
    for value in (71.0, 73.0):
        made = planned(
            kb.planner, str(value), candidates=[RESTARTS], person_hours=4, gain_reason="a trial",
            gain={"low": 0, "likely": 1, "high": 2},
        )  # fmt: skip
        kb.planner.finish(kb.planner.start(made), {"value": value, "person_hours": 8})
    found = kb.planner.calibration("mail")
    assert (found.finished, found.inside, found.hours_ratio) == (2, 0.5, 2.0)
    assert found.bias == pytest.approx(1.0)  # 1 of 1, 3 of 1
    assert {(what, name, count) for what, name, count, _ in found.by} == {
        ("axis", "schedule", 2),
        ("member", "tester", 2),
    }
    assert kb.planner.calibration() == found
    kb.workbench.new_project("chat", {**BRIEF, "metric": "error", "direction": "lower"})
    other = kb.planner.new(
        "chat", {"title": "x", "gain": {"low": 0, "likely": 5, "high": 9}, "gain_reason": "y"}
    )
    kb.planner.finish(kb.planner.start(other), {"value": 66})  # 4 less than 70: a gain of 4
    assert kb.planner.calibration("chat").bias == pytest.approx(-1.0)
    both = kb.planner.calibration()
    assert (both.finished, both.inside, both.bias, both.by) == (3, pytest.approx(2 / 3), None, ())


# -- schedule, trials, data ------------------------------------------------------------------------


def test_a_schedule_takes_the_brief_or_what_stands_before_it(kb: KnowledgeBase) -> None:
    ours = {
        "gain_reason": "a trial",
        "retraining": True,
        "gain": {"low": 0, "likely": 1, "high": 2},
    }
    for hours in (30, 50):
        planned(kb.planner, f"{hours} hours", person_hours=hours, **ours)
    whole = kb.planner.schedule("mail", today=TODAY, seconds=0.5)
    assert whole is not None
    assert whole.budget.working_days == 11
    assert [slot.title for slot in whole.slots] == ["30 hours", "50 hours"]
    short = kb.planner.schedule("mail", today=TODAY, days=5, seconds=0.5)
    assert short is not None
    assert ([s.title for s in short.slots], [o.title for o in short.left_out]) == (
        ["30 hours"],
        ["50 hours"],
    )
    kb.workbench.edit_project(kb.store.projects.get("mail"), {"deadline": None})
    assert kb.planner.schedule("mail", today=TODAY) is None
    assert kb.planner.schedule("mail", today=TODAY, days=5, seconds=0.5) is not None


def test_trial_runs_make_a_ladder(planner: Planner) -> None:
    for samples, hours in ((500, 0.1), (1000, 0.2), (2000, 0.4), (4000, 0.8)):
        given = {"model": "MiniLM", "samples": samples, "hours": hours, "value": None}
        planner.add_trial("mail", given)
    with pytest.raises(UsageError, match="samples does not fit"):
        planner.add_trial("mail", {"model": "MiniLM", "samples": 0, "hours": 1})
    assert [trial.samples for trial in planner.trials("mail")] == [500, 1000, 2000, 4000]
    assert planner.ladder("mail").sentences
    assert planner.remove_trial(1).samples == 500
    assert len(planner.trials("mail")) == 3


def test_every_dataset_has_all_seven_factors(kb: KnowledgeBase) -> None:
    evidence = cite(kb.store, IMDB)
    kb.planner.rate("mail", IMDB, "source", "poor", note="no licence", evidence=[evidence.id])
    old = measured(kb, "hurts")
    assert kb.planner.assessments("mail")[0].fit == old
    new = measured(kb, "helps")
    [found] = kb.planner.assessments("mail")
    assert (found.finding.name, found.fit) == ("IMDB", new)
    assert tuple(rating.factor for rating in found.ratings) == FACTORS
    ratings = {rating.factor: rating for rating in found.ratings}
    assert (ratings["source"].rating, ratings["source"].updated_by) == ("poor", "tester")
    assert ratings["size"].rating == "unknown"
    with pytest.raises(UsageError, match="“Warm restarts” is a design choice"):
        kb.planner.rate("mail", RESTARTS, "size", "good")
    with pytest.raises(UsageError, match="rating does not fit"):
        kb.planner.rate("mail", IMDB, "size", "great")


def measured(kb: KnowledgeBase, verdict: str) -> Any:
    return kb.store.fits.add(
        "dataset", source="imdb.csv", source_sha256="aa", target="ours.csv", target_sha256="bb",
        verdict=verdict, sentences=[f"It {verdict}."], body={}, project="mail", finding=IMDB,
    )  # fmt: skip


# -- decisions -------------------------------------------------------------------------------------


def decided(kb: KnowledgeBase, choice: str, **given: Any) -> Any:
    return kb.planner.decide(
        "mail", {"title": f"To {choice}", "choice": choice, "reason": "measured", **given}
    )


def test_a_decision_gives_its_candidates_their_status(kb: KnowledgeBase) -> None:
    for choice, expected in (("adopt", "adopted"), ("park", "parked"), ("reject", "rejected")):
        made = decided(kb, choice, candidates=[IMDB], alternatives=[SMALL])
        assert status(kb, IMDB) == expected
    [candidate] = kb.store.candidates.of_finding(IMDB)
    assert candidate.reason == f"Decision {made.number}: measured"
    assert status(kb, SMALL) == "new"


def test_a_decision_is_written_from_brief_and_experiment(kb: KnowledgeBase) -> None:
    experiment = planned(kb.planner, "Borrow", candidates=[IMDB], threshold=73, success="two seeds")
    kb.planner.finish(kb.planner.start(experiment), {"value": 73.5})
    made = decided(kb, "adopt", candidates=[IMDB], experiments=[experiment.id])
    assert made.context == (
        "Objective: Sort e-mails by tone. macro-F1 is at 70 points today (word counts)."
    )
    assert made.confirmation == (
        "“Borrow”: macro-F1 of at least 73 points. two seeds. Measured: 73.5 points."
    )
    own = decided(kb, "park", candidates=[IMDB], context="ours", confirmation="none")
    assert (own.context, own.confirmation) == ("ours", "none")


def test_a_decision_that_fails_changes_no_status(kb: KnowledgeBase) -> None:
    for given, error in (
        ({"candidates": [IMDB], "experiments": [9]}, NotFound),
        ({"candidates": [IMDB, 99]}, NotFound),
        ({"candidates": [IMDB], "supersedes": 4}, NotFound),
        ({"candidates": []}, UsageError),
        ({"candidates": [IMDB], "reason": ""}, UsageError),
        ({"candidates": [IMDB], "choice": "maybe"}, UsageError),
    ):
        with pytest.raises(error):
            decided(kb, **{"choice": "adopt", **given})
    assert kb.planner.decisions("mail") == []
    assert status(kb, IMDB) == "new"


def test_superseding_keeps_both_and_restates(kb: KnowledgeBase) -> None:
    decided(kb, "adopt", candidates=[IMDB, RESTARTS, SMALL], alternatives=[FREEZING])
    decided(kb, "park", candidates=[SMALL])
    third = decided(kb, "reject", candidates=[IMDB], supersedes=1)
    assert third.alternatives == (FREEZING,)
    first, second, _ = kb.planner.decisions("mail")
    assert (first.superseded_by, second.superseded_by) == (3, None)
    assert (status(kb, IMDB), status(kb, RESTARTS), status(kb, SMALL)) == (
        "rejected",
        "shortlisted",  # nothing stands on it any more
        "parked",  # the second decision still does
    )
    fourth = decided(kb, "adopt", supersedes=3)
    assert fourth.candidates == (IMDB,)
    assert status(kb, IMDB) == "adopted"
    with pytest.raises(UsageError, match="superseded by decision 3 already"):
        decided(kb, "adopt", supersedes=1)


# -- questions, risks, deployment ------------------------------------------------------------------


def test_a_brief_that_says_nothing_is_asked_about_the_metric_first(kb: KnowledgeBase) -> None:
    kb.workbench.new_project("empty", {})
    asked = kb.planner.questions("empty")
    assert asked[0].startswith("Which metric of the model counts?")
    assert asked[2].startswith("What does the model's metric reach today?")
    text = "\n".join(asked)
    for words in (
        "Who was asked", "before the brief says the deadline, how many people work on it and their "
        "hours a week", "There is no experiment yet", "Nothing ties the two yet",
        "real time or in batches", "smallest gain",
    ):  # fmt: skip
        assert words in text


def test_a_whole_brief_is_asked_only_what_its_experiments_leave_open(kb: KnowledgeBase) -> None:
    for factor in FACTORS:
        kb.planner.rate("mail", IMDB, factor, "good")
    whole = {
        "person_hours": 4, "retraining": True, "threshold": 72, "gain_reason": "a trial",
        "gain": {"low": 0, "likely": 1, "high": 2},
    }  # fmt: skip
    first = planned(kb.planner, "First", **whole)
    planned(kb.planner, "Second", depends_on=[first.id], **whole)
    assert kb.planner.questions("mail") == ()
    kb.planner.drop(first, "no time")
    for number in range(5):
        planned(kb.planner, f"E{number}")
    assert kb.planner.questions("mail") == (
        "How many hours will “E0”, “E1”, “E2” and 2 more take?",
        "What gain do you expect of “E0”, “E1”, “E2” and 2 more? No evidence says so on this "
        "metric.",
        "Is a training needed for “E0”, “E1”, “E2” and 2 more?",
        "From which value on is “E0”, “E1”, “E2” and 2 more a success?",
        "“Second” waits for “First”, dropped: does it still?",
    )


def test_datasets_are_asked_about_until_somebody_has_looked(kb: KnowledgeBase) -> None:
    def asked() -> list[str]:
        return [q for q in kb.planner.questions("mail") if "IMDB" in q]

    assert asked() == ["Who has looked at “IMDB”? None of the seven factors is rated."]
    kb.planner.rate("mail", IMDB, "size", "good")
    assert asked() == ["May we use “IMDB”? Source and licence are not rated."]
    kb.store.candidates.set("mail", IMDB, "parked")
    assert asked() == []


def test_risks_come_from_what_is_on_record(kb: KnowledgeBase) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0))
    cite(kb.store, RESTARTS, at=11, stance="against")
    kb.planner.rate("mail", IMDB, "ground_truth", "poor", note="stars, not tone")
    measured(kb, "hurts")
    planned(kb.planner, "Restart", candidates=[RESTARTS])
    found = kb.planner.plan("mail", today=TODAY, seconds=0.5).risks
    assert found[:2] == (
        "A better macro-F1 helps nobody if this happens: Nobody reads the queue.",
        "“Warm restarts”: 1 quote speaks against it.",
    )
    assert "The gain of “Restart” rests on a single work." in found
    assert "“IMDB”: its ground truth is rated poor: stars, not tone." in found
    assert "“IMDB” was measured on our data: It hurts." in found
    assert "The licence of “IMDB” is not known." in found
    kb.store.candidates.set("mail", IMDB, "rejected", reason="other tone")
    assert not any("IMDB" in each for each in kb.planner.plan("mail", today=TODAY).risks)


def deployment(kb: KnowledgeBase, **brief: Any) -> tuple[str, ...]:
    kb.workbench.edit_project(kb.store.projects.get("mail"), brief)
    return kb.planner.plan("mail", today=TODAY, seconds=0.5).deployment


def test_a_latency_limit_is_held_against_what_is_reported(kb: KnowledgeBase) -> None:
    real_time = {"deployment": "real time", "cadence": None}
    [serves, unlimited, unmeasured] = deployment(kb, **real_time)
    assert "a service with an API" in serves
    assert "no latency limit" in unlimited
    assert unmeasured.startswith("No work here reports a latency")
    cite(kb.store, SMALL, page=2, effect=Effect("latency", "ms", value=12.0))
    cite(kb.store, SMALL, at=11, effect=Effect("inference time", "s", value=0.2))
    cite(kb.store, SMALL, at=12, effect=Effect("latency", "%", gain=-60.0))
    cite(kb.store, SMALL, at=13, effect=Effect("training time", "s", value=9.0))
    said = deployment(kb, latency_ms=50)
    where = "Ada Author: On cats and dogs, 2019"
    assert said[0].startswith("The model answers in real time within 50 ms: a service with an API")
    assert said[1:] == (
        f"“DistilBERT” is reported at 12 ms, within the limit of 50 ms ({where}, p. 2).",
        f"“DistilBERT” is reported at 0.2 s, over the limit of 50 ms ({where}).",
        f"“DistilBERT” is reported to change latency by -60 % ({where}).",
        "Reported latencies are of other hardware: measure on ours.",
    )


def test_a_batch_is_a_scheduled_job(kb: KnowledgeBase) -> None:
    assert deployment(kb)[0].startswith("The model answers in batches (nightly): a scheduled job")
    assert deployment(kb, cadence=None)[1] == "The brief does not say how often the job runs."
    assert "does not say whether" in deployment(kb, deployment=None)[0]


# -- all of it -------------------------------------------------------------------------------------


def test_a_plan_holds_all_that_is_known(kb: KnowledgeBase) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0))
    first = planned(kb.planner, "Restart", candidates=[RESTARTS])
    done = kb.planner.finish(kb.planner.start(planned(kb.planner, "Done")), {"value": 71})
    kb.planner.add_trial("mail", {"model": "MiniLM", "samples": 500, "hours": 0.1})
    decided(kb, "park", candidates=[SMALL])
    made = kb.planner.plan("mail", today=TODAY, seconds=0.5)
    assert made.project.name == "mail"
    assert made.missing == tuple(kb.workbench.missing(made.project)) != ()
    assert [each.finding.name for each in made.findings] == [
        "IMDB", "Threshold for each class", "Warm restarts", "DistilBERT",
    ]  # fmt: skip
    assert [e.quote for e in made.findings[2].evidence] == [TEXT[:10]]
    assert made.axes == {axis.id: axis.name for axis in kb.workbench.axes()}
    assert [row.experiment.id for row in made.ranking.ranked] == [first.id]
    assert [each.id for each in made.experiments] == [first.id, done.id]
    assert made.schedule is not None
    assert made.schedule.slots[0].experiment == first.id
    assert [each.finding.id for each in made.assessments] == [IMDB]
    assert [trial.model for trial in made.trials] == ["MiniLM"]
    assert [each.title for each in made.decisions] == ["To park"]
    assert made.calibration == kb.planner.calibration("mail")
    assert made.questions == kb.planner.questions("mail", today=TODAY)


def test_a_plan_of_nothing_is_a_plan_of_questions(kb: KnowledgeBase) -> None:
    kb.workbench.new_project("empty", {})
    made = kb.planner.plan("empty", today=TODAY)
    assert (made.findings, made.experiments, made.schedule) == ((), (), None)
    assert made.ranking.ranked == ()
    assert len(made.questions) > 5
    with pytest.raises(NotFound, match="no project “post”"):
        kb.planner.plan("post")
