"""What follows from answering in real time or in batches, and whether the candidates are fast
enough, as far as literature says so.

Knows what a brief wants and what quotes claim. It measures nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kb.records import Effect, Evidence, Supported

_MS = {
    "ms": 1.0, "msec": 1.0, "millisecond": 1.0, "milliseconds": 1.0, "s": 1000.0, "sec": 1000.0,
    "second": 1000.0, "seconds": 1000.0, "µs": 0.001, "us": 0.001, "microseconds": 0.001,
}  # fmt: skip
"""Units of a latency → how many milliseconds one is."""
_LATENCY = re.compile(r"latency|(inference|response|prediction|run(ning)?)[ -]?time", re.IGNORECASE)


def deployment(brief: Mapping[str, object], findings: Sequence[Supported]) -> tuple[str, ...]:
    """What follows from the brief's deployment, in sentences; `findings` are still considered."""
    wanted = brief.get("deployment")
    if wanted == "real time":
        return _real_time(brief.get("latency_ms"), findings)
    if wanted == "batch":
        return _batch(str(brief.get("cadence") or ""), findings)
    return ("The brief does not say whether the model answers in real time or in batches.",)


def _real_time(limit: object, findings: Sequence[Supported]) -> tuple[str, ...]:
    stated = float(limit) if isinstance(limit, int | float) else None
    within = f" within {stated:g} ms" if stated is not None else ""
    sentences = [
        f"The model answers in real time{within}: a service with an API, the model held in memory, "
        "a time-out, and an answer for when it is late."
    ]
    if stated is None:
        sentences.append("The brief sets no latency limit: ask what the product can bear.")
    reported = _reported(findings, stated)
    sentences += reported or [
        "No work here reports a latency of any candidate: measure it on our hardware before one is "
        "chosen."
    ]
    if reported:
        sentences.append("Reported latencies are of other hardware: measure on ours.")
    return tuple(sentences)


def _batch(cadence: str, findings: Sequence[Supported]) -> tuple[str, ...]:
    when = f" ({cadence})" if cadence else ""
    sentences = [
        f"The model answers in batches{when}: a scheduled job that reads what is new, writes its "
        "answers, and can run again without writing them twice. Throughput counts, not latency."
    ]
    if not cadence:
        sentences.append("The brief does not say how often the job runs.")
    return (*sentences, *_reported(findings, None))


def _reported(findings: Sequence[Supported], limit: float | None) -> list[str]:
    """What is reported of the latency of each finding, against the limit in ms."""
    found = []
    for each in findings:
        for evidence in each.evidence:
            if evidence.effect is not None and _is_latency(evidence.effect):
                said = _against(evidence.effect, limit)
                found.append(f"“{each.finding.name}” {said} ({_source(evidence)}).")
    return found


def _is_latency(effect: Effect) -> bool:
    """A time, of a metric that names one; a training's time is none."""
    return _LATENCY.search(effect.metric) is not None and "train" not in effect.metric.casefold()


def _against(effect: Effect, limit: float | None) -> str:
    factor = _MS.get(effect.unit.split("/")[0].split(" per ")[0].strip().casefold())
    if effect.value is None:
        return f"is reported to change {effect.metric} by {effect.gain:+g} {effect.unit}"
    said = f"is reported at {effect.value:g} {effect.unit}"
    if factor is None or limit is None:
        return said
    within = effect.value * factor <= limit
    return f"{said}, {'within' if within else 'over'} the limit of {limit:g} ms"


def _source(evidence: Evidence) -> str:
    document = evidence.document
    authors = document.metadata.authors
    who = f"{authors[0]}{' et al.' if len(authors) > 2 else ''}: " if authors else ""
    if len(authors) == 2:
        who = f"{authors[0]} and {authors[1]}: "
    year = f", {document.metadata.year}" if document.metadata.year else ""
    page = f", p. {evidence.page}" if evidence.page else ""
    return f"{who}{document.title}{year}{page}"
