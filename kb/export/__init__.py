"""Findings as files: records in, text or bytes out, one module for each format.

What a line of any of them needs is put together here. No internal id is ever part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.records import FINDING_KINDS, Candidate, Document, Evidence, Finding, FindingKind
from kb.store import Store

KIND_NAMES: dict[FindingKind, tuple[str, str]] = dict(
    zip(
        FINDING_KINDS,
        (
            ("Design choice", "Design choices"),
            ("Dataset", "Datasets"),
            ("Pretrained model", "Pretrained models"),
        ),
        strict=True,
    )
)
"""What a kind is called in a file and on the page: one of them, several of them."""


@dataclass(frozen=True, slots=True)
class Supported:
    """A finding with all that it rests on, oldest first, and what projects make of it."""

    finding: Finding
    evidence: tuple[Evidence, ...]
    candidates: tuple[Candidate, ...]

    @property
    def against(self) -> int:
        """How many of the evidences speak against it."""
        return sum(evidence.stance == "against" for evidence in self.evidence)


def with_evidence(store: Store, findings: Sequence[Finding]) -> list[Supported]:
    """The findings, in their order, with what they rest on; read in one go for all of them."""
    owner = {merged: finding.id for finding in findings for merged in finding.merged}
    evidence: dict[int, list[Evidence]] = {finding.id: [] for finding in findings}
    for each in store.findings.all_evidence():
        evidence.get(owner.get(each.finding_id, each.finding_id), []).append(each)
    candidates: dict[int, list[Candidate]] = {finding.id: [] for finding in findings}
    for project in store.projects.names():
        for candidate in store.candidates.of_project(project):
            candidates.get(candidate.finding.id, []).append(candidate)
    return [Supported(f, tuple(evidence[f.id]), tuple(candidates[f.id])) for f in findings]


def source(document: Document) -> str:
    """Where to find a work: its address, else its public key; "" for a file somebody had."""
    key = document.key
    return document.metadata.url or ("" if key.startswith("sha256:") else key)


def version(evidence: Evidence) -> str:
    """The label of the version a quote is from; "" where that is but a piece of its hash."""
    label = evidence.version_label
    return "" if label and evidence.sha256.startswith(label) else label


def value_text(value: object) -> str:
    """A field's value in words, on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())
