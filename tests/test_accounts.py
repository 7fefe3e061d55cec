"""Who may sign in, and what each role may do: asked of the library, not of a page."""

from __future__ import annotations

import os
import sqlite3
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kb import accounts
from kb.accounts import Accounts, hashed
from kb.cli.main import cli
from kb.config import Config
from kb.errors import Forbidden, KbError, LibraryError, NotFound, UsageError
from kb.knowledge_base import KnowledgeBase
from kb.records import Member, Query, Role
from kb.store import Store
from tests.test_store import add

PASSWORD = "correct horse battery"


@pytest.fixture
def team(store: Store) -> Store:
    store.members.add("Ana", "admin", hashed(PASSWORD))
    store.members.add("Ed", "editor", hashed("another long one"))
    store.members.add("Rea", "reader")
    return store


def test_the_right_password_lets_in_and_signing_out_ends_it(team: Store) -> None:
    token = Accounts(team.library).sign_in("ana", PASSWORD)
    member = Accounts(team.library).member_of(token)
    assert member is not None
    assert (member.name, member.role) == ("Ana", "admin")
    Accounts(team.library).sign_out(token)
    assert Accounts(team.library).member_of(token) is None
    assert Accounts(team.library).member_of("") is None


@pytest.mark.parametrize(
    ("name", "password"),
    [("Ana", "correct horse"), ("Nobody", PASSWORD), ("Rea", ""), ("Rea", PASSWORD), ("", "")],
)
def test_whatever_is_wrong_the_words_are_the_same(team: Store, name: str, password: str) -> None:
    with pytest.raises(Forbidden, match=r"^Name and password do not fit\. "):
        Accounts(team.library).sign_in(name, password)


def test_neither_password_nor_token_is_kept(team: Store, config: Config) -> None:
    token = Accounts(team.library).sign_in("Ana", PASSWORD)
    team.close()
    content = b"".join(f.read_bytes() for f in config.library.glob("kb.sqlite*"))
    assert b"argon2id" in content
    assert PASSWORD.encode() not in content
    assert token.encode() not in content


def test_after_too_many_tries_the_right_password_waits_too(
    team: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "TRIES", 3)
    for _ in range(3):
        with pytest.raises(Forbidden, match="do not fit"):
            Accounts(team.library).sign_in("Ana", "wrong password")
    with pytest.raises(Forbidden, match="Wait 15 minutes"):
        Accounts(team.library).sign_in("ANA", PASSWORD)
    Accounts(team.library).sign_in("Ed", "another long one")  # others are not hit


def test_tries_from_one_address_under_many_names_are_counted(
    team: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "TRIES", 3)
    for name in ("a", "b", "c"):
        with pytest.raises(Forbidden, match="do not fit"):
            Accounts(team.library).sign_in(name, "wrong password", address="192.0.2.1")
    with pytest.raises(Forbidden, match="Wait"):
        Accounts(team.library).sign_in("Ana", PASSWORD, address="192.0.2.1")
    assert Accounts(team.library).sign_in("Ana", PASSWORD, address="192.0.2.2")


def test_signing_in_forgets_the_failures_before_it(
    team: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "TRIES", 2)
    for _ in range(3):
        with pytest.raises(Forbidden, match="do not fit"):
            Accounts(team.library).sign_in("Ana", "wrong password")
        Accounts(team.library).sign_in("Ana", PASSWORD)


def test_a_session_ends_by_itself(team: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "SESSION_HOURS", -0.001)
    assert Accounts(team.library).member_of(Accounts(team.library).sign_in("Ana", PASSWORD)) is None


@pytest.mark.parametrize("change", ["disable", "password"])
def test_whoever_is_shut_out_is_out_at_once(team: Store, change: str) -> None:
    token = Accounts(team.library).sign_in("Ed", "another long one")
    if change == "disable":
        team.members.disable("Ed")
    else:
        team.members.set_password("Ed", hashed("a third long one"))
    assert Accounts(team.library).member_of(token) is None
    with pytest.raises(Forbidden):
        Accounts(team.library).sign_in("Ed", "another long one")


def test_a_role_counts_from_the_next_call_on(team: Store) -> None:
    token = Accounts(team.library).sign_in("Ed", "another long one")
    team.members.set_role("Ed", "reader")
    member = Accounts(team.library).member_of(token)
    assert member is not None
    assert member.role == "reader"


def test_there_is_always_an_admin(team: Store) -> None:
    for change in (
        lambda: team.members.set_role("Ana", "editor"),
        lambda: team.members.disable("Ana"),
    ):
        with pytest.raises(UsageError, match="only admin"):
            change()
    team.members.set_role("Ed", "admin")
    team.members.set_role("Ana", "editor")


def test_one_changes_ones_own_password_with_the_old_one(team: Store) -> None:
    own = Accounts(team.library)
    team.members.set_role("Ed", "reader")
    token = own.sign_in("Ed", "another long one")
    with pytest.raises(Forbidden, match="do not fit"):
        own.change_password(token, "wrong password", "a third long one")
    with pytest.raises(Forbidden, match="Sign in first"):
        own.change_password("made up", "another long one", "a third long one")
    own.change_password(token, "another long one", "a third long one")
    assert own.member_of(token) is None
    assert own.sign_in("Ed", "a third long one")


def test_a_name_that_another_vouches_for(team: Store) -> None:
    own = Accounts(team.library)
    member = own.member_of(own.sign_in_vouched("REA"))
    assert member is not None
    assert (member.name, member.role) == ("Rea", "reader")
    team.members.disable("Rea")
    for name in ("Rea", "Nobody", ""):
        with pytest.raises(Forbidden, match="no account here"):
            own.sign_in_vouched(name)


@pytest.mark.parametrize("password", ["short", "", "x" * 1025])
def test_a_password_has_a_length(password: str) -> None:
    with pytest.raises(UsageError, match="10 to 1024"):
        hashed(password)


# -- roles -----------------------------------------------------------------------------------------

WRITES: dict[str, Callable[[KnowledgeBase], Any]] = {
    "remove a document": lambda kb: kb.store.documents.remove("arxiv:1901.00001"),
    "begin a project": lambda kb: kb.workbench.new_project("mail", {}),
    "tag": lambda kb: kb.workbench.tag("arxiv:1901.00001", "dataset", "Pets", quote="Cats purr."),
    "add an axis": lambda kb: kb.workbench.add_axis("x", definition="y", retraining="no"),
    "comment": lambda kb: kb.store.candidates.comment("finding:1", "no"),
    "ingest": lambda kb: kb.start_ingest(["1706.03762"]),
    "upload": lambda kb: kb.save_upload("a.md", b"# A"),
    "queue": lambda kb: kb.store.locators.queue(["1706.03762"], "arxiv"),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_reader_changes_nothing(store: Store, config: Config, what: str) -> None:
    add(store)
    store.members.add("Ana", "admin")
    before = sorted(f.name for f in config.library.rglob("*"))
    with KnowledgeBase(config, member=Member("Rea", "reader")) as kb:
        with pytest.raises(Forbidden, match=r"read|editor"):
            WRITES[what](kb)
        assert kb.store.documents.by_key("arxiv:1901.00001").title == "On cats and dogs"
    assert sorted(f.name for f in config.library.rglob("*")) == before


@pytest.mark.parametrize("role", ["reader", "editor"])
def test_only_admins_change_members(store: Store, config: Config, role: Role) -> None:
    store.members.add("Ana", "admin")
    with Store(config.library, member="Ed", role=role) as theirs:
        for change in (
            lambda: theirs.members.add("Mallory", "admin"),
            lambda: theirs.members.set_role("Ana", "reader"),
            lambda: theirs.members.disable("Ana"),
            lambda: theirs.members.set_password("Ana", hashed(PASSWORD)),
        ):
            with pytest.raises(Forbidden, match=r"ask an admin|Ask an admin"):
                change()
    assert [m.name for m in store.members.all()] == ["Ana"]


def test_what_a_member_does_is_under_their_name(store: Store, config: Config) -> None:
    with KnowledgeBase(config, member=Member("Ed", "editor")) as kb:
        kb.workbench.new_project("mail", {})
    assert store.events.recent(1)[0]["who"] == "Ed"


# -- a library that may only be read ---------------------------------------------------------------


def as_nobody(what: Callable[[], None]) -> str:
    """Run `what` in a child without rights; "" where it went well, else its traceback."""
    if os.getuid() != 0:
        pytest.skip("needs root, to be somebody else for a moment")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            what()
        except BaseException:
            os.write(writing, traceback.format_exc().encode()[-3000:])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        said = output.read().decode()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def locked(store: Store, config: Config, tmp_path: Path) -> Config:
    """A library in a folder of somebody else's, on a path that everybody may walk."""
    add(store)
    store.close()
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            if str(folder).startswith("/tmp/"):
                folder.chmod(0o755)
            else:
                pytest.skip(f"{folder} may not be walked by everybody")
    config.library.chmod(0o755)
    return config


def test_a_library_on_a_read_only_disk_is_read_and_not_written(locked: Config) -> None:
    def look() -> None:
        with KnowledgeBase(locked) as kb:
            assert kb.store.documents.by_key("arxiv:1901.00001").title == "On cats and dogs"
            assert kb.search(replace(Query("cats"), mode="lexical"))
            with pytest.raises(Forbidden, match="its folder is not writable"):
                kb.store.documents.remove("arxiv:1901.00001")

    assert as_nobody(look) == ""


def test_an_older_library_on_a_read_only_disk_says_what_to_do(locked: Config) -> None:
    with sqlite3.connect(locked.library / "kb.sqlite") as db:
        db.execute("pragma user_version = 2")
    db.close()

    def look() -> None:
        with pytest.raises(LibraryError, match="Run any kb command on it where it can be written"):
            Store(locked.library)

    assert as_nobody(look) == ""


# -- the command line ------------------------------------------------------------------------------


def run(config: Config, *arguments: str, text: str = "") -> str:
    result = CliRunner().invoke(cli, arguments, obj=config, input=text)
    if isinstance(result.exception, KbError):
        return str(result.exception)
    assert result.exception is None, result.exception
    return result.output


def test_accounts_from_the_command_line(config: Config) -> None:
    assert "Ana is admin now." in run(
        config, "member", "add", "Ana", "--role", "admin", text="0123456789\n"
    )
    assert "already" in run(config, "member", "add", "ana", text="0123456789\n")
    assert "10 to 1024" in run(config, "member", "add", "Ed", text="short\n")
    run(config, "member", "add", "ed@example.org", "--no-password")
    assert "ed@example.org is reader now." in run(
        config, "member", "role", "ed@example.org", "reader"
    )
    run(config, "member", "password", "Ana", text="9876543210\n")
    with Store(config.library) as store:
        assert Accounts(store.library).sign_in("Ana", "9876543210")
    assert "may not sign in any more" in run(config, "member", "disable", "ed@example.org")
    listed = run(config, "member", "list")
    assert "admin   Ana\n" in listed
    assert "reader  ed@example.org  (may not sign in since" in listed
    assert '"role": "reader"' in run(config, "member", "list", "--json")
    assert "There is no member “Bo”. Members: Ana, ed@example.org." in run(
        config, "member", "disable", "Bo"
    )


def test_nobody_there_says_how_to_begin(store: Store) -> None:
    with pytest.raises(NotFound, match=r"none yet \(kb member add NAME\)"):
        store.members.get("Ana")
