"""Knows what to call a design choice that a sentence states in words of its own.

It refuses to judge whether one is stated (`kb.findings.sentence_head` does), and gives no name
rather than a poor one.
"""

from __future__ import annotations

import re

from kb.findings.sentences import Span

LONGEST = 7
"""Words of a name: longer ones are clauses."""

_LIGHT = (
    r"use[ds]?|using|utili[sz]ed?|apply|applied|employ(?:ed)?|adopt(?:ed)?|perform(?:ed)?|add(?:ed)?"
    r"|choose|chose|select(?:ed)?|introduced?|include[ds]?|incorporated?|insert(?:ed)?|run|ran"
    r"|conduct(?:ed)?|implement(?:ed)?|follow(?:ed)?|take|took|set"
)
"""Verbs that say no more than that it was done: the name is what they govern."""
_TELLING = (
    r"remove[ds]?|discard(?:ed)?|drop(?:ped)?|filter(?:ed)?|keep|kept|fre[eo]ze|fix(?:ed)?"
    r"|fine-?tuned?|initiali[sz]ed?|tuned?|split|sampled?|replaced?|concatenated?"
    r"|averaged?|combined?|mask(?:ed)?|share[ds]?|cut|limit(?:ed)?|restrict(?:ed)?|normali[sz]ed?"
    r"|weight(?:ed)?|generated?|collect(?:ed)?|annotated?|cache[ds]?|merged?|stack(?:ed)?|encoded?"
    r"|minimi[sz]ed?|maximi[sz]ed?|optimi[sz]ed?|clip(?:ped)?|prune[ds]?|augment(?:ed)?|retrieved?"
    r"|rerank(?:ed)?|append(?:ed)?|prepend(?:ed)?|project(?:ed)?|truncated?|pad(?:ded)?"
    r"|increased?|reduced?|decreased?|doubled?|halved?|removed|shuffled?|ordered|tie[ds]?"
)
"""Verbs that are part of what was chosen: "freeze the encoder"."""
_UNDERGONE = (
    r"removed|discarded|dropped|filtered|frozen|fixed|initiali[sz]ed|replaced|concatenated|averaged"
    r"|masked|shared|cut|limited|restricted|normali[sz]ed|weighted|cached|merged|stacked|minimi[sz]ed"
    r"|maximi[sz]ed|clipped|pruned|augmented|reranked|appended|prepended|truncated|padded|increased"
    r"|reduced|decreased|doubled|halved|shuffled|tied"
)
"""Participles that tell something of their subject: "duplicates were removed"."""
_ADVERBS = r"(?:(?:\w+ly|also|then|first|instead|further|next|thus|here|now|always|never|only)\s+)*"

ACTIVE = re.compile(rf"\b(?:[Ww]e|I)\s+{_ADVERBS}({_LIGHT}|{_TELLING})\s+", re.S)
PASSIVE = re.compile(
    rf"\s(?:is|are|was|were)\s+{_ADVERBS}({_LIGHT}|{_UNDERGONE})\b(?!\s+(?:by\s+[A-Z\[]|to\s+be\b))",
    re.S,
)
ASIDE = re.compile(r"\s*\([^()]*\)|\s*\[[^\[\]]*\]")
ACRONYM = re.compile(r"\s\([A-Z][\w-]{0,8}\)(?=\s)")
CLAUSE_END = re.compile(
    r",(?!\d)|[;:.()\[\]“”\"?!=]|\s[−∈∑θσ≤≥|{}∼]"
    r"|\s(?:for|to|with|on|in|from|as|by|at|that|which|who|and\s+(?:we|then|use|the\s+\w+\s+(?:is|are))"
    r"|because|while|when|where|during|so|since|is|are|was|were|has|have|per|via|within|through"
    r"|into|over|under|after|before|until|between|such|rather|instead|than|if|but|whose|using"
    r"|used|described|proposed|provided|given|shown|called|named|available|based|along|together"
    r"|generated|obtained|measured|covered|produced|again|whether|depending)\b"
)
CLAUSE_START = re.compile(
    r"[,;:.()\[\]]\s+|\b(?:that|and|which|where|while|but|then|if|since|when|because|note|although"
    r"|whether|for|in|to|as|with)\s", re.I,
)  # fmt: skip
DETERMINER = re.compile(
    r"^(?:(?:here|now|the|an?|our|this|these|those|their|its|his|all|both|each|every|any|same"
    r"|following|only|such|various|different|several|some|two|three|four|of)\s+)+", re.I,
)  # fmt: skip
NO_CHOICE = re.compile(
    r"et al|^(?:including|given)\b|\b(?:and|or|of|which)$|\bwhich\b|sel(?:f|ves)\b(?!-)"
    r"|\b(?:or not|version|dump|corpus|data ?set|benchmark)\b"
)
"""Of a name that is an author's, a phrase's or a dataset's."""
_EMPTY = """
it they them this these that those we us model models method methods approach approaches experiment
experiments result results data dataset datasets set sets setup setting settings procedure system
systems technique techniques paper section work task tasks following same one ones two it's
information analysis evaluation performance value values number way development validation held-out
first second third last three four five case cases step steps other others new proposed default
standard original parameters training test examples example algorithm network networks corpus
baseline baselines here there study evaluations benchmark benchmarks implementation version all
notation definition equation simple different above below various our term terms problem problems
theorem lemma idea set-up
"""
EMPTY = frozenset(_EMPTY.split())
"""Words that by themselves name no choice."""


def choice_name(text: str, sentence: Span) -> tuple[str, Span] | None:
    """What was chosen, and where it is written; None where no short name stands there."""
    start, end = sentence
    for pattern, find in ((ACTIVE, _object), (PASSIVE, _subject)):
        for said in pattern.finditer(text, start, end):
            found = find(text, sentence, said)
            if found is not None:
                return found
    return None


def _object(text: str, sentence: Span, said: re.Match[str]) -> tuple[str, Span] | None:
    """What stands after "we use", with the verb where it tells something."""
    rest = text[said.end() - 1 : sentence[1]]
    stop = CLAUSE_END.search(ACRONYM.sub(lambda found: " " * len(found[0]), rest))
    end = said.end() - 1 + stop.start() if stop else sentence[1]
    verb = said[1] if re.fullmatch(_TELLING, said[1]) else ""
    return _named(text, (said.end(), end), verb, (said.start(1) if verb else said.end(), end))


def _subject(text: str, sentence: Span, said: re.Match[str]) -> tuple[str, Span] | None:
    """What stands before "is used", with the participle where it tells something."""
    begins = [m.end() for m in CLAUSE_START.finditer(text, sentence[0], said.start())]
    start = begins[-1] if begins else sentence[0]
    verb = said[1] if re.fullmatch(_UNDERGONE, said[1]) else ""
    return _named(text, (start, said.start()), verb, (start, said.end() if verb else said.start()))


def _named(text: str, part: Span, verb: str, whole: Span) -> tuple[str, Span] | None:
    words = " ".join(ASIDE.sub("", text[slice(*part)]).split())
    words = re.sub(r"^[\W_]+|[^\w)%]+$", "", DETERMINER.sub("", words))
    words = re.sub(r"(?:\s+\w)+$", "", words)  # a symbol: "the learning rate η"
    listed = words.split()
    if not 1 <= len(listed) <= LONGEST or NO_CHOICE.search(words):
        return None
    if not any(w.lower() not in EMPTY and re.search(r"[A-Za-z]{3}|[A-Z]{2}", w) for w in listed):
        return None
    if len(listed) == 1 and not verb and (words.islower() or len(words) < 3):
        return None  # "answer"
    return (f"{verb.lower()} {words}" if verb else words), whole
