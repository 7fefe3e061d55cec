"""A project as HTML: its brief, what is missing from it, and how far its review has come.

Everything is escaped by `kb.pages.markup`. It draws nothing itself and knows no widget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from kb.findings.fields import ASKED_FIRST
from kb.findings.progress import Progress
from kb.pages.markup import escaped, facts
from kb.records import Project, Reading

WORDS = {
    "metric": "the metric of the model",
    "unit": "its unit",
    "baseline": "its value today",
    "baseline_is": "whose value that is",
    "objective": "the objective",
    "value": "what the product gains",
    "target": "the target",
    "smallest_gain": "the smallest gain worth having",
    "review_start": "when the review starts",
    "review_days": "how many days it may take",
    "deadline": "the deadline of the experiments",
    "people": "how many people work on it",
    "hours_a_week": "their hours a week",
    "deployment": "real time or batch",
    "domain": "what our data is",
    "tie": "how the metric moves what the product gains",
    "asked": "who was asked about metric and baseline",
}
"""Fields that a brief should have, in words."""
_STOPS = {True: "stop", False: "go on", None: "cannot tell yet"}


def head(project: Project) -> str:
    """A project's name, its objective, and metric and baseline before anything else."""
    brief = project.brief
    objective = str(brief.get("objective") or "")
    lead = f'<p class="kb-lead">{escaped(objective)}</p>' if objective else ""
    return f'<h2 class="kb-h1">{escaped(project.name)}</h2>{lead}{_tiles(brief)}'


def _tiles(brief: Mapping[str, object]) -> str:
    better = "less is better" if brief.get("direction") == "lower" else "more is better"
    rows = [
        ("Metric", str(brief.get("metric") or ""), better if brief.get("metric") else ""),
        ("Baseline", amount(brief, "baseline"), str(brief.get("baseline_is") or "")),
        ("Target", amount(brief, "target"), ""),
        ("Smallest gain worth having", amount(brief, "smallest_gain"), ""),
    ]
    cells = "".join(
        f'<div class="kb-tile"><dt>{escaped(name)}</dt><dd>{escaped(value) or "not stated"}'
        f"{f'<span>{escaped(more)}</span>' if more else ''}</dd></div>"
        for name, value, more in rows
    )
    return f'<dl class="kb-tiles">{cells}</dl>'


def amount(brief: Mapping[str, object], name: str) -> str:
    """A number of the brief in the unit of its metric; "" where it is not stated. Plain text."""
    value = brief.get(name)
    return f"{value:g} {brief.get('unit') or ''}".strip() if isinstance(value, int | float) else ""


def missing(names: Sequence[str]) -> str:
    """What the brief does not say, metric and baseline first; "" where it says all."""
    if not names:
        return ""
    first = [name for name in names if name in ASKED_FIRST]
    rest = [name for name in names if name not in ASKED_FIRST]
    why = f"{_words(first)}. Without these a gain means nothing." if first else ""
    later = f"{'Later also: ' if first else ''}{_words(rest)}." if rest else ""
    text = "".join(f"<p>{escaped(each)}</p>" for each in (why, later) if each)
    return (
        '<div class="kb-box kb-note" role="status"><strong>The brief does not say yet</strong>'
        f"{text}</div>"
    )


def _words(names: Sequence[str]) -> str:
    return "; ".join(WORDS.get(name, name.replace("_", " ")) for name in names)


def tie(brief: Mapping[str, object]) -> str:
    """How the model's metric is tied to what the product gains, and what would break that."""
    metric, value = str(brief.get("metric") or "the metric"), str(brief.get("value") or "")
    unit = f" (in {brief['value_unit']})" if brief.get("value_unit") else ""
    rows = {
        "The product gains": escaped(f"{value}{unit}") if value else _open(),
        f"How {metric} moves it": escaped(str(brief.get("tie") or "")) or _open(),
        "What shows that": escaped(str(brief.get("tie_evidence") or "")) or _open(),
        "What would break it": escaped(str(brief.get("tie_breaks") or "")) or _open(),
        "Who was asked": escaped(str(brief.get("asked") or "")) or _open(),
    }
    return facts(rows)


def _open() -> str:
    return '<span class="kb-open">not stated</span>'


def means(brief: Mapping[str, object]) -> str:
    """What there is to spend, the data, and how the model will be used."""
    text = {name: str(brief.get(name) or "") for name in ("domain", "deployment", "cadence")}
    use = ", ".join(filter(None, (
        text["deployment"],
        f"within {brief['latency_ms']:g} ms" if brief.get("latency_ms") else "",
        text["cadence"],
    )))  # fmt: skip
    rows = {
        "Deadline": str(brief.get("deadline") or ""),
        "People": _people(brief),
        "GPUs": _gpus(brief),
        "Our data": text["domain"],
        "Of it labelled": f"{brief['training_samples']:,}" if brief.get("training_samples") else "",
        "Use": use,
        "Other metrics": _mappings(brief),
    }
    return facts({name: escaped(value) for name, value in rows.items()})


def _people(brief: Mapping[str, object]) -> str:
    hours = brief.get("hours_a_week")
    each = f"{hours:g} hours a week each" if isinstance(hours, int | float) else ""
    count = brief.get("people")
    return ", ".join(filter(None, (str(count) if count is not None else "", each)))


def _gpus(brief: Mapping[str, object]) -> str:
    hours = brief.get("gpu_hours")
    total = f"{hours:g} hours in all" if isinstance(hours, int | float) else ""
    count = brief.get("gpus")
    return ", ".join(filter(None, (str(count) if count is not None else "", total)))


def _mappings(brief: Mapping[str, object]) -> str:
    given = brief.get("mappings")
    if not isinstance(given, dict):
        return ""
    ours = brief.get("metric") or "the project's metric"
    return "; ".join(
        f"a point of {metric} counts {each['factor']:g} of {ours} ({each['reason']})"
        for metric, each in given.items()
    )


# -- the review ----------------------------------------------------------------------------------


def gauge(progress: Progress) -> str:
    """Hours spent on reading against the time-box."""
    box = progress.time_box
    if box.hours is None or box.share is None:
        spent = f"{box.used:.1f} hours spent on reading; the brief sets no time-box."
        return f'<p class="kb-meta">{spent}</p>'
    ends = f", until {box.ends.isoformat()}" if box.ends else ""
    words = f"{box.used:.1f} of {box.hours:g} hours ({box.share:.0%}){ends}"
    return (
        f'<p class="kb-gauge"><span>Time-box</span><meter class="kb-meter" min="0" max="1" '
        f'value="{min(box.share, 1):.3f}" aria-label="Share of the time-box that is used">'
        f"{box.share:.0%}</meter><span>{escaped(words)}</span></p>"
    )


def review(progress: Progress) -> str:
    """What was read and found, how much is likely to be left, and which rules say stop."""
    unread = progress.unread
    expected = "cannot tell yet"
    if unread.expected is not None:
        expected = (
            f"about {unread.expected:.0f}, at most {unread.at_most}, judging by the last "
            f"{unread.sample} read"
        )
    rows = {
        "Read": f"{progress.read}, {progress.left} left",
        "Findings": str(progress.findings),
        "Relevant ones left": expected,
        **{f"Stop by {rule}": _STOPS[stop] for rule, stop in progress.stops.items()},
    }
    return (
        f'<p class="kb-lead">{escaped(progress.advice)}</p>'
        + facts({name: escaped(value) for name, value in rows.items()})
        + f'<p class="kb-meta">The estimate: {escaped(unread.method)}.</p>'
    )


def readers(readings: Sequence[Reading]) -> str:
    """Who has read how much for the project."""
    documents: Counter[str] = Counter()
    minutes: Counter[str] = Counter()
    for each in readings:
        if each.reader:
            documents[each.reader] += 1
            minutes[each.reader] += round(each.minutes)
    rows = {
        who: escaped(f"{count} document{'s' if count != 1 else ''}, {minutes[who]} minutes")
        for who, count in documents.most_common()
    }
    return facts(rows) if rows else '<p class="kb-meta">Nobody has noted any reading yet.</p>'
