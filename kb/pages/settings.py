"""Settings: the members, the encoder, the axes of design choices, and whether the library is sound.

It knows widgets. What may be changed, and by whom, `kb` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import streamlit as st

from kb.accounts import SHORTEST, hashed
from kb.errors import KbError
from kb.findings.taxonomy import Axis, Retraining
from kb.health import Check, checks, figures
from kb.knowledge_base import KnowledgeBase
from kb.pages import forms, session
from kb.pages.finding_markup import by
from kb.pages.markup import box, escaped, facts
from kb.records import ROLES, Member, Role

ROLE_WORDS: dict[Role, str] = {
    "reader": "Reader: reads and searches",
    "editor": "Editor: also adds, tags and plans",
    "admin": "Admin: also members",
}
TONES = {"good": "good", "note": "note", "bad": "problem"}


def main() -> None:
    """Draw the page."""
    with session.sentences(), session.library() as kb:
        shown = _view()
        forms.news()
        VIEWS[shown][1](kb)


def _view() -> str:
    """Draw the choice of what to see, which the address holds."""
    wanted = st.query_params.get("view", "")
    st.session_state["settings-view"] = shown = wanted if wanted in VIEWS else next(iter(VIEWS))
    st.segmented_control(
        "Show", list(VIEWS), key="settings-view", required=True, on_change=_change_view,
        format_func=lambda view: VIEWS[view][0], label_visibility="collapsed",
    )  # fmt: skip
    return shown


def _change_view() -> None:
    st.query_params.from_dict({"view": st.session_state["settings-view"]})


# -- health and model ----------------------------------------------------------------------------


def _health(kb: KnowledgeBase) -> None:
    now = {name.capitalize(): escaped(value) for name, value in figures(kb.status()).items()}
    st.html('<h2 class="kb-h2">In figures</h2>' + facts(now))
    st.html('<h2 class="kb-h2">Is it sound?</h2><p>Looks at the database, the sources, every '
            "quote, the vectors, the index and the model, and mends nothing. A large library "
            "takes a minute.</p>")  # fmt: skip
    if st.button("Look now", type="primary", icon=":material/health_and_safety:", key="look"):
        found = []
        with st.spinner("Looking."):
            for each in checks(kb):
                found.append(each)
                st.html(_check(each))
        bad = sum(each.state == "bad" for each in found)
        if bad:
            st.html(box(f"{bad} of {len(found)} checks found something wrong."))
        else:
            st.html(box(f"All {len(found)} checks are through: nothing is wrong.", "good"))


def _check(check: Check) -> str:
    remedy = f" → {check.remedy}" if check.remedy else ""
    return box(f"{check.name.capitalize()}: {check.found}{remedy}", TONES[check.state])


def _model(kb: KnowledgeBase) -> None:
    model = kb.store.settings.active_model()
    if model is None:
        said = f"None yet. The first ingest takes {kb.config.model}."
        st.html(box(said, "note"))
        return
    st.html(
        '<h2 class="kb-h2">The encoder</h2>'
        + facts(
            {
                "Name": escaped(model.name),
                "Revision": escaped(model.revision),
                "Numbers a vector": f"{model.dimension:,}",
                "Tokens a passage": f"{model.max_tokens:,}, at most",
            }
        )
        + "<p>Every passage has a vector of this encoder. Another one means that all of them are "
        "embedded again: <code>kb reindex --model NAME</code> in a terminal.</p>"
        '<h2 class="kb-h2">What suggests</h2>'
    )
    with st.spinner("Loading the encoder."):
        said = kb.workbench.head_in_use()
    st.html(f"<p>{escaped(said)}</p>")


# -- the taxonomy --------------------------------------------------------------------------------


def _taxonomy(kb: KnowledgeBase) -> None:
    axes = kb.workbench.axes()
    own = {str(each["id"]) for each in kb.store.axes.all()}
    st.html(
        f'<h2 class="kb-h2">{len(axes)} axes along which design choices are made</h2>'
        + "".join(_axis(each, own=each.id in own) for each in axes)
    )
    if session.may("editor"):
        with st.expander("Add an axis", icon=":material/add:"):
            _new_axis(kb)


def _axis(axis: Axis, *, own: bool) -> str:
    examples = f'<p class="kb-meta">As {escaped(", ".join(axis.examples))}</p>'
    team = '<span class="kb-chip">the team’s own</span>' if own else ""
    return (
        f'<div class="kb-hit"><p class="kb-name">{escaped(axis.name)} '
        f'<span class="kb-meta">{escaped(axis.id)}</span>{team}</p>'
        f"<p>{escaped(axis.definition)}</p>"
        f'<p class="kb-meta">Needs a training: {escaped(axis.retraining)}</p>'
        f"{examples if axis.examples else ''}</div>"
    )


def _new_axis(kb: KnowledgeBase) -> None:
    form = forms.begun("axis", None, None)
    with st.form("axis"):
        axis_id = st.text_input("Id", key=form.key("id"), placeholder="data-mix",
                                help="Lower case, words joined by hyphens.")  # fmt: skip
        name = st.text_input("Name (optional)", key=form.key("name"))
        definition = st.text_area("What is chosen on it, in a sentence", key=form.key("definition"))
        kinds: tuple[Retraining, ...] = get_args(Retraining)
        retraining = st.selectbox("Does trying a choice on it need a training?", kinds, index=1,
                                  key=form.key("retraining"))  # fmt: skip
        examples = st.text_area("Examples, one a line (optional)", key=form.key("examples"))
        sent = st.form_submit_button("Add", type="primary")
    if not sent:
        return
    given = axis_id.strip()
    try:
        if given in {each.id for each in kb.workbench.axes()}:
            st.html(box(f"There is an axis “{given}” already. Choose another id."))
            return
        kb.workbench.add_axis(given, name=name.strip(), definition=definition,
                              retraining=retraining, examples=_lines(examples))  # fmt: skip
    except KbError as error:
        forms.refused(form, error, None)
        return
    forms.finish(form, f"The axis “{given}” is there for everybody.")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


# -- members -------------------------------------------------------------------------------------


def _members(kb: KnowledgeBase) -> None:
    if not session.may("admin"):
        st.html(box("Members are looked after by admins. Ask one of them.", "note"))
        return
    found = kb.store.members.all()
    if not found:
        st.html(box("Nobody has an account: this page is for you alone. Give accounts to your "
                    "team, an admin first, then serve it with kb app --team.", "note"))  # fmt: skip
    else:
        rows = {each.name: escaped(_account(each)) for each in found}
        st.html('<h2 class="kb-h2">Members</h2>' + facts(rows))
        _change(kb, found)
    with st.expander("Add a member", icon=":material/person_add:", expanded=not found):
        _new_member(kb, first=not found)


def _account(member: Member) -> str:
    out = f" · may not sign in since {member.disabled_at[:10]}" if member.disabled_at else ""
    return f"{member.role} · added by {by(member.created_by, member.created_at)}{out}"


def _new_member(kb: KnowledgeBase, *, first: bool) -> None:
    form = forms.begun("member", None, None)
    with st.form("member"):
        name = st.text_input("Name, or e-mail address with OpenID Connect", key=form.key("name"))
        role = st.selectbox("Role", ROLES, index=2 if first else 1, key=form.key("role"),
                            format_func=lambda role: ROLE_WORDS[role])  # fmt: skip
        password = st.text_input(
            f"Password, {SHORTEST} characters or more; none with OpenID Connect",
            type="password", key=form.key("password"), autocomplete="new-password",
        )  # fmt: skip
        sent = st.form_submit_button("Add", type="primary")
    if not sent:
        return
    try:
        kb.store.events.require("admin")
        added = kb.store.members.add(name, role, hashed(password) if password else "")
    except KbError as error:
        forms.refused(form, error, None)
        return
    forms.finish(form, f"“{added.name}” is {added.role} now.")


def _change(kb: KnowledgeBase, found: list[Member]) -> None:
    st.html('<h2 class="kb-h2">Change a member</h2>')
    names = [each.name for each in found]
    chosen = st.selectbox("Member", names, key="settings-member", width=340)
    member = next(each for each in found if each.name == chosen)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        role = st.selectbox("Role", ROLES, index=ROLES.index(member.role), width=340,
                            format_func=lambda role: ROLE_WORDS[role],
                            key=f"role-{member.name}-{member.role}")  # fmt: skip
        st.button("Change the role", disabled=role == member.role, key="set-role",
                  on_click=_set_role, args=(member.name, role))  # fmt: skip
        off = member.disabled_at is not None
        st.button("Let in again" if off else "Let in no more", key="disable",
                  icon=":material/lock_open:" if off else ":material/block:",
                  on_click=_disable, args=(member.name, not off))  # fmt: skip
    _reset(kb, member)


def _reset(kb: KnowledgeBase, member: Member) -> None:
    form = forms.begun("password", member.name, None)
    with st.form("password"):
        password = st.text_input(f"Another password, {SHORTEST} characters or more",
                                 type="password", key=form.key("password"),
                                 autocomplete="new-password", width=340)  # fmt: skip
        sent = st.form_submit_button("Put in place, and sign out everywhere")
    if not sent:
        return
    try:
        kb.store.events.require("admin")
        kb.store.members.set_password(member.name, hashed(password))
    except KbError as error:
        forms.refused(form, error, None)
        return
    forms.finish(form, f"“{member.name}” has another password, and is signed out everywhere.")


def _set_role(name: str, role: Role) -> None:
    with session.sentences(), session.library() as kb:
        changed = kb.store.members.set_role(name, role)
        forms.say(f"“{changed.name}” is {changed.role} now.")


def _disable(name: str, disabled: bool) -> None:
    with session.sentences(), session.library() as kb:
        found = kb.store.members.disable(name, disabled=disabled)
        can = "may not sign in any more" if disabled else "may sign in again"
        forms.say(f"“{found.name}” {can}.")


# In the address → what it is called, and what draws it.
VIEWS: dict[str, tuple[str, Callable[[KnowledgeBase], None]]] = {
    "health": ("Health", _health),
    "members": ("Members", _members),
    "taxonomy": ("Taxonomy", _taxonomy),
    "model": ("Model", _model),
}


if __name__ == "__main__":
    main()
