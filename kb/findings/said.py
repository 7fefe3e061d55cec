"""Knows by what words a sentence tells what its authors did, what others did, or nothing at all.

It refuses to name what was done.
"""

from __future__ import annotations

import re

from kb.findings.choices import COMMITTED
from kb.findings.sentences import Span

HEAD_SHARE = 1.0
"""Of the sentence head's log-odds in a design choice's: a logistic regression on rules and head
gave it 0.96 on the development sentences (benchmarks/choice_sentences.py)."""
OTHERS = 1.5
"""What a choice loses that the sentence says others made."""
BY_OTHERS = re.compile(
    r"(?:\bet\s+al\.?|\b[A-Z]\w+\s+and\s+[A-Z]\w+)\s*(?:[(\[][^()\[\]]{0,40}[)\]])?,?"
    r"\s+(?:(?:\w+ly|also|have|has|further)\s+)*"
    r"(?:\w+ed|us(?:e|es)|propos\w*|appl(?:y|ies)|develops?|builds?|points?|shows?|showed|found"
    r"|introduces?|presents?|trains?|extends?|combines?|concatenates?|reports?|employs?)\b"
    r"|\b(?i:previous|prior|earlier|related|recent|future)\s+(?:works?|models|methods|approaches"
    r"|studies|systems)\b|\bha(?:s|ve)\s+(?:recently\s+)?(?:been\s+)?(?:shown|proposed|achieved)\b"
    r"|\b[Ii]n\s+recent\b|\b[Tt]hey\s+(?:\w+ed|use|train)\b"
)
"""Words by which a sentence tells of other people's work."""
CAPTION = re.compile(r"(?:Table|Tab\.|Figure|Fig\.)\s+\w+\s*[:.]")
_JOINING = "the is are was were we of to a an with and in on for by that as it"
JOINING = frozenset(_JOINING.split())


def said_odds(text: str, sentence: Span, head_odds: float) -> float:
    """Log-odds that a sentence says that the authors chose: the head, and who did what."""
    odds = -0.3 + 1.2 * (COMMITTED.search(text, *sentence) is not None) + HEAD_SHARE * head_odds
    if is_table(text, sentence) or is_row(text[slice(*sentence)]):
        odds -= 3.0
    return odds - OTHERS * tells_of_others(text, sentence)


def tells_of_others(text: str, sentence: Span) -> bool:
    """Whether a sentence tells of other people's work."""
    return BY_OTHERS.search(text, *sentence) is not None


def is_table(text: str, sentence: Span) -> bool:
    """Whether a "sentence" is rather a row of figures: a quarter of it digits."""
    start, end = sentence
    return sum(map(str.isdigit, text[start:end])) > (end - start) / 4


def is_row(sentence: str) -> bool:
    """Whether a "sentence" is rather a row of names and figures, a title or a caption."""
    words = sentence.split()
    figures = sum(word[:1].isdigit() for word in words)
    joining = sum(word in JOINING for word in words)
    return (
        (figures >= 3 and joining * 10 < len(words)) or not joining or bool(CAPTION.match(sentence))
    )
