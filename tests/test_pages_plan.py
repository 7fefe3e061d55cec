from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import Experiment
from kb.store import Store
from tests.test_pages import ATTACKS, check_harmless, hostile, html, page
from tests.test_pages_findings import press
from tests.test_pages_project import reader, widget
from tests.test_planner import IMDB, RESTARTS, cite, gain, kb, planned, status

__all__ = ["kb", "page"]  # the fixtures

TEAM = {"gain": {"low": 0, "likely": 2, "high": 3}, "gain_reason": "a trial", "retraining": False}


def plan_page(page: AppTest, view: str = "", experiment: Experiment | None = None) -> AppTest:
    page.run()
    page.switch_page("kb/pages/plan.py")
    if experiment is not None:
        page.query_params["experiment"] = str(experiment.id)
    elif view:
        page.query_params["project"], page.query_params["view"] = "mail", view
    return page.run()


def test_without_a_project_the_page_says_how_to_begin(page: AppTest, store: Store) -> None:
    plan_page(page)
    assert "There is no project yet." in html(page)


def test_questions_stand_on_top_and_nothing_planned_says_what_to_do(
    page: AppTest, kb: KnowledgeBase
) -> None:
    kb.workbench.edit_project(kb.store.projects.get("mail"), {"baseline": None})
    plan_page(page)
    shown = html(page)
    assert "What does macro-F1 reach today? A gain over an unknown baseline is a hope." in shown
    assert "Nothing is planned yet." in shown


def test_experiments_stand_in_order_and_each_explains_itself(
    page: AppTest, kb: KnowledgeBase
) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0))
    slow = planned(kb.planner, "Restart now and then", candidates=[RESTARTS], person_hours=20)
    fast = planned(kb.planner, "Cut twice", person_hours=2, **TEAM)
    plan_page(page, "experiments")
    shown = html(page)
    assert shown.index("1. Cut twice") < shown.index("2. Restart now and then")
    assert "+2 points (0 to +3) · the team&#x27;s own" in shown
    assert "+1 points an hour" in shown
    table = page.dataframe[0].value
    assert list(table["Experiment"]) == ["Cut twice", "Restart now and then"]
    assert list(table["Hours"]) == [2, 20]
    page.button(key=f"explain-{slow.id}").click().run()
    assert page.query_params["experiment"] == str(slow.id)
    shown = html(page)
    estimate = kb.planner.explain(slow.id)
    for line in ("“Cats purr.”", "On cats and dogs (Ada Author, 2019)", "20 hours = 20 of people",
                 estimate.method[:30], "× 0.7 domain"):  # fmt: skip
        assert line in shown
    assert shown.count("<li>") >= len(estimate.steps)
    press(page, "Open in the text, for [1]")
    assert (page.query_params["start"], page.query_params["end"]) == ("0", "10")
    assert page.query_params["from"] == f"experiment-{slow.id}"
    plan_page(page, experiment=slow)
    press(page, "All experiments")
    assert "1. Cut twice" in html(page)
    assert fast.id != slow.id


def test_an_experiment_is_planned_once_with_what_its_findings_say(
    page: AppTest, kb: KnowledgeBase
) -> None:
    plan_page(page, "experiments")
    press(page, "Plan it")
    assert "An experiment&#x27;s title is missing." in html(page)
    widget(page, "Title").set_value("Restart")
    widget(page, "Findings that it tries").set_value([RESTARTS])
    press(page, "Plan it")
    (made,) = kb.store.experiments.of_project("mail")
    assert (made.title, made.candidates, made.person_hours) == ("Restart", (RESTARTS,), 4.0)
    assert status(kb, RESTARTS) == "planned"
    assert page.query_params["experiment"] == str(made.id)
    assert "“Restart” is planned." in html(page)


def test_an_experiment_goes_from_start_to_outcome(page: AppTest, kb: KnowledgeBase) -> None:
    made = planned(kb.planner, "Restart", person_hours=4, **TEAM)
    plan_page(page, experiment=made)
    press(page, "Start it")
    assert kb.store.experiments.get(made.id).status == "running"
    assert "What is expected of it now is kept." in html(page)
    press(page, "Finish it")
    assert "Say what came of it: the value that was measured, or a note." in html(page)
    widget(page, "Measured value").set_value(72.5)
    widget(page, "Hours of people that it took").set_value(6.0)
    press(page, "Finish it")
    result = kb.store.experiments.get(made.id).result
    assert result is not None
    assert (result.value, result.person_hours) == (72.5, 6.0)
    shown = html(page)
    assert "72.5 points, 6 hours of people" in shown
    assert "Was expected</dt><dd>+2 points (0 to +3)" in shown
    page.query_params.clear()
    plan_page(page, "calibration")
    table = page.dataframe[-1].value
    assert list(table["Measured gain"]) == [2.5]
    assert list(table["Hours taken"]) == [6.0]


def test_what_is_dropped_says_why_and_is_taken_up_again(page: AppTest, kb: KnowledgeBase) -> None:
    made = planned(kb.planner, "Restart")
    plan_page(page, experiment=made)
    press(page, "Drop it")
    assert "Say why it is dropped" in html(page)
    widget(page, "Why is it dropped?").set_value("no GPU")
    press(page, "Drop it")
    assert kb.store.experiments.get(made.id).status == "dropped"
    press(page, "Take it up again")
    assert kb.store.experiments.get(made.id).status == "running"


def test_the_team_overrules_and_takes_it_back(page: AppTest, kb: KnowledgeBase) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0))
    made = planned(kb.planner, "Restart", candidates=[RESTARTS])
    plan_page(page, experiment=made)
    press(page, "Overrule")
    assert "Give all three numbers" in html(page)
    for label, value in (("Low", 0.0), ("Likely", 0.5), ("High", 1.0)):
        widget(page, label).set_value(value)
    press(page, "Overrule")
    assert "Say what this gain rests on" in html(page)
    widget(page, "What it rests on").set_value("our mails are short")
    press(page, "Overrule")
    shown = html(page)
    assert "+0.5 points (0 to +1), the team&#x27;s own" in shown
    assert "our mails are short" in shown
    assert "By the evidence</dt><dd>+" in shown
    press(page, "Let the evidence count again")
    assert kb.store.experiments.get(made.id).gain is None


def test_who_starts_what_has_changed_is_told(page: AppTest, kb: KnowledgeBase) -> None:
    made = planned(kb.planner, "Restart", person_hours=4)
    plan_page(page, experiment=made)
    kb.planner.edit(made, {"person_hours": 40})
    press(page, "Start it")
    assert "has been changed by tester meanwhile" in html(page)
    assert kb.store.experiments.get(made.id).status == "planned"
    press(page, "Start it")
    assert kb.store.experiments.get(made.id).status == "running"


def test_two_who_edit_an_experiment_lose_nothing(page: AppTest, kb: KnowledgeBase) -> None:
    made = planned(kb.planner, "Restart", person_hours=4)
    plan_page(page, experiment=made)
    widget(page, "Title").set_value("Restart twice")
    kb.planner.edit(made, {"gpu_hours": 8})
    press(page, "Save")
    assert "has been changed by tester meanwhile" in html(page)
    press(page, "I have looked at it: mine may be saved")
    press(page, "Save")
    now = kb.store.experiments.get(made.id)
    assert (now.title, now.gpu_hours, now.person_hours) == ("Restart twice", 8, 4)


def test_another_metric_counts_once_the_team_says_how(page: AppTest, kb: KnowledgeBase) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0, "accuracy"))
    made = planned(kb.planner, "Restart", candidates=[RESTARTS])
    plan_page(page, experiment=made)
    assert "Does not count: " in html(page)
    widget(page, "When it rises").set_value(0.5)
    widget(page, "Why that holds").set_value("as before")
    press(page, "Let it count")
    assert "[1] reported +2 points" in html(page)


def test_an_address_of_nothing_is_a_sentence(page: AppTest, kb: KnowledgeBase) -> None:
    made = planned(kb.planner, "Restart")
    for number, said in (("x", "names no experiment"), ("99", "99")):
        page.query_params["experiment"] = number
        plan_page(page)
        assert said in html(page)
    kb.workbench.new_project("other", {})
    kb.store.projects.archive("mail")
    plan_page(page, experiment=made)
    assert "“mail”, which is archived" in html(page)


# -- schedule ------------------------------------------------------------------------------------


def test_sliders_answer_and_say_what_they_change(page: AppTest, kb: KnowledgeBase) -> None:
    kb.workbench.edit_project(kb.store.projects.get("mail"), {"deadline": "2099-12-31"})
    planned(kb.planner, "Small", person_hours=8, **TEAM)
    planned(kb.planner, "Large", person_hours=16, **TEAM)
    plan_page(page, "schedule")
    assert "Against what the brief says" not in html(page)
    assert set(page.dataframe[0].value["Phase"]) == {"last stretch"}
    widget(page, "Working days").set_value(1).run()
    shown = html(page)
    assert "Against what the brief says: 1 fewer fit, -" in shown
    table = page.dataframe[0].value
    assert list(table["Experiment"]) == ["Small", "Large"]
    assert table["Why it is out"][1]


def test_without_deadline_the_sliders_stand_in(page: AppTest, kb: KnowledgeBase) -> None:
    project = kb.workbench.edit_project(kb.store.projects.get("mail"), {"deadline": None})
    planned(kb.planner, "Small", person_hours=8, **TEAM)
    plan_page(page, "schedule")
    assert "The brief does not say the deadline." in html(page)
    assert list(page.dataframe[0].value["Experiment"]) == ["Small"]
    kb.workbench.edit_project(project, {"hours_a_week": None})
    page.run()
    assert "how many hours a week each person has" in html(page)
    assert len(page.slider) == 0


# -- decisions, data, runtime --------------------------------------------------------------------


def test_a_decision_is_made_superseded_and_read_as_a_record(
    page: AppTest, kb: KnowledgeBase
) -> None:
    cite(kb.store, RESTARTS, effect=gain(4.0))
    plan_page(page, "decisions")
    widget(page, "Title").set_value("Restart")
    press(page, "Decide")
    assert "A decision&#x27;s reason is missing." in html(page)
    widget(page, "On which findings").set_value([RESTARTS])
    widget(page, "Reason").set_value("It gained.")
    press(page, "Decide")
    assert status(kb, RESTARTS) == "adopted"
    (made,) = kb.planner.decisions("mail")
    assert made.context.startswith("Objective: Sort e-mails by tone.")
    widget(page, "Title").set_value("Rather not")
    widget(page, "What is decided").set_value("reject")
    widget(page, "Supersedes").set_value(1)
    widget(page, "Reason").set_value("It lost on new mails.")
    press(page, "Decide")
    assert status(kb, RESTARTS) == "rejected"
    assert "superseded by decision 2" in html(page)
    page.session_state[f"madr-{made.id}"] = True
    page.run()
    (record,) = page.code
    assert "# Restart" in record.value
    assert "“Cats purr.”" in record.value


def test_a_factor_is_rated_with_the_quote_that_shows_it(page: AppTest, kb: KnowledgeBase) -> None:
    evidence = cite(kb.store, IMDB)
    plan_page(page, "data")
    assert html(page).count(">unknown<") == 7
    widget(page, "Factor").set_value("ground_truth").run()
    widget(page, "Rating").set_value("poor")
    widget(page, "Why").set_value("no neutral class")
    widget(page, "Quotes that show it").set_value([evidence.id])
    press(page, "Save the rating")
    rating = kb.planner.assessments("mail")[0].ratings[-1]
    assert (rating.rating, rating.note, rating.evidence) == ("poor", "no neutral class",
                                                             (evidence.id,))  # fmt: skip
    shown = html(page)
    assert "no neutral class · 1 quote" in shown
    press(page, "Open in the text")
    assert page.query_params["from"] == "data"
    assert "Back to the plan" in [button.label for button in page.button]


def test_many_datasets_are_seen_one_at_a_time(page: AppTest, kb: KnowledgeBase) -> None:
    other = kb.store.findings.add("dataset", "SST-2")
    kb.store.candidates.set("mail", other.id)
    plan_page(page, "data")
    assert list(page.dataframe[0].value["Dataset"]) == ["IMDB", "SST-2"]
    widget(page, "Dataset").set_value(other.id).run()
    assert ">SST-2</h4>" in html(page)
    assert ">IMDB</h4>" not in html(page)


def test_labels_are_planned_as_they_are_typed(page: AppTest, kb: KnowledgeBase) -> None:
    plan_page(page, "data")
    widget(page, "Money for labels").set_value(300.0)
    widget(page, "Cost of one label").set_value(0.25).run()
    said = kb.planner.labelling("mail", {"money": 300.0, "cost": 0.25}).sentences
    assert "1,200" in said[0]
    assert said[0][:40] in html(page)


def test_trials_are_kept_tell_and_are_taken_back(page: AppTest, kb: KnowledgeBase) -> None:
    plan_page(page, "runtime")
    press(page, "Keep it")
    assert "A trial run&#x27;s model is missing." in html(page)
    widget(page, "Model").set_value("MiniLM")
    widget(page, "Samples that").set_value(500)
    widget(page, "Hours that it took").set_value(0.5)
    press(page, "Keep it")
    (trial,) = kb.planner.trials("mail")
    assert (trial.model, trial.samples, trial.hours) == ("MiniLM", 500, 0.5)
    assert kb.planner.ladder("mail").sentences[0][:30] in html(page)
    widget(page, "Which").set_value(trial.id).run()
    press(page, "Take it back")
    assert kb.planner.trials("mail") == []


# -- who may what, and what others wrote ---------------------------------------------------------


@pytest.mark.parametrize("view", ["experiments", "schedule", "decisions", "data", "runtime"])
def test_a_reader_is_offered_nothing_to_change(
    page: AppTest, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    planned(kb.planner, "Restart", person_hours=4, **TEAM)
    kb.planner.add_trial("mail", {"model": "MiniLM", "samples": 500, "hours": 1})
    kb.planner.decide("mail", {"title": "No", "choice": "park", "candidates": [IMDB],
                               "reason": "later"})  # fmt: skip
    reader(monkeypatch)
    plan_page(page, view)
    assert [*page.text_input, *page.text_area, *page.multiselect] == []
    offered = {button.label for button in page.button}
    assert offered <= {"Explain no. 1", "See the evidence"}


def test_a_reader_reads_an_experiment(
    page: AppTest, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = planned(kb.planner, "Restart", person_hours=4, **TEAM)
    reader(monkeypatch)
    plan_page(page, experiment=made)
    assert "Gain an hour" in html(page)
    assert [button.label for button in page.button] == ["All experiments"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_people_and_documents_say_stays_text(
    page: AppTest, config: Config, attack: str
) -> None:
    with KnowledgeBase(config) as kb:
        hostile(kb.store, attack)
        kb.workbench.edit_project(
            kb.store.projects.get(attack),
            {"metric": attack, "unit": attack, "baseline": 1.0, "deadline": "2099-01-01",
             "people": 1, "hours_a_week": 40.0, "value": attack},
        )  # fmt: skip
        tagged = kb.workbench.tag(
            f"url:{attack}", "dataset", attack, quote=f"{attack} and its end", project=attack,
            effect={"metric": attack, "unit": attack, "baseline": "1", "value": "2"},
        )  # fmt: skip
        number = tagged.finding.id
        made = kb.planner.new(attack, {
            "title": attack, "hypothesis": attack, "candidates": [number], "person_hours": 4,
            "success": attack, "note": attack, "gain_reason": attack, "gain": TEAM["gain"],
        })  # fmt: skip
        done = kb.planner.start(kb.planner.new(attack, {"title": attack, "depends_on": [made.id]}))
        kb.planner.finish(done, {"value": 2, "note": attack})
        kb.planner.rate(attack, number, "source", "poor", note=attack,
                        evidence=[tagged.evidence.id])  # fmt: skip
        kb.planner.add_trial(attack, {"model": attack, "samples": 5, "hours": 1, "machine": attack})
        kb.planner.decide(attack, {"title": attack, "choice": "adopt", "candidates": [number],
                                   "reason": attack})  # fmt: skip
    page.run()
    page.switch_page("kb/pages/plan.py")
    page.query_params["project"] = attack
    for view in ("experiments", "schedule", "decisions", "data", "runtime", "calibration"):
        page.query_params["view"] = view
        page.run()
        assert len(page.html) > 2
        check_harmless(page, attack)
    for experiment in (made, done):
        page.query_params["experiment"] = str(experiment.id)
        page.run()
        check_harmless(page, attack)
