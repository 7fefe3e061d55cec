"""What a team does with what it reads: projects and findings, checked before they are stored.

The one entrance to this room for command line and page. Widgets and printing are theirs; tables are
the store's.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from kb.errors import ModelError, NotFound, UsageError
from kb.findings import evidence as evidences
from kb.findings import taxonomy
from kb.findings.evidence import Tagged, Verdict
from kb.findings.fields import Brief, check_brief, check_effect, check_fields, missing
from kb.findings.progress import Progress, Read, TimeBox, progress, time_box
from kb.findings.taxonomy import Axis, Retraining
from kb.records import (
    Acceptance,
    CandidateStatus,
    Document,
    Effect,
    Evidence,
    Finding,
    FindingKind,
    Glance,
    Project,
    Stance,
    Suggestion,
    SuggestionStatus,
)
from kb.store import Store
from kb.store.findings import plain_name
from kb.store.suggestions import Proposal

if TYPE_CHECKING:
    from kb.findings.feedback import Refit
    from kb.findings.gains import EffectClaim
    from kb.findings.sentence_head import Encoder, SentenceReader

log = logging.getLogger(__name__)

SLIGHT = 0.05
"""Share below which an axis is not worth showing: less than one in eighteen."""
NEAR = 80.0
"""Likeness of two names, of 100, from which they are offered for merging."""


class Workbench:
    """Projects and findings of one library. Belongs to the thread of its store."""

    def __init__(self, store: Store, encoder: Callable[[], Encoder] | None = None) -> None:
        """`encoder` loads the library's; without it sentences are read by rules alone."""
        self._store = store
        self._encoder = encoder

    # -- projects --------------------------------------------------------------------------------

    def new_project(self, name: str, brief: dict[str, Any]) -> Project:
        """A new project; UsageError for a name that is taken and a field that does not fit."""
        return self._store.projects.add(name, check_brief(brief))

    def edit_project(self, project: Project, changes: dict[str, Any]) -> Project:
        """Change fields of a brief; None clears. Conflict where it has changed meanwhile."""
        merged = {**project.brief, **changes}
        brief = check_brief({k: v for k, v in merged.items() if v is not None})
        return self._store.projects.edit(project.name, project.revision, brief)

    def clone_project(self, name: str, copy: str) -> Project:
        """A new project with the brief, documents and candidates of another, all new to it."""
        with self._store.transaction():
            original = self._store.projects.get(name)
            self._store.projects.add(copy, dict(original.brief))
            for reading in self._store.projects.readings(name):
                self._store.projects.add_document(copy, reading.document.id)
            for candidate in self._store.candidates.of_project(name):
                self._store.candidates.set(copy, candidate.finding.id)
        return self._store.projects.get(copy)

    def missing(self, project: Project) -> list[str]:
        """What the brief should say and does not, metric and baseline first."""
        return missing(project.brief)

    def progress(self, name: str, *, today: date | None = None) -> Progress:
        """How far the project's review has come, and whether reading on is likely to pay."""
        project = self._store.projects.get(name)
        readings = self._store.projects.readings(name)
        done = sorted(
            (r for r in readings if r.status in {"read", "excluded"}), key=lambda r: r.updated_at
        )
        first, cited = self._cited(name)
        reads = [Read(r.document.key, first[r.document.id], r.document.id in cited) for r in done]
        box = _time_box(project, sum(r.minutes for r in readings))
        return progress(reads, len(readings) - len(done), box, today=today or date.today())

    def glances(self) -> list[Glance]:
        """The projects that are not archived, by name, each in a few figures."""
        totals = self._store.projects.totals()
        found = []
        for each in self._store.projects.all():
            documents, done, minutes = totals.get(each.id, (0, 0, 0.0))
            box = _time_box(each, minutes)
            ends = box.ends.isoformat() if box.ends else ""
            lacking = tuple(missing(each.brief))
            found.append(Glance(each, documents, done, box.used, box.hours, ends, lacking))
        return found

    def uses(self, name: str) -> tuple[list[int], list[int], list[int]]:
        """Ids of the project's documents: those cited, those read in vain or excluded, the rest."""
        _, cited = self._cited(name)
        readings = self._store.projects.readings(name)
        ids = {r.document.id: r.status for r in readings if r.document.removed_at is None}
        useful = [i for i in ids if i in cited]
        useless = [i for i, s in ids.items() if s in {"read", "excluded"} and i not in cited]
        left = [i for i, s in ids.items() if s not in {"read", "excluded"}]
        return useful, useless, left

    def _cited(self, name: str) -> tuple[Counter[int], set[int]]:
        """How many of the project's findings each document was the first to show, and all cited."""
        first: Counter[int] = Counter()
        cited: set[int] = set()
        for candidate in self._store.candidates.of_project(name):
            evidence = self._store.findings.evidence(candidate.finding.id)
            cited |= {each.document.id for each in evidence}
            first.update(each.document.id for each in evidence[:1])
        return first, cited

    # -- findings --------------------------------------------------------------------------------

    def tag(
        self,
        hit: str,
        kind: FindingKind,
        name: str,
        *,
        quote: str,
        stance: Stance = "for",
        effect: dict[str, Any] | None = None,
        note: str = "",
        fields: dict[str, Any] | None = None,
        tags: Sequence[str] = (),
        project: str | None = None,
        status: CandidateStatus = "new",
    ) -> Tagged:
        """Pin a quote as evidence of a finding, which is created where it is new.

        `hit` is a passage's number ("#123") or a document's key. With `project`, the finding
        becomes a candidate of it unless it is one. Raises NotFound for a hit or project that does
        not exist, QuoteNotFound where the words do not stand there, UsageError for wrong fields.
        """
        document, near = self._hit(hit)
        given = self._fields(kind, fields or {})
        claim = check_effect(_numbers(effect)) if effect else None
        with self._store.transaction():
            tagged = evidences.tag(
                self._store,
                document,
                kind,
                name,
                quote=quote,
                near=near,
                stance=stance,
                effect=claim,
                note=note,
                fields=given,
                tags=tags,
            )
            if project is not None:
                self._consider(project, tagged.finding.id, status)
        return tagged

    def _hit(self, hit: str) -> tuple[Document, tuple[int, int] | None]:
        if not hit.removeprefix("#").isdigit():
            return self._store.documents.by_key(hit), None
        number = int(hit.removeprefix("#"))
        passage = self._store.passages.by_ids([number]).get(number)
        if passage is None:
            raise NotFound(
                f"There is no passage #{number} any more: its document has a newer version. Search "
                "again, or give the document's key."
            )
        document = self._store.documents.by_ids([passage.document_id])[passage.document_id]
        return document, (passage.start, passage.end)

    def findings(
        self,
        *,
        kind: FindingKind | None = None,
        axis: str | None = None,
        tag: str | None = None,
        project: str | None = None,
        status: str | None = None,
        document: str | None = None,
        member: str | None = None,
        text: str | None = None,
    ) -> list[Finding]:
        """The findings that satisfy all that is given, by kind and name."""
        if project is not None:
            self._store.projects.get(project)
        if document is not None:
            document = self._store.documents.by_key(document).key
        found = self._store.findings.all(
            kind=kind, tag=tag, project=project, status=status, document=document, member=member
        )
        if axis is not None:
            found = [each for each in found if each.fields.get("axis") == axis]
        if text:
            found = [each for each in found if self._says(each, text.casefold())]
        return found

    def _says(self, finding: Finding, text: str) -> bool:
        own = [finding.name, *finding.aliases, *finding.tags, finding.note]
        own += [str(value) for value in finding.fields.values()]
        own += [each.quote for each in self._store.findings.evidence(finding.id)]
        return any(text in each.casefold() for each in own)

    def edit_finding(
        self,
        finding: Finding,
        *,
        name: str | None = None,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        note: str | None = None,
        fields: dict[str, Any] | None = None,
    ) -> Finding:
        """Change what is given; a field set to None is cleared.

        Conflict where the finding has changed since it was read.
        """
        checked = None
        if fields:
            checked = self._fields(finding.kind, {**finding.fields, **fields})
        return self._store.findings.edit(
            finding.id,
            finding.revision,
            name=name,
            aliases=aliases,
            tags=tags,
            note=note,
            fields=checked,
        )

    def near_equal(self, finding: Finding) -> list[Finding]:
        """Findings of the same kind whose names are nearly this one's, the nearest first."""

        def likeness(other: Finding) -> float:
            return max(
                _likeness(ours, theirs)
                for ours in (finding.name, *finding.aliases)
                for theirs in (other.name, *other.aliases)
            )

        others = [f for f in self._store.findings.all(kind=finding.kind) if f.id != finding.id]
        near = sorted(((likeness(other), other) for other in others), key=lambda pair: -pair[0])
        return [other for score, other in near if score >= NEAR]

    # -- axes of design choices ------------------------------------------------------------------

    def axes(self) -> list[Axis]:
        """The axes that come with kb in the order of the workflow, then the team's own."""
        own = [Axis(**each) for each in self._store.axes.all()]  # type: ignore[arg-type]
        return list({axis.id: axis for axis in (*taxonomy.axes(), *own)}.values())

    def add_axis(
        self,
        axis_id: str,
        *,
        name: str = "",
        definition: str,
        retraining: Retraining,
        examples: Sequence[str] = (),
    ) -> None:
        """An axis of the team's own. UsageError for an id of another form, or no definition."""
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", axis_id):
            raise UsageError("An axis' id is lower case, its words joined by hyphens: “data-mix”.")
        if not definition.strip():
            raise UsageError("An axis needs a sentence that says what is chosen on it.")
        self._store.axes.put(
            axis_id,
            name=name or axis_id.replace("-", " ").capitalize(),
            definition=definition.strip(),
            retraining=retraining,
            examples=examples,
        )

    def guess_axis(self, text: str) -> list[tuple[str, float]]:
        """Ids of axes that a sentence may be about with scores from 0 to 1, best first.

        By the sentence head and cues where there is a head for the library's encoder, else by cues.
        """
        cued = taxonomy.guess_axis(text, self.axes())
        reader = self._reader() if text.strip() else None
        if reader is None:
            return cued
        reading = reader.read([text])[0]
        if not cued and reading.odds < 0:
            return []
        ranked = reading.best_axes(text, self.axes())
        return [(axis, share) for axis, share in ranked if share >= SLIGHT]

    def _fields(self, kind: FindingKind, given: dict[str, Any]) -> dict[str, object]:
        """Checked fields; UsageError also for an axis that does not exist."""
        checked = check_fields(kind, {k: v for k, v in given.items() if v is not None})
        ids = [axis.id for axis in self.axes()]
        if checked.get("axis") and checked["axis"] not in ids:
            raise UsageError(f"There is no axis “{checked['axis']}”. Axes are: {', '.join(ids)}.")
        return checked

    # -- suggestions -----------------------------------------------------------------------------

    def suggest(self, key: str, *, limit: int = 20) -> list[Suggestion]:
        """Propose what to tag in a document; its open suggestions, the best first.

        What the team rejected here, or has tagged here already, is not proposed again.
        """
        from kb.findings.names import KnownName
        from kb.findings.suggest import suggest

        document = self._store.documents.by_key(key)
        version = self._store.documents.version(document.version_id)
        team = self._store.findings.all()
        known = [KnownName(f.name, f.kind, f.aliases) for f in team if f.kind != "design_choice"]
        here = {e.finding_id for e in self._store.findings.evidence_in(document.id)}
        tagged = {
            (f.kind, plain_name(name))
            for f in team
            if here & {f.id, *f.merged}
            for name in (f.name, *f.aliases)
        }
        reader = self._reader()
        found = suggest(
            version.text,
            version.sections,
            known=known,
            axes=self.axes(),
            read=reader.read if reader else None,
        )
        proposals = [
            Proposal(s.kind, s.name, s.start, s.end, s.score, s.why, s.axis, _claim(s.effect))
            for s in found
            if (s.kind, plain_name(s.name)) not in tagged
        ]
        self._store.suggestions.replace(document.id, version.id, proposals[:limit])
        return self._store.suggestions.of_document(document.id)

    def accept(
        self,
        suggestion_id: int,
        *,
        name: str | None = None,
        kind: FindingKind | None = None,
        axis: str | None = None,
        project: str | None = None,
    ) -> Tagged:
        """Make a suggestion evidence of a finding, under another name, kind or axis where given.

        `axis` "" leaves it open. Conflict where somebody has decided it meanwhile.
        """
        with self._store.transaction():
            suggestion = self._store.suggestions.get(suggestion_id)
            kind = kind or suggestion.kind
            axis = suggestion.axis if axis is None else axis
            given = {"axis": axis} if kind == "design_choice" and axis else {}
            tagged = evidences.tag(
                self._store,
                suggestion.document,
                kind,
                suggestion.name if name is None else name,
                quote=suggestion.quote,
                near=(suggestion.start, suggestion.end),
                effect=suggestion.effect,
                fields=self._fields(kind, given),
            )
            if project is not None:
                self._consider(project, tagged.finding.id)
            self._store.suggestions.decide(suggestion_id, "accepted", tagged.evidence.id)
        return tagged

    def reject(self, suggestion_id: int) -> Suggestion:
        """Turn a suggestion down; it is not made again for this document."""
        return self._store.suggestions.decide(suggestion_id, "rejected")

    def reopen(self, suggestion_id: int) -> Suggestion:
        """Take a rejection back: the suggestion waits for a decision again."""
        return self._store.suggestions.reopen(suggestion_id)

    def suggestions(
        self,
        status: SuggestionStatus = "open",
        *,
        kind: FindingKind | None = None,
        project: str | None = None,
    ) -> list[Suggestion]:
        """What the machine proposed across documents, the best first; NotFound for a project."""
        if project is not None:
            self._store.projects.get(project)
        return self._store.suggestions.all(status, kind=kind, project=project)

    def acceptance(self) -> list[Acceptance]:
        """How many suggestions the team has accepted and rejected, kind by kind."""
        return self._store.suggestions.acceptance()

    def refit(self) -> Refit:
        """Let the team's decisions move the sentence head; UsageError where they are too few."""
        from kb.findings.feedback import refit

        if self._encoder is None:
            raise UsageError("There is no encoder to read sentences with.")
        return refit(self._store, self._encoder())

    def reset_head(self) -> bool:
        """Back to the sentence head that comes with kb; False where it is in use already."""
        if not self._store.suggestions.head():
            return False
        self._store.suggestions.set_head("", "back to the one that comes with kb")
        return True

    @property
    def has_head(self) -> bool:
        """Whether the sentence head fits the library's encoder; else choices are read by rules."""
        return self._reader() is not None

    def head_in_use(self) -> str:
        """A sentence that says how design choices are told from other sentences."""
        from kb.findings.sentence_head import shipped_head

        reader = self._reader()
        if reader is None:
            return (
                "Design choices are suggested by rules alone: the sentence head was trained for "
                "another encoder than this library's."
            )
        if reader.head is shipped_head():
            return "The sentence head is the one that comes with kb."
        return "The sentence head is this library's own, refitted to its decisions."

    def _reader(self) -> SentenceReader | None:
        """The sentence head with the library's encoder; None where they do not fit."""
        if self._encoder is None:
            return None
        from kb.findings.feedback import reader_for

        try:
            encoder = self._encoder()
        except ModelError as error:  # suggestions are had without a model, if poorer
            log.warning("design choices are suggested by rules alone: %s", error)
            return None
        return reader_for(self._store.suggestions.head(), encoder)

    def _consider(self, project: str, finding_id: int, status: CandidateStatus = "new") -> None:
        """Make a finding a candidate of a project, unless it is one."""
        self._store.projects.get(project)
        if project not in {c.project for c in self._store.candidates.of_finding(finding_id)}:
            self._store.candidates.set(project, finding_id, status)

    def verify(self) -> list[Verdict]:
        """Every quote of the library read again from what was stored."""
        return evidences.verify(self._store, self._store.findings.all_evidence())

    def stale(self) -> list[Evidence]:
        """Quotes whose words do not stand in the newest version of their document, oldest first.

        Looks at those alone that cite an older one, and reads texts, not files: see `verify`.
        """
        return evidences.stale(self._store, self._store.findings.superseded_evidence())


def _time_box(project: Project, minutes: float) -> TimeBox:
    """The hours that a project's brief sets aside for reading, of which `minutes` are spent."""
    brief = Brief.model_validate(project.brief)
    return time_box(
        minutes,
        days=brief.review_days,
        people=brief.people,
        hours_a_week=brief.hours_a_week,
        start=brief.review_start,
    )


def _claim(claim: EffectClaim | None) -> Effect | None:
    """What a quote claims, where it says of which metric and in which unit."""
    if claim is None or not claim.metric or not claim.unit:
        return None
    return Effect(
        claim.metric, claim.unit, value=claim.value, baseline=claim.baseline, gain=claim.gain
    )


def _likeness(ours: str, theirs: str) -> float:
    """Of two names, 0 to 100; a name and its initials are alike."""
    from rapidfuzz import fuzz

    a, b = plain_name(ours), plain_name(theirs)
    return 100.0 if _initials(ours) == b or _initials(theirs) == a else fuzz.ratio(a, b)


def _initials(name: str) -> str:
    """SST of Stanford Sentiment Treebank; "" of a single word."""
    words = name.replace("-", " ").split()
    return "".join(word[0] for word in words).casefold() if len(words) > 1 else ""


def _numbers(effect: dict[str, Any]) -> dict[str, Any]:
    """The effect's numbers as numbers; UsageError for what is none or no field of an effect."""
    names = ("metric", "unit", "value", "baseline", "gain", "dataset", "scale", "reported_by")
    given: dict[str, Any] = {"metric": "", "unit": ""}
    for name, value in effect.items():
        if name not in names:
            raise UsageError(f"An effect has no “{name}”. It has: {', '.join(names)}.")
        if name in {"value", "baseline", "gain"}:
            try:
                given[name] = None if value is None else float(str(value).rstrip("%"))
            except ValueError as error:
                raise UsageError(f"“{value}” is no number for the effect's {name}.") from error
        else:
            given[name] = value or ""
    return given
