from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ingest.source import Failed, FetchContext, Raw, Source
from kb.config import Config
from kb.errors import ParseFailure
from tests.conftest import ROOT

PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "data" / "sample" / "README.md",
]
CONSOLE = re.compile(r"```console\n(.*?)```", flags=re.DOTALL)
CUT = "-- kb tutorial --"
TALK = """\ufeffWEBVTT - a talk

NOTE not said

1
00:00:01.000 --> 00:00:04.000 align:start
<v Ada>We label <b>first</b>,
and borrow later.

00:00:04.000 --> 00:00:06.000
That is all.
"""


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_between_our_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    inside = [target for target in targets if "://" not in target]
    assert [t for t in inside if not (page.parent / t).exists()] == []


def test_the_map_of_the_house_shows_what_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = re.search(r"## The map of the house\n\n```\n(.*?)```", text, flags=re.DOTALL)
    assert block is not None
    folder, missing = ROOT, []
    for line in block[1].splitlines():
        name = line.split()[0]
        path = (folder if line.startswith("  ") else ROOT) / name
        if not line.startswith("  ") and name.endswith("/"):
            folder = path
        missing += [] if any(path.parent.glob(path.name)) else [name]
    assert missing == []


@pytest.fixture(scope="module")
def subtitles() -> Any:
    """The example source of CONTRIBUTING.md, from its text."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = text.split("<!-- from_subtitles.py -->")[1].split("```python\n")[1].split("```")[0]
    module = ModuleType("from_subtitles")
    exec(compile(code, "from_subtitles.py", "exec"), module.__dict__)
    source: Source = module.__dict__["Subtitles"]()
    return source


def context(config: Config) -> FetchContext:
    """What the example uses of a context: the configuration."""
    none: Any = None
    return FetchContext(config, none, none, none, none, none)


def test_the_example_source_reads_a_talk(subtitles: Any, config: Config, tmp_path: Path) -> None:
    talk = tmp_path / "labels-first.vtt"
    talk.write_text(TALK, encoding="utf-8", newline="\r\n")
    assert subtitles.matches(str(talk))
    assert not subtitles.matches("https://example.org/talk.vtt")
    [raw] = subtitles.fetch([str(talk)], context(config))
    assert isinstance(raw, Raw)
    assert raw.key.startswith("sha256:")
    parsed = subtitles.parse(raw)
    assert parsed.text == "We label first, and borrow later.\nThat is all."
    assert parsed.metadata.title == "labels-first"
    assert [(s.start, s.end) for s in parsed.sections] == [(0, len(parsed.text))]


def test_the_example_source_says_what_is_wrong(
    subtitles: Any, config: Config, tmp_path: Path
) -> None:
    talk = tmp_path / "empty.vtt"
    talk.write_bytes(b"WEBVTT\n")
    missing, [empty] = (
        list(subtitles.fetch([str(path)], context(config))) for path in (tmp_path / "no.vtt", talk)
    )
    assert missing == [
        Failed(str(tmp_path / "no.vtt"), "The file cannot be read: No such file or directory.")
    ]
    with pytest.raises(ParseFailure, match="holds no subtitles"):
        subtitles.parse(empty)


def steps(page: Path) -> list[tuple[str, str]]:
    """What the console blocks of `page` type, each with the answer that they show."""
    found: list[tuple[str, str]] = []
    for block in CONSOLE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], ""))
            else:
                command, answer = found.pop()
                found.append((command, f"{answer}{line}\n"))
    return found


def answers(shown: str, given: str) -> bool:
    """Whether `given` is what was `shown`: … stands for anything, a line break for a space."""
    words = " ".join(shown.split())
    pattern = ".*?".join(re.escape(part.strip()) for part in words.split("…"))
    return re.fullmatch(rf"\s*{pattern}\s*", " ".join(given.split())) is not None


def test_what_is_left_out_may_be_anything_and_the_rest_may_not() -> None:
    assert answers("added … a.md\n…\n2 added\n", "added  /x/a.md\nadded b.md\n2 added\n")
    assert not answers("added … a.md\n1 added\n", "added  /x/a.md\n1 failed\n")
    assert not answers("", "something\n")


@pytest.mark.model
@pytest.mark.parametrize("name", ["tutorial", "tutorial-findings", "tutorial-plan", "tutorial-fit"])
def test_the_tutorial_does_what_it_says(name: str, config: Config, tmp_path: Path) -> None:
    """One shell types all of it; both kinds of output count, in the order in which they came."""
    shim = tmp_path / "bin" / "kb"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kb.cli.main "$@" 2>&1\n')
    shim.chmod(0o755)
    (tmp_path / "data").symlink_to(ROOT / "data")
    typed = steps(ROOT / "docs" / f"{name}.md")
    assert len(typed) > 15
    script = "\n".join(f"{command}\necho; echo {CUT}" for command, _ in typed)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KB_")},
        "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "KB_STATE": str(config.state),
        "COLUMNS": "200",
    }
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert ran.stderr == ""
    given = ran.stdout.split(f"\n{CUT}\n")
    wrong = [
        f"$ {command}\n{answer}\n--- but the tutorial shows\n{shown}"
        for (command, shown), answer in zip(typed, given, strict=False)
        if not answers(shown, answer)
    ]
    assert not wrong, "\n\n".join(wrong)
    assert not list(tmp_path.glob("*-library"))
