from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.charsets import decode
from ingest.fetch import Fetcher
from ingest.from_markdown import Markdown, front_matter, person_names
from ingest.headings import markdown_headings, rst_headings, sections_of
from ingest.source import Failed, FetchContext, Options, Raw
from ingest.sources import source_for
from kb.config import Config
from kb.errors import ParseFailure
from kb.records import Parsed
from tests.conftest import ROOT

NOTE = """---
title: "Freeze first: a cheap test"
authors: [Ada Muster, Ben Probe]
year: 2018
arxiv: 1810.04800
tags: [encoder, cost]
---

# Freeze first

Frozen encoders need no GPU.

## What we take

See [the guide](https://example.org/guide) before *anything* else.

```python
# not a heading
x = 1
```

## References

- Someone, 2018.
"""


def context(config: Config) -> FetchContext:
    return FetchContext(
        config, Fetcher(config), Options(), lambda key, label: False, print, lambda seconds: None
    )


def read(path: Path, config: Config) -> tuple[Raw, Parsed]:
    (raw,) = Markdown().fetch([str(path)], context(config))
    assert isinstance(raw, Raw), raw
    return raw, Markdown().parse(raw)


def write(folder: Path, text: str | bytes, name: str = "note.md") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_note_has_its_front_matter_sections_and_source_text(
    tmp_path: Path, config: Config
) -> None:
    raw, parsed = read(write(tmp_path, NOTE), config)
    assert raw.kind == "note"
    assert raw.label == hashlib.sha256(raw.content).hexdigest()[:12]
    known = parsed.metadata
    assert known.title == "Freeze first: a cheap test"
    assert known.authors == ("Ada Muster", "Ben Probe")
    assert (known.published, known.tags) == ("2018", ("encoder", "cost"))
    assert parsed.text.startswith("# Freeze first\n")
    assert "[the guide](https://example.org/guide) before *anything*" in parsed.text
    assert [(s.title, s.level, s.role) for s in parsed.sections] == [
        ("Freeze first", 1, "body"),
        ("What we take", 2, "body"),
        ("References", 2, "references"),
    ]
    assert "".join(parsed.text[s.start : s.end] for s in parsed.sections) == parsed.text


def test_a_note_about_a_paper_is_not_the_paper(tmp_path: Path, config: Config) -> None:
    _, note = read(write(tmp_path, NOTE), config)
    assert note.metadata.url == "https://arxiv.org/abs/1810.04800"  # its last zero is kept
    assert note.metadata.identifiers == ()
    raw, copy = read(write(tmp_path, NOTE.replace("year:", "kind: paper\nyear:")), config)
    assert raw.kind == "paper"
    assert copy.metadata.identifiers == ("arxiv:1810.04800",)


def test_an_edited_note_keeps_its_key_and_others_have_their_own(
    tmp_path: Path, config: Config
) -> None:
    before, _ = read(write(tmp_path, NOTE), config)
    after, _ = read(write(tmp_path, NOTE + "\nMore.\n"), config)
    assert after.key == before.key
    assert after.label != before.label
    (tmp_path / "other").mkdir()
    other, _ = read(write(tmp_path / "other", NOTE), config)
    assert other.key != before.key
    assert str(tmp_path) not in before.key
    assert before.key.startswith("note:note-")


def test_an_id_is_the_key_wherever_the_note_lies(tmp_path: Path, config: Config) -> None:
    text = NOTE.replace("year:", "id: freeze-first\nyear:")
    (tmp_path / "elsewhere").mkdir()
    keys = {
        read(write(folder, text), config)[0].key for folder in (tmp_path, tmp_path / "elsewhere")
    }
    assert keys == {"note:freeze-first"}


@pytest.mark.parametrize(
    ("front", "says"),
    [
        ("title: a: b", "line 2"),
        ("year: 2018\ntags: [a, b", "line"),
        ("a: &a [x]\nb: [*a, *a]", "alias"),
        ("kind: essay", "Kinds are: paper, blog, note"),
        ("arxiv: 18.1", "no arXiv id"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("a: " + "x" * 70_000, "longer than"),
    ],
)
def test_front_matter_that_cannot_be_read_is_a_sentence(
    front: str, says: str, tmp_path: Path, config: Config
) -> None:
    (raw,) = Markdown().fetch(
        [str(write(tmp_path, f"---\n{front}\n---\nText.\n"))], context(config)
    )
    assert isinstance(raw, Raw)
    with pytest.raises(ParseFailure, match=says):
        Markdown().parse(raw)


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    assert front_matter("---\nJust text.\n---\nMore.\n").end == 0
    assert front_matter("---\nno end\n").end == 0
    assert front_matter("# A\n---\nb: c\n---\n").values == {}
    assert front_matter("---\n---\nText").end == len("---\n---\n")


@pytest.mark.parametrize(
    "content",
    [
        "Größe zählt.".encode("utf-8-sig"),
        "Größe zählt.".encode("utf-16"),
        "Größe zählt.".encode("utf-16-le"),
        "Größe zählt.".encode("utf-16-be"),
        "Größe zählt.".encode("utf-32"),
        ("Größe zählt. Über die Äpfel und die Öfen in den Häusern wird nichts gesagt, "
         "außer dass sie schön sind und viel Wärme geben.").encode("cp1252"),
    ],
)  # fmt: skip
def test_encodings(content: bytes, tmp_path: Path, config: Config) -> None:
    _, parsed = read(write(tmp_path, content), config)
    assert parsed.text.startswith("Größe zählt.")


def test_binary_content_is_refused(tmp_path: Path, config: Config) -> None:
    for content in (bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(500)):
        (raw,) = Markdown().fetch([str(write(tmp_path, content, "image.txt"))], context(config))
        assert isinstance(raw, Raw)
        with pytest.raises(ParseFailure, match=r"image\.txt is not text"):
            Markdown().parse(raw)


def test_what_cannot_be_fetched_fails_by_itself(tmp_path: Path) -> None:
    config = Config(tmp_path, tmp_path, tmp_path, fetch_bytes=100)
    paths = [tmp_path / "gone.md", write(tmp_path, "x" * 200, "big.md"), write(tmp_path, "Fine.")]
    results = list(Markdown().fetch([*map(str, paths), "nul\0.md"], context(config)))
    assert [type(result) for result in results] == [Failed, Failed, Raw, Failed]
    assert "There is no file" in results[0].reason  # type: ignore[union-attr]
    assert "fetch_bytes" in results[1].reason  # type: ignore[union-attr]


def test_an_empty_note_is_a_failure(tmp_path: Path, config: Config) -> None:
    (raw,) = Markdown().fetch([str(write(tmp_path, "---\ntitle: A\n---\n \n"))], context(config))
    assert isinstance(raw, Raw)
    with pytest.raises(ParseFailure, match=r"note\.md has no text"):
        Markdown().parse(raw)


def test_headings_of_markdown() -> None:
    text = (
        "Top\n===\n\nA\n\n## **B** `c` [d](e) ##\n\n~~~\n# no\n~~~\n- item\n---\n    # code\n#no\n"
    )
    found = markdown_headings(text)
    assert [(h.title, h.level, text[h.start :].split("\n")[0]) for h in found] == [
        ("Top", 1, "Top"),
        ("B c d", 2, "## **B** `c` [d](e) ##"),
    ]
    assert markdown_headings("A line\n------\n# B\n", underlined=False)[0].title == "B"


def test_headings_of_restructured_text(tmp_path: Path, config: Config) -> None:
    text = "=====\nTitle\n=====\n\nIntro.\n\nMethod\n------\n\nShort\n--\n\nNext\n----\nEnd.\n"
    assert [(h.title, h.level) for h in rst_headings(text)] == [
        ("Title", 1),
        ("Method", 2),
        ("Next", 2),
    ]
    _, parsed = read(write(tmp_path, text, "note.rst"), config)
    assert parsed.metadata.title == "Title"


@given(st.text(alphabet="#ab \n`~=-_*[]()", max_size=200))
@settings(max_examples=200, deadline=None)
def test_sections_always_cover_the_text(text: str) -> None:
    for headings in (markdown_headings(text), rst_headings(text)):
        sections = sections_of(headings, len(text))
        assert "".join(text[s.start : s.end] for s in sections) == text
        assert all(s.start < s.end for s in sections)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_decoding_never_raises(content: bytes) -> None:
    text = decode(content, declared=("utf-16", "no-such", "hex"))
    assert text is None or "\x00" not in text


def test_person_names() -> None:
    assert person_names(["Lovelace, Ada"]) == ("Ada Lovelace",)
    assert person_names(["Ada Lovelace, Alan Turing and Kurt Gödel"]) == (
        "Ada Lovelace",
        "Alan Turing",
        "Kurt Gödel",
    )
    assert person_names(["Lovelace, Ada; Turing, Alan"]) == ("Ada Lovelace", "Alan Turing")
    assert person_names(["Ada Lovelace", "Alan Turing"]) == ("Ada Lovelace", "Alan Turing")


def test_which_locators_are_notes(tmp_path: Path) -> None:
    assert source_for(str(write(tmp_path, "a"))).name == "markdown"
    assert not Markdown().matches("https://example.org/README.md")
    (tmp_path / "folder.md").mkdir()
    assert not Markdown().matches(str(tmp_path / "folder.md"))


def test_the_sample_notes_are_read(config: Config) -> None:
    notes = sorted((ROOT / "data" / "sample" / "notes").glob("*.md"))
    assert notes
    for path in notes:
        raw, parsed = read(path, config)
        assert raw.kind == "note"
        assert parsed.metadata.title
        assert parsed.metadata.authors
        assert parsed.metadata.url.startswith("https://arxiv.org/abs/")
        assert len(parsed.sections) >= 3
