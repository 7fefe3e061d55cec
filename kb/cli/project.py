"""`kb project …`: what a team wants, what it reads for it, and what it considers."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from kb.cli.options import as_json_option, parse_settings
from kb.cli.show import dim, harmless, heading, labelled, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import (
    CANDIDATE_STATUSES,
    READING_STATUSES,
    CandidateStatus,
    Project,
    ReadingStatus,
    short_key,
)

set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field of the brief, as metric=macro-F1 or baseline=0.71; an empty value clears it.",
)


@click.group()
def project() -> None:
    """Projects: objective, metric and baseline, what is read for them and what they consider."""


@project.command("new")
@click.argument("name")
@set_option
@as_json_option
@click.pass_obj
def new_(config: Config, name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Begin the project NAME. Asks for metric and baseline where a person is there to answer."""
    given = parse_settings(settings)
    if not given and sys.stdin.isatty():
        given = _asked()
    with KnowledgeBase(config) as kb:
        _show(kb, kb.workbench.new_project(name, given), as_json=as_json)


@project.command("list")
@click.option("--archived", is_flag=True, help="Those that were archived.")
@as_json_option
@click.pass_obj
def list_(config: Config, archived: bool, as_json: bool) -> None:
    """List the projects."""
    with KnowledgeBase(config) as kb:
        found = kb.store.projects.all(archived=archived)
        if as_json:
            click.echo(json.dumps([asdict(p) for p in found], ensure_ascii=False, indent=2))
            return
        for each in found:
            missing = kb.workbench.missing(each)
            gap = f"  (missing: {', '.join(missing[:4])}{', …' if len(missing) > 4 else ''})"
            click.echo(harmless(each.name) + (dim(gap) if missing else ""))
    say(f"{len(found)} project{'s' if len(found) != 1 else ''}.")


@project.command()
@click.argument("name")
@as_json_option
@click.pass_obj
def show(config: Config, name: str, as_json: bool) -> None:
    """Show a project: its brief, what is missing from it, its candidates and its reading."""
    with KnowledgeBase(config) as kb:
        _show(kb, kb.store.projects.get(name), as_json=as_json)


@project.command()
@click.argument("name")
@set_option
@as_json_option
@click.pass_obj
def edit(config: Config, name: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Change fields of a project's brief."""
    if not settings:
        raise click.UsageError("Say what to change, for example --set baseline=0.71.")
    with KnowledgeBase(config) as kb:
        found = kb.store.projects.get(name)
        edited = kb.workbench.edit_project(found, parse_settings(settings))
        _show(kb, edited, as_json=as_json)


@project.command()
@click.argument("name")
@click.option("--undo", is_flag=True, help="Bring it back.")
@as_json_option
@click.pass_obj
def archive(config: Config, name: str, undo: bool, as_json: bool) -> None:
    """Put a project out of sight. Nothing is deleted."""
    with KnowledgeBase(config) as kb:
        found = kb.store.projects.archive(name, archived=not undo)
    if as_json:
        click.echo(printed_json(found))
        return
    click.echo(f"{'Reopened' if undo else 'Archived'} {harmless(name)}.")


@project.command()
@click.argument("name")
@click.argument("copy")
@as_json_option
@click.pass_obj
def clone(config: Config, name: str, copy: str, as_json: bool) -> None:
    """Begin the project COPY with the brief, documents and candidates of NAME."""
    with KnowledgeBase(config) as kb:
        _show(kb, kb.workbench.clone_project(name, copy), as_json=as_json)


@project.command()
@click.argument("name")
@click.argument("finding", type=int)
@click.option("--status", type=click.Choice(CANDIDATE_STATUSES), default="new", show_default=True)
@click.option("--owner")
@click.option("--reason", help="Needed to reject.")
@click.option("--note")
@as_json_option
@click.pass_obj
def candidate(
    config: Config,
    name: str,
    finding: int,
    status: CandidateStatus,
    owner: str | None,
    reason: str | None,
    note: str | None,
    as_json: bool,
) -> None:
    """Let the project NAME consider FINDING (its number), or say what has become of it."""
    with KnowledgeBase(config) as kb:
        set_ = kb.store.candidates.set(name, finding, status, owner=owner, reason=reason, note=note)
        if as_json:
            click.echo(printed_json(set_))
        else:
            click.echo(f"{harmless(set_.finding.name)}: {set_.status} in {harmless(set_.project)}.")
        for other in kb.store.candidates.of_finding(set_.finding.id):
            if other.project != set_.project and other.status not in {"new", "shortlisted"}:
                why = f": {harmless(other.reason)}" if other.reason else ""
                say(f"{harmless(other.project)} has it as {other.status}{why}")


@project.command()
@click.argument("name")
@click.argument("key")
@click.option("--status", type=click.Choice(READING_STATUSES), default="read", show_default=True)
@click.option("--minutes", type=click.FloatRange(min=0), default=0.0, help="Spent now; added up.")
@click.option("--reason", default="", help="Needed to exclude.")
@as_json_option
@click.pass_obj
def read(
    config: Config,
    name: str,
    key: str,
    status: ReadingStatus,
    minutes: float,
    reason: str,
    as_json: bool,
) -> None:
    """Note that you have read the document KEY for the project NAME."""
    with KnowledgeBase(config) as kb:
        document = kb.store.documents.by_key(key)
        kb.store.projects.get(name)
        reading = kb.store.projects.read(name, document.id, status, minutes=minutes, reason=reason)
    spent = f"{reading.status}, {reading.minutes:g} minutes in all."
    click.echo(printed_json(reading) if as_json else f"{harmless(document.title)}: {spent}")


@project.command()
@click.argument("name")
@click.option("-n", "count", default=10, show_default=True, help="Unread documents shown.")
@as_json_option
@click.pass_obj
def progress(config: Config, name: str, count: int, as_json: bool) -> None:
    """Say how far the review has come, what to read next, and whether reading on will pay."""
    with KnowledgeBase(config, say=say) as kb:
        now = kb.workbench.progress(name)
        order = kb.reading_order(name)
    if as_json:
        shown = asdict(now) | {
            "next": [{"key": d.key, "title": d.title, "score": s} for d, s in order]
        }
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2, default=str))
        return
    box, unread = now.time_box, now.unread
    rows = {
        "time-box": f"{box.used:.1f} of {box.hours:g} hours" if box.hours else
        f"{box.used:.1f} hours; the brief sets no time-box (review_days)",
        "read": f"{now.read} documents, {now.left} left",
        "findings": f"{now.findings}; per ten documents read: "
        + (", ".join(map(str, now.curve)) or "none yet"),
        "unread": f"about {unread.expected:.0f}, at most {unread.at_most} relevant ones left, from "
        f"the last {unread.sample} read" if unread.expected is not None else "cannot tell yet",
        "method": unread.method,
        "stop rules": ", ".join(
            f"{rule}: {'cannot tell' if stop is None else 'stop' if stop else 'go on'}"
            for rule, stop in now.stops.items()
        ),
    }  # fmt: skip
    for label, value in rows.items():
        click.echo(f"{click.style(label.rjust(14), dim=True)}  {value}")
    click.echo(now.advice)
    for document, score in order[:count]:
        click.echo(f"{score:>14.2f}  {short_key(document.key)} {harmless(document.title)}")


def _asked() -> dict[str, Any]:
    """Metric and baseline first: a gain without them means nothing."""
    questions = {
        "metric": "Metric of the model (for example macro-F1; empty: not known yet)",
        "unit": "Its unit (%, points, ms …)",
        "baseline": "Baseline: its value today (a number)",
        "baseline_is": "Which is that of (majority class, rules, today's model)",
        "objective": "Objective, in a sentence",
        "value": "What the product gains, in words",
    }
    given = {}
    for name, question in questions.items():
        if answer := click.prompt(question, default="", show_default=False).strip():
            given[name] = answer
    return given


def _show(kb: KnowledgeBase, found: Project, *, as_json: bool) -> None:
    if as_json:
        click.echo(printed_json(asdict(found) | {"missing": kb.workbench.missing(found)}))
        return
    click.echo(heading(found.name + (" (archived)" if found.archived_at else "")))
    for name, value in found.brief.items():
        if name == "mappings" and isinstance(value, dict):  # of other metrics to ours
            worth = (f"{m} × {each['factor']:g} ({each['reason']})" for m, each in value.items())
            value = "; ".join(worth)
        click.echo(labelled(name, str(value)))
    if missing := kb.workbench.missing(found):
        label = click.style("missing".rjust(14), fg="yellow")
        click.echo(f"{label}  {', '.join(missing)}")
    for each in kb.store.candidates.of_project(found.name):
        owner = f", {harmless(each.owner)}" if each.owner else ""
        click.echo(
            f"{click.style(f'{each.status:>14}', dim=True)}  {each.finding.id} "
            f"{harmless(each.finding.name)}{owner}"
        )
    readings = kb.store.projects.readings(found.name)
    for reading in readings:
        spent = f", {reading.minutes:g} min" if reading.minutes else ""
        click.echo(
            f"{click.style(f'{reading.status:>14}', dim=True)}  "
            f"{short_key(reading.document.key)} {harmless(reading.document.title)}{spent}"
        )
