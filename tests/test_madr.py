from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import yaml
from icalendar import Calendar

from kb.errors import UsageError
from kb.export.calendar import calendar
from kb.export.madr import madr
from tests.plan_maker import empty_plan, make_plan
from tests.test_export import rendered


def records() -> dict[str, str]:
    return {name: content.decode() for name, content in madr(make_plan()).items()}


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


def test_each_decision_is_a_file_and_the_index_links_them_all() -> None:
    files = records()
    assert list(files) == [
        "README.md", "0001-begin-with-a-linear-model-on-word-pairs.md",
        "0002-park-the-imdb-reviews.md", "0003-try-the-imdb-reviews-as-a-starting-point.md",
    ]  # fmt: skip
    for name in list(files)[1:]:
        assert f"]({name})" in files["README.md"]
    assert "superseded by ADR-0003" in files["README.md"]


def test_a_record_has_the_parts_of_madr_in_their_order() -> None:
    record = list(records().values())[1]
    front, body = record.split("---\n")[1:]
    told = yaml.safe_load(front)
    assert told == {"status": "accepted", "date": date(2026, 11, 20), "decision-makers": "ada"}
    assert re.findall(r"^##? .*|^### C.*", body, re.MULTILINE) == [
        "# Begin with a linear model on word pairs",
        "## Context and Problem Statement",
        "## Decision Drivers",
        "## Considered Options",
        "## Decision Outcome",
        "### Consequences",
        "### Confirmation",
        "## Pros and Cons of the Options",
    ]
    assert "* Linear model on word pairs\n* Fine-tune the whole encoder\n" in body
    assert "Chosen option: “Linear model on word pairs”, because: It trains" in body


def test_pros_and_cons_are_quotes_with_their_place() -> None:
    record = list(records().values())[1]
    assert (
        "* Bad, because “Expect to need a GPU, several seeds, and some care with learning rates.” "
        "— The kb authors: *Baselines before Transformers: A Checklist for Small Text "
        "Classification Projects* (2026), section “Fine-tuned encoder”, page 2, v1"
    ) in record.splitlines()


def test_confirmation_is_the_experiment_with_its_threshold_and_what_it_has_reached() -> None:
    record = list(records().values())[1]
    assert "Threshold: macro-F1 60 points. Measured: 61.4 points (gain +7.4)." in record


def test_superseded_records_are_kept_and_point_both_ways() -> None:
    _, _, old, new = records().values()
    assert 'status: "superseded by ADR-0003"' in old
    assert "[ADR-0003](0003-try-the-imdb-reviews-as-a-starting-point.md)" in old
    assert "Parked for now: “IMDB reviews”" in old
    assert "* Supersedes [ADR-0002](0002-park-the-imdb-reviews.md)." in new


def test_hostile_titles_stay_in_the_folder_and_in_their_record() -> None:
    files = madr(make_plan(hostile=True))
    assert len(files) == 4
    for name, content in files.items():
        assert re.fullmatch(r"README\.md|\d{4}-[a-z0-9-]{1,60}\.md", name)
        text = content.decode()
        if name != "README.md":
            front, body = text.split("---\n", 2)[1:]
            assert set(yaml.safe_load(front)) == {"status", "date", "decision-makers"}
            assert len(re.findall(r"^# ", body, re.MULTILINE)) == 1
        html = rendered(text)
        assert "<script" not in html
        assert not re.search(r"<(img|svg|style)\b", html)
        assert 'href="javascript:' not in html


def test_a_decision_whose_title_has_no_plain_letters_has_a_file_too() -> None:
    plan = make_plan()
    plan = replace(plan, decisions=(replace(plan.decisions[0], title="決定"),))
    assert list(madr(plan)) == ["README.md", "0001-decision.md"]


def test_no_decisions_yet() -> None:
    files = madr(empty_plan())
    assert list(files) == ["README.md"]
    assert b"None yet." in files["README.md"]


def test_the_calendar_has_each_experiment_over_its_days() -> None:
    found = events(calendar(make_plan()))
    assert [str(each["summary"]) for each in found] == [
        "Frozen encoder, logistic regression on top",
        "IMDB reviews first, our own e-mails last",
        "Fine-tune the encoder with five seeds",
        "A threshold for each class",
        "E-mail sentiment: nothing trains from here on",
        "E-mail sentiment: deadline",
    ]
    first = found[0]
    assert (first["dtstart"].dt, first["dtend"].dt) == (date(2026, 11, 23), date(2026, 11, 26))
    assert first["dtstamp"].dt.isoformat() == "2026-11-20T09:30:00+00:00"
    assert "macro-F1" not in str(first["summary"])
    assert "Cost: 8 hours of work, 0.5 GPU-hours" in str(first["description"])
    assert (found[-1]["dtstart"].dt, found[-1]["dtend"].dt) == (
        date(2026, 12, 11), date(2026, 12, 12),
    )  # fmt: skip


def test_events_keep_their_ids_when_the_schedule_moves() -> None:
    plan = make_plan()
    assert plan.schedule is not None
    moved = tuple(replace(s, start=s.end) for s in reversed(plan.schedule.slots))
    later = replace(plan, schedule=replace(plan.schedule, slots=moved))
    ids = [{str(e["uid"]) for e in events(calendar(each))} for each in (plan, later)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 6
    assert {e.uid for e in plan.experiments if e.id in (2, 3, 5, 6)} < {
        uid.removesuffix("@kb") for uid in ids[0]
    }


def test_hostile_titles_begin_no_event_of_their_own() -> None:
    content = calendar(make_plan(hostile=True))
    assert len(events(content)) == 6
    assert content.count(b"\r\nBEGIN:VEVENT\r\n") == 6
    assert max(map(len, content.split(b"\r\n"))) <= 75


def test_without_a_schedule_the_calendar_says_what_is_missing() -> None:
    with pytest.raises(UsageError, match="how much time there is"):
        calendar(empty_plan())
