"""Every page of the team's server, for tests that look at all of them in a real browser.

It knows addresses and when a page has been drawn. What is looked for, a test says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from kb.store import Store
from tests.test_team import signed_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

VIEWS = {
    "findings": ("findings", "board", "suggestions"),
    "settings": ("health", "members", "taxonomy", "model"),
    "plan": ("experiments", "schedule", "decisions", "data", "runtime", "calibration"),
}
SHUT = '[data-testid="stExpander"] details:not([open]) > summary:visible'


def addresses(store: Store, word: str) -> list[str]:
    """The paths of all pages and their views, with the first of each thing opened.

    `word` is what is searched for by words alone, so that no encoder is needed.
    """
    project = quote(store.projects.names()[0])
    document = store.documents.all()[0]
    experiment = store.experiments.all()[0]
    paths = [f"/{page}?{'project=' + project + '&' if page == 'plan' else ''}view={view}"
             for page, views in VIEWS.items() for view in views]  # fmt: skip
    return [
        "/",
        f"/search?q={word}&mode=lexical",
        f"/search?{urlencode({'document': document.key})}",
        *paths,
        f"/findings?finding={store.findings.all()[0].id}",
        f"/plan?project={project}&experiment={experiment.id}",
        f"/project?project={project}",
        f"/export?project={project}",
        "/library",
        "/compare",
        "/activity",
    ]


def enter(context: BrowserContext, address: str, name: str = "Ana") -> None:
    """Let the context be signed in as `name`."""
    for cookie, value in signed_in(address, name).cookies.items():
        context.add_cookies([{"name": cookie, "value": value, "url": address}])


def settle(page: Page) -> None:
    """Wait until the page has been drawn."""
    page.locator(".kb-brand").wait_for()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def unfold(page: Page) -> None:
    """Open whatever is folded up."""
    for _ in range(40):
        shut = page.locator(SHUT)
        if shut.count() == 0:
            return
        shut.first.click()
        settle(page)
