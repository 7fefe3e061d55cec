from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kb.cli import fit as fit_commands
from kb.cli.main import run
from kb.config import DEFAULT_MODEL, Config
from kb.errors import NotFound, UsageError
from kb.export.fit_report import fit_html, fit_markdown
from kb.fit.kept_models import Shortlisting, Target
from kb.fit.models import BASELINE, Encoders
from kb.records import Effect
from kb.store import Store
from tests.fit_encoders import ENCODERS, disk_bytes, feelings, load
from tests.fit_texts import write_csv
from tests.test_store import TEXT, add
from tests.tiny_models import make


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "ours.csv", feelings(120, seed=1))


@pytest.fixture
def kb(config: Config, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """The command line in this process, with the encoders made for the tests."""
    made = lambda kb: Shortlisting(kb.store, ENCODERS)  # noqa: E731
    monkeypatch.setattr(fit_commands, "_shortlisting", made)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["--library", str(config.library), *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_models_are_measured_kept_listed_shown_and_measured_again(kb, ours: Path) -> None:
    asked = ["fit", "model", "--target", str(ours), "--models", "knows", "words", "missing"]
    code, out, err = kb(*asked)
    assert code == 0
    assert out.startswith("Models for ours.csv: knows is worth its time")
    rows = out[out.index("over TF-IDF") :].splitlines()[1:]
    assert [row.split()[-1] for row in rows[:3]] == ["knows", "words", BASELINE]
    assert "Not tried missing: missing holds no model." in out
    assert "Kept as measurement 1" in err
    assert "knows, words, missing for ours.csv: knows is worth" in kb("fit", "list")[1]
    assert kb("fit", "show", "1")[1] == out
    kept = json.loads(kb("fit", "show", "1", "--json")[1])
    assert (kept["kind"], kept["source"]) == ("model", "knows, words, missing")
    assert kept["body"]["files"]["file"] == str(ours)
    code, out, _ = kb("fit", "again", "1")
    assert (code, out) == (0, "It still holds: not a digit has changed.\n")
    assert kb("fit", "list")[1].count("ours.csv") == 1


def test_again_says_what_has_changed(kb, ours: Path, tmp_path: Path) -> None:
    kb("fit", "model", "knows", "--target", str(ours))
    write_csv(ours, feelings(12, seed=1))
    code, out, err = kb("fit", "again", "1")
    assert code == 1
    assert out.startswith("It no longer holds: needs about 188 more labels")
    assert "The target's file has changed since." in out
    assert "Kept as measurement 2" in err
    code, _, err = kb("fit", "again", "1", "--target", str(tmp_path / "none.csv"))
    assert (code, "There is no file" in err) == (1, True)


def test_again_says_whose_files_have_changed(store: Store, ours: Path) -> None:
    target = Target(ours)
    first = Shortlisting(store, ENCODERS).models(target, ["knows"])
    moved = Shortlisting(store, Encoders(renewed, disk_bytes)).again(first.id)
    assert moved.holds
    assert moved.sentences[1:] == ("The files of knows have changed since.",)
    lost = Shortlisting(store, Encoders(nothing, disk_bytes)).again(first.id)
    assert not lost.holds
    assert lost.sentences[1:] == ("knows could be tried only then.",)


def renewed(name: str):
    found = load(name)
    found.revision = "new"
    return found


def nothing(name: str):
    raise NotFound(f"{name} is gone.")


def test_the_projects_metric_gain_and_limit_count(store: Store, ours: Path) -> None:
    brief = {"metric": "accuracy", "smallest_gain": 3, "unit": "points",
             "deployment": "real time", "latency_ms": 40}  # fmt: skip
    store.projects.add("mail", brief=brief)
    shortlisting = Shortlisting(store, ENCODERS)
    kept = shortlisting.models(Target(ours), ["knows"], project="mail")
    assert (kept.project, kept.body["metric"]) == ("mail", "accuracy")
    assert (kept.body["latency_ms"], kept.body["options"]["worth"]) == (40, 0.03)
    assert any("(the limit is 40)" in each for each in kept.sentences)
    given = shortlisting.models(Target(ours), ["knows"], project="mail", latency_ms=7)
    assert given.body["latency_ms"] == 7
    with pytest.raises(UsageError, match="--models"):
        shortlisting.models(Target(ours), [])
    with pytest.raises(NotFound):
        shortlisting.models(Target(ours), ["knows"], project="none")


def test_what_the_library_claims_stands_beside_it(store: Store, ours: Path) -> None:
    _, version_id, _ = add(store)
    finding = store.findings.add("pretrained_model", "Knows-all", aliases=["knows"])
    store.findings.add("dataset", "words")  # of another kind: claims nothing
    effect = Effect("accuracy", "%", value=87.0, baseline=85.2, dataset="Mailmen")
    store.findings.pin(finding.id, version_id, 0, 10, quote=TEXT[:10], page=1)
    store.findings.pin(finding.id, version_id, 11, 36, quote=TEXT[11:36], page=2, effect=effect)
    shortlisting = Shortlisting(store, ENCODERS)
    kept = shortlisting.models(Target(ours), ["somewhere/knows", "words"])
    assert list(kept.body["claims"]) == ["knows"]
    first, second = kept.body["claims"]["knows"]
    assert (first["quote"], first["effect"]["value"], first["page"]) == (TEXT[11:36], 87.0, 2)
    assert second["effect"] is None
    assert kept.finding is None  # of two models, one finding says nothing
    assert shortlisting.models(Target(ours), ["knows"]).finding == finding.id
    for report in (fit_html(kept.body), fit_markdown(kept.body)["report.md"]):
        assert "85.2 → 87 % = +1.8 points, on Mailmen" in report.decode()


def test_a_report_is_written_and_another_suffix_refused(kb, ours: Path, tmp_path: Path) -> None:
    report = tmp_path / "models.md"
    code, _, err = kb("fit", "model", "knows", "--target", str(ours), "--report", str(report))
    assert (code, "and 2 pictures" in err) == (0, True)
    for picture in ("models", "cost"):
        assert f"(<models-{picture}.png>)" in report.read_text(encoding="utf-8")
        assert (tmp_path / f"models-{picture}.png").read_bytes().startswith(b"\x89PNG")
    code, _, err = kb("fit", "model", "knows", "--target", str(ours), "--report", "a.pdf")
    assert (code, "FILE.html or FILE.md" in err) == (2, True)


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def test_the_report_shows_all_and_does_no_harm(store: Store, ours: Path) -> None:
    kept = Shortlisting(store, ENCODERS).models(Target(ours), ["knows", "missing"], latency_ms=30)
    body = json.loads(json.dumps(kept.body).replace("knows", "knows <script>alert(1)</script>|"))
    page = fit_html(body).decode()
    seen = Tags()
    seen.feed(page)
    assert "script" not in seen.tags
    assert seen.tags.count("svg") == 2
    told = ["LogME", "H-score", "missing holds no model.", "What they cost here", "30 ms"]
    for each in (*told, "What the library claims", kept.target_sha256, body["verdict"]["rule"]):
        assert each in page
    files = fit_markdown(body)
    assert "<script>" not in files["report.md"].decode()
    assert set(files) == {"report.md", "report-models.png", "report-cost.png"}


def test_a_report_of_what_cannot_be_told_is_written_too(store: Store, tmp_path: Path) -> None:
    few = write_csv(tmp_path / "few.csv", feelings(12, seed=1))
    kept = Shortlisting(store, ENCODERS).models(Target(few), ["knows"])
    page = fit_html(kept.body).decode()
    assert "Below 40 texts" in page
    assert "What they cost here" in page
    assert "What their vectors are good for" not in page


@pytest.mark.model
def test_real_models_of_several_kinds_are_ranked(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The built-in one and a random one, each loaded again in a process of its own."""
    from kb.config import read_config

    real = replace(config, cache=read_config().cache)
    tiny = make(tmp_path / "tiny", prompts=False)
    ours = write_csv(tmp_path / "ours.csv", feelings(60, seed=1))
    with Store(real.library, member="tester") as store:
        shortlisting = fit_commands._shortlisting(_Opened(store, real))
        kept = shortlisting.models(Target(ours), [DEFAULT_MODEL, str(tiny), str(tmp_path / "no")])
    speed = kept.body["speed"]
    assert set(speed) == {DEFAULT_MODEL, "tiny", BASELINE}
    assert speed[DEFAULT_MODEL]["p50_ms"] > speed["tiny"]["p50_ms"]
    assert 80 < speed[DEFAULT_MODEL]["disk_mb"] < 100
    assert speed[DEFAULT_MODEL]["memory_mb"] > 80
    assert "modules.json" in kept.body["failed"][0]["reason"]


class _Opened:
    """What the command line hands on: a store and a configuration."""

    def __init__(self, store: Store, config: Config) -> None:
        self.store = store
        self.config = config
