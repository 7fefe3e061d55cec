from __future__ import annotations

import json
from pathlib import Path

import pytest

from kb.cli.fit import dataset as dataset_command
from kb.cli.main import run
from kb.config import Config
from kb.errors import NotFound, UsageError
from kb.fit.kept import Files, Fitting, options_for
from kb.knowledge_base import Engine
from kb.records import Project
from kb.store import Store
from tests.fit_texts import MAILS, MOVIES, WordEmbedder, sentences, write_csv


@pytest.fixture
def files(tmp_path: Path) -> Files:
    source = [(t, label[:3]) for t, label in sentences(300, MOVIES, seed=1)]
    return Files(
        write_csv(tmp_path / "reviews.csv", source),
        write_csv(tmp_path / "ours.csv", sentences(100, MAILS, seed=2)),
    )


@pytest.fixture
def kb(config: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """The command line in this process, on the test's own library, with the encoder of words."""
    monkeypatch.setattr(Engine, "embedder", lambda self, store: WordEmbedder())

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["--library", str(config.library), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


MAP = ("--map", "pos=positive", "--map", "neg=negative")


def asked(files: Files) -> list[str]:
    return ["fit", "dataset", "--source", str(files.source), "--target", str(files.target), *MAP]


def test_a_dataset_is_measured_kept_listed_shown_and_measured_again(
    kb, files: Files, tmp_path: Path
) -> None:
    code, out, err = kb(*asked(files))
    assert code == 0
    assert out.startswith("reviews.csv for ours.csv: helps")
    assert "What would change it:" in out
    assert "told apart with AUC" in out
    assert err.startswith("Hypothesis: Training on reviews.csv")
    assert "Kept as measurement 1" in err
    assert "reviews.csv for ours.csv: helps" in kb("fit", "list")[1]
    assert kb("fit", "show", "1")[1] == out
    kept = json.loads(kb("fit", "show", "1", "--json")[1])
    assert kept["body"]["files"]["source"] == str(files.source)
    assert len(kept["source_sha256"]) == 64
    code, out, err = kb("fit", "again", "1")
    assert (code, out) == (0, "It still holds: not a digit has changed.\n")
    assert len(json.loads(kb("fit", "list", "--json")[1])) == 1


def test_a_changed_file_is_told_and_kept_as_a_new_measurement(kb, files: Files) -> None:
    kb(*asked(files))
    opposite = {"positive": "negative", "negative": "positive"}
    write_csv(files.target, [(t, opposite[x]) for t, x in sentences(100, MAILS, seed=2)])
    code, out, err = kb("fit", "again", "1")
    assert code == 1
    assert out.startswith("It no longer holds: hurts. Before: helps")
    assert "The target's file has changed since." in out
    assert "Kept as measurement 2." in err
    files.target.unlink()
    code, _, err = kb("fit", "again", "1")
    assert code == 1
    assert "There is no file" in err


def test_the_report_is_written_and_a_wrong_name_refused_first(
    kb, files: Files, tmp_path: Path
) -> None:
    code, _, err = kb(*asked(files), "--report", str(tmp_path / "r.pdf"))
    assert (code, "A report is FILE.html or FILE.md" in err) == (2, True)
    assert kb(*asked(files), "--report", str(tmp_path / "r.html"))[0] == 0
    assert "<h2>Verdict: helps" in (tmp_path / "r.html").read_text()
    code, _, err = kb("fit", "show", "1", "--report", str(tmp_path / "r.md"))
    assert "r.md and 5 pictures." in err
    assert (tmp_path / "r-curves.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_asked_wrongly_is_answered_before_anything_is_measured(kb, files: Files) -> None:
    both = ["--source", str(files.source), "--target", str(files.target)]
    for wrong, code, sentence in (
        (["--target", str(files.target)], 2, "Say which dataset is in question"),
        ([*both, "other.csv"], 2, "What is other.csv?"),
        ([*both, "--map", "pos"], 2, "“pos” is not LABEL=LABEL"),
        ([*both, "--gain", "3"], 1, "metrics here run from 0 to 1"),
        ([*both, "--label", "stars"], 1, "has no column “stars”. Its columns are: “text”"),
        ([*both, "--metric", "BLEU"], 1, "“BLEU” is no metric"),
        ([*both, "--project", "mail"], 1, "mail"),
        ([*both, "--dataset", "IMDB"], 1, "There is no dataset “IMDB” among the findings"),
        (["--many", str(files.source), "--target", str(files.target), "--report", "r.md"], 2,
         "go with one --source"),
    ):  # fmt: skip
        found, out, err = kb("fit", "dataset", *wrong)
        assert (found, out) == (code, "")
        assert sentence in err


def test_a_target_without_labels_has_to_be_called_so(kb, files: Files) -> None:
    code, out, _ = kb(*asked(files), "--unlabelled")
    assert code == 0
    assert "needs about 200 more labels to tell" in out


def test_several_sources_are_ranked_and_each_is_kept(kb, files: Files, tmp_path: Path) -> None:
    other = write_csv(tmp_path / "other.csv", sentences(200, MAILS, seed=8))
    many = ["--target", str(files.target), "--many", str(files.source), str(other)]
    code, out, _ = kb("fit", "dataset", *many, *MAP)
    assert code == 0
    assert len(out.splitlines()) >= 4
    assert "reviews.csv + other.csv" in out or "other.csv + reviews.csv" in out
    assert len(json.loads(kb("fit", "list", "--json")[1])) == 2


def test_a_project_brings_its_metric_and_gain_and_the_finding_its_licence(
    store: Store, files: Files
) -> None:
    store.projects.add("mail", {"metric": "accuracy", "smallest_gain": 3.0, "unit": "%"})
    finding = store.findings.add("dataset", "Reviews", fields={"licence": "CC-BY-4.0"})
    fitting = Fitting(store, WordEmbedder)
    mapping = {"pos": "positive", "neg": "negative"}
    kept = fitting.dataset(files, {"mapping": mapping}, project="mail", dataset="reviews")
    assert (kept.project, kept.finding) == ("mail", finding.id)
    assert kept.body["options"]["worth"] == 0.03
    assert kept.body["transfer"]["metric"] == "accuracy"
    assert kept.body["desk"]["facts"] == [["licence", "CC-BY-4.0"]]
    assert [each.id for each in store.fits.all(project="mail", finding=finding.id)] == [kept.id]
    with pytest.raises(NotFound, match="Datasets are: Reviews"):
        fitting.dataset(files, project="mail", dataset="IMDB")


def test_a_metric_that_cannot_be_measured_here_is_told() -> None:
    said: list[str] = []
    brief: dict[str, object] = {"metric": "BLEU", "smallest_gain": 0.01, "unit": ""}
    project = Project(1, "mail", brief, 1, "", "", "", "")
    found = options_for(project, None, {}, say=said.append)
    assert (found.metric, found.worth) == ("macro-F1", 0.01)
    assert "“BLEU” cannot be measured here" in said[0]
    with pytest.raises(UsageError, match="out of range"):
        options_for(None, None, {"worth": 1.5})


def test_ctrl_c_keeps_what_was_embedded(store: Store, files: Files) -> None:
    with pytest.raises(KeyboardInterrupt):
        Fitting(store, lambda: WordEmbedder(stop_after=300)).dataset(files)
    assert store.fits.all() == []
    rest = WordEmbedder()
    Fitting(store, lambda: rest).dataset(files)
    assert rest.embedded == 400 - 256


def test_the_help_has_an_example() -> None:
    assert "Example: kb fit dataset --source imdb.csv" in str(dataset_command.help)
