from __future__ import annotations

import csv
import itertools
import json
import lzma
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bibtexparser
import pypdf
import pypdfium2
import pytest
import trafilatura
import yaml

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
NOTES = sorted((SAMPLE / "notes").glob("*.md"))
PAGES = sorted((SAMPLE / "pages").glob("*.html"))
PAPERS = sorted((SAMPLE / "papers").glob("*.pdf"))
WORDS_IN_A_ROW = 8


def front_matter(note: Path) -> tuple[dict[str, Any], str]:
    _, head, body = note.read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), body


def records(shared: Path) -> Iterator[dict[str, str]]:
    """The arXiv records that are at hand, as id, title, authors, year and abstract."""
    csv.field_size_limit(10**9)
    for file in sorted((shared / "arxiv" / "metadata").glob("*.tsv.xz")):
        with lzma.open(file, "rt", encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                yield record(row["arxiv_id"], row | {"authors": row["author_text"]})
    for line in (shared / "arxiv" / "pdfs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("metadata"):
            yield record(row["arxiv_id"], row["metadata"])


def record(arxiv_id: str, row: dict[str, str]) -> dict[str, str]:
    return {
        "id": arxiv_id,
        "title": " ".join(row["title"].split()),
        "authors": row["authors"],
        "year": (row["created"] or "")[:4],
        "abstract": row["abstract"] or "",
    }


@pytest.fixture(scope="module")
def arxiv(shared: Path) -> dict[str, dict[str, str]]:
    """Only the works of the sample: by id."""
    wanted = {front_matter(note)[0]["arxiv"] for note in NOTES} | {
        entry["eprint"] for entry in bibliography()
    }
    return {r["id"]: r for r in records(shared) if r["id"] in wanted}


def bibliography() -> list[dict[str, str]]:
    library = bibtexparser.parse_string((SAMPLE / "references.bib").read_text(encoding="utf-8"))
    assert library.failed_blocks == []
    return [
        {f.key.lower(): str(f.value) for f in entry.fields} | {"key": entry.key}
        for entry in library.entries
    ]


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    """Every run of `length` words in `text`."""
    words = re.findall(r"\w+", text.casefold())
    return set(zip(*(itertools.islice(words, i, None) for i in range(length)), strict=False))


def test_the_library_is_complete_and_small() -> None:
    assert (len(NOTES), len(PAGES), len(PAPERS)) == (15, 3, 3)
    files = [path for path in SAMPLE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_000_000


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.stem)
def test_a_note_says_what_it_is_about_and_is_short(note: Path) -> None:
    facts, body = front_matter(note)
    fields = ("title", "id", "kind", "paper_title", "authors", "year", "arxiv", "tags")
    assert tuple(facts) == fields
    assert facts["id"] == f"kb-sample-{note.stem}"  # the same key on every machine
    assert facts["kind"] == "note"
    assert body.startswith(f"# {facts['title']}\n")
    assert 150 <= len(body.split()) <= 400


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.stem)
def test_a_note_names_its_paper_as_arxiv_does(note: Path, arxiv: dict[str, dict[str, str]]) -> None:
    facts, _ = front_matter(note)
    known = arxiv[facts["arxiv"]]
    assert facts["paper_title"] == known["title"]
    assert ", ".join(facts["authors"]) == known["authors"]
    assert str(facts["year"]) == known["year"]


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.stem)
def test_a_note_is_in_our_own_words(note: Path, arxiv: dict[str, dict[str, str]]) -> None:
    facts, body = front_matter(note)
    abstract = arxiv[facts["arxiv"]]["abstract"]
    assert abstract
    assert runs(body, WORDS_IN_A_ROW) & runs(abstract, WORDS_IN_A_ROW) == set()


def test_the_papers_and_pages_are_in_our_own_words(arxiv: dict[str, dict[str, str]]) -> None:
    ours = (SAMPLE / "papers.source").read_text(encoding="utf-8")
    ours += "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for known in arxiv.values():
        shared_runs = runs(ours, WORDS_IN_A_ROW) & runs(known["abstract"], WORDS_IN_A_ROW)
        assert shared_runs == set(), known["id"]


def test_the_bibliography_agrees_with_arxiv(arxiv: dict[str, dict[str, str]]) -> None:
    entries = bibliography()
    assert len({entry["key"] for entry in entries}) == len(entries) == 21
    for entry in entries:
        known = arxiv[entry["eprint"]]
        names = [" ".join(reversed(name.split(", "))) for name in entry["author"].split(" and ")]
        assert entry["title"].replace("{", "").replace("}", "") == known["title"]
        assert ", ".join(names) == known["authors"]
        assert entry["year"] == known["year"]
        assert entry["url"] == f"https://arxiv.org/abs/{known['id']}"


def test_every_note_is_in_the_bibliography() -> None:
    listed = {entry["eprint"] for entry in bibliography()}
    assert {front_matter(note)[0]["arxiv"] for note in NOTES} <= listed


def test_setting_the_papers_again_gives_the_same_bytes(tmp_path: Path) -> None:
    command = [sys.executable, str(SAMPLE / "make_papers.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in PAPERS]
    for paper in PAPERS:
        assert (tmp_path / paper.name).read_bytes() == paper.read_bytes(), paper.name


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.stem)
def test_a_paper_is_set_like_a_paper(paper: Path) -> None:
    reader = pypdf.PdfReader(paper)
    assert reader.metadata is not None
    assert reader.metadata.author == "The kb project"
    assert 3 <= len(reader.pages) <= 5
    headings = [str(entry.title) for entry in reader.outline if not isinstance(entry, list)]
    assert headings[0].startswith("1 ")
    assert headings[-1] == "References"
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(paper)]
    assert [page.strip().splitlines()[-1] for page in pages] == ["1", "2", "3"]
    assert "￾" in "".join(pages)  # PDFium's mark for a word broken at the line's end
    assert "Table 1." in "".join(pages)
    boxes = [column_starts(page) for page in pypdfium2.PdfDocument(paper)]
    assert boxes[1] == {"left", "right"}


def column_starts(page: pypdfium2.PdfPage) -> set[str]:
    """On which halves of the page lines of text begin."""
    text = page.get_textpage()
    middle = page.get_width() / 2
    lefts = [text.get_rect(i)[0] for i in range(text.count_rects())]
    return {"left" if x < middle else "right" for x in lefts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_marked_up_like_a_post(page: Path) -> None:
    found = trafilatura.bare_extraction(page.read_text(encoding="utf-8"), with_metadata=True)
    assert found is not None
    assert found.author == "The kb authors"
    assert found.date is not None
    assert found.date.startswith("2026-11-")
    assert found.sitename == "The kb notebook"
    text = found.text or ""
    assert found.title in page.read_text(encoding="utf-8")
    assert len(text.split()) > 300
    assert "Newsletter" not in text
    assert "Imprint" not in text
