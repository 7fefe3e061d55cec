from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import UsageError
from kb.findings.pin import QuoteNotFound, moved, nearest, pin, still_stands

TEXT = (
    "We fine-\ntune the encoder on the ﬁrst 1 000 messages. The “trans-\nfer” im\u00adproves "
    "accuracy by 2.5 points — a lot. It’s cheap: a learning rate of 2e-5, no pre-training.\f"
    "Café owners wrote\u00a0half of them."
)

WORD = st.text(alphabet="abcdefgXYZéß", min_size=1, max_size=9)
WORDS = st.lists(
    st.one_of(
        WORD, st.sampled_from(["2.5", "2e-5", "10", "fine-tuned", "it’s", "(see", "ﬁrst)", "="])
    ),
    min_size=6,
    max_size=60,
)


def typeset(text: str, chance: random.Random) -> str:
    """The same text as another typesetter would break it: white space, hyphens, ligatures."""
    pieces = []
    for piece in re.split(r"(\s+|(?<=[^\W\d])(?=[^\W\d]))", text):
        if piece and piece.isspace():
            pieces.append(chance.choice([" ", "\n", "  ", "\u00a0", " \r\n\t", "\f"]))
        elif not piece:
            pieces.append(chance.choice(["", "", "", "", "-\n", "\u00ad", "\u00ad\n", "\ufffe"]))
        else:
            pieces.append(piece)
    forms = {"fi": "ﬁ", "’": "'", "-": chance.choice("-\u2010\u2011"), "é": "e\u0301"}
    changed = "".join(pieces)
    for plain, other in forms.items():
        if chance.random() < 0.5:
            changed = changed.replace(plain, other)
    return changed


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("fine-tune the encoder on the first", "fine-\ntune the encoder on the ﬁrst"),
        ("finetune the encoder", "fine-\ntune the encoder"),
        ('The "transfer" improves accuracy', "The “trans-\nfer” im\u00adproves accuracy"),
        ("The ``transfer'' improves", "The “trans-\nfer” im\u00adproves"),
        ("by 2.5 points -- a lot. It's", "by 2.5 points — a lot. It’s"),
        ("no pretraining. Cafe\u0301 owners", "no pre-training.\fCafé owners"),
        ("  wrote half\nof them.  ", "wrote\u00a0half of them."),
        ("learning rate of 2e–5", "learning rate of 2e-5"),
        ("improves accuracy by 2.5 points -", "im\u00adproves accuracy by 2.5 points —"),
        ("- a lot. It's cheap", "— a lot. It’s cheap"),
    ],
)
def test_typesetting_does_not_hide_a_quote(quote: str, found: str) -> None:
    place = pin(TEXT, quote)
    assert place.text == found
    assert TEXT[place.start : place.end] == found
    assert place.others == 0
    assert still_stands(TEXT, place.start, place.end, quote)


@pytest.mark.parametrize(
    "quote",
    [
        "a learning rate of 2e5",  # a dash beside a digit is a minus
        "on the first 1000 messages",  # white space between digits counts
        "It is cheap: a learning rate",
        "Cafe owners wrote half of them",  # an accent is part of its letter
    ],
)
def test_what_changes_the_meaning_is_not_pinned(quote: str) -> None:
    with pytest.raises(QuoteNotFound):
        pin(TEXT, quote)


def test_another_case_is_offered_and_not_pinned() -> None:
    with pytest.raises(QuoteNotFound, match="the same but for upper and lower case") as caught:
        pin(TEXT, "WE fine-tune THE encoder")
    assert caught.value.text == "We fine-\ntune the encoder"
    assert caught.value.near == (0, len("We fine-\ntune the encoder"), 1.0)


def test_the_closest_place_is_offered_with_its_offsets() -> None:
    with pytest.raises(QuoteNotFound) as caught:
        pin(TEXT, "the transfer raises accuracy by 3.5 points")
    error = caught.value
    assert error.text == TEXT[error.near.start : error.near.end]
    assert "accuracy by 2.5 points" in error.text
    assert 0.6 < error.near.ratio < 1
    assert f"characters {error.near.start} to {error.near.end}" in str(error)
    assert "accuracy by 2.5 points" in str(error)


def test_nothing_alike_is_said() -> None:
    with pytest.raises(QuoteNotFound, match="nothing in it is like the quote") as caught:
        pin(TEXT, "zzzzz qqqqq jjjjj kkkkk")
    assert caught.value.near == (0, 0, 0.0)
    assert nearest("", "three plain words") == (0, 0, 0.0)


@pytest.mark.parametrize("quote", ["", "  \n", "of them", "- - - -", "\u00ad\u200b"])
def test_a_quote_that_could_stand_anywhere_is_refused(quote: str) -> None:
    with pytest.raises(UsageError, match="too short") as caught:
        pin(TEXT, quote)
    assert not isinstance(caught.value, QuoteNotFound)


def test_of_several_places_the_nearest_and_else_the_first() -> None:
    text = "on the dev set it fell. On all, on the dev set it rose. At last on the dev set it fell."
    starts = [match.start() for match in re.finditer("on the dev set it", text)]
    quote = "on the dev set it"
    assert pin(text, quote).start == starts[0]
    assert pin(text, quote).others == 2
    assert pin(text, quote, near=(starts[1] - 3, starts[1] + 40)).start == starts[1]
    assert pin(text, quote, near=(len(text), len(text))).start == starts[2]
    assert pin(text, quote, near=(starts[1] + 20, starts[1] + 22)).start == starts[1]


def test_a_place_of_whole_words_comes_before_one_that_cuts_a_word() -> None:
    text = "it is trained on all of them, and it is trained on a part of them"
    assert pin(text, "it is trained on a").start == text.rindex("it is")


def test_a_ligature_is_not_cut() -> None:
    with pytest.raises(QuoteNotFound):
        pin("it was sent by the o\ufb03ce last", "sent by the of")


def test_a_sentence_moves_with_its_words_and_only_whole() -> None:
    quote = "improves accuracy by 2"
    assert moved("Now it im-\nproves accuracy by 2 points.", quote, 0) is not None
    assert moved("Now it improves accuracy by 2.5 points.", quote, 0) is None
    assert moved("Now it improves accuracy by 23 points.", quote, 0) is None
    twice = f"{quote} points. Then it {quote} more."
    place = moved(twice, quote, 20)
    assert place is not None
    assert (place.start, place.others) == (twice.rindex("improves"), 1)


def test_a_changed_sentence_is_found_again() -> None:
    old = "The second encoder reaches 71.5 on the test set after three epochs."
    new = "The second encoder now reaches 73.0 on our test set after five epochs."
    text = f"{'Something else was said before. ' * 40}{new} {'And more came after it. ' * 40}"
    start, end, ratio = nearest(text, old)
    assert text[start:end] in (new, new.removesuffix("."))
    assert 0.8 < ratio < 1


def test_a_long_quote_in_a_long_text_is_found() -> None:
    chance = random.Random(5)
    words = ["".join(chance.choices("abcdefghij", k=chance.randint(2, 9))) for _ in range(40_000)]
    text = " ".join(words)
    quote = " ".join([*words[20_000:20_400], "inserted words", *words[20_402:20_900]])
    start, end, ratio = nearest(text, quote)
    expected = " ".join(words[20_000:20_900])
    assert text[start:end] == expected
    assert ratio > 0.98


def test_still_stands_says_no_to_other_places_and_offsets() -> None:
    place = pin(TEXT, "a learning rate of 2e-5")
    assert not still_stands(TEXT, place.start, place.end, "a learning rate of 3e-5")
    assert not still_stands(TEXT, place.start + 1, place.end, "a learning rate of 2e-5")
    assert not still_stands(TEXT, place.start, len(TEXT) + 1, "a learning rate of 2e-5")
    assert not still_stands(TEXT, -5, 3, "a learning rate of 2e-5")
    assert not still_stands(TEXT, 3, 3, "")


@given(WORDS, st.data(), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_any_part_of_a_text_is_pinned_to_its_place(
    words: list[str], data: st.DataObject, chance: random.Random
) -> None:
    first = data.draw(st.integers(0, len(words) - 3))
    last = data.draw(st.integers(first + 2, len(words) - 1))
    before, quote, after = (
        typeset(" ".join(part), chance)
        for part in (words[:first], words[first : last + 1], words[last + 1 :])
    )
    if not re.search(r"\w", quote):
        return
    text = f"{before} {quote} {after}"
    start = len(before) + 1
    retyped = typeset(" ".join(words[first : last + 1]), chance)
    place = pin(text, retyped, near=(start, start + len(quote)))
    assert (place.start, place.end, place.text) == (start, start + len(quote), quote)
    assert still_stands(text, place.start, place.end, retyped)


@given(st.text(max_size=300), st.data())
@settings(max_examples=300, deadline=None)
def test_any_characters_at_all_are_pinned_where_they_stand(text: str, data: st.DataObject) -> None:
    core = "we tried it"
    at = data.draw(st.integers(0, len(text)))
    whole = f"{text[:at]} {core} {text[at:]}"
    place = pin(whole, core, near=(at + 1, at + 1 + len(core)))
    assert (place.start, place.text) == (at + 1, core)


@given(WORDS, WORDS, WORDS, WORDS, st.integers(0, 500), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_edits_elsewhere_never_make_another_sentence_of_it(
    before: list[str],
    after: list[str],
    edited_before: list[str],
    edited_after: list[str],
    start: int,
    chance: random.Random,
) -> None:
    sentence = "Only the third encoder gained, by 0.7 points."
    old = f"{' '.join(before)} {sentence} {' '.join(after)}"
    quote = pin(old, sentence).text
    set_anew = typeset(sentence, chance)
    new = f"{' '.join(edited_before)} {set_anew} {' '.join(edited_after)}"
    place = moved(new, quote, start)
    assert place is not None
    assert place.text == set_anew
    assert new[place.start : place.end] == set_anew
    without = f"{' '.join(edited_before)} {sentence.replace('0.7', '0.9')} {' '.join(edited_after)}"
    assert moved(without, quote, start) is None
