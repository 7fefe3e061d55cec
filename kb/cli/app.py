"""`kb app`: the page, on this machine only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

import kb
from kb.cli.show import say
from kb.config import Config

_SETTINGS = {
    "server.address": "127.0.0.1",
    "server.headless": "true",
    "server.maxUploadSize": "100",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
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
@click.pass_obj
def app(config: Config, port: int, no_browser: bool) -> None:
    """Open the page in a browser."""
    arguments = [sys.executable, "-m", "streamlit", "run", str(app_file())]
    settings = _SETTINGS | {"server.port": str(port)}
    if not no_browser:
        settings["server.headless"] = "false"
    for name, value in settings.items():
        arguments.append(f"--{name}={value}")
    arguments += [f"--server.allowedHosts={host}" for host in _HOSTS]
    say(f"Library: {config.library}\nPage:    http://127.0.0.1:{port}  (stop with Ctrl-C)")
    arguments += ["--", "--library", str(config.library)]
    sys.stdout.flush()
    os.execv(sys.executable, arguments)  # one process: what stops this stops the page


def app_file() -> Path:
    """Where the page's entry file lies: in the installed package, else in the source tree."""
    package = Path(kb.__file__).parent
    installed = package / INSTALLED
    return installed if installed.exists() else package.parent / "app.py"
