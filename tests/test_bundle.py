from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kb.export.bundle as bundles
from kb.errors import UsageError
from kb.export.bundle import check_bundle, read_bundle, write_bundle
from kb.export.json_plan import json_plan
from kb.knowledge_base import KnowledgeBase
from kb.store.exchange import State
from tests.test_json_plan import KEY, Open, exported, filled, library

__all__ = ["library"]  # the fixture

DOCUMENTS = {"plan.md": b"# Mail\n", "decisions/0001-a.md": b"# A\n"}


@pytest.fixture
def mail(library: Open) -> KnowledgeBase:
    return filled(library("a"))


@pytest.fixture
def archive(mail: KnowledgeBase, tmp_path: Path) -> Path:
    file = tmp_path / "mail.zip"
    file.write_bytes(packed(mail))
    return file


def packed(kb: KnowledgeBase, state: State | None = None) -> bytes:
    file = io.BytesIO()
    write_bundle(file, state or kb.state("Mail"), DOCUMENTS, kb.store.raw_files.get)
    return file.getvalue()


def rewritten(archive: Path, change: Callable[[dict[str, bytes]], None], *, sums: bool) -> Path:
    """The archive with its files changed; with `sums`, the list of checksums is made to fit."""
    with zipfile.ZipFile(archive) as old:
        files = {name: old.read(name) for name in old.namelist()}
    change(files)
    if sums:
        listed = {n: hashlib.sha256(c).hexdigest() for n, c in files.items() if n != "SHA256SUMS"}
        files["SHA256SUMS"] = "".join(f"{s}  {n}\n" for n, s in listed.items()).encode()
    with zipfile.ZipFile(archive, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)
    return archive


def source_name(archive: Path) -> str:
    with zipfile.ZipFile(archive) as opened:
        return next(name for name in opened.namelist() if name.startswith("sources/"))


# -- what is in it ---------------------------------------------------------------------------------


def test_an_archive_holds_state_documents_sources_and_checksums(
    mail: KnowledgeBase, archive: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
        assert opened.read("project.json") == exported(mail)
        assert "kb import" in opened.read("README.txt").decode()
        opened.extractall(tmp_path / "out")
    sources = [name for name in names if name.startswith("sources/")]
    assert len(sources) == 2  # what is cited, and not what is only to be read
    assert {"documents/plan.md", "documents/decisions/0001-a.md"} < set(names)
    for name in sources:
        content = (tmp_path / "out" / name).read_bytes()
        assert Path(name).stem == hashlib.sha256(content).hexdigest()
    if tool := shutil.which("sha256sum"):
        done = subprocess.run(
            [tool, "-c", "--strict", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert len(done.stdout.splitlines()) == len(names) - 1


def test_the_same_project_gives_the_same_bytes(mail: KnowledgeBase) -> None:
    assert packed(mail) == packed(mail)


def test_an_archive_that_nobody_changed_is_as_it_was_exported(archive: Path) -> None:
    checked = check_bundle(archive)
    assert (checked.project, checked.quotes, checked.problems) == ("Mail", 5, ())
    assert checked.files == 6


def test_what_comes_from_an_archive_can_be_verified_and_leaves_as_it_came(
    mail: KnowledgeBase, archive: Path, library: Open
) -> None:
    other = library("b", "ben")
    state, raw = read_bundle(archive)
    other.take_in(state, raw=raw)
    assert [v.stands for v in other.workbench.verify()] == [True] * 4
    assert exported(other) == exported(mail)
    assert packed(other) == packed(mail)


# -- what has been changed -------------------------------------------------------------------------


def test_changed_missing_and_added_files_are_named(archive: Path) -> None:
    source = source_name(archive)

    def change(files: dict[str, bytes]) -> None:
        files["documents/plan.md"] += b"and more"
        del files[source]
        files["documents/new.md"] = b""

    problems = check_bundle(rewritten(archive, change, sums=False)).problems
    assert problems == (
        f"{source} is missing from the archive.",
        "documents/new.md was added to the archive.",
        "documents/plan.md was changed: its checksum is wrong.",
        f"The source {source[8:20]}…, which is cited, is not in the archive.",
    )
    with pytest.raises(UsageError, match=r"is missing from the archive\. Nothing was imported"):
        read_bundle(archive)


def test_another_source_under_the_name_of_a_cited_one_is_seen(archive: Path) -> None:
    source = source_name(archive)
    file = rewritten(archive, lambda files: files.update({source: b"other"}), sums=True)
    assert check_bundle(file).problems == (
        f"{source} is not the source that was cited: its checksum is another.",
    )


def test_every_quote_that_no_longer_stands_is_named(archive: Path, mail: KnowledgeBase) -> None:
    state = mail.state("Mail")
    for row in state["evidence"][:2]:
        row["quote"] = row["quote"].swapcase()
    file = rewritten(archive, lambda f: f.update({"project.json": json_plan(state)}), sums=True)
    problems = check_bundle(file).problems
    assert problems == (
        f"The quote “cATS PURR. dOGS” does not stand in {KEY}.",
        f"The quote “dOGS BARK AT” does not stand in {KEY}.",
    )
    with pytest.raises(UsageError, match="does not stand"):
        read_bundle(file)


# -- archives that are none, or do harm ------------------------------------------------------------


def entry(name: str, **given: Any) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for key, value in given.items():
        setattr(info, key, value)
    return info


def hostile(file: Path, *entries: tuple[zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(file, "w") as new:
        for info, content in entries:
            new.writestr(info, content)
    return file


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/passwd", "a/../../evil", "C:evil", "a\\..\\evil", "a//b", "./a", "a/", "a\n"],
)
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    info = entry("x")
    info.filename = name  # as it stands, where ZipInfo would mend it
    file = hostile(tmp_path / "a.zip", (info, b""))
    with pytest.raises(UsageError, match="outside of its folder"):
        check_bundle(file)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_links_are_refused(tmp_path: Path) -> None:
    file = hostile(tmp_path / "a.zip", (entry("x", external_attr=0o120777 << 16), b"/etc/passwd"))
    with pytest.raises(UsageError, match="no plain file"):
        check_bundle(file)


def test_bombs_are_refused_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MOST_DENSE", 1000)
    packed = entry("project.json", compress_type=zipfile.ZIP_DEFLATED)
    file = hostile(tmp_path / "a.zip", (packed, b"0" * 1_000_000))
    with pytest.raises(UsageError, match="unpacks to far more than it is"):
        check_bundle(file)
    monkeypatch.setattr(bundles, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="more than kb takes"):
        check_bundle(hostile(file, (entry("a"), b"0" * 600), (entry("b"), b"0" * 600)))
    monkeypatch.setattr(bundles, "MOST_FILES", 1)
    with pytest.raises(UsageError, match="more than kb takes"):
        check_bundle(hostile(file, (entry("a"), b""), (entry("b"), b"")))
    monkeypatch.setattr(bundles, "MOST_JSON", 1)
    with pytest.raises(UsageError, match="larger than kb takes"):
        check_bundle(hostile(file, (entry("SHA256SUMS"), b"00")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    file = hostile(tmp_path / "a.zip", (entry("a"), b"1"), (entry("a"), b"2"))
    with pytest.raises(UsageError, match="two of its files have one name"):
        check_bundle(file)


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    file = hostile(tmp_path / "a.zip", (entry("a", compress_type=zipfile.ZIP_BZIP2), b"1"))
    with pytest.raises(UsageError, match="packed in another way"):
        check_bundle(file)
    content = bytearray(hostile(file, (entry("a"), b"1")).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # says that it is encrypted
    file.write_bytes(content)
    with pytest.raises(UsageError, match="encrypted"):
        check_bundle(file)


def test_what_is_no_archive_of_kb_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(UsageError, match="damaged, or no archive"):
        check_bundle(file)
    with pytest.raises(UsageError, match="no bundle of kb: it has no SHA256SUMS"):
        check_bundle(hostile(file, (entry("a"), b"1")))
    with pytest.raises(UsageError, match=r"it has no project\.json"):
        check_bundle(hostile(file, (entry("SHA256SUMS"), b"")))
    with pytest.raises(UsageError, match="not valid JSON"):
        check_bundle(hostile(file, (entry("SHA256SUMS"), b""), (entry("project.json"), b"")))


def test_an_archive_that_is_cut_or_rotten_is_told_wherever_that_is(archive: Path) -> None:
    whole = archive.read_bytes()
    told = 0
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        for content in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
            archive.write_bytes(content)
            try:
                told += bool(check_bundle(archive).problems)
            except UsageError:
                told += 1
    assert told > 150  # all that are cut, and most of those with one wrong byte


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told(archive: Path) -> None:
    archive.chmod(0)
    with pytest.raises(UsageError, match="cannot be read"):
        check_bundle(archive)
