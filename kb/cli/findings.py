"""`kb tag`, `kb findings …`, `kb verify`, `kb log` and `kb comment`: what reading has brought."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kb.cli.options import as_json_option, parse_settings
from kb.cli.show import dim, harmless, heading, printed_json, say
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import (
    CANDIDATE_STATUSES,
    FINDING_KINDS,
    STANCES,
    Comment,
    Evidence,
    Finding,
    FindingKind,
    Stance,
    Suggestion,
)

kind_choice = click.Choice(FINDING_KINDS)
set_option = click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="A field, as licence=MIT."
)


@click.command()
@click.argument("hit")
@click.argument("name")
@click.option("--as", "kind", type=kind_choice, required=True)
@click.option("--quote", required=True, help="The words that say so, exactly as they stand there.")
@click.option("--against", is_flag=True, help="The quote speaks against it.")
@click.option("--tag", "tags", multiple=True)
@set_option
@click.option(
    "--effect",
    "effects",
    multiple=True,
    metavar="FIELD=VALUE",
    help="What the quote claims, as metric=accuracy, unit=%, baseline=85.2, value=87; repeatable.",
)
@click.option("--note", default="")
@click.option("--project", help="Make it a candidate of this project.")
@as_json_option
@click.pass_obj
def tag(
    config: Config,
    hit: str,
    name: str,
    kind: FindingKind,
    quote: str,
    against: bool,
    tags: tuple[str, ...],
    settings: tuple[str, ...],
    effects: tuple[str, ...],
    note: str,
    project: str | None,
    as_json: bool,
) -> None:
    """Pin a quote as evidence of a finding called NAME.

    HIT is a document's key, or a passage's number as search shows it (#123).
    """
    stance: Stance = STANCES[1] if against else STANCES[0]
    with KnowledgeBase(config) as kb:
        tagged = kb.workbench.tag(
            hit,
            kind,
            name,
            quote=quote,
            stance=stance,
            effect=parse_settings(effects),
            note=note,
            fields=parse_settings(settings),
            tags=tags,
            project=project,
        )
    if as_json:
        click.echo(json.dumps(asdict(tagged), ensure_ascii=False, indent=2))
        return
    finding = tagged.finding
    click.echo(
        f"{'New: ' if tagged.new else ''}{finding.kind} {harmless(finding.name)} "
        f"(finding {finding.id}), evidence {tagged.evidence.id} on {_place(tagged.evidence)}."
    )
    if tagged.elsewhere:
        say(f"The same words stand in {tagged.elsewhere} more places of this document.")


@click.group()
def findings() -> None:
    """Design choices, datasets and pretrained models, with the quotes they rest on."""


@findings.command("list")
@click.option("--kind", type=kind_choice)
@click.option("--axis", help="Design choices on this axis.")
@click.option("--tag")
@click.option("--project", help="Candidates of this project.")
@click.option("--status", type=click.Choice(CANDIDATE_STATUSES))
@click.option("--document", metavar="KEY", help="With evidence in this document.")
@click.option("--member", help="Named or pinned by this member.")
@click.option("--text", help="With this in its names, fields, note or quotes.")
@as_json_option
@click.pass_obj
def list_(config: Config, /, as_json: bool, **filters: str | None) -> None:
    """List the findings."""
    with KnowledgeBase(config) as kb:
        found = kb.workbench.findings(**filters)  # type: ignore[arg-type]
        rows = [(each, kb.store.findings.evidence(each.id)) for each in found]
    if as_json:
        shown = [asdict(f) | {"evidence": [e.id for e in evidence]} for f, evidence in rows]
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for each, evidence in rows:
        against = sum(e.stance == "against" for e in evidence)
        count = f"{len(evidence) - against} for" + (f", {against} against" if against else "")
        names = f" ({', '.join(each.aliases)})" if each.aliases else ""
        click.echo(f"{each.id:>5}  {each.kind:<16} {harmless(each.name + names)}  {dim(count)}")
    say(f"{len(found)} finding{'s' if len(found) != 1 else ''}.")


@findings.command()
@click.argument("finding", type=int)
@as_json_option
@click.pass_obj
def show(config: Config, finding: int, as_json: bool) -> None:
    """Show a finding: its fields, all evidence for and against, and who tried it."""
    with KnowledgeBase(config) as kb:
        found = kb.store.findings.get(finding)
        evidence = kb.store.findings.evidence(found.id)
        candidates = kb.store.candidates.of_finding(found.id)
        subjects = [f"finding:{found.id}", *(f"evidence:{e.id}" for e in evidence),
                    *(f"candidate:{c.id}" for c in candidates)]  # fmt: skip
        comments = {each: kb.store.candidates.comments(each) for each in subjects}
    if as_json:
        shown = asdict(found) | {
            "evidence": [asdict(e) for e in evidence],
            "candidates": [{"project": c.project, "status": c.status, "reason": c.reason}
                           for c in candidates],
            "comments": [asdict(c) for some in comments.values() for c in some],
        }  # fmt: skip
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    _show(found)
    for each in evidence:
        click.echo(
            dim(f"  {each.stance} · evidence {each.id} · {_place(each)} · {each.created_by}")
        )
        click.echo(f"    “{harmless(' '.join(each.quote.split()))}”")
        if each.effect:
            effect = {k: v for k, v in asdict(each.effect).items() if v not in (None, "")}
            click.echo("    " + harmless(", ".join(f"{k} {v}" for k, v in effect.items())))
        _remarks(comments[f"evidence:{each.id}"], "    ")
    for candidate in candidates:
        why = f": {candidate.reason}" if candidate.reason else ""
        click.echo(harmless(f"  {candidate.status} in {candidate.project}{why}"))
        _remarks(comments[f"candidate:{candidate.id}"], "    ")
    _remarks(comments[f"finding:{found.id}"], "  ")


def _remarks(comments: list[Comment], indent: str) -> None:
    for comment in comments:
        click.echo(harmless(f"{indent}{comment.created_by}: {comment.text}"))


@findings.command()
@click.argument("finding", type=int)
@click.option("--name")
@click.option("--alias", "aliases", multiple=True, help="Adds another name.")
@click.option("--tag", "tags", multiple=True, help="Adds a tag.")
@click.option("--note")
@set_option
@as_json_option
@click.pass_obj
def edit(
    config: Config,
    finding: int,
    name: str | None,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    note: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change a finding's name, names, tags, note or fields."""
    with KnowledgeBase(config) as kb:
        old = kb.store.findings.get(finding)
        edited = kb.workbench.edit_finding(
            old,
            name=name,
            aliases=(*old.aliases, *aliases) if aliases else None,
            tags=(*old.tags, *tags) if tags else None,
            note=note,
            fields=parse_settings(settings),
        )
    _say(edited, as_json=as_json)


@findings.command()
@click.argument("kept", type=int)
@click.argument("other", type=int, required=False)
@click.option("--undo", is_flag=True, help="Let KEPT, merged into another, stand by itself again.")
@as_json_option
@click.pass_obj
def merge(config: Config, kept: int, other: int | None, undo: bool, as_json: bool) -> None:
    """Let the finding OTHER be another name of KEPT. All evidence is kept; --undo undoes it."""
    with KnowledgeBase(config) as kb:
        if undo:
            _say(kb.store.findings.unmerge(kept), as_json=as_json)
            return
        if other is not None:
            _say(kb.store.findings.merge(kept, other), as_json=as_json)
            return
        near = kb.workbench.near_equal(kb.store.findings.get(kept))
    if as_json:
        click.echo(printed_json(near))
        return
    for each in near:
        click.echo(f"{each.id:>5}  {harmless(each.name)}")
    say("Near in name. Merge one: kb findings merge KEPT OTHER" if near else "None is near.")


@findings.command()
@click.argument("finding", type=int)
@click.argument("name")
@click.option("--evidence", "evidence", type=int, multiple=True, required=True)
@as_json_option
@click.pass_obj
def split(
    config: Config, finding: int, name: str, evidence: tuple[int, ...], as_json: bool
) -> None:
    """Let some of a finding's evidence found a new one called NAME."""
    with KnowledgeBase(config) as kb:
        _say(kb.store.findings.split(finding, evidence, name), as_json=as_json)


@findings.command()
@click.argument("evidence", type=int)
@click.option("--undo", is_flag=True, help="Let it speak for its finding again.")
@as_json_option
@click.pass_obj
def unpin(config: Config, evidence: int, undo: bool, as_json: bool) -> None:
    """Take an EVIDENCE back; it stays on record, and --undo undoes it."""
    with KnowledgeBase(config) as kb:
        store = kb.store.findings
        found = store.restore_evidence(evidence) if undo else store.remove_evidence(evidence)
        name = harmless(store.get(found.finding_id).name)
    if as_json:
        click.echo(printed_json(found))
        return
    click.echo(f"{'Restored to' if undo else 'Taken back from'} {name}: {_place(found)}.")
    if not undo:
        say(f"Undo: kb findings unpin {evidence} --undo")


@click.command()
@click.argument("keys", nargs=-1)
@click.option("-n", "count", default=20, show_default=True, help="Of each document.")
@click.option("--accept", type=int, multiple=True, metavar="N", help="Accept suggestion N.")
@click.option("--reject", type=int, multiple=True, metavar="N", help="Reject suggestion N.")
@click.option("--reopen", type=int, multiple=True, metavar="N", help="Take rejection N back.")
@click.option("--rejected", is_flag=True, help="List what was rejected, with its numbers.")
@click.option("--name", help="Accept under this name.")
@click.option("--as", "kind", type=kind_choice, help="Accept as this kind.")
@click.option("--project", help="What is accepted becomes a candidate of this project.")
@click.option(
    "--refit", is_flag=True, help="Let what the team has accepted and rejected weigh sentences."
)
@click.option("--reset", is_flag=True, help="With --refit: weigh them as kb came again.")
@as_json_option
@click.pass_obj
def suggest(
    config: Config,
    keys: tuple[str, ...],
    count: int,
    accept: tuple[int, ...],
    reject: tuple[int, ...],
    reopen: tuple[int, ...],
    rejected: bool,
    name: str | None,
    kind: FindingKind | None,
    project: str | None,
    refit: bool,
    reset: bool,
    as_json: bool,
) -> None:
    """Propose what to tag in the documents KEYS, with the quote that each stands on.

    Nothing is taken for true until a person accepts it: --accept N, or --reject N. After twenty
    such decisions on design choices, --refit lets them move the weights by which sentences are
    judged, unless that forecasts the decisions worse.
    """
    if not (keys or accept or reject or reopen or rejected or refit or reset):
        raise click.UsageError("Name a document, or accept or reject a suggestion by its number.")
    if reset and not refit:
        raise click.UsageError("--reset goes with --refit.")
    with KnowledgeBase(config) as kb:
        for number in accept:
            tagged = kb.workbench.accept(number, name=name, kind=kind, project=project)
            say(f"Accepted: finding {tagged.finding.id}, {harmless(tagged.finding.name)}.")
        for number in reject:
            say(f"Rejected: {harmless(kb.workbench.reject(number).name)}.")
        for number in reopen:
            say(f"Waits again: {harmless(kb.workbench.reopen(number).name)}.")
        if refit:
            for line in _reset(kb) if reset else _refit(kb):
                say(line)
        if rejected:
            found = _rejected(kb, keys)
        else:
            found = {key: kb.workbench.suggest(key, limit=count) for key in keys}
            if keys and not kb.workbench.has_head:
                say(kb.workbench.head_in_use())
    if as_json:
        rows = [asdict(each) for suggestions in found.values() for each in suggestions]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for key, suggestions in found.items():
        click.echo(heading(key))
        for each in suggestions:
            axis = f", {each.axis}" if each.axis else ""
            click.echo(
                f"{each.id:>6}  {each.score:.2f}  {each.kind}{axis}: {harmless(each.name)}"
                + dim(f"  ({each.why})")
            )
            click.echo(f"{'':>14}“{harmless(' '.join(each.quote.split()))}”")
        say(f"{len(suggestions)} suggestion{'s' if len(suggestions) != 1 else ''}.")


def _reset(kb: KnowledgeBase) -> list[str]:
    was_own = kb.workbench.reset_head()
    return [("" if was_own else "Nothing to reset. ") + kb.workbench.head_in_use()]


def _refit(kb: KnowledgeBase) -> list[str]:
    """Refit the sentence head; what that changed, in sentences."""
    done = kb.workbench.refit()
    lines = [f"{done.taken_up} design choices taken up, {done.turned_down} turned down."]
    for what, change in (("States a design choice", done.choice), ("Axis", done.axis)):
        if change is None:
            lines.append(f"{what}: too few decisions have an axis; the shipped weights stay.")
            continue
        before, after = change.before, change.after
        lines.append(
            f"{what}: cross-validated on {change.examples} decisions, right "
            f"{before.right:.0%} → {after.right:.0%}, surprise {before.surprise:.3f} → "
            f"{after.surprise:.3f} nats: "
            + ("refitted." if change.kept else "no better, so the shipped weights stay.")
        )
    if done.new_axes:
        lines.append(f"Learned the team's own: {', '.join(done.new_axes)}.")
    return lines


def _rejected(kb: KnowledgeBase, keys: tuple[str, ...]) -> dict[str, list[Suggestion]]:
    """What was rejected, by document; in all of them where none is named."""
    wanted = {kb.store.documents.by_key(key).key for key in keys}
    found: dict[str, list[Suggestion]] = {}
    for each in kb.workbench.suggestions("rejected"):
        if not wanted or each.document.key in wanted:
            found.setdefault(each.document.key, []).append(each)
    return found


@click.command()
@click.option(
    "--bundle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Check an archive of kb bundle instead, its checksums and quotes; needs no library.",
)
@as_json_option
@click.pass_obj
def verify(config: Config, bundle: Path | None, as_json: bool) -> int:
    """Read every quote again, and say which no longer stand, and what rests on them."""
    if bundle is not None:
        return _verify_bundle(bundle, as_json)
    with KnowledgeBase(config) as kb:
        verdicts = kb.workbench.verify()
    wrong = [v for v in verdicts if not v.stands]
    changed = [v for v in verdicts if v.stands and v.newest in {"changed", "gone"}]
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "evidence": v.evidence.id, "finding": v.finding.id, "stands": v.stands,
                "reason": v.reason, "newest": v.newest, "newest_text": v.newest_text,
                "rests": [f"{c.project}: {c.status}" for c in v.rests],
            }
            for v in verdicts
        ]  # fmt: skip
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return int(bool(wrong))
    for verdict in (*wrong, *changed):
        what = verdict.reason or (
            f"the newest version says: “{' '.join(verdict.newest_text.split())}”"
            if verdict.newest == "changed"
            else "the newest version no longer says it"
        )
        click.echo(
            harmless(
                f"{verdict.finding.name} (finding {verdict.finding.id}), evidence "
                f"{verdict.evidence.id}, {_place(verdict.evidence)}: {what}"
            )
        )
        for candidate in verdict.rests:
            click.echo(dim(f"    rests on it: {candidate.status} in {candidate.project}"))
    say(
        f"{len(verdicts)} quotes read: {len(verdicts) - len(wrong)} stand, {len(wrong)} do not, "
        f"{len(changed)} changed in a newer version."
    )
    return int(bool(wrong))


def _verify_bundle(file: Path, as_json: bool) -> int:
    from kb.export.bundle import check_bundle

    checked = check_bundle(file)
    if as_json:
        click.echo(json.dumps(asdict(checked), ensure_ascii=False, indent=2))
        return int(bool(checked.problems))
    for problem in checked.problems:
        click.echo(harmless(problem))
    wrong = len(checked.problems)
    say(
        f"{harmless(checked.project)}: {checked.files} files and {checked.quotes} quotes read, "
        + (f"{wrong} problem{'s' if wrong > 1 else ''}." if wrong else "all as they were exported.")
    )
    return int(bool(wrong))


@click.command()
@click.option("--who", help="Of this member.")
@click.option("--subject", help="Of finding:N, project:NAME or a document's key.")
@click.option("-n", "count", default=30, show_default=True, type=click.IntRange(1, 10_000))
@as_json_option
@click.pass_obj
def log(config: Config, who: str | None, subject: str | None, count: int, as_json: bool) -> None:
    """Say who did what, when, from which value to which."""
    with KnowledgeBase(config) as kb:
        if subject:
            events = [e | {"subject": subject} for e in kb.store.events.of(subject)][-count:]
        else:
            events = list(reversed(kb.store.events.recent(count, who=who)))
    if as_json:
        click.echo(json.dumps(events, ensure_ascii=False, indent=2))
        return
    for event in events:
        change = " → ".join(part for part in (event["before"], event["after"]) if part)
        line = f"{event['at'][:16]}  {event['who']}  {event['what']} {event['subject']}  {change}"
        click.echo(harmless(" ".join(line.split())))


@click.command()
@click.argument("subject")
@click.argument("text", nargs=-1, required=True)
@as_json_option
@click.pass_obj
def comment(config: Config, subject: str, text: tuple[str, ...], as_json: bool) -> None:
    """Remark on SUBJECT: finding:N, evidence:N or candidate:N."""
    with KnowledgeBase(config) as kb:
        made = kb.store.candidates.comment(subject, " ".join(text))
    said = f"Comment {made.id} on {harmless(made.subject)}."
    click.echo(printed_json(made) if as_json else said)


def _place(evidence: Evidence) -> str:
    page = f", p. {evidence.page}" if evidence.page else ""
    section = f", {evidence.section}" if evidence.section else ""
    return harmless(f"{evidence.document.title}{section}{page}")


def _say(found: Finding, *, as_json: bool) -> None:
    if as_json:
        click.echo(printed_json(found))
    else:
        _show(found)


def _show(found: Finding) -> None:
    click.echo(heading(f"{found.id}  {found.name}") + dim(f"  {found.kind}"))
    rows = {
        "also called": ", ".join(found.aliases),
        "tags": ", ".join(found.tags),
        **{name: str(value) for name, value in found.fields.items()},
        "note": found.note,
    }
    for name, value in rows.items():
        if value:
            click.echo(f"{click.style(f'{name:>14}', dim=True)}  {harmless(value)}")
