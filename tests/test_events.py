from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import Parsed
from kb.store import Store
from tests.test_store import PARSED, TEXT, add


def told(store: Store, **filters: object) -> list[tuple[str, str, str]]:
    found = store.events.find(**filters)  # type: ignore[arg-type]
    return [(each.what, each.kind, each.name) for each in found]


def test_an_event_says_what_its_subject_is_called_today(knowledge_base: KnowledgeBase) -> None:
    kb = knowledge_base
    add(kb.store)
    tagged = kb.workbench.tag("arxiv:1901.00001", "dataset", "Cats", quote="Dogs bark at")
    kb.store.candidates.comment(f"evidence:{tagged.evidence.id}", "really?")
    kb.workbench.edit_finding(kb.store.findings.get(tagged.finding.id), name="Cats 2")
    assert told(kb.store) == [
        ("changed", "finding", "Cats 2"),
        ("commented", "finding", "Cats 2"),
        ("pinned", "finding", "Cats 2"),
        ("added", "finding", "Cats 2"),
        ("added", "document", "On cats and dogs"),
    ]
    pinned = kb.store.events.find(kind="finding")[2]
    assert (pinned.finding, pinned.quote) == (tagged.finding.id, "Dogs bark at")


def test_events_are_filtered_by_member_kind_project_and_time(config: Config) -> None:
    library = config.library
    with Store(library, member="Ana") as store:
        finding = store.findings.add("dataset", "IMDB")
        store.projects.add("mail")
        store.projects.add("mail 2")
    with Store(library, member="Ed") as store:
        store.candidates.set("mail 2", finding.id)
        store.experiments.add("mail", "Try it", {})
        half = store.events.find(limit=1)[0].at
        store.projects.add("chat")
        assert store.events.members() == ["Ana", "Ed"]
        assert told(store, who="Ed", kind="project") == [("added", "project", "chat")]
        assert told(store, project="mail") == [
            ("added", "experiment", "Try it"),
            ("added", "project", "mail"),
        ]
        assert told(store, project="mail 2") == [
            ("candidate", "finding", "IMDB"),
            ("added", "project", "mail 2"),
            ("added", "finding", "IMDB"),
        ]
        assert told(store, since=half) == [("added", "project", "chat")]
        assert len(told(store, until=half)) == 4
        assert len(told(store, limit=2)) == 2


def test_what_is_new_is_what_came_after_the_visit_before(store: Store) -> None:
    assert store.visits.note("Ana") == ""
    assert store.visits.note("Ana") == ""  # the same visit
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    file = sqlite3.connect(store.file)
    with file:
        file.execute("update visits set seen_at = ?", (yesterday,))
    file.close()
    assert store.visits.note("Ana") == yesterday
    assert store.visits.note("ANA") == yesterday  # still this visit
    assert store.visits.note("Ed") == ""
    store.visits.catch_up("Ana")
    assert store.visits.note("Ana") > yesterday


def test_a_visit_to_a_library_that_may_only_be_read_is_not_noted(store: Store) -> None:
    with Store(store.library, role="reader") as reading:
        assert reading.visits.note("Ana") == ""
        reading.visits.catch_up("Ana")
    assert store.visits.note("Ana") == ""


def test_projects_at_a_glance(knowledge_base: KnowledgeBase) -> None:
    kb = knowledge_base
    brief = {"review_days": 5, "people": 2, "hours_a_week": 20, "review_start": "2026-11-02"}
    kb.workbench.new_project("mail", {"metric": "F1", **brief})
    kb.workbench.new_project("chat", {})
    for key, status, minutes in (("doi:1", "read", 90), ("doi:2", "reading", 30)):
        document_id, _, _ = add(kb.store, key, sha256=key)
        kb.store.projects.read("mail", document_id, status, minutes=minutes)  # type: ignore[arg-type]
    chat, mail = kb.workbench.glances()
    assert (chat.documents, chat.done, chat.hours, chat.time_box, chat.ends) == (
        0,
        0,
        0.0,
        None,
        "",
    )
    assert (mail.documents, mail.done, mail.hours, mail.time_box) == (2, 1, 2.0, 40.0)
    assert mail.ends == "2026-11-06"
    assert mail.missing[:2] == ("unit", "baseline")
    kb.store.projects.archive("chat")
    assert [each.project.name for each in kb.workbench.glances()] == ["mail"]


def test_a_quote_is_stale_where_the_newest_version_does_not_say_it(
    knowledge_base: KnowledgeBase,
) -> None:
    kb = knowledge_base
    add(kb.store)
    for quote in ("Cats purr. Dogs", "Dogs bark at"):
        kb.workbench.tag("arxiv:1901.00001", "dataset", quote, quote=quote)
    assert kb.workbench.stale() == []
    newer = Parsed("Dogs bark. " + TEXT.replace("purr", "meow"), PARSED.metadata)
    add(kb.store, label="v2", sha256="bb", parsed=newer)
    assert [each.quote for each in kb.workbench.stale()] == ["Cats purr. Dogs"]
    kb.store.documents.remove("arxiv:1901.00001")
    assert kb.workbench.stale() == []


def test_the_events_of_one_experiment_are_its_alone(store: Store) -> None:
    store.projects.add("mail")
    first = store.experiments.add("mail", "Try it", {})
    store.experiments.add("mail", "Try another", {})
    store.experiments.edit(first.id, first.revision, title="Try it twice")
    found = store.events.find(experiment=first.id)
    assert [event.what for event in found] == ["changed", "added"]
