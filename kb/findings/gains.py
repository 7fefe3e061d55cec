"""Knows how papers claim gains in numbers: "from 85.2 to 87.0", "by 1.8 F1".

It refuses to compare or convert: metric, unit and amount stand as the sentence states them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kb.findings.sentences import Span

METRIC = (
    r"\b(?:(?:average|macro|micro|test|top-[15]|balanced|validation|weighted)[\s-]+)*"
    r"(?:accurac(?:y|ies)|F1(?:[\s-]scores?|[\s-]measure)?|F-(?:score|measure)|BLEU(?:[\s-]points?)?"
    r"|ROUGE(?:-[12L])?|METEOR|perplexity|(?:ROC[\s-])?AUC|m?AP|MAP|MRR|nDCG(?:@\d+)?|precision"
    r"|recall|exact\s+match|EM|EER|WER|CER|(?:word\s+)?error\s+rates?|R?MSE|MAE|GLUE\s+score"
    r"|(?:Pearson|Spearman)(?:\s+correlation)?|correlation|pass@\d+|latency)\b"
)
AMOUNT = r"[-+−]?\d+(?:\.\d+)?"
UNIT = (
    r"(?:\s?(?:%|percent(?:age)?\s+points?|percent\b|points?\b|BLEU\b|F1\b|pp\b|ms\b|absolute\b))?"
)
FROM_TO = re.compile(rf"\bfrom\s+({AMOUNT})({UNIT})\s+to\s+({AMOUNT})({UNIT})")
ABOUT = (
    r"(?:up\s+to|about|around|over|more\s+than|an?\s+average\s+of|nearly|roughly|at\s+least|almost)"
)
BY = re.compile(
    r"\b(?:by|(?:gain|improvement|increase|boost|reduction|drop|decrease|advantage)s?\s+"
    rf"(?:\w+\s+){{0,3}}?of|gain(?:s|ed|ing)?)\s+(?:{ABOUT}\s+)?"
    rf"({AMOUNT})({UNIT})(?!\s*(?:epochs?|steps?|layers?|times|k\b|million|billion|[xX×]))(?![\d.]*\d)(?!\s?[-–]\s?\d)"
)
REACHED = re.compile(
    rf"\b(?:achiev|obtain|reach|attain|yield|report|scor|get|result)\w*\s(?:[^.;]{{0,60}}?\s)??"
    rf"(?P<metric>{METRIC})\s+(?:score\s+)?of\s+(?P<value>{AMOUNT})(?P<unit>{UNIT})",
    re.I,
)
PLUS = re.compile(rf"(?<![\w.])\+\s?({AMOUNT})({UNIT})")
GAINING = re.compile(
    r"\b(?:outperform|improv|gain|increas|boost|better|surpass|exceed|beat|higher|drop|decreas|degrad|reduc|lower|rais)\w*",
    re.I,
)
LOSING = re.compile(r"\b(?:drop|decreas|degrad|reduc|lower|hurt|worse)\w*", re.I)
OVER = re.compile(
    r"\b(?:outperform\w*|over|than|compared\s+(?:to|with)|beat\w*|surpass\w*|exceed\w*)\s+(?:the\s+)?(?:previous\s+|strong\s+|baseline\s+)*"
    r"([A-Z][\w-]*(?:\s+[A-Z][\w-]*)*|(?:the\s+)?(?:[\w-]+\s+){0,3}(?:baselines?|state[\s-]of[\s-]the[\s-]art|models?))"
)


@dataclass(frozen=True, slots=True)
class EffectClaim:
    """What a quote claims in numbers, as far as it states it. Empty and None mean unstated."""

    start: int  # where the numbers stand
    end: int
    metric: str = ""
    unit: str = ""  # "%", "points", …
    gain: float | None = None  # negative where the quote speaks of a loss
    baseline: float | None = None
    value: float | None = None
    over: str = ""  # what it is better than, in the quote's words


def effect(text: str, sentence: Span) -> EffectClaim | None:
    """The first gain that a sentence claims in numbers, else the first value reached, or None."""
    start, end = sentence
    gaining = GAINING.search(text, start, end)
    moved = FROM_TO.search(text, start, end)
    if moved and (gaining or re.search(METRIC, text[start:end])):
        before, after = float(_plain(moved[1])), float(_plain(moved[3]))
        metric = _metric_near(text, moved.span(), sentence)
        if not metric:
            return None
        unit = _unit(moved[4]) or _unit(moved[2])
        gain = round(after - before, 6)
        return EffectClaim(*moved.span(), metric, unit, gain, before, after, _over(text, sentence))
    if gaining:
        claim = _gained(text, sentence)
        if claim is not None:
            return claim
    reached = REACHED.search(text, start, end)
    if reached is None:
        return None
    return EffectClaim(
        reached.start("metric"),
        reached.end(),
        " ".join(reached["metric"].split()),
        _unit(reached["unit"]),
        value=float(_plain(reached["value"])),
        over=_over(text, sentence) if gaining else "",
    )


def _gained(text: str, sentence: Span) -> EffectClaim | None:
    start, end = sentence
    for pattern in (BY, PLUS):
        for found in pattern.finditer(text, start, end):
            metric = _metric_near(text, found.span(), sentence)
            unit = _unit(found[2])
            if not (metric or (unit and unit != "ms")):
                continue
            amount = float(_plain(found[1]))
            loss = pattern is BY and LOSING.search(text, start, found.start()) is not None
            gain = -amount if loss else amount
            return EffectClaim(*found.span(), metric, unit, gain, over=_over(text, sentence))
    return None


def _plain(number: str) -> str:
    return number.replace("−", "-")


def _unit(words: str) -> str:
    unit = " ".join(words.split())
    if unit in {"percent", "%"}:
        return "%"
    if unit.startswith(("point", "percentage", "pp", "absolute", "BLEU", "F1")):
        return "points"
    return unit


def _metric_near(text: str, span: Span, sentence: Span) -> str:
    """The metric within 80 characters of the numbers; what follows wins over what leads."""
    after = re.search(METRIC, text[span[1] : min(sentence[1], span[1] + 50)])
    inside = re.search(METRIC, text[span[0] : span[1]])
    before = list(re.finditer(METRIC, text[max(sentence[0], span[0] - 80) : span[0]]))
    found = inside or after or (before[-1] if before else None)
    return " ".join(found[0].split()) if found else ""


def _over(text: str, sentence: Span) -> str:
    found = OVER.search(text, *sentence)
    return " ".join(found[1].split()) if found else ""
