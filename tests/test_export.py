from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kb.export.findings_csv import findings_csv, harmless
from kb.export.findings_markdown import effect_text, escaped, findings_markdown
from kb.findings.workbench import Workbench
from kb.records import Effect, Metadata, Supported
from kb.store import Store
from tests.test_pages import ATTACKS, parsed_html
from tests.test_store import PARSED, add

KEY = "arxiv:1901.00001"


def listed(store: Store) -> list[Supported]:
    return store.candidates.supported(Workbench(store).findings())


def rows(found: list[Supported]) -> list[dict[str, str]]:
    text = findings_csv(found).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def rendered(markdown: str) -> str:
    reader = pytest.importorskip("markdown_it", reason="markdown-it-py is not installed")
    return str(reader.MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))


def tag_three(store: Store) -> None:
    add(store)
    work = Workbench(store)
    work.new_project("Mail", {})
    work.tag(
        KEY, "design_choice", "Purring", quote="Cats purr. Dogs", tags=["calm"], project="Mail",
        fields={"axis": "training", "retraining": True, "gpu_hours": 1.5},
        effect={"metric": "calm", "unit": "points", "baseline": "61", "value": "63.5",
                "dataset": "mailmen"},
    )  # fmt: skip
    work.tag(KEY, "design_choice", "Purring", quote="Dogs bark at the mailman.", stance="against",
             note="dogs do not")  # fmt: skip
    work.tag(KEY, "dataset", "Barks", quote="bark at the mailman", fields={"licence": "MIT"})


def test_every_quote_goes_with_its_work_and_its_place(store: Store) -> None:
    tag_three(store)
    markdown = findings_markdown(listed(store), title="Mail")
    assert markdown.startswith("# Mail\n\n## Design choices\n\n### Purring\n")
    for line in (
        "- axis: training",
        "- retraining: yes",
        "- gpu hours: 1.5",
        "- projects: Mail: new",
        "> “Cats purr. Dogs”",
        "> — Ada Author: *On cats and dogs* (2019), section “Sounds”, page 1, v1, "
        "arxiv\\:1901.00001",
        "> Effect: calm: 61 → 63.5 points = +2.5 points, on mailmen",
        "Against it:",
        "> “Dogs bark at the mailman.”",
        "> dogs do not",
        "## Datasets",
    ):  # fmt: skip
        assert line in markdown.splitlines()
    barks, for_it, against = rows(listed(store))
    assert for_it["name"] == against["name"] == "Purring"
    assert [for_it[n] for n in ("quote", "title", "authors", "year", "section", "page")] == [
        "Cats purr. Dogs", "On cats and dogs", "Ada Author", "2019", "Sounds", "1",
    ]  # fmt: skip
    assert [for_it[n] for n in ("baseline", "value", "gain", "unit")] == [
        "61", "63.5", "2.5", "points",
    ]  # fmt: skip
    assert for_it["projects"] == "Mail: new"
    assert (for_it["gpu_hours"], for_it["licence"]) == ("1.5", "")
    assert (against["stance"], against["page"], against["remark"]) == (
        "against",
        "2",
        "dogs do not",
    )
    assert (barks["kind"], barks["licence"], barks["tagged by"]) == ("dataset", "MIT", "tester")


def test_no_internal_id_leaves_the_library(store: Store) -> None:
    store.findings.add("dataset", "First")  # so that no id below is that of anything else
    document_id, version_id, _ = add(store, "sha256:" + "ab" * 32)
    tagged = Workbench(store).tag("sha256:" + "ab" * 32, "dataset", "Barks",
                                  quote="Dogs bark at the mailman.")  # fmt: skip
    assert (document_id, version_id, tagged.finding.id) == (1, 1, 2)
    both = findings_markdown(listed(store)) + findings_csv(listed(store)).decode()
    assert "abab" not in both
    assert "id" not in {name.lower() for name in rows(listed(store))[0]}


def test_merged_findings_bring_their_evidence_and_their_names(store: Store) -> None:
    add(store)
    work = Workbench(store)
    kept = work.tag(KEY, "dataset", "Barks", quote="Dogs bark at the mailman.").finding
    other = work.tag(KEY, "dataset", "Barking", quote="Cats purr. Dogs bark").finding
    store.findings.merge(kept.id, other.id)
    (one,) = listed(store)
    assert len(one.evidence) == 2
    assert {row["other names"] for row in rows([one])} == {"Barking"}
    assert findings_markdown([one]).count("> “") == 2


def test_a_finding_without_evidence_says_so(store: Store) -> None:
    store.findings.add("dataset", "Barks")
    assert "No evidence yet." in findings_markdown(listed(store))
    (row,) = rows(listed(store))
    assert (row["name"], row["quote"]) == ("Barks", "")
    assert findings_markdown([]) == "# Findings\n\nNo findings.\n"


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\x00=1",
     "\u200b=1", "＝1+1", "＋1", "－1", "＠x", "'=1"],
)  # fmt: skip
def test_no_spreadsheet_calculates_a_cell(cell: str) -> None:
    shown = harmless(cell)
    assert shown.startswith("'")
    assert shown.lstrip("'")[0] in "=+-@＝＋－＠"


@pytest.mark.parametrize("number", ["-0.5", "+2", "1e-5", "-1.5E+3", "61", "2e-5"])
def test_numbers_stay_numbers(number: str) -> None:
    assert harmless(number) == number


@given(some.text(max_size=60))
def test_a_cell_is_one_line_that_begins_harmlessly(text: str) -> None:
    shown = harmless(text)
    assert not set(shown) & set("\r\n\t\0")
    assert not shown.startswith(("=", "@", "＝", "＋", "－", "＠"))


@given(some.text(alphabet="ab1.)(*_`~|<>&#![]\\$:/-+=^@{}\"' \nw", max_size=40))
def test_escaped_markdown_shows_exactly_the_text(text: str) -> None:
    shown = parsed_html(rendered(escaped(text)))
    assert shown.seen <= {"p"}
    assert " ".join(shown.text.split()) == " ".join(text.split())


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_document_or_a_person_says_stays_text(store: Store, attack: str) -> None:
    text = f"attack {attack} and its end"
    meta = Metadata(title=attack, authors=(attack,), published="2020")
    add(store, parsed=replace(PARSED, text=text, metadata=meta, pages=(), lines=(), sections=()))
    Workbench(store).tag(
        KEY, "dataset", f"a{attack}", quote=text, tags=[attack], note=attack,
        fields={"licence": attack}, effect={"metric": attack, "unit": attack, "value": 1},
    )  # fmt: skip
    markdown = findings_markdown(listed(store), title=attack)
    shown = parsed_html(rendered(markdown))
    assert shown.seen <= set("h1 h2 h3 ul li blockquote p em".split())  # noqa: SIM905
    assert " ".join(text.split()) in " ".join(shown.text.split())
    (row,) = rows(listed(store))
    assert row["quote"] == " ".join(text.split())
    assert row["licence"].lstrip("'") == " ".join(attack.split())


@pytest.mark.parametrize(
    ("effect", "shown"),
    [
        (Effect("accuracy", "%", value=80.8, baseline=71.3), "71.3 → 80.8 % = +9.5 points"),
        (Effect("accuracy", "%", gain=9.5), "+9.5 %"),  # of what, the quote does not say
        (Effect("latency", "ms", value=5, baseline=9), "9 → 5 ms = -4 ms"),
    ],
)
def test_two_percentages_differ_by_points(effect: Effect, shown: str) -> None:
    assert effect_text(effect) == f"{effect.metric}: {shown}"
