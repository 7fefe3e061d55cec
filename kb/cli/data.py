"""`kb data …`: what is known of the datasets that a project considers, and what labels cost."""

from __future__ import annotations

from typing import Any

import click

from kb.cli.options import as_json_option
from kb.cli.show import dim, harmless, heading, labelled, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import FACTORS, RATINGS, Assessment, Factor, FactorRating, Rating


@click.group()
def data() -> None:
    """Datasets and labels: the seven factors of each dataset, and a plan for labelling.

    Example: kb data rate mail 2 source poor --note "Scraped; the licence is not stated."
    """


@data.command()
@click.argument("project")
@click.argument("finding", type=int)
@click.argument("factor", type=click.Choice(FACTORS))
@click.argument("rating", type=click.Choice(RATINGS))
@click.option("--note", default="", help="Why; of the source: licence, availability, limits.")
@click.option("--evidence", type=int, multiple=True, metavar="N", help="That shows it.")
@as_json_option
@click.pass_obj
def rate(
    config: Config,
    project: str,
    finding: int,
    factor: Factor,
    rating: Rating,
    note: str,
    evidence: tuple[int, ...],
    as_json: bool,
) -> None:
    """Rate a FACTOR of the dataset FINDING (its number) for PROJECT.

    Size of the data; compute it needs; resources we have for it; documentation; cleanliness; source
    with its risks and licence; ground truth: are there labels, by whom, at which cost.

    Example: kb data rate mail 2 ground_truth good --note "Labelled by two people." --evidence 7
    """
    with KnowledgeBase(config) as kb:
        rated = kb.planner.rate(project, finding, factor, rating, note=note, evidence=evidence)
        name = kb.store.findings.get(finding).name
    if as_json:
        click.echo(printed_json(rated))
        return
    click.echo(f"{harmless(name)}: {_factor(rated)} {rated.rating}.")


@data.command()
@click.argument("project")
@as_json_option
@click.pass_obj
def show(config: Config, project: str, as_json: bool) -> None:
    """Show what is known of each dataset that PROJECT considers."""
    with KnowledgeBase(config) as kb:
        found = kb.planner.assessments(project)
    if as_json:
        click.echo(printed_json(found))
        return
    for each in found:
        _show(each)
    say(f"{len(found)} dataset{'s' if len(found) != 1 else ''}.")


@data.command()
@click.argument("project")
@click.option("--labels", type=int, help="To be made; else as many as the money buys.")
@click.option("--money", type=float, help="For labels.")
@click.option("--cost", type=float, help="Of one label, in the same currency.")
@click.option("--labels-an-hour", type=float, help="That one person makes.")
@click.option("--people", type=int, help="In place of the brief's.")
@click.option(
    "--disagreement",
    type=float,
    help="Share of items that only one of two models gets right, 0 to 1, where it was counted.",
)
@as_json_option
@click.pass_obj
def labels(config: Config, /, project: str, as_json: bool, **given: Any) -> None:
    """Plan labels for PROJECT: how many, at which cost, and how small a gain they could show.

    Example: kb data labels mail --money 300 --cost 0.25 --labels-an-hour 120
    """
    with KnowledgeBase(config) as kb:
        found = kb.planner.labelling(project, given)
    if as_json:
        click.echo(printed_json(found))
        return
    for sentence in found.sentences:
        click.echo(harmless(sentence))


def _show(assessment: Assessment) -> None:
    finding = assessment.finding
    click.echo(heading(f"{finding.id}  {finding.name}"))
    for rating in assessment.ratings:
        cited = f"  evidence {', '.join(map(str, rating.evidence))}" if rating.evidence else ""
        text = f"{rating.rating:<8}{rating.note}".rstrip()
        click.echo(labelled(_factor(rating), text) + dim(cited))
    if assessment.fit is not None:
        click.echo(labelled("measured", assessment.fit.verdict))
        for sentence in assessment.fit.sentences:
            click.echo(labelled("", sentence))


def _factor(rating: FactorRating) -> str:
    return rating.factor.replace("_", " ")
