"""`kb runtime …`: trial runs, and the largest size with which all that is planned still fits."""

from __future__ import annotations

from typing import Any

import click

from kb.cli.options import as_json_option
from kb.cli.show import dim, harmless, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import Trial


@click.group()
def runtime() -> None:
    """Trial runs: how runtime and metric grow with the data and the model.

    Example: kb runtime add mail MiniLM --samples 2000 --parameters 22.7 --hours 0.3 --value 68
    """


@runtime.command()
@click.argument("project")
@click.argument("model")
@click.option("--samples", type=int, required=True, help="It was trained on.")
@click.option("--hours", type=float, required=True, help="It took.")
@click.option("--parameters", type=float, help="Of the model, in millions.")
@click.option("--value", type=float, help="Of the project's metric.")
@click.option("--machine", help="It ran on.")
@click.option("--note")
@as_json_option
@click.pass_obj
def add(config: Config, /, project: str, as_json: bool, **given: Any) -> None:
    """Keep a trial run of MODEL for PROJECT.

    Example: kb runtime add mail MiniLM --samples 2000 --parameters 22.7 --hours 0.3 --value 68
    """
    with KnowledgeBase(config) as kb:
        made = kb.planner.add_trial(project, given)
    click.echo(printed_json(made) if as_json else _line(made))


@runtime.command("list")
@click.argument("project")
@as_json_option
@click.pass_obj
def list_(config: Config, project: str, as_json: bool) -> None:
    """List the trial runs of PROJECT."""
    with KnowledgeBase(config) as kb:
        found = kb.planner.trials(project)
    if as_json:
        click.echo(printed_json(found))
        return
    for each in found:
        click.echo(_line(each))
    say(f"{len(found)} trial run{'s' if len(found) != 1 else ''}.")


@runtime.command()
@click.argument("number", type=int)
@as_json_option
@click.pass_obj
def remove(config: Config, number: int, as_json: bool) -> None:
    """Take trial run NUMBER back."""
    with KnowledgeBase(config) as kb:
        found = kb.planner.remove_trial(number)
    click.echo(printed_json(found) if as_json else f"Removed {_line(found)}")


@runtime.command()
@click.argument("project")
@as_json_option
@click.pass_obj
def ladder(config: Config, project: str, as_json: bool) -> None:
    """Say how runtime and metric grow, what still fits, and what more hardware would buy.

    Example: kb runtime ladder mail
    """
    with KnowledgeBase(config) as kb:
        found = kb.planner.ladder(project)
    if as_json:
        click.echo(printed_json(found))
        return
    for sentence in found.sentences:
        click.echo(harmless(sentence))


def _line(trial: Trial) -> str:
    size = f", {trial.parameters:g} M parameters" if trial.parameters is not None else ""
    value = f", reached {trial.value:g}" if trial.value is not None else ""
    machine = f" on {trial.machine}" if trial.machine else ""
    return (
        f"{trial.id:>5}  {harmless(trial.model)}: {trial.samples} samples{size}: "
        f"{trial.hours:g} h{harmless(machine)}{value}"
        + dim(f"  {trial.note}" if trial.note else "")
    )
