"""The page for a team, on its real server: who is let in, to what, and for how long."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from kb.accounts import COOKIE, Accounts, hashed
from kb.store import Store
from tests import oidc_server
from tests.conftest import ROOT
from tests.test_journey import CHROMIUM, FLAGS, PATIENCE, is_outside, wait_for_server
from tests.test_store import add

PASSWORD = "correct horse battery"
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("team") / "library"
    with Store(library) as store:
        add(store)
        for name, role in (("Ana", "admin"), ("Ed", "editor"), ("Rea", "reader")):
            store.members.add(name, role, hashed(PASSWORD))  # type: ignore[arg-type]
    return library


@contextmanager
def served(library: Path, *options: str) -> Iterator[str]:
    """Where the real `kb app --team` serves `library`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--library", str(library), "app", "--team", "--port", str(port), *options]
    environment = os.environ | {"KB_STATE": str(library.parent), "PYTHONPATH": str(ROOT)}
    with (library.parent / "app.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "kb.cli.main", *arguments],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for_server(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def address(library: Path) -> Iterator[str]:
    with served(library) as address:
        yield address


def signed_in(address: str, name: str = "Ana", to: str = "/") -> requests.Response:
    return requests.post(
        f"{address}/sign-in", params={"next": to}, data={"name": name, "password": PASSWORD},
        allow_redirects=False, timeout=20,
    )  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["/", "/findings", "/library?x=1", "/_stcore/metrics", "/_stcore/host-config", "/media/a.png",
     "/_stcore/upload_file/a/b", "/static/js/index.js", "/_stcore/script-health-check"],
)  # fmt: skip
def test_nothing_is_served_before_signing_in(address: str, path: str) -> None:
    answer = requests.get(address + path, allow_redirects=False, timeout=20)
    assert answer.status_code == 401
    assert answer.text == "Sign in first."
    page = requests.get(address + path, headers=HTML, allow_redirects=False, timeout=20)
    assert page.status_code == 303
    assert page.headers["location"].startswith("/sign-in?next=/")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS"])
def test_nothing_is_taken_before_signing_in(address: str, method: str) -> None:
    answer = requests.request(
        method, f"{address}/_stcore/upload_file/a/b", data=b"x", headers=HTML, timeout=20
    )
    assert answer.status_code == 401


def test_no_socket_before_signing_in(address: str) -> None:
    headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
               "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    url = f"{address}/_stcore/stream"
    assert requests.get(url, headers=headers, timeout=20).status_code == 403
    cookie = f"{COOKIE}={signed_in(address).cookies[COOKIE]}"
    with requests.get(url, headers=headers | {"cookie": cookie}, stream=True, timeout=20) as let_in:
        assert let_in.status_code == 101


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(address: str) -> None:
    cookie = signed_in(address).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert re.search(r"Max-Age=43200\b", cookie)


@pytest.mark.parametrize(
    ("to", "lands"),
    [
        ("/findings?finding=3", "/findings?finding=3"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nset-cookie: a=b", "/"),
    ],
)
def test_one_lands_on_a_page_of_ours(address: str, to: str, lands: str) -> None:
    answer = signed_in(address, to=to)
    assert answer.status_code == 303
    assert answer.headers["location"] == lands
    assert len(answer.cookies) == 1


def test_a_form_of_another_site_does_nothing(address: str) -> None:
    answer = requests.post(
        f"{address}/sign-in", data={"name": "Ana", "password": PASSWORD},
        headers={"origin": "https://evil.example"}, allow_redirects=False, timeout=20,
    )  # fmt: skip
    assert answer.status_code == 403
    assert not answer.cookies


def test_what_was_typed_comes_back_as_text(address: str) -> None:
    attack = '"><script>alert(1)</script>'
    answer = requests.post(f"{address}/sign-in", data={"name": attack, "password": "x"}, timeout=20)
    assert answer.status_code == 403
    assert "Name and password do not fit" in answer.text
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_reader_uploads_nothing(address: str) -> None:
    cookies = signed_in(address, "Rea").cookies
    answer = requests.put(
        f"{address}/_stcore/upload_file/a/b", data=b"x", cookies=cookies, timeout=20
    )
    assert (answer.status_code, answer.text) == (403, "A reader uploads nothing.")


def test_signing_out_is_for_the_server_too(address: str) -> None:
    cookies = signed_in(address).cookies
    assert requests.get(address, cookies=cookies, timeout=20).status_code == 200
    asked = requests.get(f"{address}/sign-out", cookies=cookies, timeout=20)
    assert "<button>Sign out</button>" in asked.text  # a link of another site signs nobody out
    assert requests.get(address, cookies=cookies, timeout=20).status_code == 200
    requests.post(f"{address}/sign-out", cookies=cookies, timeout=20)
    assert requests.get(address, cookies=cookies, timeout=20).status_code == 401


def test_another_password_signs_out_everywhere(address: str, library: Path) -> None:
    with Store(library) as store:
        store.members.add("Mel", "reader", hashed(PASSWORD))
    cookies = signed_in(address, "Mel").cookies

    def change(old: str, new: str) -> str:
        form = {"password": old, "new": new}
        return requests.post(f"{address}/password", form, cookies=cookies, timeout=20).text

    assert "do not fit" in change("wrong password", "0123456789")
    assert "10 to 1024" in change(PASSWORD, "012")
    change(PASSWORD, "0123456789")
    assert requests.get(address, cookies=cookies, timeout=20).status_code == 401
    assert Accounts(library).sign_in("Mel", "0123456789")


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
def test_signing_in_reading_and_being_shut_out(address: str, library: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        outside: list[str] = []
        page.on("request", lambda r: outside.append(r.url) if is_outside(r.url) else None)
        page.goto(f"{address}/library")
        page.get_by_label("Name").fill("Rea")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("On cats and dogs").first.wait_for(state="attached")  # drawn on a canvas
        assert page.url == f"{address}/library"
        page.get_by_text("Rea (reader)").wait_for()
        with Store(library) as store:
            store.members.disable("Rea")
        page.get_by_text("Findings", exact=True).first.click()
        page.get_by_text("You are signed out.").wait_for()
        assert page.get_by_text("On cats and dogs").count() == 0
        with Store(library) as store:
            store.members.disable("Rea", disabled=False)
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Name").fill("Ed")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Sign out").click()
        page.get_by_label("Name").wait_for()
        browser.close()
    assert outside == []


# -- OpenID Connect --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def provider() -> Iterator[oidc_server.Provider]:
    with oidc_server.running() as provider:
        yield provider


@pytest.fixture(scope="module")
def vouched(library: Path, provider: oidc_server.Provider) -> Iterator[str]:
    with Store(library) as store:
        store.members.add("mo@example.org", "editor")
    settings = library.parent / "oidc.toml"
    settings.write_text(
        f'[auth]\nclient_id = "{oidc_server.CLIENT}"\nclient_secret = "{oidc_server.SECRET}"\n'
        f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
    )
    with served(library, "--oidc", str(settings)) as address:
        yield address


def test_a_provider_vouches_for_a_member(vouched: str, provider: oidc_server.Provider) -> None:
    provider.claims = {"email": "Mo@Example.org", "email_verified": True}
    with requests.Session() as browser:
        assert "Sign in with your organisation" in browser.get(vouched, headers=HTML).text
        landed = browser.get(
            f"{vouched}/sign-in/start", params={"next": "/findings"}, headers=HTML, timeout=20
        )
        assert (landed.status_code, landed.url) == (200, f"{vouched}/findings")
        assert browser.get(f"{vouched}/_stcore/host-config", timeout=20).status_code == 200


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email": "stranger@example.org", "email_verified": True}, "has no account here"),
        ({"email": "mo@example.org", "email_verified": False}, "does not vouch for the address"),
        ({"email": "mo@example.org"}, "does not vouch for the address"),
        ({"email_verified": True}, "has no account here"),
        ({"email": "mo@example.org", "email_verified": True, "exp": 1}, "did not sign you in"),
        ({"email": "mo@example.org", "email_verified": True, "aud": "x"}, "did not sign you in"),
        ({"email": "mo@example.org", "email_verified": True, "nonce": "x"}, "did not sign you in"),
    ],
)
def test_whom_nobody_vouches_for_stays_out(
    vouched: str, provider: oidc_server.Provider, claims: dict[str, object], said: str
) -> None:
    provider.claims = claims
    with requests.Session() as browser:
        landed = browser.get(f"{vouched}/sign-in/start", timeout=20)
        assert landed.status_code == 403
        assert said in landed.text
        assert COOKIE not in browser.cookies
        assert browser.get(vouched, timeout=20).status_code == 401


def test_an_answer_that_nobody_asked_for_is_refused(vouched: str) -> None:
    answer = requests.get(f"{vouched}/sign-in/back?code=code-0&state=made-up", timeout=20)
    assert answer.status_code == 403
    assert not answer.cookies.get(COOKIE)


@pytest.mark.parametrize("path", ["/sign-in", "/password"])
def test_with_a_provider_no_password_counts(vouched: str, path: str) -> None:
    form = {"name": "Ana", "password": PASSWORD, "new": "0123456789"}
    answer = requests.post(vouched + path, form, allow_redirects=False, timeout=20)
    assert answer.status_code in {401, 405}
    assert not answer.cookies


@pytest.mark.parametrize(
    ("settings", "said"),
    [("[auth", "not valid TOML"), ("[auth]\nclient_id = 'x'", "does not set client_secret")],
)
def test_settings_that_do_not_say_enough(
    library: Path, tmp_path: Path, settings: str, said: str
) -> None:
    file = tmp_path / "oidc.toml"
    file.write_text(settings)
    arguments = ["--library", str(library), "app", "--team", "--oidc", str(file)]
    ended = subprocess.run(
        [sys.executable, "-m", "kb.cli.main", *arguments],
        capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ended.returncode == 1
    assert said in ended.stderr


def test_a_team_without_accounts_is_not_served(tmp_path: Path) -> None:
    arguments = ["--library", str(tmp_path / "new"), "app", "--team"]
    ended = subprocess.run(
        [sys.executable, "-m", "kb.cli.main", *arguments],
        capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ended.returncode == 1
    assert "kb member add NAME --role admin" in ended.stderr
