"""Measurements from files to a kept Fit, and whether a kept one still holds.

Reads files and the store and puts both into the report; what is measured it leaves to the entrance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kb.errors import NotFound, UsageError
from kb.fit.dataset import (
    WORTH,
    DatasetFit,
    Encoder,
    Options,
    Progress,
    Say,
    fit_dataset,
)
from kb.fit.learning import METRICS
from kb.fit.many import Ranking, rank_sources
from kb.fit.tables import SAMPLE, Table, read_table
from kb.fit.vectors import VectorCache
from kb.records import Finding, Fit, Project
from kb.search.embed import Embedder
from kb.store import Store

OF_FINDING = {"licence": "licence", "collected_from": "origin", "labelled_by": "labelled by",
              "language": "language", "size": "size"}  # fmt: skip
PASSING = ("seconds", "files", "versions")  # of a report: what may differ when it still holds


@dataclass(frozen=True, slots=True)
class Files:
    """Which columns of which files; a label column of None says that there are none."""

    source: Path
    target: Path
    text: str = "text"
    label: str = "label"
    target_text: str = ""  # "": as in the source
    target_label: str | None = ""
    sample: int = SAMPLE


@dataclass(frozen=True, slots=True)
class Repeated:
    """A measurement made again."""

    before: Fit
    now: Fit  # the same row where not a digit has changed
    holds: bool  # the verdict is of the same kind
    sentences: tuple[str, ...]


class Fitting:
    """Measures whether datasets suit the team's data, and keeps the answers in the store."""

    def __init__(self, store: Store, embedder: Callable[[], Embedder]) -> None:
        """`embedder` is called when texts are to be embedded, after the files were read."""
        self._store = store
        self._embedder = embedder

    def dataset(
        self,
        files: Files,
        given: Mapping[str, Any] | None = None,
        *,
        project: str = "",
        dataset: str = "",
        say: Say = lambda sentence: None,
        progress: Progress = lambda what, done, total: None,
    ) -> Fit:
        """Measure and keep; `given` are fields of Options that overrule the project's brief.

        `dataset` names or numbers the finding that the source is. NotFound and UsageError say
        what is wrong before anything is measured.
        """
        finding = self._finding(dataset) if dataset else None
        brief = self._store.projects.get(project) if project else None
        options = options_for(brief, finding, given or {}, say=say)
        report = self._measured(files, options, say, progress)
        return self._keep(report, files, project, finding.id if finding else None)

    def many(
        self,
        files: Sequence[Files],
        given: Mapping[str, Any] | None = None,
        *,
        project: str = "",
        say: Say = lambda sentence: None,
        progress: Progress = lambda what, done, total: None,
    ) -> Ranking:
        """Rank several sources of one target; each single one is kept."""
        brief = self._store.projects.get(project) if project else None
        options = options_for(brief, None, given or {}, say=say)
        tables = [self.tables(each, seed=options.seed, progress=progress) for each in files]
        embedder = self._embedder()
        cache = VectorCache(self._store.library, embedder)
        encoder = Encoder(embedder.name, embedder.revision)

        def measure(source: Table) -> DatasetFit:
            return fit_dataset(
                source, tables[0][1], cache, encoder, options, say=say, progress=progress
            )

        ranking, reports = rank_sources([source for source, _ in tables], measure)
        with self._store.transaction():
            for report, each in zip(reports, files, strict=True):
                self._keep(report, each, project, None)
        return ranking

    def again(
        self,
        fit_id: int,
        *,
        source: Path | None = None,
        target: Path | None = None,
        say: Say = lambda sentence: None,
        progress: Progress = lambda what, done, total: None,
    ) -> Repeated:
        """Measure once more as it was asked then; kept only where a digit has changed.

        `source` and `target` say where the files are now, if they have moved.
        """
        before = self._store.fits.get(fit_id)
        if before.kind != "dataset" or "files" not in before.body:
            raise UsageError(f"Measurement {fit_id} is not one of a dataset, and cannot be redone.")
        kept = dict(before.body["files"])
        kept["source"] = source or Path(kept["source"])
        kept["target"] = target or Path(kept["target"])
        files = Files(**kept)
        report = self._measured(files, Options(**before.body["options"]), say, progress)
        changes = _changes(before.body, report.as_dict())
        if not changes:
            return Repeated(before, before, True, ("It still holds: not a digit has changed.",))
        now = self._keep(report, files, before.project, before.finding)
        was = before.body["verdict"]["kind"]
        holds = bool(report.verdict.kind == was)
        first = (
            f"It still holds: {now.verdict} (before: {before.verdict})."
            if holds
            else f"It no longer holds: {now.verdict}. Before: {before.verdict}."
        )
        return Repeated(before, now, holds, (first, *changes))

    def _measured(self, files: Files, options: Options, say: Say, progress: Progress) -> DatasetFit:
        source, target = self.tables(files, seed=options.seed, progress=progress)
        embedder = self._embedder()
        cache = VectorCache(self._store.library, embedder)
        encoder = Encoder(embedder.name, embedder.revision)
        return fit_dataset(source, target, cache, encoder, options, say=say, progress=progress)

    def tables(
        self, files: Files, *, seed: int, progress: Progress = lambda what, done, total: None
    ) -> tuple[Table, Table]:
        """Both files, read."""

        def read(file: Path, text: str, label: str | None) -> Table:
            return read_table(
                file,
                text,
                label,
                sample=files.sample,
                seed=seed,
                report=lambda rows: progress(f"reading {file.name}", rows, 0),
            )

        label = files.label if files.target_label == "" else files.target_label
        return (
            read(files.source, files.text, files.label),
            read(files.target, files.target_text or files.text, label),
        )

    def _keep(self, report: DatasetFit, files: Files, project: str, finding: int | None) -> Fit:
        kept = asdict(files) | {
            "source": str(files.source.absolute()),
            "target": str(files.target.absolute()),
        }
        return self._store.fits.add(
            "dataset",
            source=report.source,
            source_sha256=report.source_sha256,
            target=report.target,
            target_sha256=report.target_sha256,
            verdict=report.verdict.text,
            sentences=(*report.verdict.sentences, *report.verdict.would_change),
            body=report.as_dict() | {"files": kept},
            project=project,
            finding=finding,
        )

    def _finding(self, name: str) -> Finding:
        if name.isdecimal():
            return self._store.findings.get(int(name))
        found = self._store.findings.named(name, "dataset")
        if not found:
            known = ", ".join(each.name for each in self._store.findings.all(kind="dataset")[:20])
            raise NotFound(
                f"There is no dataset “{name}” among the findings. "
                + (f"Datasets are: {known}." if known else "There are no datasets yet: kb tag.")
            )
        return found[0]


def options_for(
    project: Project | None,
    finding: Finding | None,
    given: Mapping[str, Any],
    *,
    say: Say = lambda sentence: None,
) -> Options:
    """Options from `given`, then from the project's brief, then the defaults.

    A metric of the brief that cannot be measured here is told to `say`, and macro-F1 is taken.
    """
    asked = dict(given)
    brief = project.brief if project else {}
    metric = str(brief.get("metric") or "")
    if metric and "metric" not in asked:
        known = {"".join(filter(str.isalnum, each.casefold())) for each in METRICS}
        if "".join(filter(str.isalnum, metric.casefold())) in known | {"f1"}:
            asked["metric"] = metric
        else:
            say(
                f"The project's metric “{metric}” cannot be measured here: macro-F1 is taken. "
                f"Known are {', '.join(METRICS)} (--metric)."
            )
    smallest = brief.get("smallest_gain")
    if isinstance(smallest, int | float) and smallest > 0 and "worth" not in asked:
        asked["worth"] = _fraction(float(smallest), str(brief.get("unit") or ""))
    if finding is not None:
        asked["facts"] = {
            shown: str(finding.fields[name])
            for name, shown in OF_FINDING.items()
            if finding.fields.get(name)
        }
    options = Options(**asked)
    if not 0 < options.worth < 1:
        raise UsageError(
            f"A smallest gain of {options.worth:g} is out of range: metrics here run from 0 to 1, "
            f"so two points are {WORTH:g}."
        )
    return options


def _fraction(gain: float, unit: str) -> float:
    """A gain in the project's unit as a part of 1: metrics here run from 0 to 1."""
    in_points = unit.strip().casefold() in {"%", "points", "pp", "percent", "percentage points"}
    return gain / 100 if in_points or gain >= 1 else gain


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two reports, in sentences; none where nothing that was measured does."""
    found = []
    for which in ("source", "target"):
        if before[f"{which}_sha256"] != now[f"{which}_sha256"]:
            found.append(f"The {which}'s file has changed since.")
    if before["encoder"] != plain(now["encoder"]):
        found.append("Another encoder was used then.")
    moved = sum(plain(now[part]) != before.get(part) for part in now if part not in PASSING)
    if moved and not found:
        found.append(why_moved(before, now))
    return found if moved else []


def why_moved(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Why figures of two reports on the same files differ."""
    libraries = [
        f"{name} {before['versions'].get(name)} → {version}"
        for name, version in now["versions"].items()
        if before["versions"].get(name) != version
    ]
    if libraries:
        return f"Figures moved though the files did not: {', '.join(libraries)}."
    return "Figures moved though files and versions did not: the vectors were made anew."


def plain(value: Any) -> Any:
    """As it comes back from JSON: tuples are lists."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value
