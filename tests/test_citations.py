from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import bibtexparser
import jsonschema
import pytest
import rispy
from bibtexparser import middlewares
from hypothesis import given, settings
from hypothesis import strategies as some

from ingest.bibtex import read_bibtex
from ingest.csl import Reference, arxiv_of, read_csl
from ingest.ris import read_ris
from kb.export import visible
from kb.export.citations import (
    _name,
    bibtex,
    citation_keys,
    cited_works,
    csl_json,
    ris,
)
from kb.records import Document, Evidence, Metadata, Plan
from tests.plan_maker import BERT, empty_plan, make_plan

NAME = {
    "type": "object",
    "additionalProperties": False,
    "properties": {n: {"type": "string", "minLength": 1} for n in
                   ("family", "given", "suffix", "literal")},
    "anyOf": [{"required": ["family"]}, {"required": ["literal"]}],
}  # fmt: skip
DATE = {
    "type": "object",
    "required": ["date-parts"],
    "properties": {
        "date-parts": {
            "type": "array", "maxItems": 1, "items":
            {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "integer"}},
        },
    },
}  # fmt: skip
CSL = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["id", "type", "title"],
        "additionalProperties": False,
        "properties": {
            "type": {"enum": ["article", "article-journal", "document", "paper-conference",
                              "post-weblog"]},
            "author": {"type": "array", "items": NAME},
            "issued": DATE,
            "accessed": DATE,
            **{n: {"type": "string"} for n in
               ("id", "title", "container-title", "publisher", "archive", "archive_location", "DOI",
                "URL", "language", "abstract")},
        },
    },
}  # fmt: skip
"""What the CSL-JSON schema says of the fields that we write."""


def library(plan: Plan) -> dict[str, Any]:
    """The entries as bibtexparser reads them, names split into parts."""
    read = bibtexparser.parse_string(
        bibtex(plan).decode(),
        append_middleware=[middlewares.SeparateCoAuthors(), middlewares.SplitNameParts()],
    )
    assert read.failed_blocks == []
    assert len(read.entries) == len(read.blocks)
    return {entry.key: entry for entry in read.entries}


def records(plan: Plan) -> dict[str, Any]:
    text = ris(plan).decode()
    assert text.count("\r\n") == text.count("\n")
    read = rispy.loads(text.replace("\r\n", "\n"))
    assert len(read) == len(re.findall(r"^TY  - ", text, re.MULTILINE))
    return {record["id"]: record for record in read}


def items(plan: Plan) -> dict[str, Any]:
    read = json.loads(csl_json(plan))
    jsonschema.validate(read, CSL)
    return {item["id"]: item for item in read}


def document(number: int, title: str, *authors: str, year: str = "2019") -> Document:
    meta = Metadata(title=title, authors=authors, published=year)
    return replace(BERT, id=number, key=f"doi:10.1/{number}", metadata=meta,
                   added_at=f"2026-01-{number:02d}")  # fmt: skip


def test_every_cited_work_is_in_all_three_under_one_key() -> None:
    plan = make_plan()
    keys = set(cited_works(plan))
    assert {"devlin2018bert", "bowman2015large", "howard2018universal"} <= keys
    assert len(keys) == 10
    assert set(library(plan)) == set(records(plan)) == set(items(plan)) == keys


def test_what_is_read_back_is_what_was_known() -> None:
    plan = make_plan()
    entry = library(plan)["devlin2018bert"]
    assert entry["title"].replace("{", "").replace("}", "") == BERT.title
    assert [" ".join(name.last) for name in entry["author"]] == [
        "Devlin", "Chang", "Lee", "Toutanova",
    ]  # fmt: skip
    assert (entry["eprint"], entry["archiveprefix"], entry["year"]) == (
        "1810.04805", "arXiv", "2018",
    )  # fmt: skip
    record = records(plan)["devlin2018bert"]
    assert record["title"] == BERT.title
    assert record["authors"][0] == "Devlin, Jacob"
    assert (record["year"], record["urls"]) == ("2018", ["https://arxiv.org/abs/1810.04805"])
    item = items(plan)["devlin2018bert"]
    assert item["author"][3] == {"family": "Toutanova", "given": "Kristina"}
    assert item["issued"] == {"date-parts": [[2018]]}
    assert items(plan)["thekbauthors2026made"]["accessed"] == {"date-parts": [[2026, 11, 20]]}


@pytest.mark.parametrize("hostile", [False, True])
def test_our_own_readers_take_them_back(hostile: bool) -> None:
    plan = make_plan(hostile=hostile)
    works = cited_works(plan)
    for read in (read_bibtex, read_ris, read_csl):
        text = {read_bibtex: bibtex, read_ris: ris, read_csl: csl_json}[read](plan).decode()
        found = [each for each in read(text) if isinstance(each, Reference)]
        assert [each.name for each in found] == list(works)
        for each in found:
            plain = re.sub(r"\s+", "", visible(works[each.name].title))
            back = re.sub(r"\s+", "", str(each.item["title"]))
            assert hostile or back == plain
            wanted = works[each.name].key
            if wanted.startswith("arxiv:") and not hostile:
                paper = arxiv_of(each.item)
                assert paper is not None
                assert f"arxiv:{paper.id}" == wanted


def test_hostile_titles_end_no_entry_and_begin_none() -> None:
    plan = make_plan(hostile=True)
    keys = set(cited_works(plan))
    assert set(library(plan)) == set(records(plan)) == set(items(plan)) == keys
    assert all(re.fullmatch(r"[a-z0-9]{1,62}", key) for key in keys)
    text = bibtex(plan).decode()
    for value in re.findall(r" = \{(.*)\},$", text, re.MULTILINE):
        assert value.count("{") == value.count("}")
        assert not re.search(r"(?<!\\)[$%&#_^~](?!\w*})", re.sub(r"https?://\S+", "", value))


def test_works_of_one_key_are_told_apart_and_a_later_one_takes_nobody_elses() -> None:
    first = document(1, "Deep nets", "Ada Vole")
    third = document(3, "Deep things", "Ben Vole")
    second = document(2, "Deep sets", "Cy Vole")
    assert {k: d.id for k, d in citation_keys([third, first]).items()} == {
        "vole2019deep": 1, "vole2019deepa": 3,
    }  # fmt: skip
    many = [document(n, "Deep", "Vole, Ada") for n in range(1, 30)]
    assert list(citation_keys(many))[-1] == "vole2019deepz"
    assert "vole2019deepab" in citation_keys(many)
    assert citation_keys([first, second, third]) == citation_keys([third, second, first])


def test_works_of_which_little_is_known_have_keys_too() -> None:
    nobody = document(1, "", year="")
    assert list(citation_keys([nobody])) == ["anonymousnduntitled"]
    accents = document(2, "Über die Güte", "Zoë Müller-Lüdenscheidt")
    assert list(citation_keys([accents])) == ["mullerludenscheidt2019uber"]
    han = document(3, "深層学習", "王小明")
    assert list(citation_keys([han])) == ["anonymous2019untitled"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Vole", {"family": "Vole", "given": "Ada"}),
        ("Laurens van der Maaten", {"family": "van der Maaten", "given": "Laurens"}),
        ("Vole, Ada B.", {"family": "Vole", "given": "Ada B."}),
        ("Sammy Vole Jr.", {"family": "Vole", "given": "Sammy", "suffix": "Jr."}),
        ("Plato", {"literal": "Plato"}),
        ("The kb authors", {"literal": "The kb authors"}),
        ("Vole,", {"literal": "Vole,"}),
    ],
)
def test_names_are_parted(name: str, parts: dict[str, str]) -> None:
    assert _name(name) == parts


@settings(deadline=None)
@given(some.text(max_size=60), some.text(max_size=30))
def test_any_title_and_name_parse_back(title: str, author: str) -> None:
    plan = make_plan()
    supported = plan.findings[0]
    work = document(1, title, author)
    evidence: Evidence = replace(supported.evidence[0], document=work)
    plan = replace(plan, findings=(replace(supported, evidence=(evidence,)),))
    assert len(library(plan)) == len(records(plan)) == len(items(plan)) == 1


def test_a_plan_that_cites_nothing_gives_empty_files() -> None:
    assert (bibtex(empty_plan()), ris(empty_plan())) == (b"", b"")
    assert json.loads(csl_json(empty_plan())) == []
