from __future__ import annotations

import hashlib
import io
import json
import random
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pypdf
import pypdf.generic
import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.fetch import Fetcher
from ingest.from_pdf import Pdf, parse_pdf
from ingest.parser_pool import ParserPool
from ingest.source import Done, Failed, FetchContext, Found, Known, Options, Raw
from kb.config import Config
from kb.errors import ParseFailure
from kb.records import Metadata, Parsed
from tests.pdf_maker import (
    LEADING,
    LEFT,
    RIGHT,
    TOP,
    column,
    heading,
    locked,
    pdf,
    prose,
    scan,
    two_columns,
)


def check(parsed: Parsed) -> Parsed:
    """What holds of every reading."""
    assert parsed.pages[0].start == 0
    assert parsed.pages[-1].end == len(parsed.text)
    assert all(a.end == b.start for a, b in zip(parsed.pages, parsed.pages[1:], strict=False))
    assert parsed.sections[0].start == 0
    assert parsed.sections[-1].end == len(parsed.text)
    assert all(a.end == b.start for a, b in zip(parsed.sections, parsed.sections[1:], strict=False))
    assert all(section.start < section.end for section in parsed.sections)
    for line in parsed.lines:
        text = parsed.text[line.start : line.end]
        assert text == text.strip()
        assert text
        assert parsed.page_at(line.start) == line.page
        assert line.box[0] < line.box[2]
        assert line.box[1] < line.box[3]
    parsed.text.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\u00ad]", parsed.text)
    return parsed


def read(*pages: Callable[[Canvas], None], **options: object) -> Parsed:
    return check(parse_pdf(pdf(*pages, **options)))


def paragraphs(parsed: Parsed) -> list[str]:
    return [" ".join(part.split()) for part in parsed.text.split("\n\n") if part.strip()]


def drawn(*lines: tuple[float, float, str]) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 10)
        for x, y, text in lines:
            canvas.drawString(x, y, text)

    return draw


def titles(parsed: Parsed) -> list[str]:
    return [section.title for section in parsed.sections]


# -- reading order ---------------------------------------------------------------------------------


@pytest.mark.parametrize("interleaved", [False, True])
def test_two_columns_are_read_one_after_the_other(interleaved: bool) -> None:
    parsed = read(two_columns(1, number=1, interleaved=interleaved))
    expected = prose(1, 30) + prose(2, 30)
    assert [parsed.text[line.start : line.end] for line in parsed.lines] == expected
    assert " ".join(expected) in " ".join(parsed.text.split())


def test_title_and_wide_table_part_the_columns_in_bands() -> None:
    def draw(canvas: Canvas) -> None:
        heading(canvas, 120, 720, "A title that goes over both of the columns", size=16)
        column(canvas, LEFT, prose(1, 12))
        column(canvas, RIGHT, prose(2, 12))
        for row in range(4):
            cells = [f"r{row}a", f"middle cell of row {row}", f"r{row}c"]
            for x, cell in zip((80, 250, 480), cells, strict=True):
                canvas.drawString(x, TOP - (14 + row) * LEADING, cell)
        column(canvas, LEFT, prose(3, 12), top=TOP - 20 * LEADING)
        column(canvas, RIGHT, prose(4, 12), top=TOP - 20 * LEADING)

    parsed = read(draw)
    marks = [" ".join(parsed.text.split()).index(mark) for mark in (
        "A title", "s1n0", "s1n11", "s2n0", "s2n11", "r0a middle cell of row 0 r0c", "r3a",
        "s3n0", "s3n11", "s4n0", "s4n11",
    )]  # fmt: skip
    assert marks == sorted(marks)


def in_order(parsed: Parsed, *marks: str) -> bool:
    text = " ".join(parsed.text.split())
    places = [text.index(mark) for mark in marks]
    return places == sorted(places)


def test_a_wide_table_in_two_columns_is_read_row_by_row() -> None:
    def draw(canvas: Canvas) -> None:
        for row in range(5):
            cells = ("model", f"m{row}"), (f"0.{row}1", f"0.{row}2")
            canvas.drawString(LEFT, 720 - row * LEADING, " ".join(cells[0]))
            canvas.drawString(RIGHT + 20, 720 - row * LEADING, cells[1][0])
            canvas.drawString(RIGHT + 120, 720 - row * LEADING, cells[1][1])
        two_columns(1, number=1)(canvas)

    parsed = read(draw)
    assert "model m0 0.01 0.02\nmodel m1 0.11 0.12\n" in parsed.text
    assert in_order(parsed, "model m4", "s1n0", "s1n29", "s2n0")


def test_blocks_of_authors_are_read_before_the_columns() -> None:
    def draw(canvas: Canvas) -> None:
        heading(canvas, 120, 740, "A title that goes over both of the columns", size=16)
        for x, names in (
            (100, ("Ada Example", "First Place")),
            (380, ("Bo Sample", "Other Place")),
        ):
            canvas.setFont("Times-Roman", 11)
            for at, name in enumerate(names):
                canvas.drawString(x, 700 - at * LEADING, name)
        two_columns(1, number=1)(canvas)

    parsed = read(draw)
    assert in_order(parsed, "Ada", "First Place", "Bo", "Other Place", "s1n0", "s1n29", "s2n0")


def test_a_line_that_runs_over_its_column_does_not_cut_the_other() -> None:
    def draw(canvas: Canvas) -> None:
        two_columns(1, number=1)(canvas)
        long = "https://example.org/a/very/long/address/that/no/line/break/could/cut/in/two/parts"
        column(canvas, LEFT, [long, *prose(5, 6)], top=TOP - 30 * LEADING)

    assert in_order(read(draw), "s1n0", "s1n29", "https", "s5n0", "s5n5", "s2n0", "s2n29")


def test_captions_side_by_side_stay_whole() -> None:
    def draw(canvas: Canvas) -> None:
        wide = [f"{a} {b}" for a, b in zip(prose(1, 20), prose(2, 20), strict=True)]
        column(canvas, LEFT, ["Figure 1 shows", *prose(3, 4)], top=720)
        column(canvas, RIGHT, ["Figure 2 shows", *prose(4, 4)], top=720)
        column(canvas, LEFT, wide, top=600)

    parsed = read(draw)
    assert "Figure 1 shows " + " ".join(prose(3, 4)) in " ".join(parsed.text.split())
    assert in_order(parsed, "s3n3", "Figure 2", "s4n3", "s1n0 ", "s1n19 ")


def test_footnotes_come_after_the_columns_of_their_page() -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, LEFT, prose(1, 30))
        canvas.setFont("Times-Roman", 8)
        canvas.drawString(LEFT, TOP - 32 * LEADING, "1 A note on the labels.")
        column(canvas, RIGHT, prose(2, 30))

    parsed = read(draw)
    assert "\n\n1 A note on the labels." in parsed.text
    assert parsed.text.index("s2n29") < parsed.text.index("1 A note")
    assert " s2n0 " in parsed.text  # the sentence runs on from column to column


def test_one_column_with_a_table_is_read_row_by_row() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 10)
        wide = [f"{a} {b}" for a, b in zip(prose(1, 30), prose(2, 30), strict=True)]
        column(canvas, LEFT, wide[:15], top=720)
        for row in range(6):
            for at, cell in enumerate((f"model{row}", f"0.{row}1", f"0.{row}2", f"0.{row}3")):
                canvas.drawString(100 + 110 * at, 520 - row * LEADING, cell)
        column(canvas, LEFT, wide[15:], top=430)

    parsed = read(draw)
    rows = "\n".join(f"model{row} 0.{row}1 0.{row}2 0.{row}3" for row in range(6))
    assert f"\n\n{rows}\n\n" in parsed.text


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotated_pages_are_read_as_they_are_shown(rotation: int) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(two_columns(1, number=1))))
    writer.pages[0].rotate(rotation)
    buffer = io.BytesIO()
    writer.write(buffer)
    parsed = check(parse_pdf(buffer.getvalue()))
    assert [parsed.text[line.start : line.end] for line in parsed.lines][:31] == [
        *prose(1, 30),
        prose(2, 1)[0],
    ]
    left, bottom, right, top = parsed.lines[0].box  # user space: rotation does not move it
    assert abs(left - LEFT) < 2
    assert right > 200
    assert TOP - 4 < bottom < TOP < top < TOP + 9


def test_text_drawn_sideways_is_read_in_its_own_direction() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.saveState()
        canvas.rotate(90)
        column(canvas, 60, prose(1, 8), top=-100)
        canvas.restoreState()

    parsed = read(draw)
    assert [parsed.text[line.start : line.end] for line in parsed.lines] == prose(1, 8)
    first = parsed.lines[0].box
    assert first[3] - first[1] > 5 * (first[2] - first[0])  # upright on the page


def test_what_lies_outside_the_page_is_not_read() -> None:
    parsed = read(drawn((60, 700, "shown on the page"), (2000, 700, "far outside of it")))
    assert parsed.text == "shown on the page"


# -- words and paragraphs --------------------------------------------------------------------------


def lines_at(*texts: str, x: float = 60, gap: float = LEADING) -> Callable[[Canvas], None]:
    return drawn(*((x, 700 - number * gap, text) for number, text in enumerate(texts)))


def test_words_cut_at_a_lines_end_are_joined() -> None:
    parsed = read(
        lines_at(
            "We sorted customer mail by senti-",
            "ment and compared two state-of-the-",
            "art encoders, one of them fine-tuned twice. A fine-",
            "tuned one needs mail from GPT-",
            "3 and a multi-label head.",
        )
    )
    assert parsed.text == (
        "We sorted customer mail by sentiment and compared two state-of-the-art encoders, one of "
        "them fine-tuned twice. A fine-tuned one needs mail from GPT-3 and a multi-label head."
    )


def test_a_word_cut_at_a_pages_end_belongs_to_both_pages() -> None:
    parsed = read(lines_at("the end of a page may cut a sen-"), lines_at("tence in two."))
    assert parsed.text == "the end of a page may cut a sentence in two."
    assert parsed.pages[1].start == parsed.text.index("tence")


def test_ligatures_and_accents_become_letters() -> None:
    def draw(canvas: Canvas) -> None:
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont

        font = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
        pdfmetrics.registerFont(TTFont("DejaVu", font))
        canvas.setFont("DejaVu", 10)
        canvas.drawString(60, 700, "e\ufb03cient \ufb01ne-tuning \ufb02ows, cafe\u0301")
        canvas.setFont("Times-Roman", 10)
        canvas.drawString(60, 680, "Montre")
        width = canvas.stringWidth("Montr", "Times-Roman", 10)
        canvas.drawString(60 + width + 0.5, 680, "\u00b4")
        canvas.drawString(60 + canvas.stringWidth("Montre", "Times-Roman", 10), 680, "al mail")

    if not Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf").exists():
        pytest.skip("the DejaVu font is not here")
    parsed = read(draw)
    assert "efficient fine-tuning flows, café" in parsed.text
    assert "Montréal mail" in parsed.text


def test_paragraphs_are_parted_by_indent_and_by_space() -> None:
    first, second = prose(1, 4), prose(2, 4)
    first[-1] = "the first one ends here."
    rows = [*((60, 700 - k * 12, t) for k, t in enumerate(first))]
    rows += [(75 if k == 0 else 60, 652 - k * 12, t) for k, t in enumerate(second)]
    rows += [(60, 580 - k * 12, t) for k, t in enumerate(prose(3, 3))]
    parsed = read(drawn(*rows))
    assert paragraphs(parsed) == [" ".join(first), " ".join(second), " ".join(prose(3, 3))]


# -- what is no part of the text -------------------------------------------------------------------


def test_running_heads_and_page_numbers_are_dropped() -> None:
    pages = [
        two_columns(2 * n, number=n + 11, running_head=f"Sorting mail by mood {n + 11}")
        for n in range(4)
    ]
    parsed = read(*pages)
    assert "Sorting mail" not in parsed.text
    assert not re.search(r"\b1[1-4]\b", parsed.text)
    assert all(f"s{n}n{k} " in parsed.text + " " for n in range(8) for k in range(30))


def test_a_line_that_does_not_repeat_is_kept_at_the_edge() -> None:
    def page(text: str) -> Callable[[Canvas], None]:
        return drawn((60, 760, text), *((60, 700 - k * 12, t) for k, t in enumerate(prose(1, 9))))

    parsed = read(page("Only on the first page"), page("Another on the second"))
    assert "Only on the first page" in parsed.text
    assert "Another on the second" in parsed.text


def test_line_numbers_are_dropped_and_other_numbers_kept() -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, 80, prose(1, 24))
        for number in range(24):
            canvas.drawRightString(62, TOP - number * LEADING, f"{number + 1:03}")
        canvas.drawString(80, 300, "In 2024 we counted")

    parsed = read(draw)
    assert not re.search(r"\b0\d\d\b", parsed.text)
    assert "In 2024 we counted" in parsed.text


def stamped(stamp: str) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        two_columns(1, number=1)(canvas)
        canvas.saveState()
        canvas.rotate(90)
        canvas.setFont("Times-Roman", 20)
        canvas.drawString(250, -32, stamp)
        canvas.restoreState()

    return draw


@pytest.mark.parametrize(
    ("stamp", "identifier", "month"),
    [
        ("arXiv:1706.03762v5 [cs.CL] 6 Dec 2017", "arxiv:1706.03762", "2017-06"),
        ("arXiv:cmp-lg/9404001v1 1 Apr 1994", "arxiv:cmp-lg/9404001", "1994-04"),
    ],
)
def test_arxivs_stamp_is_read_and_dropped(stamp: str, identifier: str, month: str) -> None:
    parsed = read(stamped(stamp))
    assert "arXiv" not in parsed.text
    assert parsed.metadata.identifiers == (identifier,)
    assert parsed.metadata.published == month


# -- metadata and sections -------------------------------------------------------------------------


def paper(canvas: Canvas) -> None:
    """The first page of a small paper."""
    canvas.setTitle("mail.dvi")
    heading(canvas, 100, 730, "Sorting Customer Mail by Mood", size=17)
    canvas.setFont("Times-Roman", 11)
    canvas.drawString(200, 705, "Ada Example and Bo Sample")
    heading(canvas, 280, 670, "Abstract")
    column(canvas, 80, ["Public reviews help a little.", "They do not help with irony."], top=650)
    heading(canvas, 60, 600, "1 Introduction")
    column(canvas, 60, prose(1, 10), top=580)
    heading(canvas, 60, 440, "2 Data")
    heading(canvas, 60, 420, "2.1 Reviews", size=10.5)
    column(canvas, 60, prose(2, 6), top=400)


def ending(canvas: Canvas) -> None:
    heading(canvas, 60, 700, "3 Results")
    column(canvas, 60, prose(3, 6), top=680)
    heading(canvas, 60, 580, "References")
    cited = ["[1] Doe, J. A paper that was cited here. 2020.", "[2] Roe, R. Another. 2021."]
    column(canvas, 60, cited, top=560)
    heading(canvas, 60, 500, "A Details")
    column(canvas, 60, prose(4, 6), top=480)


def test_sections_are_found_by_number_name_and_print() -> None:
    parsed = read(paper, ending)
    assert titles(parsed) == [
        "", "Abstract", "1 Introduction", "2 Data", "2.1 Reviews", "3 Results", "References",
        "A Details",
    ]  # fmt: skip
    assert [section.level for section in parsed.sections] == [1, 1, 1, 1, 2, 1, 1, 1]
    roles = {section.title: section.role for section in parsed.sections}
    assert roles["Abstract"] == "abstract"
    assert roles["References"] == "references"
    assert roles["A Details"] == roles["3 Results"] == "body"
    starts = [parsed.text[s.start :][: len(s.title)] for s in parsed.sections]
    assert starts == titles(parsed)


def test_title_and_abstract_come_from_the_page_where_the_file_has_none() -> None:
    metadata = read(paper, ending).metadata
    assert metadata.title == "Sorting Customer Mail by Mood"
    assert metadata.abstract == "Public reviews help a little. They do not help with irony."
    assert metadata.authors == ()


def test_the_files_own_title_and_authors_count_where_the_page_prints_them() -> None:
    def draw(canvas: Canvas) -> None:
        paper(canvas)
        canvas.setTitle("Sorting customer mail by mood")
        canvas.setAuthor("Ada Example, Bo Sample")

    metadata = read(draw).metadata
    assert metadata.title == "Sorting customer mail by mood"
    assert metadata.authors == ("Ada Example", "Bo Sample")

    def other(canvas: Canvas) -> None:
        paper(canvas)
        canvas.setTitle("The template of another conference")
        canvas.setAuthor("office")

    metadata = read(other).metadata
    assert metadata.title == "Sorting Customer Mail by Mood"
    assert metadata.authors == ()


def test_the_outline_names_sections_that_print_alone_would_not_show() -> None:
    def draw(canvas: Canvas) -> None:
        column(canvas, 60, ["What we tried", *prose(1, 6), "Lessons for next time", *prose(2, 6)])
        entries = (("What we tried", 0), ("Lessons for next time", 1), ("What is not there", 0))
        for title, level in entries:
            canvas.bookmarkPage(title)
            canvas.addOutlineEntry(title, title, level)

    parsed = read(draw)
    assert titles(parsed) == ["What we tried", "Lessons for next time"]
    assert [section.level for section in parsed.sections] == [1, 2]


def test_an_abstract_whose_heading_runs_in() -> None:
    parsed = read(
        drawn(
            (60, 740, "A plain title of some words"),
            (60, 700, "Abstract\u2014Moods are hard to read in short mail."),
            (60, 650, "The text begins here and goes on for a while."),
        )
    )
    assert parsed.metadata.abstract.startswith("Moods are hard to read in short mail.")


def test_page_labels_are_the_printed_ones() -> None:
    reader = io.BytesIO(pdf(*(lines_at(f"page {n}") for n in range(4))))
    writer = pypdf.PdfWriter(clone_from=reader)
    writer.set_page_label(0, 1, style="/r")
    writer.set_page_label(2, 3, style="/D", start=7)
    buffer = io.BytesIO()
    writer.write(buffer)
    parsed = check(parse_pdf(buffer.getvalue()))
    assert [page.label for page in parsed.pages] == ["i", "ii", "7", "8"]
    assert [page.label for page in read(lines_at("one"), lines_at("two")).pages] == ["1", "2"]


def test_empty_pages_keep_their_number() -> None:
    parsed = read(lines_at("first"), lambda canvas: None, lines_at("third"), lambda canvas: None)
    assert len(parsed.pages) == 4
    assert parsed.page_at(parsed.text.index("third")) == 3


def test_a_doi_counts_where_the_first_page_names_one_only() -> None:
    doi = lines_at("Mail and moods", "https://doi.org/10.1234/Mail.5.", "more text")
    assert read(doi).metadata.identifiers == ("doi:10.1234/mail.5",)
    two = lines_at("see doi:10.1234/a and", "doi:10.1234/b, both of others")
    assert read(two).metadata.identifiers == ()


# -- files that cannot be read ---------------------------------------------------------------------


def failure(content: bytes) -> str:
    with pytest.raises(ParseFailure) as caught:
        parse_pdf(content)
    assert not caught.value.retry
    return caught.value.reason


def test_a_scan_says_that_it_needs_ocr() -> None:
    assert "its 2 pages are pictures, a scan. Read it with OCR" in failure(pdf(scan, scan))


def test_an_empty_page_says_so() -> None:
    assert "its only page shows none" in failure(pdf(lambda canvas: None))


def test_an_empty_password_opens_and_a_real_one_does_not() -> None:
    assert read(lines_at("not so secret"), encrypt=locked("")).text == "not so secret"
    assert "encrypted with a password" in failure(pdf(lines_at("a"), encrypt=locked("user")))


def test_what_is_no_pdf_is_called_by_its_name() -> None:
    assert "a web page, not a PDF" in failure(b"<!DOCTYPE html><html><body>Log in</body></html>")
    assert "compressed archive" in failure(b"PK\x03\x04 and so on")
    assert "is empty" in failure(b"")
    assert "not a PDF file" in failure(b"just some words, long enough to be a file")


def test_a_file_cut_short_says_so() -> None:
    whole = pdf(*(two_columns(n, number=n) for n in range(4)))
    assert "cut short" in failure(whole[:200])


def test_a_file_without_pages_or_with_noise_is_a_failure() -> None:
    writer = pypdf.PdfWriter()
    buffer = io.BytesIO()
    writer.write(buffer)
    assert failure(buffer.getvalue())
    noise = random.Random(1).randbytes(4000)
    assert failure(b"%PDF-1.7\n" + noise + b"\n%%EOF")


def test_the_second_reader_reads_what_the_first_finds_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.from_pdf.fragments", lambda textpage, visible: [])
    parsed = check(parse_pdf(pdf(lines_at("Abstract", "read by the other."), lines_at("page two"))))
    assert "read by the other." in parsed.text
    assert parsed.page_at(parsed.text.index("page two")) == 2
    assert parsed.lines == ()


def test_damaged_files_end_as_text_or_as_a_failure() -> None:
    whole = pdf(paper, ending)
    dice = random.Random(0)
    texts = 0
    reasons: list[str] = []
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(dice.randrange(1, 40)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        cut = dice.choice([len(broken), dice.randrange(100, len(broken))])
        try:
            check(parse_pdf(bytes(broken[:cut])))
            texts += 1
        except ParseFailure as error:
            reasons.append(error.reason)
    assert texts > 10
    assert len(reasons) > 10
    assert all(reason.endswith(".") for reason in reasons)


# -- the source ------------------------------------------------------------------------------------


@pytest.fixture
def context(config: Config) -> FetchContext:
    return FetchContext(
        config=config,
        fetcher=Fetcher(config, say=lambda text: None, pause=lambda seconds: None),
        options=Options(),
        in_library=lambda key, label: False,
        say=lambda text: None,
        pause=lambda seconds: None,
    )


def test_what_it_takes(tmp_path: Path) -> None:
    (tmp_path / "odd-name").write_bytes(pdf(lines_at("a")))
    (tmp_path / "notes.txt").write_text("words")
    source = Pdf()
    assert source.matches(str(tmp_path))
    assert source.matches(str(tmp_path / "odd-name"))
    assert source.matches("missing.PDF")
    assert not source.matches(str(tmp_path / "notes.txt"))
    assert not source.matches("https://example.org/a.pdf")
    assert not source.matches("1706.03762")
    assert not source.matches("x" * 5000)
    assert not source.matches("a\0b")


def test_a_file_becomes_raw_bytes_under_its_hash(tmp_path: Path, context: FetchContext) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(pdf(paper))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (raw,) = Pdf().fetch([str(file)], context)
    assert isinstance(raw, Raw)
    assert (raw.key, raw.label, raw.media_type) == (
        f"sha256:{digest}", digest[:12], "application/pdf",
    )  # fmt: skip
    assert raw.content == file.read_bytes()
    known = replace(raw, metadata=Metadata(title="What arXiv says", tags=("cs.CL",)))
    parsed = Pdf().parse(known)
    assert parsed.metadata.title == "What arXiv says"
    assert parsed.metadata.abstract.startswith("Public reviews")


def test_what_is_known_is_not_read_again_unless_asked(
    tmp_path: Path, context: FetchContext
) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.4 anything")
    here = replace(context, in_library=lambda key, label: True)
    (known,) = Pdf().fetch([str(file)], here)
    assert isinstance(known, Known)
    (raw,) = Pdf().fetch([str(file)], replace(here, options=Options(refresh=True)))
    assert isinstance(raw, Raw)


def test_a_folder_leads_to_its_files_in_order(tmp_path: Path, context: FetchContext) -> None:
    for name in (
        "b.PDF",
        "a.html",
        "deep/c.md",
        "deep/d.bib",
        ".hidden.pdf",
        ".git/e.pdf",
        "f.png",
    ):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x")
    *found, done = Pdf().fetch([str(tmp_path)], context)
    names = ["a.html", "b.PDF", "deep/c.md", "deep/d.bib"]
    assert found == [Found(str(tmp_path / name), str(tmp_path)) for name in names]
    assert done == Done(str(tmp_path), "4 files")
    *found, done = Pdf().fetch([str(tmp_path)], replace(context, options=Options(limit=2)))
    assert len(found) == 2
    assert isinstance(done, Done)
    assert "--limit" in done.reason


def refused(locator: Path, context: FetchContext) -> str:
    (item,) = Pdf().fetch([str(locator)], context)
    assert isinstance(item, Failed)
    assert item.locator == str(locator)
    return item.reason


def test_each_thing_that_cannot_be_read_has_its_sentence(
    tmp_path: Path, context: FetchContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pdf").touch()
    (tmp_path / "large.pdf").write_bytes(b"%PDF-" + bytes(3000))
    (tmp_path / "folder").mkdir()
    small = replace(context, config=replace(context.config, fetch_bytes=2000))
    assert "no such file" in refused(tmp_path / "missing.pdf", context)
    assert "is empty" in refused(tmp_path / "empty.pdf", context)
    assert "more than the 0.0 MB allowed" in refused(tmp_path / "large.pdf", small)
    assert "no file in this folder" in refused(tmp_path / "folder", context)

    def deny(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", deny)
    assert "Permission denied" in refused(tmp_path / "large.pdf", context)


# -- real papers -----------------------------------------------------------------------------------

SAMPLE = ("1409.0473v7", "1508.05326v1", "1810.09995v1", "2001.04063v1", "math_0501170v3")


@pytest.fixture(scope="module", params=SAMPLE)
def real(request: pytest.FixtureRequest, shared: Path) -> tuple[Parsed, bytes, dict[str, str]]:
    file = shared / "arxiv" / "pdfs" / f"{request.param}.pdf"
    rows = (shared / "arxiv" / "pdfs.jsonl").read_text(encoding="utf-8").splitlines()
    row = next(r for r in map(json.loads, rows) if r["file"] == f"pdfs/{file.name}")
    content = file.read_bytes()
    return check(parse_pdf(content)), content, row


def letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", text).lower())


def test_lines_of_real_papers_stand_on_the_page_they_name(
    real: tuple[Parsed, bytes, dict[str, str]],
) -> None:
    parsed, content, _ = real
    reader = pypdf.PdfReader(io.BytesIO(content))
    other = [letters(page.extract_text()) for page in reader.pages]
    dice = random.Random(0)
    prosaic = [
        line
        for line in parsed.lines
        if len(re.findall(r"\b[a-z]{3,}\b", parsed.text[line.start : line.end])) > 5
    ]
    sample = dice.sample(prosaic, 40)
    hits = sum(
        letters(parsed.text[line.start : line.end])[2:24] in other[line.page - 1] for line in sample
    )
    assert hits >= 38


def test_real_papers_have_identity_title_sections_and_references(
    real: tuple[Parsed, bytes, dict[str, str]],
) -> None:
    parsed, _, row = real
    assert parsed.metadata.identifiers[0] == f"arxiv:{row['arxiv_id']}"
    known = row["metadata"]
    if isinstance(known, dict):
        assert letters(parsed.metadata.title) == letters(known["title"])
    assert sum(bool(section.title) for section in parsed.sections) >= 5
    assert [section.role for section in parsed.sections].count("references") == 1


# -- hostile files ---------------------------------------------------------------------------------


def read_in_worker(raw: Raw) -> Parsed:
    return parse_pdf(raw.content)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of memory")
def test_hostile_files_end_as_text_or_as_a_failure(shared: Path) -> None:
    files = sorted((shared / "hostile" / "pdf").rglob("*.pdf"))[::4]

    def raws() -> Iterator[Raw]:
        for file in files:
            yield Raw(str(file), "pdf", "k", "l", "application/pdf", file.read_bytes())

    with ParserPool(2, 20.0, 1024**3, read=read_in_worker) as pool:
        ends = {raw.locator: result for raw, result in pool.map(raws())}
    assert len(ends) == len(files) > 50
    reasons = {result.reason for result in ends.values() if isinstance(result, ParseFailure)}
    assert all(reason.endswith(".") for reason in reasons)
    assert not [r for r in reasons if "broke on this file" in r or "crashed" in r]
    assert sum(isinstance(result, Parsed) for result in ends.values()) > len(files) / 3
