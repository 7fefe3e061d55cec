"""Knows how papers claim gains in numbers: "from 85.2 to 87.0", "by 1.8 F1".

It refuses to compare or convert: metric, unit and amount stand as the sentence states them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kb.findings.sentences import Span

METRIC = (
    r"(?:(?:average|macro|micro|test|top-[15]|balanced|validation|weighted)[\s-]+)*"
    r"(?:accurac(?:y|ies)|F1(?:[\s-]scores?|[\s-]measure)?|F-(?:score|measure)|BLEU(?:[\s-]points?)?|ROUGE(?:-[12L])?|METEOR"
    r"|perplexity|(?:ROC[\s-])?AUC|(?:m|M)AP\b|MRR|nDCG(?:@\d+)?|NDCG(?:@\d+)?|precision|recall|exact\s+match|EM\b|WER|word\s+error\s+rate"
    r"|error(?:\s+rate)?|RMSE|MSE|MAE|Pearson(?:\s+correlation)?|Spearman(?:\s+correlation)?|GLUE\s+score|correlation|latency)"
)
AMOUNT = r"[-+−]?\d+(?:\.\d+)?"
UNIT = (
    r"(?:\s?(?:%|percent(?:age)?\s+points?|percent\b|points?\b|BLEU\b|F1\b|pp\b|ms\b|absolute\b))?"
)
FROM_TO = re.compile(rf"\bfrom\s+({AMOUNT})({UNIT})\s+to\s+({AMOUNT})({UNIT})")
BY = re.compile(
    rf"\b(?:by|of|gain(?:s|ing)?|improv\w+)\s+(?:up\s+to\s+|about\s+|around\s+|over\s+|more\s+than\s+|an?\s+average\s+of\s+|nearly\s+|roughly\s+|at\s+least\s+|almost\s+)?"
    rf"({AMOUNT})({UNIT})(?!\s*(?:epochs?|steps?|layers?|times|k\b|million|billion|[xX×]))"
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
    """The first gain that a sentence claims in numbers, or None."""
    start, end = sentence
    gaining = GAINING.search(text, start, end)
    moved = FROM_TO.search(text, start, end)
    if moved and (gaining or re.search(METRIC, text[start:end], re.I)):
        before, after = float(_plain(moved[1])), float(_plain(moved[3]))
        metric = _metric_near(text, moved.span(), sentence)
        if not metric:
            return None
        unit = _unit(moved[4]) or _unit(moved[2])
        gain = round(after - before, 6)
        return EffectClaim(*moved.span(), metric, unit, gain, before, after, _over(text, sentence))
    if not gaining:
        return None
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
    after = re.search(METRIC, text[span[1] : min(sentence[1], span[1] + 50)], re.I)
    inside = re.search(METRIC, text[span[0] : span[1]], re.I)
    before = list(re.finditer(METRIC, text[max(sentence[0], span[0] - 80) : span[0]], re.I))
    found = inside or after or (before[-1] if before else None)
    return " ".join(found[0].split()) if found else ""


def _over(text: str, sentence: Span) -> str:
    found = OVER.search(text, *sentence)
    return " ".join(found[1].split()) if found else ""
