"""What people make of what they read: findings with their evidence, projects and candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kb.records.library import Document

FindingKind = Literal["design_choice", "dataset", "pretrained_model"]
Stance = Literal["for", "against"]
Mark = Literal["passage", "for", "against", "suggestion"]  # what is marked in a text, and as what
CandidateStatus = Literal[
    "new", "shortlisted", "planned", "trying", "adopted", "rejected", "parked"
]
SuggestionStatus = Literal["open", "accepted", "rejected"]
ReadingStatus = Literal["to read", "reading", "read", "excluded"]

FINDING_KINDS: tuple[FindingKind, ...] = ("design_choice", "dataset", "pretrained_model")
STANCES: tuple[Stance, ...] = ("for", "against")
CANDIDATE_STATUSES: tuple[CandidateStatus, ...] = (
    "new", "shortlisted", "planned", "trying", "adopted", "rejected", "parked",
)  # fmt: skip
READING_STATUSES: tuple[ReadingStatus, ...] = ("to read", "reading", "read", "excluded")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a quote claims in numbers. A number that is compared has a unit."""

    metric: str  # "accuracy", "macro-F1"
    unit: str  # "%", "points", "ms"
    value: float | None = None  # reached
    baseline: float | None = None  # instead of
    gain: float | None = None  # where only the difference is stated
    dataset: str = ""  # measured on
    scale: str = ""  # how much data, what size of model
    reported_by: str = ""  # authors, vendor, a third party

    @property
    def difference_unit(self) -> str:
        """What `difference` is in: two percentages differ by points."""
        computed = self.value is not None and self.baseline is not None
        return "points" if computed and self.unit == "%" else self.unit

    @property
    def difference(self) -> float | None:
        """The value less the baseline, else the stated gain, in `unit`; None where unknown."""
        if self.value is not None and self.baseline is not None:
            return self.value - self.baseline
        return self.gain


@dataclass(frozen=True, slots=True)
class Finding:
    """A named thing that literature offers."""

    id: int
    kind: FindingKind
    name: str
    fields: dict[str, object]  # as kb.findings.fields checks them
    note: str
    aliases: tuple[str, ...]  # other names, those of findings merged into it too
    tags: tuple[str, ...]
    revision: int  # grows with each change: the optimistic lock
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str
    merged: tuple[int, ...] = ()  # ids of findings merged into it
    uid: str = ""  # the same in every library it is brought to


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a finding is believed: an exact quote at its place. Never changes."""

    id: int
    finding_id: int  # as tagged; a merged finding's evidence is shown with what it went into
    document: Document
    version_id: int
    version_label: str
    sha256: str  # of the version's raw bytes
    start: int
    end: int
    page: int | None
    section: str
    quote: str
    stance: Stance
    effect: Effect | None
    note: str
    created_at: str
    created_by: str
    uid: str = ""  # the same in every library it is brought to


@dataclass(frozen=True, slots=True)
class Project:
    """A team's machine-learning project."""

    id: int
    name: str
    brief: dict[str, object]  # as kb.findings.fields.Brief checks it
    revision: int
    created_at: str
    created_by: str
    archived_at: str | None = None
    uid: str = ""  # the same in every library it is brought to

    @property
    def gain_unit(self) -> str:
        """What a gain on the project's metric is in: two percentages differ by points."""
        unit = str(self.brief.get("unit") or "")
        return "points" if unit == "%" else unit


@dataclass(frozen=True, slots=True)
class Candidate:
    """A finding that a project considers."""

    id: int
    project: str
    finding: Finding
    status: CandidateStatus
    owner: str
    reason: str
    note: str
    revision: int
    updated_at: str
    updated_by: str
    uid: str = ""  # the same in every library it is brought to


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a project has come with a document."""

    document: Document
    status: ReadingStatus
    reason: str = ""
    reader: str = ""
    minutes: float = 0.0
    updated_at: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark on a finding, an evidence or a candidate."""

    id: int
    subject: str  # "finding:3"
    text: str
    created_at: str
    created_by: str
    uid: str = ""  # the same in every library it is brought to


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the machine proposes to tag, for a person to accept or reject."""

    id: int
    document: Document
    version_id: int
    kind: FindingKind
    name: str
    start: int  # of the quote
    end: int
    quote: str
    score: float  # 0 to 1
    why: str  # "name list (mteb)", "pattern: trained on …"
    axis: str  # of a design choice
    effect: Effect | None
    status: SuggestionStatus
    evidence_id: int | None = None  # that it has become, where it was accepted
    decided_at: str = ""
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What people made of the machine's suggestions of one kind."""

    kind: FindingKind
    open: int
    accepted: int
    rejected: int

    @property
    def decided(self) -> int:
        """How many a person has looked at."""
        return self.accepted + self.rejected
