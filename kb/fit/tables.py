"""Texts and labels from a file: CSV, JSON lines, Parquet or Excel, in whatever encoding it came.

Reads row by row and keeps a sample, so that a file of any length fits into memory. It does not
know what a label means, nor whether the texts are any good.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import random
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from kb.errors import NotFound, UsageError

SAMPLE = 10_000
"""Rows kept of each file: a verdict gets no surer with more of the source, and 20,000 short texts
are embedded in under three minutes (benchmarks/dataset_fit.py)."""
LINE = 4 * 1024**2  # bytes of one line, at most: a longer one is no table's
EXCEL_BYTES = 1024**3  # of an Excel file's parts, unpacked: openpyxl holds its strings in memory
EXAMINED = 1024**2  # bytes looked at to find the encoding
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = (
    "cp1252", "cp1251", "cp1253", "cp1255", "cp1256", "shift_jis", "gb18030", "big5", "euc_kr",
)  # fmt: skip
"""What tables that are not UTF-8 come in; charset-normalizer chooses among these. Not cp1250: it
took that for cp1252 and German in cp1252 for cp1250, and the latter is the commoner mistake."""
SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".json": "jsonl", ".parquet": "parquet", ".xlsx": "excel", ".xlsm": "excel",
}  # fmt: skip

Row = tuple[Any, Any]  # text, label: as they stand in the file
Report = Callable[[int], None]  # rows read


@dataclass(frozen=True, slots=True)
class Table:
    """A sample of a file's rows that have a text, in the order of the file."""

    name: str
    sha256: str  # of the whole file
    texts: tuple[str, ...]
    labels: tuple[str | None, ...]  # None: has none
    rows: int  # in the file
    empty: int  # rows without a text, left out
    notes: tuple[str, ...]  # what the reader should know of the reading, in sentences

    @property
    def sampled(self) -> bool:
        """Whether rows with a text were left out."""
        return len(self.texts) < self.rows - self.empty

    @property
    def counts(self) -> Counter[str]:
        """How many of the kept rows have each label."""
        return Counter(label for label in self.labels if label is not None)


@dataclass(slots=True)
class _Reading:
    """What is found out while a file is read."""

    text: str
    label: str | None
    notes: list[str] = field(default_factory=list)


def _silent(rows: int) -> None:
    """Tell nobody."""


def read_table(
    file: Path,
    text: str,
    label: str | None = None,
    *,
    sample: int = SAMPLE,
    seed: int = 0,
    report: Report = _silent,
) -> Table:
    """The rows of `file` with a text in the column `text`, at most `sample` of them.

    `label` is the column of labels; None where the file has none. A longer file gives a uniform
    random sample (reservoir sampling, algorithm L: Li 1994). UsageError or NotFound say what is
    wrong with a file that cannot be read.
    """
    if not file.is_file():
        raise NotFound(f"There is no file {file}.")
    if not file.stat().st_size:
        raise UsageError(f"{file.name} is empty.")
    readers = {"csv": _csv, "jsonl": _json, "parquet": _parquet, "excel": _excel}
    kind = SUFFIXES.get(file.suffix.lower())
    if kind is None:
        raise UsageError(
            f"{file.name} is of no kind that can be read. Kinds are: {', '.join(SUFFIXES)}."
        )
    reading = _Reading(text, label)
    rows, empty, kept = _sampled(readers[kind](file, reading), sample, seed, report)
    if not kept:
        raise UsageError(
            f"The column “{text}” of {file.name} is empty in all its {rows:,} rows."
            if rows
            else f"{file.name} has no rows."
        )
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    notes = reading.notes
    if empty:
        notes.append(f"{empty:,} of the {rows:,} rows of {file.name} have no text: left out.")
    if len(kept) < rows - empty:
        notes.append(
            f"{file.name} has {rows:,} rows ({_size(file.stat().st_size)}): a random sample of "
            f"{len(kept):,} was taken (seed {seed})."
        )
    texts, labels = zip(*kept, strict=True)
    return Table(file.name, sha256, texts, labels, rows, empty, tuple(notes))


def clean_label(value: Any) -> str | None:
    """A label as text, None for none: 1.0 is 1, for it is what spreadsheets make of it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split()) or None


# -- the sample ------------------------------------------------------------------------------------


def _sampled(
    rows: Iterable[Row], size: int, seed: int, report: Report
) -> tuple[int, int, list[tuple[str, str | None]]]:
    """How many rows there are, how many without a text, and a sample of the others, in order."""
    dice = random.Random(seed)
    kept: list[tuple[int, str, str | None]] = []
    total, empty, seen = 0, 0, 0
    weight, following = 1.0, 0
    for total, (raw_text, raw_label) in enumerate(rows, start=1):
        if total % 100_000 == 0:
            report(total)
        text = "" if raw_text is None else str(raw_text).strip()
        if not text:
            empty += 1
            continue
        seen += 1
        if seen <= size:
            kept.append((seen, text, clean_label(raw_label)))
            if seen == size:
                weight, following = _skip(dice, 1.0, size, seen)
        elif seen == following:
            kept[dice.randrange(size)] = (seen, text, clean_label(raw_label))
            weight, following = _skip(dice, weight, size, seen)
    return total, empty, [(text, label) for _, text, label in sorted(kept)]


def _skip(dice: random.Random, weight: float, size: int, seen: int) -> tuple[float, int]:
    """The next weight of algorithm L, and the number of the next row that is taken."""
    weight *= math.exp(math.log(1 - dice.random()) / size)
    return weight, seen + 1 + math.floor(math.log(1 - dice.random()) / math.log1p(-weight))


# -- formats ---------------------------------------------------------------------------------------


def _csv(file: Path, reading: _Reading) -> Iterator[Row]:
    lines = _lines(file, reading)
    first = next(lines, "")
    columns, delimiter = _header(first, reading)
    at_text = _column(columns, reading.text, file)
    at_label = None if reading.label is None else _column(columns, reading.label, file)
    ragged = 0
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if not row:
                continue
            ragged += len(row) != len(columns)
            yield (
                row[at_text] if at_text < len(row) else None,
                row[at_label] if at_label is not None and at_label < len(row) else None,
            )
    except csv.Error as error:
        raise UsageError(
            f"{file.name} cannot be read as a table: {error}. Often a quotation mark is opened "
            "and never closed."
        ) from error
    if ragged:
        reading.notes.append(
            f"{ragged:,} rows of {file.name} do not have the {len(columns)} columns of its first "
            "line: look whether texts with the delimiter in them are quoted."
        )


def _header(line: str, reading: _Reading) -> tuple[list[str], str]:
    """The column names and the delimiter: the one that gives the wanted columns, or the most."""
    wanted = {reading.text, reading.label}
    found = []
    for delimiter in DELIMITERS:
        columns = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
        found.append((len(wanted & set(columns)), len(columns), columns, delimiter))
    _, _, columns, delimiter = max(found, key=lambda each: each[:2])
    return columns, delimiter


def _column(columns: Sequence[str], name: str, file: Path) -> int:
    if name not in columns:
        listed = ", ".join(f"“{column[:40]}”" for column in columns[:20])
        raise NotFound(f"{file.name} has no column “{name}”. Its columns are: {listed}.")
    return list(columns).index(name)


def _json(file: Path, reading: _Reading) -> Iterator[Row]:
    """One object a line, or one list of objects in a file of up to EXCEL_BYTES / 8."""
    with file.open("rb") as content:
        first = content.read(EXAMINED).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    objects = _json_list(file) if first == b"[" else _json_lines(file, reading)
    known: set[str] = set()
    for number, row in enumerate(objects):
        if number < 100:
            known.update(row)
        if number == 100:
            _check_fields(known, reading, file)
        yield row.get(reading.text), row.get(reading.label) if reading.label else None
    _check_fields(known, reading, file)


def _check_fields(known: set[str], reading: _Reading, file: Path) -> None:
    for name in (reading.text, reading.label):
        if name is not None and known:
            _column(sorted(known), name, file)


def _json_list(file: Path) -> Iterator[dict[str, Any]]:
    if file.stat().st_size > EXCEL_BYTES / 8:
        raise UsageError(
            f"{file.name} is one JSON list of {_size(file.stat().st_size)}, which cannot be read "
            "piece by piece. Save it as JSON lines, one object a line."
        )
    try:
        objects = json.loads(file.read_bytes())
    except ValueError as error:
        raise UsageError(f"{file.name} is not valid JSON: {error}.") from error
    yield from (row for row in objects if isinstance(row, dict))


def _json_lines(file: Path, reading: _Reading) -> Iterator[dict[str, Any]]:
    broken, first, good = 0, 0, 0
    for number, line in enumerate(_lines(file, reading), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict):
            good += 1
            yield row
        else:
            broken, first = broken + 1, first or number
            if not good and broken == 10:
                raise UsageError(
                    f"{file.name} is not JSON lines: none of its first ten lines is an object."
                )
    if broken:
        reading.notes.append(
            f"{broken:,} lines of {file.name} are no JSON objects and were left out, the first is "
            f"line {first:,}."
        )


def _parquet(file: Path, reading: _Reading) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(file, memory_map=True)
        names = [reading.text] + ([reading.label] if reading.label else [])
        for name in names:
            _column(table.schema_arrow.names, name, file)
        for batch in table.iter_batches(batch_size=8192, columns=names, use_threads=False):
            texts = batch.column(reading.text).to_pylist()
            labels = (
                batch.column(reading.label).to_pylist() if reading.label else [None] * len(texts)
            )
            yield from zip(texts, labels, strict=True)
    except (pyarrow.ArrowException, OSError) as error:
        raise UsageError(f"{file.name} cannot be read as Parquet: {error}.") from error


def _excel(file: Path, reading: _Reading) -> Iterator[Row]:
    """The first sheet; its first row names the columns."""
    import openpyxl

    try:
        with zipfile.ZipFile(file) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise UsageError(
            f"{file.name} is no Excel file of the kind .xlsx: {error}. Save it as .xlsx or CSV."
        ) from error
    if unpacked > EXCEL_BYTES:
        raise UsageError(
            f"{file.name} holds {_size(unpacked)} unpacked, too much for a spreadsheet. Save it "
            "as CSV, of which a sample can be taken."
        )
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what it says of its size may be wrong
        rows = sheet.iter_rows(values_only=True)
        columns = ["" if name is None else str(name).strip() for name in next(rows, ())]
    except Exception as error:  # openpyxl lets through whatever its parsers raise
        raise UsageError(f"{file.name} cannot be read as Excel: {error}.") from error
    at_text = _column(columns, reading.text, file)
    at_label = None if reading.label is None else _column(columns, reading.label, file)
    for row in rows:
        yield (
            row[at_text] if at_text < len(row) else None,
            row[at_label] if at_label is not None and at_label < len(row) else None,
        )
    book.close()


# -- lines and their encoding ----------------------------------------------------------------------


def _lines(file: Path, reading: _Reading) -> Iterator[str]:
    """The lines of a text file with their ends; notes what could not be read as UTF-8."""
    with file.open("rb") as content:
        start = content.read(4)
        content.seek(0)
        wide = _wide(start)
        yield from _wide_lines(file, wide) if wide else _narrow_lines(file, content, reading)


def _wide(start: bytes) -> str | None:
    """UTF-16 or UTF-32 by their mark."""
    if start in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        return "utf-32"
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else None


def _wide_lines(file: Path, encoding: str) -> Iterator[str]:
    try:
        with file.open(encoding=encoding, newline="") as text:
            while line := text.readline(LINE):
                yield line
    except UnicodeError as error:
        raise UsageError(
            f"{file.name} begins as {encoding.upper()} and does not go on so: {error}. Save it as "
            "UTF-8."
        ) from error


def _narrow_lines(file: Path, content: BinaryIO, reading: _Reading) -> Iterator[str]:
    other: str | None = None
    count, foreign, beyond_ascii, first = 0, 0, 0, 0
    while line := content.readline(LINE):
        count += 1
        if count == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if b"\x00" in line:
            raise UsageError(
                f"Line {count:,} of {file.name} holds zero bytes, which no text has: the file was "
                "cut or damaged there, or is of another kind than its name says. Copy it anew, or "
                "keep the part before that line."
            )
        if len(line) == LINE:
            raise UsageError(
                f"Line {count:,} of {file.name} is longer than {_size(LINE)}: that is no table "
                "with one row a line."
            )
        try:
            text = line.decode("utf-8")
            beyond_ascii += not line.isascii()
        except UnicodeDecodeError:
            other = other or _encoding(file, line)
            text = line.decode(other, "replace")
            foreign, first = foreign + 1, first or count
        yield text
    if foreign and beyond_ascii:
        reading.notes.append(
            f"{file.name} mixes encodings: {foreign:,} of its {count:,} lines are not UTF-8 (the "
            f"first is line {first:,}) and were read as {other}; {beyond_ascii:,} others need "
            "UTF-8. Look at some of them before you trust their words."
        )
    elif foreign:
        reading.notes.append(
            f"{file.name} is not UTF-8 and was read as {other}. If accents look wrong in the "
            "examples, save it as UTF-8."
        )


def _encoding(file: Path, line: bytes) -> str:
    """The likeliest encoding of the lines like `line`, which is not UTF-8."""
    from charset_normalizer import from_bytes

    with file.open("rb") as content:
        lines = content.read(EXAMINED).splitlines(keepends=True)[:-1]
    foreign = b"".join(each for each in [*lines, line] if not _is_utf8(each))
    best = from_bytes(foreign, cp_isolation=list(ENCODINGS)).best()
    return best.encoding if best else "cp1252"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
