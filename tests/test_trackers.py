from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kb.errors import UsageError
from kb.export.trackers import (
    LONGEST_JIRA,
    github_json,
    github_script,
    issues_csv,
    jira,
    known_issues,
)
from kb.records import Plan
from tests.plan_maker import empty_plan, large_plan, make_plan

TITLES = [
    "Frozen encoder, logistic regression on top", "A threshold for each class",
    "Fine-tune the encoder with five seeds", "IMDB reviews first, our own e-mails last",
    "Tune the language model on 20,000 unlabelled e-mails first", "Contextual augmentation",
    "Linear model on counted word pairs", "Star ratings of app reviews as labels",
]  # fmt: skip

GH = '''#!{python}
"""Stands for GitHub's gh: keeps issues in a file, and reads jq expressions by jq where it is."""
import json, os, re, subprocess, sys
from pathlib import Path

file = Path(os.environ["GH_ISSUES"])
issues = json.loads(file.read_text()) if file.exists() else []
words = sys.argv[1:]
def option(name):
    return words[words.index(name) + 1]
match words[:2]:
    case ["label", "create"]:
        assert "--force" in words
    case ["issue", "list"]:
        assert option("--state") == "all"
        if os.environ["JQ"]:
            subprocess.run([os.environ["JQ"], "-r", option("--jq")], check=True,
                           input=json.dumps(issues).encode())
        else:
            for issue in issues:
                if found := re.match("<!-- kb-([0-9a-f]+) -->", issue["body"]):
                    print(found[1], issue["number"], issue["state"])
    case ["issue", "create"]:
        issues.append({{"number": len(issues) + 1, "title": option("--title"), "state": "OPEN",
                        "body": sys.stdin.read(), "label": option("--label")}})
        print(f"https://github.com/o/r/issues/{{len(issues)}}")
    case ["issue", "edit"]:
        issues[int(words[2]) - 1] |= {{"title": option("--title"), "body": sys.stdin.read()}}
    case ["issue", "close"]:
        assert option("--reason") in ("completed", "not planned")
        issues[int(words[2]) - 1] |= {{"state": "CLOSED", "reason": option("--reason")}}
    case _:
        sys.exit(f"gh does not know {{words}}")
file.write_text(json.dumps(issues))
'''


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def records(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def run_script(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """The issues of a repository after the script of that plan has run with the stand-in."""
    gh = folder / "bin" / "gh"
    gh.parent.mkdir(exist_ok=True)
    gh.write_text(GH.format(python=sys.executable))
    gh.chmod(0o755)
    script = folder / "issues.sh"
    script.write_bytes(github_script(plan))
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    done = subprocess.run(
        [bash, str(script)], cwd=folder, capture_output=True, check=False, timeout=60,
        env={"PATH": f"{gh.parent}{os.pathsep}{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
             "GH_ISSUES": str(folder / "issues.json"), "JQ": shutil.which("jq") or ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    issues: list[dict[str, Any]] = json.loads((folder / "issues.json").read_text())
    return issues


def test_an_issue_says_what_is_tried_what_it_costs_and_when_it_has_succeeded() -> None:
    issue = json.loads(github_json(make_plan()))["issues"][0]
    assert issue["title"] == TITLES[0]
    assert issue["labels"] == ["kb-experiment", "training"]
    assert issue["body"].startswith(f"<!-- {issue['id']} -->\n### Hypothesis\n")
    for line in (
        "Frozen encoder with a linear model, BERT base",
        "2.5 points of macro-F1, between 1.3 and 3.8 in four of five cases (from the evidence); "
        "rank 1 of 6",
        "8 hours of work, 0.5 GPU-hours, 5 training runs, 0.1 hours a run",
        "> “A linear model on frozen vectors reached 66, where word counts had 62.”",
        "> Effect: macro-F1: 62 → 66 points = +4 points, on support e-mails, at 200 e-mails, "
        "reported by vendor",
    ):
        assert line in issue["body"].splitlines()
    assert "macro-F1 from 63 points (baseline 61.4). Macro-F1 of at least" in issue["body"]


def test_what_is_finished_or_dropped_is_closed_with_its_outcome() -> None:
    issues = {i["title"]: i for i in json.loads(github_json(make_plan()))["issues"]}
    assert list(issues) == TITLES
    finished, dropped = issues[TITLES[6]], issues[TITLES[7]]
    assert (finished["state"], finished["state_reason"]) == ("closed", "completed")
    assert "measured 61.4, a gain of +7.4, 9 hours of work" in finished["body"]
    assert (dropped["state"], dropped["state_reason"]) == ("closed", "not_planned")
    assert issues[TITLES[0]]["state"] == "open"


def test_running_the_script_again_changes_issues_and_doubles_none(tmp_path: Path) -> None:
    plan = make_plan()
    issues = run_script(plan, tmp_path)
    assert [issue["title"] for issue in issues] == TITLES
    assert [issue["state"] for issue in issues] == ["OPEN"] * 6 + ["CLOSED"] * 2
    assert [issue.get("reason") for issue in issues[6:]] == ["completed", "not planned"]
    told = json.loads(github_json(plan))["issues"]
    assert [issue["body"] for issue in issues] == [issue["body"] for issue in told]
    first = replace(plan.ranking.ranked[0].experiment, title="A new title")
    ranked = (replace(plan.ranking.ranked[0], experiment=first), *plan.ranking.ranked[1:])
    plan = replace(plan, ranking=replace(plan.ranking, ranked=ranked))
    again = run_script(plan, tmp_path)
    assert [issue["title"] for issue in again] == ["A new title", *TITLES[1:]]
    assert [issue["number"] for issue in again] == list(range(1, 9))


def test_nothing_that_others_wrote_runs_in_the_shell(tmp_path: Path) -> None:
    plan = make_plan(hostile=True)
    issues = run_script(plan, tmp_path)
    told = json.loads(github_json(plan))["issues"]
    assert [(i["title"], i["body"]) for i in issues] == [(i["title"], i["body"]) for i in told]
    assert run_script(plan, tmp_path) == issues
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "issues.sh", "issues.json"}
    for issue in told:
        assert 1 <= len(issue["title"]) <= 250
        assert not re.search(r"(?<![\w\\&;])@\w", re.sub(r"<!--.*?-->", "", issue["body"]))


def test_jira_reads_a_row_for_each_experiment() -> None:
    head, *found = rows(jira(make_plan()))
    assert head == ["Summary", "Issue Type", "Description", "Labels", "Labels", "Due Date",
                    "Original Estimate"]  # fmt: skip
    assert [row[0] for row in found] == TITLES
    summary, kind, text, label, stable, due, estimate = found[0]
    assert (kind, label, due, estimate) == ("Task", "kb-experiment", "2026-11-25", "28800")
    assert stable == f"kb-{make_plan().experiments[1].uid}"
    assert text.startswith("h3. Hypothesis\nVectors of a pretrained")
    assert (
        "{quote}“A linear model on frozen vectors reached 66, where word counts had 62.” — " in text
    )
    assert summary == TITLES[0]


def test_with_jiras_own_export_known_issues_are_changed() -> None:
    plan = make_plan()
    uid = plan.experiments[1].uid
    export = f"Summary,Issue key,Labels,Labels\r\nx,ML-7,kb-experiment,kb-{uid}\r\ny,ML-8,,\r\n"
    known = known_issues(export.encode("utf-8-sig"))
    assert known == {uid: "ML-7"}
    head, first, second, *_ = rows(jira(plan, known))
    assert (head[0], first[0], first[1], second[0]) == ("Issue Key", "ML-7", TITLES[0], "")


def test_linear_and_notion_get_what_they_do_not_have() -> None:
    plan = make_plan()
    found = records(issues_csv(plan))
    assert [row["Title"] for row in found] == TITLES
    assert [row["Status"] for row in found[-3:]] == ["Todo", "Done", "Canceled"]
    assert (found[0]["Estimate"], found[0]["Due Date"]) == ("8", "2026-11-25")
    exported = io.StringIO()
    csv.writer(exported).writerows([["ID", "Description"], ["ENG-1", found[0]["ID"]]])
    left = records(issues_csv(plan, known_issues(exported.getvalue().encode())))
    assert [row["Title"] for row in left] == TITLES[1:]


def test_a_file_that_is_no_export_is_refused() -> None:
    for content in (b"", b"a,b\n1,2\n", b"\xff\xfe\x00"):
        with pytest.raises(UsageError, match="no column Issue key"):
            known_issues(content)


def test_hostile_texts_break_no_row_and_calculate_nothing() -> None:
    plan = make_plan(hostile=True)
    for content, columns in ((jira(plan), 7), (issues_csv(plan), 7)):
        found = rows(content)
        assert len(found) == 9
        for row in found[1:]:
            assert len(row) == columns
            for cell in row:
                assert not re.match(r"[=+\-@\t\r\n]", cell)
                assert "\x00" not in cell
    jira_texts = "\n".join(row[2] for row in rows(jira(plan))[1:])
    assert not re.search(r"(?<!\\)\[(?!\\)", jira_texts)
    assert not re.search(r"(?<!\\)\{(?!quote\})", jira_texts)


def test_long_evidence_is_cut_to_what_trackers_take_and_says_so() -> None:
    plan = make_plan()
    supported = plan.findings[3]  # what the first experiment tries
    long = replace(supported, evidence=supported.evidence * 400)
    plan = replace(plan, findings=(*plan.findings[:3], long, *plan.findings[4:]))
    body = json.loads(github_json(plan))["issues"][0]["body"]
    assert 50_000 < len(body) < 61_000
    assert re.search(r"\d+ more quotes do not fit here", body)
    assert len(rows(jira(plan))[1][2]) <= LONGEST_JIRA


def test_two_hundred_experiments_and_none() -> None:
    assert len(rows(jira(large_plan()))) == 201
    assert len(rows(jira(empty_plan()))) == 1
    assert json.loads(github_json(empty_plan())) == {"issues": []}
