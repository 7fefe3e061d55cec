"""`kb doctor`: is the library sound?"""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from kb.cli.options import as_json_option
from kb.cli.show import dim, harmless
from kb.config import Config
from kb.health import Check, checks
from kb.knowledge_base import KnowledgeBase

SIGNS = {
    "good": click.style("✓", fg="green"),
    "note": click.style("!", fg="yellow"),
    "bad": click.style("✗", fg="red", bold=True),
}


@click.command()
@click.option("--all", "thorough", is_flag=True, help="Read every source whole, not a sample.")
@as_json_option
@click.pass_context
def doctor(ctx: click.Context, thorough: bool, as_json: bool) -> int:
    """Look whether the library is sound: database, sources, quotes, vectors, index and model.

    Mends nothing, and says what to do. Exit code 1 where something is wrong.
    """
    config: Config = ctx.obj
    found: list[Check] = []
    with KnowledgeBase(config) as kb:
        for each in checks(kb, thorough=thorough):
            found.append(each)
            if not as_json:
                _say(each)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=2))
    return int(any(each.state == "bad" for each in found))


def _say(check: Check) -> None:
    remedy = dim(f"  → {check.remedy}") if check.remedy else ""
    click.echo(f"{SIGNS[check.state]} {check.name:<11} {harmless(check.found)}{remedy}")
