from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import load_workbook

from kb.errors import NotFound
from kb.export.findings_csv import harmless
from kb.export.tables import Table, tables
from kb.export.tables_csv import table_csv, tables_csv
from kb.export.xlsx import LONGEST, xlsx
from kb.records import Plan
from tests.plan_maker import empty_plan, make_plan

NAMES = ["Design choices", "Datasets", "Pretrained models", "Evidence", "Experiments"]


def table(plan: Plan, name: str) -> list[dict[str, Any]]:
    [found] = [each for each in tables(plan) if each.name == name]
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def book(content: bytes) -> Any:
    return load_workbook(io.BytesIO(content))


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_experiments_stand_as_they_are_ranked_with_gain_cost_and_outcome() -> None:
    rows = table(make_plan(), "Experiments")
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5, 6, None, None]
    first, second, *_ = rows
    assert first["title"] == "Frozen encoder, logistic regression on top"
    assert first["tries"] == "Frozen encoder with a linear model; BERT base"
    assert (first["gain low"], first["gain likely"], first["gain high"]) == (1.3, 2.5, 3.8)
    assert (first["unit"], first["gain from"], first["first in"]) == ("points", "evidence", 0.62)
    assert (first["starts"], first["ends"]) == (date(2026, 11, 23), date(2026, 11, 25))
    assert (second["retraining"], second["depends on"], second["phase"]) == (
        "no", "Fine-tune the encoder with five seeds", "last stretch",
    )  # fmt: skip
    finished = rows[6]
    assert (finished["status"], finished["measured"]) == ("finished", 61.4)
    assert finished["measured gain"] == pytest.approx(7.4)  # over the baseline measured beside it
    assert table(make_plan(), "Experiments")[7]["rank"] is None


def test_findings_have_their_fields_their_state_and_what_is_known_of_the_data() -> None:
    plan = make_plan()
    imdb, phones = table(plan, "Datasets")
    assert (imdb["name"], imdb["status"], imdb["labelled by"]) == (
        "IMDB reviews", "shortlisted", "star ratings",
    )  # fmt: skip
    assert (imdb["quotes for"], imdb["quotes against"]) == (1, 1)
    assert (imdb["source rated"], imdb["source note"]) == (
        "poor", "Its licence is not stated; legal has been asked.",
    )  # fmt: skip
    assert (imdb["measured fit"], phones["measured fit"]) == ("as a starting point", None)
    choices = table(plan, "Design choices")
    assert choices[0]["axis"] == "Data collection"  # by name, as people know it
    assert next(c for c in choices if c["name"].startswith("Fine-tune"))["person hours"] == 16.0


def test_evidence_has_a_row_for_each_quote_with_its_place_and_numbers() -> None:
    rows = table(make_plan(), "Evidence")
    assert len(rows) == sum(len(each.evidence) for each in make_plan().findings)
    row = next(row for row in rows if str(row["quote"]).startswith("Fine-tuning the encoder on"))
    assert (row["finding"], row["section"], row["year"]) == (
        "Fine-tune the whole encoder", "Results", 2026,
    )  # fmt: skip
    assert (row["baseline"], row["value"], row["gain"], row["unit"]) == (62, 70, 8, "points")
    assert row["source"] == "http://localhost/made-up"


def test_no_internal_id_stands_in_a_table() -> None:
    plan = make_plan()
    uids = {each.finding.uid for each in plan.findings} | {e.uid for e in plan.experiments}
    cells = {cell for each in tables(plan) for row in each.rows for cell in row}
    assert not uids & cells
    assert not [
        name for each in tables(plan) for name in each.columns if re.search(r"\bid\b", name)
    ]


def test_the_workbook_opens_with_numbers_dates_filters_and_links() -> None:
    opened = book(xlsx(make_plan()))
    assert opened.sheetnames == NAMES
    sheet = opened["Experiments"]
    head = [cell.value for cell in sheet[1]]
    likely, starts = head.index("gain likely"), head.index("starts")
    assert sheet[2][likely].value == 2.5
    assert sheet[2][likely].data_type == "n"
    assert sheet[2][starts].value == datetime(2026, 11, 23)
    assert sheet.freeze_panes == "C2"
    assert sheet.auto_filter.ref == f"A1:{sheet.cell(1, len(head)).column_letter}9"
    evidence = opened["Evidence"]
    links = {
        cell.hyperlink.target for row in evidence.iter_rows() for cell in row if cell.hyperlink
    }
    assert "https://arxiv.org/abs/1801.06146" in links
    assert all(link.startswith(("http://", "https://")) for link in links)
    assert evidence.column_dimensions["D"].width <= 62


def test_the_same_plan_gives_the_same_bytes_at_any_time() -> None:
    first = xlsx(make_plan())
    core = zipfile.ZipFile(io.BytesIO(first)).read("docProps/core.xml")
    assert re.findall(rb"\d{4}-\d\d-\d\d", core) == [b"2026-11-20"]  # the plan's, not today's
    assert xlsx(make_plan()) == first


def test_no_spreadsheet_calculates_or_breaks_on_what_others_have_written() -> None:
    plan = make_plan(hostile=True)
    opened = book(xlsx(plan))
    for sheet, written in zip(opened, tables(plan), strict=True):
        assert sheet.max_row == len(written.rows) + 1
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert not cell.hyperlink or re.match(r"https?://", cell.hyperlink.target)
                if isinstance(cell.value, str):
                    assert not re.match(r"\s*[=+\-@＝＋－＠]", cell.value)
                    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", cell.value)
    for content in tables_csv(plan).values():
        for line in read_csv(content):
            for text in line.values():
                assert harmless(text) == text


def test_a_text_longer_than_excel_takes_is_cut_in_sight() -> None:
    from kb.export.xlsx import _text

    assert _text("a" * LONGEST) == "a" * LONGEST
    assert _text("a" * (LONGEST + 1)) == "a" * (LONGEST - 1) + "…"


def test_csv_files_hold_what_the_tables_hold() -> None:
    plan = make_plan()
    files = tables_csv(plan)
    assert list(files) == [
        "design-choices.csv", "datasets.csv", "pretrained-models.csv", "evidence.csv",
        "experiments.csv",
    ]  # fmt: skip
    for content, written in zip(files.values(), tables(plan), strict=True):
        rows = read_csv(content)
        assert len(rows) == len(written.rows)
        assert not rows or list(rows[0]) == list(written.columns)
    experiments = read_csv(table_csv(plan, "experiments"))
    assert (experiments[0]["gain likely"], experiments[0]["starts"]) == ("2.5", "2026-11-23")
    assert experiments[7]["rank"] == ""


def test_an_unknown_table_is_answered_with_those_that_exist() -> None:
    with pytest.raises(NotFound, match="experiments"):
        table_csv(make_plan(), "papers")


def test_a_project_without_anything_has_tables_without_rows() -> None:
    assert [each.name for each in tables(empty_plan())] == NAMES
    assert all(isinstance(each, Table) and not each.rows for each in tables(empty_plan()))
    assert book(xlsx(empty_plan())).sheetnames == NAMES
    assert read_csv(tables_csv(empty_plan())["evidence.csv"]) == []
