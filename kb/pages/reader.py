"""A document opened at a passage: the page as printed, or the text, with the passage marked.

It knows how to turn pages, and what stands beside them. It draws no page itself.
"""

from __future__ import annotations

import streamlit as st

from kb.errors import KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import markup, place, read_marks, read_time, session, suggestions, tagging
from kb.records import Document, Hit, Version, page_at

BESIDE = (8, 5)  # widths of a page and of what stands beside it
NARROW = "(max-width: 640px)"  # where what stands beside a page comes below it
IMAGE_WIDTH = 1400  # pixels: the widest column on a screen of 1440, at twice the density of print


def open_at(hit: Hit) -> None:
    """Open a hit's passage; the question stays in the address for the way back."""
    document = hit.document
    place.go(place.of_words(document, document.version_id, (hit.start, hit.end), hit.page))


def open_document(key: str) -> None:
    """Open a document at its beginning."""
    place.go({"document": key})


def _leave() -> None:
    place.go({})


def show(kb: KnowledgeBase, *, back: bool) -> None:
    """Draw the document that the address names. `back`: there are results to go back to."""
    _back(results=back)
    document = kb.store.documents.by_key(st.query_params["document"])
    version = kb.version_of(document.key, place.number("version"))
    length = len(version.text)
    start = min(place.number("start") or 0, length)
    mark = (start, max(start, min(place.number("end") or 0, length)))
    st.html(markup.work(document, heading="h1") + _about(document, version))
    if document.removed_at:
        st.html(markup.box("This document was removed from the library's search.", "note"))
    if version.id != document.version_id:
        st.html(
            markup.box(f"This is {version.label}; {document.version_label} is the latest.", "note")
        )
    if version.id == document.version_id and mark[1] > mark[0]:
        at = f"version-{version.id}-{mark[0]}-{mark[1]}"
        tagging.offer(document.key, version.text[slice(*mark)], at=at)
        tagging.done(at)
    read_time.show(kb, document)
    if version.pages:
        _pages(kb, document, version, mark)
    else:
        _parts(kb, document, version, mark)


def _back(*, results: bool) -> None:
    """The way back to where the document was opened from."""
    origin = place.origin()
    icon = ":material/arrow_back:"
    if origin is None:
        label = "Back to the results" if results else "Close"
        st.button(label, icon=icon, type="tertiary", key="back", on_click=_leave)
    elif st.button(origin[0], icon=icon, type="tertiary", key="back"):
        st.switch_page(session.PAGES / origin[1], query_params=origin[2])


def _about(document: Document, version: Version) -> str:
    meta = document.metadata
    return markup.facts(
        {
            "Authors": markup.escaped(", ".join(meta.authors)) if len(meta.authors) > 3 else "",
            "Version": "" if version.label in document.key else markup.escaped(version.label),
            "Original": markup.link(meta.url, meta.url) if meta.url else "",
        }
    )


def _pages(kb: KnowledgeBase, document: Document, version: Version, mark: tuple[int, int]) -> None:
    count = len(version.pages)
    home = page_at(version.pages, mark[0]) if mark[1] > mark[0] else None
    page = place.number("page")
    page = home or 1 if page is None else min(max(page, 1), count)
    printed = version.pages[page - 1].label
    extra = f" (printed {printed})" if printed not in ("", str(page)) else ""
    _turner(page, count, f"Page {page} of {count}{extra}", home)
    where = version.pages[page - 1]
    span = (where.start, where.end)
    known = read_marks.known(kb, document, version, mark)
    marks = read_marks.within(known.marks, span)
    picture, words = st.columns(BESIDE, gap="large")
    with picture, st.container(key="picture"):
        read_marks.legend(marks)
        try:
            if version.media_type != "application/pdf":
                raise KbError("Only the text of this page is kept.")
            png = kb.page_image(
                document.key, page, marks=marks, version_id=version.id, width=IMAGE_WIDTH
            )
            st.image(png, caption=f"Page {page}", width="stretch", output_format="PNG")
        except KbError as error:
            st.html(markup.box(f"{error} Here is its text.", "note"))
            st.html(markup.reading(version.text, span, version.sections, marks))
    with words:
        if mark[1] > mark[0]:
            _passage(version, mark)
        read_marks.beside(known, document, version, span)
        suggestions.beside(kb, document, version, page=page)
    if page == home:
        _scroll(".st-key-turner", mark, block="start", only=NARROW)


def _passage(version: Version, mark: tuple[int, int]) -> None:
    section = next((s.title for s in version.sections if s.start <= mark[0] < s.end), "")
    heading = f"<h3 class='kb-h3'>The passage</h3><p class='kb-place'>{markup.escaped(section)}</p>"
    text = markup.painted(version.text, [], mark)
    st.html(f'<div class="kb-aside">{heading}<p class="kb-passage">{text}</p></div>')


def _parts(kb: KnowledgeBase, document: Document, version: Version, mark: tuple[int, int]) -> None:
    stretches = markup.parts(version.text)
    marked = mark[1] > mark[0]
    home = next((n for n, (_, end) in enumerate(stretches, 1) if mark[0] < end), 1)
    page = min(max(place.number("page") or home, 1), len(stretches))
    if len(stretches) > 1:
        label = f"Part {page} of {len(stretches)}"
        _turner(page, len(stretches), label, home if marked else None)
    span = stretches[page - 1]
    known = read_marks.known(kb, document, version, mark)
    marks = read_marks.within(known.marks, span)
    text, aside = st.columns(BESIDE, gap="large")
    with text:
        read_marks.legend(marks)
        st.html(markup.reading(version.text, span, version.sections, marks))
    with aside:
        read_marks.beside(known, document, version, span)
        suggestions.beside(kb, document, version)
    if marked and page == home:
        _scroll(".kb-reading mark", mark)


def _scroll(to: str, mark: tuple[int, int], *, block: str = "center", only: str = "all") -> None:
    """Bring an element of the page into view, once for each passage.

    All but `mark` are constants: nothing from a document is ever part of the script.
    """
    st.html(
        f"<script>/* {mark[0]:d}-{mark[1]:d} */ if (matchMedia('{only}').matches) "
        f"document.querySelector('{to}')?.scrollIntoView({{block: '{block}'}})</script>",
        unsafe_allow_javascript=True,
    )


def _turner(page: int, count: int, label: str, home: int | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="turner", gap="small"):
        st.button(
            "Previous", icon=":material/chevron_left:", disabled=page <= 1, on_click=place.turn,
            args=(page - 1,), key="previous",
        )  # fmt: skip
        st.html(f'<span class="kb-page" role="status">{markup.escaped(label)}</span>',
                width="content")  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", disabled=page >= count,
            on_click=place.turn, args=(page + 1,), key="next",
        )  # fmt: skip
        if home is not None and home != page:
            st.button("To the passage", icon=":material/my_location:", on_click=place.turn,
                      args=(home,), key="home")  # fmt: skip
