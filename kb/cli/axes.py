"""`kb axes`: the taxonomy of design choices, with what the team has added."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import get_args

import click

from kb.cli.options import as_json_option
from kb.cli.show import dim, harmless, say
from kb.config import Config
from kb.findings.taxonomy import Retraining
from kb.knowledge_base import KnowledgeBase


@click.command()
@click.option("--add", metavar="ID", help="Add an axis: lower case, words joined by hyphens.")
@click.option("--name", default="", help="Of the added axis; default: its id in words.")
@click.option("--definition", default="", help="A sentence: what is chosen on this axis.")
@click.option("--retraining", type=click.Choice(get_args(Retraining)), default="usually",
              show_default=True, help="Does trying a choice on it need a training?")  # fmt: skip
@click.option("--example", "examples", multiple=True)
@click.option("--guess", metavar="TEXT", help="Say which axes a sentence is about.")
@as_json_option
@click.pass_obj
def axes(
    config: Config,
    add: str | None,
    name: str,
    definition: str,
    retraining: Retraining,
    examples: tuple[str, ...],
    guess: str | None,
    as_json: bool,
) -> None:
    """List the axes of design choices, or add one of the team's own."""
    with KnowledgeBase(config) as kb:
        if add:
            kb.workbench.add_axis(
                add, name=name, definition=definition, retraining=retraining, examples=examples
            )
        found = kb.workbench.axes()
        guesses = dict(kb.workbench.guess_axis(guess)) if guess else {}
    shown = [each for each in found if not guess or each.id in guesses]
    shown.sort(key=lambda each: -guesses.get(each.id, 0.0))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in shown], ensure_ascii=False, indent=2))
        return
    for each in shown:
        score = f"{guesses[each.id]:.2f}  " if guess else ""
        click.echo(
            f"{score}{each.id:<16} {harmless(each.definition)}"
            + dim(f" (retraining: {each.retraining})")
        )
    if guess and not shown:
        say("No axis shows in these words.")
