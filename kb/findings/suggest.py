"""Knows how to propose findings from a text: what is named, in which sentence, and how surely.

It refuses to assert: nothing is stored, and each suggestion waits for a person. It reads no file
but the lists of names, and asks no network.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from kb.findings.choice_names import choice_name
from kb.findings.choices import COMMITTED, Choice, ChoiceHit, choices, is_choice
from kb.findings.gains import EffectClaim, effect
from kb.findings.learned import dataset_odds, features, model_odds
from kb.findings.names import KnownName, NameHit, key, matched, overlaps
from kb.findings.patterns import (
    DATA_NAME,
    MODEL_NAME,
    NOT_OF_DATA,
    NameSpan,
    chains,
    cues,
    definitions,
    name_spans,
)
from kb.findings.said import HEAD_SHARE, OTHERS, is_table, said_odds, tells_of_others
from kb.findings.sentences import LONGEST_QUOTE, Span, sentence_at, sentences
from kb.findings.taxonomy import Axis
from kb.records import Section

if TYPE_CHECKING:
    from kb.findings.sentence_head import Reading

__all__ = ["EffectClaim", "FindingKind", "KnownName", "Suggestion", "suggest"]

FindingKind = Literal["design_choice", "dataset", "pretrained_model"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something a text may offer, and the sentence it stands on."""

    kind: FindingKind
    name: str  # canonical: "SST-2"
    start: int  # the quote: a sentence of the text
    end: int
    mention: Span  # where the name itself stands, within the quote
    score: float  # 0 to 1; comparable within one text
    why: str  # "name list (transformers)", "pattern: trained on"
    axis: str = ""  # of a design choice: an axis of the taxonomy
    effect: EffectClaim | None = None  # what the quote claims in numbers
    value: str = ""  # of a setting: "2e-5"
    aliases: tuple[str, ...] = ()  # other spellings in the text
    mentions: int = 1
    licence: str = ""  # as the list states it
    parameters: int = 0


DATA_CUES = {
    "data noun": 2.2,
    "trained on": 1.2,
    "measured on": 1.6,
    "data list": 2.0,
    "data is": 1.5,
    "data new": 1.3,
    "data task": 0.9,
    "on": 0.6,
    "model noun": -1.5,
    "model acts": -1.8,
    "model is": -2.0,
    "fine-tune": -1.0,
    "model list": -1.5,
    "compared": -0.8,
}
MODEL_CUES = {
    "model noun": 1.8,
    "model acts": 1.8,
    "model is": 2.0,
    "fine-tune": 1.4,
    "model list": 2.0,
    "proposed": 1.3,
    "compared": 1.0,
    "used": 0.4,
    "data noun": -1.8,
    "data list": -1.8,
    "measured on": -1.6,
    "data is": -1.5,
    "data new": -1.0,
    "on": -0.8,
    "trained on": -0.6,
}
"""Log-odds a cue adds. Chosen by hand while reading errors on GSAP-NER (benchmarks/extraction.py);
errors on SciER were never read, so that its figures stay a test."""

BASE = {"acronym": -2.2, "mixed": -1.8, "digits": -2.2, "title": -3.2}
"""Log-odds of a name that stands in no list, by its shape, before any cue."""
LISTED = 1.3
UNSURE = -1.2
UNSAID = 1.0
"""What a name in no list loses where no cue speaks for it."""
NO_DATA = 3.0
"""What an acronym of a task or method loses as a dataset's name: more than any one cue gives."""
CUES_SHARE, LEARNED_SHARE = 0.7, 0.7
"""How cues and the learned heads are added up for a name that stands in no list.

With (1, 0), cues alone, F1 of datasets was 0.797 on GSAP-NER and 0.880 on SciER dev, and of models
0.724 and 0.547; with these 0.81 and 0.90, and 0.741 and 0.582. Neither set trained the heads
(benchmarks/extraction.py).
"""
MOST_READ = 60
"""Mentions of one name that are weighed: more say the same again."""
REPEATED = 0.35
"""Log-odds for each doubling of the number of mentions."""
THRESHOLD = 0.5
"""Below it the text speaks more against a suggestion than for it."""
CLAIMED = 2.5
"""What a gain in numbers is worth when the best quote is chosen: more than any single cue."""
OWN_WORDS = 0.7
"""What a choice in no set words loses: chosen while reading the development list of suggestions
(benchmarks/choice_sentences.py), where such names were the poorer ones."""
OFTEN = 8
"""Mentions of an architecture beyond which more add nothing: papers name what they compare with."""
IN_PASSING = 0.05
"""Log-odds of an architecture that no sentence says was chosen: it is named, so it stays, last."""
QUOTES_READ = 12
"""Mentions of an architecture whose sentences the head reads."""

Read = Callable[[Sequence[str]], "list[Reading]"]
"""Asks the sentence head (`kb.findings.sentence_head.SentenceReader.read`)."""
Readings = Mapping[Span, "Reading"]
"""What it said of sentences; empty without a head."""


@dataclass(slots=True)
class _Mention:
    start: int
    end: int
    sentence: Span
    cues: set[str]


@dataclass(slots=True)
class _Group:
    """All mentions of one name."""

    name: str
    known: KnownName | None = None
    certain: bool = False
    shape: str = ""
    no_data: bool = False  # its long form names a task or a method
    mentions: list[_Mention] = field(default_factory=list)
    spellings: Counter[str] = field(default_factory=Counter)


def suggest(
    text: str,
    sections: Sequence[Section] = (),
    *,
    known: Sequence[KnownName] = (),
    axes: Sequence[Axis] = (),
    read: Read | None = None,
    limit: int | None = None,
) -> list[Suggestion]:
    """Suggestions from `text`, the surest first: one for each kind and canonical name.

    Each quote is a sentence of the text outside its references. `known` are the team's own names,
    which win over the lists; `axes` its own axes. With `read`, the sentence head weighs the design
    choices and adds those in no set words. `limit` keeps the first so many.
    """
    spans = sentences(text, sections)
    groups = _groups(text, spans, known)
    stated = _stated(text, spans, learned=read is not None)
    readings = _readings(text, groups, stated, read) if read else {}
    found = [s for group in groups if (s := _from_group(text, group, readings)) is not None]
    found.extend(_from_choices(text, stated, readings))
    names = {key(n) for s in found for n in (s.name, *s.aliases)}
    found.extend(_in_own_words(text, stated, readings, taken=names, axes=axes))
    found.sort(key=lambda s: (-s.score, s.mention))
    return _once_each(found)[:limit]


def _once_each(found: Iterable[Suggestion]) -> list[Suggestion]:
    """The surest of each kind and name, with the mentions and spellings of all."""
    kept: dict[tuple[str, str], Suggestion] = {}
    for one in found:
        same = (one.kind, key(one.name))
        first = kept.get(same)
        if first is None:
            kept[same] = one
            continue
        names = dict.fromkeys((*first.aliases, one.name, *one.aliases))
        names.pop(first.name, None)
        mentions = first.mentions + one.mentions
        kept[same] = replace(first, mentions=mentions, aliases=tuple(names))
    return list(kept.values())


# ── names ──────────────────────────────────────────────────────────────────────────────────────


def _groups(text: str, spans: Sequence[Span], known: Sequence[KnownName]) -> list[_Group]:
    hits: dict[Span, list[NameHit]] = {}
    for hit in matched(text, known):
        sentence = sentence_at(spans, hit.start)
        if sentence is not None and hit.end <= sentence[1]:
            hits.setdefault(sentence, []).append(hit)
    groups: dict[str, _Group] = {}
    same = _same_names(text, spans)
    for sentence in spans:
        _read_sentence(text, sentence, hits.get(sentence, []), groups, same)
    for folded in _acronyms_of_tasks(text, spans) & groups.keys():
        groups[folded].no_data = True
    return list(groups.values())


def _acronyms_of_tasks(text: str, spans: Iterable[Span]) -> set[str]:
    """Keys of acronyms whose long form ends like a task or a method."""
    return {
        key(text[slice(*short)])
        for start, end in spans
        for long, short in definitions(text, start, end)
        if NOT_OF_DATA.search(text[slice(*long)].rstrip())
    }


def _same_names(text: str, spans: Iterable[Span]) -> dict[str, str]:
    """Key of each acronym or long form defined in the text → key of the acronym."""
    same: dict[str, str] = {}
    for start, end in spans:
        for long, short in definitions(text, start, end):
            short_key = key(text[slice(*short)])
            same.setdefault(key(text[slice(*long)]), short_key)
    return same


def _read_sentence(
    text: str,
    sentence: Span,
    hits: Sequence[NameHit],
    groups: dict[str, _Group],
    same: dict[str, str],
) -> None:
    by_span = {(h.start, h.end): h for h in hits}
    listed = sorted(by_span)
    free = [
        n
        for n in name_spans(text, *sentence)
        if not overlaps(listed, n.start, n.end) and not is_choice(text[n.start : n.end])
    ]
    names = sorted(
        [*free, *(NameSpan(h.start, h.end, "listed") for h in hits)], key=lambda n: n.start
    )
    for chain in chains(text, names):
        found = cues(text, chain[0].start, chain[-1].end, sentence)
        for name in chain:
            own = found | cues(text, name.start, name.end, sentence) if len(chain) > 1 else found
            group = _group_of(text, name, by_span.get((name.start, name.end)), groups, same)
            group.mentions.append(_Mention(name.start, name.end, sentence, own))
            group.spellings[" ".join(text[name.start : name.end].split())] += 1


def _group_of(
    text: str,
    name: NameSpan,
    hit: NameHit | None,
    groups: dict[str, _Group],
    same: dict[str, str],
) -> _Group:
    written = " ".join(text[name.start : name.end].split())
    folded = key(hit.known.name if hit else written)
    folded = same.get(folded, folded)
    if not hit and folded.endswith("s") and folded[:-1] in groups:
        folded = folded[:-1]
    group = groups.get(folded)
    if group is None:
        group = groups[folded] = _Group(written, shape=name.shape)
    if hit is not None:
        group.known = group.known or hit.known
        group.certain = group.certain or hit.certain
    return group


def _from_group(text: str, group: _Group, readings: Readings) -> Suggestion | None:
    kind, odds = _kind_and_odds(text, group)
    if kind == "architecture":
        odds = _chosen_odds(text, group, odds, readings)
    score = 1 / (1 + math.exp(-odds))
    if score < THRESHOLD:
        return None
    name = _shown_name(group)
    best, claim = _best_mention(text, group, kind, readings)
    known = group.known
    return Suggestion(
        kind="design_choice" if kind == "architecture" else kind,
        name=name,
        start=best.sentence[0],
        end=best.sentence[1],
        mention=(best.start, best.end),
        score=round(score, 4),
        why=_why(text, group, best, kind),
        axis="architecture" if kind == "architecture" else "",
        effect=claim,
        aliases=tuple(s for s, _ in group.spellings.most_common() if s != name),
        mentions=len(group.mentions),
        licence=known.licence if known else "",
        parameters=known.parameters if known else 0,
    )


_Kind = Literal["dataset", "pretrained_model", "architecture"]


def _kind_and_odds(text: str, group: _Group) -> tuple[_Kind, float]:
    """What the name most likely is, and the log-odds that it is one."""
    data, model = _cue_odds(group, DATA_CUES), _cue_odds(group, MODEL_CUES)
    often = REPEATED * math.log2(len(group.mentions))
    if group.known is not None:
        kind = group.known.kind
        cue = {"dataset": data, "pretrained_model": model, "architecture": max(model, 0)}[kind]
        base = LISTED if group.certain else UNSURE
        return kind, base + max(-1.5, min(cue, 3.0)) + often
    data, model = (odds if odds > 0 else odds - UNSAID for odds in (data, model))
    if MODEL_NAME.search(group.name):
        model += 1.5
        data -= 1.5
    if DATA_NAME.search(group.name):
        data += 1.5
        model -= 1.5
    if group.no_data:
        data -= NO_DATA
    base = BASE[group.shape] + often
    of_data, of_model = _learned_odds(text, group)
    data = CUES_SHARE * (base + data) + LEARNED_SHARE * of_data
    model = base + model - LEARNED_SHARE * max(of_data, 0.0) / 2
    model = CUES_SHARE * model + LEARNED_SHARE * of_model
    return ("dataset", data) if data >= model else ("pretrained_model", model)


def _learned_odds(text: str, group: _Group) -> tuple[float, float]:
    """The learned heads' log-odds at the mention that looks most like a dataset's, a model's."""
    seen = [
        list(features(text, NameSpan(m.start, m.end, group.shape), m.sentence, m.cues))
        for m in group.mentions[:MOST_READ]
    ]
    return max(map(dataset_odds, seen)), max(map(model_odds, seen))


def _cue_odds(group: _Group, weights: dict[str, float]) -> float:
    """The sum over cues of weight times how often it stands there, damped."""
    counts = Counter(cue for mention in group.mentions for cue in mention.cues)
    total = len(group.mentions)
    return sum(
        weight * math.sqrt(counts[cue] / total) for cue, weight in weights.items() if counts[cue]
    )


def _shown_name(group: _Group) -> str:
    """The list's spelling where it is written as papers do, else the text's most frequent one."""
    known = group.known
    if known is not None and any(map(str.isupper, known.name)):
        return known.name
    if known is not None and known.kind == "architecture":
        return known.name
    return group.spellings.most_common(1)[0][0]


def _chosen_odds(text: str, group: _Group, odds: float, readings: Readings) -> float:
    """An architecture's odds where the head has read of it: it may sink to the end of the list."""
    said = [
        said_odds(text, m.sentence, readings[m.sentence].odds)
        for m in group.mentions
        if m.sentence in readings
    ]
    if not said:
        return odds
    chosen = max(said) + REPEATED * math.log2(min(len(group.mentions), OFTEN))
    return max(chosen, min(odds, IN_PASSING))


def _best_mention(
    text: str, group: _Group, kind: _Kind, readings: Readings
) -> tuple[_Mention, EffectClaim | None]:
    weights = DATA_CUES if kind == "dataset" else MODEL_CUES
    best: tuple[float, int] | None = None
    chosen = group.mentions[0]
    claim: EffectClaim | None = None
    for number, mention in enumerate(group.mentions[:MOST_READ]):
        value = sum(weights.get(cue, 0.0) for cue in mention.cues)
        length = mention.sentence[1] - mention.sentence[0]
        if length > LONGEST_QUOTE or length < 40 or is_table(text, mention.sentence):
            value -= 3.0
        said = effect(text, mention.sentence)
        value += CLAIMED if said else 0.0
        value += 0.8 if COMMITTED.search(text, *mention.sentence) else 0.0
        if kind == "architecture" and mention.sentence in readings:
            value += said_odds(text, mention.sentence, readings[mention.sentence].odds)
        if best is None or (value, -number) > best:
            best, chosen, claim = (value, -number), mention, said
    return chosen, claim


def _why(text: str, group: _Group, mention: _Mention, kind: _Kind) -> str:
    if group.known is not None:
        return f"name list ({group.known.source})"
    weights = DATA_CUES if kind == "dataset" else MODEL_CUES
    cue = max(mention.cues, key=lambda c: weights.get(c, 0.0), default="")
    if weights.get(cue, 0.0) > 0:
        return f"pattern: {cue}"
    if kind != "architecture" and _learned_odds(text, group)[kind != "dataset"] > 0:
        return "learned"
    return "pattern: shape of a name"


# ── design choices ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Stated:
    """A sentence that may state a design choice."""

    span: Span
    hits: tuple[ChoiceHit, ...]
    committed: bool  # the authors say that they did it
    quotable: bool


def _stated(text: str, spans: Iterable[Span], *, learned: bool) -> list[_Stated]:
    """Sentences with set words of a choice; for the head also those that say what was done."""
    found = []
    for span in spans:
        hits = tuple(choices(text, span))
        committed = COMMITTED.search(text, *span) is not None
        quotable = 40 <= span[1] - span[0] <= LONGEST_QUOTE
        if hits or (learned and committed and quotable and not is_table(text, span)):
            found.append(_Stated(span, hits, committed, quotable))
    return found


def _readings(
    text: str, groups: Iterable[_Group], stated: Iterable[_Stated], read: Read
) -> Readings:
    """What the head says of the sentences that may state a choice or name an architecture."""
    spans = {each.span for each in stated}
    for group in groups:
        if group.known is not None and group.known.kind == "architecture":
            spans |= {mention.sentence for mention in group.mentions[:QUOTES_READ]}
    ordered = sorted(spans)
    said = read([text[slice(*span)] for span in ordered])
    return dict(zip(ordered, said, strict=True))


def _from_choices(text: str, stated: Iterable[_Stated], readings: Readings) -> Iterator[Suggestion]:
    found: dict[str, list[tuple[float, ChoiceHit, Span]]] = {}
    for each in stated:
        reading = readings.get(each.span)
        for hit in each.hits:
            odds = 1.2 * bool(hit.value)
            if reading:
                odds += said_odds(text, each.span, reading.odds)
            else:
                odds += -0.3 + 1.2 * each.committed
            if hit.choice.valued and not hit.value:
                odds -= 1.0
            if not each.quotable:
                odds -= 1.5
            found.setdefault(hit.choice.name, []).append((odds, hit, each.span))
    for rows in found.values():
        odds, hit, sentence = max(rows, key=lambda row: row[0])
        odds += REPEATED * math.log2(len(rows))
        score = 1 / (1 + math.exp(-odds))
        if score >= THRESHOLD:
            yield _of_choice(text, hit, sentence, score=score, mentions=len(rows))


def _of_choice(
    text: str, hit: ChoiceHit, sentence: Span, *, score: float, mentions: int
) -> Suggestion:
    choice: Choice = hit.choice
    return Suggestion(
        kind="design_choice",
        name=choice.name,
        start=sentence[0],
        end=sentence[1],
        mention=(hit.start, hit.end),
        score=round(score, 4),
        why="pattern: setting" if hit.value else "pattern: set words",
        axis=choice.axis,
        effect=effect(text, sentence),
        value=hit.value,
        mentions=mentions,
    )


def _in_own_words(
    text: str,
    stated: Iterable[_Stated],
    readings: Readings,
    *,
    taken: set[str],
    axes: Sequence[Axis],
) -> Iterator[Suggestion]:
    """Choices that no list of set words knows, called as the sentence calls them."""
    for each in stated:
        reading = readings.get(each.span)
        if each.hits or reading is None:
            continue
        odds = HEAD_SHARE * reading.odds - OWN_WORDS
        odds -= OTHERS * tells_of_others(text, each.span)
        score = 1 / (1 + math.exp(-odds))
        named = choice_name(text, each.span) if score >= THRESHOLD else None
        if named is None or key(named[0]) in taken:
            continue
        yield Suggestion(
            kind="design_choice",
            name=named[0],
            start=each.span[0],
            end=each.span[1],
            mention=named[1],
            score=round(score, 4),
            why="learned",
            axis=reading.best_axes(text[slice(*each.span)], axes)[0][0],
            effect=effect(text, each.span),
        )
