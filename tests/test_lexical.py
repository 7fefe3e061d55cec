from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.records import Metadata, Parsed, PassageSpan, Query
from kb.search.lexical import MAX_TERMS, expression, marks, tokens
from kb.store import Store


def alike(term: str) -> float:
    """Every term is as rare as any other."""
    return 3.0


def terms(text: str) -> tuple[str, ...]:
    found = expression(text, alike)
    return found.terms if found else ()


def match(text: str) -> str:
    found = expression(text, alike)
    assert found is not None
    return found.match


def add_text(store: Store, text: str) -> int:
    """Store `text` as one passage of a document of its own; the passage's id."""
    model = store.settings.ensure_model("m", "1", 4, 8)
    key = f"url:{abs(hash(text))}"
    document_id, version_id, _ = store.documents.add_version(
        key, Parsed(text, Metadata()), kind="note", source="pdf", label="1", sha256=key,
        media_type="text/plain", raw_bytes=1, fetched_from="",
    )  # fmt: skip
    spans = [PassageSpan(0, len(text), "", "body", None, None)]
    store.passages.replace(document_id, version_id, model.id, spans, title="", text=text)
    return store.passages.of_document(document_id, model.id)[0]


def test_stop_words_are_dropped_and_what_is_left_is_quoted() -> None:
    assert terms("What is the effect of dropout on BERT?") == ('"effect"', '"dropout"', '"bert"')


def test_stop_words_stay_where_there_is_nothing_else() -> None:
    assert terms("to be or not to be") == ('"to"', '"to"', '"be"', '"be"', '"or"', '"not"')


def test_a_repeated_word_counts_again_up_to_a_bound() -> None:
    assert terms("data and more data") == ('"data"', '"data"')
    assert len(terms("data " * 50)) == 4
    found = expression("data and more data", alike)
    assert found is not None
    assert found.marking == '"data"'


@pytest.mark.parametrize("text", ["", " ", "🙂", '"', "--- *** ()", "\0"])
def test_without_words_there_is_no_expression(text: str) -> None:
    assert expression(text, alike) is None


def test_operators_are_words_or_nothing() -> None:
    assert terms('cat AND "dog" NEAR(mouse) col:x* -y') == (
        '"cat"', '"dog"', '"mouse"', '"col"'
    )  # fmt: skip


def test_lone_letters_fall_away_and_numbers_stay() -> None:
    assert terms("t-SNE of GPT 4") == ('"sne"', '"gpt"', '"4"')
    assert terms("C") == ('"c"',)


def test_scripts_without_spaces_are_looked_up_by_prefix(store: Store) -> None:
    assert terms("深度学习") == ('"深度学习" *',)
    passage = add_text(store, "深度学习模型 综述")
    found = store.passages.lexical(match("深度学习"), Query("x"), 1, 5)
    assert [i for i, _ in found] == [passage]


def test_accents_and_case_do_not_matter(store: Store) -> None:
    passage = add_text(store, "Naïve Bayes in the café")
    for text in ("NAIVE", "cafe\u0301", "Café"):
        found = store.passages.lexical(match(text), Query("x"), 1, 5)
        assert [i for i, _ in found] == [passage], text


def test_of_a_paste_the_most_telling_words_are_kept() -> None:
    common = [f"common{number}" for number in range(100)]
    words = [*common, "needle", "nowhere"]
    rarity = {'"needle"': 9.0, '"nowhere"': 0.0}
    found = expression(" ".join(words), lambda term: rarity.get(term, 1.0))
    assert found is not None
    assert len(found.terms) == MAX_TERMS
    assert '"needle"' in found.terms
    assert '"nowhere"' not in found.terms


def test_rarity_is_not_asked_for_a_usual_question_in_a_usual_library() -> None:
    def never(term: str) -> float:
        raise AssertionError(term)

    assert expression("which loss suits imbalanced classes", never) is not None


def test_in_a_large_library_words_that_stand_everywhere_are_only_marked() -> None:
    rarity = {'"model"': 0.1, '"zzz"': 0.0}
    found = expression("model zzz dropout", lambda term: rarity.get(term, 2.0), large=True)
    assert found is not None
    assert found.terms == ('"dropout"',)
    assert found.marked == ('"model"', '"zzz"', '"dropout"')


def test_words_that_stand_everywhere_are_kept_where_there_are_no_others() -> None:
    found = expression("model zzz", lambda term: 0.0, large=True)
    assert found is not None
    assert found.terms == ('"model"', '"zzz"')


@given(st.text(max_size=300))
def test_tokens_are_words_of_the_text(text: str) -> None:
    for word in tokens(text):
        assert word
        assert '"' not in word
        assert not any(c.isspace() for c in word)


def test_any_text_makes_a_valid_expression(store: Store) -> None:
    add_text(store, "a b c cat dog")

    @given(st.text(max_size=200) | st.text('"()*:^-+ANDORNT\0\x01 a', max_size=60))
    def check(text: str) -> None:
        found = expression(text, lambda term: float(store.passages.match_count(term)))
        if found is not None:
            assert len(found.terms) <= MAX_TERMS
            store.passages.lexical(found.match, Query("x"), 1, 5)
            store.passages.match_count(found.marking)

    check()


def test_a_paste_of_ten_thousand_characters_is_a_question(store: Store) -> None:
    passage = add_text(store, "gradient descent")
    text = 'gradient "descent" OR (lorem) ' * 400
    found = expression(text, lambda term: float(store.passages.match_count(term)))
    assert found is not None
    assert [i for i, _ in store.passages.lexical(found.match, Query("x"), 1, 5)] == [passage]


def test_marks_are_where_the_stems_match(store: Store) -> None:
    text = "Training networks: the trained network's “train” set. Été."
    passage = add_text(store, text)
    found = expression("train été", alike)
    assert found is not None
    marked = store.passages.highlighted(found.marking, [passage, 999], before="<", after=">")
    assert list(marked) == [passage]
    spans = marks(text, marked[passage], "<", ">")
    assert [text[a:b] for a, b in spans] == ["Training", "trained", "train", "Été"]


def test_no_marks_where_the_text_has_the_marking_characters() -> None:
    assert marks("a <b> c", "a <b> <c>", "<", ">") == ()
    assert marks("a b", "", "<", ">") == ()
