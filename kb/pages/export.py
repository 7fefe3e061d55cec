"""Export: a project in every form it leaves in, made when it is asked for, to preview and download.

It knows buttons and boxes. What each form looks like is `kb.export`'s business.
"""

from __future__ import annotations

import io
import zipfile

import streamlit as st

from kb.errors import UsageError
from kb.export.formats import FORMATS, Exports, Files, Format
from kb.knowledge_base import KnowledgeBase
from kb.pages import markup, session

TEMPLATE_BYTES = 200_000  # of a team's own template: a long plan's form has 2,000
PREVIEW = 20_000  # characters of a text that are shown; the download has all


def main() -> None:
    """The page."""
    with session.sentences(), session.library() as kb:
        project = session.project(kb)
        if project is not None:
            _export(kb, project)


def _export(kb: KnowledgeBase, project: str) -> None:
    name = st.selectbox("Format", list(FORMATS), key="export-format")
    chosen = FORMATS[name]
    st.html(f'<p class="kb-meta">{markup.escaped(chosen.sentence)}</p>')
    template = _template(chosen)
    if st.button("Make it", icon=":material/draft:", type="primary"):
        st.session_state.pop("export-made", None)
        with st.spinner("Writing …"):
            files = _made(kb, project, name, template)
        st.session_state["export-made"] = (project, name, files)
    made = st.session_state.get("export-made")
    if made and made[:2] == (project, name):
        _offer(project, chosen, made[2])


def _template(chosen: Format) -> str | None:
    if chosen.takes != "template":
        return None
    given = st.file_uploader("A Jinja template of your own, if you have one", key="export-template")
    if given is None:
        return None
    if given.size > TEMPLATE_BYTES:
        raise UsageError(f"A template has {TEMPLATE_BYTES:,} bytes at most.")
    try:
        return given.getvalue().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("The template is not text in UTF-8.") from error


def _made(kb: KnowledgeBase, project: str, name: str, template: str | None) -> Files:
    exports = Exports(lambda: kb.planner.plan(project), lambda: kb.state(project))
    return exports.made(name, template=template)


def _offer(project: str, chosen: Format, files: Files) -> None:
    """The download of what was made, a folder as an archive, and the beginning of a text."""
    if chosen.kind == "folder":
        content, file, kind = _zipped(files), f"{chosen.name}.zip", "application/zip"
    else:
        content, file, kind = files[chosen.name], chosen.name, chosen.media_type
    st.download_button(
        f"Download {file}", content, file_name=file, mime=kind, icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip
    if chosen.kind == "file" and not chosen.binary:
        text = content.decode("utf-8")
        st.code(text[:PREVIEW], language=None, wrap_lines=True)
        if len(text) > PREVIEW:
            st.html('<p class="kb-meta">Only the beginning is shown.</p>')
    elif chosen.kind == "folder":
        listed = "".join(f"<li>{markup.escaped(path)}</li>" for path in sorted(files))
        st.html(f"<ul>{listed}</ul>")


def _zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            archive.writestr(path, content)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
