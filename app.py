"""The page's entry: which pages there are, and how to get from one to the other.

It knows no library. Run by `kb app`, or `streamlit run app.py -- --library PATH`.
"""

from __future__ import annotations

import streamlit as st

from kb.pages import session
from kb.pages.session import PAGES

pages = [
    st.Page(PAGES / "search.py", title="Search", default=True),
    st.Page(PAGES / "findings.py", title="Findings"),
    st.Page(PAGES / "library.py", title="Library"),
]
# An icon of a page itself would become the tab's, which Streamlit fetches from another machine.
icons = [":material/search:", ":material/bookmarks:", ":material/library_books:"]
page = st.navigation(pages, position="hidden")
session.member()  # whoever is not signed in any more gets no further
st.set_page_config(f"{page.title} · kb", page_icon=str(PAGES / "icon.png"), layout="wide")
session.style()
# Drawn here, since Streamlit's own navigation hides behind a button on narrow screens.
with st.container(horizontal=True, vertical_alignment="center", gap="small", key="nav"):
    st.html(
        f'<span class="kb-brand">kb</span><h1 class="kb-hidden">{page.title}</h1>', width="content"
    )
    for each, icon in zip(pages, icons, strict=True):
        # Back to the question that was asked; on the page itself, to where it begins.
        back = each is pages[0] and page is not pages[0]
        st.page_link(each, icon=icon, query_params=session.question() if back else None)
    session.show_member()
page.run()
