"""A document opened at a passage: the page as printed, or the text, with the passage marked.

It knows the address of a passage (document, page, offsets, version) and how to turn pages. It draws
no page itself.
"""

from __future__ import annotations

import streamlit as st

from kb.errors import KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import markup, tagging
from kb.records import Document, Evidence, Hit, Version, page_at

PLACE = ("document", "version", "page", "start", "end")  # in the address
IMAGE_WIDTH = 1400  # pixels: the widest column on a screen of 1440, at twice the density of print


def open_at(hit: Hit) -> None:
    """Open a hit's passage; the question stays in the address for the way back."""
    _go(_address(hit.document, hit.document.version_id, hit))


def place(evidence: Evidence) -> dict[str, str]:
    """The address of a quote, in the version that it was pinned in."""
    return _address(evidence.document, evidence.version_id, evidence)


def _address(document: Document, version_id: int, words: Hit | Evidence) -> dict[str, str]:
    page = {} if words.page is None else {"page": str(words.page)}
    return {"document": document.key, "version": str(version_id), **page,
            "start": str(words.start), "end": str(words.end)}  # fmt: skip


def open_document(key: str) -> None:
    """Open a document at its beginning."""
    _go({"document": key})


def _leave() -> None:
    _go({})


def _turn(page: int) -> None:
    _go({name: st.query_params[name] for name in PLACE if name in st.query_params}
        | {"page": str(page)})  # fmt: skip


def _go(place: dict[str, str]) -> None:
    """Move to a place in one step, so that the browser's “back” takes one step too."""
    address: dict[str, str | list[str]] = {
        name: st.query_params.get_all(name) for name in st.query_params if name not in PLACE
    }
    st.query_params.from_dict({**address, **place})


def _number(name: str) -> int | None:
    value = st.query_params.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 12 else None


def show(kb: KnowledgeBase, *, back: bool) -> None:
    """Draw the document that the address names. `back`: there are results to go back to."""
    label = "Back to the results" if back else "Close"
    st.button(label, icon=":material/arrow_back:", type="tertiary", key="back", on_click=_leave)
    document = kb.store.documents.by_key(st.query_params["document"])
    version = kb.version_of(document.key, _number("version"))
    length = len(version.text)
    start = min(_number("start") or 0, length)
    mark = (start, max(start, min(_number("end") or 0, length)))
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
    if version.pages:
        _pages(kb, document, version, mark)
    else:
        _parts(version, mark)


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
    page = _number("page")
    page = home or 1 if page is None else min(max(page, 1), count)
    printed = version.pages[page - 1].label
    extra = f" (printed {printed})" if printed not in ("", str(page)) else ""
    _turner(page, count, f"Page {page} of {count}{extra}", home)
    picture, words = st.columns([5, 2], gap="large")
    with picture:
        try:
            if version.media_type != "application/pdf":
                raise KbError("Only the text of this page is kept.")
            png = kb.page_image(
                document.key, page, mark=mark, version_id=version.id, width=IMAGE_WIDTH
            )
            st.image(png, caption=f"Page {page}", width="stretch", output_format="PNG")
        except KbError as error:
            st.html(markup.box(f"{error} Here is its text.", "note"))
            where = version.pages[page - 1]
            st.html(markup.reading(version.text, (where.start, where.end), version.sections, mark))
    with words:
        if mark[1] > mark[0]:
            _passage(version, mark)


def _passage(version: Version, mark: tuple[int, int]) -> None:
    section = next((s.title for s in version.sections if s.start <= mark[0] < s.end), "")
    heading = f"<h3 class='kb-h3'>The passage</h3><p class='kb-place'>{markup.escaped(section)}</p>"
    text = markup.painted(version.text, [], mark)
    st.html(f'<div class="kb-aside">{heading}<p class="kb-passage">{text}</p></div>')


def _parts(version: Version, mark: tuple[int, int]) -> None:
    stretches = markup.parts(version.text)
    marked = mark[1] > mark[0]
    home = next((n for n, (_, end) in enumerate(stretches, 1) if mark[0] < end), 1)
    page = min(max(_number("page") or home, 1), len(stretches))
    if len(stretches) > 1:
        label = f"Part {page} of {len(stretches)}"
        _turner(page, len(stretches), label, home if marked else None)
    st.html(markup.reading(version.text, stretches[page - 1], version.sections, mark))
    if marked and page == home:
        st.html(_SCROLL, unsafe_allow_javascript=True)


_SCROLL = (
    "<script>document.querySelector('.kb-reading mark')?.scrollIntoView({block: 'center'})</script>"
)
"""Brings the passage into view. Constant: nothing from a document is ever part of it."""


def _turner(page: int, count: int, label: str, home: int | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="turner", gap="small"):
        st.button(
            "Previous", icon=":material/chevron_left:", disabled=page <= 1, on_click=_turn,
            args=(page - 1,), key="previous",
        )  # fmt: skip
        st.html(f'<span class="kb-page" role="status">{markup.escaped(label)}</span>',
                width="content")  # fmt: skip
        st.button(
            "Next", icon=":material/chevron_right:", icon_position="right", disabled=page >= count,
            on_click=_turn, args=(page + 1,), key="next",
        )  # fmt: skip
        if home is not None and home != page:
            st.button("To the passage", icon=":material/my_location:", on_click=_turn,
                      args=(home,), key="home")  # fmt: skip
