"""Shortlists from a file to a kept Fit, and whether a kept one still holds.

Reads the file and the store and puts both into the report; what is measured it leaves to the
entrance, and what encoders there are to whoever gives them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kb.errors import UsageError
from kb.fit.dataset import Options, Progress, Say
from kb.fit.kept import Repeated, options_for, plain, why_moved
from kb.fit.models import Claim, Encoders, ModelFit, fit_models, short_names
from kb.fit.tables import read_table
from kb.records import Evidence, Fit
from kb.store import Store

SAMPLE = 2000
"""Rows taken of the target: the interval of a difference is then about two points wide, and an
encoder that reads 100 texts a second is measured in half a minute."""
CLAIMS = 12  # quotes kept of one model, those with an effect first
PASSING = ("seconds", "files", "versions", "speed", "claims", "machine", "verdict", "failed")
"""Of a report: what may differ when it still holds. The verdict is compared by itself."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which columns of which file; a label column of None says that there are no labels."""

    file: Path
    text: str = "text"
    label: str | None = "label"
    sample: int = SAMPLE


class Shortlisting:
    """Measures which encoders suit the team's data, and keeps the answers in the store."""

    def __init__(self, store: Store, encoders: Encoders) -> None:
        """`encoders` says how one is loaded by its name or path."""
        self._store = store
        self._encoders = encoders

    def models(
        self,
        target: Target,
        models: Sequence[str],
        given: Mapping[str, Any] | None = None,
        *,
        project: str = "",
        latency_ms: float | None = None,
        say: Say = lambda sentence: None,
        progress: Progress = lambda what, done, total: None,
    ) -> Fit:
        """Measure and keep; `given` are fields of Options that overrule the project's brief.

        `latency_ms` overrules the brief's limit. NotFound and UsageError say what is wrong before
        anything is measured.
        """
        if not models:
            raise UsageError("Say which models are in question: --models NAME_OR_PATH …")
        brief = self._store.projects.get(project) if project else None
        options = options_for(brief, None, given or {}, say=say)
        limit = latency_ms
        if brief is not None and limit is None:
            stated = brief.brief.get("latency_ms")
            limit = float(stated) if isinstance(stated, int | float) else None
        report = self._measured(target, models, options, limit, say, progress)
        return self._keep(report, target, project)

    def again(
        self,
        fit_id: int,
        *,
        target: Path | None = None,
        say: Say = lambda sentence: None,
        progress: Progress = lambda what, done, total: None,
    ) -> Repeated:
        """Measure once more as it was asked then; kept only where a digit of a score has changed.

        `target` says where the file is now, if it has moved. It holds where the same is advised.
        """
        before = self._store.fits.get(fit_id)
        if before.kind != "model":
            raise UsageError(f"Measurement {fit_id} is not one of models.")
        body = before.body
        kept = dict(body["files"])
        kept["file"] = target or Path(kept["file"])
        asked = Target(**kept)
        options = Options(**body["options"])
        report = self._measured(asked, body["models"], options, body["latency_ms"], say, progress)
        was, verdict = body["verdict"], report.verdict
        holds = (was["kind"], was["name"]) == (verdict.kind, verdict.name)
        changes = _changes(body, report.as_dict())
        if holds and not changes:
            return Repeated(before, before, True, ("It still holds: not a digit has changed.",))
        now = self._keep(report, asked, before.project)
        first = (
            f"It still holds: {now.verdict} (before: {before.verdict})."
            if holds
            else f"It no longer holds: {now.verdict}. Before: {before.verdict}."
        )
        if not changes:
            changes = ["No score has changed: the encoders are faster or slower here than then."]
        return Repeated(before, now, holds, (first, *changes))

    def claims(self, model: str) -> tuple[Claim, ...]:
        """What the library says of a model of that name or alias, or of its path's last part."""
        names = dict.fromkeys((model, model.rstrip("/").rpartition("/")[2]))
        findings = {
            finding.id: finding
            for name in names
            for finding in self._store.findings.named(name, "pretrained_model")
        }
        found = [
            _claim(evidence, finding.id, finding.name)
            for finding in findings.values()
            for evidence in self._store.findings.evidence(finding.id)
        ]
        return tuple(sorted(found, key=lambda claim: claim.effect is None)[:CLAIMS])

    def _measured(
        self,
        target: Target,
        models: Sequence[str],
        options: Options,
        latency_ms: float | None,
        say: Say,
        progress: Progress,
    ) -> ModelFit:
        table = read_table(
            target.file,
            target.text,
            target.label,
            sample=target.sample,
            seed=options.seed,
            report=lambda rows: progress(f"reading {target.file.name}", rows, 0),
        )
        return fit_models(
            table,
            models,
            self._encoders,
            self._store.library,
            options,
            latency_ms=latency_ms,
            claims=self.claims,
            say=say,
            progress=progress,
        )

    def _keep(self, report: ModelFit, target: Target, project: str) -> Fit:
        revisions = " ".join(each.revision for each in report.entries if each.revision)
        files = asdict(target) | {"file": str(target.file.absolute())}
        told = {claim.finding for claims in report.claims.values() for claim in claims}
        return self._store.fits.add(
            "model",
            source=", ".join(short_names(report.models).values()),
            source_sha256=hashlib.sha256(revisions.encode()).hexdigest(),
            target=report.target,
            target_sha256=report.target_sha256,
            verdict=report.verdict.text,
            sentences=(*report.verdict.sentences, *report.verdict.would_change),
            body=report.as_dict() | {"files": files},
            project=project,
            finding=told.pop() if len(report.models) == len(told) == 1 else None,
        )


def _claim(evidence: Evidence, finding: int, name: str) -> Claim:
    return Claim(
        finding=finding,
        name=name,
        stance=evidence.stance,
        effect=None if evidence.effect is None else asdict(evidence.effect),
        quote=evidence.quote,
        document=evidence.document.title,
        key=evidence.document.key,
        page=evidence.page,
    )


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two reports, in sentences; none where no score does."""
    revisions = [{e["name"]: e["revision"] for e in body["entries"]} for body in (before, now)]
    moved = [part for part in now if part not in PASSING and plain(now[part]) != before.get(part)]
    found = []
    if before["target_sha256"] != now["target_sha256"]:
        found.append("The target's file has changed since.")
    for name in revisions[0].keys() | revisions[1].keys():
        then, today = (each.get(name) for each in revisions)
        if then is None or today is None:
            found.append(f"{name} could be tried only {'now' if then is None else 'then'}.")
        elif then != today:
            found.append(f"The files of {name} have changed since.")
    if moved and not found:
        found.append(why_moved(before, now))
    return sorted(found) if moved else []
