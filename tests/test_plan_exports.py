"""The plan as people read it, each form opened by a reader of its own."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path, PurePosixPath

import docx
import pypdf
import pytest
from lxml import html as parser
from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

from kb.errors import UsageError
from kb.export.docx_plan import docx_plan
from kb.export.obsidian import obsidian
from kb.export.pdf import pdf
from kb.export.plan_findings import sources
from kb.export.plan_html import plan_html
from kb.export.plan_markdown import plan_markdown
from kb.export.plan_report import gain_text, sections
from kb.records import Evidence, Gain, Plan
from tests.plan_maker import empty_plan, large_plan, make_plan

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PLAN = make_plan()
HOSTILE = make_plan(hostile=True)


def markdown(plan: Plan, template: str | None = None) -> str:
    return plan_markdown(plan, template).decode()


def rendered(text: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(text))


def word(plan: Plan) -> docx.document.Document:
    return docx.Document(io.BytesIO(docx_plan(plan)))


def quotes(plan: Plan) -> list[Evidence]:
    return [evidence for found in plan.findings for evidence in found.evidence]


# -- what it says ----------------------------------------------------------------------------------


def test_metric_and_baseline_come_before_what_to_try() -> None:
    text = markdown(PLAN)
    assert text.startswith("# E-mail sentiment\n")
    order = [
        text.index(s)
        for s in (
            "61.4 points",
            "To be answered first",
            "What we want",
            "What to try",
            "## Sources",
        )
    ]
    assert order == sorted(order)


def test_every_quote_is_there_with_its_work_and_page() -> None:
    page = plan_html(PLAN).decode()
    text = re.sub(r"\s+", " ", parser.fromstring(page).text_content())
    for evidence in quotes(PLAN):
        assert f"“{' '.join(evidence.quote.split())}”" in text
        if evidence.page:
            assert f"page {evidence.page}" in text
    numbers = {int(n) for n in re.findall(r'href="#source-(\d+)"', page)}
    listed = {int(n) for n in re.findall(r'id="source-(\d+)"', page)}
    assert numbers == listed == {each.number for each in sources(PLAN)}


def test_no_internal_id_is_read() -> None:
    everything = markdown(PLAN) + plan_html(PLAN).decode()
    for found in PLAN.findings:
        assert found.finding.uid not in everything
        assert all(evidence.uid not in everything for evidence in found.evidence)
    assert "sha256:" not in everything


def test_all_forms_say_the_same() -> None:
    in_word = [p.text for p in word(PLAN).paragraphs if p.style.name.startswith("Heading")]
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(PLAN))
    headings = [
        tokens[n + 1].content.replace("\\", "")
        for n, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag != "h1"
    ]
    assert sorted(in_word) == sorted(headings)
    on_page = re.findall(r"<h[2-6]>(.*?)</h[2-6]>", plan_html(PLAN).decode())
    assert [unescape(heading) for heading in on_page] == [unescape(h) for h in headings]


def test_whoever_doubts_a_gain_finds_its_arithmetic() -> None:
    text = " ".join(re.findall(r"\S+", rendered(markdown(PLAN))))
    appendix = text[text.index("how the gains were worked out") :]
    for each in PLAN.ranking.ranked:
        for step in each.estimate.steps:
            assert f"<li>{step}</li>" in appendix
        for evidence, reason in each.estimate.not_comparable:
            assert f"{evidence.document.title} ({evidence.document.metadata.year})" in appendix
            assert reason in appendix


def test_ranks_are_the_same_in_table_headings_and_schedule() -> None:
    text = markdown(PLAN)
    tasks = dict(re.findall(r"^    (\d+)\. (.*?) :\d", text, flags=re.M))
    assert len(tasks) == 4
    for each in PLAN.ranking.ranked:
        title = each.experiment.title
        assert f"\n### {each.rank}\\. {title}\n" in text
        assert re.search(rf"^\| {each.rank}(\\\*)? \| {title} \|", text, flags=re.M)
        assert tasks.get(str(each.rank), title.replace("%", "")) == title


def test_a_plan_of_nothing_says_what_is_missing() -> None:
    text = markdown(empty_plan())
    assert "Which metric does the model have to move" in text
    assert "Still to be said: metric, unit, baseline, what the baseline is, objective" in text
    assert "What to try" not in text
    assert "Sources" not in text
    assert word(empty_plan()).paragraphs[0].text == "Nothing yet"
    assert set(obsidian(empty_plan())) == {"Plan.md", "Index.md"}


def test_percentages_differ_by_points() -> None:
    project = replace(PLAN.project, brief={**PLAN.project.brief, "unit": "%"})
    plan = replace(PLAN, project=project)
    assert gain_text(plan, Gain(0, 1.434, 2.87)) == "+1.43 points (0 to +2.87)"
    assert gain_text(plan, Gain(-0.5, -0.2, 0)) == "−0.2 points (−0.5 to 0)"


# -- forms -----------------------------------------------------------------------------------------


def test_word_has_headings_tables_figures_and_links_that_lead_somewhere() -> None:
    document = word(PLAN)
    assert document.core_properties.title == "E-mail sentiment"
    assert len(document.inline_shapes) == 3
    ranking = next(t for t in document.tables if t.rows[0].cells[1].text == "Experiment")
    assert [row.cells[1].text for row in ranking.rows[1:]] == [
        each.experiment.title for each in PLAN.ranking.ranked
    ]
    xml = document.element.xml
    assert xml.count("w:tblHeader") >= 3
    assert all(shape._inline.docPr.get("descr") for shape in document.inline_shapes)
    links = set(re.findall(r'w:anchor="(source_\d+)"', xml))
    assert links
    assert links <= set(re.findall(r'w:bookmarkStart w:id="\d+" w:name="(source_\d+)"', xml))


def test_the_page_stands_alone() -> None:
    page = plan_html(PLAN).decode()
    assert page.count("<svg") == 3
    assert not re.search(r'(?:src|xlink:href)="(?!#)|@import|url\((?!#)', page)
    assert "<script" not in page
    assert "default-src 'none'" in page


def read(printed: bytes) -> str:
    return " ".join(
        " ".join(p.extract_text() for p in pypdf.PdfReader(io.BytesIO(printed)).pages).split()
    )


@pytest.mark.skipif(not shutil.which("chromium"), reason="nothing here prints")
def test_the_pdf_is_that_page() -> None:
    printed = pdf(PLAN)
    text = read(printed)
    assert "Sort customer e-mails into negative, neutral and positive" in text
    assert "Trial runs" in text
    assert re.search(r"\b2 / \d+\b", text), "pages are numbered"
    chapters = [
        x["/Title"] for x in pypdf.PdfReader(io.BytesIO(printed)).outline[1] if "/Title" in x
    ]
    assert "What to try, in which order" in chapters


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not here")
def test_without_a_browser_libreoffice_prints_the_word_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kb.export.pdf.BROWSERS", ())
    text = read(pdf(PLAN))
    assert "Sort customer e-mails into negative, neutral and positive" in text
    assert "[10]" in text
    with pytest.raises(UsageError, match="needs a browser"):
        pdf(PLAN, "{{ title }}")


def test_without_a_printer_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb.export.pdf.shutil.which", lambda _: None)
    with pytest.raises(UsageError, match="needs a browser"):
        pdf(empty_plan())


def test_the_schedule_is_drawn_in_markdown_too() -> None:
    chart = markdown(PLAN).split("```mermaid\n")[1].split("```")[0]
    assert PLAN.schedule is not None
    assert len(re.findall(r":\d{4}-\d\d-\d\d, \d+d$", chart, flags=re.M)) == len(
        PLAN.schedule.slots
    )


def test_a_title_is_no_command_of_mermaid() -> None:
    assert PLAN.schedule is not None
    slots = tuple(replace(slot, title="click a href\n;#%%{init}%%") for slot in PLAN.schedule.slots)
    text = markdown(replace(PLAN, schedule=replace(PLAN.schedule, slots=slots)))
    chart = text.split("```mermaid\n")[1].split("```")[0]
    assert not re.search(r"^\s*click|[;#%{]", chart.replace("%d %b", ""), flags=re.M)


def test_notes_link_to_notes_that_are_there() -> None:
    for plan in (PLAN, HOSTILE):
        files = obsidian(plan)
        names = {PurePosixPath(path).stem for path in files}
        assert len({path.casefold() for path in files}) == len(files)
        for path, content in files.items():
            for link in re.findall(r"(?<!\\)\[\[(.*?)\]\]", content.decode()):
                assert link in names, (path, link)


def test_notes_are_files_that_every_system_takes() -> None:
    for path in obsidian(HOSTILE):
        parts = PurePosixPath(path).parts
        assert len(parts) <= 2
        assert not re.search(r'[\\:*?"<>|\x00-\x1f]', path)
        assert ".." not in parts
        assert len(parts[-1].encode()) < 255


# -- foreign text ----------------------------------------------------------------------------------


def test_foreign_text_is_no_markup() -> None:
    for page in (plan_html(HOSTILE).decode(), rendered(markdown(HOSTILE))):
        tree = parser.fromstring(page)
        elements = [each for each in tree.iter() if isinstance(each.tag, str)]
        assert not {"script", "img", "iframe", "object", "input", "form"} & {
            each.tag for each in elements
        }
        attributes = {name for each in elements for name in each.attrib}
        assert not [name for name in attributes if name.startswith("on")]
        links = tree.xpath("//a/@href")
        assert not [link for link in links if not link.startswith(("http://", "https://", "#"))]


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
@pytest.mark.parametrize(
    "template", [None, "{{ title }}<script>alert(1)</script>{{ sections.quotes }}"]
)
def test_nothing_of_it_runs_in_a_browser(template: str | None, tmp_path: Path) -> None:
    (tmp_path / "plan.html").write_bytes(plan_html(HOSTILE, template))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        happened: list[str] = []
        page.on("dialog", lambda dialog: (happened.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: happened.append(request.url))
        page.goto((tmp_path / "plan.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390, "fits a phone"
        browser.close()
    assert happened == [(tmp_path / "plan.html").as_uri()]


def test_foreign_text_is_a_document_that_word_opens() -> None:
    document = word(HOSTILE)
    assert "\u202e" not in document.element.xml
    assert len(document.paragraphs) > 100


# -- templates -------------------------------------------------------------------------------------


def test_a_template_of_ones_own() -> None:
    text = markdown(
        PLAN, "{{ title }}\n{{ sections.risks }}\nBy {{ plan.project.created_by | md }}."
    )
    assert text.startswith("E-mail sentiment\n## Risks")
    assert text.endswith("By ada.\n")
    page = plan_html(HOSTILE, "<h1>{{ plan.project.name }}</h1>").decode()
    assert "<script" not in page


def test_the_template_of_the_docs_works_and_names_every_section() -> None:
    page = (Path(__file__).parent.parent / "docs" / "templates.md").read_text("utf-8")
    template = page.split("```jinja\n")[1].split("```")[0]
    text = markdown(PLAN, template)
    assert text.startswith("# E-mail sentiment, for the meeting of 2026-11-20\n")
    assert "## Risks" in text
    assert "## Decisions" not in text
    row = next(line for line in page.splitlines() if line.startswith("| `sections.…`"))
    assert re.findall(r"`(\w+)`", row.split(":", 1)[1]) == list(sections(PLAN))


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("one\n{% if %}", "line 2"),
        ("one\n\n{{ sections.nothing }}", "template's line 3 names what is not there"),
        ("{{ nobody }}", "There is: title, made"),
        ("{{ ''.__class__.__mro__ }}", "what no template may"),
        ("\n{{ plan.__init__.__globals__ }}", "line 2 asks for what no template may"),
        ("{% for a in range(10000000) %}x{% endfor %}", "cannot be filled|without end"),
        ("{{ title }}\n{{ 1 // 0 }}", "line 2 cannot be filled"),
        ("{% include 'x' %}", "cannot be filled"),
        ("{{ plan.experiments.append(1) }}", "not there|may"),
    ],
)
def test_a_template_that_is_wrong_gets_a_sentence(template: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as error:
        markdown(PLAN, template)
    assert not str(error.value).endswith("..")


def test_a_thousand_findings_are_all_there() -> None:
    plan = large_plan(1000, 200)
    text = markdown(plan)
    assert text.count("\n#### ") == sum(
        1 for each in plan.findings if each.finding.kind == "design_choice"
    )
    assert len(sections(plan)["experiments"]) > 200
