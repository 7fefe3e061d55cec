"""`kb app`: the page, for one on this machine, or for a team that signs in."""

from __future__ import annotations

import ipaddress
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

import kb
from kb.cli.show import say
from kb.config import Config
from kb.errors import UsageError
from kb.knowledge_base import KnowledgeBase

_SETTINGS = {
    "server.maxUploadSize": 100,
    "server.showEmailPrompt": False,
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "server.fileWatcherType": "none",
    "theme.baseRadius": "0.5rem",
    "theme.light.primaryColor": "#1d4ed8",
    "theme.light.backgroundColor": "#ffffff",
    "theme.light.secondaryBackgroundColor": "#f3f5f9",
    "theme.light.textColor": "#1a2233",
    "theme.dark.primaryColor": "#3b6fe0",
    "theme.dark.backgroundColor": "#12161e",
    "theme.dark.secondaryBackgroundColor": "#1c222d",
    "theme.dark.textColor": "#e6e9ef",
}
"""Streamlit's defaults send usage figures, show tracebacks, listen on every address, and ask a
newcomer for an e-mail address before they serve anything."""

_HOSTS = ("127.0.0.1", "localhost")
"""Names the page may be asked by: another site's name that leads here is refused."""

INSTALLED = Path("entry", "app.py")
"""The entry file in the installed package. Not beside kb/pages: Streamlit takes every file in a
folder `pages` beside the entry for a page, until the entry has run once."""


@click.command()
@click.option("--port", default=8501, show_default=True, type=click.IntRange(1, 65535))
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--team", is_flag=True, help="For several people: everybody signs in first.")
@click.option("--address", default="127.0.0.1", show_default=True, help="With --team: listen here.")
@click.option("--host", "hosts", multiple=True, help="With --team: a name the page is asked by.")
@click.option("--https", is_flag=True, help="With --team: a proxy before it speaks https.")
@click.option(
    "--oidc",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --team: sign in by OpenID Connect, as the [auth] table of this TOML says.",
)
@click.pass_obj
def app(
    config: Config,
    port: int,
    no_browser: bool,
    team: bool,
    address: str,
    hosts: tuple[str, ...],
    https: bool,
    oidc: Path | None,
) -> None:
    """Open the page in a browser, for you alone, or with --team for all who have an account.

    \b
    kb member add ana --role admin
    kb app --team --address 0.0.0.0 --host kb.example.org --https
    """
    if not team and (address != "127.0.0.1" or hosts or https or oidc):
        raise click.UsageError("Without --team the page is for this machine alone.")
    settings: dict[str, Any] = _SETTINGS | {"server.port": port, "server.address": address}
    settings["server.headless"] = no_browser or team
    settings["server.allowedHosts"] = [*_HOSTS, *hosts]
    if team:
        _need_an_admin(config)
        command = ["-m", "kb.pages.team", "--entry", str(app_file())]
        command += ["--settings", json.dumps(settings), "--team", *(["--secure"] if https else [])]
        command += ["--oidc", str(oidc)] if oidc else []
    else:
        command = ["-m", "streamlit", "run", str(app_file())]
        for name, value in settings.items():
            values = value if isinstance(value, list) else [value]
            command += [f"--{name}={str(each).lower()}" for each in values]
        command += ["--"]
    said = f"http://{address}:{port}" + ("  behind https" if https else "")
    say(f"Library: {config.library}\nPage:    {said}  (stop with Ctrl-C)")
    if team and not https and not _is_loopback(address):
        say("Passwords cross the network unencrypted: put a proxy with https before it (--https).")
    sys.stdout.flush()
    command += ["--library", str(config.library)]
    os.execv(sys.executable, [sys.executable, *command])  # what stops this stops the page


def _need_an_admin(config: Config) -> None:
    """UsageError where nobody could let others in."""
    with KnowledgeBase(config) as kb:
        if not any(member.may("admin") for member in kb.store.members.all()):
            raise UsageError(
                "A team's page needs an account, and somebody who looks after the others: "
                "kb member add NAME --role admin."
            )


def _is_loopback(address: str) -> bool:
    """Whether only this machine reaches `address`."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def app_file() -> Path:
    """Where the page's entry file lies: in the installed package, else in the source tree."""
    package = Path(kb.__file__).parent
    installed = package / INSTALLED
    return installed if installed.exists() else package.parent / "app.py"
