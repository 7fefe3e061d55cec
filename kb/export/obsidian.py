"""A plan as a folder of linked notes, as Obsidian keeps them: a note for each thing there is.

It knows file names, front matter and links between notes. What the notes say is the report's.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

from kb.export import KIND_NAMES, source, visible
from kb.export.citations import cited_works
from kb.export.findings_markdown import cited, effect_text, escaped
from kb.export.plan_findings import strength
from kb.export.plan_markdown import plan_markdown
from kb.export.plan_report import CHOSEN, gain_text
from kb.records import Decision, Document, Evidence, Experiment, Plan, Supported

FOLDERS = {"finding": "Findings", "document": "Works", "experiment": "Experiments",
           "decision": "Decisions"}  # fmt: skip
LONGEST = 80  # characters of a note's name: folders above it want room, too

_UNSAFE = re.compile(r"[\\/:*?\"<>|#^\[\]%\x00-\x1f]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # names Windows refuses

Note = list[str]


def obsidian(plan: Plan) -> dict[str, bytes]:
    """A note for every finding, work, experiment and decision, and the plan that leads to them."""
    names = _Names(plan)
    notes: dict[str, Note] = {}
    for found in plan.findings:
        notes[names.path("finding", found.finding.id)] = _finding(plan, found, names)
    for document in cited_works(plan).values():
        notes[names.path("document", document.id)] = _document(plan, document, names)
    for experiment in plan.experiments:
        notes[names.path("experiment", experiment.id)] = _experiment(plan, experiment, names)
    for decision in plan.decisions:
        notes[names.path("decision", decision.number)] = _decision(decision, names)
    notes["Index.md"] = _index(plan, names)
    files = {path: "\n".join(lines).encode() for path, lines in notes.items()}
    return {"Plan.md": plan_markdown(plan), **files}


class _Names:
    """What each note is called: the name of its thing, told apart where two are the same."""

    def __init__(self, plan: Plan) -> None:
        self._names: dict[tuple[str, int], str] = {}
        taken: set[str] = {"plan", "index"}  # a link names the note alone, wherever it lies
        things: list[tuple[str, int, str]] = [
            *(("finding", f.finding.id, f.finding.name) for f in plan.findings),
            *(("document", d.id, d.title) for d in cited_works(plan).values()),
            *(("experiment", e.id, e.title) for e in plan.experiments),
            *(("decision", d.number, f"{d.number:04d} {d.title}") for d in plan.decisions),
        ]
        for kind, number, title in things:
            name = base = _file_name(title) or kind.capitalize()
            count = 1
            while name.casefold() in taken:
                count += 1
                name = f"{base} ({count})"
            taken.add(name.casefold())
            self._names[kind, number] = name

    def path(self, kind: str, number: int) -> str:
        return f"{FOLDERS[kind]}/{self._names[kind, number]}.md"

    def link(self, kind: str, number: int) -> str:
        """A link to the note, or nothing where the plan has none."""
        name = self._names.get((kind, number))
        return f"[[{name}]]" if name else ""


def _file_name(title: str) -> str:
    plain = unicodedata.normalize("NFC", visible(title))
    name = " ".join(_UNSAFE.sub(" ", plain).split())[:LONGEST].strip(" .")
    return f"{name} note" if _RESERVED.fullmatch(name.partition(".")[0]) else name


def _front(**facts: object) -> Note:
    """Front matter; JSON is YAML, and needs no rules of its own for quoting."""
    kept = {n: json.dumps(v, ensure_ascii=False) for n, v in facts.items() if v}
    # A link in a property counts as one, too: foreign text makes none.
    return ["---", *(f"{n}: {text.replace('[[', '[ [')}" for n, text in kept.items()), "---"]


def _finding(plan: Plan, found: Supported, names: _Names) -> Note:
    finding = found.finding
    ours = [c for c in found.candidates if c.project == plan.project.name]
    axis = plan.axes.get(str(finding.fields.get("axis")))
    lines = _front(
        kind=KIND_NAMES[finding.kind][0], aliases=[visible(a) for a in finding.aliases],
        tags=[_tag(tag) for tag in finding.tags], axis=axis,
        status=ours[0].status if ours else None,
    )  # fmt: skip
    lines += [f"# {escaped(finding.name)}", "", escaped(strength(found)), ""]
    lines += [
        f"- {escaped(n.replace('_', ' '))}: {escaped(str(v))}" for n, v in finding.fields.items()
    ]
    trying = [e for e in plan.experiments if finding.id in e.candidates]
    if trying:
        lines += ["", "Tried in " + ", ".join(names.link("experiment", e.id) for e in trying), ""]
    for evidence in found.evidence:
        lines += ["", *_quote(evidence, names)]
    return [*lines, ""]


def _quote(evidence: Evidence, names: _Names) -> Note:
    side = "Against: " if evidence.stance == "against" else ""
    lines = [f"> {side}“{escaped(evidence.quote)}”", ">", f"> — {cited(evidence)}, "
             f"{names.link('document', evidence.document.id)}"]  # fmt: skip
    return lines + ([">", f"> {escaped(effect_text(evidence.effect))}"] if evidence.effect else [])


def _document(plan: Plan, document: Document, names: _Names) -> Note:
    meta = document.metadata
    lines = _front(
        authors=[visible(a) for a in meta.authors], year=meta.year, venue=visible(meta.venue),
        source=visible(source(document)), tags=[_tag(tag) for tag in meta.tags],
    )  # fmt: skip
    lines += [f"# {escaped(document.title)}", ""]
    for found in plan.findings:
        quotes = [e for e in found.evidence if e.document.id == document.id]
        if quotes:
            lines += [f"## {names.link('finding', found.finding.id)}", ""]
        for evidence in quotes:
            place = f", page {evidence.page}" if evidence.page else ""
            section = f" — {escaped(evidence.section)}{place}" if evidence.section or place else ""
            lines += [f"> “{escaped(evidence.quote)}”{section}", ""]
    return lines


def _experiment(plan: Plan, experiment: Experiment, names: _Names) -> Note:
    ranked = next((r for r in plan.ranking.ranked if r.experiment.id == experiment.id), None)
    lines = _front(
        status=experiment.status, rank=ranked.rank if ranked else None,
        person_hours=experiment.person_hours, gpu_hours=experiment.gpu_hours,
        retraining=experiment.retraining,
    )  # fmt: skip
    lines += [f"# {escaped(experiment.title)}", "", escaped(experiment.hypothesis), ""]
    lines += _links("Tries", (names.link("finding", n) for n in experiment.candidates))
    lines += _links("Comes after", (names.link("experiment", n) for n in experiment.depends_on))
    if ranked is not None and ranked.gain is not None:
        lines += [escaped(f"Expected: {gain_text(plan, ranked.gain)}."), ""]
    if experiment.threshold is not None or experiment.success:
        threshold = (
            f"from {experiment.threshold:g} on. " if experiment.threshold is not None else ""
        )
        lines += [f"A success: {escaped(threshold + experiment.success)}", ""]
    if experiment.result is not None and experiment.result.value is not None:
        result = experiment.result
        lines += [f"Measured: {result.value:g}. {escaped(result.note)}", ""]
    return lines


def _decision(decision: Decision, names: _Names) -> Note:
    lines = _front(choice=decision.choice, date=decision.created_at[:10])
    lines += [f"# {escaped(decision.title)}", "", CHOSEN[decision.choice] + ".", ""]
    lines += _links("About", (names.link("finding", n) for n in decision.candidates))
    lines += _links("Instead of", (names.link("finding", n) for n in decision.alternatives))
    lines += _links("Confirmed by", (names.link("experiment", n) for n in decision.experiments))
    for name in ("context", "reason", "consequences", "confirmation"):
        if text := getattr(decision, name):
            lines += [f"{name.capitalize()}: {escaped(text)}", ""]
    for name, number in (("Supersedes", decision.supersedes),
                         ("Superseded by", decision.superseded_by)):  # fmt: skip
        if number is not None:
            lines += _links(name, [names.link("decision", number)])
    return lines


def _index(plan: Plan, names: _Names) -> Note:
    things: dict[str, Sequence[str]] = {
        "Findings": [names.link("finding", f.finding.id) for f in plan.findings],
        "Experiments": [names.link("experiment", e.id) for e in plan.experiments],
        "Decisions": [names.link("decision", d.number) for d in plan.decisions],
        "Works": [names.link("document", d.id) for d in cited_works(plan).values()],
    }
    lines = [f"# {escaped(plan.project.name)}", "", "[[Plan]]", ""]
    for title, links in things.items():
        if links:
            lines += [f"## {title}", "", *(f"- {link}" for link in links), ""]
    return lines


def _links(name: str, links: Iterable[str]) -> Note:
    known = [link for link in links if link]
    return [f"{name}: {', '.join(known)}", ""] if known else []


def _tag(text: str) -> str:
    """As Obsidian allows tags: no spaces, no punctuation."""
    return re.sub(r"[^\w/-]+", "-", visible(text)).strip("-")
