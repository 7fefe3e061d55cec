"""A plan as PDF: its HTML printed by a browser, else its Word document by LibreOffice.

It knows programs and how they print. What is printed is the business of those two forms.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from kb.errors import UsageError
from kb.export.docx_plan import docx_plan
from kb.export.plan_html import plan_html
from kb.records import Plan

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge",
    "microsoft-edge", "chrome",
)  # fmt: skip
OFFICES = ("soffice", "libreoffice")
PATIENCE = 120.0  # seconds
NOTHING_PRINTS = (
    "PDF needs a browser (Chromium, Chrome, Edge) on this machine; without a template of your own, "
    "LibreOffice will do. With neither, export html and print it."
)


def pdf(plan: Plan, template: str | None = None) -> bytes:
    """The plan as PDF. UsageError where nothing here can print, or what can does not.

    A template needs a browser: LibreOffice draws no figures of a page.
    """
    browser, office = _found(BROWSERS), _found(OFFICES)
    if browser is None and (office is None or template is not None):
        raise UsageError(NOTHING_PRINTS)
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "plan.pdf"
        if browser is not None:
            source = target.with_suffix(".html")
            source.write_bytes(plan_html(plan, template))
            _run([browser, *_by_browser(source, target)], target)
        elif office is not None:
            source = target.with_suffix(".docx")
            source.write_bytes(docx_plan(plan))
            _run([office, *_by_office(source, target)], target)
        return target.read_bytes()


def _found(programs: Iterable[str]) -> str | None:
    return next(filter(None, map(shutil.which, programs)), None)


def _run(command: list[str], target: Path) -> None:
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, cwd=target.parent)
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{command[0]} did not print within {PATIENCE:.0f} s.") from error
    if not target.exists():
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"{command[0]} could not print the plan: {said[-1] if said else '?'}")


def _by_browser(source: Path, target: Path) -> list[str]:
    return [
        "--headless", "--disable-gpu", "--no-sandbox", "--no-first-run", "--disable-extensions",
        "--disable-sync", "--disable-background-networking", "--disable-component-update",
        "--no-pdf-header-footer", "--generate-pdf-document-outline",
        "--host-resolver-rules=MAP * ~NOTFOUND",  # a template may name other machines
        f"--user-data-dir={target.parent / 'profile'}", f"--print-to-pdf={target}",
        source.as_uri(),
    ]  # fmt: skip


def _by_office(source: Path, target: Path) -> list[str]:
    return [
        "--headless", f"-env:UserInstallation={(target.parent / 'profile').as_uri()}",
        "--convert-to", "pdf", "--outdir", str(target.parent), str(source),
    ]  # fmt: skip
