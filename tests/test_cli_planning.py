from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from kb.records import Effect
from kb.store import Store
from tests.test_cli import Run
from tests.test_cli import kb as kb  # the fixture
from tests.test_store import TEXT, add

BRIEF = ("metric=macro-F1", "unit=points", "baseline=70", "people=2", "hours_a_week=40",
         "gpu_hours=60", "gpus=1")  # fmt: skip


@pytest.fixture
def mail(kb: Run, store: Store) -> Run:
    """The project “mail”, a design choice (1) with a gain of 4 points, and a dataset (2)."""
    kb("project", "new", "mail", *(part for each in BRIEF for part in ("--set", each)))
    _, version_id, _ = add(store)
    for number, (kind, name) in enumerate((("design_choice", "Restarts"), ("dataset", "IMDB"))):
        finding = store.findings.add(kind, name)  # type: ignore[arg-type]
        store.candidates.set("mail", finding.id)
        effect = Effect(("macro-F1", "accuracy")[number], "points", gain=4.0)
        store.findings.pin(
            finding.id, version_id, number, number + 9, quote=TEXT[number : number + 9],
            section="Sounds", page=1, effect=effect,
        )  # fmt: skip
    return kb


def printed(called: tuple[int, str, str]) -> Any:
    assert called[0] == 0, called[2]
    return json.loads(called[1])


def new(kb: Run, title: str, *arguments: str) -> int:
    return int(printed(kb("experiment", "new", "mail", title, *arguments, "--json"))["id"])


def test_an_experiment_from_new_to_outcome(mail: Run) -> None:
    made = printed(
        mail(
            "experiment", "new", "mail", "Restart", "--try", "1", "--set", "person_hours=6",
            "--set", "retraining=yes", "--set", "threshold=72", "--json",
        )
    )  # fmt: skip
    assert (made["candidates"], made["person_hours"], made["retraining"]) == ([1], 6.0, True)
    after = new(mail, "Ensemble", "--after", "1", "--gain", "-1", "2", "5", "--reason", "a trial")
    assert printed(mail("experiment", "list", "mail", "--json"))[1]["gain"]["low"] == -1.0
    shown = mail("experiment", "show", str(after))[1]
    assert "team expects  +2 points (-1 to +5): a trial" in shown
    assert "waits for  1 Restart" in shown
    code, _, err = mail("experiment", "edit", "1", "--after", str(after))
    assert (code, "That would be a circle: “Restart” waits for “Ensemble”" in err) == (1, True)
    edited = printed(
        mail("experiment", "edit", str(after), "--try", "2", "--not-after", "1",
             "--set", "gpu_hours=3", "--json")
    )  # fmt: skip
    assert (edited["candidates"], edited["depends_on"], edited["gpu_hours"]) == ([2], [], 3.0)
    assert mail("experiment", "finish", "1", "--value", "72")[0] == 1
    assert printed(mail("experiment", "start", "1", "--json"))["forecast"]["basis"] == "evidence"
    done = printed(mail("experiment", "finish", "1", "--value", "72.5", "--note", "fine", "--json"))
    assert (done["status"], done["result"]["value"]) == ("finished", 72.5)
    assert "72.5 points, fine" in mail("experiment", "show", "1")[1]
    listed = printed(mail("experiment", "list", "--status", "finished", "--json"))
    assert [each["title"] for each in listed] == ["Restart"]
    calibration = printed(mail("calibration", "mail", "--json"))
    assert calibration["finished"] == 1
    assert "1 with a forecast and a measured value" in mail("calibration")[1]


def test_explaining_shows_the_arithmetic_with_the_quotes(mail: Run) -> None:
    new(mail, "Restart", "--try", "1", "--try", "2")
    out = mail("experiment", "explain", "1")[1]
    assert "macro-F1 by +4 points" in out
    assert "“Cats purr”" in out
    assert "Ada Author: On cats and dogs (2019), Sounds, p. 1" in out
    assert "Not comparable:" in out
    assert "“accuracy” is another metric than “macro-F1”." in out
    given = printed(mail("experiment", "explain", "1", "--json"))
    assert len(given["evidence"]["effects"]) == 1
    mapped = mail("experiment", "map", "mail", "accuracy", "--factor", "0.5", "--reason", "so far")
    assert mapped[1] == "A point of accuracy counts 0.5 of macro-F1 in mail.\n"
    assert "accuracy × 0.5 (so far)" in mail("project", "show", "mail")[1]
    assert len(printed(mail("experiment", "explain", "1", "--json"))["evidence"]["effects"]) == 2
    assert "is not mapped" in mail("experiment", "map", "mail", "accuracy", "--undo")[1]


def test_overruling_needs_a_reason_and_can_be_undone(mail: Run) -> None:
    new(mail, "Restart", "--try", "1")
    code, _, err = mail("experiment", "overrule", "1", "--gain", "0", "1", "2")
    assert (code, "Say what this gain rests on" in err) == (1, True)
    out = mail("experiment", "overrule", "1", "--gain", "-0.5", "1", "2", "--reason", "short")[1]
    assert "team expects  +1 points (-0.5 to +2): short" in out
    assert "evidence says  +" in out
    assert "team expects" not in mail("experiment", "overrule", "1", "--undo")[1]
    assert mail("experiment", "overrule", "1")[0] == 2


def test_dropping_names_what_waits_for_it(mail: Run) -> None:
    new(mail, "Restart")
    new(mail, "Ensemble", "--after", "1")
    _, out, err = mail("experiment", "drop", "1", "--reason", "no time")
    assert out == "Dropped Restart.\n"
    assert "“Ensemble” waits for it: kb experiment edit 2 --not-after 1" in err
    assert "“Ensemble” waits for “Restart”, dropped" in mail("plan", "mail")[1]


def test_a_plan_has_questions_on_top_and_a_cut_line(mail: Run) -> None:
    for title, hours in (("Short", 20), ("Long", 200)):
        new(mail, title, "--gain", "0", "2", "3", "--reason", "a trial", "--set",
            f"person_hours={hours}", "--set", "retraining=yes")  # fmt: skip
    out = mail("plan", "mail")[1]
    assert out.startswith("mail\nTo be answered first:\n   1. Whose is the baseline of 70")
    assert "before the brief says the deadline." in out
    assert out.index("Short  +2 points") < out.index("Long  +2 points")
    assert "Schedule" not in out
    out = mail("plan", "mail", "--days", "5", "--people", "1")[1]
    assert "5 working days, 1 people at 8 hours a day, 60 GPU hours, 1 GPUs" in out
    cut = out.index("what does not fit")
    assert out.index("training      Short") < cut < out.rindex("Long")
    given = printed(mail("plan", "mail", "--days", "5", "--json"))
    assert [slot["title"] for slot in given["schedule"]["slots"]] == ["Short"]
    assert given["ranking"]["ranked"][0]["experiment"]["title"] == "Short"
    assert mail("plan", "mail", "--days", "-1")[0] == 2
    assert mail("plan", "post")[0] == 1


def test_a_swap_is_told_once(mail: Run) -> None:
    """The ranking tells of the first three in sentences of its own."""
    for hours in range(20, 26):
        new(mail, f"{hours} hours", "--gain", "0", "2", "3", "--reason", "a trial", "--set",
            f"person_hours={hours}")  # fmt: skip
    out = mail("plan", "mail")[1]
    assert [out.count(f"Ranks {n} and {n + 1} swap in") for n in range(1, 6)] == [1] * 5


def test_trial_runs(mail: Run) -> None:
    for samples in (1000, 2000, 4000):
        arguments = ("--samples", str(samples), "--hours", str(samples / 5000), "--value", "68")
        made = printed(mail("runtime", "add", "mail", "MiniLM", *arguments, "--json"))
        assert made["samples"] == samples
    assert "3  MiniLM: 4000 samples: 0.8 h, reached 68" in mail("runtime", "list", "mail")[1]
    assert printed(mail("runtime", "list", "mail", "--json"))[0]["hours"] == 0.2
    assert mail("runtime", "ladder", "mail")[1]
    assert printed(mail("runtime", "ladder", "mail", "--json"))["sentences"]
    assert mail("runtime", "remove", "1")[1].startswith("Removed     1  MiniLM: 1000 samples")
    code, _, err = mail("runtime", "add", "mail", "MiniLM", "--samples", "0", "--hours", "1")
    assert (code, "samples does not fit" in err) == (1, True)


def test_rating_a_dataset(mail: Run) -> None:
    arguments = ("source", "poor", "--note", "licence unclear", "--evidence", "2")
    assert mail("data", "rate", "mail", "2", *arguments)[1] == "IMDB: source poor.\n"
    rated = mail("data", "rate", "mail", "2", "ground_truth", "good", "--json")
    assert printed(rated)["rating"] == "good"
    out = mail("data", "show", "mail")[1]
    assert "source  poor    licence unclear  evidence 2" in out
    assert "ground truth  good" in out
    [given] = printed(mail("data", "show", "mail", "--json"))
    assert len(given["ratings"]) == 7
    code, _, err = mail("data", "rate", "mail", "1", "size", "good")
    assert (code, "“Restarts” is a design choice" in err) == (1, True)
    assert mail("data", "rate", "mail", "2", "colour", "good")[0] == 2


def test_planning_labels(mail: Run) -> None:
    arguments = ("--money", "300", "--cost", "0.25", "--labels-an-hour", "120", "--json")
    given = printed(mail("data", "labels", "mail", *arguments))
    assert (given["labels"], given["test"], given["cost"]) == (1200, 240, 300.0)
    assert given["hours"] == 5.0  # of each of the brief's two people
    assert given["smallest_gain"] > 0  # the brief knows the baseline
    alone = printed(mail("data", "labels", "mail", "--people", "1", *arguments))
    assert alone["hours"] == 10.0
    assert "1,200 labels: 240 to test" in mail("data", "labels", "mail", "--labels", "1200")[1]
    code, _, err = mail("data", "labels", "mail", "--disagreement", "2")
    assert (code, "A labelling plan's disagreement does not fit" in err) == (1, True)


def test_deciding(mail: Run) -> None:
    first = printed(
        mail("decision", "new", "mail", "Take it", "adopt", "--on", "1", "--instead-of", "2",
             "--reason", "+2 points", "--json")
    )  # fmt: skip
    assert (first["number"], first["candidates"], first["alternatives"]) == (1, [1], [2])
    assert "adopted  1 Restarts" in mail("project", "show", "mail")[1]
    out = mail("decision", "new", "mail", "No", "reject", "--supersedes", "1", "--reason", "slow")[
        1
    ]
    assert "decided on  1 Restarts" in out
    assert "supersedes  decision 1" in out
    assert "1  adopt   Take it  superseded by 2" in mail("decision", "list", "mail")[1]
    assert len(printed(mail("decision", "list", "mail", "--json"))) == 2
    assert printed(mail("decision", "show", "mail", "1", "--json"))["superseded_by"] == 2
    code, _, err = mail("decision", "show", "mail", "7")
    assert (code, "“mail” has no decision 7. See kb decision list mail." in err) == (1, True)
    assert mail("decision", "new", "mail", "x", "maybe", "--reason", "y")[0] == 2
    code, _, err = mail("decision", "new", "mail", "x", "park", "--reason", "y")
    assert (code, "Name the findings that this decides on" in err) == (1, True)


def test_hostile_text_does_not_drive_the_terminal(mail: Run) -> None:
    new(mail, "A\x1b[31mB\u202e", "--set", "hypothesis=\x1b]0;x\x07", "--set", "person_hours=2")
    mail("decision", "new", "mail", "\x1b[2J", "park", "--on", "1", "--reason", "\x1b[2J")
    outputs = [
        mail(*arguments)[1]
        for arguments in (
            ("experiment", "show", "1"), ("experiment", "list"), ("experiment", "explain", "1"),
            ("plan", "mail"), ("decision", "show", "mail", "1"), ("decision", "list", "mail"),
        )
    ]  # fmt: skip
    assert "A[31mB" in outputs[0]
    assert not any(sign in out for out in outputs for sign in ("\x1b", "\x07", "\u202e"))


def test_starting_stays_fast() -> None:
    """None of the heavy libraries is loaded for what needs none of them."""
    code = (
        "import sys; from kb.cli.main import run;"
        "[run([each, '--help']) for each in ('experiment', 'plan', 'runtime', 'data', 'decision')];"
        "heavy = {'ortools', 'scipy', 'sklearn', 'pydantic', 'numpy', 'pandas'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
