from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

from kb.errors import NotFound, UsageError
from kb.fit.tables import clean_label, read_table
from tests.fit_texts import write_csv

ROWS = [("the parcel came late", "negative"), ("thanks, all well; “quick”", "positive")]


def written(tmp_path: Path, suffix: str) -> Path:
    file = tmp_path / f"ours{suffix}"
    if suffix == ".csv":
        return write_csv(file, ROWS)
    if suffix == ".tsv":
        file.write_text("label\ttext\n" + "".join(f"{b}\t{a}\n" for a, b in ROWS))
    elif suffix == ".txt":
        file.write_text("\ufefftext;label\n" + "".join(f'"{a}";{b}\n' for a, b in ROWS))
    elif suffix == ".jsonl":
        file.write_text("".join(json.dumps({"text": a, "label": b}) + "\n\n" for a, b in ROWS))
    elif suffix == ".json":
        file.write_text(json.dumps([{"text": a, "label": b} for a, b in ROWS]))
    elif suffix == ".parquet":
        columns = {"text": [a for a, _ in ROWS], "label": [b for _, b in ROWS]}
        pyarrow.parquet.write_table(pyarrow.table(columns), file)
    else:
        book = openpyxl.Workbook()
        for row in [("text", "label"), *ROWS]:
            book.active.append(row)
        book.save(file)
    return file


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet", ".xlsx"])
def test_each_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    found = read_table(written(tmp_path, suffix), "text", "label")
    assert list(zip(found.texts, found.labels, strict=True)) == ROWS
    assert (found.rows, found.empty, found.notes, found.sampled) == (2, 0, (), False)
    assert len(found.sha256) == 64


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_a_column_that_is_not_there_is_answered_with_those_that_are(
    tmp_path: Path, suffix: str
) -> None:
    with pytest.raises(NotFound, match=r"no column “review”.*“label”"):
        read_table(written(tmp_path, suffix), "review", "label")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_labels_need_not_be_there(tmp_path: Path, suffix: str) -> None:
    assert read_table(written(tmp_path, suffix), "text").labels == (None, None)


def test_what_a_spreadsheet_makes_of_labels_is_undone() -> None:
    given = [1.0, 1, "1", True, " very  good ", "", None, float("nan"), 0.5]
    assert [clean_label(each) for each in given] == [
        "1", "1", "1", "True", "very good", None, None, None, "0.5"
    ]  # fmt: skip


def test_an_empty_column_gets_a_sentence(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "ours.csv", [("", "negative"), ("  ", "positive")])
    with pytest.raises(UsageError, match=r"column “text” of ours.csv is empty in all its 2 rows"):
        read_table(file, "text", "label")


def test_rows_without_a_text_are_left_out_and_counted(tmp_path: Path) -> None:
    found = read_table(write_csv(tmp_path / "a.csv", [*ROWS, ("", "positive")]), "text", "label")
    assert (len(found.texts), found.rows, found.empty) == (2, 3, 1)
    assert found.notes == ("1 of the 3 rows of a.csv have no text: left out.",)


def test_no_file_an_empty_one_and_one_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        read_table(tmp_path / "none.csv", "text")
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(UsageError, match=r"empty\.csv is empty"):
        read_table(empty, "text")
    empty.write_text("text,label\n")
    with pytest.raises(UsageError, match=r"has no rows"):
        read_table(empty, "text")
    other = tmp_path / "a.docx"
    other.write_text("x")
    with pytest.raises(UsageError, match=r"Kinds are: \.csv"):
        read_table(other, "text")


# -- size ------------------------------------------------------------------------------------------


def test_a_long_file_gives_a_uniform_sample_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", [(f"row {i:04}", "x") for i in range(1000)])
    drawn: Counter[str] = Counter()
    for seed in range(300):
        found = read_table(file, "text", "label", sample=100, seed=seed)
        assert len(set(found.texts)) == 100
        assert list(found.texts) == sorted(found.texts)
        drawn.update(found.texts)
    assert found.sampled
    assert found.notes == (
        "a.csv has 1,000 rows (12 kB): a random sample of 100 was taken (seed 299).",
    )
    tenths = [sum(drawn[f"row {i:04}"] for i in range(at, at + 100)) for at in range(0, 1000, 100)]
    assert all(2800 < count < 3200 for count in tenths)  # 3,000 expected, standard error 49
    assert read_table(file, "text", sample=100, seed=5) == read_table(
        file, "text", sample=100, seed=5
    )


def test_two_gigabytes_of_which_most_was_never_written(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "large.csv", ROWS * 1000)
    with file.open("r+b") as out:
        out.truncate(2 * 1024**3)  # a hole: it takes no room on the disk
    with pytest.raises(UsageError, match=r"Line 2,002 of large.csv holds zero bytes"):
        read_table(file, "text", "label")


@pytest.mark.parametrize("suffix", [".jsonl", ".xlsx", ".parquet", ".json"])
def test_two_gigabytes_of_nothing_are_refused_in_each_format(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"large{suffix}"
    with file.open("wb") as out:
        out.write(b"[" if suffix == ".json" else b"")
        out.truncate(2 * 1024**3)
    with pytest.raises(UsageError, match=r"zero bytes|no Excel file|as Parquet|JSON lines"):
        read_table(file, "text", "label")


def test_a_line_without_end_and_a_quote_without_end_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"text,label\n" + b"x" * (5 * 1024**2))
    with pytest.raises(UsageError, match=r"Line 2 of a.csv is longer than 4 MB"):
        read_table(file, "text")
    file.write_text('text,label\n"never closed,positive\n' + "more and more words\n" * 20_000)
    with pytest.raises(UsageError, match="quotation mark"):
        read_table(file, "text")


# -- encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_marked_encodings_are_read_without_a_word(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("text,label\nschön und größer,positive\n".encode(encoding))
    found = read_table(file, "text", "label")
    assert (found.texts, found.notes) == (("schön und größer",), ())


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Größe passt überhaupt nicht, schönes Gerät für zuhause"),
        ("cp1251", "Заказ пришёл повреждённым, очень плохо"),
        ("shift_jis", "商品が壊れていました。返金してください"),
    ],
)
def test_another_encoding_is_recognised_and_named(tmp_path: Path, encoding: str, text: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(f"text;label\n{text};positive\nplain;negative\n".encode(encoding))
    found = read_table(file, "text", "label")
    assert found.texts == (text, "plain")
    assert f"a.csv is not UTF-8 and was read as {encoding}" in found.notes[0]


def test_mixed_encodings_are_read_line_by_line_and_told(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    lines = [b"text,label\n"]
    for i in range(40):
        text = f"Größe {i} passt nicht, schönes Gerät,negative\n"
        lines.append(text.encode("utf-8" if i % 4 else "cp1252"))
    file.write_bytes(b"".join(lines))
    found = read_table(file, "text", "label", sample=100)
    assert (
        "mixes encodings: 10 of its 41 lines are not UTF-8 (the first is line 2)"
        in (found.notes[0])
    )
    assert all("Größe" in text for text in found.texts[:1])


def test_broken_json_lines_are_counted_and_a_file_of_none_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"text": "a", "label": 1}\n{"text": \n[1]\n{"text": "b", "label": 2.0}\n')
    found = read_table(file, "text", "label")
    assert (found.texts, found.labels) == (("a", "b"), ("1", "2"))
    assert "2 lines of a.jsonl are no JSON objects and were left out, the first is line 2." in (
        found.notes
    )
    file.write_text("text,label\n" * 20)
    with pytest.raises(UsageError, match="not JSON lines"):
        read_table(file, "text")


def test_rows_of_another_length_are_told(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text,label\na, or b,positive\nfine,negative\n")
    assert "1 rows of a.csv do not have the 2 columns" in read_table(file, "text", "label").notes[0]
