from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from kb.errors import Conflict, NotFound, UsageError
from kb.records import Effect
from kb.store import Store
from kb.store.findings import plain_name
from kb.store.schema import migrations
from kb.store.suggestions import Proposal
from tests.test_store import PARSED, TEXT, add


@pytest.fixture
def other(store: Store) -> Store:
    """The same library, opened by somebody else."""
    return Store(store.library, member="other")


def test_names_are_compared_without_their_spelling(store: Store) -> None:
    assert plain_name("SST-2") == plain_name("sst 2") == plain_name("SST_2") == "sst2"
    finding = store.findings.add(
        "dataset", "SST-2", aliases=["Stanford Sentiment Treebank"], tags=["sentiment"]
    )
    assert store.findings.named("sst2") == [finding]
    assert store.findings.named("stanford  sentiment treebank", "dataset") == [finding]
    assert store.findings.named("SST-2", "pretrained_model") == []
    with pytest.raises(UsageError, match="There is a dataset “SST-2” already: finding 1"):
        store.findings.add("dataset", "sst 2")
    store.findings.add("pretrained_model", "SST-2")  # another kind is another thing
    with pytest.raises(UsageError, match="letters or digits"):
        store.findings.add("dataset", " – ")


def test_the_second_of_two_editors_is_told(store: Store, other: Store) -> None:
    finding = store.findings.add("dataset", "IMDB")
    edited = store.findings.edit(finding.id, finding.revision, note="films", tags=["reviews"])
    assert (edited.revision, edited.note, edited.tags) == (2, "films", ("reviews",))
    with pytest.raises(Conflict, match="changed by tester meanwhile"):
        other.findings.edit(finding.id, finding.revision, note="movies")
    assert store.findings.get(finding.id).note == "films"
    assert other.findings.edit(finding.id, 2, name="IMDb reviews").aliases == ()
    events = store.events.of(f"finding:{finding.id}")
    assert [(e["who"], e["what"]) for e in events] == [
        ("tester", "added"),
        ("tester", "changed"),
        ("other", "changed"),
    ]
    assert events[1]["before"] == '{"note": "", "tags": []}'
    assert events[1]["after"] == '{"note": "films", "tags": ["reviews"]}'
    other.close()


def test_evidence_stays_where_it_was_pinned(store: Store) -> None:
    document_id, version_id, _ = add(store)
    finding = store.findings.add("dataset", "Barking")
    effect = Effect("accuracy", "%", value=87.0, baseline=85.2, dataset="Mailmen")
    pinned = store.findings.pin(
        finding.id, version_id, 11, 36, quote=TEXT[11:36], page=2, section="Sounds", effect=effect
    )
    assert store.findings.pin(finding.id, version_id, 11, 36, quote=TEXT[11:36]) == pinned
    assert pinned.effect is not None
    assert pinned.effect.difference == pytest.approx(1.8)
    add(store, label="v2", sha256="bb", parsed=replace(PARSED, text="All is new."))
    store.documents.remove("arxiv:1901.00001")
    [kept] = store.findings.evidence(finding.id)
    assert replace(kept, document=pinned.document) == pinned
    version = store.documents.version(kept.version_id)
    assert version.text[kept.start : kept.end] == kept.quote
    assert store.findings.evidence_in(document_id)[0].id == pinned.id
    store.findings.remove_evidence(pinned.id)
    assert store.findings.evidence(finding.id) == []
    with pytest.raises(NotFound, match="no evidence 1"):
        store.findings.one_evidence(pinned.id)


def test_merging_keeps_all_and_can_be_undone(store: Store) -> None:
    _, version_id, _ = add(store)
    long = store.findings.add("dataset", "Stanford Sentiment Treebank", tags=["a"])
    short = store.findings.add("dataset", "SST", tags=["b"])
    model = store.findings.add("pretrained_model", "BERT")
    store.findings.pin(long.id, version_id, 0, 10, quote=TEXT[:10])
    store.findings.pin(short.id, version_id, 11, 36, quote=TEXT[11:36])
    merged = store.findings.merge(long.id, short.id)
    assert (merged.aliases, set(merged.tags), merged.merged) == (("SST",), {"a", "b"}, (2,))
    assert [e.start for e in store.findings.evidence(long.id)] == [0, 11]
    assert store.findings.get(short.id).id == long.id
    assert [f.id for f in store.findings.all(kind="dataset")] == [long.id]
    assert store.findings.named("sst")[0].id == long.id
    with pytest.raises(UsageError, match="one finding already"):
        store.findings.merge(long.id, short.id)
    with pytest.raises(UsageError, match="two kinds"):
        store.findings.merge(long.id, model.id)
    edited = store.findings.edit(long.id, merged.revision, aliases=[*merged.aliases, "SST-2"])
    assert set(edited.aliases) == {"SST", "SST-2"}
    assert store.findings.unmerge(short.id).name == "SST"
    assert store.findings.get(long.id).aliases == ("SST-2",)
    assert [e.start for e in store.findings.evidence(long.id)] == [0]
    assert [e.start for e in store.findings.evidence(short.id)] == [11]
    with pytest.raises(UsageError, match="not merged"):
        store.findings.unmerge(short.id)


def test_splitting_takes_evidence_along(store: Store) -> None:
    _, version_id, _ = add(store)
    both = store.findings.add("dataset", "Reviews")
    first = store.findings.pin(both.id, version_id, 0, 10, quote=TEXT[:10])
    second = store.findings.pin(both.id, version_id, 11, 36, quote=TEXT[11:36])
    new = store.findings.split(both.id, [second.id], "Film reviews")
    assert [e.id for e in store.findings.evidence(both.id)] == [first.id]
    assert [e.id for e in store.findings.evidence(new.id)] == [second.id]
    with pytest.raises(UsageError, match=f"it has {first.id}"):
        store.findings.split(both.id, [second.id], "Other")


def test_findings_are_filtered(store: Store) -> None:
    _, version_id, _ = add(store)
    store.projects.add("mail")
    imdb = store.findings.add("dataset", "IMDB", tags=["sentiment"])
    bert = store.findings.add("pretrained_model", "BERT")
    store.findings.pin(bert.id, version_id, 0, 10, quote=TEXT[:10])
    store.candidates.set("mail", imdb.id, "shortlisted")

    def ids(**filters: str) -> list[int]:
        return [finding.id for finding in store.findings.all(**filters)]  # type: ignore[arg-type]

    assert ids() == [imdb.id, bert.id]
    assert ids(kind="dataset") == ids(tag="sentiment") == ids(project="mail") == [imdb.id]
    assert ids(status="shortlisted") == [imdb.id]
    assert ids(document="arxiv:1901.00001") == [bert.id]
    assert ids(member="tester") == [imdb.id, bert.id]
    assert ids(member="other") == ids(tag="x") == ids(status="adopted") == []


def test_a_project_has_a_brief_that_two_may_edit(store: Store, other: Store) -> None:
    project = store.projects.add("mail", {"objective": "sort mail"})
    assert (project.brief, project.revision) == ({"objective": "sort mail"}, 2)
    store.projects.edit("mail", 2, {"objective": "sort mail", "metric": "macro-F1"})
    with pytest.raises(Conflict, match="changed by tester meanwhile"):
        other.projects.edit("mail", 2, {"objective": "other"})
    with pytest.raises(UsageError, match="already"):
        store.projects.add("mail")
    with pytest.raises(NotFound, match="Projects: mail"):
        store.projects.get("post")
    store.projects.archive("mail")
    assert store.projects.names() == []
    assert [p.name for p in store.projects.all(archived=True)] == ["mail"]
    store.projects.archive("mail", archived=False)
    assert store.projects.names() == ["mail"]
    other.close()


def test_candidates_have_a_history_across_projects(store: Store, other: Store) -> None:
    store.projects.add("mail")
    store.projects.add("chat")
    imdb = store.findings.add("dataset", "IMDB")
    first = store.candidates.set("mail", imdb.id, "trying", owner="ann")
    with pytest.raises(UsageError, match="Say why"):
        store.candidates.set("mail", imdb.id, "rejected")
    rejected = store.candidates.set("mail", imdb.id, "rejected", reason="no neutral class")
    assert (rejected.owner, rejected.revision) == ("ann", 2)
    with pytest.raises(Conflict, match="rejected in mail"):
        other.candidates.set("mail", imdb.id, "adopted", revision=first.revision)
    store.candidates.set("chat", imdb.id)
    assert [(c.project, c.status) for c in store.candidates.of_finding(imdb.id)] == [
        ("chat", "new"),
        ("mail", "rejected"),
    ]
    with pytest.raises(UsageError, match="Statuses are: new"):
        store.candidates.set("mail", imdb.id, "maybe")  # type: ignore[arg-type]
    other.close()


def test_reading_adds_up(store: Store) -> None:
    document_id, *_ = add(store)
    store.projects.add_document("mail", document_id)
    assert [r.status for r in store.projects.readings("mail")] == ["to read"]
    store.projects.read("mail", document_id, "reading", minutes=20)
    reading = store.projects.read("mail", document_id, "read", minutes=15)
    assert (reading.status, reading.minutes, reading.reader) == ("read", 35, "tester")
    with pytest.raises(UsageError, match="Say why"):
        store.projects.read("mail", document_id, "excluded")
    with pytest.raises(UsageError, match="negative"):
        store.projects.read("mail", document_id, "read", minutes=-1)
    assert store.projects.read("mail", document_id, "excluded", reason="cats").reason == "cats"


def test_comments(store: Store) -> None:
    finding = store.findings.add("dataset", "IMDB")
    comment = store.candidates.comment(f"finding:{finding.id}", " which split? ")
    assert (comment.text, comment.created_by) == ("which split?", "tester")
    assert store.candidates.comments(f"finding:{finding.id}") == [comment]
    for subject, error in (
        ("finding:9", NotFound),
        ("page:1", UsageError),
        ("finding:x", UsageError),
    ):
        with pytest.raises(error):
            store.candidates.comment(subject, "x")


def test_a_library_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "kb.sqlite"
    old = sqlite3.connect(file)
    migrations.apply(Database(old, execute_plugins=False), stop_before="findings_and_projects")
    old.execute("insert into projects (name, created_at, created_by) values ('mail', '2026', 'me')")
    old.execute("pragma user_version = 1")
    old.commit()
    old.close()
    with Store(tmp_path) as store:
        assert store.projects.get("mail").brief == {}
        assert store.findings.all() == []


def test_a_rejected_suggestion_is_not_made_again(store: Store) -> None:
    document_id, version_id, _ = add(store)
    proposals = [
        Proposal("dataset", "Barking", 11, 36, 0.9, "name list"),
        Proposal("dataset", "Purring", 0, 10, 0.5, "pattern", effect=Effect("F1", "%", gain=1.0)),
    ]
    store.suggestions.replace(document_id, version_id, proposals)
    first, second = store.suggestions.of_document(document_id)
    assert (first.name, first.quote) == ("Barking", TEXT[11:36])
    assert second.effect == Effect("F1", "%", gain=1.0)
    store.suggestions.decide(first.id, "rejected")
    store.suggestions.replace(document_id, version_id, proposals)
    assert [s.name for s in store.suggestions.of_document(document_id)] == ["Purring"]
    assert [s.name for s in store.suggestions.all("rejected")] == ["Barking"]
    assert store.suggestions.rejected("dataset", "barking") == 1
    with pytest.raises(NotFound, match="no suggestion 99"):
        store.suggestions.get(99)


def test_a_suggestion_is_decided_once_and_a_rejection_taken_back(
    store: Store, other: Store
) -> None:
    document_id, version_id, _ = add(store)
    barking = Proposal("dataset", "Barking", 11, 36, 0.9, "name list")
    purring = Proposal("design_choice", "Purring", 0, 10, 0.5, "pattern")
    store.suggestions.replace(document_id, version_id, [barking, purring, barking])
    first, second = store.suggestions.all()
    store.suggestions.replace(document_id, version_id, [replace(barking, score=0.4), purring])
    assert [(s.id, s.score) for s in store.suggestions.all()] == [(second.id, 0.5), (first.id, 0.4)]
    other.suggestions.decide(first.id, "rejected")
    with pytest.raises(Conflict, match="“Barking” was rejected by other already"):
        store.suggestions.decide(first.id, "accepted")
    (rejected,) = store.suggestions.all("rejected")
    assert (rejected.decided_by, rejected.decided_at[:2]) == ("other", "20")
    assert [(a.kind, a.open, a.decided) for a in store.suggestions.acceptance()] == [
        ("design_choice", 1, 0),
        ("dataset", 0, 1),
        ("pretrained_model", 0, 0),
    ]
    assert store.suggestions.reopen(first.id).status == "open"
    with pytest.raises(Conflict, match="no rejection to take back"):
        store.suggestions.reopen(first.id)
    store.suggestions.replace(document_id, version_id, [purring])
    assert [s.name for s in store.suggestions.all(kind="design_choice")] == ["Purring"]
    assert store.suggestions.all(kind="dataset") == []
    store.projects.add("mail")
    assert store.suggestions.all(project="mail") == []
    store.projects.add_document("mail", document_id)
    assert [s.name for s in store.suggestions.all(project="mail")] == ["Purring"]


def test_evidence_is_taken_back_and_restored(store: Store) -> None:
    _, version_id, _ = add(store)
    cats, dogs = store.findings.add("dataset", "Cats"), store.findings.add("dataset", "Dogs")
    pinned = store.findings.pin(cats.id, version_id, 0, 10, quote="Cats purr.")
    with pytest.raises(Conflict, match="This quote speaks of “Cats” now"):
        store.findings.remove_evidence(pinned.id, of=dogs.id)
    store.findings.remove_evidence(pinned.id, of=cats.id)
    assert store.findings.evidence(cats.id) == []
    assert store.findings.removed_evidence(cats.id) == [pinned]
    with pytest.raises(NotFound, match="no evidence 1"):
        store.findings.remove_evidence(pinned.id)
    again = store.findings.pin(cats.id, version_id, 0, 10, quote="Cats purr.")
    assert store.findings.restore_evidence(pinned.id) == again  # no quote stands twice
    store.findings.remove_evidence(again.id)
    assert store.findings.restore_evidence(pinned.id) == pinned
    assert store.findings.evidence(cats.id) == [pinned]
    with pytest.raises(NotFound, match="not among what was removed"):
        store.findings.restore_evidence(pinned.id)


def test_the_second_of_two_who_split_is_told(store: Store) -> None:
    _, version_id, _ = add(store)
    finding = store.findings.add("dataset", "Pets")
    pinned = store.findings.pin(finding.id, version_id, 0, 10, quote="Cats purr.")
    store.findings.edit(finding.id, finding.revision, note="Two things.")
    with pytest.raises(Conflict, match="has been changed by tester meanwhile"):
        store.findings.split(finding.id, [pinned.id], "Cats", revision=finding.revision)
    assert store.findings.split(finding.id, [pinned.id], "Cats", revision=2).name == "Cats"


def test_of_merged_findings_a_project_has_one_candidate(store: Store) -> None:
    kept, other = store.findings.add("dataset", "SST"), store.findings.add("dataset", "Treebank")
    store.projects.add("mail")
    store.candidates.set("mail", other.id, "shortlisted", owner="me")
    store.findings.merge(kept.id, other.id)
    [candidate] = store.candidates.of_project("mail")
    assert (candidate.finding.id, candidate.status) == (kept.id, "shortlisted")
    store.candidates.set("mail", kept.id, "trying")
    [candidate] = store.candidates.of_project("mail")
    assert (candidate.status, candidate.owner) == ("trying", "me")
    [supported] = store.candidates.supported([store.findings.get(kept.id)])
    assert [c.status for c in supported.candidates] == ["trying"]
    store.findings.unmerge(other.id)
    assert {c.finding.name: c.status for c in store.candidates.of_project("mail")} == {
        "SST": "trying", "Treebank": "shortlisted",
    }  # fmt: skip


def test_of_two_candidates_the_kept_findings_own_counts_not_the_later(store: Store) -> None:
    kept, other = store.findings.add("dataset", "SST"), store.findings.add("dataset", "Treebank")
    store.projects.add("mail")
    store.candidates.set("mail", kept.id, "trying")
    store.candidates.set("mail", other.id, "parked")
    store.findings.merge(kept.id, other.id)
    assert [c.status for c in store.candidates.of_project("mail")] == ["trying"]
