from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.bibtex import plain_latex, read_bibtex
from ingest.charsets import decode
from ingest.csl import Broken, Item, Reference, arxiv_of, key_of, kind_of, metadata_of, text_of
from ingest.fetch import Fetcher
from ingest.from_bibliography import MEDIA_TYPE, Bibliography, read_bibliography
from ingest.ris import read_ris
from ingest.source import Done, Failed, FetchContext, Fetched, Found, Known, Options, Raw
from ingest.sources import source_for
from kb.config import Config
from kb.errors import ParseFailure
from kb.records import Metadata
from tests.conftest import ROOT

BIB = r"""
@string{jot = "Journal of Tests"}
@comment{nothing}

@article{muster2019,
  author = {Muster, Ada and von der Probe, Ben and {The Test Group} and others},
  title = {{\"U}ber the {LSTM} \& its $\ell_1$ cost},
  journal = jot # { Letters},
  year = 2019, month = mar,
  doi = {https://doi.org/10.1234/AbC.5},
  keywords = {recurrence, cost},
  abstract = {It costs 5\% more. 10% less is rare.},
}

@misc{vaswani, title={Attention Is All You Need}, author={Vaswani, Ashish},
  eprint={1706.03762}, archivePrefix={arXiv}, year={2017}, url={https://arxiv.org/abs/1706.03762}}

@article{scholar, title={As Google Scholar has it, here}, author={Probe, Ben},
  journal={arXiv preprint arXiv:1810.04805}, year={2018}}

@inproceedings{chapter, title = {A talk that was given}, author = {Ben Probe}, crossref = {PROC}}
@proceedings{proc, title = {Proceedings of Nothing}, year = {2020}, editor = {Chair, C.}}

@online{post, title={A post on labels, made short}, author={Muster, Ada}, date={2024-05-06},
  url={https://example.org/post?utm_source=x}}

@article{broken, title = {Never closed, author = {X}

@article{fine, title = {After the broken one, all is well}, author = {Muster, Ada}, year = {2001}}
@article{untitled, author = {Muster, Ada}, year = {2002}}
"""

RIS = """TY  - JOUR
ID  - one
TI  - A study of small things
A1  - Muster, Ada
AU  - Probe, Ben, Jr.
PY  - 2014/03/01/
JO  - Journal of Tests
SP  - 1
EP  - 9
DO  - 10.1234/xyz
N2  - First line
      and the second.
KW  - small
KW  - things
UR  - https://example.org/a;https://example.org/b
ER  -

TY - CONF
T1 - Bent tags and no end
PY - 2015
TY  - BLOG
TI  - The last, a post
UR  - https://example.org/post
"""


def context(
    config: Config, *, here: frozenset[tuple[str, str | None]] = frozenset(), **options: object
) -> FetchContext:
    return FetchContext(
        config,
        Fetcher(config),
        Options(**options),  # type: ignore[arg-type]
        lambda key, label: (key, label) in here,
        lambda what: None,
        lambda seconds: None,
    )


def write(folder: Path, text: str, name: str = "refs.bib") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def items(text: str) -> dict[str, Item]:
    return {e.name: e.item for e in read_bibtex(text) if isinstance(e, Reference)}


def raws(results: list[Fetched]) -> dict[str, Raw]:
    return {r.locator.split("#")[1]: r for r in results if isinstance(r, Raw)}


# -- BibTeX ------------------------------------------------------------------------------------


def test_an_entry_has_its_metadata() -> None:
    known = metadata_of(items(BIB)["muster2019"])
    assert known == Metadata(
        title="Über the LSTM & its ℓ_1 cost",
        authors=("Ada Muster", "Ben von der Probe", "The Test Group"),
        published="2019-03",
        abstract="It costs 5% more. 10% less is rare.",
        venue="Journal of Tests Letters",
        url="https://doi.org/10.1234/abc.5",
        tags=("recurrence", "cost"),
        identifiers=("doi:10.1234/abc.5",),
    )
    assert items(BIB)["muster2019"]["type"] == "article-journal"


def test_an_entry_reads_as_a_short_text() -> None:
    assert text_of(items(BIB)["muster2019"]).split("\n\n") == [
        "Über the LSTM & its ℓ_1 cost",
        "Ada Muster, Ben von der Probe, The Test Group",
        "Journal of Tests Letters, 2019-03",
        "It costs 5% more. 10% less is rare.",
        "Keywords: recurrence, cost",
    ]


def test_crossref_gives_book_and_year_and_no_author() -> None:
    talk = metadata_of(items(BIB)["chapter"])
    assert (talk.venue, talk.published) == ("Proceedings of Nothing", "2020")
    assert talk.authors == ("Ben Probe",)


@pytest.mark.parametrize(
    ("fields", "paper"),
    [
        ("eprint={1706.03762v2}, archiveprefix={arXiv}", "1706.03762v2"),
        ("eprint={math/0309136}, eprinttype={arxiv}", "math/0309136"),
        ("eprint={arXiv:1706.03762}", "1706.03762"),
        ("eprint={https://arxiv.org/abs/1706.03762}", "1706.03762"),
        ("eprint={1706.03762}", "1706.03762"),
        ("doi={10.48550/arXiv.1706.03762}", "1706.03762"),
        ("url={http://arxiv.org/pdf/1706.03762v1}", "1706.03762v1"),
        ("journal={arXiv preprint arXiv:1706.03762}", "1706.03762"),
        ("journal={CoRR}, volume={abs/1706.03762}, eprint={1706.03762}", "1706.03762"),
        ("note={arXiv: 1706.03762}", "1706.03762"),
        ("eprint={12345}, eprinttype={pubmed}", None),
        ("journal={Nature}, number={1706}", None),
        ("url={https://example.org/1706.03762}", None),
    ],
)
def test_arxiv_papers_are_recognised(fields: str, paper: str | None) -> None:
    found = arxiv_of(items("@article{a, title={T}, " + fields + "}")["a"])
    assert (str(found) if found else None) == paper


def test_an_entry_is_linked_with_the_work_and_never_takes_its_key() -> None:
    found = items(BIB)
    assert metadata_of(found["vaswani"]).identifiers == ("arxiv:1706.03762",)
    assert re.fullmatch("entry:[0-9a-f]{16}", key_of(found["vaswani"]))
    assert key_of(found["muster2019"]) == "doi:10.1234/abc.5"
    arxiv_doi = items("@misc{a, title={T}, doi={10.48550/arXiv.1706.03762}}")["a"]
    assert key_of(arxiv_doi).startswith("entry:")
    assert metadata_of(found["post"]).identifiers == ("url:https://example.org/post",)


def test_the_key_is_the_work_and_not_its_spelling() -> None:
    one = items("@article{a, title={{The} Größe of it}, author={Muster, Ada}, year=2001}")["a"]
    two = items('@misc{b, title="the grosse of IT.", author="A. Muster", date="2001-05"}')["b"]
    other = items("@article{a, title={{The} Größe of it}, author={Muster, Ada}, year=2002}")["a"]
    assert key_of(one) == key_of(two)
    assert key_of(one) != key_of(other)
    short = (
        "@misc{a, title={Preface}, booktitle={One}}",
        "@misc{a, title={Preface}, booktitle={Two}}",
    )
    assert len({key_of(items(text)["a"]) for text in short}) == 2


def test_kinds() -> None:
    found = items(BIB)
    assert {kind_of(found[name]) for name in ("muster2019", "vaswani", "chapter")} == {"paper"}
    assert kind_of(found["post"]) == "blog"
    assert kind_of(items("@misc{a, title={Remember the milk}}")["a"]) == "note"


def test_what_is_broken_is_told_one_by_one_and_stops_nothing() -> None:
    entries = list(read_bibtex(BIB))
    broken = {e.name: e.reason for e in entries if isinstance(e, Broken)}
    line = BIB[: BIB.index("@article{broken")].count("\n") + 1
    assert set(broken) == {"broken", "untitled"}
    assert f"line {line} " in broken["broken"]
    assert "has no title" in broken["untitled"]
    assert "fine" in items(BIB)


def test_citation_keys_that_occur_twice_or_never() -> None:
    text = (
        "@misc{a, title={One}}\n@misc{a, title={Two}}\n@misc{ title={Three}}\n@misc{, title={Four}}"
    )
    assert {name: item["title"] for name, item in items(text).items()} == {
        "a": "One",
        "a, line 2": "Two",
        "line 3": "Three",
        "line 4": "Four",
    }


def test_doubled_fields_round_brackets_and_macros() -> None:
    text = '@string(x = "A " # "B")\n@misc(a, title = x # " C", title = {No}, year = "2001")'
    assert items(text)["a"]["title"] == "A B C"


@pytest.mark.parametrize(
    ("latex", "plain"),
    [
        (r"{\'E}cole, na{\"\i}ve, {\aa}ngstr\"om", "École, naïve, ångström"),
        (r"\v{S}koda, \L{}odz", "Škoda, Łodz"),
        (r"100\% of \$5 \& more", "100% of $5 & more"),
        (r"``quoted'' -- and~joined", "“quoted” – and joined"),
        (r"\emph{very} \textbf{bold} \url{https://a.org/x_y}", "very bold https://a.org/x_y"),
        (r"an $\alpha$-test of $x^2$", "an α-test of x^2"),
        ("one\n  line\n\nand another", "one line\nand another"),
        (r"\unknowncommand{kept} words", "kept words"),
        ("{" * 20 + "deep" + "}" * 20, "deep"),
        ("unbalanced {brace", "unbalanced brace"),
    ],
)  # fmt: skip
def test_latex_becomes_plain_text(latex: str, plain: str) -> None:
    assert plain_latex(latex) == plain


@given(st.text(alphabet='@article{},="#\\ \n%$ab1~', max_size=120))
@settings(max_examples=200, deadline=None)
def test_any_text_ends_in_entries_and_broken_ones(text: str) -> None:
    for entry in read_bibtex(text):
        if isinstance(entry, Reference):
            assert text_of(entry.item)
            assert metadata_of(entry.item).title
        else:
            assert entry.reason.endswith(".")


# -- RIS and CSL -------------------------------------------------------------------------------


def test_ris_records() -> None:
    one, two, three = read_ris(RIS)
    assert isinstance(one, Reference)
    assert one.name == "one"
    assert metadata_of(one.item) == Metadata(
        title="A study of small things",
        authors=("Ada Muster", "Ben Probe Jr."),
        published="2014-03-01",
        abstract="First line and the second.",
        venue="Journal of Tests",
        url="https://example.org/a",
        tags=("small", "things"),
        identifiers=("doi:10.1234/xyz",),
    )
    assert one.item["page"] == "1-9"
    assert isinstance(two, Reference)
    assert (two.name, two.item["title"]) == ("line 18", "Bent tags and no end")
    assert isinstance(three, Reference)
    assert kind_of(three.item) == "blog"


def test_ris_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no RIS"):
        list(read_ris("Just words"))
    with pytest.raises(ValueError, match="Web of Science"):
        list(read_ris("FN Thomson\nPT J\nAU Muster, A\nER\n"))
    (broken,) = read_ris("TY  - JOUR\nAU  - Muster\nER  -\n")
    assert broken == Broken("line 1", "The record on line 1 has no title (TI or T1).")


CSL: list[object] = [
    {"id": "a", "type": "article-journal", "title": "Some <i>title</i> of it", "DOI": "10.1/x",
     "author": [{"family": "Muster", "given": "Ada"}, {"literal": "A Group"}],
     "issued": {"date-parts": [["2015", 3]]}, "keyword": "one, two"},
    {"id": "b", "type": "webpage", "title": 5, "author": "nobody", "issued": "May 2016",
     "URL": ["x"], "note": {"a": 1}},
    {"id": "c", "type": "book"},
    {"title": "No type"},
    "junk",
]  # fmt: skip


def test_csl_items_of_any_types(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(CSL), "refs.json")
    a, b, *broken = read_bibliography(path)
    assert isinstance(a, Reference)
    assert metadata_of(a.item).title == "Some title of it"
    assert metadata_of(a.item).authors == ("Ada Muster", "A Group")
    assert metadata_of(a.item).published == "2015-03"
    assert isinstance(b, Reference)
    assert (metadata_of(b.item).title, metadata_of(b.item).published) == ("5", "2016")
    assert [e.name for e in broken] == ["c", "item 4", "item 5"]
    assert all(isinstance(e, Broken) for e in broken)


def test_which_files_are_bibliographies(tmp_path: Path) -> None:
    assert source_for(str(write(tmp_path, BIB))).name == "bibliography"
    assert source_for(str(write(tmp_path, RIS, "a.ris"))).name == "bibliography"
    assert source_for(str(write(tmp_path, json.dumps(CSL), "a.json"))).name == "bibliography"
    for other in ('{"type": "book"}', '[{"type": "cat"}]', "[1, 2]", "", '[{"name": "book"}]'):
        assert not Bibliography().matches(str(write(tmp_path, other, "b.json")))
    assert not Bibliography().matches("https://example.org/refs.bib")


# -- the source --------------------------------------------------------------------------------


def test_each_entry_is_a_document_of_its_own(tmp_path: Path, config: Config) -> None:
    path = write(tmp_path, BIB)
    results = list(Bibliography().fetch([str(path)], context(config)))
    assert results[-1] == Done(str(path), "9 entries, 2 broken")
    failed = [r for r in results if isinstance(r, Failed)]
    assert [r.locator for r in failed] == [f"{path}#broken", f"{path}#untitled"]
    found = raws(results)
    assert len(found) == 7
    raw = found["vaswani"]
    assert (raw.source, raw.media_type, raw.kind) == ("bibliography", MEDIA_TYPE, "paper")
    stored = json.loads(raw.content)
    assert list(stored) == sorted(stored)
    parsed = Bibliography().parse(raw)
    assert parsed.metadata.title == "Attention Is All You Need"
    assert parsed.text.startswith("Attention Is All You Need\n\nAshish Vaswani")
    assert [(s.start, s.end) for s in parsed.sections] == [(0, len(parsed.text))]


def test_only_what_changed_is_new(tmp_path: Path, config: Config) -> None:
    path = write(tmp_path, BIB)
    first = list(Bibliography().fetch([str(path)], context(config)))
    here = frozenset((raw.key, raw.label) for raw in raws(first).values())
    again = list(Bibliography().fetch([str(path)], context(config, here=here)))
    assert not raws(again)
    assert sum(isinstance(r, Known) for r in again) == 7
    write(
        tmp_path, "% moved down\n\n" + BIB.replace("2001", "2003").replace("2024-05-06", "2024-05")
    )
    changed = raws(list(Bibliography().fetch([str(path)], context(config, here=here))))
    assert set(changed) == {"fine", "post"}
    assert changed["post"].key in {key for key, _ in here}  # another day, the same work


def test_two_works_of_one_doi_or_name_stay_apart(tmp_path: Path, config: Config) -> None:
    book = "@book{book, title={The whole book of it}, doi={10.1234/x}}\n"
    chapter = "@incollection{chapter, title={One chapter of it}, doi={10.1234/x}}\n"
    report = "@techreport{r, title={A thing we did}, author={Muster, Ada}, year=2001}\n"
    article = "@article{a, title={A thing we did}, author={Muster, Ada}, year=2001, journal={J}}\n"
    twice = article.replace("{a,", "{again,")
    path = write(tmp_path, book + chapter + report + article + twice)
    found = raws(list(Bibliography().fetch([str(path)], context(config))))
    keys = {name: raw.key for name, raw in found.items()}
    assert keys["book"] == "doi:10.1234/x"
    assert len({keys[name] for name in ("book", "chapter", "r", "a")}) == 4
    assert keys["again"] == keys["a"]


def test_one_entry_can_be_asked_for_again(tmp_path: Path, config: Config) -> None:
    path = write(tmp_path, BIB)
    locator = f"{path}#fine"
    assert source_for(locator).name == "bibliography"
    (raw,) = Bibliography().fetch([locator], context(config))
    assert isinstance(raw, Raw)
    assert raw.locator == locator
    (gone,) = Bibliography().fetch([f"{path}#no such"], context(config))
    assert isinstance(gone, Failed)


def test_follow_leads_to_papers_pages_and_files(tmp_path: Path, config: Config) -> None:
    (tmp_path / "files").mkdir()
    for name in ("a.pdf", "b; c.pdf", "d.pdf", "e.exe"):
        (tmp_path / "files" / name).write_bytes(b"%PDF-")
    files = (
        r"@misc{f, title={Files}, file={:files/a.pdf:PDF;Full text:files/b\; c.pdf:application/pdf"
        r";x:files/e.exe:EXE;gone:files/gone.pdf:PDF}}"
        + "\n@misc{g, title={G}, file={files/d.pdf}}"
    )
    path = write(tmp_path, BIB + files)
    plain = list(Bibliography().fetch([str(path)], context(config)))
    assert not any(isinstance(r, Found) for r in plain)
    results = list(Bibliography().fetch([str(path)], context(config, follow=True)))
    found = [r.locator for r in results if isinstance(r, Found)]
    assert found == [
        "arXiv:1706.03762",
        "arXiv:1810.04805",
        "https://example.org/post",
        *(str(tmp_path / "files" / name) for name in ("a.pdf", "b; c.pdf", "d.pdf")),
    ]
    assert len(raws(results)) == 9


def test_the_limit_counts_entries(tmp_path: Path, config: Config) -> None:
    path = write(tmp_path, BIB)
    results = list(Bibliography().fetch([str(path)], context(config, limit=2)))
    assert list(raws(results)) == ["muster2019", "vaswani"]
    assert results[-1] == Done(str(path), "2 entries")


def test_files_that_cannot_be_read(tmp_path: Path, config: Config) -> None:
    (tmp_path / "binary.bib").write_bytes(bytes(range(256)) * 20)
    paths = [tmp_path / "none.bib", tmp_path / "binary.bib"]
    paths += [write(tmp_path, " ", "empty.bib"), write(tmp_path, "[", "cut.csl.json")]
    results = list(Bibliography().fetch([str(path) for path in paths], context(config)))
    assert [type(result) for result in results] == [Failed] * 4
    assert all(isinstance(r, Failed) and r.reason.endswith(".") for r in results)


def test_stored_content_that_is_no_item_is_a_sentence() -> None:
    for content in (b"not json", b"{}"):
        with pytest.raises(ParseFailure):
            Bibliography().parse(Raw("a.bib#x", "bibliography", "k", "l", MEDIA_TYPE, content))


def test_the_sample_bibliography_is_whole() -> None:
    path = ROOT / "data" / "sample" / "references.bib"
    entries = list(read_bibliography(path))
    assert len(entries) == path.read_text(encoding="utf-8").count("\n@")
    for entry in entries:
        assert isinstance(entry, Reference)
        assert arxiv_of(entry.item)


@pytest.mark.shared
def test_real_bibliographies_lose_no_entry(shared: Path) -> None:
    counted = 0
    for path in sorted((shared / "bibliography").rglob("*")):
        if not path.is_file() or not Bibliography().matches(str(path)):
            continue
        if path.name == "example_wos.ris":
            with pytest.raises(ValueError, match="Web of Science"):
                list(read_bibliography(path))
            continue
        entries = list(read_bibliography(path))
        text = decode(path.read_bytes()) or ""
        begun = {
            ".bib": lambda text: len(
                re.findall(r"^\s*@(?!comment|string|preamble)\w+\s*[{(]", text, re.M | re.I)
            ),
            ".ris": lambda text: len(re.findall(r"^TY ", text, re.M)),
            ".json": lambda text: len(json.loads(text)),
        }[path.suffix](text)
        assert len(entries) >= begun > 0, path.name
        assert len({entry.name for entry in entries}) == len(entries), path.name
        for entry in entries:
            assert isinstance(entry, Broken) or text_of(entry.item), path.name
        counted += len(entries)
    assert counted > 6000
