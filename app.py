"""The page's entry: which pages there are, and whose they are.

It knows no library and no widget. Run by `kb app`, or `streamlit run app.py -- --library PATH`.
"""

from __future__ import annotations

import streamlit as st

from kb.pages import session
from kb.pages.session import PAGES

st.set_page_config(page_title="kb", page_icon=":material/menu_book:", layout="wide")
session.style()
st.navigation(
    [
        st.Page(
            PAGES / "search.py", title="Search", icon=":material/search:", url_path="", default=True
        ),
        st.Page(
            PAGES / "library.py",
            title="Library",
            icon=":material/library_books:",
            url_path="library",
        ),
    ],
    position="top",
).run()
