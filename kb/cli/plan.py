"""`kb plan` and `kb calibration`: what to do first, when, and how good such forecasts have been."""

from __future__ import annotations

import click

from kb.cli.experiment import gain_text
from kb.cli.options import as_json_option
from kb.cli.show import dim, harmless, heading, labelled, printed_json
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import Calibration, Plan, Ranked, Ranking, Schedule

count_option = click.IntRange(min=0)


@click.command()
@click.argument("project")
@click.option("--days", type=count_option, help="Working days, in place of the brief's deadline.")
@click.option("--people", type=count_option, help="In place of the brief's.")
@click.option("--gpus", type=count_option, help="That run at once, in place of the brief's.")
@as_json_option
@click.pass_obj
def plan(
    config: Config,
    project: str,
    days: int | None,
    people: int | None,
    gpus: int | None,
    as_json: bool,
) -> None:
    """Rank the experiments of PROJECT and fit them into what is left until the deadline.

    What must be answered first stands on top. Example: kb plan mail --days 10 --people 2
    """
    with KnowledgeBase(config) as kb:
        made = kb.planner.plan(project, days=days, people=people, gpus=gpus)
    if as_json:
        click.echo(printed_json(made))
        return
    _show(made)


@click.command()
@click.argument("project", required=False)
@as_json_option
@click.pass_obj
def calibration(config: Config, project: str | None, as_json: bool) -> None:
    """Say how good the forecasts of finished experiments were, of PROJECT or of all.

    Example: kb calibration mail
    """
    with KnowledgeBase(config) as kb:
        found = kb.planner.calibration(project)
    if as_json:
        click.echo(printed_json(found))
        return
    _calibration(found)


def _show(made: Plan) -> None:
    click.echo(heading(made.project.name))
    if made.questions:
        click.echo("To be answered first:")
        for number, question in enumerate(made.questions, start=1):
            click.echo(f"{number:>4}. {harmless(question)}")
    unit = made.project.gain_unit
    if made.ranking.ranked:
        click.echo(f"\nGain per hour, the best first{f' (in {harmless(unit)})' if unit else ''}:")
        _ranking(made.ranking, unit)
    if made.schedule is not None:
        _schedule(made.schedule)
    for title, sentences in (("Deployment", made.deployment), ("Risks", made.risks)):
        if sentences:
            click.echo(f"\n{title}:")
        for sentence in sentences:
            click.echo(f"  {harmless(sentence)}")


def _ranking(ranking: Ranking, unit: str) -> None:
    click.echo(dim("rank  gain/h   hours  first   expected gain; * none has more in less time"))
    for row in ranking.ranked:
        click.echo(_row(row, unit))
    for sentence in ranking.sentences:
        click.echo(f"  {harmless(sentence)}")
    places = {row.experiment.id: row.rank for row in ranking.ranked}
    for swap in ranking.swaps:
        pair = f"Ranks {places[swap.upper]} and {places[swap.lower]} swap in "
        if not any(sentence.startswith(pair) for sentence in ranking.sentences):
            click.echo(f"  {pair}{swap.share * 100:.0f} %: {harmless(swap.advice)}")


def _row(row: Ranked, unit: str) -> str:
    per_hour = f"{row.gain_per_hour:.3g}" if row.gain_per_hour is not None else "?"
    hours = f"{row.hours:g}" if row.hours is not None else "?"
    basis = f", {row.basis}" if row.basis else ""
    front = "*" if row.front else " "
    return (
        f"{row.rank:>4}  {per_hour:>6}  {hours:>6}  {row.first:>5.0%} {front} "
        f"{harmless(row.experiment.title)}"
        + dim(f"  {gain_text(row.gain, unit)}{basis}; experiment {row.experiment.id}")
    )


def _schedule(schedule: Schedule) -> None:
    budget = schedule.budget
    until = f" to {budget.deadline}" if budget.deadline else ""
    gpu = f", {budget.gpu_hours:g} GPU hours" if budget.gpu_hours is not None else ""
    click.echo(
        f"\nSchedule {budget.start}{until}: {budget.working_days} working days, "
        f"{budget.people} people at {budget.hours_a_day:g} hours a day{gpu}, {budget.gpus} GPUs"
    )
    for slot in schedule.slots:
        click.echo(
            f"  {slot.start} – {slot.end}  {slot.phase:<12}  {harmless(slot.title)}"
            + dim(f"  {slot.person_hours:g} h, {slot.gpu_hours:g} GPU h, {slot.gain:+.3g}")
        )
    if schedule.left_out:
        click.echo(dim("  ---- what does not fit, the next best first ----"))
    for each in schedule.left_out:
        click.echo(f"  {harmless(each.title)}" + dim(f"  {each.reason}"))
    for sentence in schedule.sentences:
        click.echo(f"  {harmless(sentence)}")


def _calibration(found: Calibration) -> None:
    rows = {
        "finished": f"{found.finished} with a forecast and a measured value",
        "inside": f"{found.inside:.0%} between low and high; 80 % is right"
        if found.inside is not None
        else "",
        "bias": f"{found.bias:+.3g} measured less expected" if found.bias is not None else "",
        "hours": f"{found.hours_ratio:.2g} times as planned, in the middle"
        if found.hours_ratio is not None
        else "",
    }
    for label, text in rows.items():
        if text:
            click.echo(labelled(label, text))
    for what, name, count, bias in found.by:
        click.echo(labelled(what, f"{name}: {bias:+.3g} in {count}"))
    for sentence in found.sentences:
        click.echo(harmless(sentence))
