"""The page's entry: which pages there are, and how to get from one to the other.

It knows no library. Run by `kb app`, or `streamlit run app.py -- --library PATH`.
"""

from __future__ import annotations

import streamlit as st

from kb.pages import session
from kb.pages.session import PAGES

# File in kb/pages → title and icon. The first is what the bare address shows.
ALWAYS = {  # in the bar
    "home.py": ("Home", ":material/home:"),
    "search.py": ("Search", ":material/search:"),
    "findings.py": ("Findings", ":material/bookmarks:"),
    "plan.py": ("Plan", ":material/route:"),
    "library.py": ("Library", ":material/library_books:"),
}
MORE: dict[str, tuple[str, str]] = {
    "project.py": ("Project", ":material/flag:"),
    "compare.py": ("Compare", ":material/table_chart:"),
    "export.py": ("Export", ":material/ios_share:"),
    "activity.py": ("Activity", ":material/history:"),
    "settings.py": ("Settings", ":material/settings:"),
}  # behind one button: ten links do not fit a phone

pages = {
    file: st.Page(PAGES / file, title=title, default=file == next(iter(ALWAYS)))
    for file, (title, _) in {**ALWAYS, **MORE}.items()
}
# An icon of a page itself would become the tab's, which Streamlit fetches from another machine.
page = st.navigation(list(pages.values()), position="hidden")
session.member()  # whoever is not signed in any more gets no further
session.last_visit()
st.set_page_config(f"{page.title} · kb", page_icon=str(PAGES / "icon.png"), layout="wide")
session.style()
# Drawn here, since Streamlit's own navigation hides behind a button on narrow screens.
with st.container(horizontal=True, vertical_alignment="center", gap="small", key="nav"):
    st.html(
        f'<span class="kb-brand">kb</span><h1 class="kb-hidden">{page.title}</h1>', width="content"
    )
    for file, (_, icon) in ALWAYS.items():
        # Back to the question that was asked; on the page itself, to where it begins.
        back = file == "search.py" and page is not pages[file]
        st.page_link(pages[file], icon=icon, query_params=session.question() if back else None)
    if MORE:
        with st.popover("More", icon=":material/more_horiz:", type="tertiary"):
            for file, (_, icon) in MORE.items():
                st.page_link(pages[file], icon=icon)
    session.show_member()
page.run()
