"""Tagging and verifying: from a quote in a document to evidence of a finding, and back.

Knows where quotes stand. How a quote is found in a text is `pin`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kb.errors import KbError
from kb.findings.pin import moved, nearest, pin, still_stands
from kb.records import (
    Candidate,
    Document,
    Effect,
    Evidence,
    Finding,
    FindingKind,
    Stance,
    Version,
    page_at,
)
from kb.store import Store

Now = Literal["same", "moved", "changed", "gone"]
GONE = 0.6
"""Likeness below which the nearest place of a newer version is no longer the same sentence."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """What tagging made: the finding (new or known) and the evidence that now stands for it."""

    finding: Finding
    evidence: Evidence
    new: bool  # the finding was not known before
    elsewhere: int  # further places of the same words, which were not meant


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an evidence still stands in what was stored, and in the newest version."""

    evidence: Evidence
    finding: Finding
    stands: bool  # exactly there, in the bytes and the text that it cites
    reason: str  # why not
    newest: Now  # where the sentence is in the document's current version
    newest_text: str  # what it has changed into
    rests: tuple[Candidate, ...]  # what rests on it


def tag(
    store: Store,
    document: Document,
    kind: FindingKind,
    name: str,
    *,
    quote: str,
    near: tuple[int, int] | None = None,
    stance: Stance = "for",
    effect: Effect | None = None,
    note: str = "",
    fields: dict[str, object] | None = None,
    tags: Sequence[str] = (),
) -> Tagged:
    """Pin `quote` in the document's current version as evidence of the finding of that name.

    `near` are the offsets of the passage it was seen in, for words that stand more than once.
    Raises QuoteNotFound, with the closest place, where the words do not stand there.
    """
    version = store.documents.version(document.version_id)
    place = pin(version.text, quote, near=near)
    with store.transaction():
        known = store.findings.named(name, kind)
        finding = known[0] if known else store.findings.add(kind, name, fields=fields, tags=tags)
        if known and (fields or set(tags) - set(finding.tags)):
            finding = store.findings.edit(
                finding.id,
                finding.revision,
                fields={**finding.fields, **(fields or {})},
                tags=tuple(dict.fromkeys([*finding.tags, *tags])),
            )
        evidence = store.findings.pin(
            finding.id,
            version.id,
            place.start,
            place.end,
            quote=version.text[place.start : place.end],
            section=_section(version, place.start),
            page=page_at(version.pages, place.start),
            stance=stance,
            effect=effect,
            note=note,
        )
    return Tagged(store.findings.get(finding.id), evidence, not known, place.others)


def verify(store: Store, evidence: Sequence[Evidence]) -> list[Verdict]:
    """Read every quote again, from the stored bytes and text, and look for it in what is newest."""
    versions: dict[int, Version] = {}
    damaged: dict[int, str] = {}
    verdicts = []
    for each in evidence:
        for version_id in (each.version_id, each.document.version_id):
            if version_id not in versions:
                versions[version_id] = store.documents.version(version_id)
                damaged[version_id] = _damage(store, versions[version_id])
        cited, current = versions[each.version_id], versions[each.document.version_id]
        reason = damaged[each.version_id]
        if not reason and cited.sha256 != each.sha256:
            reason = "the version it cites has other bytes"
        if not reason and not still_stands(cited.text, each.start, each.end, each.quote):
            reason = "the quote is not where it was pinned"
        finding = store.findings.get(each.finding_id)
        newest, text = _in_newest(each, cited, current)
        verdicts.append(
            Verdict(
                each,
                finding,
                not reason,
                reason,
                newest,
                text,
                tuple(store.candidates.of_finding(finding.id)),
            )
        )
    return verdicts


def stale(store: Store, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The quotes whose words do not stand in the current version of their document."""
    ids = {each.document.version_id for each in evidence}
    texts = {version_id: store.documents.version(version_id).text for version_id in ids}
    return [
        each
        for each in evidence
        if moved(texts[each.document.version_id], each.quote, each.start) is None
    ]


def _in_newest(evidence: Evidence, cited: Version, current: Version) -> tuple[Now, str]:
    if cited.id == current.id:
        return "same", evidence.quote
    place = moved(current.text, evidence.quote, evidence.start)
    if place is not None:
        return "same" if place.start == evidence.start else "moved", place.text
    start, end, likeness = nearest(current.text, evidence.quote)
    return ("changed", current.text[start:end]) if likeness >= GONE else ("gone", "")


def _damage(store: Store, version: Version) -> str:
    try:
        store.raw_files.get(version.sha256)  # compares the hash
    except KbError as error:
        return str(error)
    return ""


def _section(version: Version, offset: int) -> str:
    return next((s.title for s in version.sections if s.start <= offset < s.end), "")
