"""A plan as PDF: its HTML, printed by a browser or LibreOffice that is on this machine.

It knows programs and how they print. The page itself is `plan_html`'s business.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from kb.errors import UsageError
from kb.export.plan_html import plan_html
from kb.records import Plan

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge",
    "microsoft-edge", "chrome",
)  # fmt: skip
OFFICES = ("soffice", "libreoffice")
PATIENCE = 120.0  # seconds


def pdf(plan: Plan, template: str | None = None) -> bytes:
    """The plan as PDF. UsageError where nothing here can print, or what can does not."""
    page = plan_html(plan, template)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target = folder / "plan.html", folder / "plan.pdf"
        source.write_bytes(page)
        command = _command(source, target)
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE, cwd=folder)
        except subprocess.TimeoutExpired as error:
            raise UsageError(f"{command[0]} did not print within {PATIENCE:.0f} s.") from error
        if not target.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise UsageError(f"{command[0]} could not print the plan: {said[-1] if said else '?'}")
        return target.read_bytes()


def _command(source: Path, target: Path) -> list[str]:
    for name in BROWSERS:
        if found := shutil.which(name):
            return [
                found, "--headless", "--disable-gpu", "--no-sandbox", "--no-first-run",
                "--disable-extensions", "--disable-sync", "--disable-background-networking",
                "--disable-component-update", "--no-pdf-header-footer",
                "--host-resolver-rules=MAP * ~NOTFOUND",  # a template may name other machines
                f"--user-data-dir={target.parent / 'profile'}", f"--print-to-pdf={target}",
                source.as_uri(),
            ]  # fmt: skip
    for name in OFFICES:
        if found := shutil.which(name):
            return [found, "--headless", f"-env:UserInstallation={(target.parent / 'o').as_uri()}",
                    "--convert-to", "pdf:writer_web_pdf_Export", "--outdir", str(target.parent),
                    str(source)]  # fmt: skip
    raise UsageError(
        "PDF needs a browser (Chromium, Chrome, Edge) or LibreOffice on this machine. Without one, "
        "export html and print it."
    )
