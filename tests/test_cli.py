from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from kb.cli.main import COMMANDS, cli, run
from kb.cli.show import harmless, marked, short_authors
from kb.config import Config
from kb.store import Store
from tests.test_store import add

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kb(config: Config, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process, on the test's own library."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["--library", str(config.library), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_every_command_can_be_loaded_and_explains_itself(kb: Run) -> None:
    for name in [*COMMANDS, "ingest", "reindex"]:
        code, out, _ = kb(name, "--help")
        assert code == 0
        assert out.startswith(f"Usage: kb {name}")


def test_an_unknown_command_is_answered_with_those_that_exist(kb: Run) -> None:
    code, _, err = kb("serach", "x")
    assert code == 2
    assert "There is no command “serach”" in err
    assert "search" in err


def test_an_empty_library_says_what_to_do(kb: Run) -> None:
    code, out, err = kb("search", "anything")
    assert (code, out) == (0, "")
    assert "This library is empty" in err
    code, out, err = kb("status", "--json")
    assert code == 0
    assert json.loads(out)["documents"] == 0


def test_documents_are_listed_shown_removed_and_restored(kb: Run, store: Store) -> None:
    add(store)
    assert [d["key"] for d in json.loads(kb("documents", "list", "--json")[1])] == [
        "arxiv:1901.00001"
    ]
    assert "On cats and dogs" in kb("documents", "list")[1]
    shown = kb("documents", "show", "arxiv:1901.00001")[1]
    for part in ("Ada Author", "2019-03", "pets", "v1", "Sounds"):
        assert part in shown
    assert kb("documents", "show", "arxiv:1901.00001", "--text")[1].startswith("Cats purr.")
    code, out, _ = kb("documents", "remove", "arxiv:1901.00001")
    assert code == 0
    assert "kb documents restore arxiv:1901.00001" in out
    assert json.loads(kb("documents", "list", "--json")[1]) == []
    assert len(json.loads(kb("documents", "list", "--removed", "--json")[1])) == 1
    assert kb("documents", "restore", "arxiv:1901.00001")[0] == 0
    assert len(json.loads(kb("documents", "list", "--json")[1])) == 1


def test_what_does_not_exist_is_a_sentence_and_exit_code_1(kb: Run, store: Store) -> None:
    add(store)
    for arguments in (
        ("documents", "show", "arxiv:1901.0001"),
        ("documents", "remove", "arxiv:1901.0001"),
        ("open", "arxiv:1901.0001", "--print"),
        ("similar", "arxiv:1901.0001"),
    ):
        code, _, err = kb(*arguments)
        assert code == 1
        assert err.startswith("kb: There is no document “arxiv:1901.0001”"), arguments
        assert "arxiv:1901.00001" in err
    code, _, err = kb("documents", "list", "--project", "x")
    assert (code, err) == (1, "kb: There is no project “x”. Projects: none yet.\n")


def test_open_gives_a_file_that_viewers_know_by_its_suffix(kb: Run, store: Store) -> None:
    sha256 = store.raw_files.put(b"%PDF-1.4 not really")
    add(store, sha256=sha256)
    code, out, _ = kb("open", "arxiv:1901.00001", "--page", "2", "--print")
    assert code == 0
    assert out.strip().endswith(".pdf#page=2")
    assert Path(out.strip().removeprefix("file://").split("#")[0]).read_bytes().startswith(b"%PDF")
    assert kb("open", "arxiv:1901.00001", "--page", "3", "--print")[0] == 1


def test_a_document_cannot_drive_the_terminal() -> None:
    assert harmless("a\x1b[2Jb\x07\u202ec\nd") == "a[2Jbc\nd"
    assert "\x1b[2J" not in marked("x \x1b[2J y", [(0, 1)])


def test_marks_are_kept_through_wrapping() -> None:
    text = "word " * 30 + "needle in hay"
    start = text.index("needle")
    shown = marked(text, [(start, start + 6)], indent="  ")
    assert "\x1b[1;33mneedle\x1b[0m" in shown
    assert all(line.startswith("  ") for line in shown.splitlines())


def test_authors_in_short() -> None:
    assert short_authors(()) == ""
    assert short_authors(("A B",)) == "A B"
    assert short_authors(("A B", "C D")) == "A B & C D"
    assert short_authors(("A B", "C D", "E F")) == "A B et al."


def test_the_command_starts_without_the_heavy_libraries() -> None:
    code = (
        "import sys; from kb.cli.main import run; run(['search', '--help']);"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'pandas', 'streamlit', "
        "'sqlite_utils', 'faiss', 'onnxruntime', 'rich'} & set(sys.modules); sys.exit(str(heavy) "
        "if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


WITHOUT_JSON = {
    # what opens a window, writes files, works for minutes, or keeps a secret has no record to print
    "app", "bundle", "documents open", "export", "ingest", "member password", "model prepare",
    "open", "reindex",
}  # fmt: skip


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, *path, name)
    else:
        yield " ".join(path), command


def test_every_command_has_help_and_every_record_comes_as_json() -> None:
    found = dict(commands(cli))
    assert len(found) > 70
    assert [name for name, command in found.items() if not command.help] == []
    without = {n for n, c in found.items() if not any("--json" in p.opts for p in c.params)}
    assert without <= WITHOUT_JSON


def test_the_command_reference_is_up_to_date() -> None:
    import importlib.util

    file = Path(__file__).resolve().parent.parent / "docs" / "write_commands.py"
    spec = importlib.util.spec_from_file_location("write_commands", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.FILE.read_text(encoding="utf-8")
    assert written == module.reference(), "run make docs"


def test_help_names_every_command() -> None:
    assert set(COMMANDS) <= set(cli.list_commands(None))  # type: ignore[attr-defined, arg-type]


def test_the_page_asks_nobody_for_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder of Streamlit's own, as on a new machine, it would wait at a prompt."""
    given: list[str] = []
    monkeypatch.setattr("os.execv", lambda program, arguments: given.extend(arguments))
    assert run(["--library", "somewhere", "app", "--port", "8765"]) == 0
    assert "--server.showEmailPrompt=false" in given
    assert "--server.address=127.0.0.1" in given
    assert given[-2:] == ["--library", str(Path("somewhere").absolute())]


def test_what_is_queued_can_be_forgotten(kb: Run, store: Store) -> None:
    store.locators.queue(["a", "b"], store.locators.start_run(2))
    assert kb("ingest", "--forget")[1] == "2 locators forgotten.\n"
    assert "nothing to retry" in kb("ingest", "--retry")[2]
    for arguments in (("feed",), ("arxiv-search",)):
        assert kb("ingest", *arguments)[0] == 2
