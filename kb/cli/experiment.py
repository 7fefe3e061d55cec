"""`kb experiment …`: what a project wants to try, what to expect of it, and what came of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from kb.cli.options import as_json_option, parse_settings
from kb.cli.show import dim, harmless, heading, labelled, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import (
    EXPERIMENT_STATUSES,
    Estimate,
    Evidence,
    Experiment,
    Gain,
    Project,
)

set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="As person_hours=6 or retraining=no; an empty value clears it. Fields: hypothesis, "
    "retraining, person_hours, gpu_hours (of all runs), runs, run_hours (of one), threshold, "
    "success, note.",
)
gain_option = click.option(
    "--gain",
    type=(float, float, float),
    metavar="LOW LIKELY HIGH",
    help="Your own, in the unit of the project's metric; one in ten lies below LOW, one above "
    "HIGH. Needs --reason.",
)
try_option = click.option(
    "--try", "tries", type=int, multiple=True, metavar="FINDING", help="A finding that it tries."
)
after_option = click.option(
    "--after", type=int, multiple=True, metavar="N", help="An experiment that comes first."
)


@click.group()
def experiment() -> None:
    """Experiments: what to try, what to expect of it, and what came of it.

    Example: kb experiment new mail "Warm restarts" --try 3 --set person_hours=6
    """


@experiment.command("new")
@click.argument("project")
@click.argument("title")
@try_option
@after_option
@gain_option
@click.option("--reason", help="What that gain rests on.")
@set_option
@as_json_option
@click.pass_obj
def new_(
    config: Config,
    project: str,
    title: str,
    tries: tuple[int, ...],
    after: tuple[int, ...],
    gain: tuple[float, float, float] | None,
    reason: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Plan an experiment of PROJECT.

    Example: kb experiment new mail "Warm restarts" --try 3 --set person_hours=6 --set gpu_hours=4
    """
    given = parse_settings(settings) | {
        "title": title,
        "candidates": tries,
        "depends_on": after,
        "gain": asdict(Gain(*gain)) if gain else None,
        "gain_reason": reason,
    }
    with KnowledgeBase(config) as kb:
        _show(kb, kb.planner.new(project, given), as_json=as_json)


@experiment.command("list")
@click.argument("project", required=False)
@click.option("--status", type=click.Choice(EXPERIMENT_STATUSES))
@as_json_option
@click.pass_obj
def list_(config: Config, project: str | None, status: str | None, as_json: bool) -> None:
    """List the experiments, of PROJECT or of all. Their order: kb plan PROJECT."""
    with KnowledgeBase(config) as kb:
        store = kb.store.experiments
        found = store.all() if project is None else store.of_project(project)
    found = [each for each in found if status in {None, each.status}]
    if as_json:
        click.echo(printed_json(found))
        return
    for each in found:
        hours = f"{each.hours:g} h" if each.hours is not None else "hours unknown"
        of = "" if project else f"{each.project}: "
        click.echo(
            f"{each.id:>5}  {each.status:<9} {harmless(of + each.title)}" + dim(f"  {hours}")
        )
    say(f"{len(found)} experiment{'s' if len(found) != 1 else ''}.")


@experiment.command()
@click.argument("number", type=int)
@as_json_option
@click.pass_obj
def show(config: Config, number: int, as_json: bool) -> None:
    """Show experiment NUMBER."""
    with KnowledgeBase(config) as kb:
        _show(kb, kb.store.experiments.get(number), as_json=as_json)


@experiment.command()
@click.argument("number", type=int)
@click.option("--title")
@try_option
@click.option("--without", type=int, multiple=True, metavar="FINDING", help="No longer tries it.")
@after_option
@click.option("--not-after", type=int, multiple=True, metavar="N", help="No longer waits for it.")
@set_option
@as_json_option
@click.pass_obj
def edit(
    config: Config,
    number: int,
    title: str | None,
    tries: tuple[int, ...],
    without: tuple[int, ...],
    after: tuple[int, ...],
    not_after: tuple[int, ...],
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change experiment NUMBER. Your own gain: kb experiment overrule.

    Example: kb experiment edit 4 --after 2 --set gpu_hours=12
    """
    with KnowledgeBase(config) as kb:
        old = kb.store.experiments.get(number)
        changes = parse_settings(settings) | {
            "title": title or old.title,
            "candidates": [i for i in (*old.candidates, *tries) if i not in without],
            "depends_on": [i for i in (*old.depends_on, *after) if i not in not_after],
        }
        _show(kb, kb.planner.edit(old, changes), as_json=as_json)


@experiment.command()
@click.argument("number", type=int)
@as_json_option
@click.pass_obj
def start(config: Config, number: int, as_json: bool) -> None:
    """Begin experiment NUMBER. What is expected of it now is kept."""
    with KnowledgeBase(config) as kb:
        started = kb.planner.start(kb.store.experiments.get(number))
        _show(kb, started, as_json=as_json)


@experiment.command()
@click.argument("number", type=int)
@click.option("--value", type=float, help="Of the project's metric, as measured.")
@click.option("--baseline", type=float, help="Measured beside it; default: the brief's.")
@click.option("--person-hours", type=float, help="That it took.")
@click.option("--gpu-hours", type=float, help="That it took.")
@click.option("--note", help="What was learned.")
@as_json_option
@click.pass_obj
def finish(config: Config, /, number: int, as_json: bool, **given: Any) -> None:
    """Say what came of experiment NUMBER; again, to correct that.

    Example: kb experiment finish 4 --value 73.5 --person-hours 9 --note "Two seeds only."
    """
    with KnowledgeBase(config) as kb:
        finished = kb.planner.finish(kb.store.experiments.get(number), given)
        _show(kb, finished, as_json=as_json)
    say("Now decide: kb decision new PROJECT TITLE adopt|park|reject …")


@experiment.command()
@click.argument("number", type=int)
@click.option("--reason", required=True)
@as_json_option
@click.pass_obj
def drop(config: Config, number: int, reason: str, as_json: bool) -> None:
    """Give experiment NUMBER up. kb experiment start takes it up again."""
    with KnowledgeBase(config) as kb:
        dropped = kb.planner.drop(kb.store.experiments.get(number), reason)
        waiting = [e for e in kb.store.experiments.of_project(dropped.project)
                   if number in e.depends_on and e.status in {"planned", "running"}]  # fmt: skip
    click.echo(printed_json(dropped) if as_json else f"Dropped {harmless(dropped.title)}.")
    for each in waiting:
        cure = f"kb experiment edit {each.id} --not-after {number}"
        say(f"“{harmless(each.title)}” waits for it: {cure}")


@experiment.command()
@click.argument("number", type=int)
@as_json_option
@click.pass_obj
def explain(config: Config, number: int, as_json: bool) -> None:
    """Print what to expect of experiment NUMBER by its evidence, line by line, with the quotes."""
    with KnowledgeBase(config) as kb:
        found = kb.store.experiments.get(number)
        project = kb.store.projects.get(found.project)
        estimate = kb.planner.explain(number)
    if as_json:
        click.echo(printed_json({"gain": found.gain, "evidence": estimate}))
        return
    _explain(found, estimate, project)


@experiment.command()
@click.argument("number", type=int)
@gain_option
@click.option("--reason", default="", help="Why the evidence does not hold here.")
@click.option("--undo", is_flag=True, help="Let the evidence count again.")
@as_json_option
@click.pass_obj
def overrule(
    config: Config,
    number: int,
    gain: tuple[float, float, float] | None,
    reason: str,
    undo: bool,
    as_json: bool,
) -> None:
    """Put your own gain before the evidence's. Both stay to be seen.

    Example: kb experiment overrule 4 --gain -0.5 1 2.5 --reason "Our e-mails are shorter."
    """
    if undo == bool(gain):
        raise click.UsageError("Give --gain LOW LIKELY HIGH with a --reason, or --undo.")
    with KnowledgeBase(config) as kb:
        old = kb.store.experiments.get(number)
        ours = Gain(*gain) if gain else None
        _show(kb, kb.planner.overrule(old, ours, reason), as_json=as_json)


@experiment.command("map")
@click.argument("project")
@click.argument("metric")
@click.option("--factor", type=float, help="What one point of METRIC is worth on your metric.")
@click.option("--reason", default="", help="Why that holds.")
@click.option("--undo", is_flag=True, help="Effects on METRIC are not comparable again.")
@as_json_option
@click.pass_obj
def map_(
    config: Config,
    project: str,
    metric: str,
    factor: float | None,
    reason: str,
    undo: bool,
    as_json: bool,
) -> None:
    """State how effects on another METRIC map to the metric of PROJECT.

    Example: kb experiment map mail accuracy --factor 0.8 --reason "As on our last three models."
    """
    if undo == (factor is not None):
        raise click.UsageError("Give a --factor with a --reason, or --undo.")
    with KnowledgeBase(config) as kb:
        found = kb.planner.map_metric(project, metric, factor, reason)
    if as_json:
        click.echo(printed_json(found))
        return
    ours = harmless(str(found.brief.get("metric") or "the project's metric"))
    worth = f"counts {factor:g} of {ours}" if factor is not None else f"is not mapped to {ours}"
    click.echo(f"A point of {harmless(metric)} {worth} in {harmless(project)}.")


# -- printing --------------------------------------------------------------------------------------


def gain_text(gain: Gain | None, unit: str) -> str:
    """+1.5 points (0 to +3); "unknown" for None."""
    if gain is None:
        return "unknown"
    return f"{gain.likely:+.3g} {unit} ({gain.low:+.3g} to {gain.high:+.3g})".replace("  ", " ")


def cited(evidence: Evidence) -> str:
    """Authors, title, year, section and page of a quote, on one line."""
    meta = evidence.document.metadata
    who = f"{', '.join(meta.authors)}: " if meta.authors else ""
    year = f" ({meta.year})" if meta.year else ""
    section = f", {evidence.section}" if evidence.section else ""
    page = f", p. {evidence.page}" if evidence.page else ""
    return harmless(f"{who}{evidence.document.title}{year}{section}{page}")


def _unit(project: Project) -> str:
    return str(project.brief.get("unit") or "")


def _show(kb: KnowledgeBase, found: Experiment, *, as_json: bool) -> None:
    if as_json:
        click.echo(printed_json(found))
        return
    project = kb.store.projects.get(found.project)
    unit, gained = _unit(project), project.gain_unit
    others = {each.id: each.title for each in kb.store.experiments.of_project(found.project)}
    click.echo(heading(f"{found.id}  {found.title}") + dim(f"  {found.status}, {found.project}"))
    rows = {
        "hypothesis": found.hypothesis,
        "tries": ", ".join(f"{i} {kb.store.findings.get(i).name}" for i in found.candidates),
        "waits for": ", ".join(f"{i} {others[i]}" for i in found.depends_on),
        "retraining": {True: "yes", False: "no", None: ""}[found.retraining],
        "hours": _hours(found),
        "success": _success(found, unit),
        "team expects": f"{gain_text(found.gain, gained)}: {found.gain_reason}"
        if found.gain
        else "",
        "evidence says": gain_text(kb.planner.explain(found.id).gain, gained),
        "was expected": gain_text(found.forecast.gain, gained) if found.forecast else "",
        "outcome": _outcome(found, unit),
        "note": found.note,
    }
    for label, text in rows.items():
        if text:
            click.echo(labelled(label, text))


def _hours(found: Experiment) -> str:
    runs = f"{found.runs} runs of {found.run_hours:g} h" if found.runs and found.run_hours else ""
    parts = [
        f"{found.person_hours:g} of people" if found.person_hours is not None else "",
        f"{found.gpu_hours:g} of GPUs" if found.gpu_hours is not None else "",
        runs,
    ]
    return ", ".join(filter(None, parts)) or "unknown"


def _success(found: Experiment, unit: str) -> str:
    limit = f"from {found.threshold:g} {unit}".strip() if found.threshold is not None else ""
    return "; ".join(filter(None, (limit, found.success)))


def _outcome(found: Experiment, unit: str) -> str:
    result = found.result
    if result is None:
        return ""
    parts = [
        f"{result.value:g} {unit}".strip() if result.value is not None else "",
        f"over {result.baseline:g}" if result.baseline is not None else "",
        f"{result.person_hours:g} hours of people" if result.person_hours is not None else "",
        f"{result.gpu_hours:g} of GPUs" if result.gpu_hours is not None else "",
        result.note,
    ]
    return ", ".join(filter(None, parts))


def _explain(found: Experiment, estimate: Estimate, project: Project) -> None:
    gained = project.gain_unit
    click.echo(heading(f"{found.id}  {found.title}"))
    click.echo(labelled("evidence says", gain_text(estimate.gain, gained)))
    if found.gain:
        click.echo(
            labelled("team expects", f"{gain_text(found.gain, gained)}: {found.gain_reason}")
        )
    click.echo(labelled("method", estimate.method))
    for step in estimate.steps:
        click.echo(f"  {harmless(step)}")
    if estimate.effects:
        click.echo("The quotes:")
    for number, effect in enumerate(estimate.effects, start=1):
        click.echo(f"  [{number}] weighs {effect.weight:.0%}")
        _quote(effect.evidence)
    if estimate.not_comparable:
        click.echo("Not comparable:")
    for evidence, reason in estimate.not_comparable:
        click.echo(f"  {harmless(reason)}")
        _quote(evidence)


def _quote(evidence: Evidence) -> None:
    stance = "against it: " if evidence.stance == "against" else ""
    click.echo(f"    {stance}“{harmless(' '.join(evidence.quote.split()))}”")
    click.echo(dim(f"    {cited(evidence)}"))
