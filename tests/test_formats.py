from __future__ import annotations

import importlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kb.config import Config
from kb.errors import NotFound, UsageError
from kb.export.citations import cited_works
from kb.export.formats import FORMATS, Exports
from kb.export.written import Written
from kb.records import Plan
from kb.store import Store
from tests.plan_maker import large_plan, make_plan
from tests.test_cli import Run, kb
from tests.test_json_plan import Open, exported, filled, library

__all__ = ["kb", "library"]  # the fixtures

OF_PEOPLE = (
    "markdown",
    "html",
    "pdf",
    "docx",
    "obsidian",
)  # made by modules with tests of their own
DATA = [name for name in FORMATS if name not in (*OF_PEOPLE, "json")]


def exports(plan: Plan) -> Exports:
    return Exports(lambda: plan, lambda: {"project": {}})


# -- the table of formats --------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_module_and_says_what_it_is(name: str) -> None:
    found = FORMATS[name]
    module, _, function = found.function.partition(":")
    assert callable(getattr(importlib.import_module(f"kb.export.{module}"), function))
    assert found.sentence.endswith(".")
    assert "/" in found.media_type
    assert bool(Path(found.name).suffix) == (found.kind == "file")


def test_no_two_formats_are_written_to_one_place() -> None:
    names = [found.name for found in FORMATS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", DATA)
def test_a_format_gives_its_files_for_any_plan(name: str) -> None:
    found = FORMATS[name]
    for plan in (make_plan(), make_plan(hostile=True)):
        files = exports(plan).made(name)
        assert files
        assert found.kind == "folder" or list(files) == [found.name]
        for path, content in files.items():
            assert not path.startswith("/")
            assert ".." not in path
            assert content


def test_a_plan_is_worked_out_once_and_only_where_it_is_asked_for() -> None:
    asked: list[str] = []

    def plan() -> Plan:
        asked.append("plan")
        return make_plan()

    def state() -> dict[str, Any]:
        asked.append("state")
        return {}

    wanted = Exports(plan, state)
    wanted.made("json")
    assert asked == ["state"]
    wanted.made("bibtex")
    wanted.made("ris")
    assert asked == ["state", "plan"]


def test_an_unknown_format_is_answered_with_those_that_exist() -> None:
    with pytest.raises(NotFound, match=r"no format “word”.*markdown, html, pdf, docx"):
        exports(make_plan()).made("word")


def test_a_thousand_findings_and_two_hundred_experiments_leave_in_every_data_format() -> None:
    plan = large_plan()
    wanted = exports(plan)
    sizes = {name: sum(map(len, wanted.made(name).values())) for name in DATA}
    assert min(sizes.values()) > 0
    assert sizes["csv"] > 500_000
    assert len(cited_works(plan)) <= 10


# -- writing ---------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "state" / "exports.json")


def test_what_kb_wrote_is_replaced_and_what_others_wrote_is_not(
    written: Written, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "a.md", tmp_path / "b.md"
    theirs.write_text("theirs")
    written.write({ours: b"1"})
    written.write({ours: b"2"})
    assert ours.read_bytes() == b"2"
    with pytest.raises(UsageError, match=r"b\.md is there already.*--force"):
        written.write({ours: b"3", theirs: b"3"})
    assert (ours.read_bytes(), theirs.read_text()) == (b"2", "theirs")
    ours.write_text("changed by hand")
    with pytest.raises(UsageError, match=r"a\.md is there already, and kb did not write it so"):
        written.write({ours: b"3"})
    written.write({ours: b"3", theirs: b"3"}, force=True)
    assert ours.read_bytes() == theirs.read_bytes() == b"3"
    Written(tmp_path / "state" / "exports.json").write({ours: b"4"})
    assert ours.read_bytes() == b"4"


def test_a_folder_loses_what_kb_wrote_before_and_keeps_the_rest(
    written: Written, tmp_path: Path
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "mine.md").write_text("mine")
    written.write_folder(folder, {"a.md": b"1", "sub/b.md": b"1", "sub/c.md": b"1"})
    (folder / "sub" / "c.md").write_text("changed")
    left = written.write_folder(folder, {"a.md": b"2", "new/d.md": b"2"})
    assert left == [folder / "sub" / "c.md"]
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == {
        "mine.md", "a.md", "sub/c.md", "new/d.md",
    }  # fmt: skip
    written.write_folder(folder, {"a.md": b"2"})
    assert not (folder / "new").exists()


def test_files_that_are_already_as_they_should_be_are_nobodys_business(
    written: Written, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_bytes(b"1")
    written.write({tmp_path / "a.md": b"1"})
    (tmp_path / "dir").mkdir()
    with pytest.raises(UsageError, match="dir is there already"):
        written.write({tmp_path / "dir": b"1"})
    with pytest.raises(UsageError, match="cannot be written"):
        written.write({tmp_path / "a.md" / "below": b"1"})
    (tmp_path / "state" / "exports.json").write_text("[broken")
    written.write({tmp_path / "b.md": b"1"})  # what was known is forgotten, and nothing breaks


# -- the command line ------------------------------------------------------------------------------


@pytest.fixture
def mail(library: Open, config: Config, tmp_path: Path) -> Iterator[Store]:
    """The project Mail in the library of the command line."""
    with filled(library("library")) as opened:
        yield opened.store


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was written where is kept in the test's own folder."""
    monkeypatch.setenv("KB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KB_CONFIG", str(tmp_path / "none.toml"))


def test_formats_are_listed(kb: Run) -> None:
    code, out, _ = kb("export", "--formats")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(FORMATS)


@pytest.mark.usefixtures("mail")
def test_one_format_goes_to_standard_output(kb: Run) -> None:
    code, out, _ = kb("export", "Mail", "--format", "json")
    assert code == 0
    assert json.loads(out)["project"]["name"] == "Mail"
    code, out, _ = kb("export", "Mail", "--format", "csv", "--table", "experiments")
    assert out.splitlines()[1].startswith("1,")


@pytest.mark.usefixtures("mail")
def test_formats_go_to_a_file_or_side_by_side_into_a_folder(kb: Run, tmp_path: Path) -> None:
    code, _, err = kb("export", "Mail", "--format", "bibtex", "--to", str(tmp_path / "refs.bib"))
    assert (code, "Wrote" in err) == (0, True)
    assert "@" in (tmp_path / "refs.bib").read_text()
    folder = tmp_path / "plan"
    code, _, err = kb(
        "export", "Mail", "--format", "ris", "--format", "madr", "--to", str(folder)
    )  # fmt: skip
    assert code == 0, err
    assert sorted(p.name for p in folder.iterdir()) == ["decisions", "references.ris"]
    assert (folder / "decisions" / "README.md").is_file()
    assert kb("export", "Mail", "--format", "xlsx", "--to", str(folder))[0] == 0
    assert zipfile.is_zipfile(folder / "tables.xlsx")


@pytest.mark.usefixtures("mail")
def test_a_file_that_kb_did_not_write_is_left(kb: Run, tmp_path: Path) -> None:
    file = tmp_path / "refs.bib"
    file.write_text("mine")
    call = ("export", "Mail", "--format", "bibtex", "--to", str(file))
    code, _, err = kb(*call)
    assert (code, file.read_text()) == (1, "mine")
    assert "--force" in err
    assert kb(*call, "--force")[0] == kb(*call)[0] == 0
    assert file.read_text() != "mine"


@pytest.mark.usefixtures("mail")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Mail", "--format", "word"), "There is no format “word”"),
        (("Nail", "--format", "json"), "There is no project “Nail”"),
        (("Mail", "--format", "madr"), "madr is a folder of files"),
        (("Mail", "--format", "ris", "--format", "csl"), "need a folder"),
        (("Mail", "--format", "ris", "--table", "evidence"), "--table goes with"),
        (("Mail", "--format", "csv", "--table", "papers"), "There is no table “papers”"),
        (("Mail", "--format", "ris", "--template", __file__), "goes with the formats markdown"),
        (("Mail", "--format", "ris", "--known", __file__), "goes with the formats jira, issues"),
        (("Mail", "--format", "jira", "--known", __file__), "no export of a tracker"),
    ],
)
def test_what_cannot_be_done_is_said(kb: Run, arguments: tuple[str, ...], says: str) -> None:
    code, out, err = kb("export", *arguments)
    assert code in (1, 2)
    assert out == ""
    assert says in err


@pytest.mark.usefixtures("mail")
def test_everything_at_once_and_what_cannot_be_made_is_said(kb: Run, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    code, _, err = kb("export", "Mail", "--format", "all", "--to", str(folder))
    assert code == 0, err
    there = {path.name for path in folder.iterdir()}
    missing = {name for name, found in FORMATS.items() if found.name not in there}
    assert missing <= {"pdf"}
    assert all(f"No {name}: " in err for name in missing)


def test_a_project_moves_by_a_file(kb: Run, mail: Store, library: Open, tmp_path: Path) -> None:
    file = tmp_path / "mail.json"
    assert kb("export", "Mail", "--format", "json", "--to", str(file))[0] == 0
    other = str(tmp_path / "other")
    code, out, err = kb("--library", other, "import", str(file))
    assert code == 0, err
    assert "Mail: 1 projects added" in out
    assert "3 documents are not searched yet: kb reindex" in err
    assert "The bytes of 2 cited sources are not in this library" in err
    assert exported(library("other")) == file.read_bytes()
    code, out, _ = kb("--library", other, "import", str(file), "--json")
    assert json.loads(out)["added"] == {}
    assert kb("--library", other, "import", str(file))[1] == "Mail: nothing new.\n"
    code, _, err = kb("import", str(file), "--as", "Post")
    assert (code, "leave --as out" in err) == (1, True)


def test_a_project_moves_by_an_archive_and_is_checked_without_a_library(
    kb: Run, mail: Store, tmp_path: Path
) -> None:
    file = tmp_path / "mail.zip"
    code, _, err = kb("bundle", "Mail", "--to", str(file))
    assert code == 0, err
    nowhere = str(tmp_path / "nowhere")
    code, _, err = kb("--library", nowhere, "verify", "--bundle", str(file))
    assert code == 0
    assert "5 quotes read, all as they were exported." in err
    assert not Path(nowhere).exists()
    code, out, err = kb("--library", nowhere, "import", str(file))
    assert code == 0, err
    assert "cited sources" not in err
    assert kb("--library", nowhere, "verify")[0] == 0
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("extra", b"")
    code, out, err = kb("verify", "--bundle", str(file))
    assert (code, out) == (1, "extra was added to the archive.\n")
    assert "1 problem." in err
    shown = json.loads(kb("verify", "--bundle", str(file), "--json")[1])
    assert shown["problems"] == ["extra was added to the archive."]
    code, _, err = kb("--library", nowhere, "import", str(file))
    assert (code, "Nothing was imported" in err) == (1, True)


@pytest.mark.usefixtures("mail")
def test_a_file_that_is_no_project_is_told(kb: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")
    code, _, err = kb("import", str(file))
    assert (code, "no project that kb has exported" in err) == (1, True)
