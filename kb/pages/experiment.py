"""One experiment: every number explained down to the quotes, and what becomes of it.

It knows widgets. The arithmetic and what may happen next are the planner's.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from kb.errors import KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import event_markup, experiment_form, forms, place, plan_markup, planned, session
from kb.pages.markup import box, escaped
from kb.records import Estimate, Evidence, Experiment, Project


def show(kb: KnowledgeBase, found: Experiment) -> None:
    """Draw the experiment."""
    st.button("All experiments", icon=":material/arrow_back:", type="tertiary", key="back",
              on_click=_leave, args=(found.project,))  # fmt: skip
    project = kb.store.projects.get(found.project)
    st.html(plan_markup.title(found) + plan_markup.about(found, _names(kb, found), project))
    if session.may("editor"):
        _next(kb, found)
    _explained(kb, found, project)
    if session.may("editor"):
        with st.expander("Edit", icon=":material/edit:"):
            experiment_form.edit(kb, found)
        if found.status in {"planned", "running"}:
            with st.expander("Overrule the gain", icon=":material/gavel:"):
                experiment_form.overrule(kb, found)
    with st.expander("History", icon=":material/history:"):
        st.html(event_markup.history(kb.store.events.find(experiment=found.id)))


def _leave(project: str) -> None:
    st.query_params.from_dict({"project": project, "view": "experiments"})


def _names(kb: KnowledgeBase, found: Experiment) -> dict[str, str]:
    needed = [kb.store.experiments.get(i) for i in found.depends_on]
    return {
        "tries": ", ".join(kb.store.findings.get(i).name for i in found.candidates),
        "waits for": ", ".join(f"{each.title} ({each.status})" for each in needed),
    }


# -- what becomes of it --------------------------------------------------------------------------


def _next(kb: KnowledgeBase, found: Experiment) -> None:
    """Draw what can be done with it now."""
    with st.container(horizontal=True, gap="small", key="next-step"):
        if found.status in {"planned", "dropped"}:
            label = "Start it" if found.status == "planned" else "Take it up again"
            st.button(label, icon=":material/play_arrow:", type="primary", key="start",
                      on_click=_start, args=(found,))  # fmt: skip
        if found.status in {"running", "finished"}:
            label = "Say what came of it" if found.status == "running" else "Correct the outcome"
            with st.popover(label, icon=":material/flag:", key="outcome"):
                experiment_form.outcome(kb, found)
        if found.status in {"planned", "running"}:
            with st.popover("Drop it", icon=":material/close:", type="tertiary", key="drop"):
                experiment_form.drop(kb, found)


def _start(found: Experiment) -> None:
    with session.sentences(), session.library() as kb:
        try:
            kb.planner.start(found)
        except KbError as error:
            st.session_state["start-refused"] = (found.id, str(error))
        else:
            forms.say("Started. What is expected of it now is kept.")


# -- every number explained ----------------------------------------------------------------------


def _explained(kb: KnowledgeBase, found: Experiment, project: Project) -> None:
    of, problem = st.session_state.pop("start-refused", (None, ""))
    if of == found.id:
        st.html(box(problem))
    unit = project.gain_unit
    ranking = planned.ranking(kb, found.project)
    ranked = next((each for each in ranking.ranked if each.experiment.id == found.id), None)
    st.html('<h3 class="kb-h2">Its numbers, and where they come from</h3>')
    if ranked is not None:
        own = [each for each in ranking.swaps if found.id in {each.upper, each.lower}]
        swaps = plan_markup.swaps(own, ranking.ranked)
        st.html(plan_markup.numbers(ranked, swaps, unit))
        _arithmetic(kb, found, ranked.estimate, unit)
    else:
        st.html(box(f"It is {found.status}, so it has no place in the order. What the evidence "
                    "says today stands below; what was expected at its start stays above.",
                    "note"))  # fmt: skip
        _arithmetic(kb, found, kb.planner.explain(found.id), unit)


def _arithmetic(kb: KnowledgeBase, found: Experiment, estimate: Estimate, unit: str) -> None:
    gain = escaped(plan_markup.gain_text(estimate.gain, unit))
    st.html(f'<h3 class="kb-h2">What the evidence lets us expect: {gain}</h3>'
            + plan_markup.arithmetic(estimate.method, estimate.steps))  # fmt: skip
    if not estimate.effects and not estimate.not_comparable:
        st.html(box("No finding that it tries has evidence with numbers. Tag a passage that "
                    "reports some, with metric, unit and values.", "note"))  # fmt: skip
        return
    if estimate.effects:
        st.html('<h4 class="kb-h3">The quotes behind it</h4>')
    for number, effect in enumerate(estimate.effects, start=1):
        _quote(found, effect.evidence, plan_markup.weighed(effect, number, unit), f"[{number}]")
    if estimate.not_comparable:
        st.html('<h4 class="kb-h3">Reported, and not comparable</h4>')
        for number, (evidence, reason) in enumerate(estimate.not_comparable, start=1):
            _quote(found, evidence, plan_markup.not_comparable(evidence, reason), f"({number})")
        if session.may("editor"):
            _mapping(kb, found, [evidence for evidence, _ in estimate.not_comparable])


def _quote(found: Experiment, evidence: Evidence, html: str, number: str) -> None:
    with st.container(key=f"quote-{evidence.id}", gap="xsmall"):
        st.html(html)
        where = f"Open page {evidence.page}" if evidence.page else "Open in the text"
        if st.button(f"{where}, for {number}", type="tertiary", icon=":material/article:",
                     key=f"open-{evidence.id}"):  # fmt: skip
            session.open_place(place.of_evidence(evidence), back=f"experiment-{found.id}")


def _mapping(kb: KnowledgeBase, found: Experiment, others: Sequence[Evidence]) -> None:
    metrics = sorted({each.effect.metric for each in others if each.effect is not None})
    if metrics:
        with st.expander("Let another metric count", icon=":material/compare_arrows:"):
            experiment_form.map_metric(kb, found, metrics)
