from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.split import sentences, split
from kb.records import Metadata, Page, Parsed, Section
from kb.search.embed import heading
from tests.conftest import FakeEmbedder

FAKE = FakeEmbedder()


def texts(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def test_sentences_end_where_a_reader_sees_them_end() -> None:
    text = (
        "We follow Smith et al. (2019), i.e. we use Fig. 2 and 3.5 epochs. It works! Does it? "
        "“Yes.” J. Doe said so.\n\n4 Results\n\nvs. the baseline of 0.5."
    )
    assert texts(text) == [
        "We follow Smith et al. (2019), i.e. we use Fig. 2 and 3.5 epochs.",
        "It works!",
        "Does it?",
        "“Yes.”",
        "J. Doe said so.",
        "4 Results",
        "vs. the baseline of 0.5.",
    ]
    assert texts("今天很好。明天呢？好") == ["今天很好。", "明天呢？", "好"]


def test_passages_keep_to_their_sections_and_pages() -> None:
    first = "One sentence here is of seven words. " * 8
    second = "Another sentence there has seven words too. " * 8
    text = first + second
    parsed = Parsed(
        text,
        pages=(Page("1", 0, 100), Page("2", 100, len(text))),
        sections=(
            Section("First", 1, 0, len(first)),
            Section("References", 1, len(first), len(text), "references"),
        ),
    )
    spans = split(parsed, embedder=FAKE)
    assert {span.section for span in spans} == {"First", "References"}
    assert all(span.end <= len(first) or span.start >= len(first) for span in spans)
    assert {span.role for span in spans if span.section == "References"} == {"references"}
    for span in spans:
        assert span.page == (1 if span.start < 100 else 2)
        assert span.page_end == (1 if span.end - 1 < 100 else 2)
        assert text[span.start : span.end].endswith(".")


def test_a_short_last_sentence_is_said_again_by_the_next_passage() -> None:
    text = (
        "A long sentence of quite a few words, to fill the passage up to near its end. Short one. "
    )
    spans = split(Parsed(text * 6), embedder=FAKE)
    assert len(spans) > 2
    assert all(b.start < a.end for a, b in itertools.pairwise(spans))


def test_a_heading_with_nothing_under_it_is_joined_to_what_follows() -> None:
    text = "4 Experiments\n\n4.1 Data\n\n" + "We use many reviews of films and more. " * 5
    parsed = Parsed(
        text,
        sections=(Section("4 Experiments", 1, 0, 15), Section("4.1 Data", 2, 15, len(text))),
    )
    spans = split(parsed, embedder=FAKE)
    assert spans[0].start == 0
    assert {span.section for span in spans} == {"4.1 Data"}


def test_a_long_heading_is_left_out_rather_than_the_text() -> None:
    title = "a title of very many words " * 10
    assert heading(FAKE, title, "Data") == "Data\n"
    assert heading(FAKE, title, title) == ""
    assert heading(FAKE, "On mail", "Data") == "On mail · Data\n"
    assert heading(FAKE, "", "") == ""


characters = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(list("ab . \n\n?!,;(“”)e\u0301🙂👩‍👩‍👧漢字\u200b\x00\u00ad")),
    ),
    max_size=400,
)


@st.composite
def parsed_texts(draw: st.DrawFn) -> Parsed:
    text = draw(characters) + draw(st.sampled_from(["", "x" * 300, "https://a.b/" + "c/" * 80]))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    bounds = list(zip([0, *cuts], [*cuts, len(text)], strict=True))
    sections = tuple(Section(draw(st.sampled_from(["", "S", "T" * 99])), 1, *b) for b in bounds)
    pages = tuple(Page(str(n), *b) for n, b in enumerate(bounds, 1))
    return Parsed(text, Metadata(title=draw(st.sampled_from(["", "On mail"]))), pages, sections)


def check(parsed: Parsed, embedder: FakeEmbedder) -> None:
    spans = split(parsed, embedder=embedder)
    covered = [False] * len(parsed.text)
    for span in spans:
        assert 0 <= span.start < span.end <= len(parsed.text)
        text = parsed.text[span.start : span.end]
        assert text == text.strip()
        whole = heading(embedder, parsed.metadata.title, span.section) + text
        assert len(embedder.token_spans(whole)) <= embedder.max_tokens or len(text) == 1
        assert span.page == parsed.page_at(span.start)
        assert span.page_end == parsed.page_at(span.end - 1)
        for i in range(span.start, span.end):
            covered[i] = True
    assert all(c or parsed.text[i].isspace() for i, c in enumerate(covered))
    assert [s.start for s in spans] == sorted(s.start for s in spans)


@given(parsed_texts())
@settings(max_examples=300, deadline=None)
def test_passages_cover_the_text_and_fit_the_encoder(parsed: Parsed) -> None:
    check(parsed, FAKE)


@pytest.mark.model
def test_the_same_with_the_real_tokenizer(real_embedder: FakeEmbedder) -> None:
    @given(parsed_texts())
    @settings(max_examples=150, deadline=None)
    def run(parsed: Parsed) -> None:
        check(parsed, real_embedder)

    run()
    solid = split(Parsed("x" * 100_000), embedder=real_embedder)
    assert max(span.end - span.start for span in solid) <= 16 * 254
    long = "word " * 5000 + "x" * 3000 + "漢" * 3000 + "é" * 1000
    check(Parsed(long, Metadata(title="T")), real_embedder)
