"""The filters of findings, as Findings and Compare draw them.

It knows widgets. What satisfies them, the knowledge base says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import streamlit as st

from kb.export import KIND_NAMES
from kb.knowledge_base import KnowledgeBase
from kb.pages import session
from kb.records import CANDIDATE_STATUSES, FINDING_KINDS

Name = Literal["kind", "axis", "tag", "project", "status"]


def draw(kb: KnowledgeBase, names: Iterable[Name], *, on: str) -> dict[str, Any]:
    """Draw the filters of these names on the page `on`; what is set, as `Workbench.findings` takes.

    They stand in the address under their keys, as "compare-axis", so that they can be shared.
    """
    given = {name: _one(kb, name, f"{on}-{name}") for name in names}
    return {name: value for name, value in given.items() if value}


def _one(kb: KnowledgeBase, name: Name, key: str) -> str | None:
    options, names = _options(kb, name)
    return st.selectbox(
        name.capitalize(), options, index=None, key=key, placeholder="any", width=140,
        format_func=_named(names), disabled=not options, bind="query-params",
    )  # fmt: skip


def _options(kb: KnowledgeBase, name: Name) -> tuple[Sequence[str], dict[str, str]]:
    if name == "kind":
        return FINDING_KINDS, {kind: KIND_NAMES[kind][1] for kind in FINDING_KINDS}
    if name == "axis":
        axes = session.axes(kb)
        return list(axes), axes
    if name == "tag":
        return session.finding_tags(kb), {}
    return (kb.store.projects.names() if name == "project" else CANDIDATE_STATUSES), {}


def _named(names: dict[str, str]) -> Callable[[str], str]:
    return lambda option: names.get(option, option)
