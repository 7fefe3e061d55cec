"""Arrows point one way, and each heavy library has one home. A new module gets a row here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

ROOMS: dict[str, set[str]] = {
    # room → rooms it may import from (its own is always allowed where it is a folder)
    "kb": set(),
    "kb.records": set(),
    "kb.errors": {"kb.records"},
    "kb.config": {"kb.errors"},
    "kb.fields": {"kb.errors"},
    "kb.store": {"kb.records", "kb.errors"},
    "kb.search.embed": {"kb.store", "kb.records", "kb.errors"},
    "kb.search": {"kb.store", "kb.config", "kb.records", "kb.errors"},
    "kb.findings": {"kb.store", "kb.fields", "kb.records", "kb.errors"},
    "kb.planning": {"kb.store", "kb.fields", "kb.records", "kb.errors"},
    "kb.fit": {"kb.search.embed", "kb.store", "kb.records", "kb.errors"},
    "kb.export": {"kb.records", "kb.errors"},
    "kb.page_image": {"kb.records", "kb.errors"},
    "kb.background": {"kb.config", "kb.errors"},
    "kb.accounts": {"kb.store", "kb.records", "kb.errors"},
    "kb.knowledge_base": {
        "kb.search",
        "kb.findings",
        "kb.planning",
        "kb.fit",
        "kb.export",
        "kb.store",
        "kb.page_image",
        "kb.background",
        "kb.config",
        "kb.records",
        "kb.errors",
    },
    "kb.health": {"kb.knowledge_base", "kb.records", "kb.errors"},
    "kb.cli": {
        "kb",
        "kb.health",
        "kb.findings",
        "kb.planning",
        "kb.fit",
        "kb.export",
        "kb.knowledge_base",
        "kb.accounts",
        "kb.config",
        "kb.records",
        "kb.errors",
        "kb.search",
    },
    "kb.pages": {
        "kb",
        "kb.health",
        "kb.accounts",
        "kb.knowledge_base",
        "kb.findings",
        "kb.planning",
        "kb.fit",
        "kb.export",
        "kb.config",
        "kb.records",
        "kb.errors",
    },
    "ingest": {
        "kb",
        "kb.knowledge_base",
        "kb.search",
        "kb.store",
        "kb.cli",
        "kb.config",
        "kb.records",
        "kb.errors",
    },
    "app": {"kb.pages", "kb.config", "kb.errors", "kb"},
}

HOMES: dict[str, tuple[str, ...]] = {
    # heavy library → modules that may import it
    "sqlite3": ("kb.store",),
    "sqlite_utils": ("kb.store",),
    "faiss": ("kb.search.index",),
    "onnxruntime": ("kb.search.onnx_embedder", "kb.search.models"),
    "sentence_transformers": ("kb.search.models", "kb.search.transformers_embedder"),
    "torch": ("kb.search.models", "kb.search.transformers_embedder"),
    "streamlit": ("app", "kb.pages"),
    "starlette": ("kb.pages.team",),
    "authlib": ("kb.pages.team",),
    "arxiv": ("ingest.from_arxiv",),
    "pypdf": ("ingest.from_pdf", "ingest.pdf_"),
    "pypdfium2": ("ingest.from_pdf", "ingest.pdf_", "kb.page_image"),
    "trafilatura": ("ingest.from_web",),
    "feedparser": ("ingest.from_feed",),
    "requests": ("ingest.fetch", "ingest.from_arxiv"),
    "numpy": (
        "kb.search",
        "kb.findings.pin",
        "kb.findings.sentence_head",
        "kb.findings.feedback",
        "kb.planning",
        "kb.fit",
    ),
    "sklearn": ("kb.findings.learned", "kb.fit", "kb.planning"),
    "pandas": ("kb.fit.tables",),
    "ortools": ("kb.planning.schedule",),
    "docx": ("kb.export.docx_plan",),
    "openpyxl": ("kb.export.xlsx", "kb.fit.tables"),
    "jinja2": ("kb.export.templates",),
    "altair": ("kb.export.charts",),
    "vl_convert": ("kb.export.charts",),
    "icalendar": ("kb.export.calendar",),
    "argon2": ("kb.accounts",),
    "pydantic": ("kb.fields", "kb.findings.fields", "kb.planning.fields"),
    "ahocorasick": ("kb.findings.names",),
}

NEVER_IN_SOURCES = {"os.environ", "os.getenv"}


def modules() -> dict[str, Path]:
    files = [ROOT / "app.py", *(ROOT / "kb").rglob("*.py"), *(ROOT / "ingest").rglob("*.py")]
    names = {}
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        names[".".join(part for part in parts if part != "__init__")] = file
    return names


def imports(file: Path) -> set[str]:
    """Every module that a file imports, at any depth: `from a import b` counts as a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            assert node.module is not None
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def room(module: str) -> str:
    """The longest room that holds `module`."""
    fits = [r for r in ROOMS if module == r or module.startswith(f"{r}.")]
    return max(fits, key=len) if fits else ""


def may_import(own: str, target: str) -> bool:
    """A room may import what it names, and the rooms within; "kb" is the package's own file."""
    within = (f"{room}." for room in {own, *ROOMS[own]} - {"kb"})
    return target in {own, *ROOMS[own]} or target.startswith(tuple(within))


def ours(name: str) -> bool:
    return name.split(".")[0] in {"kb", "ingest", "app"}


@pytest.mark.parametrize("module", sorted(modules()))
def test_arrows_point_one_way(module: str) -> None:
    own = room(module)
    assert own, f"{module} has no row in ROOMS"
    assert own != "kb" or module == "kb", f"{module} has no row in ROOMS"
    for name in imports(modules()[module]):
        if ours(name):
            target = room(name)
            if target == "kb" and name.count(".") > 1:  # a kb module without a row
                pytest.fail(f"{name}, imported by {module}, has no row in ROOMS")
            assert may_import(own, target), f"{module} may not import {name}"


@pytest.mark.parametrize("library", sorted(HOMES))
def test_each_heavy_library_has_one_home(library: str) -> None:
    for module, file in modules().items():
        if any(name.split(".")[0] == library for name in imports(file)):
            assert module.startswith(HOMES[library]), f"{module} imports {library}"


def test_only_config_reads_the_environment() -> None:
    for module, file in modules().items():
        if module != "kb.config":
            names = {
                ast.unparse(node)
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Attribute)
            }
            assert not names & NEVER_IN_SOURCES, f"{module} reads the environment"


def test_siblings_do_not_import_each_other() -> None:
    sources = {name for name in modules() if name.startswith("ingest.from_")}
    allowed = {("ingest.from_arxiv", "ingest.from_pdf"), ("ingest.from_web", "ingest.from_pdf")}
    for module in sources:
        for name in imports(modules()[module]):
            other = ".".join(name.split(".")[:2])
            if other in sources and other != module:
                assert (module, other) in allowed, f"{module} imports {other}"


def test_a_turned_arrow_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text("def f():\n    from ingest.split import split\n    import faiss\n")
    assert imports(file) == {"ingest.split.split", "faiss"}
    assert room("ingest.split.split") == "ingest"
    assert not may_import("kb.search", "ingest")
    assert not may_import("kb.fit", "kb.search")
    assert may_import("kb.fit", "kb.search.embed")
