"""`kb decision …`: what was decided on findings, why, and what confirms it."""

from __future__ import annotations

from typing import Any

import click

from kb.cli.options import as_json_option
from kb.cli.show import dim, harmless, heading, labelled, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import CHOICES, Decision


@click.group()
def decision() -> None:
    """Decisions: adopt, park or reject, with reasons. Each is kept; a later one supersedes it.

    Example: kb decision new mail "Warm restarts" adopt --on 3 --reason "+1.8 points in two runs"
    """


@decision.command("new")
@click.argument("project")
@click.argument("title")
@click.argument("choice", type=click.Choice(CHOICES))
@click.option("--on", "candidates", type=int, multiple=True, metavar="FINDING",
              help="What is decided on; default: as the superseded decision.")  # fmt: skip
@click.option("--instead-of", "alternatives", type=int, multiple=True, metavar="FINDING",
              help="What was considered beside it.")  # fmt: skip
@click.option("--experiment", "experiments", type=int, multiple=True, metavar="N",
              help="Confirms it.")  # fmt: skip
@click.option("--reason", required=True)
@click.option("--context", help="Default: objective, metric and baseline of the brief.")
@click.option("--consequences", help="What follows, good and bad.")
@click.option("--confirmation", help="How it is checked; default: thresholds of the experiments.")
@click.option("--supersedes", type=int, metavar="NUMBER", help="An earlier decision.")
@as_json_option
@click.pass_obj
def new_(config: Config, /, project: str, as_json: bool, **given: Any) -> None:
    """Decide in PROJECT; the findings get the status that follows.

    Example: kb decision new mail "Borrow film reviews" reject --on 2 --reason "No neutral class."
    """
    with KnowledgeBase(config) as kb:
        made = kb.planner.decide(project, given)
        _show(kb, made, as_json=as_json)


@decision.command("list")
@click.argument("project")
@as_json_option
@click.pass_obj
def list_(config: Config, project: str, as_json: bool) -> None:
    """List the decisions of PROJECT, those that were superseded too."""
    with KnowledgeBase(config) as kb:
        found = kb.planner.decisions(project)
    if as_json:
        click.echo(printed_json(found))
        return
    for each in found:
        later = f"  superseded by {each.superseded_by}" if each.superseded_by else ""
        click.echo(f"{each.number:>5}  {each.choice:<7} {harmless(each.title)}" + dim(later))
    say(f"{len(found)} decision{'s' if len(found) != 1 else ''}.")


@decision.command()
@click.argument("project")
@click.argument("number", type=int)
@as_json_option
@click.pass_obj
def show(config: Config, project: str, number: int, as_json: bool) -> None:
    """Show decision NUMBER of PROJECT."""
    with KnowledgeBase(config) as kb:
        _show(kb, kb.store.decisions.get(project, number), as_json=as_json)


def _show(kb: KnowledgeBase, found: Decision, *, as_json: bool) -> None:
    if as_json:
        click.echo(printed_json(found))
        return

    def names(ids: tuple[int, ...]) -> str:
        return ", ".join(f"{i} {kb.store.findings.get(i).name}" for i in ids)

    click.echo(heading(f"{found.number}  {found.title}") + dim(f"  {found.choice}"))
    rows = {
        "decided on": names(found.candidates),
        "instead of": names(found.alternatives),
        "context": found.context,
        "reason": found.reason,
        "consequences": found.consequences,
        "confirmation": found.confirmation,
        "experiments": ", ".join(
            f"{i} {kb.store.experiments.get(i).title}" for i in found.experiments
        ),
        "supersedes": f"decision {found.supersedes}" if found.supersedes else "",
        "superseded by": f"decision {found.superseded_by}" if found.superseded_by else "",
        "by": f"{found.created_by}, {found.created_at[:10]}",
    }
    for label, text in rows.items():
        if text:
            click.echo(labelled(label, text))
