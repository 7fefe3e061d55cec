from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ingest.reindex import reindex
from kb.config import Config
from kb.errors import Conflict, KbError, UsageError
from kb.export.json_plan import json_plan, read_project, schema
from kb.knowledge_base import Engine, KnowledgeBase
from kb.records import Effect, Metadata, Parsed, Query
from kb.store.exchange import State
from tests.conftest import FakeEmbedder
from tests.test_store import PARSED, TEXT, add

KEY = "arxiv:1901.00001"
OTHER = "url:https://example.org/dogs"
BRIEF = {
    "metric": "macro-F1", "unit": "points", "baseline": 61.4, "baseline_is": "rules",
    "deadline": "2026-12-11", "people": 2, "hours_a_week": 10,
}  # fmt: skip

Open = Callable[..., KnowledgeBase]


@pytest.fixture
def library(config: Config, tmp_path: Path) -> Iterator[Open]:
    """Opens libraries by name, each with the fake encoder, and closes them all."""
    opened: list[KnowledgeBase] = []

    def open_(name: str, member: str = "ada") -> KnowledgeBase:
        own = replace(config, library=tmp_path / name, member=member)
        engine = Engine(own)
        engine._embedder = FakeEmbedder()
        kb = KnowledgeBase(own, engine=engine)
        opened.append(kb)
        return kb

    yield open_
    for kb in opened:
        kb.close()


def document(kb: KnowledgeBase, key: str = KEY, parsed: Parsed = PARSED, **given: Any) -> int:
    content = f"the bytes of {key} {given.get('label', 'v1')}".encode()
    return add(kb.store, key, parsed=parsed, sha256=kb.store.raw_files.put(content), **given)[0]


def filled(kb: KnowledgeBase) -> KnowledgeBase:
    """The project Mail with one or more of everything that a project can have."""
    store, work, plan = kb.store, kb.workbench, kb.planner
    work.new_project("Elsewhere", {})
    work.new_project("Mail", BRIEF)
    first = document(kb)
    second = document(kb, OTHER, replace(PARSED, text="Dogs — 犬 — bark.\n\nCats 🐈 purr.",
                                         pages=(), sections=(), lines=(),
                                         metadata=Metadata(title="Dogs")))  # fmt: skip
    unread = document(kb, "doi:10.1/unread", replace(PARSED, metadata=Metadata(title="Unread")))
    store.projects.read("Mail", first, "read", minutes=12.5)
    store.projects.read("Mail", second, "excluded", reason="too long")
    store.projects.add_document("Mail", unread)
    store.axes.put("tone", name="Tone", definition="How it barks.", retraining="never",
                   examples=["loud"])  # fmt: skip
    effect = {"metric": "macro-F1", "unit": "points", "baseline": 61, "value": 63.5}
    purring = work.tag(KEY, "design_choice", "Purring", quote="Cats purr. Dogs", effect=effect,
                       fields={"axis": "tone"}, tags=["calm"], project="Mail")  # fmt: skip
    against = work.tag(KEY, "design_choice", "Purring", quote="Dogs bark at", stance="against")
    barks = work.tag(OTHER, "dataset", "Barks", quote="Dogs — 犬 — bark.", project="Mail",
                     fields={"licence": "MIT"})  # fmt: skip
    woofs = work.tag(OTHER, "dataset", "Woofs", quote="Cats 🐈 purr.")
    store.findings.merge(barks.finding.id, woofs.finding.id)
    gone = work.tag(KEY, "design_choice", "Purring", quote="at the mailman")
    store.findings.remove_evidence(gone.evidence.id)
    store.candidates.set("Mail", purring.finding.id, "shortlisted", owner="ben", note="=1+1")
    store.candidates.set("Elsewhere", purring.finding.id, "rejected", reason="secret")
    store.candidates.comment(f"finding:{purring.finding.id}", "sounds good")
    store.candidates.comment(f"evidence:{against.evidence.id}", "does it?")
    store.candidates.comment(f"candidate:{store.candidates.of_project('Mail')[0].id}", "try it")
    one = plan.new("Mail", {"title": "Purr", "candidates": [purring.finding.id], "runs": 3,
                            "person_hours": 4, "gain": {"low": 0, "likely": 1, "high": 2},
                            "gain_reason": "a hunch", "threshold": 62})  # fmt: skip
    two = plan.new("Mail", {"title": "Bark", "candidates": [barks.finding.id],
                            "depends_on": [one.id]})  # fmt: skip
    plan.edit(two, {"candidates": [barks.finding.id, purring.finding.id], "note": "later"})
    plan.finish(plan.start(one), {"value": 62.5, "person_hours": 6.5, "note": "purrs"})
    plan.add_trial("Mail", {"model": "small", "samples": 100, "hours": 0.1, "parameters": 110})
    plan.remove_trial(plan.add_trial("Mail", {"model": "big", "samples": 9, "hours": 1}).id)
    plan.rate("Mail", barks.finding.id, "size", "good", note="enough",
              evidence=[barks.evidence.id, purring.evidence.id])  # fmt: skip
    store.fits.add("dataset", source="a.csv", source_sha256="ab", target="b.csv",
                   target_sha256="cd", verdict="use it", sentences=["It fits."],
                   body={"share": 0.97, "n": 5}, project="Mail",
                   finding=barks.finding.id)  # fmt: skip
    plan.decide("Mail", {"title": "Park it", "choice": "park", "candidates": [barks.finding.id],
                         "reason": "not now"})  # fmt: skip
    plan.decide("Mail", {"title": "Take it", "choice": "adopt", "supersedes": 1,
                         "candidates": [barks.finding.id], "alternatives": [purring.finding.id],
                         "experiments": [one.id], "reason": "now"})  # fmt: skip
    return kb


def exported(kb: KnowledgeBase, project: str = "Mail") -> bytes:
    return json_plan(kb.state(project))


def move(source: KnowledgeBase, target: KnowledgeBase, **how: Any) -> Any:
    return target.take_in(read_project(exported(source)), **how)


def tables(kb: KnowledgeBase) -> dict[str, int]:
    db = kb.store._connection
    names = [r[0] for r in db.all("select name from sqlite_master where type = 'table'")]
    return {n: db.one(f"select count(*) from {n}")[0] for n in names if "fts" not in n}


# -- out and in again ------------------------------------------------------------------------------


def test_export_import_export_gives_the_same_bytes(library: Open) -> None:
    first = exported(filled(library("a")))
    empty = library("b", "ben")
    empty.take_in(read_project(first))
    assert exported(empty) == first


def test_the_file_is_what_its_schema_says_and_the_schema_is_one(library: Open) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    state = json.loads(exported(filled(library("a"))))
    jsonschema.Draft202012Validator(schema()).validate(state)
    assert all(state[name] for name in schema()["required"])  # nothing is left untried here
    assert {name for d in schema()["$defs"].values() for name in d.get("properties", {})} >= {
        name for rows in state.values() if isinstance(rows, list) for row in rows for name in row
    }


def test_what_is_computed_or_of_this_day_is_not_part_of_it(library: Open) -> None:
    kb = filled(library("a"))
    before = exported(kb)
    kb.planner.rank("Mail")
    kb.workbench.new_project("Another", {})
    kb.store.candidates.set("Elsewhere", 1, "adopted")
    assert exported(kb) == before
    assert b"made_at" not in before
    assert b"secret" not in before
    assert b"Elsewhere" not in before


def test_what_arrives_is_what_left(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    taken = move(a, b)
    assert (taken.project, taken.conflicts, taken.unsplit) == ("Mail", [], 3)
    assert taken.added["evidence"] == 5
    [mail] = b.store.projects.all()
    assert mail.brief == a.store.projects.get("Mail").brief
    purring = b.store.findings.named("Purring")[0]
    assert (purring.created_by, purring.tags) == ("ada", ("calm",))
    assert [e.quote for e in b.store.findings.evidence(purring.id)] == [
        "Cats purr. Dogs", "Dogs bark at",
    ]  # fmt: skip
    barks = b.store.findings.named("Woofs")[0]
    assert (barks.name, barks.aliases) == ("Barks", ("Woofs",))
    assert b.store.documents.lines(1) == a.store.documents.lines(1) != ()
    old, new = b.store.decisions.of_project("Mail")
    assert (old.superseded_by, new.experiments, new.candidates) == (2, (1,), (barks.id,))
    assert [e.title for e in b.store.experiments.of_project("Mail")] == ["Purr", "Bark"]
    assert b.store.experiments.get(2).depends_on == (1,)
    assert b.store.factor_ratings.of_project("Mail")[barks.id]["size"].evidence == (3, 1)
    [reading] = [r for r in b.store.projects.readings("Mail") if r.document.key == KEY]
    assert (reading.status, reading.minutes, reading.reader) == ("read", 12.5, "ada")


def test_who_and_when_travel_and_the_import_is_an_event_of_its_own(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    b.workbench.new_project("Shift", {})  # so that numbers differ
    b.store.findings.add("dataset", "Hisses")
    move(a, b)
    purring = b.store.findings.named("Purring")[0]
    ours, theirs = (
        [(e["at"], e["who"], e["what"]) for e in kb.store.events.of(f"finding:{number}")]
        for kb, number in ((b, purring.id), (a, 1))
    )
    assert ours == [e for e in theirs if e in ours]
    assert {e[1] for e in ours} == {"ada"}
    pinned = [
        e["after"] for e in b.store.events.of(f"finding:{purring.id}") if e["what"] == "pinned"
    ]
    here = {f"evidence:{e.id}" for e in b.store.findings.evidence(purring.id)}
    assert here < set(pinned)
    last = b.store.events.of("project:Mail")[-1]
    assert (last["who"], last["what"]) == ("ben", "imported")
    assert "5 evidence added" in last["after"]
    changed = [e for e in b.store.events.of("experiment:2") if e["what"] == "changed"]
    assert json.loads(changed[0]["after"])["candidates"] == [
        b.store.findings.named("Barks")[0].id, purring.id,
    ][:: 1 if b.store.findings.named("Barks")[0].id < purring.id else -1]  # fmt: skip


def test_every_quote_stands_where_the_sources_travel_too(library: Open) -> None:
    a, b, c = filled(library("a")), library("b"), library("c")
    state = read_project(exported(a))
    raw = [a.store.raw_files.get(v["sha256"]) for d in state["documents"] for v in d["versions"]]
    b.take_in(state, raw=raw)
    assert [v.stands for v in b.workbench.verify()] == [True] * 4
    c.take_in(state)
    assert all("missing" in v.reason for v in c.workbench.verify())


def test_what_has_arrived_is_found_once_it_is_indexed(library: Open) -> None:
    a, b = filled(library("a")), library("b")
    move(a, b)
    assert b.search(Query("dogs")) == []
    reindex(b, FakeEmbedder(), show=lambda what, count: None)
    assert {hits.document.key for hits in b.search(Query("dogs"))} >= {KEY, OTHER}


# -- into a library that has some of it ------------------------------------------------------------


def test_importing_twice_doubles_nothing(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    move(a, b)
    before, text = tables(b), exported(b)
    taken = move(a, b)
    assert (sum(taken.added.values()), taken.changed, taken.unsplit) == (0, {}, 0)
    assert tables(b) == before
    assert move(b, a).changed == {}
    assert exported(a) == exported(b) == text


def test_what_one_side_has_changed_comes_over(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    move(a, b)
    finding = b.store.findings.named("Purring")[0]
    b.workbench.edit_finding(finding, note="louder", tags=("loud",))
    b.store.candidates.set("Mail", finding.id, "trying")
    b.workbench.edit_project(b.store.projects.get("Mail"), {"target": 70})
    b.planner.edit(b.store.experiments.get(2), {"depends_on": [], "person_hours": 9})
    b.store.findings.remove_evidence(2)
    b.planner.add_trial("Mail", {"model": "new", "samples": 5, "hours": 2})
    b.store.candidates.comment(f"finding:{finding.id}", "agreed")
    b.planner.decide("Mail", {"title": "Drop it", "choice": "reject", "reason": "no",
                              "candidates": [finding.id], "supersedes": 2})  # fmt: skip
    taken = move(b, a)
    assert taken.conflicts == []
    assert taken.changed["findings"] == taken.changed["evidence"] == taken.changed["projects"] == 1
    assert exported(a) == exported(b)
    assert a.store.findings.get(1).note == "louder"
    assert [d.superseded_by for d in a.store.decisions.of_project("Mail")] == [2, 3, None]
    assert move(a, b).changed == {}  # and b's own state stays when it comes back


def test_an_old_file_takes_nothing_back(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    old = read_project(exported(a))
    b.take_in(old)
    a.workbench.edit_finding(a.store.findings.get(1), note="newer")
    a.store.findings.remove_evidence(1)
    new = exported(a)
    assert a.take_in(old).changed == {}
    assert exported(a) == new


def test_what_both_have_changed_is_a_conflict_and_nothing_is_written(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    move(a, b)
    for kb, note in ((a, "softer"), (b, "louder")):
        kb.workbench.edit_finding(kb.store.findings.named("Purring")[0], note=note)
    b.planner.add_trial("Mail", {"model": "new", "samples": 5, "hours": 2})
    before = exported(a)
    with pytest.raises(
        Conflict, match=r"finding “Purring” was changed by ada and ben in both.*note"
    ):
        move(b, a)
    assert exported(a) == before
    ours = move(b, a, keep="ours")
    assert len(ours.conflicts) == 1
    assert a.store.findings.get(1).note == "softer"
    assert len(a.planner.trials("Mail")) == 2
    assert "ours: The finding “Purring”" in a.store.events.of("project:Mail")[-1]["after"]
    assert move(b, a).conflicts == []  # settled: the same file asks no more


def test_theirs_counts_where_that_is_said(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    move(a, b)
    for kb, status in ((a, "planned"), (b, "parked")):
        kb.store.candidates.set("Mail", 1, status)
    revision = a.store.candidates.of_project("Mail")[0].revision
    move(b, a, keep="theirs")
    mine = next(c for c in a.store.candidates.of_project("Mail") if c.finding.id == 1)
    assert mine.status == "parked"
    assert mine.revision > revision  # who has it open is told that it has changed


def test_a_finding_that_both_have_found_is_one_afterwards(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    b.workbench.new_project("Own", {})
    document(b)
    own = b.workbench.tag(KEY, "design_choice", "purring", quote="Cats purr. Dogs", project="Own")
    taken = move(a, b)
    assert taken.added["findings"] == 3
    assert len(b.store.findings.named("Purring")) == 1
    found = b.store.findings.get(own.finding.id)
    assert found.name == "purring"
    quotes = [e.quote for e in b.store.findings.evidence(found.id)]
    assert quotes == ["Cats purr. Dogs", "Dogs bark at"]  # the quote that both have once
    assert {c.project for c in b.store.candidates.of_finding(found.id)} == {"Own", "Mail"}
    before = tables(b)
    assert sum(move(a, b).added.values()) == 0
    assert tables(b) == before
    assert b.store.findings.unmerge(own.finding.id + 1).name == "Purring"


def test_two_decisions_of_one_number_are_both_kept(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    move(a, b)
    for kb, title in ((a, "Ours"), (b, "Theirs")):
        finding = kb.store.findings.named("Barks")[0].id
        kb.planner.decide("Mail", {"title": title, "choice": "adopt", "reason": "so",
                                   "candidates": [finding]})  # fmt: skip
    try:
        move(b, a)
    except Conflict:  # both decisions set the candidate's status
        move(b, a, keep="ours")
    assert [(d.number, d.title) for d in a.store.decisions.of_project("Mail")][2:] == [
        (3, "Ours"), (4, "Theirs"),
    ]  # fmt: skip


def test_a_name_that_is_taken_is_asked_for(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    b.workbench.new_project("Mail", {})
    with pytest.raises(UsageError, match=r"another project “Mail” already.*--as"):
        move(a, b)
    assert move(a, b, name="Mail of ada").project == "Mail of ada"
    assert len(b.store.candidates.of_project("Mail of ada")) == 2
    assert move(a, b).project == "Mail of ada"
    with pytest.raises(UsageError, match="is here already, as “Mail of ada”"):
        move(a, b, name="Mail again")


def test_documents_are_one_by_key_and_versions_by_content(library: Open) -> None:
    a, b = filled(library("a")), library("b", "ben")
    document(b)
    newer = document(b, label="v2", parsed=replace(PARSED, text=TEXT + "\nMore."))
    move(a, b)
    versions = b.store.documents.versions(newer)
    assert [v.label for v in versions] == ["v1", "v2"]
    assert b.store.documents.by_key(KEY).version_label == "v2"  # the newer one is still current


def test_quotes_are_found_again_where_another_parser_read_the_same_bytes(library: Open) -> None:
    a, b, c = filled(library("a")), library("b", "ben"), library("c")
    shifted = replace(PARSED, text=f"Preface. {TEXT}", pages=(), sections=(), lines=())
    document(b, parsed=shifted)
    move(a, b)
    quote = b.store.findings.evidence(b.store.findings.named("Purring")[0].id)[0]
    assert (quote.start, quote.page) == (9, None)
    assert all(v.stands for v in b.workbench.verify() if v.evidence.document.key == KEY)
    document(c, parsed=replace(PARSED, text="Something else.", pages=(), sections=(), lines=()))
    with pytest.raises(Conflict, match="read in other words here"):
        move(a, c)
    assert c.store.projects.all() == []


# -- files that are not what they should be --------------------------------------------------------


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    folder = tmp_path_factory.mktemp("state")
    config = Config(library=folder / "library", cache=folder, state=folder, member="ada")
    engine = Engine(config)
    engine._embedder = FakeEmbedder()
    with KnowledgeBase(config, engine=engine) as kb:
        return json.loads(exported(filled(kb)))


def broken(state: State, *path: Any, value: Any) -> bytes:
    changed = copy.deepcopy(state)
    target = changed
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return json.dumps(changed).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"format": "kb project", "version": NaN}', "NaN is no number"),
        (b'{"format": "kb project", "name": "\\ud800"}', "not valid JSON"),
        (b"[]", "does not say “format”"),
        (b'{"format": "other"}', "does not say “format”"),
        (b'{"format": "kb project", "version": 2}', "a newer kb"),
        (b'{"format": "kb project", "version": 1}', "is a required property"),
    ],
)
def test_what_is_no_export_is_refused_with_a_sentence(content: bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_project(content)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("project", "uid"), "../../etc", "project/uid"),
        (("documents", 0, "current"), "../../etc/passwd", "documents/0/current"),
        (("documents", 0, "kind"), "virus", "documents/0/kind"),
        (("findings", 0, "extra"), 1, "findings/0"),
        (("evidence", 0, "start"), 10**30, "evidence/0/start"),
        (("evidence", 0, "effect", "value"), "many", "evidence/0/effect"),
        (("evidence", 0, "quote"), "Cats bark", "“Cats bark” does not stand in"),
        (("evidence", 0, "finding"), "0" * 16, "refers to findings"),
        (("evidence", 0, "document"), "url:x", "a version that the file does not have"),
        (("evidence", 0, "page"), 9, "has no page 9"),
        (("experiments", 0, "depends_on"), ["0" * 16], "refers to experiments"),
        (("decisions", 0, "number"), 2, "two rows of decisions have one number"),
        (("findings", 0, "merged_into"), "0" * 16, "merged into a finding"),
        (("documents", 0, "current"), "0" * 64, "not those it should have"),
        (("documents", 0, "versions", 0, "pages", 1, "end"), 999, "outside of its text"),
        (("readings", 0, "minutes"), None, "told in part"),
        (("documents", 0, "versions", 0, "lines"), ["1 2 x"], "lines/0"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_its_place(
    state: State, path: tuple[Any, ...], value: Any, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        read_project(broken(state, *path, value=value))


def test_experiments_that_wait_in_a_circle_are_refused(state: State) -> None:
    first, second = (row["uid"] for row in state["experiments"])
    assert state["experiments"][1]["depends_on"] == [first]
    with pytest.raises(UsageError, match="in a circle"):
        read_project(broken(state, "experiments", 0, "depends_on", value=[second]))


def test_a_decision_supersedes_none_that_comes_later(state: State) -> None:
    content = broken(state, "decisions", 0, "supersedes", value=state["decisions"][1]["uid"])
    with pytest.raises(UsageError, match="supersedes one that came later"):
        read_project(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("project", "brief"), {"colour": "red"}),
        (("findings", 0, "fields"), {"gpu_hours": "many"}),
        (("experiments", 0, "fields"), {"runs": -1}),
    ],
)
def test_fields_that_nobody_could_fill_in_are_refused(
    library: Open, state: State, path: tuple[Any, ...], value: Any
) -> None:
    kb = library("b")
    with pytest.raises(UsageError, match=r"has no field|does not fit"):
        kb.take_in(read_project(broken(state, *path, value=value)))
    assert kb.store.projects.all() == []


@settings(deadline=None)  # each example makes a library
@given(data=some.data())
def test_a_file_changed_anywhere_is_imported_or_refused_and_never_breaks(
    state: State, data: some.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changed = copy.deepcopy(state)
    target: Any = changed
    while True:
        key = data.draw(some.sampled_from(
            sorted(target) if isinstance(target, dict) else range(len(target))
        ))  # fmt: skip
        deeper = isinstance(target[key], dict | list) and target[key]
        if not deeper or data.draw(some.integers(0, 4)) == 0:
            break
        target = target[key]
    target[key] = data.draw(some.sampled_from(
        [None, "", "x", "\x00", 0, -1, 1.5, 2**70, True, [], {}, ["x"], {"x": 1}, "0" * 16]
    ))  # fmt: skip
    folder = tmp_path_factory.mktemp("any")
    config = Config(library=folder / "library", cache=folder, state=folder)
    with KnowledgeBase(config) as kb:
        try:
            kb.take_in(read_project(json.dumps(changed).encode()))
        except KbError:
            assert kb.store.projects.all() == []
        else:
            [mail] = kb.store.projects.all() or kb.store.projects.all(archived=True)
            again = exported(kb, mail.name)
            assert read_project(again)


def test_an_effect_of_any_numbers_comes_back(library: Open) -> None:
    a, b = library("a"), library("b")
    a.workbench.new_project("Mail", {})
    document(a)
    tagged = a.workbench.tag(KEY, "dataset", "Barks", quote="Dogs bark at", project="Mail")
    place = tagged.evidence
    effect = Effect("F1", "%", value=1e-17, baseline=None, gain=0.1 + 0.2, dataset="日本")
    a.store.findings.pin(tagged.finding.id, place.version_id, 0, 4, quote="Cats", effect=effect)
    move(a, b)
    assert b.store.findings.evidence(1)[1].effect == effect
    assert exported(a) == exported(b)
