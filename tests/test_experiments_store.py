from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kb.errors import Conflict, NotFound, UsageError
from kb.records import Experiment, Fit, Forecast, Gain, Result
from kb.store import Store
from tests.test_store import TEXT, add


@pytest.fixture
def mail(store: Store) -> Store:
    """Two projects; “mail” considers a dataset (1) and a design choice (2)."""
    store.projects.add("mail")
    store.projects.add("chat")
    for kind, name in (("dataset", "IMDB"), ("design_choice", "Warm restarts")):
        finding = store.findings.add(kind, name)  # type: ignore[arg-type]
        store.candidates.set("mail", finding.id)
    return store


@pytest.fixture
def other(mail: Store) -> Iterator[Store]:
    """The same library, opened by somebody else."""
    with Store(mail.library, member="other") as other:
        yield other


def planned(store: Store, title: str, project: str = "mail", **given: Any) -> Experiment:
    return store.experiments.add(project, title, {}, **given)


# -- experiments -----------------------------------------------------------------------------------


def test_an_experiment_comes_back_as_it_went_in(mail: Store) -> None:
    fields = {
        "hypothesis": "Film reviews teach tone.", "retraining": True, "person_hours": 4.0,
        "gain": {"low": 0.0, "likely": 1.5, "high": 3.0}, "gain_reason": "a trial", "runs": 3,
    }  # fmt: skip
    first = planned(mail, "Clean the labels")
    made = mail.experiments.add("mail", "Borrow", fields, candidates=[1, 2, 1], depends_on=[1])
    assert made == mail.experiments.get(2)
    assert (made.project, made.title, made.status, made.revision) == (
        "mail",
        "Borrow",
        "planned",
        1,
    )
    assert made.gain == Gain(0.0, 1.5, 3.0)
    assert (made.retraining, made.runs, made.gpu_hours, made.success) == (True, 3, None, "")
    assert (made.candidates, made.depends_on) == ((1, 2), (1,))
    assert len(made.uid) == 16
    assert mail.experiments.of_project("mail") == [first, made]
    assert mail.experiments.of_project("chat") == []
    assert [e["what"] for e in mail.events.of("experiment:2")] == ["added"]


def test_the_second_of_two_editors_of_an_experiment_is_told(mail: Store, other: Store) -> None:
    made = planned(mail, "Borrow")
    edited = mail.experiments.edit(made.id, 1, title="Borrow reviews", candidates=[1])
    assert (edited.title, edited.candidates, edited.revision) == ("Borrow reviews", (1,), 2)
    with pytest.raises(Conflict, match="“Borrow reviews” has been changed by tester meanwhile"):
        other.experiments.edit(made.id, 1, title="Lend")
    with pytest.raises(Conflict):
        other.experiments.move(made.id, 1, "dropped")
    assert other.experiments.edit(made.id, 2, fields={"gain": {"low": 0, "likely": 1, "high": 2}})
    told = mail.events.of(f"experiment:{made.id}")
    assert [(e["who"], e["what"]) for e in told[1:]] == [
        ("tester", "changed"),
        ("other", "changed"),
    ]
    assert json.loads(told[1]["before"]) == {"title": "Borrow", "candidates": []}
    assert json.loads(told[2]["after"]) == {"gain": {"low": 0, "likely": 1, "high": 2}}


def test_an_edit_that_changes_nothing_is_no_change(mail: Store) -> None:
    made = planned(mail, "Borrow", candidates=[1])
    assert mail.experiments.edit(made.id, 1, title="Borrow", candidates=[1]) == made
    assert len(mail.events.of(f"experiment:{made.id}")) == 1


def test_circles_are_refused_with_the_way_they_take(mail: Store) -> None:
    first = planned(mail, "Clean")
    second = planned(mail, "Train", depends_on=[first.id])
    third = planned(mail, "Ensemble", depends_on=[second.id, first.id])
    with pytest.raises(UsageError, match="circle: “Clean” waits for “Ensemble” waits for “Clean”"):
        mail.experiments.edit(first.id, 1, depends_on=[third.id])
    with pytest.raises(UsageError, match="circle: “Train” waits for “Train”"):
        mail.experiments.edit(second.id, 1, depends_on=[second.id])
    assert mail.experiments.get(first.id) == first
    assert mail.experiments.get(second.id) == second


def test_an_experiment_waits_for_one_of_its_own_project(mail: Store) -> None:
    elsewhere = planned(mail, "Other", project="chat")
    for needed in (elsewhere.id, 99):
        with pytest.raises(NotFound, match=f"“mail” has no experiment {needed} to wait for"):
            planned(mail, "Train", depends_on=[needed])
    with pytest.raises(NotFound, match="no finding 99"):
        planned(mail, "Train", candidates=[99])
    with pytest.raises(NotFound, match="no project “post”"):
        planned(mail, "Train", project="post")
    with pytest.raises(NotFound, match="no experiment 99"):
        mail.experiments.get(99)
    assert [e.title for e in mail.experiments.all()] == ["Other"]


def test_a_forecast_stays_as_it_was_made(mail: Store) -> None:
    made = planned(mail, "Borrow")
    early = Forecast(Gain(0, 1, 2), "team", Gain(-1, 0, 1), 4.0, None, "2026-11-01")
    late = Forecast(None, None, None, None, None, "2026-11-20")
    running = mail.experiments.move(made.id, 1, "running", forecast=early)
    assert (running.status, running.forecast, running.revision) == ("running", early, 2)
    result = Result(value=0.74, baseline=0.71, note="as hoped", at="2026-11-21", by="ann")
    done = mail.experiments.move(made.id, 2, "finished", forecast=late, result=result)
    assert (done.status, done.forecast, done.result) == ("finished", early, result)
    event = mail.events.of(f"experiment:{made.id}")[-1]
    assert (event["what"], event["before"]) == ("finished", "running")
    assert json.loads(event["after"])["value"] == 0.74


def test_merged_findings_count_as_what_they_went_into(mail: Store) -> None:
    short = mail.findings.add("dataset", "Large movie reviews")
    made = planned(mail, "Borrow", candidates=[1, short.id])
    mail.decisions.add("mail", "Take it", "adopt", candidates=[short.id], reason="free")
    mail.factor_ratings.set("mail", short.id, "size", "good")
    fit = measured(mail, finding=short.id)
    mail.findings.merge(1, short.id)
    assert mail.experiments.get(made.id).candidates == (1,)
    assert mail.decisions.of_project("mail")[0].candidates == (1,)
    assert mail.factor_ratings.of_project("mail")[1]["size"].rating == "good"
    assert [f.id for f in mail.fits.all(finding=1)] == [fit.id]
    mail.findings.unmerge(short.id)
    assert mail.experiments.get(made.id).candidates == (1, short.id)


# -- trials ----------------------------------------------------------------------------------------


def test_trial_runs_are_kept_and_taken_back(mail: Store) -> None:
    first = mail.trials.add("mail", "MiniLM", samples=1000, hours=0.2, parameters=22.7, value=0.7)
    second = mail.trials.add("mail", "BERT", samples=1000, hours=0.9, machine="one T4")
    assert mail.trials.of_project("mail") == [first, second]
    assert (first.parameters, first.value, second.value) == (22.7, 0.7, None)
    assert mail.trials.remove(first.id) == first
    assert mail.trials.of_project("mail") == [second]
    with pytest.raises(NotFound, match="no trial run 1"):
        mail.trials.remove(first.id)
    told = [e["what"] for e in mail.events.of("project:mail")]
    assert told == ["added", "ran", "ran", "removed"]


# -- what is known of datasets ---------------------------------------------------------------------


def test_a_rating_takes_the_place_of_the_one_before(mail: Store) -> None:
    _, version_id, _ = add(mail)
    evidence = mail.findings.pin(1, version_id, 0, 10, quote=TEXT[:10])
    mail.factor_ratings.set("mail", 1, "source", "poor", note="licence unclear")
    rated = mail.factor_ratings.set("mail", 1, "source", "fair", evidence=[evidence.id] * 2)
    assert (rated.rating, rated.note, rated.evidence) == ("fair", "", (evidence.id,))
    assert mail.factor_ratings.of_project("mail") == {1: {"source": rated}}
    assert mail.factor_ratings.of_project("chat") == {}
    event = mail.events.of("finding:1")[-1]
    assert event["before"] == "mail: source poor (licence unclear)"
    assert event["after"] == "mail: source fair"
    with pytest.raises(NotFound, match="no evidence 99"):
        mail.factor_ratings.set("mail", 1, "size", "good", evidence=[99])


def measured(store: Store, **given: Any) -> Fit:
    return store.fits.add(
        "dataset", source="imdb.csv", source_sha256="aa", target="mail.csv", target_sha256="bb",
        verdict="helps", sentences=["It helps."], body={"auc": [0.5, 0.6]}, **given,
    )  # fmt: skip


def test_measurements_are_found_by_project_and_finding(mail: Store) -> None:
    alone = measured(mail)
    ours = measured(mail, project="mail", finding=1)
    newer = measured(mail, project="mail", finding=1)
    assert (alone.project, alone.finding, alone.body) == ("", None, {"auc": [0.5, 0.6]})
    assert mail.fits.all() == [newer, ours, alone]
    assert mail.fits.all(project="mail", finding=1) == [newer, ours]
    assert mail.fits.all(project="chat") == mail.fits.all(finding=2) == []
    assert mail.fits.get(ours.id) == ours
    with pytest.raises(NotFound, match="no measurement 9"):
        mail.fits.get(9)
    with pytest.raises(NotFound, match="no project"):
        measured(mail, project="post")


# -- decisions -------------------------------------------------------------------------------------


def test_decisions_are_numbered_within_their_project(mail: Store) -> None:
    made = planned(mail, "Borrow")
    first = mail.decisions.add(
        "mail", "Borrow film reviews", "adopt", candidates=[1, 1], alternatives=[2],
        experiments=[made.id], reason="measured", context="few labels", consequences="one more run",
        confirmation="0.74 ≥ 0.73",
    )  # fmt: skip
    elsewhere = mail.decisions.add("chat", "No", "reject", candidates=[1], reason="other tone")
    second = mail.decisions.add("mail", "Wait", "park", candidates=[2], reason="no time")
    assert (first.number, elsewhere.number, second.number) == (1, 1, 2)
    assert (first.candidates, first.alternatives, first.experiments) == ((1,), (2,), (made.id,))
    assert (first.reason, first.confirmation) == ("measured", "0.74 ≥ 0.73")
    assert mail.decisions.of_project("mail") == [first, second]
    assert mail.events.of("project:mail")[-1]["after"] == "decision 2: park – Wait"


def test_what_was_superseded_is_kept_and_superseded_once(mail: Store) -> None:
    mail.decisions.add("mail", "Wait", "park", candidates=[1], reason="no time")
    newer = mail.decisions.add("mail", "Go", "adopt", candidates=[1], reason="time", supersedes=1)
    old, new = mail.decisions.of_project("mail")
    assert (old.title, old.superseded_by, new.supersedes) == ("Wait", 2, 1)
    assert new == newer
    with pytest.raises(UsageError, match="superseded by decision 2 already: supersede that one"):
        mail.decisions.add("mail", "Stop", "reject", candidates=[1], reason="x", supersedes=1)
    for error in (
        {"supersedes": 9}, {"experiments": [9]}, {"candidates": [9]},
    ):  # fmt: skip
        given: dict[str, Any] = {"candidates": [1], "reason": "x"} | error
        with pytest.raises(NotFound):
            mail.decisions.add("mail", "Stop", "reject", **given)
    assert len(mail.decisions.of_project("mail")) == 2
